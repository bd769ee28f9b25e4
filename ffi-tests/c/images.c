/**
 * The pixels that a program may hand over: every format, depth and memory layout means what the header says.
 *
 * That equal results are worth something rests on make_model.c: its model tells pictures apart.
 */
#include "images.h"

#include <sys/mman.h>

static lens_prediction expected;

static void set_up(void)
{
    set_up_picture();
    expected = fixture_classify(model, &gray_image);
}

static void check_same(const lens_image *image)
{
    lens_prediction prediction = fixture_classify(model, image);
    CHECK_NEAR(prediction.probability, expected.probability, 1e-6);
}

static void check_same_bits(const lens_image *image)
{
    lens_prediction prediction = fixture_classify(model, image);
    CHECK(memcmp(&prediction, &expected, sizeof prediction) == 0);
}

static void check_differs(const lens_image *image)
{
    lens_prediction prediction = fixture_classify(model, image);
    CHECK(fabsf(prediction.logit - expected.logit) > 1e-4f);
}

/* The same picture in every format */

static void eight_bit_formats_agree_bit_for_bit(void)
{
    static const struct {
        lens_pixel_format format;
        size_t bytes;
    } formats[] = {{LENS_PIXEL_FORMAT_RGB8, 3}, {LENS_PIXEL_FORMAT_BGR8, 3}, {LENS_PIXEL_FORMAT_RGBA8, 4}, {LENS_PIXEL_FORMAT_BGRA8, 4}};
    uint8_t coloured[PIXELS * 4];
    for (size_t index = 0; index < sizeof formats / sizeof formats[0]; index++) {
        size_t bytes = formats[index].bytes;
        lens_image image = view_of(coloured, formats[index].format, bytes);
        for (size_t pixel = 0; pixel < PIXELS; pixel++) {
            memset(coloured + pixel * bytes, gray[pixel], 3);
            if (bytes == 4)
                coloured[pixel * bytes + 3] = (uint8_t)(pixel * 31);
        }
        check_same_bits(&image);
    }
}

static void blue_first_is_red_first_with_channels_swapped(void)
{
    uint8_t other[PIXELS], rgb[PIXELS * 3], bgr[PIXELS * 3];
    lens_image red_first = view_of(rgb, LENS_PIXEL_FORMAT_RGB8, 3);
    lens_image blue_first = view_of(bgr, LENS_PIXEL_FORMAT_BGR8, 3);
    lens_prediction one, swapped;
    fixture_draw(4, other);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        rgb[3 * pixel] = bgr[3 * pixel + 2] = gray[pixel];
        rgb[3 * pixel + 1] = bgr[3 * pixel + 1] = other[pixel];
        rgb[3 * pixel + 2] = bgr[3 * pixel] = (uint8_t)(255 - gray[pixel]);
    }
    one = fixture_classify(model, &red_first);
    swapped = fixture_classify(model, &blue_first);
    CHECK(memcmp(&one, &swapped, sizeof one) == 0);
    /* Read in the wrong order it is another picture. */
    blue_first.format = LENS_PIXEL_FORMAT_RGB8;
    swapped = fixture_classify(model, &blue_first);
    CHECK(fabsf(one.logit - swapped.logit) > 1e-5f);
}

static void deeper_formats_agree_with_eight_bits(void)
{
    uint16_t deep[PIXELS];
    int16_t centred[PIXELS];
    float floats[PIXELS];
    lens_image image;
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        deep[pixel] = (uint16_t)(gray[pixel] * 257);
        centred[pixel] = (int16_t)(gray[pixel] * 257 - 32768);
        floats[pixel] = (float)gray[pixel] / 255.0f;
    }
    image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    check_same(&image);
    image.bits_stored = 16;
    check_same(&image);
    image = view_of(centred, LENS_PIXEL_FORMAT_GRAY_S16, 2);
    check_same(&image);
    image = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    check_same(&image);
    image = gray_image;
    image.bits_stored = 8;
    check_same_bits(&image);
}

static void bits_stored_is_the_full_range(void)
{
    uint16_t low[PIXELS];
    int16_t centred[PIXELS];
    lens_image image = view_of(low, LENS_PIXEL_FORMAT_GRAY16, 2);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        low[pixel] = gray[pixel];
        centred[pixel] = (int16_t)(gray[pixel] - 128);
    }
    image.bits_stored = 8;
    check_same(&image);
    /* The same numbers in ten bits are a dark picture. */
    image.bits_stored = 10;
    check_differs(&image);
    image = view_of(centred, LENS_PIXEL_FORMAT_GRAY_S16, 2);
    image.bits_stored = 8;
    check_same(&image);
}

