/**
 * Many threads on the same handles, and calls that are stopped from outside.
 *
 * Threads note what they saw; the main thread checks it, because a failed check must not jump across threads.
 */
#include "fixture.h"

#include <pthread.h>
#include <time.h>

enum { THREADS = 8, IMAGES = 8, ROUNDS = 3 };

static lens_context *context;
static lens_model *model;
static lens_dataset *dataset;
static fixture_path scratch;
static uint8_t pixels[IMAGES][FIXTURE_PIXELS];
static lens_image images[IMAGES];
static pthread_barrier_t start;

static void set_up(void)
{
    fixture_scratch(scratch, "threads");
    for (unsigned number = 0; number < IMAGES; number++) {
        fixture_draw(number, pixels[number]);
        images[number] = fixture_view(pixels[number], FIXTURE_SIDE, FIXTURE_SIDE);
    }
    context = fixture_context();
    model = fixture_model(context);
    dataset = fixture_dataset(0, FIXTURE_COUNT);
    CHECK_EQUAL(pthread_barrier_init(&start, NULL, THREADS), 0);
}

/* Runs one function in all threads at once. */
static void run_all(void *(*body)(void *), void *jobs, size_t job_size)
{
    pthread_t threads[THREADS];
    for (size_t index = 0; index < THREADS; index++)
        CHECK_EQUAL(pthread_create(&threads[index], NULL, body, (char *)jobs + index * job_size), 0);
    for (size_t index = 0; index < THREADS; index++)
        CHECK_EQUAL(pthread_join(threads[index], NULL), 0);
}

struct inference {
    lens_status failed;
    char message[200];
    lens_prediction predictions[ROUNDS][IMAGES];
    float values[ROUNDS][FIXTURE_PIXELS];
};

static void note(struct inference *job, lens_status status)
{
    if (status != LENS_OK && job->failed == LENS_OK) {
        job->failed = status;
        snprintf(job->message, sizeof job->message, "%s", lens_last_error());
    }
}

static void infer_round(struct inference *job, int round)
{
    lens_heatmap *heatmap = NULL;
    const float *values = NULL;
    size_t count = 0;
    lens_heatmap_options options;
    lens_heatmap_options_init(&options);
    options.tile_size = 32;
    options.stride = 16;
    note(job, lens_classify(model, images, IMAGES, NULL, job->predictions[round]));
    note(job, lens_heatmap_compute(model, &images[1], 1, &options, &heatmap));
    note(job, lens_heatmap_get_values(heatmap, &values, &count));
    if (values != NULL && count == FIXTURE_PIXELS)
        memcpy(job->values[round], values, sizeof job->values[round]);
    lens_heatmap_free(heatmap);
}

static void *infer(void *argument)
{
    struct inference *job = argument;
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS; round++)
        infer_round(job, round);
    return NULL;
}

static void eight_threads_get_what_one_gets(void)
{
    static struct inference alone, jobs[THREADS];
    infer_round(&alone, 0);
    CHECK_EQUAL(alone.failed, LENS_OK);
    run_all(infer, jobs, sizeof jobs[0]);
    for (int thread = 0; thread < THREADS; thread++) {
        if (jobs[thread].failed != LENS_OK)
            check_fail(__FILE__, __LINE__, "thread %d: status %d, \"%s\"", thread, (int)jobs[thread].failed,
                       jobs[thread].message);
        for (int round = 0; round < ROUNDS; round++) {
            for (int image = 0; image < IMAGES; image++) {
                const lens_prediction *got = &jobs[thread].predictions[round][image];
                CHECK(memcmp(got, &alone.predictions[0][image], sizeof *got) == 0);
            }
            CHECK(memcmp(jobs[thread].values[round], alone.values[0], sizeof alone.values[0]) == 0);
        }
    }
}

struct initialisation {
    lens_status status;
    lens_status describe;
    size_t length;
};

static void *initialise(void *argument)
{
    struct initialisation *job = argument;
    lens_context *made = NULL;
    char *json = NULL;
    pthread_barrier_wait(&start);
    job->status = lens_init(NULL, &made);
    job->describe = lens_context_describe(made, &json);
    job->length = json == NULL ? 0 : strlen(json);
    lens_string_free(json);
    lens_context_free(made);
    return NULL;
}

