#define _POSIX_C_SOURCE 200809L

#include "heatmap_files.h"
#include "commands.h"
#include "files.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char overlay_ending[] = "_overlay.png";
const char values_ending[] = "_heatmap.png";

static int stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return (int)(dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name));
}

char *heatmap_file(const char *directory, const char *file, const char *ending)
{
    const char *name = file_name(file);
    size_t size = strlen(directory) + strlen(name) + strlen(ending) + 2;
    char *path = allocate(size, 1);
    const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
    snprintf(path, size, "%s%s%.*s%s", directory, slash, stem_length(name), name, ending);
    return path;
}

static int compare_stems(const void *left, const void *right)
{
    const char *left_name = file_name(*(char *const *)left);
    const char *right_name = file_name(*(char *const *)right);
    int left_length = stem_length(left_name);
    int right_length = stem_length(right_name);
    int order = memcmp(left_name, right_name, (size_t)(left_length < right_length ? left_length : right_length));
    return order != 0 ? order : left_length - right_length;
}

static int check_stems(const struct usage *usage, char **files, size_t count)
{
    char **sorted = allocate(count, sizeof *sorted);
    memcpy(sorted, files, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_stems);
    int exit_code = EXIT_DONE;
    for (size_t i = 1; i < count && exit_code == EXIT_DONE; i++) {
        if (compare_stems(&sorted[i - 1], &sorted[i]) == 0) {
            const char *name = file_name(sorted[i]);
            exit_code = usage_error(usage, "'%s' and '%s' would both be written to %.*s%s; rename one or give it apart",
                                    sorted[i - 1], sorted[i], stem_length(name), name, overlay_ending);
        }
    }
    free(sorted);
    return exit_code;
}

/* The input that is the same file as path, by whatever name; NULL: none. */
static const char *find_same_file(const char *path, char **files, const struct stat *inputs, size_t count)
{
    struct stat output;
    if (stat(path, &output) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (output.st_dev == inputs[i].st_dev && output.st_ino == inputs[i].st_ino) {
            return files[i];
        }
    }
    return NULL;
}

static int check_inputs(const struct usage *usage, const char *directory, char **files, size_t count)
{
    static const char *const endings[] = {overlay_ending, values_ending};
    struct stat *inputs = allocate(count, sizeof *inputs);
    for (size_t i = 0; i < count; i++) {
        /* A missing input stays all zero, like no file; it is reported where inputs are read. */
        if (stat(files[i], &inputs[i]) != 0) {
            inputs[i] = (struct stat){0};
        }
    }
    int exit_code = EXIT_DONE;
    for (size_t i = 0; i < 2 * count && exit_code == EXIT_DONE; i++) {
        char *path = heatmap_file(directory, files[i / 2], endings[i % 2]);
        const char *input = find_same_file(path, files, inputs, count);
        if (input != NULL) {
            exit_code = usage_error(usage, "the heatmap of '%s' would be written over the input '%s'; change --out",
                                    files[i / 2], input);
        }
        free(path);
    }
    free(inputs);
    return exit_code;
}

int check_heatmap_files(const struct usage *usage, const char *directory, char **files, size_t count)
{
    int exit_code = check_stems(usage, files, count);
    return exit_code == EXIT_DONE ? check_inputs(usage, directory, files, count) : exit_code;
}
