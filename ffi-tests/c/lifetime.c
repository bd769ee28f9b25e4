/**
 * Who lives how long: any order of freeing, freeing during a call where the header allows it, and nothing that grows.
 */
#include "fixture.h"

static uint8_t pixels[2][FIXTURE_PIXELS];
static lens_image images[2];

static void set_up(void)
{
    for (unsigned number = 0; number < 2; number++) {
        fixture_draw(number, pixels[number]);
        images[number] = fixture_view(pixels[number], FIXTURE_SIDE, FIXTURE_SIDE);
    }
}

static void null_drop(void)
{
    lens_context_free(NULL);
    lens_model_free(NULL);
    lens_dataset_free(NULL);
    lens_heatmap_free(NULL);
    lens_image_file_free(NULL);
    lens_cancel_token_free(NULL);
    lens_string_free(NULL);
}

static void context_before_model(void)
{
    lens_context *context = fixture_context();
    lens_model *model = fixture_model(context);
    lens_prediction before = fixture_classify(model, &images[1]), after;
    char *json = NULL;
    lens_context_free(context);
    after = fixture_classify(model, &images[1]);
    CHECK(memcmp(&before, &after, sizeof after) == 0);
    CHECK_OK(lens_model_describe(model, &json));
    lens_string_free(json);
    lens_model_free(model);
}

static void model_before_heatmap(void)
{
    lens_context *context = fixture_context();
    lens_model *model = fixture_model(context);
    lens_heatmap *heatmap = NULL;
    lens_heatmap_options options;
    lens_heatmap_summary before, after;
    const float *values = NULL;
    const lens_tile *tiles = NULL;
    size_t value_count = 0, tile_count = 0;
    float first, last;
    uint8_t copied[FIXTURE_PIXELS];
    static uint8_t overlay[FIXTURE_PIXELS * 4];
    lens_image image = fixture_view(copied, FIXTURE_SIDE, FIXTURE_SIDE);
    memcpy(copied, pixels[1], sizeof copied);
    lens_heatmap_options_init(&options);
    options.tile_size = 32;
    options.stride = 16;
    CHECK_OK(lens_heatmap_compute(model, &image, 1, &options, &heatmap));
    CHECK_OK(lens_heatmap_get_summary(heatmap, &before));
    CHECK_OK(lens_heatmap_get_values(heatmap, &values, &value_count));
    first = values[0];
    last = values[value_count - 1];

    memset(copied, 0, sizeof copied);
    lens_model_free(model);
    lens_context_free(context);
    CHECK_OK(lens_heatmap_get_summary(heatmap, &after));
    CHECK(memcmp(&before, &after, sizeof after) == 0);
    CHECK_OK(lens_heatmap_get_values(heatmap, &values, &value_count));
    CHECK_NEAR(values[0], first, 0);
    CHECK_NEAR(values[value_count - 1], last, 0);
    CHECK_OK(lens_heatmap_get_tiles(heatmap, &tiles, &tile_count));
    CHECK_EQUAL(tile_count, after.columns * after.rows);
    CHECK_OK(lens_heatmap_overlay(heatmap, &images[1], NULL, overlay, FIXTURE_SIDE * 4));
    lens_heatmap_free(heatmap);
}

static void parts_of_a_data_set_outlive_it(void)
{
    lens_dataset *whole = fixture_dataset(0, 8), *first = NULL, *second = NULL;
    lens_context *context = fixture_context();
    lens_model *model = fixture_model(context);
    char *json = NULL;
    CHECK_OK(lens_dataset_split(whole, 0.5, 3, &first, &second));
    lens_dataset_free(whole);
    CHECK_OK(lens_evaluate(model, first, NULL, &json));
    CHECK_NEAR(fixture_json_number(json, "samples"), 4, 0);
    lens_dataset_free(first);
    lens_model_free(model);
    lens_context_free(context);
    /* The text is the caller's own. */
    CHECK_CONTAINS(json, "\"metrics\"");
    lens_string_free(json);
    CHECK_OK(lens_dataset_describe(second, &json));
    CHECK_NEAR(fixture_json_number(json, "samples"), 4, 0);
    lens_dataset_free(second);
    lens_string_free(json);
}

/* Handles that are freed while the call they were given to is running. */
struct freed_in_call {
    int calls;
    lens_model *model;
    lens_dataset *datasets[2];
    lens_cancel_token *token;
};

