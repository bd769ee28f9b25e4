/* lens-host localize: whether heatmaps are hot where boxes say that something is. */

#include "arguments.h"
#include "commands.h"
#include "common_options.h"
#include "figures.h"
#include "progress.h"
#include "setting.h"

#include <stdio.h>

struct request {
    struct setting setting;
    const char *model_path;
    const char *data;
    struct image_size resize;
    struct lens_heatmap_options heatmap;
    struct lens_localize_options options;
};

static void print_report(const char *report)
{
    printf("%-18s%lu\n", "images", read_count(report, "images"));
    print_figure("hit rate", report, "hit_rate", NULL);
    print_figure("  by chance", report, "hit_rate_by_chance", NULL);
    print_figure("intersection", report, "intersection", NULL);
    print_figure("  by chance", report, "intersection_by_chance", NULL);
    print_duration_figure("time", report, "seconds");
}

static int localize(struct request *request)
{
    struct lens_model *model = NULL;
    char *report = NULL;
    struct progress progress;
    progress_begin(&progress, request->setting.quiet);
    request->options.progress = progress_callback;
    request->options.progress_user_data = &progress;

    const char *file = request->model_path;
    lens_status status = lens_model_load(request->setting.context, file, &model);
    if (status == LENS_OK) {
        file = NULL;
        status = lens_localize(model, request->data, &request->options, &report);
        progress_end(&progress);
    }
    int exit_code = EXIT_DONE;
    if (status != LENS_OK) {
        exit_code = library_failure(status, file);
    } else if (request->setting.json) {
        puts(report);
    } else {
        print_report(report);
    }
    lens_string_free(report);
    lens_model_free(model);
    return exit_code;
}

int run_localize(int argc, char **argv)
{
    struct request request = {0};
    setting_defaults(&request.setting);
    lens_heatmap_options_init(&request.heatmap);
    lens_localize_options_init(&request.options);
    request.options.heatmap = &request.heatmap;
    const struct option options[] = {
        MODEL_OPTION(&request.model_path),
        {.name = "--data", .value_name = "DIR", .help = "images/ and boxes.csv (filename, x, y, width, height)",
         .kind = OPTION_TEXT, .target = &request.data, .required = true},
        HEATMAP_OPTIONS(&request.heatmap, &request.resize),
        {.name = "--tolerance", .value_name = "PX", .help = "how far from a box the hottest point still is a hit",
         .kind = OPTION_DOUBLE, .target = &request.options.tolerance, .minimum = 0, .maximum = 65536,
         .default_text = "half a tile"},
        SETTING_OPTIONS(&request.setting),
    };
    const struct usage usage = {
        .command = "localize",
        .synopsis = "--model MODEL --data DIR [options]",
        .summary = "Compares heatmaps with boxes around what is to be found.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t operand_count = 0;
    int exit_code = EXIT_DONE;
    if (!arguments_parse(&usage, argc, argv, &operand_count, &exit_code)) {
        return exit_code;
    }
    request.heatmap.resize_width = request.resize.width;
    request.heatmap.resize_height = request.resize.height;
    exit_code = setting_start(&request.setting);
    if (exit_code == EXIT_DONE) {
        exit_code = localize(&request);
    }
    setting_end(&request.setting);
    return exit_code;
}
