/**
 * A program that forks: models loaded before are used in the child, also when other threads were computing when it forked, and
 * are freed there.
 *
 * Each child has a time limit; one that does not keep it is killed, and its last step is named.
 */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { BUSY_THREADS = 4, ROUNDS = 50, LIMIT_SECONDS = 60, IMAGES = 2 };

static lens_context *context;
static lens_model *model;
static fixture_path model_path;
static uint8_t pixels[IMAGES][FIXTURE_PIXELS];
static lens_image images[IMAGES];
static lens_prediction expected[IMAGES];
static float expected_values[FIXTURE_PIXELS];

/* What a child is at, in memory that it shares with its parent. */
static const char *volatile *step;

static void heatmap_values(float *values)
{
    lens_heatmap *heatmap = NULL;
    const float *computed = NULL;
    size_t count = 0;
    lens_heatmap_options options;
    lens_heatmap_options_init(&options);
    options.tile_size = 32;
    options.stride = 16;
    CHECK_OK(lens_heatmap_compute(model, images, 1, &options, &heatmap));
    CHECK_OK(lens_heatmap_get_values(heatmap, &computed, &count));
    CHECK_EQUAL(count, FIXTURE_PIXELS);
    memcpy(values, computed, sizeof expected_values);
    lens_heatmap_free(heatmap);
}

static lens_context *context_of_threads(uint32_t threads)
{
    lens_context *made = NULL;
    lens_init_options options;
    lens_init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.threads = threads;
    CHECK_OK(lens_init(&options, &made));
    return made;
}

static void set_up(void)
{
    void *shared = mmap(NULL, sizeof *step, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    step = shared;
    fixture_model_path(model_path);
    for (unsigned number = 0; number < IMAGES; number++) {
        fixture_draw(number, pixels[number]);
        images[number] = fixture_view(pixels[number], FIXTURE_SIDE, FIXTURE_SIDE);
    }
    /* Several threads for a call, also where there is one processor. */
    context = context_of_threads(3);
    model = fixture_model(context);
    CHECK_OK(lens_classify(model, images, IMAGES, NULL, expected));
    heatmap_values(expected_values);
}

/* Runs a body in a child; fails, with the child's last step, unless it ends well and in time. */
static void in_child(void (*body)(void), int by_exit)
{
    int status = 0;
    struct timespec pause = {0, 2000000};
    time_t end = time(NULL) + LIMIT_SECONDS;
    *step = "fork";
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (setjmp(check_escape) != 0) {
            fflush(stdout);
            _exit(1);
        }
        body();
        *step = "exit";
        if (by_exit)
            exit(0);
        _exit(0);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (time(NULL) > end) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            check_fail(__FILE__, __LINE__, "a child hung for %d seconds in: %s", LIMIT_SECONDS, *step);
        }
        nanosleep(&pause, NULL);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        check_fail(__FILE__, __LINE__, "a child ended with status %#x in: %s", (unsigned)status, *step);
}

static void classify_as_the_parent(void)
{
    lens_prediction got[IMAGES];
    float values[FIXTURE_PIXELS];
    *step = "lens_classify";
    CHECK_OK(lens_classify(model, images, IMAGES, NULL, got));
    CHECK(memcmp(got, expected, sizeof got) == 0);
    *step = "lens_heatmap_compute";
    heatmap_values(values);
    CHECK(memcmp(values, expected_values, sizeof values) == 0);
}

static void a_model_of_the_parent_works_in_the_child(void)
{
    in_child(classify_as_the_parent, 0);
    in_child(classify_as_the_parent, 1);
    classify_as_the_parent();
}

static void free_all(void)
{
    *step = "lens_model_free";
    lens_model_free(model);
    *step = "lens_context_free";
    lens_context_free(context);
}

static void handles_of_the_parent_are_freed_in_the_child(void)
{
    in_child(free_all, 1);
    classify_as_the_parent();
}

static void use_and_free(void)
{
    classify_as_the_parent();
    free_all();
}

