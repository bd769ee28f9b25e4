/**
 * What the C tests work on: small labelled pictures, data sets made of them, and one tiny model that make_model.c
 * trains once and the other programs load.
 *
 * Every program gets the directory of that model as its first argument and writes only below it.
 */
#ifndef LENS_FIXTURE_H
#define LENS_FIXTURE_H

#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIXTURE_SIDE = 48,
    FIXTURE_PIXELS = FIXTURE_SIDE * FIXTURE_SIDE,
    FIXTURE_COUNT = 24,
    FIXTURE_IMAGE_SIZE = 32,
    FIXTURE_PATH_LIMIT = 1024
};

typedef char fixture_path[FIXTURE_PATH_LIMIT];

static fixture_path fixture_directory;

/* What an out parameter holds before a call that must clear it. Never followed. */
static inline void *fixture_nowhere(void)
{
    static char nowhere;
    return &nowhere;
}

#define DIRTY(type) ((type *)fixture_nowhere())

static inline int fixture_all_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    for (size_t index = 0; index < size; index++) {
        if (bytes[index] != 0)
            return 0;
    }
    return 1;
}

static inline void fixture_join(fixture_path joined, const char *directory, const char *name)
{
    int length = snprintf(joined, FIXTURE_PATH_LIMIT, "%s/%s", directory, name);
    CHECK(length > 0 && length < FIXTURE_PATH_LIMIT);
}

/* Reads the command line; 0, or what main() returns. */
static inline int fixture_arguments(int argc, char **argv)
{
    if (argc < 2 || strlen(argv[1]) >= FIXTURE_PATH_LIMIT) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    snprintf(fixture_directory, sizeof fixture_directory, "%s", argv[1]);
    return 0;
}

/* A new, empty directory below the fixture's. */
static inline void fixture_scratch(fixture_path path, const char *name)
{
    fixture_path pattern;
    int length = snprintf(pattern, sizeof pattern, "%s/%s.XXXXXX", fixture_directory, name);
    CHECK(length > 0 && length < FIXTURE_PATH_LIMIT);
    CHECK(mkdtemp(pattern) != NULL);
    memcpy(path, pattern, sizeof pattern);
}

static inline int fixture_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static inline void fixture_write(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQUAL(fwrite(bytes, 1, count, file), count);
    CHECK_EQUAL(fclose(file), 0);
}

static inline void fixture_write_text(const char *path, const char *text)
{
    fixture_write(path, text, strlen(text));
}

/* The whole file with a NUL behind it; free() it. */
static inline char *fixture_read(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    char *bytes;
    long size;
    CHECK(file != NULL);
    CHECK_EQUAL(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    CHECK(size >= 0);
    rewind(file);
    bytes = malloc((size_t)size + 1);
    CHECK(bytes != NULL);
    CHECK_EQUAL(fread(bytes, 1, (size_t)size, file), size);
    bytes[size] = '\0';
    fclose(file);
    if (count != NULL)
        *count = (size_t)size;
    return bytes;
}

/* How many entries a directory has whose names are not among the expected ones. */
static inline size_t fixture_other_entries(const char *path, const char *const *expected, size_t count)
{
    size_t others = 0;
    struct dirent *entry;
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        int known = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        for (size_t index = 0; index < count && !known; index++)
            known = strcmp(entry->d_name, expected[index]) == 0;
        if (!known) {
            printf("[%s] ", entry->d_name);
            others++;
        }
    }
    closedir(directory);
    return others;
}

/*
 * The value behind a key of the object that begins first in this JSON text, NULL when there is none. Keys of objects
 * inside it are not looked at.
 */
static inline const char *fixture_json_value(const char *json, const char *key)
{
    size_t length = strlen(key);
    int depth = 0;
    const char *object = json == NULL ? NULL : strchr(json, '{');
    for (const char *place = object == NULL ? "" : object; *place != '\0'; place++) {
        if (*place == '{' || *place == '[') {
            depth++;
        } else if (*place == '}' || *place == ']') {
            depth--;
            if (depth == 0)
                break;
        } else if (*place == '"') {
            const char *text = place + 1;
            for (place = text; *place != '\0' && *place != '"'; place++)
                place += *place == '\\' && place[1] != '\0';
            if (*place == '\0')
                break;
            if (depth == 1 && (size_t)(place - text) == length && memcmp(text, key, length) == 0) {
                const char *colon = place + 1 + strspn(place + 1, " \n");
                if (*colon == ':')
                    return colon + 1 + strspn(colon + 1, " \n");
            }
        }
    }
    return NULL;
}

/* The number behind a key, NaN when there is none. */
static inline double fixture_json_number(const char *json, const char *key)
{
    const char *value = fixture_json_value(json, key);
    char *end = NULL;
    double number = value == NULL ? NAN : strtod(value, &end);
    return value == NULL || end == value ? NAN : number;
}

/* The text behind a key, cut to fit; empty when there is none. */
static inline void fixture_json_text(const char *json, const char *key, char *text, size_t size)
{
    const char *value = fixture_json_value(json, key);
    size_t length = 0;
    if (value != NULL && *value == '"') {
        length = strcspn(value + 1, "\"");
        if (length >= size)
            length = size - 1;
        memcpy(text, value + 1, length);
    }
    text[length] = '\0';
}

