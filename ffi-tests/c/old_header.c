/**
 * Programs built with another header than the library's: options structs that are too small, too large or never
 * initialised are refused before a field of theirs is read, and an ABI that does not fit is said so.
 */
#include "fixture.h"

static lens_context *context;
static lens_model *model;
static lens_dataset *dataset;
static uint8_t pixels[FIXTURE_PIXELS];
static lens_image image;
static lens_heatmap *heatmap;

static void set_up(void)
{
    fixture_draw(1, pixels);
    image = fixture_view(pixels, FIXTURE_SIDE, FIXTURE_SIDE);
    context = fixture_context();
    model = fixture_model(context);
    dataset = fixture_dataset(0, FIXTURE_COUNT);
    CHECK_OK(lens_heatmap_compute(model, &image, 1, NULL, &heatmap));
}

/* Each calls with these options, and says whether the out parameter was left NULL, zero or untouched. */

static lens_status call_init(const void *options, int *nothing)
{
    lens_context *made = DIRTY(lens_context);
    lens_status status = lens_init(options, &made);
    *nothing = made == NULL;
    return status;
}

static lens_status call_dataset_open(const void *options, int *nothing)
{
    lens_dataset *opened = DIRTY(lens_dataset);
    lens_status status = lens_dataset_open(fixture_directory, options, &opened);
    *nothing = opened == NULL;
    return status;
}

static lens_status call_image_file_load(const void *options, int *nothing)
{
    lens_image_file *file = DIRTY(lens_image_file);
    lens_status status = lens_image_file_load(fixture_directory, 0, options, &file);
    *nothing = file == NULL;
    return status;
}

static lens_status call_classify(const void *options, int *nothing)
{
    lens_prediction prediction;
    lens_status status;
    memset(&prediction, 0xAB, sizeof prediction);
    status = lens_classify(model, &image, 1, options, &prediction);
    *nothing = fixture_all_zero(&prediction, sizeof prediction);
    return status;
}

static lens_status call_evaluate(const void *options, int *nothing)
{
    char *json = DIRTY(char);
    lens_status status = lens_evaluate(model, dataset, options, &json);
    *nothing = json == NULL;
    return status;
}

static lens_status call_calibrate(const void *options, int *nothing)
{
    lens_model *calibrated = DIRTY(lens_model);
    char *json = DIRTY(char);
    lens_status status = lens_model_calibrate(model, dataset, options, &calibrated, &json);
    *nothing = calibrated == NULL && json == NULL;
    return status;
}

/* A directory cannot be replaced by a file: nothing of it is written, whatever the options. */
static lens_status call_optimize(const void *options, int *nothing)
{
    *nothing = 1;
    return lens_model_optimize(model, fixture_directory, options);
}

/* A directory is no model, whatever the options. */
static lens_status call_import(const void *options, int *nothing)
{
    lens_model *imported = DIRTY(lens_model);
    lens_status status = lens_model_import(context, fixture_directory, options, &imported);
    *nothing = imported == NULL;
    return status;
}

static lens_status call_train(const void *options, int *nothing)
{
    lens_model *trained = DIRTY(lens_model);
    lens_status status = lens_train(context, dataset, NULL, options, &trained);
    *nothing = trained == NULL;
    return status;
}

static lens_status call_heatmap(const void *options, int *nothing)
{
    lens_heatmap *made = DIRTY(lens_heatmap);
    lens_status status = lens_heatmap_compute(model, &image, 1, options, &made);
    *nothing = made == NULL;
    return status;
}

static lens_status call_overlay(const void *options, int *nothing)
{
    static uint8_t rgba[FIXTURE_PIXELS * 4];
    lens_status status;
    memset(rgba, 0, sizeof rgba);
    status = lens_heatmap_overlay(heatmap, &image, options, rgba, FIXTURE_SIDE * 4);
    *nothing = fixture_all_zero(rgba, sizeof rgba);
    return status;
}

static void fill_init(void *options)
{
    lens_init_options_init(options);
}

static void fill_read(void *options)
{
    lens_read_options_init(options);
}

static void fill_dataset(void *options)
{
    lens_dataset_options_init(options);
}

static void fill_classify(void *options)
{
    lens_classify_options_init(options);
}

static void fill_evaluate(void *options)
{
    lens_evaluate_options_init(options);
}

static void fill_calibrate(void *options)
{
    lens_calibrate_options_init(options);
}

static void fill_optimize(void *options)
{
    lens_optimize_options_init(options);
}

static void fill_import(void *options)
{
    lens_import_options_init(options);
}

static void fill_train(void *options)
{
    lens_train_options_init(options);
}

static void fill_heatmap(void *options)
{
    lens_heatmap_options_init(options);
}

static void fill_overlay(void *options)
{
    lens_overlay_options_init(options);
}

/* Where a field of a struct begins, and how many bytes it has. */
#define FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)

