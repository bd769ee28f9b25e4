/** Every function that deals with models: loading, saving, training, classifying, evaluating, calibrating. */
#include "every_function.h"

/* Models */

static void test_lens_model_load(void)
{
    fixture_path path, text, cut, missing;
    lens_model *loaded = DIRTY(lens_model);
    char *bytes;
    size_t count;
    fixture_model_path(path);
    fixture_join(text, scratch, "text.safetensors");
    fixture_join(cut, scratch, "cut.safetensors");
    fixture_join(missing, scratch, "no such model.safetensors");
    fixture_write_text(text, "This is no model, and its first eight bytes are no sensible length either.\n");
    bytes = fixture_read(path, &count);
    fixture_write(cut, bytes, count / 2);
    free(bytes);

    CHECK_OK(lens_model_load(context, path, &loaded));
    CHECK(loaded != NULL && loaded != DIRTY(lens_model));
    lens_model_free(loaded);

#define LOAD_REFUSED(context, path, status, name, value)                                                               \
    do {                                                                                                               \
        loaded = DIRTY(lens_model);                                                                                    \
        CHECK_REFUSED(lens_model_load(context, path, &loaded), status, name, value);                                   \
        CHECK(loaded == NULL);                                                                                         \
    } while (0)
    LOAD_REFUSED(NULL, path, LENS_ERROR_ARGUMENT, "context", "NULL");
    LOAD_REFUSED(context, NULL, LENS_ERROR_ARGUMENT, "path", "NULL");
    LOAD_REFUSED(context, "", LENS_ERROR_ARGUMENT, "path", "empty");
    LOAD_REFUSED(context, "\xff.safetensors", LENS_ERROR_ARGUMENT, "path", "UTF-8");
    LOAD_REFUSED(context, missing, LENS_ERROR_IO, missing, "");
    LOAD_REFUSED(context, scratch, LENS_ERROR_IO, scratch, "");
    LOAD_REFUSED(context, text, LENS_ERROR_FORMAT, text, "");
    LOAD_REFUSED(context, cut, LENS_ERROR_FORMAT, cut, "");
#undef LOAD_REFUSED
    CHECK_REFUSED(lens_model_load(context, path, NULL), LENS_ERROR_ARGUMENT, "model", "NULL");
}

static void test_lens_import_options_init(void)
{
    lens_import_options options;
    memset(&options, 0xAB, sizeof options);
    lens_import_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK(options.head_positive == NULL && options.head_negative == NULL);
    CHECK_EQUAL(options.head_kind, LENS_HEAD_KIND_AUTO);
    CHECK_EQUAL(options.normalisation, LENS_NORMALISATION_AUTO);
    CHECK_EQUAL(options.image_size, 0);
    lens_import_options_init(NULL);
}

/* Weights of other programs are tested where their programs are: ffi-tests/interop. */
static void test_lens_model_import(void)
{
    fixture_path path;
    lens_import_options options;
    lens_prediction original = fixture_classify(model, &images[1]), again;
    lens_model *imported = NULL;
    fixture_model_path(path);
    CHECK_OK(lens_model_import(context, path, NULL, &imported));
    again = fixture_classify(imported, &images[1]);
    CHECK(memcmp(&original, &again, sizeof again) == 0);
    lens_model_free(imported);

#define IMPORT_REFUSED(field, value, name, words)                                                                      \
    do {                                                                                                               \
        lens_import_options_init(&options);                                                                            \
        options.field = value;                                                                                         \
        imported = DIRTY(lens_model);                                                                                  \
        CHECK_REFUSED(lens_model_import(context, path, &options, &imported), LENS_ERROR_ARGUMENT, name, words);        \
        CHECK(imported == NULL);                                                                                       \
    } while (0)
    IMPORT_REFUSED(head_positive, "1", "head_positive", "a model of this library");
    IMPORT_REFUSED(image_size, 64, "image_size", "a model of this library");
    IMPORT_REFUSED(image_size, 31, "image_size", "31");
    IMPORT_REFUSED(head_kind, 99, "head_kind", "99");
    IMPORT_REFUSED(normalisation, 99, "normalisation", "99");
#undef IMPORT_REFUSED
    CHECK_REFUSED(lens_model_import(NULL, path, NULL, &imported), LENS_ERROR_ARGUMENT, "context", "NULL");
    CHECK_REFUSED(lens_model_import(context, NULL, NULL, &imported), LENS_ERROR_ARGUMENT, "path", "NULL");
    CHECK_REFUSED(lens_model_import(context, path, NULL, NULL), LENS_ERROR_ARGUMENT, "model", "NULL");
}

static void test_lens_model_save(void)
{
    static const char *const written[] = {"copy.safetensors", "copy.onnx"};
    fixture_path directory, path, onnx, impossible;
    lens_model *copy = NULL;
    lens_prediction original, again;
    fixture_scratch(directory, "save");
    fixture_join(path, directory, "copy.safetensors");
    fixture_join(onnx, directory, "copy.onnx");
    fixture_join(impossible, directory, "no such directory/copy.safetensors");

    CHECK_OK(lens_model_save(model, path, LENS_MODEL_FORMAT_SAFETENSORS));
    CHECK_OK(lens_model_save(model, path, LENS_MODEL_FORMAT_SAFETENSORS));
    CHECK_OK(lens_model_save(model, onnx, LENS_MODEL_FORMAT_ONNX));
    CHECK_STATUS(lens_model_load(context, onnx, &copy), LENS_ERROR_FORMAT);
    CHECK_OK(lens_model_load(context, path, &copy));
    original = fixture_classify(model, &images[1]);
    again = fixture_classify(copy, &images[1]);
    CHECK(memcmp(&original, &again, sizeof again) == 0);
    lens_model_free(copy);

    CHECK_REFUSED(lens_model_save(NULL, path, LENS_MODEL_FORMAT_SAFETENSORS), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK_REFUSED(lens_model_save(model, NULL, LENS_MODEL_FORMAT_SAFETENSORS), LENS_ERROR_ARGUMENT, "path", "NULL");
    CHECK_REFUSED(lens_model_save(model, "", LENS_MODEL_FORMAT_SAFETENSORS), LENS_ERROR_ARGUMENT, "path", "empty");
    CHECK_REFUSED(lens_model_save(model, path, 99), LENS_ERROR_ARGUMENT, "format", "99");
    CHECK_REFUSED(lens_model_save(model, impossible, LENS_MODEL_FORMAT_SAFETENSORS), LENS_ERROR_IO, impossible, "");
    CHECK_REFUSED(lens_model_save(model, directory, LENS_MODEL_FORMAT_SAFETENSORS), LENS_ERROR_IO, directory, "");
    CHECK_EQUAL(fixture_other_entries(directory, written, 2), 0);
}

static void test_lens_optimize_options_init(void)
{
    lens_optimize_options options;
    memset(&options, 0xAB, sizeof options);
    lens_optimize_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.variant, LENS_OPTIMIZED_VARIANT_AUTO);
    CHECK_EQUAL(options.batch_limit, 0);
    CHECK(options.calibration == NULL && options.progress == NULL && options.cancel == NULL);
    lens_optimize_options_init(NULL);
}