static void inverted_eight_bits(void)
{
    uint8_t negative[PIXELS];
    lens_image image = view_of(negative, LENS_PIXEL_FORMAT_GRAY8, 1);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        negative[pixel] = (uint8_t)(255 - gray[pixel]);
    check_differs(&image);
    image.invert = 1;
    check_same(&image);
}

/* 12-bit values that use more than the eight of the picture. */
static uint16_t twelve_bits(size_t pixel)
{
    return (uint16_t)(gray[pixel] * 16 + pixel % 16);
}

static void inverted_twelve_bits(void)
{
    uint16_t normal[PIXELS], negative[PIXELS];
    lens_image positive_image = view_of(normal, LENS_PIXEL_FORMAT_GRAY16, 2);
    lens_image negative_image = view_of(negative, LENS_PIXEL_FORMAT_GRAY16, 2);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        normal[pixel] = twelve_bits(pixel);
        negative[pixel] = (uint16_t)(4095 - twelve_bits(pixel));
    }
    positive_image.bits_stored = negative_image.bits_stored = 12;
    negative_image.invert = 1;
    CHECK_NEAR(fixture_classify(model, &negative_image).probability,
               fixture_classify(model, &positive_image).probability, 1e-6);

    /* LINEAR has its middle at center - 0.5, so the mirrored center is 4095 - center + 1. */
    positive_image.window_center = 1300;
    negative_image.window_center = 4095 - 1300 + 1;
    positive_image.window_width = negative_image.window_width = 1601;
    CHECK_NEAR(fixture_classify(model, &negative_image).probability,
               fixture_classify(model, &positive_image).probability, 1e-6);
}

/* DICOM PS3.3 C.11.2.1.2.1, written down once more. */
static float linear_window(double value, double center, double width)
{
    if (value <= center - 0.5 - (width - 1) / 2)
        return 0;
    if (value > center - 0.5 + (width - 1) / 2)
        return 1;
    return (float)((value - (center - 0.5)) / (width - 1) + 0.5);
}

static void check_window(lens_image windowed, double (*value)(size_t pixel), double center, double width)
{
    float floats[PIXELS];
    lens_image seen = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        floats[pixel] = linear_window(value(pixel), center, width);
    windowed.window_center = center;
    windowed.window_width = width;
    CHECK_NEAR(fixture_classify(model, &windowed).probability, fixture_classify(model, &seen).probability, 1e-6);
}

static double as_stored(size_t pixel)
{
    return gray[pixel];
}

static double as_twelve_bits(size_t pixel)
{
    return twelve_bits(pixel);
}

static double as_hounsfield(size_t pixel)
{
    return 0.5 * twelve_bits(pixel) - 1000.25;
}

static void the_window_is_that_of_dicom(void)
{
    uint16_t deep[PIXELS];
    int16_t centred[PIXELS];
    lens_image image;
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        deep[pixel] = twelve_bits(pixel);
        centred[pixel] = (int16_t)(twelve_bits(pixel) - 2000);
    }
    check_window(gray_image, as_stored, 90, 101);
    check_window(gray_image, as_stored, 128, 256);
    /* Of width 1 it is a threshold. */
    check_window(gray_image, as_stored, 80, 1);
    image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    image.bits_stored = 12;
    check_window(image, as_twelve_bits, 1000.5, 777);
    image.rescale_slope = 0.5;
    image.rescale_intercept = -1000.25;
    check_window(image, as_hounsfield, -300, 500);
    image = view_of(centred, LENS_PIXEL_FORMAT_GRAY_S16, 2);
    image.rescale_slope = 0.5;
    image.rescale_intercept = -0.25;
    check_window(image, as_hounsfield, -300, 500);
}

