/* lens-host calibrate: a model's temperature and threshold, set on labelled images. */

#include "arguments.h"
#include "commands.h"
#include "common_options.h"
#include "figures.h"
#include "files.h"
#include "interrupt.h"
#include "json_read.h"
#include "json_write.h"
#include "progress.h"
#include "setting.h"

#include <stdio.h>

struct request {
    struct setting setting;
    const char *model_path;
    const char *data;
    const char *output_path;
    struct lens_dataset_options dataset;
    struct lens_calibrate_options options;
};

static void print_change(const char *name, const char *report, const char *before_path, const char *after_path)
{
    double before = 0, after = 0;
    if (json_read_number(json_find(report, before_path), &before) &&
        json_read_number(json_find(report, after_path), &after)) {
        char text[96];
        snprintf(text, sizeof text, "%.4g -> %.4g", before, after);
        print_text_figure(name, text);
    }
}

static void print_summary(const struct request *request, const char *report)
{
    print_text_figure("model", request->output_path);
    print_samples_figure("calibrated on", json_find(report, "data"));
    print_change("temperature", report, "before.temperature", "after.temperature");
    print_change("threshold", report, "before.threshold", "after.threshold");
    print_change("log loss", report, "before.log_loss", "after.log_loss");
    print_change("Brier score", report, "before.brier", "after.brier");
    print_change("ECE", report, "before.ece", "after.ece");
    print_change("sensitivity", report, "before.sensitivity", "after.sensitivity");
    print_change("specificity", report, "before.specificity", "after.specificity");
    print_duration_figure("time", report, "seconds");
}

static void print_json(const struct request *request, const char *report)
{
    struct json_writer writer = {.out = stdout};
    json_begin_object(&writer);
    json_key(&writer, "path");
    json_string(&writer, request->output_path);
    json_key(&writer, "calibration");
    json_raw(&writer, report);
    json_end_object(&writer);
    putchar('\n');
}

static int calibrate(struct request *request)
{
    struct lens_model *model = NULL, *calibrated = NULL;
    struct lens_dataset *dataset = NULL;
    char *report = NULL;
    struct progress progress;
    progress_begin(&progress, request->setting.quiet);
    request->options.progress = progress_callback;
    request->options.progress_user_data = &progress;

    const char *file = request->model_path;
    lens_status status = lens_model_load(request->setting.context, file, &model);
    if (status == LENS_OK) {
        file = request->data;
        status = lens_dataset_open(file, &request->dataset, &dataset);
    }
    if (status == LENS_OK) {
        file = NULL;
        status = lens_model_calibrate(model, dataset, &request->options, &calibrated, &report);
        progress_end(&progress);
    }
    if (status == LENS_OK && interrupt_requested()) {
        status = LENS_CANCELLED;
    }
    if (status == LENS_OK) {
        file = request->output_path;
        status = lens_model_save(calibrated, file, LENS_MODEL_FORMAT_SAFETENSORS);
    }
    int exit_code = EXIT_DONE;
    if (status != LENS_OK) {
        exit_code = library_failure(status, file);
    } else {
        (request->setting.json ? print_json : print_summary)(request, report);
    }
    lens_string_free(report);
    lens_dataset_free(dataset);
    lens_model_free(calibrated);
    lens_model_free(model);
    return exit_code;
}

static int check_request(const struct usage *usage, struct request *request, bool youden, double sensitivity)
{
    if (is_other_model_format(request->output_path)) {
        return usage_error(usage, "--out '%s': models are written as safetensors; the name must end so",
                           request->output_path);
    }
    if (youden && sensitivity > 0) {
        return usage_error(usage, "--youden and --sensitivity both choose the threshold; give one of them");
    }
    if (youden) {
        request->options.operating_point = LENS_OPERATING_POINT_YOUDEN;
    } else if (sensitivity > 0) {
        request->options.operating_point = LENS_OPERATING_POINT_SENSITIVITY;
        request->options.target_sensitivity = sensitivity;
    } else if (request->options.fit_temperature == 0) {
        return usage_error(usage, "--no-temperature leaves nothing to do without --youden or --sensitivity");
    }
    return file_can_be_made("--out", request->output_path) ? EXIT_DONE : EXIT_FAILED;
}

int run_calibrate(int argc, char **argv)
{
    struct request request = {0};
    bool youden = false;
    double sensitivity = 0;
    setting_defaults(&request.setting);
    lens_dataset_options_init(&request.dataset);
    lens_calibrate_options_init(&request.options);
    const struct option options[] = {
        MODEL_OPTION(&request.model_path),
        {.name = "--data", .value_name = "DIR",
         .help = "images/ and labels.csv, or a folder per class; neither trained nor tested on",
         .kind = OPTION_TEXT, .target = &request.data, .required = true},
        {.name = "--out", .value_name = "MODEL.safetensors", .help = "receives the calibrated model",
         .kind = OPTION_TEXT, .target = &request.output_path, .required = true},
        {.name = "--youden", .help = "threshold with the largest sensitivity + specificity", .kind = OPTION_FLAG,
         .target = &youden},
        {.name = "--sensitivity", .value_name = "X",
         .help = "highest threshold with at least this sensitivity, above 0, at most 1", .kind = OPTION_DOUBLE,
         .target = &sensitivity, .minimum = 0, .maximum = 1, .above_minimum = true,
         .default_text = "the same images stay positive"},
        {.name = "--no-temperature", .help = "choose a threshold only", .kind = OPTION_SET,
         .target = &request.options.fit_temperature, .set_value = 0},
        DATASET_OPTIONS(&request.dataset),
        SETTING_OPTIONS(&request.setting),
    };
    const struct usage usage = {
        .command = "calibrate",
        .synopsis = "--model MODEL --data DIR --out MODEL.safetensors [--youden | --sensitivity X] [options]",
        .summary = "Makes a model's probabilities mean what they say, and chooses its threshold.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t operand_count = 0;
    int exit_code = EXIT_DONE;
    if (!arguments_parse(&usage, argc, argv, &operand_count, &exit_code)) {
        return exit_code;
    }
    exit_code = check_request(&usage, &request, youden, sensitivity);
    if (exit_code == EXIT_DONE) {
        exit_code = setting_start(&request.setting);
    }
    if (exit_code == EXIT_DONE) {
        exit_code = calibrate(&request);
    }
    setting_end(&request.setting);
    return exit_code;
}