/* The last field of the first released header, before which no struct of ours ends, and the last field of this one. */
static const struct options_case {
    const char *name;
    size_t size;
    size_t too_small;
    size_t last;
    size_t last_bytes;
    void (*fill)(void *options);
    lens_status (*call)(const void *options, int *nothing);
} cases[] = {
    {"lens_init_options", sizeof(lens_init_options), offsetof(lens_init_options, log_level),
     FIELD(lens_init_options, take_turns), fill_init, call_init},
    {"lens_read_options", sizeof(lens_read_options), offsetof(lens_read_options, apply_orientation),
     FIELD(lens_read_options, apply_orientation), fill_read, call_image_file_load},
    {"lens_dataset_options", sizeof(lens_dataset_options), offsetof(lens_dataset_options, on_unreadable),
     FIELD(lens_dataset_options, frame_column), fill_dataset, call_dataset_open},
    {"lens_classify_options", sizeof(lens_classify_options), offsetof(lens_classify_options, cancel),
     FIELD(lens_classify_options, batch_limit), fill_classify, call_classify},
    {"lens_evaluate_options", sizeof(lens_evaluate_options), offsetof(lens_evaluate_options, cancel),
     FIELD(lens_evaluate_options, seed), fill_evaluate, call_evaluate},
    {"lens_calibrate_options", sizeof(lens_calibrate_options), offsetof(lens_calibrate_options, cancel),
     FIELD(lens_calibrate_options, batch_limit), fill_calibrate, call_calibrate},
    {"lens_optimize_options", sizeof(lens_optimize_options), offsetof(lens_optimize_options, cancel),
     FIELD(lens_optimize_options, batch_limit), fill_optimize, call_optimize},
    {"lens_train_options", sizeof(lens_train_options), offsetof(lens_train_options, cancel),
     FIELD(lens_train_options, apply_orientation), fill_train, call_train},
    {"lens_import_options", sizeof(lens_import_options), offsetof(lens_import_options, image_size),
     FIELD(lens_import_options, image_size), fill_import, call_import},
    {"lens_heatmap_options", sizeof(lens_heatmap_options), offsetof(lens_heatmap_options, cancel),
     FIELD(lens_heatmap_options, resolution), fill_heatmap, call_heatmap},
    {"lens_overlay_options", sizeof(lens_overlay_options), offsetof(lens_overlay_options, alpha),
     FIELD(lens_overlay_options, hide_below), fill_overlay, call_overlay},
};

#define CASES (sizeof cases / sizeof cases[0])

/* Room for a struct that grew, aligned for any. */
typedef union {
    max_align_t align;
    size_t struct_size;
    unsigned char bytes[1024];
} options_memory;

static void check_case(const struct options_case *tested, const options_memory *memory, lens_status status,
                       const char *first, const char *second)
{
    int nothing = 0;
    lens_status got = tested->call(memory, &nothing);
    if (got != status || strstr(lens_last_error(), first) == NULL || strstr(lens_last_error(), second) == NULL)
        check_fail(__FILE__, __LINE__, "%s: expected status %d and a message with \"%s\" and \"%s\", got status %d",
                   tested->name, (int)status, first, second, (int)got);
    if (!nothing)
        check_fail(__FILE__, __LINE__, "%s: expected the out parameter to be NULL, zero or untouched", tested->name);
}

static void smaller_than_the_first_version(void)
{
    for (size_t index = 0; index < CASES; index++) {
        const struct options_case *tested = &cases[index];
        options_memory memory;
        char init[64], size[32];
        memset(&memory, 0, sizeof memory);
        tested->fill(&memory);
        CHECK_EQUAL(memory.struct_size, tested->size);
        memory.struct_size = tested->too_small;
        snprintf(init, sizeof init, "%s_init", tested->name);
        snprintf(size, sizeof size, "%zu", tested->too_small);
        check_case(tested, &memory, LENS_ERROR_ARGUMENT, init, size);
    }
}

/* No version of a struct ends within a field, such as its last one. */
static void within_a_field(void)
{
    for (size_t index = 0; index < CASES; index++) {
        const struct options_case *tested = &cases[index];
        for (size_t bytes = 1; bytes < tested->last_bytes; bytes++) {
            options_memory memory;
            char init[64], size[48];
            memset(&memory, 0, sizeof memory);
            tested->fill(&memory);
            memory.struct_size = tested->last + bytes;
            snprintf(init, sizeof init, "%s_init", tested->name);
            snprintf(size, sizeof size, "struct_size is %zu, ", memory.struct_size);
            check_case(tested, &memory, LENS_ERROR_ARGUMENT, init, size);
        }
    }
}

