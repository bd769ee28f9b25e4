/** Every function that deals with heatmaps. */
#include "every_function.h"

static void test_lens_heatmap_options_init(void)
{
    lens_heatmap_options options;
    memset(&options, 0xAB, sizeof options);
    lens_heatmap_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.method, LENS_HEATMAP_METHOD_TILES);
    CHECK_EQUAL(options.tile_size, 64);
    CHECK_EQUAL(options.stride, 0);
    CHECK_EQUAL(options.edge, LENS_EDGE_COVER);
    CHECK_EQUAL(options.blend, LENS_BLEND_MEAN);
    CHECK_NEAR(options.scale, 1, 0);
    CHECK_EQUAL(options.resize_width, 0);
    CHECK_EQUAL(options.resize_height, 0);
    CHECK_EQUAL(options.batch_limit, 0);
    CHECK_NEAR(options.threshold, -1, 0);
    CHECK(options.progress == NULL && options.progress_user_data == NULL && options.cancel == NULL);
    CHECK_EQUAL(options.resolution, LENS_HEATMAP_RESOLUTION_IMAGE);
    lens_heatmap_options_init(NULL);
}

/*
 * 112 x 80 pixels: with tiles of 32 every 24, three quarters of a tile as by default, the last column needs a tile
 * flush with the border, the last row not.
 */
enum { WIDE = 112, HIGH = 80, TILE = 32 };
static uint8_t wide_pixels[WIDE * HIGH];

static lens_image wide_image(void)
{
    for (int y = 0; y < HIGH; y++) {
        for (int x = 0; x < WIDE; x++)
            wide_pixels[y * WIDE + x] =
                pixels[(x / FIXTURE_SIDE + y / FIXTURE_SIDE) % 4][y % FIXTURE_SIDE * FIXTURE_SIDE + x % FIXTURE_SIDE];
    }
    return fixture_view(wide_pixels, WIDE, HIGH);
}

static lens_heatmap *wide_heatmap(lens_edge edge)
{
    lens_image image = wide_image();
    lens_heatmap *heatmap = NULL;
    lens_heatmap_options options;
    lens_heatmap_options_init(&options);
    options.tile_size = TILE;
    options.edge = edge;
    CHECK_OK(lens_heatmap_compute(model, &image, 1, &options, &heatmap));
    CHECK(heatmap != NULL);
    return heatmap;
}

#define HEATMAP_REFUSED(change, name, value)                                                                           \
    do {                                                                                                               \
        lens_heatmap *heatmaps[2] = {DIRTY(lens_heatmap), DIRTY(lens_heatmap)};                                        \
        lens_heatmap_options options;                                                                                  \
        lens_heatmap_options_init(&options);                                                                           \
        change;                                                                                                        \
        CHECK_REFUSED(lens_heatmap_compute(model, images, 2, &options, heatmaps), LENS_ERROR_ARGUMENT, name, value);   \
        CHECK(heatmaps[0] == NULL && heatmaps[1] == NULL);                                                             \
    } while (0)