/* Each variant loads again; the one with 8-bit integers, and TorchScript without, are run as what they are. */
static void test_variants_of_libtorch(void)
{
    static const struct {
        lens_optimized_variant variant;
        const char *engine;
        double difference;
    } cases[] = {
        {LENS_OPTIMIZED_VARIANT_AUTO, "torchscript", 0.05},
        {LENS_OPTIMIZED_VARIANT_INT8_HEAD, "torchscript", 0.05},
        {LENS_OPTIMIZED_VARIANT_STATE_DICT, NULL, 0},
    };
    fixture_path path, missing;
    lens_optimize_options options;
    lens_prediction original = fixture_classify(model, &images[1]), again;
    lens_model *loaded = NULL;
    char *json = NULL;
    fixture_join(path, scratch, "optimised.pt");
    fixture_join(missing, scratch, "no such directory/optimised.pt");
    if (getenv("LENS_TEST_WITHOUT_LIBTORCH") != NULL) {
        CHECK_REFUSED(lens_model_optimize(model, path, NULL), LENS_ERROR_UNSUPPORTED, "liblesionlens_torch.so",
                      "make torch");
        CHECK_REFUSED(lens_model_save(model, path, LENS_MODEL_FORMAT_TORCHSCRIPT), LENS_ERROR_UNSUPPORTED,
                      "liblesionlens_torch.so", "make torch");
        return;
    }
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        lens_optimize_options_init(&options);
        options.variant = cases[index].variant;
        CHECK_OK(lens_model_optimize(model, path, &options));
        CHECK_OK(lens_model_load(context, path, &loaded));
        CHECK_OK(lens_model_describe(loaded, &json));
        if (cases[index].engine != NULL)
            CHECK_CONTAINS(fixture_json_value(json, "engine"), cases[index].engine);
        again = fixture_classify(loaded, &images[1]);
        CHECK_NEAR(again.logit, original.logit, cases[index].difference * (1 + fabs(original.logit)));
        lens_string_free(json);
        lens_model_free(loaded);
    }
    CHECK_OK(lens_model_save(model, path, LENS_MODEL_FORMAT_TORCHSCRIPT));
    CHECK_OK(lens_model_load(context, path, &loaded));
    again = fixture_classify(loaded, &images[1]);
    CHECK_NEAR(again.logit, original.logit, 1e-4);
    lens_model_free(loaded);
    CHECK_REFUSED(lens_model_optimize(model, missing, NULL), LENS_ERROR_IO, missing, "");
}