static inline uint32_t fixture_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

/* ImageFile number n: noise, and in odd ones a bright blob. Uses only values 30 to 230, so nothing saturates. */
static inline int fixture_draw(unsigned number, uint8_t *pixels)
{
    int positive = (int)(number % 2);
    uint32_t state = number * 7919u + 17u;
    int center_x = 16 + (int)(fixture_random(&state) % 16);
    int center_y = 16 + (int)(fixture_random(&state) % 16);
    for (int y = 0; y < FIXTURE_SIDE; y++) {
        for (int x = 0; x < FIXTURE_SIDE; x++) {
            int distance = (x - center_x) * (x - center_x) + (y - center_y) * (y - center_y);
            int value = 30 + (int)(fixture_random(&state) % 60);
            if (positive && distance < 64)
                value += 140 - distance;
            pixels[y * FIXTURE_SIDE + x] = (uint8_t)value;
        }
    }
    return positive;
}

/* A tight GRAY8 view. Not of const pixels: compilers warn of an array that is filled only after its view was made. */
static inline lens_image fixture_view(uint8_t *pixels, uint32_t width, uint32_t height)
{
    lens_image image;
    memset(&image, 0, sizeof image);
    image.pixels = pixels;
    image.width = width;
    image.height = height;
    image.row_stride = width;
    return image;
}

static inline lens_dataset *fixture_dataset(unsigned first, unsigned count)
{
    lens_dataset *dataset = NULL;
    CHECK_OK(lens_dataset_new(&dataset));
    for (unsigned number = first; number < first + count; number++) {
        uint8_t pixels[FIXTURE_PIXELS];
        int positive = fixture_draw(number, pixels);
        lens_image image = fixture_view(pixels, FIXTURE_SIDE, FIXTURE_SIDE);
        CHECK_OK(lens_dataset_add(dataset, &image, positive, NULL));
    }
    return dataset;
}

static inline void fixture_write_picture(const char *directory, const char *name, unsigned number)
{
    fixture_path path;
    uint8_t pixels[FIXTURE_PIXELS];
    lens_image image = fixture_view(pixels, FIXTURE_SIDE, FIXTURE_SIDE);
    fixture_draw(number, pixels);
    fixture_join(path, directory, name);
    CHECK_OK(lens_png_write(path, &image));
}

/* A root with images/ and labels.csv. */
static inline void fixture_write_labelled(const char *root, unsigned count)
{
    fixture_path images, table;
    FILE *file;
    fixture_join(images, root, "images");
    fixture_join(table, root, "labels.csv");
    CHECK_EQUAL(mkdir(root, 0700) == 0 || errno == EEXIST, 1);
    CHECK_EQUAL(mkdir(images, 0700), 0);
    file = fopen(table, "w");
    CHECK(file != NULL);
    fprintf(file, "patch_filename,stenoza_label\n");
    for (unsigned number = 0; number < count; number++) {
        char name[32];
        snprintf(name, sizeof name, "patch_%03u.png", number);
        fixture_write_picture(images, name, number);
        fprintf(file, "%s,%u\n", name, number % 2);
    }
    CHECK_EQUAL(fclose(file), 0);
}

/* A root with one folder per class: "absent" and "present". */
static inline void fixture_write_class_folders(const char *root, unsigned count)
{
    static const char *const names[2] = {"absent", "present"};
    fixture_path folders[2];
    CHECK_EQUAL(mkdir(root, 0700) == 0 || errno == EEXIST, 1);
    for (int index = 0; index < 2; index++) {
        fixture_join(folders[index], root, names[index]);
        CHECK_EQUAL(mkdir(folders[index], 0700), 0);
    }
    for (unsigned number = 0; number < count; number++) {
        char name[32];
        snprintf(name, sizeof name, "patch_%03u.png", number);
        fixture_write_picture(folders[number % 2], name, number);
    }
}

/* The smallest training that means something. */
static inline void fixture_train_options(lens_train_options *options)
{
    lens_train_options_init(options);
    options->epochs = 1;
    options->batch_size = 8;
    options->image_size = FIXTURE_IMAGE_SIZE;
    options->learning_rate = 1e-3;
    options->seed = 7;
}

/* On the CPU: the tests must mean the same on every machine. */
static inline lens_context *fixture_context(void)
{
    lens_context *context = NULL;
    lens_init_options options;
    lens_init_options_init(&options);
    options.device = LENS_DEVICE_CPU;
    options.abi_version = LENS_ABI_VERSION;
    CHECK_OK(lens_init(&options, &context));
    CHECK(context != NULL);
    return context;
}

static inline void fixture_model_path(fixture_path path)
{
    fixture_join(path, fixture_directory, "model.safetensors");
}

static inline lens_model *fixture_model(const lens_context *context)
{
    lens_model *model = NULL;
    fixture_path path;
    fixture_model_path(path);
    CHECK_OK(lens_model_load(context, path, &model));
    CHECK(model != NULL);
    return model;
}

static inline lens_prediction fixture_classify(const lens_model *model, const lens_image *image)
{
    lens_prediction prediction;
    CHECK_OK(lens_classify(model, image, 1, NULL, &prediction));
    return prediction;
}

#endif
