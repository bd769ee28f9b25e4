/* What a program that embeds lesionlens does, in C11 with POSIX threads: it trains a model with progress on its standard
   error, classifies image files, and lays heatmaps over them. Ctrl-C stops what is going on by a cancel token, which any
   thread may trigger. Every call is checked, and the library's own message is shown.

   example train TRAINING VALIDATION MODEL.safetensors [EPOCHS [IMAGE-SIZE [BATCH-SIZE]]]
   example classify MODEL.safetensors IMAGE...
   example heatmap MODEL.safetensors IMAGE OVERLAY.png */

#define _POSIX_C_SOURCE 200809L

#include <lesionlens.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_CANCELLED = 130 };

/* Shows a failed call; the program's exit code. To be called before the thread's next call of the library, which replaces
   the message. */
static int failed(lens_status status, const char *what)
{
    if (status == LENS_CANCELLED) {
        fputs("example: cancelled\n", stderr);
        return EXIT_CANCELLED;
    }
    fprintf(stderr, "example: %s: %s (%s)\n", what, lens_last_error(), lens_status_name(status));
    return EXIT_FAILURE;
}

/* Waits for SIGINT on a thread of its own: a signal's handler may call next to nothing, this thread may call anything. */
static void *wait_for_interrupt(void *user_data)
{
    const lens_cancel_token *cancel = user_data;
    sigset_t interrupt;
    int number = 0;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    if (sigwait(&interrupt, &number) == 0) {
        lens_cancel_token_trigger(cancel);
    }
    return NULL;
}

/* To be called before any other thread is started, so that SIGINT is blocked in all of them. An error number, or 0. */
static int cancel_on_interrupt(lens_cancel_token *cancel)
{
    sigset_t interrupt;
    pthread_t thread;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    int error = pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    if (error == 0) {
        error = pthread_create(&thread, NULL, wait_for_interrupt, cancel);
    }
    return error == 0 ? pthread_detach(thread) : error;
}

/* A lens_progress_fn: called about once a batch, on the thread that made the call. */
static int32_t show_progress(const lens_progress *progress, void *user_data)
{
    const char *work = user_data;
    fprintf(stderr, "example: %s: %" PRIu64 " of %" PRIu64, work, progress->done, progress->total);
    if (progress->epochs > 0) {
        fprintf(stderr, " of epoch %" PRIu32 " of %" PRIu32, progress->epoch, progress->epochs);
    }
    if (progress->seconds_left >= 0) {
        fprintf(stderr, ", %.0f s left", progress->seconds_left);
    }
    fputc('\n', stderr);
    /* Anything but 0 would stop the call, as the token does. */
    return 0;
}

struct training {
    const char *images;
    const char *validation_images;
    const char *model;
    uint32_t epochs;     /* 0, here and below: the library's default */
    uint32_t image_size;
    uint32_t batch_size;
};

static int train_on(const lens_context *context, const struct training *training, const lens_dataset *images,
                    const lens_dataset *validation_images, const lens_cancel_token *cancel)
{
    lens_train_options options;
    lens_train_options_init(&options);
    options.epochs = training->epochs != 0 ? training->epochs : options.epochs;
    options.image_size = training->image_size != 0 ? training->image_size : options.image_size;
    options.batch_size = training->batch_size != 0 ? training->batch_size : options.batch_size;
    options.seed = 7;
    options.progress = show_progress;
    options.progress_user_data = "training";
    options.cancel = cancel;

    lens_model *model = NULL;
    lens_status status = lens_train(context, images, validation_images, &options, &model);
    if (status != LENS_OK) {
        return failed(status, "training");
    }
    status = lens_model_save(model, training->model, LENS_MODEL_FORMAT_SAFETENSORS);
    lens_model_free(model);
    if (status != LENS_OK) {
        return failed(status, training->model);
    }
    printf("%s\n", training->model);
    return EXIT_SUCCESS;
}

