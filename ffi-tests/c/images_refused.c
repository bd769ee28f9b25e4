/**
 * Pixels that cannot be right are refused by everything that takes an image, with what was wrong, with which value and,
 * in an array, in which image; before anything is computed.
 */
#include "images.h"

/* Refused by everything that takes an image, with what was wrong and, in an array, which image it was. */
static void check_refused(int line, const lens_image *wrong, const char *name, const char *value)
{
    lens_image images[3];
    lens_prediction predictions[3];
    lens_heatmap *heatmaps[3] = {DIRTY(lens_heatmap), DIRTY(lens_heatmap), DIRTY(lens_heatmap)};
    lens_dataset *dataset = NULL;
    fixture_path path;
    const char *const calls[4] = {"lens_classify", "lens_heatmap_compute", "lens_dataset_add", "lens_png_write"};
    images[0] = images[2] = gray_image;
    images[1] = *wrong;
    memset(predictions, 0xAB, sizeof predictions);
    fixture_join(path, scratch, "wrong.png");
    CHECK_OK(lens_dataset_new(&dataset));

    for (int call = 0; call < 4; call++) {
        lens_status status = call == 0   ? lens_classify(model, images, 3, NULL, predictions)
                             : call == 1 ? lens_heatmap_compute(model, images, 3, NULL, heatmaps)
                             : call == 2 ? lens_dataset_add(dataset, wrong, 1, NULL)
                                         : lens_png_write(path, wrong);
        const char *message = lens_last_error();
        if (status != LENS_ERROR_ARGUMENT)
            check_fail(__FILE__, line, "expected %s to refuse the image, got status %d", calls[call], (int)status);
        if (strstr(message, name) == NULL || strstr(message, value) == NULL)
            check_fail(__FILE__, line, "expected the message of %s to name \"%s\" and \"%s\"", calls[call], name,
                       value);
        if (call < 2 && strstr(message, "image 1") == NULL)
            check_fail(__FILE__, line, "expected the message of %s to name \"image 1\"", calls[call]);
    }
    CHECK(fixture_all_zero(predictions, sizeof predictions));
    CHECK(heatmaps[0] == NULL && heatmaps[1] == NULL && heatmaps[2] == NULL);
    CHECK(!fixture_exists(path));
    lens_dataset_free(dataset);
}

#define REFUSED(image, name, value) check_refused(__LINE__, image, name, value)

/* The change is made to a plain 8-bit view. */
#define CHANGE_REFUSED(change, name, value)                                                                            \
    do {                                                                                                               \
        lens_image image = gray_image;                                                                                 \
        change;                                                                                                        \
        REFUSED(&image, name, value);                                                                                  \
    } while (0)

static void geometry_that_cannot_be_right_is_refused(void)
{
    CHANGE_REFUSED(image.pixels = NULL, "pixels", "NULL");
    CHANGE_REFUSED(image.width = 0, "width", "0");
    CHANGE_REFUSED(image.height = 0, "height", "0");
    CHANGE_REFUSED(image.width = 65537; image.row_stride = 65537, "width", "65537");
    CHANGE_REFUSED(image.height = 65537, "height", "65537");
    CHANGE_REFUSED(image.width = UINT32_MAX; image.row_stride = UINT32_MAX, "width", "4294967295");
    CHANGE_REFUSED(image.width = image.height = 65536; image.row_stride = 65536, "65536", "pixels");
    CHANGE_REFUSED(image.row_stride = SIDE - 1, "row_stride", "47");
    CHANGE_REFUSED(image.row_stride = 0, "row_stride", "0");
    CHANGE_REFUSED(image.row_stride = SIZE_MAX / 2, "row_stride", "9223372036854775807");
    CHANGE_REFUSED(image.format = LENS_PIXEL_FORMAT_GRAY16; image.row_stride = 95, "row_stride", "95");
    CHANGE_REFUSED(image.format = LENS_PIXEL_FORMAT_RGB8; image.row_stride = 143, "row_stride", "143");
    CHANGE_REFUSED(image.format = LENS_PIXEL_FORMAT_BGRA8; image.row_stride = 191, "row_stride", "191");
    CHANGE_REFUSED(image.format = 8, "format", "8");
    CHANGE_REFUSED(image.format = -1, "format", "-1");
    CHANGE_REFUSED(image.reserved = 77, "reserved", "77");
}