static void init_from_eight_threads(void)
{
    struct initialisation jobs[THREADS];
    memset(jobs, 0xAB, sizeof jobs);
    run_all(initialise, jobs, sizeof jobs[0]);
    for (int thread = 0; thread < THREADS; thread++) {
        CHECK_EQUAL(jobs[thread].status, LENS_OK);
        CHECK_EQUAL(jobs[thread].describe, LENS_OK);
        CHECK(jobs[thread].length > 100);
    }
}

struct mistake {
    int number;
    int wrong;
};

static void *make_mistakes(void *argument)
{
    struct mistake *job = argument;
    char path[64];
    pthread_barrier_wait(&start);
    job->wrong += lens_last_error()[0] != '\0';
    snprintf(path, sizeof path, "/no/such/picture of thread %d.png", job->number);
    for (int round = 0; round < 200; round++) {
        lens_image_file *picture = NULL;
        lens_dataset *empty = NULL;
        job->wrong += lens_image_file_load(path, 0, NULL, &picture) != LENS_ERROR_IO;
        job->wrong += strstr(lens_last_error(), path) == NULL;
        /* In every other thread the last call succeeded. */
        if (job->number % 2 == 0) {
            job->wrong += lens_dataset_new(&empty) != LENS_OK;
            job->wrong += lens_last_error()[0] != '\0';
            lens_dataset_free(empty);
        }
    }
    return NULL;
}

static void each_thread_has_its_own_last_error(void)
{
    struct mistake jobs[THREADS];
    CHECK_STATUS(lens_dataset_new(NULL), LENS_ERROR_ARGUMENT);
    for (int thread = 0; thread < THREADS; thread++) {
        jobs[thread].number = thread;
        jobs[thread].wrong = 0;
    }
    run_all(make_mistakes, jobs, sizeof jobs[0]);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK_EQUAL(jobs[thread].wrong, 0);
    CHECK_MESSAGE_NAMES("dataset");
}

struct addition {
    lens_dataset *shared;
    int number;
    int wrong;
};

static void *add_and_read(void *argument)
{
    struct addition *job = argument;
    pthread_barrier_wait(&start);
    for (int round = 0; round < 40; round++) {
        char *json = NULL;
        int label = job->number % 2;
        job->wrong += lens_dataset_add(job->shared, &images[label], label, NULL) != LENS_OK;
        job->wrong += lens_dataset_describe(job->shared, &json) != LENS_OK;
        lens_string_free(json);
    }
    return NULL;
}

static void a_data_set_grows_from_eight_threads(void)
{
    struct addition jobs[THREADS];
    lens_dataset *shared = NULL;
    char *json = NULL;
    CHECK_OK(lens_dataset_new(&shared));
    for (int thread = 0; thread < THREADS; thread++) {
        jobs[thread].shared = shared;
        jobs[thread].number = thread;
        jobs[thread].wrong = 0;
    }
    run_all(add_and_read, jobs, sizeof jobs[0]);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK_EQUAL(jobs[thread].wrong, 0);
    CHECK_OK(lens_dataset_describe(shared, &json));
    CHECK_NEAR(fixture_json_number(json, "samples"), THREADS * 40, 0);
    CHECK_NEAR(fixture_json_number(json, "positives"), THREADS * 20, 0);
    lens_string_free(json);
    lens_dataset_free(shared);
}

/* Stopping */

/* A training, watched from its callback: another thread stops it, or the callback does. */
struct watched {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    lens_cancel_token *token;
    pthread_t caller;
    lens_phase stop_phase;
    uint32_t stop_epoch;
    int stop_by_return;
    int reached;
    int triggered;
    int wrong_thread;
    int wrong_figures;
    int calls_after;
};

static void watch(struct watched *watched)
{
    memset(watched, 0, sizeof *watched);
    CHECK_EQUAL(pthread_mutex_init(&watched->lock, NULL), 0);
    CHECK_EQUAL(pthread_cond_init(&watched->changed, NULL), 0);
    watched->caller = pthread_self();
    watched->stop_phase = LENS_PHASE_TRAIN;
    watched->stop_epoch = 1;
}

