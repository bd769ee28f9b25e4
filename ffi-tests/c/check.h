/**
 * Checks for the C tests. A failed check says where, what was expected, what came, and what lens_last_error() has to
 * say of it, and ends its test; the tests after it still run.
 *
 * Include this first: it asks the C library for POSIX. Checks belong on the main thread and outside the library's
 * callbacks, because a failed one jumps back to the runner.
 */
#ifndef LENS_CHECK_H
#define LENS_CHECK_H

#define _DEFAULT_SOURCE

#include "lesionlens.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A program that finds the library with dlopen() says here how to ask for the message. */
#ifndef CHECK_LAST_ERROR
#define CHECK_LAST_ERROR() lens_last_error()
#endif

struct check_test {
    const char *name;
    void (*run)(void);
};

static jmp_buf check_escape;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
_Noreturn static inline void check_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    printf("FAILED\n    %s:%d: ", file, line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n    last error: \"%s\"\n", CHECK_LAST_ERROR());
    fflush(stdout);
    longjmp(check_escape, 1);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            check_fail(__FILE__, __LINE__, "expected %s", #condition);                                                 \
    } while (0)

#define CHECK_EQUAL(got, expected)                                                                                     \
    do {                                                                                                               \
        intmax_t check_got = (intmax_t)(got);                                                                          \
        intmax_t check_expected = (intmax_t)(expected);                                                                \
        if (check_got != check_expected)                                                                               \
            check_fail(__FILE__, __LINE__, "expected %s to be %jd, got %jd", #got, check_expected, check_got);         \
    } while (0)

#define CHECK_NEAR(got, expected, tolerance)                                                                           \
    do {                                                                                                               \
        double check_got = (double)(got);                                                                              \
        double check_expected = (double)(expected);                                                                    \
        if (!(fabs(check_got - check_expected) <= (double)(tolerance)))                                                \
            check_fail(__FILE__, __LINE__, "expected %s to be within %g of %.9g, got %.9g", #got,                      \
                       (double)(tolerance), check_expected, check_got);                                                \
    } while (0)

#define CHECK_CONTAINS(text, part)                                                                                     \
    do {                                                                                                               \
        const char *check_text = (text);                                                                               \
        const char *check_part = (part);                                                                               \
        if (check_text == NULL || strstr(check_text, check_part) == NULL)                                              \
            check_fail(__FILE__, __LINE__, "expected %s to contain \"%s\", got \"%s\"", #text, check_part,             \
                       check_text == NULL ? "(NULL)" : check_text);                                                    \
    } while (0)

static inline void check_status(const char *file, int line, const char *call, lens_status got, lens_status expected)
{
    const char *message = CHECK_LAST_ERROR();
    if (got != expected)
        check_fail(file, line, "expected status %d of %s, got %d", (int)expected, call, (int)got);
    if (message == NULL)
        check_fail(file, line, "expected a message after %s, got NULL", call);
    if ((got == LENS_OK) != (message[0] == '\0'))
        check_fail(file, line, "expected %s after %s, got \"%s\"", got == LENS_OK ? "no message" : "a message", call,
                   message);
}

/* The status, and with it that there is a message after a failure and none after a success. */
#define CHECK_STATUS(call, expected) check_status(__FILE__, __LINE__, #call, (call), (expected))

#define CHECK_OK(call) CHECK_STATUS(call, LENS_OK)

/* The last message must name this: a parameter, a value, a path. */
#define CHECK_MESSAGE_NAMES(part)                                                                                      \
    do {                                                                                                               \
        const char *check_part = (part);                                                                               \
        if (strstr(CHECK_LAST_ERROR(), check_part) == NULL)                                                            \
            check_fail(__FILE__, __LINE__, "expected the message to name \"%s\"", check_part);                         \
    } while (0)

/* A failure whose message names what was wrong and with which value. */
#define CHECK_REFUSED(call, status, name, value)                                                                       \
    do {                                                                                                               \
        CHECK_STATUS(call, status);                                                                                    \
        CHECK_MESSAGE_NAMES(name);                                                                                     \
        CHECK_MESSAGE_NAMES(value);                                                                                    \
    } while (0)

/* Runs one test; 0 when it passed. */
static inline int check_run_one(const struct check_test *test)
{
    printf("%s ... ", test->name);
    fflush(stdout);
    if (setjmp(check_escape) != 0)
        return 1;
    test->run();
    printf("ok\n");
    fflush(stdout);
    return 0;
}

/* Runs the tests in order; the first one sets up what the others need, so nothing is left to run when it fails. */
static inline int check_run(const struct check_test *tests, size_t count)
{
    size_t failed = 0;
    for (size_t index = 0; index < count; index++) {
        failed += (size_t)check_run_one(&tests[index]);
        if (index == 0 && failed > 0)
            break;
    }
    return failed == 0 ? 0 : 1;
}

#define CHECK_RUN(tests) check_run((tests), sizeof(tests) / sizeof((tests)[0]))

#endif
