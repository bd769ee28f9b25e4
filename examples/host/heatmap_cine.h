/* lens-host heatmap --all-frames: every frame of multi-frame files. */

#ifndef LENS_HOST_HEATMAP_CINE_H
#define LENS_HOST_HEATMAP_CINE_H

#include "lesionlens.h"

#include <stdbool.h>
#include <stddef.h>

struct cine_request {
    const struct lens_model *model;
    const char *model_path;
    const char *output_directory;
    char **files;
    size_t file_count;
    bool json;
    bool quiet;
    struct lens_heatmap_options *options; /* its progress callback is set */
    const struct lens_overlay_options *overlay;
};

/* Draws the best frame's map and the highest and the mean values over all frames of each file, and prints the figures;
   an exit code. The maps of one file's frames are in memory at once. */
int heatmap_cines(const struct cine_request *request);

#endif
