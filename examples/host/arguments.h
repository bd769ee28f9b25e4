/* Command lines: options described as tables, from which both parsing and the help come. */

#ifndef LENS_HOST_ARGUMENTS_H
#define LENS_HOST_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,   /* target: bool, set to true; takes no value */
    OPTION_SET,    /* target: int32_t, set to set_value; takes no value */
    OPTION_TEXT,   /* target: const char * */
    OPTION_TEXTS,  /* target: text_list; may be given several times */
    OPTION_UINT32, /* target: uint32_t */
    OPTION_UINT64, /* target: uint64_t, any value */
    OPTION_FLOAT,  /* target: float */
    OPTION_DOUBLE, /* target: double */
    OPTION_CHOICE, /* target: int32_t, a value of choices */
    OPTION_SIZE    /* target: image_size, written 512x384 */
} option_kind;

struct text_list {
    const char **items;
    size_t count;
};

struct image_size {
    uint32_t width;
    uint32_t height;
};

struct choice {
    const char *name; /* NULL ends an array of choices */
    int32_t value;
};

struct option {
    const char *name;        /* with its dashes */
    const char *value_name;  /* what the help calls its value; NULL: takes none */
    const char *help;
    option_kind kind;
    bool required;
    bool above_minimum;      /* minimum itself is not allowed */
    void *target;            /* holds the default before, the user's value after parsing */
    double minimum;
    double maximum;
    const struct choice *choices;
    int32_t set_value;
    const char *default_text; /* says the default where the target's own value does not, as 0 for "automatic" */
};

struct usage {
    const char *command;
    const char *synopsis; /* what follows the command's name */
    const char *summary;
    const char *operand;  /* what the operands are called, at least one is needed; NULL: there are none */
    const struct option *options;
    size_t option_count;  /* at most 64 */
};

/* Stores the options' values, and moves the operands to the beginning of argv.
   False: the help was printed or the command line is wrong; the program is to end with *exit_code. */
bool arguments_parse(const struct usage *usage, int argc, char **argv, size_t *operand_count, int *exit_code);

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
/* Reports a wrong command line; returns the exit code for it. */
int usage_error(const struct usage *usage, const char *format, ...);

#endif
