#include "heatmap_result.h"
#include "memory.h"
#include "prediction_json.h"

#include <stdio.h>
#include <stdlib.h>

void heatmap_result_name(struct heatmap_result *result, const char *directory, const char *file,
                         const struct heatmap_endings *endings, lens_map_resolution resolution)
{
    *result = (struct heatmap_result){.file = file};
    if (resolution == LENS_MAP_RESOLUTION_IMAGE) {
        result->overlay_path = heatmap_file(directory, file, endings->overlay);
    }
    result->values_path = heatmap_file(directory, file, endings->values);
}

void heatmap_result_clear(struct heatmap_result *result)
{
    free(result->overlay_path);
    free(result->values_path);
    *result = (struct heatmap_result){0};
}

static lens_status write_overlay(const struct lens_map *map, const struct lens_image *image,
                                 const struct lens_overlay_options *options, const struct heatmap_result *result)
{
    uint32_t width = result->summary.width;
    uint32_t height = result->summary.height;
    size_t stride = (size_t)width * 4;
    uint8_t *pixels = allocate(height, stride);
    lens_status status = lens_map_overlay(map, image, options, pixels, stride);
    if (status == LENS_OK) {
        struct lens_image overlay = {
            .pixels = pixels, .width = width, .height = height, .row_stride = stride, .format = LENS_PIXEL_FORMAT_RGBA8};
        status = lens_png_write(result->overlay_path, &overlay);
    }
    free(pixels);
    return status;
}

static lens_status write_values(const struct lens_map *map, const struct heatmap_result *result)
{
    const float *first = NULL;
    size_t count = 0;
    lens_status status = lens_map_values(map, &first, &count);
    if (status != LENS_OK) {
        return status;
    }
    struct lens_image values = {.pixels = first,
                                .width = result->summary.width,
                                .height = result->summary.height,
                                .row_stride = result->summary.width * sizeof *first,
                                .format = LENS_PIXEL_FORMAT_GRAY_F32};
    return lens_png_write(result->values_path, &values);
}

lens_status heatmap_write(const struct lens_map *map, const struct lens_image *image,
                          const struct lens_overlay_options *options, struct heatmap_result *result)
{
    const struct lens_tile *tiles = NULL;
    size_t tile_count = 0;
    lens_status status = lens_map_get_summary(map, &result->summary);
    if (status == LENS_OK) {
        status = lens_map_tiles(map, &tiles, &tile_count);
    }
    if (status == LENS_OK) {
        result->hottest = tiles[result->summary.hottest_tile];
    }
    if (status == LENS_OK && result->overlay_path != NULL) {
        status = write_overlay(map, image, options, result);
    }
    return status == LENS_OK ? write_values(map, result) : status;
}

static void write_number_member(struct json_writer *writer, const char *key, float number)
{
    json_key(writer, key);
    json_number(writer, (double)number);
}

static void write_integer_member(struct json_writer *writer, const char *key, uint32_t number)
{
    json_key(writer, key);
    json_integer(writer, number);
}

static void write_string_member(struct json_writer *writer, const char *key, const char *text)
{
    json_key(writer, key);
    json_string(writer, text);
}

void heatmap_write_members(struct json_writer *writer, const struct heatmap_result *result)
{
    json_key(writer, "overlay");
    if (result->overlay_path != NULL) {
        json_string(writer, result->overlay_path);
    } else {
        json_raw(writer, "null");
    }
    write_string_member(writer, "heatmap", result->values_path);
    write_integer_member(writer, "width", result->summary.width);
    write_integer_member(writer, "height", result->summary.height);
    write_number_member(writer, "mean", result->summary.mean);
    write_number_member(writer, "maximum", result->summary.maximum);
    write_integer_member(writer, "columns", result->summary.columns);
    write_integer_member(writer, "rows", result->summary.rows);
    json_key(writer, "hottest_tile");
    json_begin_object(writer);
    write_number_member(writer, "x", result->hottest.x);
    write_number_member(writer, "y", result->hottest.y);
    write_number_member(writer, "width", result->hottest.width);
    write_number_member(writer, "height", result->hottest.height);
    write_number_member(writer, "probability", result->hottest.probability);
    json_end_object(writer);
    json_key(writer, "prediction");
    json_begin_object(writer);
    write_prediction_members(writer, &result->summary.prediction);
    json_end_object(writer);
}

void heatmap_print_json(const char *model_path, const struct heatmap_result *results, size_t count)
{
    struct json_writer writer = {.out = stdout};
    json_begin_object(&writer);
    write_string_member(&writer, "model", model_path);
    json_key(&writer, "maps");
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&writer);
        write_string_member(&writer, "file", results[i].file);
        heatmap_write_members(&writer, &results[i]);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    putchar('\n');
}

void heatmap_print_text(const char *title, const struct heatmap_result *result)
{
    const struct lens_map_summary *summary = &result->summary;
    const struct lens_tile *hottest = &result->hottest;
    printf("%s: %s (probability %.4f), mean %.4f, maximum %.4f\n", title,
           summary->prediction.label == 1 ? "positive" : "negative", (double)summary->prediction.probability,
           (double)summary->mean, (double)summary->maximum);
    printf("  hottest at x %g, y %g, %g x %g pixels: probability %.4f\n", (double)hottest->x, (double)hottest->y,
           (double)hottest->width, (double)hottest->height, (double)hottest->probability);
    if (result->overlay_path != NULL) {
        printf("  %s\n", result->overlay_path);
    }
    printf("  %s\n", result->values_path);
}
