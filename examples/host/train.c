/* lens-host train: a model from labelled images. */

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
#include <stdlib.h>
#include <string.h>

struct request {
    struct setting setting;
    struct text_list train_directories;
    const char *validation_directory;
    const char *output_path;
    struct lens_dataset_options dataset;
    struct lens_train_options options;
};

/* What a training works on; all NULL at first. */
struct material {
    struct lens_dataset *train;
    struct lens_dataset *validation;
};

static const struct choice select_choices[] = {
    {"accuracy", LENS_SELECT_BY_ACCURACY}, {"auc", LENS_SELECT_BY_AUC}, {"loss", LENS_SELECT_BY_LOSS}, {0},
};

static const struct choice optimizer_choices[] = {
    {"adam", LENS_OPTIMIZER_ADAM}, {"adamw", LENS_OPTIMIZER_ADAMW}, {"sgd", LENS_OPTIMIZER_SGD}, {0},
};

static const struct choice schedule_choices[] = {
    {"constant", LENS_SCHEDULE_CONSTANT}, {"cosine", LENS_SCHEDULE_COSINE}, {"plateau", LENS_SCHEDULE_PLATEAU}, {0},
};

static const char *metric_name(lens_select_by select_by)
{
    switch (select_by) {
    case LENS_SELECT_BY_AUC:
        return "AUC";
    case LENS_SELECT_BY_LOSS:
        return "validation loss";
    default:
        return "accuracy";
    }
}

static int open_material(const struct request *request, struct material *material)
{
    lens_status status = LENS_OK;
    const char *path = NULL;
    for (size_t i = 0; i < request->train_directories.count && status == LENS_OK; i++) {
        path = request->train_directories.items[i];
        status = material->train == NULL ? lens_dataset_open(path, &request->dataset, &material->train)
                                         : lens_dataset_extend(material->train, path, &request->dataset);
    }
    if (status == LENS_OK) {
        path = request->validation_directory;
        status = lens_dataset_open(path, &request->dataset, &material->validation);
    }
    return status == LENS_OK ? EXIT_DONE : library_failure(status, path);
}

/* The epoch's entry in the training record; NULL: not there. */
static const char *find_epoch(const char *description, unsigned long number)
{
    for (struct json_cursor cursor = json_open(json_find(description, "training.epochs")); json_next(&cursor);) {
        if (read_count(cursor.value, "epoch") == number) {
            return cursor.value;
        }
    }
    return NULL;
}

static void print_summary(const struct request *request, const char *description)
{
    print_text_figure("model", request->output_path);
    char *hash = json_read_text(json_find(description, "model_sha256"));
    print_text_figure("SHA-256", hash);
    free(hash);
    print_samples_figure("training", json_find(description, "training.train"));
    print_samples_figure("validation", json_find(description, "training.validation"));
    unsigned long best = read_count(description, "training.best_epoch");
    char text[64];
    snprintf(text, sizeof text, "%lu of %lu", best, (unsigned long)request->options.epochs);
    print_text_figure("best epoch", text);
    const char *epoch = find_epoch(description, best);
    print_figure("accuracy", epoch, "accuracy", NULL);
    print_figure("AUC", epoch, "auc", NULL);
    print_figure("loss", epoch, "validation_loss", NULL);
    print_duration_figure("time", description, "training.seconds");
}

static void print_json(const struct request *request, const char *description)
{
    struct json_writer writer = {.out = stdout};
    json_begin_object(&writer);
    json_key(&writer, "path");
    json_string(&writer, request->output_path);
    json_key(&writer, "model");
    json_raw(&writer, description);
    json_end_object(&writer);
    putchar('\n');
}

