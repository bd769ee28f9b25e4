/* lens-host heatmap: where in image files a model sees the positive class. */

#include "arguments.h"
#include "commands.h"
#include "common_options.h"
#include "files.h"
#include "heatmap_cine.h"
#include "heatmap_files.h"
#include "heatmap_result.h"
#include "interrupt.h"
#include "memory.h"
#include "pictures.h"
#include "progress.h"
#include "setting.h"

#include <inttypes.h>
#include <stdlib.h>

/* Files whose pictures and maps are in memory at once. */
enum { GROUP_LIMIT = 16 };

struct request {
    struct setting setting;
    const char *model_path;
    const char *output_directory;
    char **files;
    size_t file_count;
    uint32_t frame;
    bool all_frames;
    struct image_size resize;
    struct lens_heatmap_options options;
    struct lens_overlay_options overlay;
};

static const struct choice resolution_choices[] = {
    {"image", LENS_MAP_RESOLUTION_IMAGE}, {"tiles", LENS_MAP_RESOLUTION_TILES}, {0}};
static const struct choice colormap_choices[] = {
    {"inferno", LENS_COLORMAP_INFERNO}, {"reds", LENS_COLORMAP_REDS}, {"jet", LENS_COLORMAP_JET},
    {"gray", LENS_COLORMAP_GRAY}, {0}};

static size_t group_size(const struct request *request, size_t first)
{
    size_t left = request->file_count - first;
    return left < GROUP_LIMIT ? left : GROUP_LIMIT;
}

/* Decodes every file once before anything is written, so that an unreadable one leaves no partial result behind. */
static int check_pictures(const struct request *request)
{
    int exit_code = EXIT_DONE;
    struct progress progress;
    progress_begin(&progress, request->setting.quiet);
    for (size_t first = 0; first < request->file_count && exit_code == EXIT_DONE; first += GROUP_LIMIT) {
        struct picture_group group;
        size_t count = group_size(request, first);
        exit_code = pictures_load(&group, request->files + first, count, request->frame);
        if (exit_code == EXIT_DONE) {
            progress_step(&progress, "reading images", first + count, request->file_count);
        }
        pictures_free(&group);
    }
    progress_end(&progress);
    return exit_code;
}

static int draw_group(const struct request *request, const struct lens_model *model, const struct picture_group *group,
                      size_t first, struct heatmap_result *results)
{
    struct lens_map *maps[GROUP_LIMIT] = {0};
    lens_status status = lens_heatmap(model, group->images, group->count, &request->options, maps);
    int exit_code = status == LENS_OK ? EXIT_DONE : library_failure(status, NULL);
    for (size_t i = 0; i < group->count && exit_code == EXIT_DONE; i++) {
        if (interrupt_requested()) {
            exit_code = cancelled();
            break;
        }
        status = heatmap_write(maps[i], &group->images[i], &request->overlay, &results[first + i]);
        if (status != LENS_OK) {
            exit_code = library_failure(status, request->files[first + i]);
        }
    }
    for (size_t i = 0; i < group->count; i++) {
        lens_map_free(maps[i]);
    }
    return exit_code;
}

static int draw_files(struct request *request, const struct lens_model *model, struct heatmap_result *results)
{
    int exit_code = EXIT_DONE;
    struct progress progress;
    progress_begin(&progress, request->setting.quiet);
    progress.files_total = request->file_count;
    request->options.progress = progress_callback;
    request->options.progress_user_data = &progress;
    for (size_t first = 0; first < request->file_count && exit_code == EXIT_DONE; first += GROUP_LIMIT) {
        struct picture_group group;
        progress.files_before = first;
        progress.files_in_call = group_size(request, first);
        exit_code = pictures_load(&group, request->files + first, group_size(request, first), request->frame);
        /* Made as late as this, so that nothing is made when the first group cannot be read. */
        if (exit_code == EXIT_DONE && first == 0 && !make_directory(request->output_directory)) {
            exit_code = EXIT_FAILED;
        }
        if (exit_code == EXIT_DONE) {
            exit_code = draw_group(request, model, &group, first, results);
        }
        pictures_free(&group);
    }
    progress_end(&progress);
    return exit_code;
}

/* One frame of each file. */
static int draw_frames(struct request *request, const struct lens_model *model)
{
    struct heatmap_result *results = allocate(request->file_count, sizeof *results);
    for (size_t i = 0; i < request->file_count; i++) {
        heatmap_result_name(&results[i], request->output_directory, request->files[i], &plain_endings,
                            request->options.resolution);
    }
    int exit_code = draw_files(request, model, results);
    if (exit_code == EXIT_DONE && request->setting.json) {
        heatmap_print_json(request->model_path, results, request->file_count);
    }
    for (size_t i = 0; i < request->file_count; i++) {
        if (exit_code == EXIT_DONE && !request->setting.json) {
            heatmap_print_text(results[i].file, &results[i]);
        }
        heatmap_result_clear(&results[i]);
    }
    free(results);
    return exit_code;
}

static int draw_cines(struct request *request, const struct lens_model *model)
{
    struct cine_request cines = {
        .model = model,
        .model_path = request->model_path,
        .output_directory = request->output_directory,
        .files = request->files,
        .file_count = request->file_count,
        .json = request->setting.json,
        .quiet = request->setting.quiet,
        .options = &request->options,
        .overlay = &request->overlay,
    };
    return heatmap_cines(&cines);
}