static void test_lens_heatmap_compute(void)
{
    static const lens_heatmap_method methods[] = {LENS_HEATMAP_METHOD_TILES, LENS_HEATMAP_METHOD_CAM,
                                                  LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS,
                                                  LENS_HEATMAP_METHOD_OCCLUSION};
    lens_heatmap *heatmaps[2] = {DIRTY(lens_heatmap), DIRTY(lens_heatmap)};
    for (size_t index = 0; index < sizeof methods / sizeof methods[0]; index++) {
        lens_heatmap_options options;
        lens_heatmap_summary summary;
        lens_heatmap_options_init(&options);
        options.method = methods[index];
        options.tile_size = TILE;
        options.stride = TILE;
        /* One tile, of the size that whole images are classified at: every method says what lens_classify() says. */
        options.resize_width = options.resize_height = FIXTURE_IMAGE_SIZE;
        CHECK_OK(lens_heatmap_compute(model, images, 2, &options, heatmaps));
        CHECK(heatmaps[0] != NULL && heatmaps[1] != NULL && heatmaps[0] != heatmaps[1]);
        CHECK_OK(lens_heatmap_get_summary(heatmaps[1], &summary));
        check_prediction(&summary.prediction, 0.5);
        CHECK_NEAR(summary.prediction.probability, fixture_classify(model, &images[1]).probability, 1e-5);
        CHECK_EQUAL(summary.width, FIXTURE_SIDE);
        CHECK_EQUAL(summary.height, FIXTURE_SIDE);
        lens_heatmap_free(heatmaps[0]);
        lens_heatmap_free(heatmaps[1]);
    }

    CHECK_OK(lens_heatmap_compute(model, NULL, 0, NULL, NULL));
    heatmaps[0] = heatmaps[1] = DIRTY(lens_heatmap);
    CHECK_REFUSED(lens_heatmap_compute(NULL, images, 2, NULL, heatmaps), LENS_ERROR_ARGUMENT, "model", "NULL");
    CHECK(heatmaps[0] == NULL && heatmaps[1] == NULL);
    heatmaps[0] = heatmaps[1] = DIRTY(lens_heatmap);
    CHECK_REFUSED(lens_heatmap_compute(model, NULL, 2, NULL, heatmaps), LENS_ERROR_ARGUMENT, "images", "NULL");
    CHECK(heatmaps[0] == NULL && heatmaps[1] == NULL);
    CHECK_REFUSED(lens_heatmap_compute(model, images, 2, NULL, NULL), LENS_ERROR_ARGUMENT, "heatmaps", "NULL");
    HEATMAP_REFUSED(options.method = 99, "method", "99");
    HEATMAP_REFUSED(options.tile_size = 31, "tile_size", "31");
    HEATMAP_REFUSED(options.tile_size = 4097, "tile_size", "4097");
    HEATMAP_REFUSED(options.stride = 65, "stride", "65");
    HEATMAP_REFUSED(options.edge = 99, "edge", "99");
    HEATMAP_REFUSED(options.blend = 99, "blend", "99");
    HEATMAP_REFUSED(options.scale = 0, "scale", "0");
    HEATMAP_REFUSED(options.scale = 16.5, "scale", "16.5");
    HEATMAP_REFUSED(options.scale = -2.5, "scale", "-2.5");
    HEATMAP_REFUSED(options.scale = NAN, "scale", "NaN");
    HEATMAP_REFUSED(options.resize_width = 127, "resize_height", "127");
    HEATMAP_REFUSED(options.resize_height = 127, "resize_width", "127");
    HEATMAP_REFUSED(options.resize_width = options.resize_height = 127; options.scale = 2.5, "scale", "2.5");
    HEATMAP_REFUSED(options.resize_width = options.resize_height = 65537, "65537", "65536");
    HEATMAP_REFUSED(options.resolution = 99, "resolution", "99");
    HEATMAP_REFUSED(options.batch_limit = 65537, "batch_limit", "65537");
    HEATMAP_REFUSED(options.threshold = 1.5f, "threshold", "1.5");
    HEATMAP_REFUSED(options.threshold = NAN, "threshold", "NaN");
}

static void test_lens_heatmap_get_summary(void)
{
    lens_heatmap *heatmap = wide_heatmap(LENS_EDGE_COVER);
    lens_heatmap_summary summary;
    const float *values = NULL;
    const lens_tile *tiles = NULL;
    size_t value_count = 0, tile_count = 0;
    double sum = 0, maximum = 0, tile_sum = 0;

    memset(&summary, 0xAB, sizeof summary);
    CHECK_OK(lens_heatmap_get_summary(heatmap, &summary));
    CHECK_EQUAL(summary.width, WIDE);
    CHECK_EQUAL(summary.height, HIGH);
    CHECK_EQUAL(summary.columns, 5);
    CHECK_EQUAL(summary.rows, 3);
    CHECK_OK(lens_heatmap_get_values(heatmap, &values, &value_count));
    for (size_t index = 0; index < value_count; index++) {
        sum += (double)values[index];
        maximum = fmax(maximum, (double)values[index]);
    }
    CHECK_NEAR(summary.mean, sum / (double)value_count, 1e-5);
    CHECK_NEAR(summary.maximum, maximum, 1e-6);
    CHECK_OK(lens_heatmap_get_tiles(heatmap, &tiles, &tile_count));
    CHECK(summary.hottest_tile < tile_count);
    for (size_t index = 0; index < tile_count; index++) {
        CHECK(tiles[index].probability <= tiles[summary.hottest_tile].probability);
        tile_sum += (double)tiles[index].probability;
    }
    check_prediction(&summary.prediction, 0.5);
    CHECK_NEAR(summary.prediction.probability, tile_sum / (double)tile_count, 1e-5);

    memset(&summary, 0xAB, sizeof summary);
    CHECK_REFUSED(lens_heatmap_get_summary(NULL, &summary), LENS_ERROR_ARGUMENT, "heatmap", "NULL");
    CHECK(fixture_all_zero(&summary, sizeof summary));
    CHECK_REFUSED(lens_heatmap_get_summary(heatmap, NULL), LENS_ERROR_ARGUMENT, "summary", "NULL");
    lens_heatmap_free(heatmap);
}

