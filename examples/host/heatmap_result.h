/* One heatmap: the pictures that are written of it, and the figures that are printed. */

#ifndef LENS_HOST_HEATMAP_RESULT_H
#define LENS_HOST_HEATMAP_RESULT_H

#include "heatmap_files.h"
#include "json_write.h"
#include "lesionlens.h"

#include <stddef.h>

struct heatmap_result {
    const char *file;
    char *overlay_path; /* NULL: the map has no value for each pixel, so there is none */
    char *values_path;
    struct lens_map_summary summary;
    struct lens_tile hottest;
};

/* With the names of its pictures; cleared with heatmap_result_clear(). */
void heatmap_result_name(struct heatmap_result *result, const char *directory, const char *file,
                         const struct heatmap_endings *endings, lens_map_resolution resolution);
void heatmap_result_clear(struct heatmap_result *result);

/* Writes the pictures and takes over the figures. */
lens_status heatmap_write(const struct lens_map *map, const struct lens_image *image,
                          const struct lens_overlay_options *options, struct heatmap_result *result);

/* The members of a result, but for the file's name, into the object that is open. */
void heatmap_write_members(struct json_writer *writer, const struct heatmap_result *result);

void heatmap_print_json(const char *model_path, const struct heatmap_result *results, size_t count);

/* A line of figures that begins with a title, and a line for each picture. */
void heatmap_print_text(const char *title, const struct heatmap_result *result);

#endif