static void in_grandchild(void)
{
    classify_as_the_parent();
    in_child(use_and_free, 1);
    *step = "waiting for a grandchild";
    classify_as_the_parent();
}

static void children_fork(void)
{
    in_child(in_grandchild, 1);
}

static void make_anew(void)
{
    lens_context *own = NULL;
    lens_model *loaded = NULL;
    lens_prediction got[IMAGES];
    *step = "lens_init";
    own = context_of_threads(2);
    *step = "lens_model_load";
    loaded = fixture_model(own);
    *step = "lens_classify with a model of its own";
    CHECK_OK(lens_classify(loaded, images, IMAGES, NULL, got));
    CHECK(memcmp(got, expected, sizeof got) == 0);
    *step = "lens_model_free of its own";
    lens_model_free(loaded);
    *step = "lens_context_free of its own";
    lens_context_free(own);
}

static int32_t fork_once(const lens_progress *progress, void *user_data)
{
    pid_t *child = user_data;
    (void)progress;
    if (*child == -1) {
        fflush(stdout);
        *child = fork();
    }
    return 0;
}

/* The child comes out of the call with an error, at once. */
static void a_call_is_not_gone_on_with_in_the_child(void)
{
    pid_t child = -1;
    int code = 0;
    lens_train_options options;
    lens_dataset *training = fixture_dataset(0, FIXTURE_COUNT), *validation = fixture_dataset(FIXTURE_COUNT, 4);
    lens_model *trained = NULL;
    fixture_train_options(&options);
    options.progress = fork_once;
    options.progress_user_data = &child;
    alarm(LIMIT_SECONDS);
    lens_status status = lens_train(context, training, validation, &options, &trained);
    if (child == 0) {
        alarm(LIMIT_SECONDS);
        code = status == LENS_ERROR_UNSUPPORTED && strstr(lens_last_error(), "forked") != NULL && trained == NULL;
        classify_as_the_parent();
        _exit(code ? 0 : 1);
    }
    alarm(0);
    CHECK_EQUAL(status, LENS_OK);
    CHECK(child > 0);
    CHECK_EQUAL(waitpid(child, &code, 0), child);
    CHECK(WIFEXITED(code) && WEXITSTATUS(code) == 0);
    lens_model_free(trained);
    lens_dataset_free(training);
    lens_dataset_free(validation);
}

/* Forks while other threads are in the library */

static atomic_int stop, busy_failures, busy_calls;

static void note(lens_status status)
{
    atomic_fetch_add(&busy_failures, status != LENS_OK);
    atomic_fetch_add(&busy_calls, 1);
}

static void *keep_classifying(void *argument)
{
    lens_prediction got[IMAGES];
    (void)argument;
    while (!atomic_load(&stop))
        note(lens_classify(model, images, IMAGES, NULL, got));
    return NULL;
}

/* A new model's weights are packed, by all threads of the pool, at its first image. */
static void *keep_loading(void *argument)
{
    lens_prediction got;
    (void)argument;
    while (!atomic_load(&stop)) {
        lens_model *loaded = NULL;
        note(lens_model_load(context, model_path, &loaded));
        note(lens_classify(loaded, images, 1, NULL, &got));
        lens_model_free(loaded);
    }
    return NULL;
}

static void *keep_drawing(void *argument)
{
    (void)argument;
    while (!atomic_load(&stop)) {
        lens_heatmap *heatmap = NULL;
        lens_heatmap_options options;
        lens_heatmap_options_init(&options);
        options.tile_size = 32;
        options.stride = 8;
        note(lens_heatmap_compute(model, images, IMAGES, &options, &heatmap));
        lens_heatmap_free(heatmap);
    }
    return NULL;
}