static void test_lens_heatmap_get_values(void)
{
    lens_heatmap *heatmap = wide_heatmap(LENS_EDGE_COVER);
    lens_heatmap *reference = wide_heatmap(LENS_EDGE_REFERENCE);
    const float *values = NULL;
    const lens_tile *tiles = NULL;
    size_t count = 0, tile_count = 0;

    /* Each value is the mean of the tiles over its pixel. */
    CHECK_OK(lens_heatmap_get_values(heatmap, &values, &count));
    CHECK_OK(lens_heatmap_get_tiles(heatmap, &tiles, &tile_count));
    CHECK_EQUAL(count, WIDE * HIGH);
    for (int y = 0; y < HIGH; y += 5) {
        for (int x = 0; x < WIDE; x += 3) {
            double sum = 0;
            int covering = 0;
            for (size_t index = 0; index < tile_count; index++) {
                const lens_tile *tile = &tiles[index];
                if (x >= tile->x && x < tile->x + tile->width && y >= tile->y && y < tile->y + tile->height) {
                    sum += (double)tile->probability;
                    covering++;
                }
            }
            CHECK(covering > 0);
            CHECK_NEAR(values[y * WIDE + x], sum / covering, 1e-5);
        }
    }

    /* The reference pipeline leaves the pixels behind the last whole tile at 0. */
    CHECK_OK(lens_heatmap_get_values(reference, &values, &count));
    CHECK_EQUAL(count, WIDE * HIGH);
    CHECK(values[103] > 0);
    CHECK_NEAR(values[104], 0, 0);
    CHECK_NEAR(values[WIDE * HIGH - 1], 0, 0);

    values = DIRTY(float);
    count = 77;
    CHECK_REFUSED(lens_heatmap_get_values(NULL, &values, &count), LENS_ERROR_ARGUMENT, "heatmap", "NULL");
    CHECK(values == NULL && count == 0);
    count = 77;
    CHECK_REFUSED(lens_heatmap_get_values(heatmap, NULL, &count), LENS_ERROR_ARGUMENT, "values", "NULL");
    CHECK_EQUAL(count, 0);
    values = DIRTY(float);
    CHECK_REFUSED(lens_heatmap_get_values(heatmap, &values, NULL), LENS_ERROR_ARGUMENT, "count", "NULL");
    CHECK(values == NULL);
    lens_heatmap_free(heatmap);
    lens_heatmap_free(reference);
}

static void test_lens_heatmap_get_tiles(void)
{
    static const float lefts[] = {0, 24, 48, 72, 80};
    static const float tops[] = {0, 24, 48};
    lens_image image = wide_image();
    lens_heatmap *heatmap = wide_heatmap(LENS_EDGE_COVER);
    const lens_tile *tiles = NULL;
    size_t count = 0;

    CHECK_OK(lens_heatmap_get_tiles(heatmap, &tiles, &count));
    CHECK_EQUAL(count, 15);
    for (size_t index = 0; index < count; index++) {
        CHECK_NEAR(tiles[index].x, lefts[index % 5], 0);
        CHECK_NEAR(tiles[index].y, tops[index / 5], 0);
        CHECK_NEAR(tiles[index].width, TILE, 0);
        CHECK_NEAR(tiles[index].height, TILE, 0);
    }
    /* The model was trained at the size of a tile, so classifying the part of the image comes to the same. */
    for (size_t index = 0; index < count; index += 4) {
        lens_image part = image;
        part.pixels = wide_pixels + (size_t)tiles[index].y * WIDE + (size_t)tiles[index].x;
        part.width = part.height = TILE;
        CHECK_NEAR(fixture_classify(model, &part).logit, tiles[index].logit, 1e-4);
        CHECK_NEAR(fixture_classify(model, &part).probability, tiles[index].probability, 1e-5);
    }

    tiles = DIRTY(lens_tile);
    count = 77;
    CHECK_REFUSED(lens_heatmap_get_tiles(NULL, &tiles, &count), LENS_ERROR_ARGUMENT, "heatmap", "NULL");
    CHECK(tiles == NULL && count == 0);
    count = 77;
    CHECK_REFUSED(lens_heatmap_get_tiles(heatmap, NULL, &count), LENS_ERROR_ARGUMENT, "tiles", "NULL");
    CHECK_EQUAL(count, 0);
    tiles = DIRTY(lens_tile);
    CHECK_REFUSED(lens_heatmap_get_tiles(heatmap, &tiles, NULL), LENS_ERROR_ARGUMENT, "count", "NULL");
    CHECK(tiles == NULL);
    lens_heatmap_free(heatmap);
}

