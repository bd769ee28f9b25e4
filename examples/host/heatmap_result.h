/* One file's heatmap: the pictures that are written of it, and the figures that are printed. */

#ifndef LENS_HOST_HEATMAP_RESULT_H
#define LENS_HOST_HEATMAP_RESULT_H

#include "lesionlens.h"

#include <stddef.h>

struct heatmap_result {
    const char *file;
    char *overlay_path;
    char *values_path;
    struct lens_map_summary summary;
    struct lens_tile hottest;
};

/* One for each file, with the names of its pictures; freed with heatmap_results_free(). */
struct heatmap_result *heatmap_results_new(const char *directory, char **files, size_t count);
void heatmap_results_free(struct heatmap_result *results, size_t count);

/* Writes the pictures and takes over the figures. */
lens_status heatmap_write(const struct lens_map *map, const struct lens_image *image,
                          const struct lens_overlay_options *options, struct heatmap_result *result);

void heatmap_print_json(const char *model_path, const struct heatmap_result *results, size_t count);
void heatmap_print_text(const struct heatmap_result *results, size_t count);

#endif