static int train(const lens_context *context, const struct training *training, const lens_cancel_token *cancel)
{
    lens_dataset *images = NULL, *validation_images = NULL;
    int exit_code = EXIT_SUCCESS;
    lens_status status = lens_dataset_open(training->images, NULL, &images);
    if (status != LENS_OK) {
        return failed(status, training->images);
    }
    status = lens_dataset_open(training->validation_images, NULL, &validation_images);
    if (status != LENS_OK) {
        exit_code = failed(status, training->validation_images);
    } else {
        exit_code = train_on(context, training, images, validation_images, cancel);
    }
    lens_dataset_free(validation_images);
    lens_dataset_free(images);
    return exit_code;
}

/* One file at a time, for brevity: images that are handed over together are computed together, which is faster. */
static int classify(const lens_model *model, const char *path, const lens_cancel_token *cancel)
{
    lens_image_file *file = NULL;
    lens_image image; /* a view of the file's pixels; a viewer fills one with pixels of its own */
    lens_read_options reading; /* as the model was trained */
    lens_status status = lens_model_get_read_options(model, &reading);
    if (status == LENS_OK) {
        status = lens_image_file_load(path, 0, &reading, &file);
    }
    if (status == LENS_OK) {
        status = lens_image_file_get_view(file, &image);
    }
    lens_classify_options options;
    lens_prediction prediction;
    lens_classify_options_init(&options);
    options.cancel = cancel;
    if (status == LENS_OK) {
        status = lens_classify(model, &image, 1, &options, &prediction);
    }
    int exit_code = EXIT_SUCCESS;
    if (status != LENS_OK) {
        exit_code = failed(status, path);
    } else {
        printf("%s: probability %.6f, %s\n", path, (double)prediction.probability,
               prediction.label == 1 ? "positive" : "negative");
    }
    lens_image_file_free(file);
    return exit_code;
}

/* The overlay's pixels belong to the caller, who says how far apart its rows are. */
static lens_status write_overlay(const lens_heatmap *heatmap, const lens_image *image, const char *path)
{
    lens_image overlay = {.width = image->width,
                          .height = image->height,
                          .row_stride = 4 * (size_t)image->width,
                          .format = LENS_PIXEL_FORMAT_RGBA8};
    unsigned char *pixels = malloc(overlay.row_stride * overlay.height);
    if (pixels == NULL) {
        return LENS_ERROR_OUT_OF_MEMORY;
    }
    lens_overlay_options options;
    lens_overlay_options_init(&options);
    options.outline_tiles = 1;
    lens_status status = lens_heatmap_overlay(heatmap, image, &options, pixels, overlay.row_stride);
    if (status == LENS_OK) {
        overlay.pixels = pixels;
        status = lens_png_write(path, &overlay);
    }
    free(pixels);
    return status;
}

static lens_status print_heatmap(const lens_heatmap *heatmap)
{
    lens_heatmap_summary summary;
    const lens_tile *tiles = NULL; /* the heatmap's own, valid as long as it */
    size_t count = 0;
    lens_status status = lens_heatmap_get_summary(heatmap, &summary);
    if (status == LENS_OK) {
        status = lens_heatmap_get_tiles(heatmap, &tiles, &count);
    }
    if (status == LENS_OK) {
        const lens_tile *hottest = &tiles[summary.hottest_tile];
        printf("mean %.6f, maximum %.6f, hottest at %g, %g: probability %.6f\n", (double)summary.mean,
               (double)summary.maximum, (double)hottest->x, (double)hottest->y, (double)hottest->probability);
    }
    return status;
}