static void test_lens_heatmap_aggregate(void)
{
    static const lens_aggregate rules[] = {LENS_AGGREGATE_MAX, LENS_AGGREGATE_MEAN};
    lens_heatmap *heatmaps[3] = {NULL, NULL, NULL};
    const lens_heatmap *one_missing[3];
    lens_heatmap *made = NULL;
    lens_heatmap *wide = wide_heatmap(LENS_EDGE_COVER);
    lens_heatmap_summary summaries[3], summary;
    const float *values[3];
    size_t count = 0, best = 77, expected = 0;
    lens_heatmap_options options;
    lens_heatmap_options_init(&options);
    options.tile_size = TILE;
    CHECK_OK(lens_heatmap_compute(model, images, 3, &options, heatmaps));
    for (size_t index = 0; index < 3; index++) {
        CHECK_OK(lens_heatmap_get_summary(heatmaps[index], &summaries[index]));
        CHECK_OK(lens_heatmap_get_values(heatmaps[index], &values[index], &count));
        if (summaries[index].prediction.probability > summaries[expected].prediction.probability)
            expected = index;
    }
    for (size_t rule = 0; rule < 2; rule++) {
        const float *aggregated = NULL;
        double mean = 0;
        made = DIRTY(lens_heatmap);
        best = 77;
        CHECK_OK(lens_heatmap_aggregate((const lens_heatmap *const *)heatmaps, 3, rules[rule], &made, &best));
        CHECK_EQUAL(best, expected);
        CHECK_OK(lens_heatmap_get_values(made, &aggregated, &count));
        CHECK_EQUAL(count, FIXTURE_PIXELS);
        for (size_t pixel = 0; pixel < count; pixel += 7) {
            double sum = 0, maximum = 0;
            for (size_t index = 0; index < 3; index++) {
                sum += (double)values[index][pixel];
                maximum = fmax(maximum, (double)values[index][pixel]);
            }
            CHECK_NEAR(aggregated[pixel], rule == 0 ? maximum : sum / 3, 1e-6);
        }
        for (size_t index = 0; index < 3; index++)
            mean += (double)summaries[index].prediction.probability / 3;
        CHECK_OK(lens_heatmap_get_summary(made, &summary));
        CHECK_NEAR(summary.prediction.probability,
                   rule == 0 ? (double)summaries[expected].prediction.probability : mean, 1e-6);
        lens_heatmap_free(made);
    }

    made = DIRTY(lens_heatmap);
    best = 77;
    CHECK_REFUSED(lens_heatmap_aggregate(NULL, 3, LENS_AGGREGATE_MAX, &made, &best), LENS_ERROR_ARGUMENT, "heatmaps",
                  "NULL");
    CHECK(made == NULL && best == 0);
    CHECK_REFUSED(lens_heatmap_aggregate(NULL, 0, LENS_AGGREGATE_MAX, &made, &best), LENS_ERROR_ARGUMENT, "count", "0");
    one_missing[0] = heatmaps[0];
    one_missing[1] = NULL;
    one_missing[2] = wide;
    CHECK_REFUSED(lens_heatmap_aggregate(one_missing, 2, LENS_AGGREGATE_MAX, &made, &best), LENS_ERROR_ARGUMENT,
                  "heatmap 1", "NULL");
    one_missing[1] = heatmaps[1];
    CHECK_REFUSED(lens_heatmap_aggregate(one_missing, 3, LENS_AGGREGATE_MAX, &made, &best), LENS_ERROR_ARGUMENT,
                  "heatmap 2", "112 x 80");
    CHECK_REFUSED(lens_heatmap_aggregate(one_missing, 2, 99, &made, &best), LENS_ERROR_ARGUMENT, "how", "99");
    CHECK(made == NULL && best == 0);
    best = 77;
    CHECK_REFUSED(lens_heatmap_aggregate(one_missing, 2, LENS_AGGREGATE_MAX, NULL, &best), LENS_ERROR_ARGUMENT,
                  "heatmap", "NULL");
    CHECK_EQUAL(best, 0);
    made = DIRTY(lens_heatmap);
    CHECK_REFUSED(lens_heatmap_aggregate(one_missing, 2, LENS_AGGREGATE_MAX, &made, NULL), LENS_ERROR_ARGUMENT,
                  "best_frame", "NULL");
    CHECK(made == NULL);
    lens_heatmap_free(wide);
    for (size_t index = 0; index < 3; index++)
        lens_heatmap_free(heatmaps[index]);
}

