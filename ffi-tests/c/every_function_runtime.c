/** Every function that deals with versions, messages, contexts and cancel tokens. */
#include "every_function.h"

/* Version, messages, text */

static void test_lens_version(void)
{
    unsigned major, minor, patch;
    char rest;
    CHECK_EQUAL(sscanf(lens_version(), "%u.%u.%u%c", &major, &minor, &patch, &rest), 3);
}

static void test_lens_abi_version(void)
{
    CHECK_EQUAL(lens_abi_version(), LENS_ABI_VERSION);
}

static void test_lens_last_error(void)
{
    lens_image_file *picture = NULL;
    lens_dataset *empty = NULL;
    CHECK_REFUSED(lens_image_file_load("/no/such/picture.png", 0, NULL, &picture), LENS_ERROR_IO, "/no/such/picture.png", "");
    CHECK_OK(lens_dataset_new(&empty));
    CHECK_EQUAL(strlen(lens_last_error()), 0);
    lens_dataset_free(empty);
}

static void test_lens_status_name(void)
{
    static const struct {
        lens_status status;
        const char *name;
    } names[] = {
        {LENS_OK, "LENS_OK"},
        {LENS_ERROR_ARGUMENT, "LENS_ERROR_ARGUMENT"},
        {LENS_ERROR_IO, "LENS_ERROR_IO"},
        {LENS_ERROR_FORMAT, "LENS_ERROR_FORMAT"},
        {LENS_ERROR_DEVICE, "LENS_ERROR_DEVICE"},
        {LENS_ERROR_OUT_OF_MEMORY, "LENS_ERROR_OUT_OF_MEMORY"},
        {LENS_ERROR_DATA, "LENS_ERROR_DATA"},
        {LENS_ERROR_VERSION, "LENS_ERROR_VERSION"},
        {LENS_ERROR_UNSUPPORTED, "LENS_ERROR_UNSUPPORTED"},
        {LENS_ERROR_INTERNAL, "LENS_ERROR_INTERNAL"},
        {LENS_CANCELLED, "LENS_CANCELLED"},
        {LENS_CANCELLED + 1, "unknown lens_status"},
        {-1, "unknown lens_status"},
        {INT32_MIN, "unknown lens_status"},
    };
    CHECK_STATUS(lens_dataset_new(NULL), LENS_ERROR_ARGUMENT);
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        const char *name = lens_status_name(names[index].status);
        CHECK(name != NULL);
        CHECK(strcmp(name, names[index].name) == 0);
    }
    CHECK_MESSAGE_NAMES("dataset");
}

static void test_lens_string_free(void)
{
    char *json = NULL;
    CHECK_OK(lens_context_describe(context, &json));
    lens_string_free(json);
    lens_string_free(NULL);
}

/* Context */

static void test_lens_init_options_init(void)
{
    lens_init_options options;
    memset(&options, 0xAB, sizeof options);
    lens_init_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.abi_version, UINT32_MAX);
    CHECK_EQUAL(options.device, LENS_DEVICE_AUTO);
    CHECK_EQUAL(options.device_index, 0);
    CHECK_EQUAL(options.precision, LENS_PRECISION_AUTO);
    CHECK(options.libtorch_dir == NULL);
    CHECK_EQUAL(options.threads, 0);
    CHECK_EQUAL(options.rocm_tuning, LENS_ROCM_TUNING_AUTO);
    CHECK_EQUAL(options.memory_cap, 0);
    CHECK_EQUAL(options.deterministic, 1);
    CHECK_EQUAL(options.seed, 0);
    CHECK(options.log == NULL);
    CHECK(options.log_user_data == NULL);
    CHECK_EQUAL(options.log_level, LENS_LOG_LEVEL_WARNING);
    CHECK_EQUAL(options.engine, LENS_ENGINE_AUTO);
    CHECK_NEAR(options.memory_fraction, 0, 0);
    CHECK_EQUAL(options.empty_cache_every, -1);
    CHECK_EQUAL(options.channels_last, -1);
    CHECK_EQUAL(options.tf32, -1);
    CHECK_EQUAL(options.benchmark, -1);
    CHECK_EQUAL(options.compiled_graph, -1);
    CHECK_EQUAL(options.take_turns, -1);
    lens_init_options_init(NULL);
}

