#define _DEFAULT_SOURCE

#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Columns that the drawn line covers, 0 when there is none; guarded by the lock of stderr. */
static size_t drawn;

void console_message(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    flockfile(stderr);
    if (drawn > 0) {
        fprintf(stderr, "\r%*s\r", (int)drawn, "");
        drawn = 0;
    }
    fputs("lens-host: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(arguments);
}

void console_draw_line(const char *text)
{
    size_t length = strlen(text);
    flockfile(stderr);
    /* Blanks instead of an escape sequence: they work on every terminal. */
    size_t leftover = drawn > length ? drawn - length : 0;
    fprintf(stderr, "\r%s%*s", text, (int)leftover, "");
    drawn = length;
    funlockfile(stderr);
}

void console_end_line(void)
{
    flockfile(stderr);
    if (drawn > 0) {
        fputc('\n', stderr);
        drawn = 0;
    }
    funlockfile(stderr);
}

bool console_is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

size_t console_columns(void)
{
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 80;
    }
    return size.ws_col;
}