static void the_window_of_floats_ends_at_half_its_width(void)
{
    float stored[PIXELS], seen[PIXELS];
    lens_image windowed = view_of(stored, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    lens_image plain = view_of(seen, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        double rescaled, value;
        stored[pixel] = (float)gray[pixel] * 3.0f - 200.0f;
        rescaled = 0.01 * (double)stored[pixel] + 2;
        value = (rescaled - (2.25 - 0.25)) / 0.5;
        seen[pixel] = (float)fmin(fmax(value, 0), 1);
    }
    windowed.rescale_slope = 0.01;
    windowed.rescale_intercept = 2;
    windowed.window_center = 2.25;
    windowed.window_width = 0.5;
    CHECK_NEAR(fixture_classify(model, &windowed).probability, fixture_classify(model, &plain).probability, 1e-6);
}

/* DICOM PS3.3 C.11.2.1.3.2 and C.11.2.1.3.1, written down once more. */
static double linear_exact(double value, double center, double width)
{
    return fmin(fmax((value - center) / width + 0.5, 0), 1);
}

static double sigmoid(double value, double center, double width)
{
    return 1 / (1 + exp(-4 * (value - center) / width));
}

static void window_functions_are_those_of_dicom(void)
{
    static const struct {
        lens_window_function function;
        double (*seen)(double value, double center, double width);
    } functions[] = {{LENS_WINDOW_FUNCTION_LINEAR_EXACT, linear_exact}, {LENS_WINDOW_FUNCTION_SIGMOID, sigmoid}};
    uint16_t deep[PIXELS];
    float floats[PIXELS];
    lens_image seen = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        deep[pixel] = twelve_bits(pixel);
    for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
        lens_image image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
        image.bits_stored = 12;
        image.window_function = functions[index].function;
        image.window_center = 1000.5;
        image.window_width = 777;
        for (size_t pixel = 0; pixel < PIXELS; pixel++)
            floats[pixel] = (float)functions[index].seen(deep[pixel], 1000.5, 777);
        CHECK_NEAR(fixture_classify(model, &image).probability, fixture_classify(model, &seen).probability, 1e-6);
        /* Below a width of 1, which LINEAR cannot have. */
        image.window_width = 0.25;
        for (size_t pixel = 0; pixel < PIXELS; pixel++)
            floats[pixel] = (float)functions[index].seen(deep[pixel], 1000.5, 0.25);
        CHECK_NEAR(fixture_classify(model, &image).probability, fixture_classify(model, &seen).probability, 1e-6);
    }
}

static void a_lookup_table_takes_the_place_of_a_window(void)
{
    static uint16_t table[3000];
    uint16_t deep[PIXELS];
    float floats[PIXELS];
    lens_image image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    lens_image seen = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    for (int entry = 0; entry < 3000; entry++)
        table[entry] = (uint16_t)(1023 - entry % 700);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        double rescaled, entry;
        deep[pixel] = twelve_bits(pixel);
        rescaled = 2.0 * deep[pixel] - 5000;
        entry = fmin(fmax(floor(rescaled - -4000), 0), 2999);
        floats[pixel] = (float)(1 - table[(int)entry] / 1023.0);
    }
    image.bits_stored = 12;
    image.rescale_slope = 2;
    image.rescale_intercept = -5000;
    image.lut_values = table;
    image.lut_entries = 3000;
    image.lut_first = -4000;
    image.lut_bits = 10;
    image.invert = 1;
    CHECK_NEAR(fixture_classify(model, &image).probability, fixture_classify(model, &seen).probability, 1e-6);
}

static void rescaling_alone_leaves_the_full_range(void)
{
    uint16_t deep[PIXELS];
    float floats[PIXELS];
    lens_image image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        deep[pixel] = (uint16_t)(gray[pixel] * 257);
        floats[pixel] = (float)gray[pixel];
    }
    image.rescale_slope = 1;
    check_same(&image);
    image.rescale_slope = 2.5;
    image.rescale_intercept = -1024;
    check_same(&image);
    /* For floats it is the way into 0..1. */
    image = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    image.rescale_slope = 1.0 / 255.0;
    check_same(&image);
}

/* Memory layouts */

static void padded_rows_agree_with_tight_ones(void)
{
    static const size_t strides[] = {SIDE + 1, 64, 4096};
    static uint8_t padded[SIDE * 4096];
    for (size_t index = 0; index < sizeof strides / sizeof strides[0]; index++) {
        lens_image image = gray_image;
        memset(padded, 0xFF, sizeof padded);
        for (size_t row = 0; row < SIDE; row++)
            memcpy(padded + row * strides[index], gray + row * SIDE, SIDE);
        image.pixels = padded;
        image.row_stride = strides[index];
        check_same_bits(&image);
    }
}

