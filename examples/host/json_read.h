/* Finds values in the library's JSON documents. Those are well formed; anything else is "not there". */

#ifndef LENS_HOST_JSON_READ_H
#define LENS_HOST_JSON_READ_H

#include <stdbool.h>

/* Steps through the members of an object or the elements of an array. */
struct json_cursor {
    const char *next;
    const char *key;   /* the current member's name in its quotation marks; NULL in an array */
    const char *value; /* where the current value begins */
};

/* NULL, and values that hold no others, are taken as empty. */
struct json_cursor json_open(const char *container);
bool json_next(struct json_cursor *cursor);

/* A value by the names of the members that lead to it, such as "metrics.accuracy"; NULL: not there. */
const char *json_find(const char *document, const char *path);

/* False when value is NULL or no number. */
bool json_read_number(const char *value, double *number);

/* A string without its quotation marks and escapes, anything else as it is written; freed with free(). */
char *json_read_text(const char *value);

#endif
