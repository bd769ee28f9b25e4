#include "arguments.h"
#include "commands.h"
#include "console.h"
#include "option_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void print_usage_line(const struct usage *usage, FILE *out)
{
    fprintf(out, "usage: lens-host %s %s\n", usage->command, usage->synopsis);
}

int usage_error(const struct usage *usage, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    console_message("%s: %s", usage->command, message);
    print_usage_line(usage, stderr);
    fprintf(stderr, "`lens-host %s --help` explains the options.\n", usage->command);
    return EXIT_USAGE;
}

static void print_default(const struct option *option)
{
    if (option->default_text != NULL) {
        printf(" (default: %s)", option->default_text);
        return;
    }
    switch (option->kind) {
    case OPTION_UINT32:
        printf(" (default: %" PRIu32 ")", *(const uint32_t *)option->target);
        break;
    case OPTION_UINT64:
        printf(" (default: %" PRIu64 ")", *(const uint64_t *)option->target);
        break;
    case OPTION_FLOAT:
        printf(" (default: %g)", (double)*(const float *)option->target);
        break;
    case OPTION_DOUBLE:
        printf(" (default: %g)", *(const double *)option->target);
        break;
    case OPTION_CHOICE:
        for (const struct choice *choice = option->choices; choice->name != NULL; choice++) {
            if (choice->value == *(const int32_t *)option->target) {
                printf(" (default: %s)", choice->name);
            }
        }
        break;
    case OPTION_FLAG:
    case OPTION_SET:
    case OPTION_TEXT:
    case OPTION_TEXTS:
    case OPTION_SIZE:
        break;
    }
}

static void print_help(const struct usage *usage)
{
    print_usage_line(usage, stdout);
    printf("\n%s\n\noptions:\n", usage->summary);
    for (size_t i = 0; i < usage->option_count; i++) {
        const struct option *option = &usage->options[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", option->name, option->value_name != NULL ? " " : "",
                 option->value_name != NULL ? option->value_name : "");
        /* A long left side gets a line of its own. */
        if (strlen(left) < 24) {
            printf("  %-24s%s", left, option->help);
        } else {
            printf("  %s\n  %-24s%s", left, "", option->help);
        }
        print_default(option);
        fputs(option->required ? "; required\n" : "\n", stdout);
    }
    printf("  %-24s%s\n", "--help", "show this text");
    fputs("\nOptions are written `--name value` or `--name=value`; `--` ends them.\n", stdout);
}

static const struct option *find_option(const struct usage *usage, const char *argument, size_t name_length)
{
    for (size_t i = 0; i < usage->option_count; i++) {
        const char *name = usage->options[i].name;
        if (strlen(name) == name_length && strncmp(name, argument, name_length) == 0) {
            return &usage->options[i];
        }
    }
    return NULL;
}

static int check_complete(const struct usage *usage, uint64_t given, size_t operand_count)
{
    for (size_t i = 0; i < usage->option_count; i++) {
        if (usage->options[i].required && (given >> i & 1) == 0) {
            return usage_error(usage, "%s %s is missing", usage->options[i].name, usage->options[i].value_name);
        }
    }
    if (usage->operand != NULL && operand_count == 0) {
        return usage_error(usage, "no %s given; at least one is needed", usage->operand);
    }
    return EXIT_DONE;
}

/* One option, at argv[*position]; a value in the next argument is stepped over. */
static int parse_option(const struct usage *usage, int argc, char **argv, int *position, uint64_t *given)
{
    const char *argument = argv[*position];
    size_t name_length = strcspn(argument, "=");
    const char *value = argument[name_length] == '=' ? argument + name_length + 1 : NULL;
    const struct option *option = find_option(usage, argument, name_length);
    if (option == NULL) {
        return usage_error(usage, "unknown option '%.*s'", (int)name_length, argument);
    }
    if (option->value_name == NULL) {
        if (value != NULL) {
            return usage_error(usage, "%s takes no value, but '%s' was given", option->name, value);
        }
    } else if (value == NULL) {
        /* "--out --json" is a forgotten value far more often than a file called --json (written --out=--json). */
        const char *next = *position + 1 < argc ? argv[*position + 1] : NULL;
        if (next == NULL) {
            return usage_error(usage, "%s needs a value: %s %s", option->name, option->name, option->value_name);
        }
        if (strncmp(next, "--", 2) == 0) {
            return usage_error(usage, "%s needs a value (%s) before '%s'", option->name, option->value_name, next);
        }
        value = next;
        ++*position;
    }
    uint64_t bit = UINT64_C(1) << (option - usage->options);
    if ((*given & bit) != 0 && option->kind != OPTION_TEXTS && option->value_name != NULL) {
        /* Letting the last one win would silently leave out what the first one asked for. */
        return usage_error(usage, "%s is given twice, the second time with '%s'; give it once", option->name, value);
    }
    *given |= bit;
    return option_store(usage, option, value);
}

bool arguments_parse(const struct usage *usage, int argc, char **argv, size_t *operand_count, int *exit_code)
{
    uint64_t given = 0;
    bool options_ended = false;
    *operand_count = 0;
    *exit_code = EXIT_DONE;
    for (int position = 0; position < argc; position++) {
        char *argument = argv[position];
        if (options_ended || argument[0] != '-' || argument[1] == '\0') {
            if (usage->operand == NULL) {
                *exit_code = usage_error(usage, "unexpected argument '%s'", argument);
                return false;
            }
            argv[(*operand_count)++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            options_ended = true;
        } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            print_help(usage);
            return false;
        } else {
            *exit_code = parse_option(usage, argc, argv, &position, &given);
            if (*exit_code != EXIT_DONE) {
                return false;
            }
        }
    }
    *exit_code = check_complete(usage, given, *operand_count);
    return *exit_code == EXIT_DONE;
}
