/* Names of the pictures that `lens-host heatmap` writes: each input has its own, and none is an input. */

#ifndef LENS_HOST_HEATMAP_FILES_H
#define LENS_HOST_HEATMAP_FILES_H

#include "arguments.h"

#include <stdbool.h>
#include <stddef.h>

/* How the names of a map's pictures end. */
struct heatmap_endings {
    const char *overlay;
    const char *values;
};

/* Of a file's map (of its best frame), and of what is taken over all its frames. */
extern const struct heatmap_endings plain_endings;
extern const struct heatmap_endings max_endings;
extern const struct heatmap_endings mean_endings;

/* "DIRECTORY/STEM" + ending, the stem being the file's name up to its last dot; freed with free(). */
char *heatmap_file(const char *directory, const char *file, const char *ending);

/* EXIT_DONE when no picture would be written over another or over an input, else the exit code of a usage error. */
int check_heatmap_files(const struct usage *usage, const char *directory, char **files, size_t count, bool all_frames);

#endif