static void test_lens_heatmap_free(void)
{
    lens_heatmap_free(wide_heatmap(LENS_EDGE_COVER));
    lens_heatmap_free(NULL);
}

static void test_lens_overlay_options_init(void)
{
    lens_overlay_options options;
    memset(&options, 0xAB, sizeof options);
    lens_overlay_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.colormap, LENS_COLORMAP_INFERNO);
    CHECK_EQUAL(options.scale, LENS_OVERLAY_SCALE_MINMAX);
    CHECK_NEAR(options.alpha, 0.5, 0);
    CHECK_EQUAL(options.color_bar, 0);
    CHECK_EQUAL(options.outline_tiles, 0);
    lens_overlay_options_init(NULL);
}

enum { ROW = WIDE * 4 + 12 };
static uint8_t overlay[HIGH * ROW];

static int overlay_is_untouched(void)
{
    for (size_t index = 0; index < sizeof overlay; index++) {
        if (overlay[index] != 0x5A)
            return 0;
    }
    return 1;
}

#define OVERLAY_REFUSED(field, wrong, value)                                                                           \
    do {                                                                                                               \
        lens_overlay_options options;                                                                                  \
        lens_overlay_options_init(&options);                                                                           \
        options.field = wrong;                                                                                         \
        CHECK_REFUSED(lens_heatmap_overlay(heatmap, &image, &options, overlay, ROW), LENS_ERROR_ARGUMENT, #field,      \
                      value);                                                                                          \
        CHECK(overlay_is_untouched());                                                                                 \
    } while (0)

