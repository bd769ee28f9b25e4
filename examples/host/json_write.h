/* Writes one JSON document to a stream; commas are put in as needed. */

#ifndef LENS_HOST_JSON_WRITE_H
#define LENS_HOST_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_writer {
    FILE *out;
    bool comma_due;
};

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);

/* UTF-8 passes through; each byte that is not UTF-8 becomes U+FFFD. */
void json_string(struct json_writer *writer, const char *text);

/* Nine digits, which tell all floats apart; null when not finite. */
void json_number(struct json_writer *writer, double number);

void json_integer(struct json_writer *writer, int64_t number);

/* A value that is JSON already. */
void json_raw(struct json_writer *writer, const char *json);

#endif
