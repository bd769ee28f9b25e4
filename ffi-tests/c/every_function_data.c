/** Every function that deals with pictures and data sets. */
#include "every_function.h"

/* Pictures */

static void test_lens_read_options_init(void)
{
    lens_read_options options;
    memset(&options, 0xAB, sizeof options);
    lens_read_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK_EQUAL(options.display, LENS_DISPLAY_VIEWER);
    CHECK_EQUAL(options.window, 0);
    CHECK_EQUAL(options.apply_orientation, 1);
    lens_read_options_init(NULL);
}

static void check_options_refused(const char *path)
{
    lens_read_options options;
    lens_image_file *picture;
#define OPTION_REFUSED(field, wrong, value)                                                                            \
    do {                                                                                                               \
        lens_read_options_init(&options);                                                                              \
        options.field = wrong;                                                                                         \
        picture = DIRTY(lens_image_file);                                                                              \
        CHECK_REFUSED(lens_image_file_load(path, 0, &options, &picture), LENS_ERROR_ARGUMENT, #field, value);          \
        CHECK(picture == NULL);                                                                                        \
    } while (0)
    OPTION_REFUSED(display, 2, "2");
    OPTION_REFUSED(display, -1, "-1");
    OPTION_REFUSED(window, 1, "window is 1");
    OPTION_REFUSED(apply_orientation, 2, "2");
#undef OPTION_REFUSED
}

static void test_lens_image_file_load(void)
{
    static const unsigned char png_start[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H'};
    fixture_path path, text, broken, missing;
    lens_image_file *picture = DIRTY(lens_image_file);
    fixture_join(path, scratch, "load.png");
    fixture_join(text, scratch, "no picture.txt");
    fixture_join(broken, scratch, "broken.png");
    fixture_join(missing, scratch, "no such picture.png");
    CHECK_OK(lens_png_write(path, &images[1]));
    fixture_write_text(text, "not a picture\n");
    fixture_write(broken, png_start, sizeof png_start);

    CHECK_OK(lens_image_file_load(path, 0, NULL, &picture));
    CHECK(picture != NULL && picture != DIRTY(lens_image_file));
    lens_image_file_free(picture);

#define LOAD_REFUSED(path, frame, status, name, value)                                                                 \
    do {                                                                                                               \
        picture = DIRTY(lens_image_file);                                                                              \
        CHECK_REFUSED(lens_image_file_load(path, frame, NULL, &picture), status, name, value);                         \
        CHECK(picture == NULL);                                                                                        \
    } while (0)
    LOAD_REFUSED(NULL, 0, LENS_ERROR_ARGUMENT, "path", "NULL");
    LOAD_REFUSED("", 0, LENS_ERROR_ARGUMENT, "path", "empty");
    LOAD_REFUSED("\xc3(.png", 0, LENS_ERROR_ARGUMENT, "path", "UTF-8");
    LOAD_REFUSED(missing, 0, LENS_ERROR_IO, missing, "");
    LOAD_REFUSED(scratch, 0, LENS_ERROR_IO, scratch, "");
    LOAD_REFUSED(text, 0, LENS_ERROR_FORMAT, text, "");
    LOAD_REFUSED(broken, 0, LENS_ERROR_FORMAT, broken, "");
    LOAD_REFUSED(path, 77, LENS_ERROR_ARGUMENT, "frame", "77");
#undef LOAD_REFUSED
    CHECK_REFUSED(lens_image_file_load(path, 0, NULL, NULL), LENS_ERROR_ARGUMENT, "file", "NULL");
    check_options_refused(path);
}

static lens_image_file *any_picture(void)
{
    fixture_path path;
    lens_image_file *picture = NULL;
    fixture_join(path, scratch, "any.png");
    CHECK_OK(lens_png_write(path, &images[1]));
    CHECK_OK(lens_image_file_load(path, 0, NULL, &picture));
    return picture;
}

static void test_lens_image_file_get_view(void)
{
    lens_image_file *picture = any_picture();
    lens_image view;
    memset(&view, 0xAB, sizeof view);
    CHECK_OK(lens_image_file_get_view(picture, &view));
    CHECK_EQUAL(view.width, FIXTURE_SIDE);
    CHECK_EQUAL(view.height, FIXTURE_SIDE);
    CHECK_EQUAL(view.format, LENS_PIXEL_FORMAT_GRAY8);
    CHECK_EQUAL(view.reserved, 0);
    CHECK(view.row_stride >= FIXTURE_SIDE);
    for (size_t row = 0; row < FIXTURE_SIDE; row++) {
        const uint8_t *decoded = (const uint8_t *)view.pixels + row * view.row_stride;
        CHECK(memcmp(decoded, pixels[1] + row * FIXTURE_SIDE, FIXTURE_SIDE) == 0);
    }

    memset(&view, 0xAB, sizeof view);
    CHECK_REFUSED(lens_image_file_get_view(NULL, &view), LENS_ERROR_ARGUMENT, "file", "NULL");
    CHECK(fixture_all_zero(&view, sizeof view));
    CHECK_REFUSED(lens_image_file_get_view(picture, NULL), LENS_ERROR_ARGUMENT, "image", "NULL");
    lens_image_file_free(picture);
}

static void test_lens_image_file_get_frames(void)
{
    lens_image_file *picture = any_picture();
    uint32_t frames = 0;
    CHECK_OK(lens_image_file_get_frames(picture, &frames));
    CHECK_EQUAL(frames, 1);
    CHECK_REFUSED(lens_image_file_get_frames(NULL, &frames), LENS_ERROR_ARGUMENT, "file", "NULL");
    CHECK_EQUAL(frames, 0);
    CHECK_REFUSED(lens_image_file_get_frames(picture, NULL), LENS_ERROR_ARGUMENT, "frames", "NULL");
    lens_image_file_free(picture);
}

static void test_lens_image_file_free(void)
{
    lens_image_file_free(any_picture());
    lens_image_file_free(NULL);
}

/* Series */

/* An axial slice of 2 x 1 pixels, little endian without preamble, which lies as high as its number says, in mm. */
static void write_slice(const char *directory, const char *name, const char *uid, unsigned char number)
{
    unsigned char file[512];
    size_t size = 0;
    fixture_path path;
    char position[16];
#define ELEMENT(group, element, vr, bytes, count)                                                                      \
    do {                                                                                                               \
        size_t even = ((count) + 1) / 2 * 2;                                                                           \
        const unsigned char head[8] = {(group) & 0xff, (group) >> 8, (element) & 0xff, (element) >> 8,                 \
                                       (vr)[0],        (vr)[1],      (unsigned char)even, 0};                          \
        memcpy(file + size, head, sizeof head);                                                                        \
        memset(file + size + sizeof head, strcmp(vr, "UI") == 0 ? 0 : ' ', even);                                      \
        memcpy(file + size + sizeof head, bytes, count);                                                               \
        size += sizeof head + even;                                                                                    \
    } while (0)
#define TEXT(group, element, vr, text) ELEMENT(group, element, vr, text, strlen(text))
#define NUMBER(group, element, low) ELEMENT(group, element, "US", ((const unsigned char[]){low, 0}), 2)
    static const unsigned char pixel_data[] = {0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 2, 0, 0, 0};
    snprintf(position, sizeof position, "0\\0\\%u", number);
    TEXT(0x0008, 0x0060, "CS", "CT");
    TEXT(0x0020, 0x000e, "UI", uid);
    TEXT(0x0020, 0x0032, "DS", position);
    TEXT(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0");
    NUMBER(0x0028, 0x0002, 1);
    TEXT(0x0028, 0x0004, "CS", "MONOCHROME2");
    NUMBER(0x0028, 0x0010, 1);
    NUMBER(0x0028, 0x0011, 2);
    NUMBER(0x0028, 0x0100, 8);
    NUMBER(0x0028, 0x0101, 8);
    NUMBER(0x0028, 0x0102, 7);
    NUMBER(0x0028, 0x0103, 0);
#undef NUMBER
#undef TEXT
#undef ELEMENT
    memcpy(file + size, pixel_data, sizeof pixel_data);
    size += sizeof pixel_data;
    file[size++] = number;
    file[size++] = (unsigned char)(number + 1);
    fixture_join(path, directory, name);
    fixture_write(path, file, size);
}

/* Slices at 10, 20, 30 and 60 mm whose names are in another order, and a note. */
static void write_series(fixture_path directory, const char *name)
{
    fixture_path text;
    fixture_scratch(directory, name);
    write_slice(directory, "a", "1.2.3", 30);
    write_slice(directory, "b", "1.2.3", 10);
    write_slice(directory, "c", "1.2.3", 60);
    write_slice(directory, "d", "1.2.3", 20);
    fixture_join(text, directory, "note.txt");
    fixture_write_text(text, "not a picture\n");
}

static lens_series *any_series(const char *name)
{
    fixture_path directory;
    lens_series *series = NULL;
    write_series(directory, name);
    CHECK_OK(lens_series_open(directory, NULL, &series));
    return series;
}

static void test_lens_series_open(void)
{
    fixture_path directory, empty, missing, broken;
    char *bytes;
    size_t size;
    lens_series *series = DIRTY(lens_series);
    uint32_t slices = 0;
    write_series(directory, "series_open");
    fixture_scratch(empty, "series_empty");
    fixture_join(missing, scratch, "no such directory");

    CHECK_OK(lens_series_open(directory, NULL, &series));
    CHECK(series != NULL && series != DIRTY(lens_series));
    lens_series_free(series);

#define SERIES_REFUSED(directory, uid, status, name, value)                                                            \
    do {                                                                                                               \
        series = DIRTY(lens_series);                                                                                   \
        CHECK_REFUSED(lens_series_open(directory, uid, &series), status, name, value);                                 \
        CHECK(series == NULL);                                                                                         \
    } while (0)
    SERIES_REFUSED(NULL, NULL, LENS_ERROR_ARGUMENT, "directory", "NULL");
    SERIES_REFUSED("", NULL, LENS_ERROR_ARGUMENT, "directory", "empty");
    SERIES_REFUSED("\xff", NULL, LENS_ERROR_ARGUMENT, "directory", "UTF-8");
    SERIES_REFUSED(directory, "", LENS_ERROR_ARGUMENT, "series_uid", "empty");
    SERIES_REFUSED(directory, "\xff", LENS_ERROR_ARGUMENT, "series_uid", "UTF-8");
    SERIES_REFUSED(missing, NULL, LENS_ERROR_IO, missing, "");
    SERIES_REFUSED(empty, NULL, LENS_ERROR_DATA, empty, "no DICOM images");
    SERIES_REFUSED(directory, "1.2.99", LENS_ERROR_DATA, "1.2.99", "4 slices of 2 x 1, 1.2.3");
    CHECK_REFUSED(lens_series_open(directory, NULL, NULL), LENS_ERROR_ARGUMENT, "series", "NULL");

    write_slice(directory, "e", "1.2.4", 15);
    SERIES_REFUSED(directory, NULL, LENS_ERROR_DATA, "4 slices of 2 x 1, 1.2.3", "1 slice of 2 x 1, 1.2.4");
    CHECK_OK(lens_series_open(directory, "1.2.4", &series));
    CHECK_OK(lens_series_get_slices(series, &slices));
    CHECK_EQUAL(slices, 1);
    lens_series_free(series);

    /* A volume must not lack a slice without a word. */
    fixture_join(broken, directory, "e");
    bytes = fixture_read(broken, &size);
    fixture_write(broken, bytes, size - 14);
    free(bytes);
    SERIES_REFUSED(directory, "1.2.3", LENS_ERROR_FORMAT, broken, "truncated");
#undef SERIES_REFUSED
}

static void test_lens_series_get_slices(void)
{
    lens_series *series = any_series("series_slices");
    uint32_t slices = 0;
    CHECK_OK(lens_series_get_slices(series, &slices));
    CHECK_EQUAL(slices, 4);
    CHECK_REFUSED(lens_series_get_slices(NULL, &slices), LENS_ERROR_ARGUMENT, "series", "NULL");
    CHECK_EQUAL(slices, 0);
    CHECK_REFUSED(lens_series_get_slices(series, NULL), LENS_ERROR_ARGUMENT, "slices", "NULL");
    lens_series_free(series);
}

static void test_lens_series_load(void)
{
    static const uint8_t in_order[] = {10, 20, 30, 60};
    lens_series *series = any_series("series_load");
    lens_image_file *slice = NULL;
    lens_image view;
    lens_read_options options;
    uint32_t frames = 0;
    for (uint32_t index = 0; index < 4; index++) {
        CHECK_OK(lens_series_load(series, index, NULL, &slice));
        CHECK_OK(lens_image_file_get_view(slice, &view));
        CHECK(view.width == 2 && view.height == 1);
        CHECK_EQUAL(((const uint8_t *)view.pixels)[0], in_order[index]);
        CHECK_EQUAL(((const uint8_t *)view.pixels)[1], in_order[index] + 1);
        CHECK_OK(lens_image_file_get_frames(slice, &frames));
        CHECK_EQUAL(frames, 4);
        lens_image_file_free(slice);
    }

    lens_read_options_init(&options);
    options.window = 3;
    slice = DIRTY(lens_image_file);
    CHECK_REFUSED(lens_series_load(series, 0, &options, &slice), LENS_ERROR_ARGUMENT, "window", "3");
    CHECK(slice == NULL);
    slice = DIRTY(lens_image_file);
    CHECK_REFUSED(lens_series_load(series, 4, NULL, &slice), LENS_ERROR_ARGUMENT, "slice is 4", "0 to 3");
    CHECK(slice == NULL);
    slice = DIRTY(lens_image_file);
    CHECK_REFUSED(lens_series_load(NULL, 0, NULL, &slice), LENS_ERROR_ARGUMENT, "series", "NULL");
    CHECK(slice == NULL);
    CHECK_REFUSED(lens_series_load(series, 0, NULL, NULL), LENS_ERROR_ARGUMENT, "file", "NULL");

    /* A slice outlives its series. */
    CHECK_OK(lens_series_load(series, 3, NULL, &slice));
    lens_series_free(series);
    CHECK_OK(lens_image_file_get_view(slice, &view));
    CHECK_EQUAL(((const uint8_t *)view.pixels)[0], 60);
    lens_image_file_free(slice);
}

static void test_lens_series_describe(void)
{
    lens_series *series = any_series("series_describe");
    char *json = NULL;
    const char *slices;
    CHECK_OK(lens_series_describe(series, &json));
    CHECK_CONTAINS(json, "\"uid\":\"1.2.3\"");
    CHECK_CONTAINS(json, "\"modality\":\"CT\"");
    CHECK_NEAR(fixture_json_number(json, "width"), 2, 0);
    slices = fixture_json_value(json, "slices");
    CHECK_NEAR(fixture_json_number(slices, "position_mm"), 10, 1e-9);
    CHECK_NEAR(fixture_json_number(slices, "frame"), 0, 0);
    CHECK_CONTAINS(fixture_json_value(slices, "path"), "/b\"");
    CHECK_CONTAINS(json, "30 mm between a and c, as if 2 were missing");
    CHECK_CONTAINS(json, "1 file(s) that are no DICOM images left out");
    lens_string_free(json);

    json = DIRTY(char);
    CHECK_REFUSED(lens_series_describe(NULL, &json), LENS_ERROR_ARGUMENT, "series", "NULL");
    CHECK(json == NULL);
    CHECK_REFUSED(lens_series_describe(series, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
    lens_series_free(series);
}

static void test_lens_series_free(void)
{
    lens_series_free(any_series("series_free"));
    lens_series_free(NULL);
}

/* Writing */

static void test_lens_png_write(void)
{
    static const char *const written[] = {"picture.png"};
    fixture_path directory, path, impossible;
    lens_image wrong = images[0];
    lens_image_file *picture = NULL;
    fixture_scratch(directory, "png");
    fixture_join(path, directory, "picture.png");
    fixture_join(impossible, directory, "no such directory/picture.png");

    CHECK_OK(lens_png_write(path, &images[0]));
    /* An existing file is replaced, and no temporary one is left behind. */
    CHECK_OK(lens_png_write(path, &images[1]));
    CHECK_OK(lens_image_file_load(path, 0, NULL, &picture));
    lens_image_file_free(picture);

    CHECK_REFUSED(lens_png_write(NULL, &images[0]), LENS_ERROR_ARGUMENT, "path", "NULL");
    CHECK_REFUSED(lens_png_write("", &images[0]), LENS_ERROR_ARGUMENT, "path", "empty");
    CHECK_REFUSED(lens_png_write("\xff.png", &images[0]), LENS_ERROR_ARGUMENT, "path", "UTF-8");
    CHECK_REFUSED(lens_png_write(path, NULL), LENS_ERROR_ARGUMENT, "image", "NULL");
    wrong.width = 0;
    CHECK_REFUSED(lens_png_write(path, &wrong), LENS_ERROR_ARGUMENT, "image", "width");
    CHECK_REFUSED(lens_png_write(impossible, &images[0]), LENS_ERROR_IO, impossible, "");
    CHECK_REFUSED(lens_png_write(directory, &images[0]), LENS_ERROR_IO, directory, "");
    CHECK_EQUAL(fixture_other_entries(directory, written, 1), 0);
}

/* Data sets */

static void check_counts(const lens_dataset *counted, int samples, int positives, int skipped)
{
    char *json = NULL;
    CHECK_OK(lens_dataset_describe(counted, &json));
    CHECK_NEAR(fixture_json_number(json, "samples"), samples, 0);
    CHECK_NEAR(fixture_json_number(json, "positives"), positives, 0);
    CHECK_NEAR(fixture_json_number(json, "negatives"), samples - positives, 0);
    CHECK_NEAR(fixture_json_number(fixture_json_value(json, "skipped"), "count"), skipped, 0);
    lens_string_free(json);
}

static void test_lens_dataset_options_init(void)
{
    lens_dataset_options options;
    memset(&options, 0xAB, sizeof options);
    lens_dataset_options_init(&options);
    CHECK_EQUAL(options.struct_size, sizeof options);
    CHECK(options.filename_column == NULL);
    CHECK(options.label_column == NULL);
    CHECK(options.image_directory == NULL);
    CHECK(options.positive_class == NULL);
    CHECK_EQUAL(options.on_unreadable, LENS_ON_UNREADABLE_FAIL);
    CHECK(options.frame_column == NULL);
    lens_dataset_options_init(NULL);
}

static void test_lens_dataset_new(void)
{
    lens_dataset *made = DIRTY(lens_dataset);
    CHECK_OK(lens_dataset_new(&made));
    CHECK(made != NULL && made != DIRTY(lens_dataset));
    check_counts(made, 0, 0, 0);
    lens_dataset_free(made);
    CHECK_REFUSED(lens_dataset_new(NULL), LENS_ERROR_ARGUMENT, "dataset", "NULL");
}

#define OPEN_REFUSED(path, options, status, name, value)                                                               \
    do {                                                                                                               \
        lens_dataset *opened = DIRTY(lens_dataset);                                                                    \
        CHECK_REFUSED(lens_dataset_open(path, options, &opened), status, name, value);                                 \
        CHECK(opened == NULL);                                                                                         \
    } while (0)

static void test_lens_dataset_open(void)
{
    fixture_path labelled, folders, empty, missing, table, gone;
    lens_dataset *opened = DIRTY(lens_dataset);
    lens_dataset_options options;
    fixture_join(labelled, scratch, "labelled");
    fixture_join(folders, scratch, "folders");
    fixture_join(empty, scratch, "empty");
    fixture_join(missing, scratch, "no such directory");
    fixture_write_labelled(labelled, 6);
    fixture_write_class_folders(folders, 7);
    CHECK_EQUAL(mkdir(empty, 0700), 0);
    fixture_join(table, labelled, "labels.csv");
    fixture_join(gone, labelled, "images/patch_003.png");

    CHECK_OK(lens_dataset_open(labelled, NULL, &opened));
    CHECK(opened != NULL && opened != DIRTY(lens_dataset));
    check_counts(opened, 6, 3, 0);
    lens_dataset_free(opened);
    CHECK_OK(lens_dataset_open(folders, NULL, &opened));
    check_counts(opened, 7, 3, 0);
    lens_dataset_free(opened);
    /* The other folder as the positive class turns the counts round. */
    lens_dataset_options_init(&options);
    options.positive_class = "absent";
    CHECK_OK(lens_dataset_open(folders, &options, &opened));
    check_counts(opened, 7, 4, 0);
    lens_dataset_free(opened);

    OPEN_REFUSED(NULL, NULL, LENS_ERROR_ARGUMENT, "path", "NULL");
    OPEN_REFUSED("", NULL, LENS_ERROR_ARGUMENT, "path", "empty");
    OPEN_REFUSED("\xff", NULL, LENS_ERROR_ARGUMENT, "path", "UTF-8");
    OPEN_REFUSED(missing, NULL, LENS_ERROR_IO, missing, "");
    OPEN_REFUSED(empty, NULL, LENS_ERROR_DATA, empty, "labels.csv");
    CHECK_REFUSED(lens_dataset_open(labelled, NULL, NULL), LENS_ERROR_ARGUMENT, "dataset", "NULL");
    lens_dataset_options_init(&options);
    options.on_unreadable = 99;
    OPEN_REFUSED(labelled, &options, LENS_ERROR_ARGUMENT, "on_unreadable", "99");
    lens_dataset_options_init(&options);
    options.label_column = "diagnosis";
    OPEN_REFUSED(labelled, &options, LENS_ERROR_FORMAT, "diagnosis", table);
    lens_dataset_options_init(&options);
    options.frame_column = "number";
    OPEN_REFUSED(labelled, &options, LENS_ERROR_FORMAT, "\"number\" (option frame_column)", table);
    lens_dataset_options_init(&options);
    options.filename_column = "\xff";
    OPEN_REFUSED(labelled, &options, LENS_ERROR_ARGUMENT, "filename_column", "UTF-8");

    CHECK_EQUAL(remove(gone), 0);
    OPEN_REFUSED(labelled, NULL, LENS_ERROR_IO, "patch_003.png", "");
    lens_dataset_options_init(&options);
    options.on_unreadable = LENS_ON_UNREADABLE_SKIP;
    CHECK_OK(lens_dataset_open(labelled, &options, &opened));
    check_counts(opened, 5, 2, 1);
    lens_dataset_free(opened);

    fixture_write_text(table, "patch_filename,stenoza_label\npatch_000.png,0\npatch_001.png,seventeen\n");
    OPEN_REFUSED(labelled, NULL, LENS_ERROR_FORMAT, "seventeen", "line 3");
    fixture_write_text(table, "name,kind\npatch_000.png,healthy\npatch_001.png,stenosis\npatch_002.png,healthy\n");
    lens_dataset_options_init(&options);
    options.filename_column = "name";
    options.label_column = "kind";
    options.positive_class = "stenosis";
    CHECK_OK(lens_dataset_open(labelled, &options, &opened));
    check_counts(opened, 3, 1, 0);
    lens_dataset_free(opened);
    OPEN_REFUSED(labelled, NULL, LENS_ERROR_FORMAT, "patch_filename", table);
}

static void test_lens_dataset_extend(void)
{
    fixture_path root, missing;
    lens_dataset *extended = fixture_dataset(0, 4);
    fixture_join(root, scratch, "extension");
    fixture_join(missing, scratch, "no such directory");
    fixture_write_labelled(root, 5);

    CHECK_OK(lens_dataset_extend(extended, root, NULL));
    check_counts(extended, 9, 4, 0);
    CHECK_REFUSED(lens_dataset_extend(NULL, root, NULL), LENS_ERROR_ARGUMENT, "dataset", "NULL");
    CHECK_REFUSED(lens_dataset_extend(extended, NULL, NULL), LENS_ERROR_ARGUMENT, "path", "NULL");
    CHECK_REFUSED(lens_dataset_extend(extended, missing, NULL), LENS_ERROR_IO, missing, "");
    check_counts(extended, 9, 4, 0);
    lens_dataset_free(extended);
}

static void test_lens_dataset_add(void)
{
    uint8_t copied[FIXTURE_PIXELS];
    lens_image image = fixture_view(copied, FIXTURE_SIDE, FIXTURE_SIDE);
    lens_image wrong = images[0];
    lens_dataset *added = NULL;
    char *json = NULL;
    memcpy(copied, pixels[1], sizeof copied);
    CHECK_OK(lens_dataset_new(&added));
    CHECK_OK(lens_dataset_add(added, &image, 1, "left ramus \xc3\xa4"));
    CHECK_OK(lens_dataset_add(added, &images[0], 0, NULL));

    CHECK_REFUSED(lens_dataset_add(NULL, &image, 0, NULL), LENS_ERROR_ARGUMENT, "dataset", "NULL");
    CHECK_REFUSED(lens_dataset_add(added, NULL, 0, NULL), LENS_ERROR_ARGUMENT, "image", "NULL");
    CHECK_REFUSED(lens_dataset_add(added, &image, 42, NULL), LENS_ERROR_ARGUMENT, "label", "42");
    CHECK_REFUSED(lens_dataset_add(added, &image, -42, NULL), LENS_ERROR_ARGUMENT, "label", "-42");
    CHECK_REFUSED(lens_dataset_add(added, &image, 0, "\xff"), LENS_ERROR_ARGUMENT, "id", "UTF-8");
    wrong.row_stride = 47;
    CHECK_REFUSED(lens_dataset_add(added, &wrong, 0, NULL), LENS_ERROR_ARGUMENT, "row_stride", "47");
    check_counts(added, 2, 1, 0);

    /* The pixels were copied: what becomes of the caller's does not matter. */
    memset(copied, 0, sizeof copied);
    CHECK_OK(lens_evaluate(model, added, NULL, &json));
    CHECK_CONTAINS(json, "left ramus \xc3\xa4");
    CHECK_CONTAINS(json, "\"sample 1\"");
    CHECK_NEAR(fixture_json_number(fixture_json_value(json, "results"), "probability"),
               fixture_classify(model, &images[1]).probability, 1e-5);
    lens_string_free(json);
    lens_dataset_free(added);
}

#define SPLIT_REFUSED(dataset, fraction, status, name, value)                                                          \
    do {                                                                                                               \
        lens_dataset *one = DIRTY(lens_dataset), *other = DIRTY(lens_dataset);                                         \
        CHECK_REFUSED(lens_dataset_split(dataset, fraction, 1, &one, &other), status, name, value);                    \
        CHECK(one == NULL && other == NULL);                                                                           \
    } while (0)

static void test_lens_dataset_split(void)
{
    lens_dataset *first = NULL, *second = NULL, *empty = NULL;
    CHECK_OK(lens_dataset_split(dataset, 0.75, 1, &first, &second));
    check_counts(first, 18, 9, 0);
    check_counts(second, 6, 3, 0);
    check_counts(dataset, FIXTURE_COUNT, FIXTURE_COUNT / 2, 0);
    lens_dataset_free(first);
    lens_dataset_free(second);

    CHECK_OK(lens_dataset_new(&empty));
    SPLIT_REFUSED(NULL, 0.5, LENS_ERROR_ARGUMENT, "dataset", "NULL");
    SPLIT_REFUSED(dataset, 0.0, LENS_ERROR_ARGUMENT, "fraction", "0");
    SPLIT_REFUSED(dataset, 1.0, LENS_ERROR_ARGUMENT, "fraction", "1");
    SPLIT_REFUSED(dataset, -0.25, LENS_ERROR_ARGUMENT, "fraction", "-0.25");
    SPLIT_REFUSED(dataset, NAN, LENS_ERROR_ARGUMENT, "fraction", "NaN");
    SPLIT_REFUSED(empty, 0.5, LENS_ERROR_DATA, "", "");
    lens_dataset_free(empty);
    empty = fixture_dataset(0, 1);
    SPLIT_REFUSED(empty, 0.5, LENS_ERROR_DATA, "", "");
    lens_dataset_free(empty);

    second = DIRTY(lens_dataset);
    CHECK_REFUSED(lens_dataset_split(dataset, 0.5, 1, NULL, &second), LENS_ERROR_ARGUMENT, "first", "NULL");
    CHECK(second == NULL);
    first = DIRTY(lens_dataset);
    CHECK_REFUSED(lens_dataset_split(dataset, 0.5, 1, &first, NULL), LENS_ERROR_ARGUMENT, "second", "NULL");
    CHECK(first == NULL);
}

static void test_lens_dataset_describe(void)
{
    char *json = DIRTY(char);
    check_counts(dataset, FIXTURE_COUNT, FIXTURE_COUNT / 2, 0);
    CHECK_REFUSED(lens_dataset_describe(NULL, &json), LENS_ERROR_ARGUMENT, "dataset", "NULL");
    CHECK(json == NULL);
    CHECK_REFUSED(lens_dataset_describe(dataset, NULL), LENS_ERROR_ARGUMENT, "json", "NULL");
}

static void test_lens_dataset_free(void)
{
    lens_dataset_free(fixture_dataset(0, 2));
    lens_dataset_free(NULL);
}

static const struct check_test tests[] = {
    {"set_up", set_up},
    FUNCTION(lens_read_options_init),
    FUNCTION(lens_image_file_load),
    FUNCTION(lens_image_file_get_view),
    FUNCTION(lens_image_file_get_frames),
    FUNCTION(lens_image_file_free),
    FUNCTION(lens_series_open),
    FUNCTION(lens_series_get_slices),
    FUNCTION(lens_series_load),
    FUNCTION(lens_series_describe),
    FUNCTION(lens_series_free),
    FUNCTION(lens_png_write),
    FUNCTION(lens_dataset_options_init),
    FUNCTION(lens_dataset_new),
    FUNCTION(lens_dataset_open),
    FUNCTION(lens_dataset_extend),
    FUNCTION(lens_dataset_add),
    FUNCTION(lens_dataset_split),
    FUNCTION(lens_dataset_describe),
    FUNCTION(lens_dataset_free),
    {"tear_down", tear_down},
};

int main(int argc, char **argv)
{
    int wrong = fixture_arguments(argc, argv);
    return wrong ? wrong : CHECK_RUN(tests);
}
