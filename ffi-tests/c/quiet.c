/**
 * What a library in somebody's process must not do: print, take signals over, change where the process is or how it
 * reads numbers, leave files open.
 */
#include "fixture.h"

#include <fenv.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>

static uint8_t pixels[FIXTURE_PIXELS];
static lens_image image;
static fixture_path scratch, captured_path;

static void set_up(void)
{
    fixture_scratch(scratch, "quiet");
    fixture_join(captured_path, scratch, "output.txt");
    fixture_draw(1, pixels);
    image = fixture_view(pixels, FIXTURE_SIDE, FIXTURE_SIDE);
}

/* Standard output and standard error as the process, not the C library, knows them. */
struct capture {
    int file;
    int saved[2];
};

static void begin_capture(struct capture *capture)
{
    fflush(stdout);
    fflush(stderr);
    capture->file = open(captured_path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    CHECK(capture->file >= 0);
    for (int index = 0; index < 2; index++) {
        capture->saved[index] = dup(index + 1);
        CHECK(capture->saved[index] >= 0);
        CHECK_EQUAL(dup2(capture->file, index + 1), index + 1);
    }
}

static void end_capture(struct capture *capture)
{
    fflush(stdout);
    fflush(stderr);
    for (int index = 0; index < 2; index++) {
        dup2(capture->saved[index], index + 1);
        close(capture->saved[index]);
    }
    close(capture->file);
}

static void check_nothing_captured(void)
{
    size_t count;
    char *text = fixture_read(captured_path, &count);
    if (count > 0)
        check_fail(__FILE__, __LINE__, "expected no output, got \"%s\"", text);
    free(text);
}

/* Statuses are kept until output is back where it belongs: a failed check has something to say. */
enum { MOST_CALLS = 32 };

struct calls {
    lens_status expected[MOST_CALLS];
    lens_status got[MOST_CALLS];
    const char *names[MOST_CALLS];
    size_t count;
};

static void note_call(struct calls *calls, lens_status expected, lens_status got, const char *name)
{
    if (calls->count < MOST_CALLS) {
        calls->expected[calls->count] = expected;
        calls->got[calls->count] = got;
        calls->names[calls->count] = name;
    }
    calls->count++;
}

#define NOTE(expected, call) note_call(&calls, expected, call, #call)

static void check_calls(const struct calls *calls)
{
    CHECK(calls->count <= MOST_CALLS);
    for (size_t index = 0; index < calls->count; index++) {
        if (calls->got[index] != calls->expected[index])
            check_fail(__FILE__, __LINE__, "expected status %d, got %d from %s", (int)calls->expected[index],
                       (int)calls->got[index], calls->names[index]);
    }
}

static void failures_print_nothing(void)
{
    struct capture capture;
    struct calls calls;
    fixture_path model_path, broken_model, broken_picture, missing;
    lens_context *context = fixture_context(), *made = NULL;
    lens_model *model = fixture_model(context), *loaded = NULL;
    lens_dataset *dataset = NULL, *one_class = NULL;
    lens_image_file *picture = NULL;
    lens_prediction prediction;
    lens_heatmap *heatmap = NULL;
    lens_image wrong = image;
    lens_init_options init;
    lens_train_options train;
    char *json = NULL, *bytes;
    size_t count;

    fixture_model_path(model_path);
    fixture_join(broken_model, scratch, "broken.safetensors");
    fixture_join(broken_picture, scratch, "broken.png");
    fixture_join(missing, scratch, "missing");
    bytes = fixture_read(model_path, &count);
    memset(bytes + count / 3, 0xFF, 64);
    fixture_write(broken_model, bytes, count - 1000);
    free(bytes);
    fixture_write(broken_picture, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff", 20);
    one_class = fixture_dataset(1, 1);
    lens_init_options_init(&init);
    init.device = 99;
    fixture_train_options(&train);
    wrong.row_stride = 1;
    memset(&calls, 0, sizeof calls);

    begin_capture(&capture);
    NOTE(LENS_ERROR_ARGUMENT, lens_init(&init, &made));
    NOTE(LENS_ERROR_IO, lens_model_load(context, missing, &loaded));
    NOTE(LENS_ERROR_FORMAT, lens_model_load(context, broken_model, &loaded));
    NOTE(LENS_ERROR_FORMAT, lens_model_load(context, broken_picture, &loaded));
    NOTE(LENS_ERROR_ARGUMENT, lens_model_load(NULL, NULL, NULL));
    NOTE(LENS_ERROR_IO, lens_model_save(model, "/proc/no/such/model", LENS_MODEL_FORMAT_SAFETENSORS));
    NOTE(LENS_ERROR_IO, lens_image_file_load(missing, 0, NULL, &picture));
    NOTE(LENS_ERROR_FORMAT, lens_image_file_load(broken_picture, 0, NULL, &picture));
    NOTE(LENS_ERROR_IO, lens_png_write("/proc/no/such/picture.png", &image));
    NOTE(LENS_ERROR_IO, lens_dataset_open(missing, NULL, &dataset));
    NOTE(LENS_ERROR_ARGUMENT, lens_classify(model, &wrong, 1, NULL, &prediction));
    NOTE(LENS_ERROR_ARGUMENT, lens_heatmap_compute(model, &wrong, 1, NULL, &heatmap));
    NOTE(LENS_ERROR_DATA, lens_train(context, one_class, NULL, &train, &loaded));
    NOTE(LENS_ERROR_ARGUMENT, lens_evaluate(NULL, one_class, NULL, &json));
    NOTE(LENS_ERROR_DATA, lens_model_calibrate(model, one_class, NULL, &loaded, &json));
    end_capture(&capture);

    check_calls(&calls);
    check_nothing_captured();
    lens_dataset_free(one_class);
    lens_model_free(model);
    lens_context_free(context);
}

static int32_t go_on(const lens_progress *progress, void *user_data)
{
    (void)progress;
    (void)user_data;
    return 0;
}

static void successes_print_nothing(void)
{
    struct capture capture;
    struct calls calls;
    fixture_path model_path, root, output, picture_path, optimized_path;
    lens_context *context = NULL;
    lens_model *model = NULL, *trained = NULL, *optimized = NULL;
    lens_dataset *dataset = NULL;
    lens_image_file *picture = NULL;
    lens_prediction prediction;
    lens_heatmap *heatmap = NULL;
    lens_train_options train;
    lens_evaluate_options evaluate;
    char *json = NULL, *description = NULL;

    fixture_model_path(model_path);
    fixture_join(root, scratch, "root");
    fixture_join(output, scratch, "report");
    fixture_join(picture_path, scratch, "picture.png");
    fixture_join(optimized_path, scratch, "optimised.pt");
    fixture_write_labelled(root, FIXTURE_COUNT);
    fixture_train_options(&train);
    train.progress = go_on;
    train.run_directory = output;
    lens_evaluate_options_init(&evaluate);
    evaluate.output_dir = output;
    memset(&calls, 0, sizeof calls);

    begin_capture(&capture);
    NOTE(LENS_OK, lens_init(NULL, &context));
    NOTE(LENS_OK, lens_context_describe(context, &description));
    NOTE(LENS_OK, lens_dataset_open(root, NULL, &dataset));
    NOTE(LENS_OK, lens_train(context, dataset, dataset, &train, &trained));
    NOTE(LENS_OK, lens_model_load(context, model_path, &model));
    NOTE(LENS_OK, lens_classify(model, &image, 1, NULL, &prediction));
    NOTE(LENS_OK, lens_heatmap_compute(model, &image, 1, NULL, &heatmap));
    NOTE(LENS_OK, lens_evaluate(model, dataset, &evaluate, &json));
    /* libtorch warns of quantised tensors. */
    NOTE(LENS_OK, lens_model_optimize(model, optimized_path, NULL));
    NOTE(LENS_OK, lens_model_load(context, optimized_path, &optimized));
    NOTE(LENS_OK, lens_classify(optimized, &image, 1, NULL, &prediction));
    NOTE(LENS_OK, lens_png_write(picture_path, &image));
    NOTE(LENS_OK, lens_image_file_load(picture_path, 0, NULL, &picture));
    lens_string_free(json);
    lens_string_free(description);
    lens_image_file_free(picture);
    lens_heatmap_free(heatmap);
    lens_model_free(optimized);
    lens_model_free(trained);
    lens_model_free(model);
    lens_dataset_free(dataset);
    lens_context_free(context);
    end_capture(&capture);

    check_calls(&calls);
    check_nothing_captured();
}

/* The process's state that a program has every right to find as it left it. */
struct process_state {
    struct sigaction handlers[64];
    int known[64];
    sigset_t mask;
    int rounding;
    char locale[128];
    char directory[FIXTURE_PATH_LIMIT];
    mode_t permissions;
};

static void read_state(struct process_state *state)
{
    memset(state, 0, sizeof *state);
    for (int number = 1; number < 64; number++)
        state->known[number] = sigaction(number, NULL, &state->handlers[number]) == 0;
    CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, NULL, &state->mask), 0);
    state->rounding = fegetround();
    snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
    CHECK(getcwd(state->directory, sizeof state->directory) != NULL);
    state->permissions = umask(0);
    umask(state->permissions);
}