/* A program built with the first header has shorter structs; what follows them in its memory is its own. */
static void the_first_version_still_works(void)
{
    lens_train_options train;
    lens_dataset_options data;
    lens_evaluate_options evaluate;
    lens_heatmap_options heatmap;
    lens_overlay_options overlay;
    lens_heatmap_summary summary;
    lens_heatmap *made = NULL;
    static uint8_t rgba[FIXTURE_PIXELS * 4];
    lens_model *trained = NULL;
    lens_dataset *opened = NULL;
    char *json = NULL;
    lens_init_options init;
    lens_context *older = NULL;
    lens_init_options_init(&init);
    init.struct_size = offsetof(lens_init_options, memory_fraction);
    memset((char *)&init + init.struct_size, 0xAB, sizeof init - init.struct_size);
    CHECK_OK(lens_init(&init, &older));
    lens_context_free(older);
    fixture_train_options(&train);
    train.struct_size = offsetof(lens_train_options, optimizer);
    memset((char *)&train + train.struct_size, 0xAB, sizeof train - train.struct_size);
    CHECK_OK(lens_train(context, dataset, NULL, &train, &trained));
    lens_model_free(trained);
    lens_evaluate_options_init(&evaluate);
    evaluate.struct_size = offsetof(lens_evaluate_options, by_heatmap);
    memset((char *)&evaluate + evaluate.struct_size, 0xAB, sizeof evaluate - evaluate.struct_size);
    CHECK_OK(lens_evaluate(model, dataset, &evaluate, &json));
    CHECK_CONTAINS(json, "\"target\":0.95");
    lens_string_free(json);
    lens_dataset_options_init(&data);
    data.struct_size = offsetof(lens_dataset_options, frame_column);
    memset((char *)&data + data.struct_size, 0xAB, sizeof data - data.struct_size);
    CHECK_REFUSED(lens_dataset_open("no/such/directory", &data, &opened), LENS_ERROR_IO, "no/such/directory", "");

    lens_heatmap_options_init(&heatmap);
    heatmap.struct_size = offsetof(lens_heatmap_options, resolution);
    memset((char *)&heatmap + heatmap.struct_size, 0xAB, sizeof heatmap - heatmap.struct_size);
    CHECK_OK(lens_heatmap_compute(model, &image, 1, &heatmap, &made));
    CHECK_OK(lens_heatmap_get_summary(made, &summary));
    CHECK_EQUAL(summary.width, FIXTURE_SIDE);
    lens_overlay_options_init(&overlay);
    overlay.struct_size = offsetof(lens_overlay_options, color_bar);
    memset((char *)&overlay + overlay.struct_size, 0xAB, sizeof overlay - overlay.struct_size);
    CHECK_OK(lens_heatmap_overlay(made, &image, &overlay, rgba, FIXTURE_SIDE * 4));
    lens_heatmap_free(made);
}

static void larger_than_the_library_knows(void)
{
    static const size_t more[] = {1, 8, 64};
    for (size_t index = 0; index < CASES; index++) {
        const struct options_case *tested = &cases[index];
        for (size_t growth = 0; growth < sizeof more / sizeof more[0]; growth++) {
            options_memory memory;
            char theirs[32], ours[32];
            memset(&memory, 0, sizeof memory);
            tested->fill(&memory);
            memory.struct_size = tested->size + more[growth];
            snprintf(theirs, sizeof theirs, "%zu", memory.struct_size);
            snprintf(ours, sizeof ours, "%zu", tested->size);
            check_case(tested, &memory, LENS_ERROR_VERSION, theirs, ours);
            CHECK_MESSAGE_NAMES(tested->name);
        }
    }
}

static void never_initialised(void)
{
    for (size_t index = 0; index < CASES; index++) {
        const struct options_case *tested = &cases[index];
        options_memory memory;
        char init[64];
        snprintf(init, sizeof init, "%s_init", tested->name);
        memset(&memory, 0, sizeof memory);
        check_case(tested, &memory, LENS_ERROR_ARGUMENT, init, "0");
        memset(&memory, 0xFF, sizeof memory);
        check_case(tested, &memory, LENS_ERROR_VERSION, tested->name, "18446744073709551615");
    }
}

/* Filling writes as much as the header knows, not a byte more. */
static void init_writes_only_its_struct(void)
{
    for (size_t index = 0; index < CASES; index++) {
        options_memory memory;
        memset(&memory, 0xAB, sizeof memory);
        cases[index].fill(&memory);
        for (size_t byte = cases[index].size; byte < sizeof memory; byte++)
            CHECK_EQUAL(memory.bytes[byte], 0xAB);
    }
}

static void another_abi(void)
{
    static const uint32_t others[] = {LENS_ABI_VERSION + 4242, UINT32_MAX - 1};
    lens_init_options options;
    lens_context *made = NULL;
    lens_init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.abi_version = LENS_ABI_VERSION;
    CHECK_OK(lens_init(&options, &made));
    lens_context_free(made);
    for (size_t index = 0; index < sizeof others / sizeof others[0]; index++) {
        char number[32];
        options.abi_version = others[index];
        made = DIRTY(lens_context);
        snprintf(number, sizeof number, "%lu", (unsigned long)others[index]);
        CHECK_REFUSED(lens_init(&options, &made), LENS_ERROR_VERSION, number, lens_version());
        CHECK(made == NULL);
    }
}

static void tear_down(void)
{
    lens_heatmap_free(heatmap);
    lens_dataset_free(dataset);
    lens_model_free(model);
    lens_context_free(context);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    {"smaller_than_the_first_version", smaller_than_the_first_version},
    {"within_a_field", within_a_field},
    {"the_first_version_still_works", the_first_version_still_works},
    {"larger_than_the_library_knows", larger_than_the_library_knows},
    {"never_initialised", never_initialised},
    {"init_writes_only_its_struct", init_writes_only_its_struct},
    {"another_abi", another_abi},
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
