#include "option_value.h"
#include "commands.h"
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void describe_range(const struct option *option, char *text, size_t size)
{
    if (option->above_minimum) {
        snprintf(text, size, "above %.10g and at most %.10g", option->minimum, option->maximum);
    } else {
        snprintf(text, size, "from %.10g to %.10g", option->minimum, option->maximum);
    }
}

/* Digits only: strtoull() alone would take signs and blanks. */
static bool read_whole(const char *text, const char **end, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *stop = NULL;
    errno = 0;
    *number = strtoull(text, &stop, 10);
    *end = stop;
    return errno == 0;
}

/* Decimal notation only: strtod() alone would take "nan", "inf", hexadecimal and blanks. */
static bool read_decimal(const char *text, double *number)
{
    if (text[0] == '\0' || strspn(text, "0123456789+-.eE") != strlen(text)) {
        return false;
    }
    char *stop = NULL;
    *number = strtod(text, &stop);
    return *stop == '\0' && isfinite(*number);
}

static bool in_range(const struct option *option, double number)
{
    return (option->above_minimum ? number > option->minimum : number >= option->minimum) && number <= option->maximum;
}

static int store_number(const struct usage *usage, const struct option *option, const char *value)
{
    uint64_t whole = 0;
    double number = 0;
    const char *end = "";
    bool is_whole = option->kind == OPTION_UINT32 || option->kind == OPTION_UINT64;
    bool valid = is_whole ? read_whole(value, &end, &whole) && *end == '\0' : read_decimal(value, &number);
    if (is_whole) {
        number = (double)whole;
    }
    const char *what = is_whole ? "a whole number" : "a number";
    if (option->kind == OPTION_UINT64) {
        if (!valid) {
            return usage_error(usage, "%s '%s' is not %s; it must be %s from 0 to %" PRIu64, option->name, value, what,
                               what, UINT64_MAX);
        }
    } else {
        char range[64];
        describe_range(option, range, sizeof range);
        if (!valid) {
            return usage_error(usage, "%s '%s' is not %s; it must be %s %s", option->name, value, what, what, range);
        }
        if (!in_range(option, number)) {
            return usage_error(usage, "%s '%s' is out of range; it must be %s %s", option->name, value, what, range);
        }
    }
    switch (option->kind) {
    case OPTION_UINT32:
        *(uint32_t *)option->target = (uint32_t)whole;
        break;
    case OPTION_UINT64:
        *(uint64_t *)option->target = whole;
        break;
    case OPTION_FLOAT:
        *(float *)option->target = (float)number;
        break;
    default:
        *(double *)option->target = number;
        break;
    }
    return EXIT_DONE;
}

static int store_choice(const struct usage *usage, const struct option *option, const char *value)
{
    char names[256] = "";
    for (const struct choice *choice = option->choices; choice->name != NULL; choice++) {
        if (strcmp(choice->name, value) == 0) {
            *(int32_t *)option->target = choice->value;
            return EXIT_DONE;
        }
        size_t used = strlen(names);
        const char *between = used == 0 ? "" : choice[1].name == NULL ? " or " : ", ";
        snprintf(names + used, sizeof names - used, "%s%s", between, choice->name);
    }
    return usage_error(usage, "%s '%s' is not known; it must be %s", option->name, value, names);
}

static int store_size(const struct usage *usage, const struct option *option, const char *value)
{
    uint64_t width = 0;
    uint64_t height = 0;
    const char *end = value;
    bool valid = read_whole(value, &end, &width) && *end == 'x' && read_whole(end + 1, &end, &height) && *end == '\0';
    if (!valid || !in_range(option, (double)width) || !in_range(option, (double)height)) {
        char range[64];
        describe_range(option, range, sizeof range);
        return usage_error(usage, "%s '%s' is not a size; it must be WIDTHxHEIGHT, such as 128x128, both %s",
                           option->name, value, range);
    }
    *(struct image_size *)option->target = (struct image_size){(uint32_t)width, (uint32_t)height};
    return EXIT_DONE;
}

static void append_text(struct text_list *list, const char *text)
{
    const char **items = allocate(list->count + 1, sizeof *items);
    for (size_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
    }
    items[list->count] = text;
    free(list->items);
    list->items = items;
    list->count++;
}

int option_store(const struct usage *usage, const struct option *option, const char *value)
{
    if (option->kind == OPTION_FLAG) {
        *(bool *)option->target = true;
        return EXIT_DONE;
    }
    if (option->kind == OPTION_SET) {
        *(int32_t *)option->target = option->set_value;
        return EXIT_DONE;
    }
    if (value[0] == '\0') {
        return usage_error(usage, "%s has an empty value; it must be %s", option->name, option->value_name);
    }
    switch (option->kind) {
    case OPTION_TEXT:
        *(const char **)option->target = value;
        return EXIT_DONE;
    case OPTION_TEXTS:
        append_text(option->target, value);
        return EXIT_DONE;
    case OPTION_CHOICE:
        return store_choice(usage, option, value);
    case OPTION_SIZE:
        return store_size(usage, option, value);
    default:
        return store_number(usage, option, value);
    }
}