/* A program with a handler of its own, so that "unchanged" is more than "default". */
static void interrupted(int number)
{
    (void)number;
}

static void the_process_stays_as_it_was(void)
{
    struct process_state before, after;
    struct sigaction own;
    lens_context *context;
    lens_model *model, *trained = NULL;
    lens_dataset *dataset;
    lens_image_file *picture = NULL;
    lens_train_options options;

    memset(&own, 0, sizeof own);
    own.sa_handler = interrupted;
    CHECK_EQUAL(sigaction(SIGINT, &own, NULL), 0);
    read_state(&before);
    context = fixture_context();
    model = fixture_model(context);
    fixture_classify(model, &image);
    dataset = fixture_dataset(0, FIXTURE_COUNT);
    fixture_train_options(&options);
    CHECK_OK(lens_train(context, dataset, NULL, &options, &trained));
    CHECK_STATUS(lens_image_file_load("/no/such/picture.png", 0, NULL, &picture), LENS_ERROR_IO);
    read_state(&after);

    for (int number = 1; number < 64; number++) {
        CHECK_EQUAL(after.known[number], before.known[number]);
        if (after.handlers[number].sa_handler != before.handlers[number].sa_handler ||
            after.handlers[number].sa_flags != before.handlers[number].sa_flags)
            check_fail(__FILE__, __LINE__, "expected the handler of signal %d to be as before", number);
        CHECK_EQUAL(sigismember(&after.mask, number), sigismember(&before.mask, number));
    }
    CHECK_EQUAL(after.rounding, before.rounding);
    CHECK(strcmp(after.locale, before.locale) == 0);
    CHECK(strcmp(after.directory, before.directory) == 0);
    CHECK_EQUAL(after.permissions, before.permissions);

    lens_model_free(trained);
    lens_model_free(model);
    lens_dataset_free(dataset);
    lens_context_free(context);
}