static void wrong_gray_values_are_refused(void)
{
    CHANGE_REFUSED(image.bits_stored = 7, "bits_stored", "7");
    CHANGE_REFUSED(image.bits_stored = 16, "bits_stored", "16");
    CHANGE_REFUSED(image.rescale_slope = NAN, "rescale_slope", "NaN");
    CHANGE_REFUSED(image.rescale_slope = INFINITY, "rescale_slope", "inf");
    CHANGE_REFUSED(image.rescale_intercept = -INFINITY, "rescale_intercept", "-inf");
    CHANGE_REFUSED(image.window_width = 100; image.window_center = NAN, "window_center", "NaN");
    CHANGE_REFUSED(image.window_width = -100, "window_width", "-100");
    CHANGE_REFUSED(image.window_width = NAN, "window_width", "NaN");
    CHANGE_REFUSED(image.window_width = INFINITY, "window_width", "inf");
    CHANGE_REFUSED(image.window_width = 0.5, "window_width", "0.5");
    CHANGE_REFUSED(image.invert = 2, "invert", "2");
    CHANGE_REFUSED(image.invert = -1, "invert", "-1");
    CHANGE_REFUSED(image.window_function = 3, "window_function", "3");
    CHANGE_REFUSED(image.window_function = -1; image.window_width = 100, "window_function", "-1");
    CHANGE_REFUSED(image.window_function = LENS_WINDOW_FUNCTION_SIGMOID, "sigmoid", "window_width is 0");
    CHANGE_REFUSED(image.window_function = LENS_WINDOW_FUNCTION_LINEAR_EXACT; image.window_width = -0.5,
                   "window_width", "-0.5");
}

static void lookup_tables_that_cannot_be_right_are_refused(void)
{
    static const uint16_t table[4] = {0, 1, 2, 3};
    static const unsigned char bytes[16] = {0};
#define TABLE_REFUSED(change, name, value)                                                                             \
    CHANGE_REFUSED(image.lut_values = table; image.lut_entries = 4; image.lut_bits = 2; change, name, value)
    CHANGE_REFUSED(image.lut_entries = 4, "lut_entries", "NULL");
    CHANGE_REFUSED(image.lut_first = -3, "lut_first is -3", "NULL");
    CHANGE_REFUSED(image.lut_bits = 16, "lut_bits", "NULL");
    TABLE_REFUSED(image.lut_entries = 0, "lut_entries", "0");
    TABLE_REFUSED(image.lut_entries = 65537, "lut_entries", "65537");
    TABLE_REFUSED(image.lut_bits = 0, "lookup table", "0 bits");
    TABLE_REFUSED(image.lut_bits = 17, "lookup table", "17 bits");
    TABLE_REFUSED(image.lut_bits = 1, "entry 2", "1 bits");
    TABLE_REFUSED(image.window_width = 100, "window_width", "100");
    TABLE_REFUSED(image.lut_values = (const uint16_t *)(const void *)(bytes + ((size_t)bytes % 2 == 0)), "lut_values",
                  "aligned");
    TABLE_REFUSED(image.format = LENS_PIXEL_FORMAT_RGB8; image.width = SIDE / 3, "RGB8", "lookup table");
#undef TABLE_REFUSED
}

static void samples_outside_bits_stored_are_refused(void)
{
    uint16_t deep[PIXELS];
    int16_t centred[PIXELS];
    lens_image image = view_of(deep, LENS_PIXEL_FORMAT_GRAY16, 2);
    memset(deep, 0, sizeof deep);
    memset(centred, 0, sizeof centred);
    image.bits_stored = 17;
    REFUSED(&image, "bits_stored", "17");
    image.bits_stored = 12;
    deep[0] = 4095;
    deep[PIXELS - 1] = 4096;
    REFUSED(&image, "bits_stored", "4096");

    image = view_of(centred, LENS_PIXEL_FORMAT_GRAY_S16, 2);
    image.bits_stored = 12;
    centred[1] = -2048;
    centred[5] = 2048;
    REFUSED(&image, "bits_stored", "2048");
    centred[5] = -2049;
    REFUSED(&image, "bits_stored", "-2049");
}