/* Takes the freed memory into use again, so that whoever still reads it reads something else. */
static void overwrite_freed_memory(void)
{
    static const size_t sizes[] = {8, 16, 24, 32, 48, 64};
    void *blocks[sizeof sizes / sizeof sizes[0] * 8];
    size_t count = 0;
    for (size_t index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
        for (int copy = 0; copy < 8; copy++) {
            blocks[count] = malloc(sizes[index]);
            if (blocks[count] != NULL)
                memset(blocks[count++], 0x5A, sizes[index]);
        }
    }
    while (count > 0)
        free(blocks[--count]);
}

static int32_t free_everything(const lens_progress *progress, void *user_data)
{
    struct freed_in_call *freed = user_data;
    (void)progress;
    if (freed->calls++ == 0) {
        lens_model_free(freed->model);
        lens_dataset_free(freed->datasets[0]);
        lens_dataset_free(freed->datasets[1]);
        lens_cancel_token_free(freed->token);
        overwrite_freed_memory();
    }
    return 0;
}

static void freeing_during_training(void)
{
    lens_context *context = fixture_context();
    lens_model *trained = NULL;
    lens_train_options options;
    struct freed_in_call freed;
    memset(&freed, 0, sizeof freed);
    freed.model = fixture_model(context);
    freed.datasets[0] = fixture_dataset(0, 16);
    freed.datasets[1] = fixture_dataset(16, 4);
    CHECK_OK(lens_cancel_token_new(&freed.token));
    fixture_train_options(&options);
    options.epochs = 2;
    options.start_model = freed.model;
    options.cancel = freed.token;
    options.progress = free_everything;
    options.progress_user_data = &freed;
    CHECK_OK(lens_train(context, freed.datasets[0], freed.datasets[1], &options, &trained));
    CHECK(freed.calls > 1);
    fixture_classify(trained, &images[1]);
    lens_model_free(trained);
    lens_context_free(context);
}

static void freeing_during_evaluation(void)
{
    lens_context *context = fixture_context();
    lens_evaluate_options options;
    struct freed_in_call freed;
    char *json = NULL;
    memset(&freed, 0, sizeof freed);
    freed.model = fixture_model(context);
    freed.datasets[0] = fixture_dataset(0, 16);
    CHECK_OK(lens_cancel_token_new(&freed.token));
    lens_evaluate_options_init(&options);
    options.batch_limit = 4;
    options.cancel = freed.token;
    options.progress = free_everything;
    options.progress_user_data = &freed;
    CHECK_OK(lens_evaluate(freed.model, freed.datasets[0], &options, &json));
    CHECK(freed.calls > 1);
    CHECK_NEAR(fixture_json_number(json, "samples"), 16, 0);
    lens_string_free(json);
    lens_context_free(context);
}

static void freeing_during_classification(void)
{
    lens_context *context = fixture_context();
    lens_model *model = fixture_model(context);
    lens_image many[6];
    lens_prediction predictions[6], expected = fixture_classify(model, &images[0]);
    lens_classify_options options;
    struct freed_in_call freed;
    memset(&freed, 0, sizeof freed);
    for (int index = 0; index < 6; index++)
        many[index] = images[0];
    freed.model = model;
    CHECK_OK(lens_cancel_token_new(&freed.token));
    lens_classify_options_init(&options);
    options.batch_limit = 2;
    options.cancel = freed.token;
    options.progress = free_everything;
    options.progress_user_data = &freed;
    CHECK_OK(lens_classify(model, many, 6, &options, predictions));
    CHECK(freed.calls > 1);
    CHECK_NEAR(predictions[5].probability, expected.probability, 1e-5);
    lens_context_free(context);
}

static void freeing_during_a_heatmap(void)
{
    lens_context *context = fixture_context();
    lens_heatmap *heatmaps[2];
    lens_heatmap_options options;
    struct freed_in_call freed;
    memset(&freed, 0, sizeof freed);
    freed.model = fixture_model(context);
    CHECK_OK(lens_cancel_token_new(&freed.token));
    lens_heatmap_options_init(&options);
    options.tile_size = 32;
    options.stride = 16;
    options.batch_limit = 2;
    options.cancel = freed.token;
    options.progress = free_everything;
    options.progress_user_data = &freed;
    CHECK_OK(lens_heatmap_compute(freed.model, images, 2, &options, heatmaps));
    CHECK(freed.calls > 1);
    lens_heatmap_free(heatmaps[1]);
    lens_heatmap_free(heatmaps[0]);
    lens_context_free(context);
}