static void samples_need_no_alignment(void)
{
    uint16_t deep[PIXELS];
    float floats[PIXELS];
    uint8_t shifted[1 + SIDE * (SIDE * 4 + 1)];
    lens_image image;
    lens_prediction aligned, unaligned;
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        deep[pixel] = (uint16_t)(gray[pixel] * 257 + pixel % 256);
        floats[pixel] = (float)gray[pixel] / 255.0f;
    }
    image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    aligned = fixture_classify(model, &image);
    /* An odd address, and rows of an odd number of bytes. */
    image.pixels = shifted + 1;
    image.row_stride = SIDE * 2 + 1;
    for (size_t row = 0; row < SIDE; row++)
        memcpy(shifted + 1 + row * image.row_stride, deep + row * SIDE, SIDE * 2);
    unaligned = fixture_classify(model, &image);
    CHECK(memcmp(&aligned, &unaligned, sizeof aligned) == 0);

    image = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    aligned = fixture_classify(model, &image);
    image.pixels = shifted + 1;
    image.row_stride = SIDE * 4 + 1;
    for (size_t row = 0; row < SIDE; row++)
        memcpy(shifted + 1 + row * image.row_stride, floats + row * SIDE, SIDE * 4);
    unaligned = fixture_classify(model, &image);
    CHECK(memcmp(&aligned, &unaligned, sizeof aligned) == 0);
}

/* A part of a larger picture ends at its last pixel: behind that there may be no memory any more. */
static void nothing_is_read_behind_the_last_pixel(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t stride = SIDE + 13;
    size_t bytes = (SIDE - 1) * stride + SIDE;
    size_t pages = (bytes + page - 1) / page;
    uint8_t *memory = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lens_image image = gray_image;
    fixture_path path;
    lens_dataset *dataset = NULL;
    lens_heatmap *heatmap = NULL;
    uint8_t *first;
    CHECK(memory != MAP_FAILED);
    CHECK_EQUAL(mprotect(memory + pages * page, page, PROT_NONE), 0);
    first = memory + pages * page - bytes;
    for (size_t row = 0; row < SIDE; row++)
        memcpy(first + row * stride, gray + row * SIDE, SIDE);
    image.pixels = first;
    image.row_stride = stride;

    check_same_bits(&image);
    CHECK_OK(lens_heatmap_compute(model, &image, 1, NULL, &heatmap));
    lens_heatmap_free(heatmap);
    CHECK_OK(lens_dataset_new(&dataset));
    CHECK_OK(lens_dataset_add(dataset, &image, 0, NULL));
    lens_dataset_free(dataset);
    fixture_join(path, scratch, "part.png");
    CHECK_OK(lens_png_write(path, &image));
    CHECK_EQUAL(munmap(memory, (pages + 1) * page), 0);
}

static void images_of_any_shape_are_classified(void)
{
    static const uint32_t shapes[][2] = {{1, 1}, {1, 48}, {200, 1}, {31, 33}, {48, 5}, {300, 7}};
    static uint8_t pixels[2304];
    for (size_t pixel = 0; pixel < sizeof pixels; pixel++)
        pixels[pixel] = gray[pixel];
    for (size_t index = 0; index < sizeof shapes / sizeof shapes[0]; index++) {
        lens_image image = fixture_view(pixels, shapes[index][0], shapes[index][1]);
        lens_heatmap_summary summary;
        lens_heatmap *heatmap = NULL;
        lens_prediction prediction = fixture_classify(model, &image);
        CHECK(prediction.probability > 0 && prediction.probability < 1);
        CHECK_OK(lens_heatmap_compute(model, &image, 1, NULL, &heatmap));
        CHECK_OK(lens_heatmap_get_summary(heatmap, &summary));
        CHECK_EQUAL(summary.width, shapes[index][0]);
        CHECK_EQUAL(summary.height, shapes[index][1]);
        lens_heatmap_free(heatmap);
    }
}

static void images_of_different_formats_share_an_array(void)
{
    uint8_t coloured[PIXELS * 4];
    uint16_t deep[PIXELS];
    lens_image images[3];
    lens_prediction predictions[3];
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        memset(coloured + 4 * pixel, gray[pixel], 4);
        deep[pixel] = (uint16_t)(gray[pixel] * 257);
    }
    images[0] = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    images[1] = fixture_view(gray, SIDE, 20);
    images[2] = view_of(coloured, LENS_PIXEL_FORMAT_BGRA8, 4);
    CHECK_OK(lens_classify(model, images, 3, NULL, predictions));
    CHECK_NEAR(predictions[0].probability, expected.probability, 1e-5);
    CHECK_NEAR(predictions[1].probability, fixture_classify(model, &images[1]).probability, 1e-5);
    CHECK_NEAR(predictions[2].probability, expected.probability, 1e-5);
}

/* Writing */

static void write_and_load(const lens_image *image, lens_image_file **picture, lens_image *view)
{
    fixture_path path;
    fixture_join(path, scratch, "written.png");
    CHECK_OK(lens_png_write(path, image));
    CHECK_OK(lens_image_file_load(path, 0, NULL, picture));
    CHECK_OK(lens_image_file_get_view(*picture, view));
    CHECK_EQUAL(view->width, image->width);
    CHECK_EQUAL(view->height, image->height);
}

