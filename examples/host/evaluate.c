/* lens-host evaluate: how well a model does on labelled images. */

#include "arguments.h"
#include "flagging.h"
#include "commands.h"
#include "common_options.h"
#include "figures.h"
#include "progress.h"
#include "setting.h"

#include <stdio.h>

static const struct {
    const char *title;
    const char *name;
} metrics[] = {
    {"accuracy", "accuracy"},
    {"balanced accuracy", "balanced_accuracy"},
    {"sensitivity", "sensitivity"},
    {"specificity", "specificity"},
    {"PPV", "ppv"},
    {"NPV", "npv"},
    {"F1", "f1"},
    {"MCC", "mcc"},
    {"ROC AUC", "roc_auc"},
    {"PR AUC", "pr_auc"},
    {"Brier score", "brier"},
    {"log loss", "log_loss"},
    {"ECE", "ece"},
};

static void print_report(const char *report, const char *output_directory)
{
    print_samples_figure("evaluated", report);
    print_figure("threshold", report, "threshold", NULL);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        print_metric_figure(metrics[i].title, report, metrics[i].name);
    }
    print_text_figure("", "in brackets: 95 % confidence intervals");
    print_operating_point("best threshold", report, "operating_points.youden", "undefined.operating_point_youden");
    print_operating_point("for sensitivity", report, "operating_points.sensitivity",
                          "undefined.operating_point_sensitivity");
    print_duration_figure("time", report, "seconds");
    printf("\n%-18s%20s%20s\n", "", "predicted negative", "predicted positive");
    printf("%-18s%20lu%20lu\n", "labelled negative", read_count(report, "confusion_matrix.true_negative"),
           read_count(report, "confusion_matrix.false_positive"));
    printf("%-18s%20lu%20lu\n", "labelled positive", read_count(report, "confusion_matrix.false_negative"),
           read_count(report, "confusion_matrix.true_positive"));
    if (output_directory != NULL) {
        printf("\nthe report is in %s: open report.html\n", output_directory);
    }
}

struct request {
    struct setting setting;
    const char *model_path;
    const char *data;
    struct lens_dataset_options dataset;
    struct lens_evaluate_options options;
    struct lens_heatmap_options heatmap;
    bool reference;
};

static int evaluate(struct request *request)
{
    struct lens_model *model = NULL;
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
        status = lens_evaluate(model, dataset, &request->options, &report);
        progress_end(&progress);
    }
    int exit_code = EXIT_DONE;
    if (status != LENS_OK) {
        exit_code = library_failure(status, file);
    } else if (request->setting.json) {
        puts(report);
    } else {
        print_report(report, request->options.output_dir);
    }
    lens_string_free(report);
    lens_dataset_free(dataset);
    lens_model_free(model);
    return exit_code;
}

int run_evaluate(int argc, char **argv)
{
    struct request request = {0};
    setting_defaults(&request.setting);
    lens_dataset_options_init(&request.dataset);
    lens_evaluate_options_init(&request.options);
    lens_heatmap_options_init(&request.heatmap);
    if (!flagging_from_environment(&request.options)) {
        return EXIT_FAILED;
    }
    const struct option options[] = {
        MODEL_OPTION(&request.model_path),
        {.name = "--data", .value_name = "DIR", .help = "images/ and labels.csv, or a folder per class",
         .kind = OPTION_TEXT, .target = &request.data, .required = true},
        {.name = "--out", .value_name = "DIR", .help = "receives the report; made when missing",
         .kind = OPTION_TEXT, .target = &request.options.output_dir},
        THRESHOLD_OPTION(&request.options.threshold, "the model's own"),
        {.name = "--by-heatmap", .help = "call an image by the mean of its heatmap's tiles, not whole",
         .kind = OPTION_SET, .target = &request.options.by_heatmap, .set_value = 1},
        {.name = "--reference", .help = "the same at 128x128 without tiles at the border, as the reference pipeline",
         .kind = OPTION_FLAG, .target = &request.reference},
        {.name = "--bad", .value_name = "either|pred|confidence", .help = "which images' heatmaps the report holds",
         .kind = OPTION_CHOICE, .target = &request.options.flag_criterion, .choices = flag_choices},
        {.name = "--bad-confidence", .value_name = "X", .help = "confidence from which on an image is flagged, 0 to 1",
         .kind = OPTION_FLOAT, .target = &request.options.flag_confidence, .minimum = 0, .maximum = 1},
        {.name = "--no-raw", .help = "write no heatmaps as numbers (.npy and 16-bit PNG)", .kind = OPTION_SET,
         .target = &request.options.save_heatmap_raw, .set_value = 0},
        {.name = "--no-overlays", .help = "write no heatmaps over their images", .kind = OPTION_SET,
         .target = &request.options.save_heatmap_overlay, .set_value = 0},
        {.name = "--sample-bad-ratio", .value_name = "X", .help = "share of flagged ones among the 12 samples, 0 to 1",
         .kind = OPTION_DOUBLE, .target = &request.options.sample_flagged_ratio, .minimum = 0, .maximum = 1},
        {.name = "--sensitivity", .value_name = "X", .help = "that an operating point is to have, above 0, at most 1",
         .kind = OPTION_DOUBLE, .target = &request.options.target_sensitivity, .minimum = 0, .maximum = 1,
         .above_minimum = true},
        {.name = "--bootstrap", .value_name = "N", .help = "resampled data sets for confidence intervals; 0: none",
         .kind = OPTION_UINT32, .target = &request.options.bootstrap_samples, .minimum = 0, .maximum = 1000000},
        {.name = "--seed", .value_name = "N", .help = "seed of the resampling", .kind = OPTION_UINT64,
         .target = &request.options.seed},
        DATASET_OPTIONS(&request.dataset),
        SETTING_OPTIONS(&request.setting),
    };
    const struct usage usage = {
        .command = "evaluate",
        .synopsis = "--model MODEL --data DIR [--out DIR] [options]",
        .summary = "Classifies labelled images and compares with their labels.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t operand_count = 0;
    int exit_code = EXIT_DONE;
    if (!arguments_parse(&usage, argc, argv, &operand_count, &exit_code)) {
        return exit_code;
    }
    if (request.reference) {
        request.options.by_heatmap = 1;
        request.heatmap.resize_width = request.heatmap.resize_height = 128;
        request.heatmap.edge = LENS_EDGE_REFERENCE;
        request.options.heatmap = &request.heatmap;
    }
    exit_code = setting_start(&request.setting);
    if (exit_code == EXIT_DONE) {
        exit_code = evaluate(&request);
    }
    setting_end(&request.setting);
    return exit_code;
}