#define INIT_REFUSED(field, wrong, status, value)                                                                      \
    do {                                                                                                               \
        lens_context *made = DIRTY(lens_context);                                                                      \
        lens_init_options options;                                                                                     \
        lens_init_options_init(&options);                                                                              \
        options.field = wrong;                                                                                         \
        CHECK_REFUSED(lens_init(&options, &made), status, #field, value);                                              \
        CHECK(made == NULL);                                                                                           \
    } while (0)

struct log_count {
    unsigned messages;
    unsigned too_detailed;
    unsigned malformed;
    lens_log_level limit;
};

static void count_message(lens_log_level level, const char *message, void *user_data)
{
    struct log_count *count = user_data;
    count->messages++;
    count->too_detailed += level > count->limit;
    count->malformed += level < LENS_LOG_LEVEL_ERROR || message == NULL || message[0] == '\0';
}

static void init_with_log(lens_log_level limit, struct log_count *count)
{
    lens_context *made = NULL;
    lens_init_options options;
    memset(count, 0, sizeof *count);
    count->limit = limit;
    lens_init_options_init(&options);
    options.log = count_message;
    options.log_user_data = count;
    options.log_level = limit;
    CHECK_OK(lens_init(&options, &made));
    lens_context_free(made);
    CHECK_EQUAL(count->too_detailed, 0);
    CHECK_EQUAL(count->malformed, 0);
}

static void test_lens_init(void)
{
    static const lens_device gpus[] = {LENS_DEVICE_CUDA, LENS_DEVICE_ROCM};
    lens_context *made = DIRTY(lens_context);
    lens_init_options options;
    struct log_count count;

    CHECK_OK(lens_init(NULL, &made));
    CHECK(made != NULL && made != DIRTY(lens_context));
    lens_context_free(made);

    lens_init_options_init(&options);
    options.abi_version = lens_abi_version();
    options.device = LENS_DEVICE_CPU;
    options.precision = LENS_PRECISION_F32;
    options.threads = 1;
    options.memory_cap = 1u << 20;
    options.rocm_tuning = LENS_ROCM_TUNING_OFF;
    options.deterministic = 0;
    options.engine = LENS_ENGINE_PLAN_PORTABLE;
    CHECK_OK(lens_init(&options, &made));
    lens_context_free(made);

    init_with_log(LENS_LOG_LEVEL_DEBUG, &count);
    CHECK(count.messages > 0);
    init_with_log(LENS_LOG_LEVEL_ERROR, &count);
    CHECK_EQUAL(count.messages, 0);

    CHECK_REFUSED(lens_init(NULL, NULL), LENS_ERROR_ARGUMENT, "context", "NULL");
    INIT_REFUSED(abi_version, 4242, LENS_ERROR_VERSION, "4242");
    INIT_REFUSED(device, 99, LENS_ERROR_ARGUMENT, "99");
    INIT_REFUSED(device_index, -77, LENS_ERROR_ARGUMENT, "-77");
    INIT_REFUSED(precision, 99, LENS_ERROR_ARGUMENT, "99");
    INIT_REFUSED(threads, 1025, LENS_ERROR_ARGUMENT, "1025");
    INIT_REFUSED(rocm_tuning, -99, LENS_ERROR_ARGUMENT, "-99");
    INIT_REFUSED(deterministic, 2, LENS_ERROR_ARGUMENT, "2");
    INIT_REFUSED(log_level, 99, LENS_ERROR_ARGUMENT, "99");
    INIT_REFUSED(engine, 99, LENS_ERROR_ARGUMENT, "99");
    INIT_REFUSED(memory_fraction, 1.5, LENS_ERROR_ARGUMENT, "1.5");
    INIT_REFUSED(memory_fraction, -0.5, LENS_ERROR_ARGUMENT, "-0.5");
    INIT_REFUSED(memory_fraction, (double)NAN, LENS_ERROR_ARGUMENT, "NaN");
    INIT_REFUSED(empty_cache_every, -2, LENS_ERROR_ARGUMENT, "-2");
    INIT_REFUSED(channels_last, 2, LENS_ERROR_ARGUMENT, "2");
    INIT_REFUSED(tf32, -3, LENS_ERROR_ARGUMENT, "-3");
    INIT_REFUSED(benchmark, 7, LENS_ERROR_ARGUMENT, "7");
    INIT_REFUSED(compiled_graph, 3, LENS_ERROR_ARGUMENT, "3");
    INIT_REFUSED(take_turns, 2, LENS_ERROR_ARGUMENT, "2");
    INIT_REFUSED(libtorch_dir, "\xff", LENS_ERROR_ARGUMENT, "UTF-8");
    INIT_REFUSED(libtorch_dir, "/no/such/libtorch", LENS_ERROR_IO, "/no/such/libtorch");

    lens_init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.device_index = 77;
    made = DIRTY(lens_context);
    CHECK_REFUSED(lens_init(&options, &made), LENS_ERROR_ARGUMENT, "device_index", "77");
    CHECK(made == NULL);

    /* A GPU that is not there must be refused with the reason, never replaced by the CPU. */
    for (size_t index = 0; index < 2; index++) {
        lens_status status;
        lens_init_options_init(&options);
        options.device = gpus[index];
        options.device_index = 77;
        made = DIRTY(lens_context);
        status = lens_init(&options, &made);
        CHECK_STATUS(status, LENS_ERROR_DEVICE);
        CHECK(made == NULL);
    }
}

/* What was asked for is what is decided, and says so. */
static void choices_can_be_overridden(void)
{
    lens_context *made = NULL;
    lens_init_options options;
    char *json = NULL;
    lens_init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.memory_fraction = 0.5;
    options.empty_cache_every = 7;
    options.channels_last = 0;
    options.tf32 = 1;
    options.benchmark = 1;
    options.compiled_graph = 0;
    options.take_turns = 1;
    CHECK_OK(lens_init(&options, &made));
    CHECK_OK(lens_context_describe(made, &json));
    CHECK_CONTAINS(json, "\"memory_fraction\":{\"reason\":\"as asked for\",\"value\":0.5}");
    CHECK_CONTAINS(json, "\"empty_cache_every\":{\"reason\":\"as asked for\",\"value\":7}");
    CHECK_CONTAINS(json, "\"channels_last\":{\"reason\":\"as asked for\",\"value\":false}");
    CHECK_CONTAINS(json, "\"tf32\":{\"reason\":\"as asked for\",\"value\":true}");
    CHECK_CONTAINS(json, "\"take_turns\":{\"reason\":\"as asked for\",\"value\":true}");
    CHECK_CONTAINS(json, "\"compiled_graph\":{\"reason\":\"as asked for\",\"value\":false}");
    CHECK_CONTAINS(json, "\"benchmark\":{\"reason\":\"as asked for\",\"value\":true}");
    lens_string_free(json);
    lens_context_free(made);
}

static void test_lens_context_describe(void)
{
    static const char *const keys[] = {"\"schema\"", "\"library\"", "\"abi\"", "\"libtorch\"", "\"hardware\"",
                                       "\"policy\"", "\"reason\"", "\"environment\""};
    char *json = NULL;
    CHECK_OK(lens_context_describe(context, &json));
    for (size_t index = 0; index < sizeof keys / sizeof keys[0]; index++)
        CHECK_CONTAINS(json, keys[index]);
    CHECK_CONTAINS(json, lens_version());
    lens_string_free(json);

    json = DIRTY(char);
    CHECK_REFUSED(lens_context_describe(NULL, &json), LENS_ERROR_ARGUMENT, "context", "NULL");
    CHECK(json == NULL);
    CHECK_REFUSED(lens_context_describe(context, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
}

static void test_lens_context_free(void)
{
    lens_context *made = fixture_context();
    lens_context_free(made);
    lens_context_free(NULL);
}

/* Cancelling */

static void test_lens_cancel_token_new(void)
{
    lens_cancel_token *token = DIRTY(lens_cancel_token);
    lens_classify_options options;
    lens_prediction prediction;
    CHECK_OK(lens_cancel_token_new(&token));
    CHECK(token != NULL && token != DIRTY(lens_cancel_token));
    lens_classify_options_init(&options);
    options.cancel = token;
    CHECK_OK(lens_classify(model, images, 1, &options, &prediction));
    lens_cancel_token_free(token);
    CHECK_REFUSED(lens_cancel_token_new(NULL), LENS_ERROR_ARGUMENT, "token", "NULL");
}

static void test_lens_cancel_token_trigger(void)
{
    lens_cancel_token *token = NULL;
    lens_classify_options classify;
    lens_heatmap_options heatmap;
    lens_evaluate_options evaluate;
    lens_calibrate_options calibrate;
    lens_train_options train;
    lens_prediction predictions[2];
    lens_heatmap *heatmaps[2] = {DIRTY(lens_heatmap), DIRTY(lens_heatmap)};
    lens_model *trained = DIRTY(lens_model);
    char *json = DIRTY(char);
    CHECK_OK(lens_cancel_token_new(&token));
    CHECK_OK(lens_cancel_token_trigger(token));
    CHECK_OK(lens_cancel_token_trigger(token));

    memset(predictions, 0xAB, sizeof predictions);
    lens_classify_options_init(&classify);
    classify.cancel = token;
    CHECK_STATUS(lens_classify(model, images, 2, &classify, predictions), LENS_CANCELLED);
    CHECK(fixture_all_zero(predictions, sizeof predictions));
    lens_heatmap_options_init(&heatmap);
    heatmap.cancel = token;
    CHECK_STATUS(lens_heatmap_compute(model, images, 2, &heatmap, heatmaps), LENS_CANCELLED);
    CHECK(heatmaps[0] == NULL && heatmaps[1] == NULL);
    lens_evaluate_options_init(&evaluate);
    evaluate.cancel = token;
    CHECK_STATUS(lens_evaluate(model, dataset, &evaluate, &json), LENS_CANCELLED);
    CHECK(json == NULL);
    lens_calibrate_options_init(&calibrate);
    calibrate.cancel = token;
    json = DIRTY(char);
    CHECK_STATUS(lens_model_calibrate(model, dataset, &calibrate, &trained, &json), LENS_CANCELLED);
    CHECK(trained == NULL && json == NULL);
    trained = DIRTY(lens_model);
    fixture_train_options(&train);
    train.cancel = token;
    CHECK_STATUS(lens_train(context, dataset, NULL, &train, &trained), LENS_CANCELLED);
    CHECK(trained == NULL);

    lens_cancel_token_free(token);
    CHECK_REFUSED(lens_cancel_token_trigger(NULL), LENS_ERROR_ARGUMENT, "token", "NULL");
}

static void test_lens_cancel_token_reset(void)
{
    lens_cancel_token *token = NULL;
    lens_classify_options options;
    lens_prediction prediction;
    CHECK_OK(lens_cancel_token_new(&token));
    CHECK_OK(lens_cancel_token_reset(token));
    CHECK_OK(lens_cancel_token_trigger(token));
    CHECK_OK(lens_cancel_token_reset(token));
    lens_classify_options_init(&options);
    options.cancel = token;
    CHECK_OK(lens_classify(model, images, 1, &options, &prediction));
    lens_cancel_token_free(token);
    CHECK_REFUSED(lens_cancel_token_reset(NULL), LENS_ERROR_ARGUMENT, "token", "NULL");
}

static void test_lens_cancel_token_free(void)
{
    lens_cancel_token *token = NULL;
    CHECK_OK(lens_cancel_token_new(&token));
    lens_cancel_token_free(token);
    lens_cancel_token_free(NULL);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    FUNCTION(lens_version),
    FUNCTION(lens_abi_version),
    FUNCTION(lens_last_error),
    FUNCTION(lens_status_name),
    FUNCTION(lens_string_free),
    FUNCTION(lens_init_options_init),
    FUNCTION(lens_init),
    {"choices_can_be_overridden", choices_can_be_overridden},
    FUNCTION(lens_context_describe),
    FUNCTION(lens_context_free),
    FUNCTION(lens_cancel_token_new),
    FUNCTION(lens_cancel_token_trigger),
    FUNCTION(lens_cancel_token_reset),
    FUNCTION(lens_cancel_token_free),
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