static void start_model_is_not_changed(void)
{
    lens_context *context = fixture_context();
    lens_model *start = fixture_model(context), *trained = NULL;
    lens_dataset *dataset = fixture_dataset(0, FIXTURE_COUNT);
    lens_prediction before = fixture_classify(start, &images[1]), after, of_trained;
    lens_train_options options;
    fixture_train_options(&options);
    options.start_model = start;
    CHECK_OK(lens_train(context, dataset, NULL, &options, &trained));
    after = fixture_classify(start, &images[1]);
    CHECK(memcmp(&before, &after, sizeof after) == 0);
    of_trained = fixture_classify(trained, &images[1]);
    CHECK(fabsf(of_trained.logit - before.logit) > 1e-4f);
    /* And the new model shares nothing with the one it began from. */
    lens_model_free(start);
    after = fixture_classify(trained, &images[1]);
    CHECK(memcmp(&of_trained, &after, sizeof after) == 0);
    lens_model_free(trained);
    lens_dataset_free(dataset);
    lens_context_free(context);
}

static size_t entries(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static double resident_megabytes(void)
{
    unsigned long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    CHECK_EQUAL(fscanf(file, "%lu %lu", &size, &resident), 2);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void use_context(void)
{
    lens_context *context = fixture_context();
    char *json = NULL;
    CHECK_OK(lens_context_describe(context, &json));
    lens_string_free(json);
    lens_context_free(context);
}

static void use_model(void)
{
    lens_context *context = fixture_context();
    lens_model *model = fixture_model(context);
    lens_heatmap *heatmap = NULL;
    char *json = NULL;
    fixture_classify(model, &images[1]);
    CHECK_OK(lens_heatmap_compute(model, &images[1], 1, NULL, &heatmap));
    CHECK_OK(lens_model_describe(model, &json));
    lens_string_free(json);
    lens_heatmap_free(heatmap);
    lens_model_free(model);
    lens_context_free(context);
}

/* A model is 28 MB: eight that stayed would be more than 200. */
static void nothing_grows_over_many_lives(void)
{
    size_t files, threads;
    double megabytes;
    for (int warm_up = 0; warm_up < 2; warm_up++)
        use_model();
    files = entries("/proc/self/fd");
    threads = entries("/proc/self/task");
    megabytes = resident_megabytes();
    for (int life = 0; life < 20; life++)
        use_context();
    for (int life = 0; life < 8; life++)
        use_model();
    CHECK_EQUAL(entries("/proc/self/fd"), files);
    CHECK(entries("/proc/self/task") <= threads);
    CHECK(resident_megabytes() < megabytes + 100);
}

static void several_contexts_live_side_by_side(void)
{
    lens_context *contexts[4];
    lens_model *models[4];
    lens_prediction first, again;
    for (int index = 0; index < 4; index++) {
        contexts[index] = fixture_context();
        models[index] = fixture_model(contexts[index]);
    }
    first = fixture_classify(models[0], &images[1]);
    for (int index = 0; index < 3; index++) {
        lens_context_free(contexts[index]);
        lens_model_free(models[index]);
        again = fixture_classify(models[3], &images[1]);
        CHECK(memcmp(&first, &again, sizeof again) == 0);
    }
    lens_context_free(contexts[3]);
    lens_model_free(models[3]);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    {"null_drop", null_drop},
    {"context_before_model", context_before_model},
    {"model_before_heatmap", model_before_heatmap},
    {"parts_of_a_data_set_outlive_it", parts_of_a_data_set_outlive_it},
    {"freeing_during_training", freeing_during_training},
    {"freeing_during_evaluation", freeing_during_evaluation},
    {"freeing_during_classification", freeing_during_classification},
    {"freeing_during_a_heatmap", freeing_during_a_heatmap},
    {"start_model_is_not_changed", start_model_is_not_changed},
    {"nothing_grows_over_many_lives", nothing_grows_over_many_lives},
    {"several_contexts_live_side_by_side", several_contexts_live_side_by_side},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