static int heatmap(struct request *request)
{
    /* A single group is read as a whole before anything is written anyway. */
    bool check_first = request->file_count > GROUP_LIMIT && !request->all_frames;
    int exit_code = check_first ? check_pictures(request) : EXIT_DONE;
    if (exit_code != EXIT_DONE) {
        return exit_code;
    }
    struct lens_model *model = NULL;
    lens_status status = lens_model_load(request->setting.context, request->model_path, &model);
    if (status != LENS_OK) {
        return library_failure(status, request->model_path);
    }
    exit_code = request->all_frames ? draw_cines(request, model) : draw_frames(request, model);
    lens_model_free(model);
    return exit_code;
}

/* What the library would refuse only after the model is loaded, or what overwrites files; an exit code. */
static int check_request(const struct usage *usage, const struct request *request)
{
    const struct lens_heatmap_options *options = &request->options;
    if (options->stride > options->tile_size) {
        return usage_error(usage, "--stride %" PRIu32 " is greater than --tile %" PRIu32 "; it must be 0 to %" PRIu32,
                           options->stride, options->tile_size, options->tile_size);
    }
    if (request->resize.width > 0 && options->scale != 1) {
        return usage_error(usage, "--scale %g and --resize %" PRIu32 "x%" PRIu32 " exclude each other; give one",
                           options->scale, request->resize.width, request->resize.height);
    }
    if (request->all_frames && request->frame > 0) {
        return usage_error(usage, "--frame %" PRIu32 " and --all-frames exclude each other; give one", request->frame);
    }
    return check_heatmap_files(usage, request->output_directory, request->files, request->file_count,
                               request->all_frames);
}

static int run_request(struct request *request)
{
    request->options.resize_width = request->resize.width;
    request->options.resize_height = request->resize.height;
    /* All files, before the first is decoded: a typing error must not show only after a thousand others. */
    if (!files_are_readable(request->files, request->file_count)) {
        return EXIT_FAILED;
    }
    int exit_code = setting_start(&request->setting);
    if (exit_code == EXIT_DONE) {
        exit_code = heatmap(request);
    }
    setting_end(&request->setting);
    return exit_code;
}

int run_heatmap(int argc, char **argv)
{
    struct request request = {.files = argv};
    setting_defaults(&request.setting);
    lens_heatmap_options_init(&request.options);
    lens_overlay_options_init(&request.overlay);
    struct lens_heatmap_options *heatmap = &request.options;
    const struct option options[] = {
        MODEL_OPTION(&request.model_path),
        {.name = "--out", .value_name = "DIR",
         .help = "receives STEM_overlay.png and STEM_heatmap.png of each file; made when missing", .kind = OPTION_TEXT,
         .target = &request.output_directory, .required = true},
        HEATMAP_OPTIONS(heatmap, &request.resize),
        {.name = "--resolution", .value_name = "image|tiles",
         .help = "a value for each pixel, or for each tile (for huge images; no overlay then)", .kind = OPTION_CHOICE,
         .target = &heatmap->resolution, .choices = resolution_choices},
        FRAME_OPTION(&request.frame),
        {.name = "--all-frames",
         .help = "all frames of every file: its best frame, and STEM_max_... and STEM_mean_... over all of them",
         .kind = OPTION_FLAG, .target = &request.all_frames},
        THRESHOLD_OPTION(&heatmap->threshold, "the model's own"),
        {.name = "--colormap", .value_name = "inferno|reds|jet|gray", .help = "colours of the overlay",
         .kind = OPTION_CHOICE, .target = &request.overlay.colormap, .choices = colormap_choices},
        {.name = "--alpha", .value_name = "X", .help = "share of the colours, 0 (image only) to 1 (colours only)",
         .kind = OPTION_FLOAT, .target = &request.overlay.alpha, .minimum = 0, .maximum = 1},
        {.name = "--absolute", .help = "colours from probability 0 to 1, not from the map's lowest to highest",
         .kind = OPTION_SET, .target = &request.overlay.scale, .set_value = LENS_OVERLAY_SCALE_ABSOLUTE},
        {.name = "--color-bar", .help = "draw the scale of colours at the overlay's right edge", .kind = OPTION_SET,
         .target = &request.overlay.color_bar, .set_value = 1},
        {.name = "--outline", .value_name = "N", .help = "frame so many of the hottest tiles", .kind = OPTION_UINT32,
         .target = &request.overlay.outline_tiles, .minimum = 0, .maximum = 1e9},
        SETTING_OPTIONS(&request.setting),
    };
    const struct usage usage = {
        .command = "heatmap",
        .synopsis = "--model MODEL FILE... --out DIR [options]",
        .summary = "Draws where in image files the model sees the positive class.",
        .operand = "FILE",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    int exit_code = EXIT_DONE;
    if (!arguments_parse(&usage, argc, argv, &request.file_count, &exit_code)) {
        return exit_code;
    }
    exit_code = check_request(&usage, &request);
    return exit_code == EXIT_DONE ? run_request(&request) : exit_code;
}
