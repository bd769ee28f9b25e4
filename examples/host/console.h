/* Standard error: messages, and at most one line that is drawn over again. May be used from any thread. */

#ifndef LENS_HOST_CONSOLE_H
#define LENS_HOST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define CONSOLE_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define CONSOLE_PRINTF
#endif

/* Prints "lens-host: ", the message and a newline; a drawn line makes room for it. */
CONSOLE_PRINTF void console_message(const char *format, ...);

/* Draws text over the line drawn before. */
void console_draw_line(const char *text);

/* Leaves the drawn line as it is and goes on below it. */
void console_end_line(void);

bool console_is_terminal(void);

/* Columns of the terminal; 80 where it does not say. */
size_t console_columns(void);

#endif