static void floats_that_are_no_gray_values_are_refused(void)
{
    static const struct {
        float value;
        const char *text;
        int window;
    } wrong[] = {
        {NAN, "NaN", 0},      {INFINITY, "inf", 0}, {-INFINITY, "-inf", 0}, {1.5f, "1.5", 0},
        {-0.25f, "-0.25", 0}, {NAN, "NaN", 1},      {INFINITY, "inf", 1},
    };
    float floats[PIXELS];
    lens_image image = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    memset(floats, 0, sizeof floats);
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        floats[2 * SIDE + 7] = wrong[index].value;
        image.window_center = wrong[index].window ? 0.5 : 0;
        image.window_width = wrong[index].window ? 1 : 0;
        REFUSED(&image, wrong[index].text, "x 7");
    }
    floats[2 * SIDE + 7] = 0;
    image.bits_stored = 32;
    REFUSED(&image, "bits_stored", "32");
    image.bits_stored = 0;
    image.window_width = -0.5;
    REFUSED(&image, "window_width", "-0.5");
}

static int32_t count_calls(const lens_progress *progress, void *user_data)
{
    (void)progress;
    ++*(int *)user_data;
    return 0;
}

/* A wrong sample in the last of many images must not come to light after minutes of work on the others. */
static void every_image_is_checked_before_work_begins(void)
{
    float floats[PIXELS];
    lens_image images[5];
    lens_prediction predictions[5];
    lens_heatmap *heatmaps[5];
    lens_classify_options classify;
    lens_heatmap_options heatmap;
    int calls = 0;
    memset(floats, 0, sizeof floats);
    floats[PIXELS - 1] = NAN;
    for (int index = 0; index < 4; index++)
        images[index] = gray_image;
    images[4] = view_of(floats, LENS_PIXEL_FORMAT_GRAY_F32, 4);
    lens_classify_options_init(&classify);
    classify.batch_limit = 1;
    classify.progress = count_calls;
    classify.progress_user_data = &calls;
    CHECK_REFUSED(lens_classify(model, images, 5, &classify, predictions), LENS_ERROR_ARGUMENT, "image 4", "NaN");
    CHECK_EQUAL(calls, 0);
    lens_heatmap_options_init(&heatmap);
    heatmap.batch_limit = 1;
    heatmap.progress = count_calls;
    heatmap.progress_user_data = &calls;
    CHECK_REFUSED(lens_heatmap_compute(model, images, 5, &heatmap, heatmaps), LENS_ERROR_ARGUMENT, "image 4", "NaN");
    CHECK_EQUAL(calls, 0);
}

/* A window over colours would be left out silently otherwise. */
static void gray_settings_on_colours_are_refused(void)
{
    uint8_t coloured[PIXELS * 3];
    lens_image image = view_of(coloured, LENS_PIXEL_FORMAT_RGB8, 3);
    memset(coloured, 100, sizeof coloured);
    image.window_center = 40;
    image.window_width = 400;
    REFUSED(&image, "window", "");
    image.window_width = 0;
    image.window_center = 0;
    image.rescale_slope = 2;
    REFUSED(&image, "slope", "");
}

static const struct check_test tests[] = {
    {"set_up", set_up_picture},
    {"geometry_that_cannot_be_right_is_refused", geometry_that_cannot_be_right_is_refused},
    {"wrong_gray_values_are_refused", wrong_gray_values_are_refused},
    {"lookup_tables_that_cannot_be_right_are_refused", lookup_tables_that_cannot_be_right_are_refused},
    {"samples_outside_bits_stored_are_refused", samples_outside_bits_stored_are_refused},
    {"floats_that_are_no_gray_values_are_refused", floats_that_are_no_gray_values_are_refused},
    {"every_image_is_checked_before_work_begins", every_image_is_checked_before_work_begins},
    {"gray_settings_on_colours_are_refused", gray_settings_on_colours_are_refused},
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