static int draw(const lens_model *model, const char *path, const char *overlay_path, const lens_cancel_token *cancel)
{
    lens_image_file *file = NULL;
    lens_heatmap *heatmap = NULL;
    lens_image image;
    lens_heatmap_options options;
    lens_heatmap_options_init(&options);
    options.progress = show_progress;
    options.progress_user_data = "drawing";
    options.cancel = cancel;

    lens_read_options reading; /* as the model was trained */
    lens_status status = lens_model_get_read_options(model, &reading);
    if (status == LENS_OK) {
        status = lens_image_file_load(path, 0, &reading, &file);
    }
    if (status == LENS_OK) {
        status = lens_image_file_get_view(file, &image);
    }
    if (status == LENS_OK) {
        status = lens_heatmap_compute(model, &image, 1, &options, &heatmap);
    }
    if (status == LENS_OK) {
        status = write_overlay(heatmap, &image, overlay_path);
    }
    if (status == LENS_OK) {
        status = print_heatmap(heatmap);
    }
    int exit_code = status == LENS_OK ? EXIT_SUCCESS : failed(status, path);
    lens_heatmap_free(heatmap);
    lens_image_file_free(file);
    return exit_code;
}

static int usage(void)
{
    fputs("usage: example train TRAINING VALIDATION MODEL.safetensors [EPOCHS [IMAGE-SIZE [BATCH-SIZE]]]\n"
          "       example classify MODEL.safetensors IMAGE...\n"
          "       example heatmap MODEL.safetensors IMAGE OVERLAY.png\n",
          stderr);
    return EXIT_USAGE;
}

/* A number of the command line; 0 where it is missing. The library refuses what is out of range, with a message. */
static uint32_t number_at(int argc, char **argv, int index)
{
    return index < argc ? (uint32_t)strtoul(argv[index], NULL, 10) : 0;
}

static int use_model(const lens_context *context, int argc, char **argv, const lens_cancel_token *cancel)
{
    lens_model *model = NULL;
    lens_status status = lens_model_load(context, argv[2], &model);
    if (status != LENS_OK) {
        return failed(status, argv[2]);
    }
    int exit_code = EXIT_SUCCESS;
    if (strcmp(argv[1], "heatmap") == 0) {
        exit_code = draw(model, argv[3], argv[4], cancel);
    } else {
        for (int i = 3; i < argc && exit_code == EXIT_SUCCESS; i++) {
            exit_code = classify(model, argv[i], cancel);
        }
    }
    lens_model_free(model);
    return exit_code;
}

/* A lens_log_fn; from any thread. */
static void show_message(lens_log_level level, const char *message, void *user_data)
{
    (void)user_data;
    fprintf(stderr, "example: %s: %s\n", level == LENS_LOG_LEVEL_ERROR ? "error" : "warning", message);
}

static int run(int argc, char **argv, const lens_cancel_token *cancel)
{
    lens_init_options options;
    lens_init_options_init(&options);
    options.abi_version = LENS_ABI_VERSION; /* a library of another one is refused */
    options.log = show_message;

    lens_context *context = NULL;
    lens_status status = lens_init(&options, &context);
    if (status != LENS_OK) {
        return failed(status, "setting up");
    }
    int exit_code = EXIT_SUCCESS;
    if (strcmp(argv[1], "train") == 0) {
        const struct training training = {.images = argv[2],
                                          .validation_images = argv[3],
                                          .model = argv[4],
                                          .epochs = number_at(argc, argv, 5),
                                          .image_size = number_at(argc, argv, 6),
                                          .batch_size = number_at(argc, argv, 7)};
        exit_code = train(context, &training, cancel);
    } else {
        exit_code = use_model(context, argc, argv, cancel);
    }
    lens_context_free(context);
    return exit_code;
}

int main(int argc, char **argv)
{
    bool known = (argc >= 4 && strcmp(argv[1], "classify") == 0) || (argc == 5 && strcmp(argv[1], "heatmap") == 0) ||
                 (argc >= 5 && argc <= 8 && strcmp(argv[1], "train") == 0);
    if (!known) {
        return usage();
    }
    lens_cancel_token *cancel = NULL;
    lens_status status = lens_cancel_token_new(&cancel);
    if (status != LENS_OK) {
        return failed(status, "a cancel token");
    }
    int error = cancel_on_interrupt(cancel);
    if (error != 0) {
        fprintf(stderr, "example: Ctrl-C cannot be waited for: %s\n", strerror(error));
        return EXIT_FAILURE;
    }
    /* The thread that waits may still trigger the token, so it is kept until the program ends. */
    return run(argc, argv, cancel);
}