/* Files are written where the caller said, and nowhere else. */
static void nothing_is_written_unasked(void)
{
    fixture_path directory;
    char home[FIXTURE_PATH_LIMIT];
    lens_context *context;
    lens_model *model, *trained = NULL;
    lens_dataset *dataset;
    lens_train_options options;
    char *json = NULL;

    fixture_scratch(directory, "unasked");
    CHECK(getcwd(home, sizeof home) != NULL);
    CHECK_EQUAL(setenv("TMPDIR", directory, 1), 0);
    CHECK_EQUAL(setenv("HOME", directory, 1), 0);
    CHECK_EQUAL(setenv("XDG_CACHE_HOME", directory, 1), 0);
    CHECK_EQUAL(chdir(directory), 0);
    context = fixture_context();
    model = fixture_model(context);
    fixture_classify(model, &image);
    dataset = fixture_dataset(0, FIXTURE_COUNT);
    fixture_train_options(&options);
    CHECK_OK(lens_train(context, dataset, dataset, &options, &trained));
    CHECK_OK(lens_evaluate(trained, dataset, NULL, &json));
    lens_string_free(json);
    lens_model_free(trained);
    lens_model_free(model);
    lens_dataset_free(dataset);
    lens_context_free(context);
    CHECK_EQUAL(fixture_other_entries(directory, NULL, 0), 0);
    CHECK_EQUAL(chdir(home), 0);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    {"failures_print_nothing", failures_print_nothing},
    {"successes_print_nothing", successes_print_nothing},
    {"the_process_stays_as_it_was", the_process_stays_as_it_was},
    {"nothing_is_written_unasked", nothing_is_written_unasked},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