static void eight_bits_are_written_as_they_are(void)
{
    lens_image_file *picture = NULL;
    lens_image view, image = gray_image;
    uint8_t coloured[PIXELS * 4];
    image.invert = 1;
    write_and_load(&image, &picture, &view);
    CHECK_EQUAL(view.format, LENS_PIXEL_FORMAT_GRAY8);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        CHECK_EQUAL(((const uint8_t *)view.pixels)[pixel / SIDE * view.row_stride + pixel % SIDE], 255 - gray[pixel]);
    lens_image_file_free(picture);

    for (size_t index = 0; index < sizeof coloured; index++)
        coloured[index] = (uint8_t)(index * 7);
    image = view_of(coloured, LENS_PIXEL_FORMAT_BGRA8, 4);
    write_and_load(&image, &picture, &view);
    CHECK_EQUAL(view.format, LENS_PIXEL_FORMAT_RGBA8);
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        const uint8_t *read = (const uint8_t *)view.pixels + pixel / SIDE * view.row_stride + pixel % SIDE * 4;
        CHECK_EQUAL(read[0], coloured[4 * pixel + 2]);
        CHECK_EQUAL(read[1], coloured[4 * pixel + 1]);
        CHECK_EQUAL(read[2], coloured[4 * pixel]);
        CHECK_EQUAL(read[3], coloured[4 * pixel + 3]);
    }
    lens_image_file_free(picture);
}

static uint16_t sample16(const lens_image *view, size_t pixel)
{
    uint16_t sample;
    memcpy(&sample, (const uint8_t *)view->pixels + pixel / SIDE * view->row_stride + pixel % SIDE * 2, 2);
    return sample;
}

static void deeper_gray_is_written_as_it_is_seen(void)
{
    lens_image_file *picture = NULL;
    uint16_t deep[PIXELS];
    lens_image view, image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        deep[pixel] = (uint16_t)(gray[pixel] * 251 + pixel);
    write_and_load(&image, &picture, &view);
    CHECK_EQUAL(view.format, LENS_PIXEL_FORMAT_GRAY16);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        CHECK_EQUAL(sample16(&view, pixel), deep[pixel]);
    lens_image_file_free(picture);

    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        deep[pixel] = twelve_bits(pixel);
    image.bits_stored = 12;
    image.window_center = 1300;
    image.window_width = 1601;
    image.invert = 1;
    write_and_load(&image, &picture, &view);
    CHECK_EQUAL(view.format, LENS_PIXEL_FORMAT_GRAY16);
    for (size_t pixel = 0; pixel < PIXELS; pixel++)
        CHECK_NEAR(sample16(&view, pixel), 65535.0 * (1.0 - (double)linear_window(deep[pixel], 1300, 1601)), 1.0);
    lens_image_file_free(picture);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    {"eight_bit_formats_agree_bit_for_bit", eight_bit_formats_agree_bit_for_bit},
    {"blue_first_is_red_first_with_channels_swapped", blue_first_is_red_first_with_channels_swapped},
    {"deeper_formats_agree_with_eight_bits", deeper_formats_agree_with_eight_bits},
    {"bits_stored_is_the_full_range", bits_stored_is_the_full_range},
    {"inverted_eight_bits", inverted_eight_bits},
    {"inverted_twelve_bits", inverted_twelve_bits},
    {"the_window_is_that_of_dicom", the_window_is_that_of_dicom},
    {"the_window_of_floats_ends_at_half_its_width", the_window_of_floats_ends_at_half_its_width},
    {"window_functions_are_those_of_dicom", window_functions_are_those_of_dicom},
    {"a_lookup_table_takes_the_place_of_a_window", a_lookup_table_takes_the_place_of_a_window},
    {"rescaling_alone_leaves_the_full_range", rescaling_alone_leaves_the_full_range},
    {"padded_rows_agree_with_tight_ones", padded_rows_agree_with_tight_ones},
    {"samples_need_no_alignment", samples_need_no_alignment},
    {"nothing_is_read_behind_the_last_pixel", nothing_is_read_behind_the_last_pixel},
    {"images_of_any_shape_are_classified", images_of_any_shape_are_classified},
    {"images_of_different_formats_share_an_array", images_of_different_formats_share_an_array},
    {"eight_bits_are_written_as_they_are", eight_bits_are_written_as_they_are},
    {"deeper_gray_is_written_as_it_is_seen", deeper_gray_is_written_as_it_is_seen},
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