static void unwatch(struct watched *watched)
{
    lens_cancel_token_free(watched->token);
    pthread_cond_destroy(&watched->changed);
    pthread_mutex_destroy(&watched->lock);
}

static void *trigger_when_reached(void *argument)
{
    struct watched *watched = argument;
    pthread_mutex_lock(&watched->lock);
    while (!watched->reached)
        pthread_cond_wait(&watched->changed, &watched->lock);
    watched->triggered = lens_cancel_token_trigger(watched->token) == LENS_OK;
    pthread_cond_broadcast(&watched->changed);
    pthread_mutex_unlock(&watched->lock);
    return NULL;
}

static int32_t on_progress(const lens_progress *progress, void *user_data)
{
    struct watched *watched = user_data;
    int at_the_place = progress->phase == watched->stop_phase && progress->epoch >= watched->stop_epoch;
    watched->wrong_thread += !pthread_equal(pthread_self(), watched->caller);
    watched->wrong_figures += progress->struct_size != sizeof *progress || progress->done > progress->total;
    watched->wrong_figures += progress->phase < LENS_PHASE_LOAD || progress->phase > LENS_PHASE_EVALUATE;
    if (progress->phase == LENS_PHASE_TRAIN)
        watched->wrong_figures += progress->epoch < 1 || progress->epoch > progress->epochs;
    if (watched->reached) {
        watched->calls_after++;
        return 0;
    }
    if (!at_the_place)
        return 0;
    if (watched->stop_by_return) {
        watched->reached = 1;
        return 17;
    }
    pthread_mutex_lock(&watched->lock);
    watched->reached = 1;
    pthread_cond_broadcast(&watched->changed);
    while (!watched->triggered)
        pthread_cond_wait(&watched->changed, &watched->lock);
    pthread_mutex_unlock(&watched->lock);
    return 0;
}

static void train_until_stopped(struct watched *watched, const char *name)
{
    static const char *const whole_files[] = {"best.safetensors", "last.checkpoint", "curves.png"};
    fixture_path run, best;
    lens_train_options options;
    lens_dataset *validation = fixture_dataset(FIXTURE_COUNT, 4);
    lens_model *trained = DIRTY(lens_model), *saved = NULL;
    lens_status status;
    pthread_t other;

    fixture_join(run, scratch, name);
    fixture_train_options(&options);
    /* Far more than the test waits for: if nothing stops it, that shows. */
    options.epochs = 100000;
    options.run_directory = run;
    options.progress = on_progress;
    options.progress_user_data = watched;
    options.cancel = watched->token;
    if (!watched->stop_by_return)
        CHECK_EQUAL(pthread_create(&other, NULL, trigger_when_reached, watched), 0);
    status = lens_train(context, dataset, validation, &options, &trained);
    if (!watched->stop_by_return) {
        /* If training ended early by itself, the other thread must not wait for ever. */
        pthread_mutex_lock(&watched->lock);
        watched->reached = 1;
        pthread_cond_broadcast(&watched->changed);
        pthread_mutex_unlock(&watched->lock);
        CHECK_EQUAL(pthread_join(other, NULL), 0);
    }
    CHECK_STATUS(status, LENS_CANCELLED);
    CHECK(trained == NULL);
    CHECK_EQUAL(watched->wrong_thread, 0);
    CHECK_EQUAL(watched->wrong_figures, 0);

    /* Whatever is there is whole. */
    CHECK_EQUAL(fixture_other_entries(run, whole_files, 3), 0);
    fixture_join(best, run, whole_files[0]);
    CHECK_EQUAL(fixture_exists(best), watched->stop_epoch > 1);
    if (fixture_exists(best))
        CHECK_OK(lens_model_load(context, best, &saved));
    lens_model_free(saved);
    lens_dataset_free(validation);
}

static void another_thread_stops_training(void)
{
    struct watched watched;
    watch(&watched);
    CHECK_OK(lens_cancel_token_new(&watched.token));
    train_until_stopped(&watched, "stopped at once");
    /* Within one batch. */
    CHECK(watched.calls_after <= 1);
    unwatch(&watched);
}

