/**
 * What the programs about images share: a model, and one picture as 8-bit gray, of which they make all others.
 */
#ifndef LENS_IMAGES_H
#define LENS_IMAGES_H

#include "fixture.h"

enum { SIDE = FIXTURE_SIDE, PIXELS = FIXTURE_PIXELS };

static lens_context *context;
static lens_model *model;
static fixture_path scratch;
static uint8_t gray[PIXELS];
static lens_image gray_image;

static inline void set_up_picture(void)
{
    fixture_scratch(scratch, "images");
    context = fixture_context();
    model = fixture_model(context);
    fixture_draw(3, gray);
    gray_image = fixture_view(gray, SIDE, SIDE);
}

static inline void tear_down(void)
{
    lens_model_free(model);
    lens_context_free(context);
}

static inline lens_image view_of(void *pixels, lens_pixel_format format, size_t pixel_bytes)
{
    lens_image image = fixture_view(pixels, SIDE, SIDE);
    image.row_stride = SIDE * pixel_bytes;
    image.format = format;
    return image;
}

#endif
