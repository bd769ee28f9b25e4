#define _POSIX_C_SOURCE 200809L

#include "heatmap_files.h"
#include "commands.h"
#include "files.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct heatmap_endings plain_endings = {"_overlay.png", "_heatmap.png"};
const struct heatmap_endings max_endings = {"_max_overlay.png", "_max_heatmap.png"};
const struct heatmap_endings mean_endings = {"_mean_overlay.png", "_mean_heatmap.png"};

/* A picture that is to be written, and the input it is of. */
struct output {
    char *path;
    const char *file;
};

struct outputs {
    struct output *items;
    size_t count;
};

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

static struct outputs list_outputs(const char *directory, char **files, size_t count, bool all_frames)
{
    static const struct heatmap_endings *const endings[] = {&plain_endings, &max_endings, &mean_endings};
    size_t each = all_frames ? sizeof endings / sizeof endings[0] : 1;
    struct outputs outputs = {allocate(count * each * 2, sizeof *outputs.items), 0};
    for (size_t i = 0; i < count; i++) {
        for (size_t kind = 0; kind < each; kind++) {
            outputs.items[outputs.count++] =
                (struct output){heatmap_file(directory, files[i], endings[kind]->overlay), files[i]};
            outputs.items[outputs.count++] =
                (struct output){heatmap_file(directory, files[i], endings[kind]->values), files[i]};
        }
    }
    return outputs;
}

static int compare_outputs(const void *left, const void *right)
{
    return strcmp(((const struct output *)left)->path, ((const struct output *)right)->path);
}

/* Sorts them. */
static int check_names(const struct usage *usage, struct outputs *outputs)
{
    qsort(outputs->items, outputs->count, sizeof *outputs->items, compare_outputs);
    for (size_t i = 1; i < outputs->count; i++) {
        const struct output *one = &outputs->items[i - 1];
        const struct output *other = &outputs->items[i];
        if (compare_outputs(one, other) == 0) {
            return usage_error(usage, "'%s' and '%s' would both be written to %s; rename one or give it apart",
                               one->file, other->file, file_name(one->path));
        }
    }
    return EXIT_DONE;
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

static int check_inputs(const struct usage *usage, const struct outputs *outputs, char **files, size_t count)
{
    struct stat *inputs = allocate(count, sizeof *inputs);
    for (size_t i = 0; i < count; i++) {
        /* A missing input stays all zero, like no file; it is reported where inputs are read. */
        if (stat(files[i], &inputs[i]) != 0) {
            inputs[i] = (struct stat){0};
        }
    }
    int exit_code = EXIT_DONE;
    for (size_t i = 0; i < outputs->count && exit_code == EXIT_DONE; i++) {
        const char *input = find_same_file(outputs->items[i].path, files, inputs, count);
        if (input != NULL) {
            exit_code = usage_error(usage, "the heatmap of '%s' would be written over the input '%s'; change --out",
                                    outputs->items[i].file, input);
        }
    }
    free(inputs);
    return exit_code;
}

int check_heatmap_files(const struct usage *usage, const char *directory, char **files, size_t count, bool all_frames)
{
    struct outputs outputs = list_outputs(directory, files, count, all_frames);
    int exit_code = check_names(usage, &outputs);
    if (exit_code == EXIT_DONE) {
        exit_code = check_inputs(usage, &outputs, files, count);
    }
    for (size_t i = 0; i < outputs.count; i++) {
        free(outputs.items[i].path);
    }
    free(outputs.items);
    return exit_code;
}