static void another_thread_stops_training_in_its_second_epoch(void)
{
    struct watched watched;
    watch(&watched);
    watched.stop_epoch = 2;
    CHECK_OK(lens_cancel_token_new(&watched.token));
    train_until_stopped(&watched, "stopped later");
    CHECK(watched.calls_after <= 1);
    unwatch(&watched);
}

static void the_callback_stops_training(void)
{
    struct watched watched;
    watch(&watched);
    watched.stop_by_return = 1;
    train_until_stopped(&watched, "stopped by the callback");
    CHECK_EQUAL(watched.calls_after, 0);
    unwatch(&watched);
}

static void the_callback_stops_loading(void)
{
    fixture_path root, run;
    struct watched watched;
    lens_dataset *files = NULL;
    lens_train_options options;
    lens_model *trained = DIRTY(lens_model);
    watch(&watched);
    watched.stop_phase = LENS_PHASE_LOAD;
    watched.stop_epoch = 0;
    watched.stop_by_return = 1;
    fixture_join(root, scratch, "files");
    fixture_join(run, scratch, "stopped while loading");
    fixture_write_class_folders(root, 12);
    CHECK_OK(lens_dataset_open(root, NULL, &files));
    fixture_train_options(&options);
    options.run_directory = run;
    options.progress = on_progress;
    options.progress_user_data = &watched;
    CHECK_STATUS(lens_train(context, files, NULL, &options, &trained), LENS_CANCELLED);
    CHECK(trained == NULL);
    CHECK_EQUAL(watched.reached, 1);
    CHECK_EQUAL(watched.calls_after, 0);
    lens_dataset_free(files);
    unwatch(&watched);
}

static void the_callback_stops_inference(void)
{
    struct watched watched;
    lens_prediction predictions[IMAGES];
    lens_heatmap *heatmaps[2] = {DIRTY(lens_heatmap), DIRTY(lens_heatmap)};
    char *json = DIRTY(char);
    fixture_path output;
    lens_classify_options classify;
    lens_heatmap_options heatmap;
    lens_evaluate_options evaluate;

    watch(&watched);
    watched.stop_phase = LENS_PHASE_CLASSIFY;
    watched.stop_epoch = 0;
    watched.stop_by_return = 1;
    lens_classify_options_init(&classify);
    classify.batch_limit = 2;
    classify.progress = on_progress;
    classify.progress_user_data = &watched;
    memset(predictions, 0xAB, sizeof predictions);
    CHECK_STATUS(lens_classify(model, images, IMAGES, &classify, predictions), LENS_CANCELLED);
    CHECK(fixture_all_zero(predictions, sizeof predictions));

    watched.stop_phase = LENS_PHASE_HEATMAP;
    watched.reached = 0;
    lens_heatmap_options_init(&heatmap);
    heatmap.tile_size = 32;
    heatmap.stride = 16;
    heatmap.batch_limit = 3;
    heatmap.progress = on_progress;
    heatmap.progress_user_data = &watched;
    CHECK_STATUS(lens_heatmap_compute(model, images, 2, &heatmap, heatmaps), LENS_CANCELLED);
    CHECK(heatmaps[0] == NULL && heatmaps[1] == NULL);

    watched.stop_phase = LENS_PHASE_EVALUATE;
    watched.reached = 0;
    fixture_join(output, scratch, "stopped report");
    lens_evaluate_options_init(&evaluate);
    evaluate.batch_limit = 4;
    evaluate.output_dir = output;
    evaluate.progress = on_progress;
    evaluate.progress_user_data = &watched;
    CHECK_STATUS(lens_evaluate(model, dataset, &evaluate, &json), LENS_CANCELLED);
    CHECK(json == NULL);
    if (fixture_exists(output))
        CHECK_EQUAL(fixture_other_entries(output, NULL, 0), 0);

    CHECK_EQUAL(watched.reached, 1);
    CHECK_EQUAL(watched.calls_after, 0);
    CHECK_EQUAL(watched.wrong_thread, 0);
    CHECK_EQUAL(watched.wrong_figures, 0);
    unwatch(&watched);
}

struct shared_stop {
    const lens_cancel_token *token;
    lens_status status;
    lens_model *trained;
};