static void test_lens_heatmap_overlay(void)
{
    lens_image image = wide_image();
    lens_image smaller = image;
    lens_heatmap *heatmap = wide_heatmap(LENS_EDGE_COVER);
    lens_overlay_options options;
    int coloured = 0;

    memset(overlay, 0x5A, sizeof overlay);
    CHECK_REFUSED(lens_heatmap_overlay(NULL, &image, NULL, overlay, ROW), LENS_ERROR_ARGUMENT, "heatmap", "NULL");
    CHECK_REFUSED(lens_heatmap_overlay(heatmap, NULL, NULL, overlay, ROW), LENS_ERROR_ARGUMENT, "image", "NULL");
    CHECK_REFUSED(lens_heatmap_overlay(heatmap, &image, NULL, NULL, ROW), LENS_ERROR_ARGUMENT, "rgba", "NULL");
    CHECK_REFUSED(lens_heatmap_overlay(heatmap, &image, NULL, overlay, WIDE * 4 - 1), LENS_ERROR_ARGUMENT, "stride",
                  "447");
    smaller.width = 111;
    CHECK_REFUSED(lens_heatmap_overlay(heatmap, &smaller, NULL, overlay, ROW), LENS_ERROR_ARGUMENT, "111", "112");
    CHECK(overlay_is_untouched());
    OVERLAY_REFUSED(colormap, 99, "99");
    OVERLAY_REFUSED(scale, 99, "99");
    OVERLAY_REFUSED(alpha, 1.5f, "1.5");
    OVERLAY_REFUSED(alpha, -0.5f, "-0.5");
    OVERLAY_REFUSED(alpha, NAN, "NaN");
    OVERLAY_REFUSED(color_bar, 2, "2");

    CHECK_OK(lens_heatmap_overlay(heatmap, &image, NULL, overlay, ROW));
    for (int y = 0; y < HIGH; y++) {
        const uint8_t *row = overlay + y * ROW;
        for (int x = 0; x < WIDE; x++) {
            CHECK_EQUAL(row[4 * x + 3], 255);
            coloured += row[4 * x] != row[4 * x + 2];
        }
        for (int padding = 4 * WIDE; padding < ROW; padding++)
            CHECK_EQUAL(row[padding], 0x5A);
    }
    CHECK(coloured > 0);

    lens_overlay_options_init(&options);
    options.alpha = 0;
    CHECK_OK(lens_heatmap_overlay(heatmap, &image, &options, overlay, ROW));
    for (int y = 0; y < HIGH; y++) {
        for (int x = 0; x < WIDE; x++) {
            for (int channel = 0; channel < 3; channel++)
                CHECK_EQUAL(overlay[y * ROW + 4 * x + channel], wide_pixels[y * WIDE + x]);
        }
    }

    /* Colours only, black to white from 0 to 1: the overlay is the heatmap. */
    {
        const float *values = NULL;
        size_t count = 0;
        CHECK_OK(lens_heatmap_get_values(heatmap, &values, &count));
        lens_overlay_options_init(&options);
        options.colormap = LENS_COLORMAP_GRAY;
        options.scale = LENS_OVERLAY_SCALE_ABSOLUTE;
        options.alpha = 1;
        CHECK_OK(lens_heatmap_overlay(heatmap, &image, &options, overlay, ROW));
        for (int y = 0; y < HIGH; y += 3) {
            for (int x = 0; x < WIDE; x += 3)
                CHECK_NEAR(overlay[y * ROW + 4 * x], 255 * (double)values[y * WIDE + x], 1.01);
        }
    }

    /* A bar at the right edge, in the middle half, and a frame around the hottest tile; the rest as without them. */
    {
        static uint8_t decorated[HIGH * ROW];
        lens_heatmap_summary summary;
        const lens_tile *tiles = NULL;
        size_t count = 0;
        int corner;
        CHECK_OK(lens_heatmap_overlay(heatmap, &image, NULL, overlay, ROW));
        lens_overlay_options_init(&options);
        options.color_bar = 1;
        options.outline_tiles = 1;
        CHECK_OK(lens_heatmap_overlay(heatmap, &image, &options, decorated, ROW));
        CHECK_OK(lens_heatmap_get_summary(heatmap, &summary));
        CHECK_OK(lens_heatmap_get_tiles(heatmap, &tiles, &count));
        tiles += summary.hottest_tile;
        corner = (int)tiles->y * ROW + 4 * (int)tiles->x;
        CHECK(decorated[corner] == 255 && decorated[corner + 1] == 255 && decorated[corner + 2] == 255);
        CHECK(memcmp(decorated + HIGH / 2 * ROW + 4 * (WIDE - 4), overlay + HIGH / 2 * ROW + 4 * (WIDE - 4), 8) != 0);
    }
    lens_heatmap_free(heatmap);

    /* A value for each tile is not one for each pixel. */
    {
        lens_heatmap_options coarse;
        lens_heatmap_summary summary;
        lens_heatmap_options_init(&coarse);
        coarse.tile_size = TILE;
        coarse.resolution = LENS_HEATMAP_RESOLUTION_TILES;
        CHECK_OK(lens_heatmap_compute(model, &image, 1, &coarse, &heatmap));
        CHECK_OK(lens_heatmap_get_summary(heatmap, &summary));
        CHECK(summary.width == 5 && summary.height == 3 && summary.columns == 5 && summary.rows == 3);
        CHECK_REFUSED(lens_heatmap_overlay(heatmap, &image, NULL, overlay, ROW), LENS_ERROR_ARGUMENT, "TILES", "5 x 3");
        lens_heatmap_free(heatmap);
    }
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    FUNCTION(lens_heatmap_options_init),
    FUNCTION(lens_heatmap_compute),
    FUNCTION(lens_heatmap_get_summary),
    FUNCTION(lens_heatmap_get_values),
    FUNCTION(lens_heatmap_get_tiles),
    FUNCTION(lens_heatmap_aggregate),
    FUNCTION(lens_heatmap_free),
    FUNCTION(lens_overlay_options_init),
    FUNCTION(lens_heatmap_overlay),
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