static void *keep_training(void *argument)
{
    lens_dataset **datasets = argument;
    while (!atomic_load(&stop)) {
        lens_model *trained = NULL;
        lens_train_options options;
        lens_train_options_init(&options);
        options.epochs = 1;
        options.batch_size = 8;
        options.image_size = FIXTURE_IMAGE_SIZE;
        note(lens_train(context, datasets[0], datasets[1], &options, &trained));
        lens_model_free(trained);
    }
    return NULL;
}

static void use_old_and_new_and_free(void)
{
    classify_as_the_parent();
    make_anew();
    free_all();
}

static void forks_while_four_threads_compute(void)
{
    static void *(*const bodies[BUSY_THREADS])(void *) = {keep_classifying, keep_loading, keep_drawing, keep_training};
    lens_dataset *datasets[2] = {fixture_dataset(0, FIXTURE_COUNT), fixture_dataset(FIXTURE_COUNT, 4)};
    pthread_t threads[BUSY_THREADS];
    uint32_t random = 5;
    for (int index = 0; index < BUSY_THREADS; index++)
        CHECK_EQUAL(pthread_create(&threads[index], NULL, bodies[index], datasets), 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec pause = {0, (long)(fixture_random(&random) % 32) * 500000};
        nanosleep(&pause, NULL);
        in_child(use_old_and_new_and_free, round % 2);
    }
    atomic_store(&stop, 1);
    for (int index = 0; index < BUSY_THREADS; index++)
        CHECK_EQUAL(pthread_join(threads[index], NULL), 0);
    CHECK_EQUAL(atomic_load(&busy_failures), 0);
    CHECK(atomic_load(&busy_calls) > BUSY_THREADS);
    lens_dataset_free(datasets[0]);
    lens_dataset_free(datasets[1]);
    classify_as_the_parent();
}

/* libtorch */

static lens_context *torch_context;
static lens_model *torch_model;

static void use_and_free_what_libtorch_computes(void)
{
    lens_context *own = DIRTY(lens_context);
    lens_prediction got;
    lens_init_options options;
    *step = "lens_classify on libtorch";
    CHECK_STATUS(lens_classify(torch_model, images, 1, NULL, &got), LENS_ERROR_UNSUPPORTED);
    CHECK_MESSAGE_NAMES("forked");
    *step = "lens_init on libtorch";
    lens_init_options_init(&options);
    options.engine = LENS_ENGINE_TORCH;
    CHECK_STATUS(lens_init(&options, &own), LENS_ERROR_UNSUPPORTED);
    CHECK_MESSAGE_NAMES("forked");
    *step = "lens_model_free on libtorch";
    lens_model_free(torch_model);
    *step = "lens_context_free on libtorch";
    lens_context_free(torch_context);
    use_old_and_new_and_free();
}

static void what_libtorch_computes_is_refused_in_the_child(void)
{
    lens_prediction got;
    lens_init_options options;
    if (getenv("LENS_TEST_WITHOUT_LIBTORCH") != NULL) {
        printf("(not run: needs libtorch) ");
        return;
    }
    lens_init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.engine = LENS_ENGINE_TORCH;
    options.threads = 2;
    CHECK_OK(lens_init(&options, &torch_context));
    torch_model = fixture_model(torch_context);
    CHECK_OK(lens_classify(torch_model, images, 1, NULL, &got));
    in_child(use_and_free_what_libtorch_computes, 1);
    CHECK_OK(lens_classify(torch_model, images, 1, NULL, &got));
    lens_model_free(torch_model);
    lens_context_free(torch_context);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    {"a_model_of_the_parent_works_in_the_child", a_model_of_the_parent_works_in_the_child},
    {"handles_of_the_parent_are_freed_in_the_child", handles_of_the_parent_are_freed_in_the_child},
    {"children_fork", children_fork},
    {"a_call_is_not_gone_on_with_in_the_child", a_call_is_not_gone_on_with_in_the_child},
    {"forks_while_four_threads_compute", forks_while_four_threads_compute},
    {"what_libtorch_computes_is_refused_in_the_child", what_libtorch_computes_is_refused_in_the_child},
    {"tear_down", free_all},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
