/* Names of the pictures that `lens-host heatmap` writes: each input has two of its own, and none is an input. */

#ifndef LENS_HOST_HEATMAP_FILES_H
#define LENS_HOST_HEATMAP_FILES_H

#include "arguments.h"

#include <stdbool.h>
#include <stddef.h>

/* "DIRECTORY/STEM" + ending, the stem being the file's name up to its last dot; freed with free(). */
char *heatmap_file(const char *directory, const char *file, const char *ending);

extern const char overlay_ending[];
extern const char values_ending[];

/* EXIT_DONE when no picture would be written over another or over an input, else the exit code of a usage error. */
int check_heatmap_files(const struct usage *usage, const char *directory, char **files, size_t count);

#endif
