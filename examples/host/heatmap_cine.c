#include "heatmap_cine.h"
#include "commands.h"
#include "files.h"
#include "heatmap_result.h"
#include "interrupt.h"
#include "json_write.h"
#include "memory.h"
#include "pictures.h"
#include "prediction_json.h"
#include "progress.h"
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>

/* One file. */
struct cine {
    const char *file;
    uint32_t frames;
    struct lens_map_summary *summaries; /* of each frame */
    size_t best_frame;
    struct heatmap_result best;
    struct heatmap_result highest;
    struct heatmap_result mean;
};

static void cine_name(struct cine *cine, const struct cine_request *request, const char *file)
{
    const char *directory = request->output_directory;
    lens_map_resolution resolution = request->options->resolution;
    cine->file = file;
    heatmap_result_name(&cine->best, directory, file, &plain_endings, resolution);
    heatmap_result_name(&cine->highest, directory, file, &max_endings, resolution);
    heatmap_result_name(&cine->mean, directory, file, &mean_endings, resolution);
}

static void cine_clear(struct cine *cine)
{
    free(cine->summaries);
    heatmap_result_clear(&cine->best);
    heatmap_result_clear(&cine->highest);
    heatmap_result_clear(&cine->mean);
}

/* Decodes the first frame of every file before anything is written. */
static int count_frames(const struct cine_request *request, struct cine *cines, struct progress *progress)
{
    int exit_code = EXIT_DONE;
    for (size_t i = 0; i < request->file_count && exit_code == EXIT_DONE; i++) {
        struct picture_group group;
        exit_code = pictures_load_frames(&group, cines[i].file, 0, 1);
        if (exit_code == EXIT_DONE) {
            lens_status status = lens_image_file_frames(group.pictures[0], &cines[i].frames);
            exit_code = status == LENS_OK ? EXIT_DONE : library_failure(status, cines[i].file);
            progress_step(progress, "reading images", i + 1, request->file_count);
        }
        pictures_free(&group);
    }
    return exit_code;
}

/* A call for as many frames as are decoded at once, which fill the network's batches. */
static int draw_frames(const struct cine_request *request, struct cine *cine, struct lens_map **maps,
                       struct progress *progress)
{
    for (uint32_t first = 0; first < cine->frames; first += PICTURES_LIMIT) {
        uint32_t left = cine->frames - first;
        size_t count = left < PICTURES_LIMIT ? left : PICTURES_LIMIT;
        struct picture_group group;
        progress->files_in_call = count;
        int exit_code = pictures_load_frames(&group, cine->file, first, count);
        if (exit_code == EXIT_DONE) {
            lens_status status = lens_heatmap(request->model, group.images, count, request->options, maps + first);
            exit_code = status == LENS_OK ? EXIT_DONE : library_failure(status, cine->file);
        }
        pictures_free(&group);
        if (exit_code != EXIT_DONE) {
            return exit_code;
        }
        progress->files_before += count;
    }
    return EXIT_DONE;
}

/* All three over the best frame's picture. */
static int write_maps(const struct cine_request *request, struct cine *cine, const struct lens_map *best,
                      const struct lens_map *highest, const struct lens_map *mean)
{
    struct picture_group group;
    int exit_code = pictures_load_frames(&group, cine->file, (uint32_t)cine->best_frame, 1);
    if (exit_code == EXIT_DONE) {
        lens_status status = heatmap_write(best, group.images, request->overlay, &cine->best);
        if (status == LENS_OK) {
            status = heatmap_write(highest, group.images, request->overlay, &cine->highest);
        }
        if (status == LENS_OK) {
            status = heatmap_write(mean, group.images, request->overlay, &cine->mean);
        }
        exit_code = status == LENS_OK ? EXIT_DONE : library_failure(status, cine->file);
    }
    pictures_free(&group);
    return exit_code;
}

static int write_cine(const struct cine_request *request, struct cine *cine, struct lens_map **maps)
{
    cine->summaries = allocate(cine->frames, sizeof *cine->summaries);
    lens_status status = LENS_OK;
    for (uint32_t i = 0; i < cine->frames && status == LENS_OK; i++) {
        status = lens_map_get_summary(maps[i], &cine->summaries[i]);
    }
    const struct lens_map *const *frames = (const struct lens_map *const *)maps;
    struct lens_map *highest = NULL;
    struct lens_map *mean = NULL;
    if (status == LENS_OK) {
        status = lens_map_aggregate(frames, cine->frames, LENS_AGGREGATE_MAX, &highest, &cine->best_frame);
    }
    if (status == LENS_OK) {
        status = lens_map_aggregate(frames, cine->frames, LENS_AGGREGATE_MEAN, &mean, &cine->best_frame);
    }
    int exit_code = status == LENS_OK ? EXIT_DONE : library_failure(status, cine->file);
    if (exit_code == EXIT_DONE) {
        exit_code = write_maps(request, cine, maps[cine->best_frame], highest, mean);
    }
    lens_map_free(highest);
    lens_map_free(mean);
    return exit_code;
}

