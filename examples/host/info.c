/* lens-host info: the machine, and how the library will use it. */

#include "arguments.h"
#include "commands.h"
#include "common_options.h"
#include "json_read.h"
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool holds_values(const char *value)
{
    return *value == '{' || *value == '[';
}

static void print_text(const char *value)
{
    char *text = json_read_text(value);
    fputs(strcmp(text, "null") == 0 ? "none" : text, stdout);
    free(text);
}

static bool is_empty(const char *container)
{
    struct json_cursor cursor = json_open(container);
    return !json_next(&cursor);
}

static bool is_flat_array(const char *value)
{
    if (*value != '[') {
        return false;
    }
    for (struct json_cursor cursor = json_open(value); json_next(&cursor);) {
        if (holds_values(cursor.value)) {
            return false;
        }
    }
    return true;
}

static void print_flat_array(const char *array)
{
    const char *between = "";
    for (struct json_cursor cursor = json_open(array); json_next(&cursor);) {
        fputs(between, stdout);
        print_text(cursor.value);
        between = ", ";
    }
}

static void print_members(const char *container, int indent, bool indent_first);

/* What follows a member's name or an element's dash, to the end of the line or lines. */
static void print_value(const char *value, int indent, bool in_array)
{
    const char *chosen = json_find(value, "value");
    const char *reason = json_find(value, "reason");
    if (holds_values(value) && is_empty(value)) {
        puts(" none");
    } else if (chosen != NULL && reason != NULL && !holds_values(chosen)) {
        putchar(' ');
        print_text(chosen);
        fputs("  (", stdout);
        print_text(reason);
        puts(")");
    } else if (is_flat_array(value)) {
        putchar(' ');
        print_flat_array(value);
        putchar('\n');
    } else if (holds_values(value)) {
        putchar(in_array ? ' ' : '\n');
        print_members(value, indent + 2, !in_array);
    } else {
        putchar(' ');
        print_text(value);
        putchar('\n');
    }
}

/* The document's own names and order, so that what later versions add is shown, too. */
static void print_members(const char *container, int indent, bool indent_first)
{
    bool indented = indent_first;
    for (struct json_cursor cursor = json_open(container); json_next(&cursor);) {
        printf("%*s", indented ? indent : 0, "");
        indented = true;
        if (cursor.key != NULL) {
            char *key = json_read_text(cursor.key);
            printf("%s:", key);
            free(key);
        } else {
            putchar('-');
        }
        print_value(cursor.value, indent, cursor.key == NULL);
    }
}

int run_info(int argc, char **argv)
{
    struct setting setting;
    setting_defaults(&setting);
    const struct option options[] = {SETTING_OPTIONS(&setting)};
    const struct usage usage = {
        .command = "info",
        .synopsis = "[options]",
        .summary = "Shows the hardware that was found, and what the library decided to do with it and why.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t operand_count = 0;
    int exit_code = EXIT_DONE;
    if (!arguments_parse(&usage, argc, argv, &operand_count, &exit_code)) {
        return exit_code;
    }
    exit_code = setting_start(&setting);
    if (exit_code != EXIT_DONE) {
        return exit_code;
    }
    char *description = NULL;
    lens_status status = lens_context_describe(setting.context, &description);
    if (status != LENS_OK) {
        exit_code = library_failure(status, NULL);
    } else if (setting.json) {
        puts(description);
    } else {
        print_members(json_find(description, ""), 0, true);
    }
    lens_string_free(description);
    setting_end(&setting);
    return exit_code;
}