static void *train_with_shared_token(void *argument)
{
    struct shared_stop *job = argument;
    lens_train_options options;
    fixture_train_options(&options);
    options.epochs = 100000;
    options.cancel = job->token;
    job->status = lens_train(context, dataset, NULL, &options, &job->trained);
    return NULL;
}

static void one_token_stops_several_calls(void)
{
    struct shared_stop jobs[2];
    pthread_t threads[2];
    lens_cancel_token *token = NULL;
    struct timespec moment = {0, 300 * 1000 * 1000};
    CHECK_OK(lens_cancel_token_new(&token));
    for (int index = 0; index < 2; index++) {
        jobs[index].token = token;
        jobs[index].status = LENS_OK;
        jobs[index].trained = DIRTY(lens_model);
        CHECK_EQUAL(pthread_create(&threads[index], NULL, train_with_shared_token, &jobs[index]), 0);
    }
    nanosleep(&moment, NULL);
    CHECK_OK(lens_cancel_token_trigger(token));
    for (int index = 0; index < 2; index++) {
        CHECK_EQUAL(pthread_join(threads[index], NULL), 0);
        CHECK_EQUAL(jobs[index].status, LENS_CANCELLED);
        CHECK(jobs[index].trained == NULL);
    }
    lens_cancel_token_free(token);
}

/* What a callback calls must not disturb the call it belongs to. */
struct nested {
    int calls;
    int wrong;
    lens_prediction prediction;
};

static int32_t classify_inside(const lens_progress *progress, void *user_data)
{
    struct nested *nested = user_data;
    lens_image_file *picture = NULL;
    (void)progress;
    nested->calls++;
    nested->wrong += lens_classify(model, &images[1], 1, NULL, &nested->prediction) != LENS_OK;
    nested->wrong += lens_image_file_load("/no/such/picture.png", 0, NULL, &picture) != LENS_ERROR_IO;
    return 0;
}

static void a_callback_may_call_the_library(void)
{
    struct nested nested;
    lens_prediction expected = fixture_classify(model, &images[1]);
    lens_prediction predictions[4];
    lens_classify_options options;
    lens_train_options train;
    lens_model *trained = NULL;
    memset(&nested, 0, sizeof nested);
    lens_classify_options_init(&options);
    options.batch_limit = 2;
    options.progress = classify_inside;
    options.progress_user_data = &nested;
    /* The failure inside is not this call's. */
    CHECK_OK(lens_classify(model, images, 4, &options, predictions));
    CHECK(nested.calls >= 2);
    CHECK_EQUAL(nested.wrong, 0);
    CHECK(memcmp(&nested.prediction, &expected, sizeof expected) == 0);
    CHECK_NEAR(predictions[1].probability, expected.probability, 1e-5);

    fixture_train_options(&train);
    train.progress = classify_inside;
    train.progress_user_data = &nested;
    CHECK_OK(lens_train(context, dataset, NULL, &train, &trained));
    CHECK_EQUAL(nested.wrong, 0);
    CHECK(memcmp(&nested.prediction, &expected, sizeof expected) == 0);
    lens_model_free(trained);
}

static void tear_down(void)
{
    CHECK_EQUAL(pthread_barrier_destroy(&start), 0);
    lens_dataset_free(dataset);
    lens_model_free(model);
    lens_context_free(context);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    {"eight_threads_get_what_one_gets", eight_threads_get_what_one_gets},
    {"init_from_eight_threads", init_from_eight_threads},
    {"each_thread_has_its_own_last_error", each_thread_has_its_own_last_error},
    {"a_data_set_grows_from_eight_threads", a_data_set_grows_from_eight_threads},
    {"another_thread_stops_training", another_thread_stops_training},
    {"another_thread_stops_training_in_its_second_epoch", another_thread_stops_training_in_its_second_epoch},
    {"the_callback_stops_training", the_callback_stops_training},
    {"the_callback_stops_loading", the_callback_stops_loading},
    {"the_callback_stops_inference", the_callback_stops_inference},
    {"one_token_stops_several_calls", one_token_stops_several_calls},
    {"a_callback_may_call_the_library", a_callback_may_call_the_library},
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