/* Describes what is on disk: reading it back shows that the file is whole, and has the file's hash. */
static int report_saved_model(const struct request *request)
{
    struct lens_model *saved = NULL;
    char *description = NULL;
    lens_status status = lens_model_load(request->setting.context, request->output_path, &saved);
    if (status == LENS_OK) {
        status = lens_model_describe(saved, &description);
    }
    int exit_code = EXIT_DONE;
    if (status != LENS_OK) {
        exit_code = library_failure(status, request->output_path);
    } else {
        (request->setting.json ? print_json : print_summary)(request, description);
    }
    lens_string_free(description);
    lens_model_free(saved);
    return exit_code;
}

static int train(struct request *request, const struct material *material)
{
    struct progress progress;
    progress_begin(&progress, request->setting.quiet);
    progress.metric_name = metric_name(request->options.select_by);
    request->options.progress = progress_callback;
    request->options.progress_user_data = &progress;

    struct lens_model *model = NULL;
    lens_status status =
        lens_train(request->setting.context, material->train, material->validation, &request->options, &model);
    progress_end(&progress);
    if (status == LENS_OK && interrupt_requested()) {
        status = LENS_CANCELLED;
    }
    const char *file = NULL;
    if (status == LENS_OK) {
        file = request->output_path;
        status = lens_model_save(model, file, LENS_MODEL_FORMAT_SAFETENSORS);
    }
    int exit_code = status == LENS_OK ? report_saved_model(request) : library_failure(status, file);
    lens_model_free(model);
    return exit_code;
}

static int run_request(struct request *request)
{
    if (!file_can_be_made("--out", request->output_path)) {
        return EXIT_FAILED;
    }
    struct material material = {0};
    int exit_code = setting_start(&request->setting);
    if (exit_code == EXIT_DONE) {
        exit_code = open_material(request, &material);
    }
    if (exit_code == EXIT_DONE) {
        exit_code = train(request, &material);
    }
    lens_dataset_free(material.validation);
    lens_dataset_free(material.train);
    setting_end(&request->setting);
    return exit_code;
}

