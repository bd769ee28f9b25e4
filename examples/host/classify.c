/* lens-host classify: what a model says of image files. */

#include "arguments.h"
#include "commands.h"
#include "common_options.h"
#include "files.h"
#include "json_write.h"
#include "memory.h"
#include "pictures.h"
#include "prediction_json.h"
#include "progress.h"
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct setting setting;
    const char *model_path;
    char **files;
    size_t file_count;
    uint32_t frame;
    struct lens_classify_options options;
};

static void print_json(const struct request *request, const struct lens_prediction *predictions)
{
    struct json_writer writer = {.out = stdout};
    json_begin_object(&writer);
    json_key(&writer, "model");
    json_string(&writer, request->model_path);
    json_key(&writer, "predictions");
    json_begin_array(&writer);
    for (size_t i = 0; i < request->file_count; i++) {
        json_begin_object(&writer);
        json_key(&writer, "file");
        json_string(&writer, request->files[i]);
        write_prediction_members(&writer, &predictions[i]);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    putchar('\n');
}

/* Characters, not bytes, of UTF-8 text. */
static size_t text_columns(const char *text)
{
    size_t columns = 0;
    for (; *text != '\0'; text++) {
        columns += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return columns;
}

static void print_table(const struct request *request, const struct lens_prediction *predictions)
{
    size_t widest = strlen("file");
    for (size_t i = 0; i < request->file_count; i++) {
        size_t columns = text_columns(request->files[i]);
        widest = columns > widest ? columns : widest;
    }
    printf("%-*s  probability    logit  label\n", (int)widest, "file");
    for (size_t i = 0; i < request->file_count; i++) {
        const struct lens_prediction *prediction = &predictions[i];
        int blanks = (int)(widest - text_columns(request->files[i]));
        printf("%s%*s  %11.4f %8.3f  %s\n", request->files[i], blanks, "", (double)prediction->probability,
               (double)prediction->logit, prediction->label == 1 ? "positive" : "negative");
    }
    printf("\npositive: probability above %g\n", (double)predictions[0].threshold);
}

/* Nothing is printed before the last file is classified, so an unreadable one leaves no partial result behind. */
static int classify_files(struct request *request, const struct lens_model *model, struct lens_prediction *predictions)
{
    int exit_code = EXIT_DONE;
    struct progress progress;
    progress_begin(&progress, request->setting.quiet);
    progress.files_total = request->file_count;
    request->options.progress = progress_callback;
    request->options.progress_user_data = &progress;
    for (size_t first = 0; first < request->file_count && exit_code == EXIT_DONE; first += PICTURES_LIMIT) {
        size_t left = request->file_count - first;
        size_t count = left < PICTURES_LIMIT ? left : PICTURES_LIMIT;
        progress.files_before = first;
        progress.files_in_call = count;
        struct picture_group group;
        exit_code = pictures_load(&group, request->files + first, count, request->frame);
        if (exit_code == EXIT_DONE) {
            lens_status status = lens_classify(model, group.images, count, &request->options, predictions + first);
            exit_code = status == LENS_OK ? EXIT_DONE : library_failure(status, NULL);
        }
        pictures_free(&group);
    }
    progress_end(&progress);
    return exit_code;
}

static int classify(struct request *request)
{
    struct lens_model *model = NULL;
    lens_status status = lens_model_load(request->setting.context, request->model_path, &model);
    if (status != LENS_OK) {
        return library_failure(status, request->model_path);
    }
    struct lens_prediction *predictions = allocate(request->file_count, sizeof *predictions);
    int exit_code = classify_files(request, model, predictions);
    if (exit_code == EXIT_DONE) {
        (request->setting.json ? print_json : print_table)(request, predictions);
    }
    free(predictions);
    lens_model_free(model);
    return exit_code;
}

int run_classify(int argc, char **argv)
{
    struct request request = {.files = argv};
    setting_defaults(&request.setting);
    lens_classify_options_init(&request.options);
    const struct option options[] = {
        MODEL_OPTION(&request.model_path),
        FRAME_OPTION(&request.frame),
        THRESHOLD_OPTION(&request.options.threshold, "the model's own"),
        SETTING_OPTIONS(&request.setting),
    };
    const struct usage usage = {
        .command = "classify",
        .synopsis = "--model MODEL FILE... [options]",
        .summary = "Classifies image files: PNG, JPEG, BMP, TIFF.",
        .operand = "FILE",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    int exit_code = EXIT_DONE;
    if (!arguments_parse(&usage, argc, argv, &request.file_count, &exit_code)) {
        return exit_code;
    }
    /* All files, before the first is decoded: a typing error must not show only after a thousand others. */
    if (!files_are_readable(request.files, request.file_count)) {
        return EXIT_FAILED;
    }
    exit_code = setting_start(&request.setting);
    if (exit_code == EXIT_DONE) {
        exit_code = classify(&request);
    }
    setting_end(&request.setting);
    return exit_code;
}
