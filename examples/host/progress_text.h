/* One moment of a long call in words. */

#ifndef LENS_HOST_PROGRESS_TEXT_H
#define LENS_HOST_PROGRESS_TEXT_H

#include "progress.h"

#include <stddef.h>

/* "2 min 05 s" */
void write_duration(char *text, size_t size, double seconds);

/* With a bar, in at most columns - 1 characters; what matters least is left out first. */
void write_bar(char *text, size_t size, const struct progress_view *view, const char *metric_name, size_t columns);

void write_line(char *text, size_t size, const struct progress_view *view, const char *metric_name);

#endif
