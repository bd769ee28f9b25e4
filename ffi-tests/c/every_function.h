/**
 * What the every_function programs share: one test per exported function, named after it, that calls it with good
 * input, with NULL wherever NULL is not allowed, and with wrong values, and looks at the status, the message and the
 * out parameters of each refusal. exports.sh compares the names with what the library exports.
 */
#ifndef LENS_EVERY_FUNCTION_H
#define LENS_EVERY_FUNCTION_H

#include "fixture.h"

#define FUNCTION(name) {#name, test_##name}

static lens_context *context;
static lens_model *model;
static lens_dataset *dataset;
static fixture_path scratch;
static uint8_t pixels[FIXTURE_COUNT][FIXTURE_PIXELS];
static lens_image images[FIXTURE_COUNT];

static inline void set_up(void)
{
    fixture_scratch(scratch, "every_function");
    for (unsigned number = 0; number < FIXTURE_COUNT; number++) {
        fixture_draw(number, pixels[number]);
        images[number] = fixture_view(pixels[number], FIXTURE_SIDE, FIXTURE_SIDE);
    }
    context = fixture_context();
    model = fixture_model(context);
    dataset = fixture_dataset(0, FIXTURE_COUNT);
}

static inline void tear_down(void)
{
    lens_dataset_free(dataset);
    lens_model_free(model);
    lens_context_free(context);
}

static inline void check_prediction(const lens_prediction *prediction, double threshold)
{
    double probability = (double)prediction->probability;
    CHECK(probability > 0 && probability < 1);
    CHECK_NEAR(prediction->logit, log(probability / (1 - probability)), 1e-3);
    CHECK_NEAR(prediction->threshold, threshold, 1e-7);
    CHECK_EQUAL(prediction->label, prediction->probability > prediction->threshold);
}

#endif