static void test_lens_model_optimize(void)
{
    fixture_path path;
    lens_optimize_options options;
    lens_prediction original = fixture_classify(model, &images[1]), again;
    lens_model *loaded = NULL;
    fixture_join(path, scratch, "optimised.safetensors");
    lens_optimize_options_init(&options);
    options.variant = LENS_OPTIMIZED_VARIANT_INT8;
    CHECK_REFUSED(lens_model_optimize(model, path, &options), LENS_ERROR_ARGUMENT, "calibration", "NULL");
    options.calibration = dataset;
    CHECK_OK(lens_model_optimize(model, path, &options));
    CHECK_OK(lens_model_load(context, path, &loaded));
    /* 8 bits are for contexts that ask for them. */
    again = fixture_classify(loaded, &images[1]);
    CHECK(memcmp(&original, &again, sizeof again) == 0);
    lens_model_free(loaded);
    options.batch_limit = 65537;
    CHECK_REFUSED(lens_model_optimize(model, path, &options), LENS_ERROR_ARGUMENT, "batch_limit", "65537");
    options.batch_limit = 32;
    options.variant = LENS_OPTIMIZED_VARIANT_STATE_DICT;
    CHECK_REFUSED(lens_model_optimize(model, path, &options), LENS_ERROR_ARGUMENT, "calibration", "INT8");
    options.variant = 99;
    CHECK_REFUSED(lens_model_optimize(model, path, &options), LENS_ERROR_ARGUMENT, "variant", "99");
    CHECK_REFUSED(lens_model_optimize(NULL, path, NULL), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK_REFUSED(lens_model_optimize(model, NULL, NULL), LENS_ERROR_ARGUMENT, "path", "NULL");
}

static void test_lens_model_describe(void)
{
    char *json = NULL;
    char sha[80];
    CHECK_OK(lens_model_describe(model, &json));
    CHECK_CONTAINS(json, "\"densenet121\"");
    CHECK_NEAR(fixture_json_number(json, "parameters"), 6954881, 0);
    CHECK_NEAR(fixture_json_number(fixture_json_value(json, "preprocessing"), "image_size"), FIXTURE_IMAGE_SIZE, 0);
    CHECK_NEAR(fixture_json_number(json, "threshold"), 0.5, 1e-7);
    CHECK_NEAR(fixture_json_number(json, "temperature"), 1, 0);
    CHECK(strncmp(fixture_json_value(json, "operating_point"), "null", 4) == 0);
    CHECK_NEAR(fixture_json_number(fixture_json_value(json, "training"), "best_epoch"), 1, 0);
    fixture_json_text(json, "model_sha256", sha, sizeof sha);
    CHECK_EQUAL(strlen(sha), 64);
    fixture_json_text(json, "file_sha256", sha, sizeof sha);
    CHECK_EQUAL(strlen(sha), 64);
    lens_string_free(json);

    json = DIRTY(char);
    CHECK_REFUSED(lens_model_describe(NULL, &json), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK(json == NULL);
    CHECK_REFUSED(lens_model_describe(model, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
}

static void test_lens_model_get_read_options(void)
{
    lens_read_options options;
    lens_train_options training;
    lens_model *trained = NULL;
    memset(&options, 0xAB, sizeof options);
    CHECK_OK(lens_model_get_read_options(model, &options));
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.display, LENS_DISPLAY_VIEWER);
    CHECK_EQUAL(options.window, 0);
    CHECK_EQUAL(options.apply_orientation, 1);

    fixture_train_options(&training);
    training.display = LENS_DISPLAY_FULL_RANGE;
    training.window = 3;
    training.apply_orientation = 0;
    CHECK_OK(lens_train(context, dataset, NULL, &training, &trained));
    CHECK_OK(lens_model_get_read_options(trained, &options));
    CHECK_EQUAL(options.display, LENS_DISPLAY_FULL_RANGE);
    CHECK_EQUAL(options.window, 3);
    CHECK_EQUAL(options.apply_orientation, 0);
    lens_model_free(trained);

    memset(&options, 0xAB, sizeof options);
    CHECK_REFUSED(lens_model_get_read_options(NULL, &options), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK(fixture_all_zero(&options, sizeof options));
    CHECK_REFUSED(lens_model_get_read_options(model, NULL), LENS_ERROR_ARGUMENT, "options", "NULL");
}

static void test_lens_model_free(void)
{
    lens_model_free(fixture_model(context));
    lens_model_free(NULL);
}

/* Training */

static void test_lens_train_options_init(void)
{
    lens_train_options options;
    memset(&options, 0xAB, sizeof options);
    lens_train_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.epochs, 20);
    CHECK_EQUAL(options.batch_size, 128);
    CHECK_EQUAL(options.image_size, 128);
    CHECK_EQUAL(options.select_by, LENS_SELECT_BY_ACCURACY);
    CHECK_NEAR(options.learning_rate, 1e-4, 0);
    CHECK_NEAR(options.pos_weight, 0, 0);
    CHECK_NEAR(options.flip_horizontal, 0.5, 0);
    CHECK_NEAR(options.flip_vertical, 0.5, 0);
    CHECK_NEAR(options.rotation_degrees, 10, 0);
    CHECK_EQUAL(options.weighted_sampler, 1);
    for (int channel = 0; channel < 3; channel++) {
        CHECK_NEAR(options.mean[channel], 0, 0);
        CHECK_NEAR(options.standard_deviation[channel], 1, 0);
    }
    CHECK_NEAR(options.threshold, 0.5, 0);
    CHECK_EQUAL(options.seed, 0);
    CHECK(options.start_model == NULL && options.run_directory == NULL);
    CHECK(options.progress == NULL && options.progress_user_data == NULL && options.cancel == NULL);
    CHECK_EQUAL(options.optimizer, LENS_OPTIMIZER_ADAM);
    CHECK_EQUAL(options.schedule, LENS_SCHEDULE_CONSTANT);
    CHECK_NEAR(options.weight_decay, 0, 0);
    CHECK_NEAR(options.momentum, 0.9, 0);
    CHECK_NEAR(options.warmup_epochs, 0, 0);
    CHECK_NEAR(options.final_learning_rate, 0, 0);
    CHECK_NEAR(options.plateau_factor, 0.1, 0);
    CHECK_EQUAL(options.plateau_patience, 5);
    CHECK_EQUAL(options.early_stopping_patience, 0);
    CHECK_NEAR(options.clip_norm, 0, 0);
    CHECK_NEAR(options.label_smoothing, 0, 0);
    CHECK_NEAR(options.average_decay, 0, 0);
    CHECK_EQUAL(options.freeze_epochs, 0);
    CHECK_EQUAL(options.micro_batch_size, 0);
    CHECK_EQUAL(options.grad_scaler, LENS_GRAD_SCALER_AUTO);
    CHECK_EQUAL(options.resume, 0);
    CHECK_NEAR(options.checkpoint_minutes, 10, 0);
    CHECK(options.start_weights == NULL);
    CHECK_EQUAL(options.display, LENS_DISPLAY_VIEWER);
    CHECK_EQUAL(options.window, 0);
    CHECK_EQUAL(options.apply_orientation, 1);
    lens_train_options_init(NULL);
}

static void train_and_hash(uint64_t seed, const char *run_directory, const lens_dataset *validation, char *sha,
                           size_t size)
{
    lens_train_options options;
    lens_model *trained = DIRTY(lens_model);
    char *json = NULL;
    fixture_train_options(&options);
    options.seed = seed;
    options.run_directory = run_directory;
    CHECK_OK(lens_train(context, dataset, validation, &options, &trained));
    CHECK(trained != NULL && trained != DIRTY(lens_model));
    CHECK_OK(lens_model_describe(trained, &json));
    CHECK_CONTAINS(json, "\"epochs\"");
    CHECK_CONTAINS(json, "\"best_epoch\"");
    fixture_json_text(json, "model_sha256", sha, size);
    CHECK_EQUAL(strlen(sha), 64);
    lens_string_free(json);
    lens_model_free(trained);
}

#define TRAIN_REFUSED(field, wrong, status, name, value)                                                               \
    do {                                                                                                               \
        lens_train_options options;                                                                                    \
        fixture_train_options(&options);                                                                               \
        options.field = wrong;                                                                                         \
        trained = DIRTY(lens_model);                                                                                   \
        CHECK_REFUSED(lens_train(context, dataset, NULL, &options, &trained), status, name, value);                    \
        CHECK(trained == NULL);                                                                                        \
    } while (0)

#define TRAIN_OPTION_REFUSED(field, wrong, value) TRAIN_REFUSED(field, wrong, LENS_ERROR_ARGUMENT, #field, value)

static void test_lens_train(void)
{
    static const char *const files[] = {"best.safetensors", "run.json", "curves.png", "last.checkpoint"};
    fixture_path run, best, record, below_a_file;
    lens_dataset *validation = fixture_dataset(FIXTURE_COUNT, 8);
    lens_dataset *negatives = NULL;
    lens_model *trained = NULL;
    lens_train_options options;
    char sha[80], again[80], other[80], *text;

    fixture_join(run, scratch, "run");
    train_and_hash(11, run, validation, sha, sizeof sha);
    CHECK_EQUAL(fixture_other_entries(run, files, 4), 0);
    fixture_join(record, run, files[1]);
    text = fixture_read(record, NULL);
    CHECK_CONTAINS(text, sha);
    free(text);
    fixture_join(best, run, files[0]);
    CHECK_OK(lens_model_load(context, best, &trained));
    lens_model_free(trained);

    /* The same seed gives the same weights bit for bit, another seed others. */
    train_and_hash(11, NULL, validation, again, sizeof again);
    CHECK(strcmp(sha, again) == 0);
    train_and_hash(12, NULL, NULL, other, sizeof other);
    CHECK(strcmp(sha, other) != 0);

    fixture_train_options(&options);
    trained = DIRTY(lens_model);
    CHECK_REFUSED(lens_train(NULL, dataset, NULL, &options, &trained), LENS_ERROR_ARGUMENT, "context", "NULL");
    CHECK(trained == NULL);
    trained = DIRTY(lens_model);
    CHECK_REFUSED(lens_train(context, NULL, NULL, &options, &trained), LENS_ERROR_ARGUMENT, "train", "NULL");
    CHECK(trained == NULL);
    CHECK_REFUSED(lens_train(context, dataset, NULL, &options, NULL), LENS_ERROR_ARGUMENT, "model", "NULL");

    CHECK_OK(lens_dataset_new(&negatives));
    trained = DIRTY(lens_model);
    CHECK_STATUS(lens_train(context, negatives, NULL, &options, &trained), LENS_ERROR_DATA);
    CHECK(trained == NULL);
    for (unsigned number = 0; number < 8; number += 2)
        CHECK_OK(lens_dataset_add(negatives, &images[number], 0, NULL));
    trained = DIRTY(lens_model);
    CHECK_REFUSED(lens_train(context, negatives, NULL, &options, &trained), LENS_ERROR_DATA, "positive", "");
    CHECK(trained == NULL);
    options.select_by = LENS_SELECT_BY_AUC;
    trained = DIRTY(lens_model);
    CHECK_REFUSED(lens_train(context, dataset, negatives, &options, &trained), LENS_ERROR_DATA, "validation", "");
    CHECK(trained == NULL);

    TRAIN_OPTION_REFUSED(epochs, 0, "0");
    TRAIN_OPTION_REFUSED(epochs, 100001, "100001");
    TRAIN_OPTION_REFUSED(batch_size, 1, "1");
    TRAIN_OPTION_REFUSED(batch_size, 65537, "65537");
    TRAIN_OPTION_REFUSED(image_size, 31, "31");
    TRAIN_OPTION_REFUSED(image_size, 4097, "4097");
    TRAIN_OPTION_REFUSED(select_by, 99, "99");
    TRAIN_OPTION_REFUSED(learning_rate, 0, "0");
    TRAIN_OPTION_REFUSED(learning_rate, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(learning_rate, 1.5, "1.5");
    TRAIN_OPTION_REFUSED(learning_rate, NAN, "NaN");
    TRAIN_OPTION_REFUSED(pos_weight, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(pos_weight, NAN, "NaN");
    TRAIN_OPTION_REFUSED(pos_weight, INFINITY, "inf");
    TRAIN_OPTION_REFUSED(flip_horizontal, 1.5, "1.5");
    TRAIN_OPTION_REFUSED(flip_horizontal, NAN, "NaN");
    TRAIN_OPTION_REFUSED(flip_vertical, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(rotation_degrees, 180.5, "180.5");
    TRAIN_OPTION_REFUSED(rotation_degrees, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(weighted_sampler, 2, "2");
    TRAIN_REFUSED(mean[1], NAN, LENS_ERROR_ARGUMENT, "mean", "NaN");
    TRAIN_REFUSED(standard_deviation[2], 0.0f, LENS_ERROR_ARGUMENT, "standard_deviation", "0");
    TRAIN_REFUSED(standard_deviation[0], -0.5f, LENS_ERROR_ARGUMENT, "standard_deviation", "-0.5");
    TRAIN_OPTION_REFUSED(threshold, 1.5f, "1.5");
    TRAIN_OPTION_REFUSED(threshold, NAN, "NaN");
    TRAIN_OPTION_REFUSED(optimizer, 99, "99");
    TRAIN_OPTION_REFUSED(schedule, -1, "-1");
    TRAIN_OPTION_REFUSED(weight_decay, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(momentum, 1.0, "1");
    TRAIN_OPTION_REFUSED(warmup_epochs, 1e9, "1000000000");
    TRAIN_OPTION_REFUSED(final_learning_rate, 0.75, "0.75");
    TRAIN_OPTION_REFUSED(plateau_factor, 1.5, "1.5");
    TRAIN_OPTION_REFUSED(early_stopping_patience, 3, "3");
    TRAIN_OPTION_REFUSED(clip_norm, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(label_smoothing, 1.5, "1.5");
    TRAIN_OPTION_REFUSED(average_decay, 1.5, "1.5");
    TRAIN_OPTION_REFUSED(freeze_epochs, 9999, "9999");
    TRAIN_OPTION_REFUSED(micro_batch_size, 1, "1");
    TRAIN_OPTION_REFUSED(grad_scaler, 99, "99");
    TRAIN_OPTION_REFUSED(resume, 2, "2");
    TRAIN_REFUSED(resume, 1, LENS_ERROR_ARGUMENT, "run_directory", "resume");
    TRAIN_OPTION_REFUSED(checkpoint_minutes, -0.5, "-0.5");
    TRAIN_OPTION_REFUSED(checkpoint_minutes, NAN, "NaN");
    TRAIN_REFUSED(start_weights, "no/such.pth", LENS_ERROR_IO, "start_weights", "no/such.pth");
    TRAIN_REFUSED(start_weights, record, LENS_ERROR_FORMAT, "start_weights", "run.json");
    TRAIN_REFUSED(run_directory, "\xff", LENS_ERROR_ARGUMENT, "run_directory", "UTF-8");
    fixture_join(below_a_file, record, "run");
    TRAIN_REFUSED(run_directory, below_a_file, LENS_ERROR_IO, below_a_file, "");

    lens_dataset_free(negatives);
    lens_dataset_free(validation);
}

/* Classification */

static void test_lens_classify_options_init(void)
{
    lens_classify_options options;
    memset(&options, 0xAB, sizeof options);
    lens_classify_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_NEAR(options.threshold, -1, 0);
    CHECK_EQUAL(options.batch_limit, 0);
    CHECK(options.progress == NULL && options.progress_user_data == NULL && options.cancel == NULL);
    lens_classify_options_init(NULL);
}

#define CLASSIFY_REFUSED(field, wrong, value)                                                                          \
    do {                                                                                                               \
        lens_classify_options options;                                                                                 \
        lens_classify_options_init(&options);                                                                          \
        options.field = wrong;                                                                                         \
        memset(predictions, 0xAB, sizeof predictions);                                                                 \
        CHECK_REFUSED(lens_classify(model, images, 2, &options, predictions), LENS_ERROR_ARGUMENT, #field, value);     \
        CHECK(fixture_all_zero(predictions, 2 * sizeof predictions[0]));                                               \
    } while (0)

static void test_lens_classify(void)
{
    static const float thresholds[] = {0.0f, 0.25f, 1.0f};
    lens_prediction predictions[FIXTURE_COUNT], again[FIXTURE_COUNT];
    lens_classify_options options;
    memset(predictions, 0xAB, sizeof predictions);
    CHECK_OK(lens_classify(model, images, FIXTURE_COUNT, NULL, predictions));
    for (size_t index = 0; index < FIXTURE_COUNT; index++)
        check_prediction(&predictions[index], 0.5);

    /* Neither the order in the array nor the cut into batches shows in the results. */
    lens_classify_options_init(&options);
    options.batch_limit = 5;
    CHECK_OK(lens_classify(model, images, FIXTURE_COUNT, &options, again));
    for (size_t index = 0; index < FIXTURE_COUNT; index++)
        CHECK_NEAR(again[index].probability, predictions[index].probability, 1e-5);
    for (size_t index = 0; index < FIXTURE_COUNT; index += 7)
        CHECK_NEAR(fixture_classify(model, &images[index]).probability, predictions[index].probability, 1e-5);

    for (size_t index = 0; index < sizeof thresholds / sizeof thresholds[0]; index++) {
        lens_classify_options_init(&options);
        options.threshold = thresholds[index];
        CHECK_OK(lens_classify(model, images, 1, &options, predictions));
        check_prediction(predictions, (double)thresholds[index]);
    }

    CHECK_OK(lens_classify(model, NULL, 0, NULL, NULL));
    memset(predictions, 0xAB, sizeof predictions);
    CHECK_REFUSED(lens_classify(NULL, images, 2, NULL, predictions), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK(fixture_all_zero(predictions, 2 * sizeof predictions[0]));
    memset(predictions, 0xAB, sizeof predictions);
    CHECK_REFUSED(lens_classify(model, NULL, 2, NULL, predictions), LENS_ERROR_ARGUMENT, "images", "NULL");
    CHECK(fixture_all_zero(predictions, 2 * sizeof predictions[0]));
    CHECK_REFUSED(lens_classify(model, images, 2, NULL, NULL), LENS_ERROR_ARGUMENT, "predictions", "NULL");
    CHECK_REFUSED(lens_classify(model, images, SIZE_MAX, NULL, predictions), LENS_ERROR_ARGUMENT, "count",
                  "18446744073709551615");
    CLASSIFY_REFUSED(threshold, 1.5f, "1.5");
    CLASSIFY_REFUSED(threshold, -0.5f, "-0.5");
    CLASSIFY_REFUSED(threshold, NAN, "NaN");
    CLASSIFY_REFUSED(batch_limit, 65537, "65537");
}

/* Evaluation */

static void test_lens_evaluate_options_init(void)
{
    lens_evaluate_options options;
    memset(&options, 0xAB, sizeof options);
    lens_evaluate_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_NEAR(options.threshold, -1, 0);
    CHECK_EQUAL(options.batch_limit, 0);
    CHECK(options.output_dir == NULL);
    CHECK_NEAR(options.target_sensitivity, 0.95, 0);
    CHECK_EQUAL(options.bootstrap_samples, 2000);
    CHECK_EQUAL(options.seed, 0);
    CHECK_EQUAL(options.by_heatmap, 0);
    CHECK_EQUAL(options.save_heatmap_raw, 1);
    CHECK_EQUAL(options.save_heatmap_overlay, 1);
    CHECK_EQUAL(options.flag_criterion, LENS_FLAG_CRITERION_EITHER);
    CHECK_NEAR(options.flag_confidence, 0.5, 0);
    CHECK_NEAR(options.sample_flagged_ratio, 0.75, 0);
    CHECK(options.heatmap == NULL);
    CHECK(options.progress == NULL && options.progress_user_data == NULL && options.cancel == NULL);
    lens_evaluate_options_init(NULL);
}

#define EVALUATE_REFUSED(field, wrong, status, name, value)                                                            \
    do {                                                                                                               \
        lens_evaluate_options options;                                                                                 \
        lens_evaluate_options_init(&options);                                                                          \
        options.field = wrong;                                                                                         \
        json = DIRTY(char);                                                                                            \
        CHECK_REFUSED(lens_evaluate(model, dataset, &options, &json), status, name, value);                            \
        CHECK(json == NULL);                                                                                           \
    } while (0)

static void test_lens_metrics_read(void)
{
    lens_metrics metrics;
    char *json = NULL;
    const char *matrix, *intervals;

    CHECK_OK(lens_evaluate(model, dataset, NULL, &json));
    CHECK_OK(lens_metrics_read(json, &metrics));
    matrix = fixture_json_value(json, "confusion_matrix");
    intervals = fixture_json_value(fixture_json_value(json, "intervals"), "accuracy");
    CHECK_EQUAL(metrics.samples, FIXTURE_COUNT);
    CHECK_NEAR((double)metrics.true_negative, fixture_json_number(matrix, "true_negative"), 0);
    CHECK_NEAR((double)metrics.false_positive, fixture_json_number(matrix, "false_positive"), 0);
    CHECK_NEAR((double)metrics.false_negative, fixture_json_number(matrix, "false_negative"), 0);
    CHECK_NEAR((double)metrics.true_positive, fixture_json_number(matrix, "true_positive"), 0);
    CHECK_NEAR(metrics.threshold, fixture_json_number(json, "threshold"), 0);
    CHECK_NEAR(metrics.accuracy.value, (double)(metrics.true_negative + metrics.true_positive) / FIXTURE_COUNT, 1e-9);
    CHECK_NEAR(metrics.brier.value, fixture_json_number(fixture_json_value(json, "metrics"), "brier"), 0);
    CHECK_NEAR(metrics.accuracy.low, fixture_json_number(intervals, "low"), 0);
    CHECK_NEAR(metrics.accuracy.high, fixture_json_number(intervals, "high"), 0);
    lens_string_free(json);

    memset(&metrics, 0xAB, sizeof metrics);
    CHECK_REFUSED(lens_metrics_read(NULL, &metrics), LENS_ERROR_ARGUMENT, "report", "NULL");
    CHECK(fixture_all_zero(&metrics, sizeof metrics));
    CHECK_REFUSED(lens_metrics_read("{}", NULL), LENS_ERROR_ARGUMENT, "metrics", "NULL");
    memset(&metrics, 0xAB, sizeof metrics);
    CHECK_REFUSED(lens_metrics_read("{\"samples\"", &metrics), LENS_ERROR_FORMAT, "JSON", "");
    CHECK(fixture_all_zero(&metrics, sizeof metrics));
    CHECK_REFUSED(lens_metrics_read("{\"samples\": 3}", &metrics), LENS_ERROR_FORMAT, "schema", "lesionlens.evaluation");
}

static void test_lens_evaluate(void)
{
    static const char *const cells[] = {"true_negative", "false_positive", "false_negative", "true_positive"};
    static const char *const files[] = {"predictions.csv", "report.json",  "report.html",       "confusion.png",
                                         "roc.png",         "reliability.png", "sample_results.png", "flagged_raw",
                                         "flagged_overlays"};
    static const char *const groups[] = {"undefined", "intervals", "classification_report", "roc",
                                         "precision_recall", "reliability", "operating_points"};
    static const char head[] = "filename,filepath,true_label,predicted_label,prediction_confidence";
    fixture_path output, file, below_a_file;
    lens_dataset *empty = NULL;
    lens_evaluate_options options;
    char *json = NULL, *text;
    double counted[4], total = 0;
    size_t lines = 0;

    fixture_join(output, scratch, "report");
    lens_evaluate_options_init(&options);
    options.output_dir = output;
    options.batch_limit = 5;
    CHECK_OK(lens_evaluate(model, dataset, &options, &json));
    CHECK_NEAR(fixture_json_number(json, "samples"), FIXTURE_COUNT, 0);
    for (int index = 0; index < 4; index++) {
        counted[index] = fixture_json_number(fixture_json_value(json, "confusion_matrix"), cells[index]);
        total += counted[index];
    }
    CHECK_NEAR(total, FIXTURE_COUNT, 0);
    CHECK_NEAR(counted[0] + counted[1], FIXTURE_COUNT / 2, 0);
    CHECK_NEAR(fixture_json_number(fixture_json_value(json, "metrics"), "accuracy"),
               (counted[0] + counted[3]) / FIXTURE_COUNT, 1e-9);
    for (size_t index = 0; index < sizeof groups / sizeof groups[0]; index++)
        CHECK(fixture_json_value(json, groups[index]) != NULL);
    lens_string_free(json);

    CHECK_EQUAL(fixture_other_entries(output, files, sizeof files / sizeof files[0]), 0);
    fixture_join(file, output, files[0]);
    text = fixture_read(file, NULL);
    CHECK(strncmp(text, head, strlen(head)) == 0);
    for (const char *place = text; (place = strchr(place, '\n')) != NULL; place++)
        lines++;
    CHECK_EQUAL(lines, FIXTURE_COUNT + 1);
    free(text);
    fixture_join(file, output, files[1]);
    text = fixture_read(file, NULL);
    CHECK_NEAR(fixture_json_number(text, "samples"), FIXTURE_COUNT, 0);
    free(text);

    CHECK_OK(lens_dataset_new(&empty));
    json = DIRTY(char);
    CHECK_STATUS(lens_evaluate(model, empty, NULL, &json), LENS_ERROR_DATA);
    CHECK(json == NULL);
    lens_dataset_free(empty);
    json = DIRTY(char);
    CHECK_REFUSED(lens_evaluate(NULL, dataset, NULL, &json), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK(json == NULL);
    json = DIRTY(char);
    CHECK_REFUSED(lens_evaluate(model, NULL, NULL, &json), LENS_ERROR_ARGUMENT, "dataset", "NULL");
    CHECK(json == NULL);
    CHECK_REFUSED(lens_evaluate(model, dataset, NULL, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
    EVALUATE_REFUSED(threshold, 1.5f, LENS_ERROR_ARGUMENT, "threshold", "1.5");
    EVALUATE_REFUSED(threshold, NAN, LENS_ERROR_ARGUMENT, "threshold", "NaN");
    EVALUATE_REFUSED(batch_limit, 65537, LENS_ERROR_ARGUMENT, "batch_limit", "65537");
    EVALUATE_REFUSED(target_sensitivity, 0, LENS_ERROR_ARGUMENT, "target_sensitivity", "0");
    EVALUATE_REFUSED(target_sensitivity, 1.5, LENS_ERROR_ARGUMENT, "target_sensitivity", "1.5");
    EVALUATE_REFUSED(target_sensitivity, NAN, LENS_ERROR_ARGUMENT, "target_sensitivity", "NaN");
    EVALUATE_REFUSED(bootstrap_samples, 99, LENS_ERROR_ARGUMENT, "bootstrap_samples", "99");
    EVALUATE_REFUSED(bootstrap_samples, 1000001, LENS_ERROR_ARGUMENT, "bootstrap_samples", "1000001");
    EVALUATE_REFUSED(by_heatmap, 2, LENS_ERROR_ARGUMENT, "by_heatmap", "2");
    EVALUATE_REFUSED(save_heatmap_raw, -1, LENS_ERROR_ARGUMENT, "save_heatmap_raw", "-1");
    EVALUATE_REFUSED(save_heatmap_overlay, 9, LENS_ERROR_ARGUMENT, "save_heatmap_overlay", "9");
    EVALUATE_REFUSED(flag_criterion, 7, LENS_ERROR_ARGUMENT, "flag_criterion", "7");
    EVALUATE_REFUSED(flag_confidence, 1.5f, LENS_ERROR_ARGUMENT, "flag_confidence", "1.5");
    EVALUATE_REFUSED(sample_flagged_ratio, NAN, LENS_ERROR_ARGUMENT, "sample_flagged_ratio", "NaN");
    EVALUATE_REFUSED(output_dir, "\xff", LENS_ERROR_ARGUMENT, "output_dir", "UTF-8");
    fixture_join(below_a_file, file, "report");
    EVALUATE_REFUSED(output_dir, below_a_file, LENS_ERROR_IO, below_a_file, "");
}

/* Calibration */

static void test_lens_localize_options_init(void)
{
    lens_localize_options options;
    memset(&options, 0xAB, sizeof options);
    lens_localize_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK(options.heatmap == NULL);
    CHECK_NEAR(options.tolerance, -1, 0);
    CHECK(options.progress == NULL && options.progress_user_data == NULL && options.cancel == NULL);
    lens_localize_options_init(NULL);
}

static void test_lens_localize(void)
{
    static const char table[] = "filename,x,y,width,height\na.png,1,2,5,6\na.png,20,20,4,4\n";
    fixture_path boxed, images_directory, file;
    lens_heatmap_options heatmap;
    lens_localize_options options;
    char *json = NULL;

    fixture_join(boxed, scratch, "boxed");
    fixture_join(images_directory, boxed, "images");
    CHECK_EQUAL(mkdir(boxed, 0700), 0);
    CHECK_EQUAL(mkdir(images_directory, 0700), 0);
    json = DIRTY(char);
    CHECK_STATUS(lens_localize(model, boxed, NULL, &json), LENS_ERROR_IO);
    CHECK(json == NULL);
    fixture_join(file, boxed, "boxes.csv");
    fixture_write_text(file, table);
    fixture_join(file, images_directory, "a.png");
    CHECK_OK(lens_png_write(file, &images[0]));

    lens_localize_options_init(&options);
    lens_heatmap_options_init(&heatmap);
    heatmap.tile_size = 32;
    options.heatmap = &heatmap;
    CHECK_OK(lens_localize(model, boxed, &options, &json));
    CHECK_NEAR(fixture_json_number(json, "images"), 1, 0);
    CHECK_NEAR(fixture_json_number(json, "intersection_by_chance"), (5 * 6 + 4 * 4) / (double)FIXTURE_PIXELS, 1e-12);
    CHECK(fixture_json_number(json, "hit_rate_by_chance") > fixture_json_number(json, "intersection_by_chance"));
    lens_string_free(json);

    options.tolerance = -2;
    json = DIRTY(char);
    CHECK_REFUSED(lens_localize(model, boxed, &options, &json), LENS_ERROR_ARGUMENT, "tolerance", "-2");
    CHECK(json == NULL);
    options.tolerance = -1;
    heatmap.resolution = LENS_HEATMAP_RESOLUTION_TILES;
    CHECK_REFUSED(lens_localize(model, boxed, &options, &json), LENS_ERROR_ARGUMENT, "resolution", "TILES");
    CHECK_REFUSED(lens_localize(NULL, boxed, NULL, &json), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK_REFUSED(lens_localize(model, NULL, NULL, &json), LENS_ERROR_ARGUMENT, "directory", "NULL");
    CHECK_REFUSED(lens_localize(model, boxed, NULL, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
}

static void test_lens_calibrate_options_init(void)
{
    lens_calibrate_options options;
    memset(&options, 0xAB, sizeof options);
    lens_calibrate_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.fit_temperature, 1);
    CHECK_EQUAL(options.operating_point, LENS_OPERATING_POINT_KEEP);
    CHECK_NEAR(options.target_sensitivity, 0.95, 0);
    CHECK_EQUAL(options.batch_limit, 0);
    CHECK(options.progress == NULL && options.progress_user_data == NULL && options.cancel == NULL);
    lens_calibrate_options_init(NULL);
}

#define CALIBRATE_REFUSED(field, wrong, name, value)                                                                   \
    do {                                                                                                               \
        lens_calibrate_options_init(&options);                                                                         \
        options.operating_point = LENS_OPERATING_POINT_SENSITIVITY;                                                    \
        options.field = wrong;                                                                                         \
        calibrated = DIRTY(lens_model);                                                                                \
        json = DIRTY(char);                                                                                            \
        CHECK_REFUSED(lens_model_calibrate(model, dataset, &options, &calibrated, &json), LENS_ERROR_ARGUMENT, name,   \
                      value);                                                                                          \
        CHECK(calibrated == NULL && json == NULL);                                                                     \
    } while (0)

static void test_lens_model_calibrate(void)
{
    static const char *const cells[] = {"true_negative", "false_positive", "false_negative", "true_positive"};
    fixture_path path;
    lens_calibrate_options options;
    lens_model *calibrated = NULL, *loaded = NULL;
    /* With every third image in both classes no logits separate them, so that there is a temperature. */
    lens_dataset *noisy = fixture_dataset(0, FIXTURE_COUNT), *one_class = NULL;
    lens_prediction plain, before, after;
    char *json = NULL, *described = NULL, *evaluated = NULL;
    double temperature;
    for (unsigned number = 0; number < FIXTURE_COUNT; number += 3)
        CHECK_OK(lens_dataset_add(noisy, &images[number], number % 2 == 0, NULL));

    lens_calibrate_options_init(&options);
    options.operating_point = LENS_OPERATING_POINT_SENSITIVITY;
    options.target_sensitivity = 0.75;
    CHECK_OK(lens_model_calibrate(model, noisy, &options, &calibrated, &json));
    CHECK_OK(lens_model_describe(calibrated, &described));
    temperature = fixture_json_number(described, "temperature");
    CHECK(temperature >= 0.01 && temperature <= 100 && temperature != 1);
    CHECK(fixture_json_number(fixture_json_value(json, "after"), "log_loss") <
          fixture_json_number(fixture_json_value(json, "before"), "log_loss"));
    plain = fixture_classify(model, &images[1]);
    before = fixture_classify(calibrated, &images[1]);
    CHECK_NEAR(before.logit, plain.logit / temperature, 1e-5);
    CHECK_NEAR(before.threshold, fixture_json_number(described, "threshold"), 1e-7);

    /* The threshold does on the data set what the model says it did. */
    CHECK_OK(lens_evaluate(calibrated, noisy, NULL, &evaluated));
    for (int index = 0; index < 4; index++)
        CHECK_NEAR(fixture_json_number(fixture_json_value(described, "operating_point"), cells[index]),
                   fixture_json_number(fixture_json_value(evaluated, "confusion_matrix"), cells[index]), 0);
    lens_string_free(evaluated);
    lens_string_free(described);
    lens_string_free(json);

    fixture_join(path, scratch, "calibrated.safetensors");
    CHECK_OK(lens_model_save(calibrated, path, LENS_MODEL_FORMAT_SAFETENSORS));
    CHECK_OK(lens_model_load(context, path, &loaded));
    after = fixture_classify(loaded, &images[1]);
    CHECK(memcmp(&before, &after, sizeof after) == 0);
    lens_model_free(loaded);
    lens_model_free(calibrated);
    after = fixture_classify(model, &images[1]);
    CHECK(memcmp(&plain, &after, sizeof after) == 0);

    options.fit_temperature = 0;
    options.operating_point = LENS_OPERATING_POINT_YOUDEN;
    CHECK_OK(lens_model_calibrate(model, dataset, &options, &calibrated, &json));
    CHECK_NEAR(fixture_json_number(fixture_json_value(json, "after"), "temperature"), 1, 0);
    lens_string_free(json);
    lens_model_free(calibrated);

    CHECK_OK(lens_dataset_new(&one_class));
    CHECK_OK(lens_dataset_add(one_class, &images[1], 1, NULL));
    calibrated = DIRTY(lens_model);
    json = DIRTY(char);
    CHECK_REFUSED(lens_model_calibrate(model, one_class, NULL, &calibrated, &json), LENS_ERROR_DATA,
                  "1 positive and 0 negative", "both classes");
    CHECK(calibrated == NULL && json == NULL);
    json = DIRTY(char);
    CHECK_REFUSED(lens_model_calibrate(NULL, noisy, NULL, &calibrated, &json), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK(json == NULL);
    CHECK_REFUSED(lens_model_calibrate(model, NULL, NULL, &calibrated, &json), LENS_ERROR_ARGUMENT, "dataset", "NULL");
    json = DIRTY(char);
    CHECK_REFUSED(lens_model_calibrate(model, noisy, NULL, NULL, &json), LENS_ERROR_ARGUMENT, "calibrated", "NULL");
    CHECK(json == NULL);
    calibrated = DIRTY(lens_model);
    CHECK_REFUSED(lens_model_calibrate(model, noisy, NULL, &calibrated, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
    CHECK(calibrated == NULL);
    CALIBRATE_REFUSED(fit_temperature, 2, "fit_temperature", "2");
    CALIBRATE_REFUSED(operating_point, 99, "operating_point", "99");
    CALIBRATE_REFUSED(target_sensitivity, 0, "target_sensitivity", "0");
    CALIBRATE_REFUSED(target_sensitivity, 1.5, "target_sensitivity", "1.5");
    CALIBRATE_REFUSED(target_sensitivity, NAN, "target_sensitivity", "NaN");
    options.operating_point = LENS_OPERATING_POINT_KEEP;
    options.target_sensitivity = 0.95;
    options.batch_limit = 32;
    options.fit_temperature = 0;
    CHECK_REFUSED(lens_model_calibrate(model, noisy, &options, &calibrated, &json), LENS_ERROR_ARGUMENT,
                  "fit_temperature", "operating_point");
    lens_dataset_free(one_class);
    lens_dataset_free(noisy);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    FUNCTION(lens_model_load),
    FUNCTION(lens_import_options_init),
    FUNCTION(lens_model_import),
    FUNCTION(lens_model_save),
    FUNCTION(lens_optimize_options_init),
    FUNCTION(lens_model_optimize),
    {"variants_of_libtorch", test_variants_of_libtorch},
    FUNCTION(lens_model_describe),
    FUNCTION(lens_model_get_read_options),
    FUNCTION(lens_model_free),
    FUNCTION(lens_train_options_init),
    FUNCTION(lens_train),
    FUNCTION(lens_classify_options_init),
    FUNCTION(lens_classify),
    FUNCTION(lens_evaluate_options_init),
    FUNCTION(lens_evaluate),
    FUNCTION(lens_metrics_read),
    FUNCTION(lens_localize_options_init),
    FUNCTION(lens_localize),
    FUNCTION(lens_calibrate_options_init),
    FUNCTION(lens_model_calibrate),
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
