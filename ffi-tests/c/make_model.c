/** Trains the model that the other programs load, and saves it in the directory given as first argument. */
#include "fixture.h"

/* Whoever trains and classifies at once must get what those get who load the file. */
static void check_same_as_saved(const lens_context *context, const lens_model *trained)
{
    lens_model *saved = fixture_model(context);
    for (unsigned number = 0; number < 4; number++) {
        uint8_t pixels[FIXTURE_PIXELS];
        lens_image image = fixture_view(pixels, FIXTURE_SIDE, FIXTURE_SIDE);
        lens_prediction before, after;
        fixture_draw(number, pixels);
        before = fixture_classify(trained, &image);
        after = fixture_classify(saved, &image);
        CHECK_NEAR(after.logit, before.logit, 0);
    }
    lens_model_free(saved);
}

static void trains_and_saves_a_model(void)
{
    fixture_path path;
    lens_model *model = NULL;
    lens_train_options options;
    lens_context *context = fixture_context();
    lens_dataset *dataset = fixture_dataset(0, FIXTURE_COUNT);

    fixture_train_options(&options);
    CHECK_OK(lens_train(context, dataset, NULL, &options, &model));
    CHECK(model != NULL);
    fixture_model_path(path);
    CHECK_OK(lens_model_save(model, path, LENS_MODEL_FORMAT_SAFETENSORS));
    check_same_as_saved(context, model);

    lens_model_free(model);
    lens_dataset_free(dataset);
    lens_context_free(context);
}

/* Equal results mean nothing in the other tests if this model says the same of every picture. */
static void the_model_tells_pictures_apart(void)
{
    uint8_t pixels[2][FIXTURE_PIXELS];
    lens_prediction predictions[2];
    lens_context *context = fixture_context();
    lens_model *model = fixture_model(context);

    for (unsigned number = 0; number < 2; number++) {
        lens_image image = fixture_view(pixels[number], FIXTURE_SIDE, FIXTURE_SIDE);
        fixture_draw(number, pixels[number]);
        predictions[number] = fixture_classify(model, &image);
        CHECK(predictions[number].probability > 0.001f && predictions[number].probability < 0.999f);
    }
    CHECK(fabsf(predictions[0].probability - predictions[1].probability) > 1e-4f);

    lens_model_free(model);
    lens_context_free(context);
}

static const struct check_test tests[] = {
    {"trains_and_saves_a_model", trains_and_saves_a_model},
    {"the_model_tells_pictures_apart", the_model_tells_pictures_apart},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