static int draw_cine(const struct cine_request *request, struct cine *cine, struct progress *progress)
{
    struct lens_map **maps = allocate(cine->frames, sizeof *maps);
    int exit_code = draw_frames(request, cine, maps, progress);
    if (exit_code == EXIT_DONE && interrupt_requested()) {
        exit_code = cancelled();
    }
    /* Made as late as this, so that nothing is made when a frame cannot be read. */
    if (exit_code == EXIT_DONE && !make_directory(request->output_directory)) {
        exit_code = EXIT_FAILED;
    }
    if (exit_code == EXIT_DONE) {
        exit_code = write_cine(request, cine, maps);
    }
    for (uint32_t i = 0; i < cine->frames; i++) {
        lens_map_free(maps[i]);
    }
    free(maps);
    return exit_code;
}

static void write_map(struct json_writer *writer, const char *key, const struct heatmap_result *result)
{
    json_key(writer, key);
    json_begin_object(writer);
    heatmap_write_members(writer, result);
    json_end_object(writer);
}

static void write_frames(struct json_writer *writer, const struct cine *cine)
{
    json_key(writer, "frames");
    json_begin_array(writer);
    for (uint32_t i = 0; i < cine->frames; i++) {
        json_begin_object(writer);
        json_key(writer, "frame");
        json_integer(writer, i);
        json_key(writer, "mean");
        json_number(writer, (double)cine->summaries[i].mean);
        json_key(writer, "maximum");
        json_number(writer, (double)cine->summaries[i].maximum);
        json_key(writer, "prediction");
        json_begin_object(writer);
        write_prediction_members(writer, &cine->summaries[i].prediction);
        json_end_object(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void print_json(const struct cine_request *request, const struct cine *cines)
{
    struct json_writer writer = {.out = stdout};
    json_begin_object(&writer);
    json_key(&writer, "model");
    json_string(&writer, request->model_path);
    json_key(&writer, "cines");
    json_begin_array(&writer);
    for (size_t i = 0; i < request->file_count; i++) {
        json_begin_object(&writer);
        json_key(&writer, "file");
        json_string(&writer, cines[i].file);
        json_key(&writer, "best_frame");
        json_integer(&writer, (int64_t)cines[i].best_frame);
        write_map(&writer, "best", &cines[i].best);
        write_map(&writer, "max", &cines[i].highest);
        write_map(&writer, "mean", &cines[i].mean);
        write_frames(&writer, &cines[i]);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    putchar('\n');
}

static void print_text(const struct cine_request *request, const struct cine *cines)
{
    for (size_t i = 0; i < request->file_count; i++) {
        printf("%s: %u frame%s, best %zu\n", cines[i].file, (unsigned)cines[i].frames,
               cines[i].frames == 1 ? "" : "s", cines[i].best_frame);
        heatmap_print_text("best frame", &cines[i].best);
        heatmap_print_text("highest of all frames", &cines[i].highest);
        heatmap_print_text("mean of all frames", &cines[i].mean);
    }
}

int heatmap_cines(const struct cine_request *request)
{
    struct cine *cines = allocate(request->file_count, sizeof *cines);
    struct progress progress;
    progress_begin(&progress, request->quiet);
    for (size_t i = 0; i < request->file_count; i++) {
        cine_name(&cines[i], request, request->files[i]);
    }
    int exit_code = count_frames(request, cines, &progress);
    for (size_t i = 0; i < request->file_count; i++) {
        progress.files_total += cines[i].frames;
    }
    request->options->progress = progress_callback;
    request->options->progress_user_data = &progress;
    for (size_t i = 0; i < request->file_count && exit_code == EXIT_DONE; i++) {
        exit_code = draw_cine(request, &cines[i], &progress);
    }
    progress_end(&progress);
    if (exit_code == EXIT_DONE) {
        (request->json ? print_json : print_text)(request, cines);
    }
    for (size_t i = 0; i < request->file_count; i++) {
        cine_clear(&cines[i]);
    }
    free(cines);
    return exit_code;
}