int run_train(int argc, char **argv)
{
    struct request request = {0};
    setting_defaults(&request.setting);
    lens_dataset_options_init(&request.dataset);
    lens_train_options_init(&request.options);
    const struct option options[] = {
        {.name = "--train", .value_name = "DIR",
         .help = "training images: images/ and labels.csv, or a folder per class; may be repeated",
         .kind = OPTION_TEXTS, .target = &request.train_directories, .required = true},
        {.name = "--val", .value_name = "DIR", .help = "images that select the best epoch, laid out alike",
         .kind = OPTION_TEXT, .target = &request.validation_directory, .required = true},
        {.name = "--out", .value_name = "MODEL.safetensors", .help = "receives the best model", .kind = OPTION_TEXT,
         .target = &request.output_path, .required = true},
        {.name = "--init", .value_name = "MODEL",
         .help = "weights to start from: a model, or PyTorch's weights of a DenseNet-121 (.pth)", .kind = OPTION_TEXT,
         .target = &request.options.start_weights, .default_text = "random"},
        {.name = "--epochs", .value_name = "N", .help = "passes over the training images, 1 to 100000",
         .kind = OPTION_UINT32, .target = &request.options.epochs, .minimum = 1, .maximum = 100000},
        {.name = "--batch", .value_name = "N", .help = "images of one training step, 2 to 65536",
         .kind = OPTION_UINT32, .target = &request.options.batch_size, .minimum = 2, .maximum = 65536},
        {.name = "--size", .value_name = "PX", .help = "images are resized to this width and height, 32 to 4096",
         .kind = OPTION_UINT32, .target = &request.options.image_size, .minimum = 32, .maximum = 4096},
        {.name = "--lr", .value_name = "X", .help = "learning rate, above 0 and at most 1",
         .kind = OPTION_DOUBLE, .target = &request.options.learning_rate, .minimum = 0, .maximum = 1,
         .above_minimum = true},
        {.name = "--seed", .value_name = "N", .help = "seed of weights, sampling and augmentation",
         .kind = OPTION_UINT64, .target = &request.options.seed},
        {.name = "--select", .value_name = "accuracy|auc|loss", .help = "what makes an epoch the best",
         .kind = OPTION_CHOICE, .target = &request.options.select_by, .choices = select_choices},
        THRESHOLD_OPTION(&request.options.threshold, NULL),
        DATASET_OPTIONS(&request.dataset),
        {.name = "--optimizer", .value_name = "adam|adamw|sgd", .help = "how gradients become steps",
         .kind = OPTION_CHOICE, .target = &request.options.optimizer, .choices = optimizer_choices},
        {.name = "--weight-decay", .value_name = "X", .help = "pull of weights towards 0", .kind = OPTION_DOUBLE,
         .target = &request.options.weight_decay, .minimum = 0, .maximum = 1},
        {.name = "--schedule", .value_name = "constant|cosine|plateau", .help = "how the learning rate goes on",
         .kind = OPTION_CHOICE, .target = &request.options.schedule, .choices = schedule_choices},
        {.name = "--warmup", .value_name = "EPOCHS", .help = "in which the learning rate rises from 0",
         .kind = OPTION_DOUBLE, .target = &request.options.warmup_epochs, .minimum = 0, .maximum = 100000},
        {.name = "--rotation", .value_name = "DEGREES", .help = "largest random rotation of training images",
         .kind = OPTION_DOUBLE, .target = &request.options.rotation_degrees, .minimum = 0, .maximum = 180},
        {.name = "--clip-norm", .value_name = "X", .help = "longest gradient", .kind = OPTION_DOUBLE,
         .target = &request.options.clip_norm, .minimum = 0, .maximum = 1e6, .default_text = "any"},
        {.name = "--label-smoothing", .value_name = "X", .help = "share of a label spread over both classes",
         .kind = OPTION_DOUBLE, .target = &request.options.label_smoothing, .minimum = 0, .maximum = 0.999},
        {.name = "--average-decay", .value_name = "X", .help = "of a moving average of the weights, such as 0.999",
         .kind = OPTION_DOUBLE, .target = &request.options.average_decay, .minimum = 0, .maximum = 0.999999,
         .default_text = "none"},
        {.name = "--freeze", .value_name = "EPOCHS", .help = "first epochs in which only the head is trained",
         .kind = OPTION_UINT32, .target = &request.options.freeze_epochs, .minimum = 0, .maximum = 100000},
        {.name = "--patience", .value_name = "EPOCHS", .help = "without a better model after which training ends",
         .kind = OPTION_UINT32, .target = &request.options.early_stopping_patience, .minimum = 0, .maximum = 100000,
         .default_text = "never"},
        {.name = "--run-dir", .value_name = "DIR",
         .help = "receives run.json, curves.png, best.safetensors and last.checkpoint; made when missing",
         .kind = OPTION_TEXT, .target = &request.options.run_directory},
        {.name = "--resume", .help = "go on from the run directory's checkpoint, when there is one", .kind = OPTION_SET,
         .target = &request.options.resume, .set_value = 1},
        {.name = "--checkpoint-minutes", .value_name = "X", .help = "between checkpoints within an epoch; 0: none",
         .kind = OPTION_DOUBLE, .target = &request.options.checkpoint_minutes, .minimum = 0, .maximum = 100000},
        SETTING_OPTIONS(&request.setting),
    };
    const struct usage usage = {
        .command = "train",
        .synopsis = "--train DIR [--train DIR ...] --val DIR --out MODEL.safetensors [options]",
        .summary = "Trains DenseNet-121 to tell positive from negative images, and saves the best epoch's model.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t operand_count = 0;
    int exit_code = EXIT_DONE;
    if (arguments_parse(&usage, argc, argv, &operand_count, &exit_code)) {
        if (is_other_model_format(request.output_path)) {
            exit_code = usage_error(&usage, "--out '%s': models are written as safetensors; the name must end so",
                                    request.output_path);
        } else {
            exit_code = run_request(&request);
        }
    }
    free(request.train_directories.items);
    return exit_code;
}
