/* Rows of the option tables that several subcommands share. */

#ifndef LENS_HOST_COMMON_OPTIONS_H
#define LENS_HOST_COMMON_OPTIONS_H

#include "arguments.h"

extern const struct choice device_choices[];
extern const struct choice method_choices[];
extern const struct choice edge_choices[];
extern const struct choice blend_choices[];
extern const struct choice engine_choices[];
extern const struct choice rocm_tuning_choices[];
extern const struct choice switch_choices[];

/* clang-format off */

/* path: a const char **. */
#define MODEL_OPTION(path)                                                                                            \
    {.name = "--model", .value_name = "MODEL", .help = "the model's file", .kind = OPTION_TEXT, .target = (path),     \
     .required = true}

/* number: a float *; default_words: the default in words, NULL when it is what number holds. */
#define THRESHOLD_OPTION(number, default_words)                                                                       \
    {.name = "--threshold", .value_name = "X", .help = "an image is positive above this probability, 0 to 1",         \
     .kind = OPTION_FLOAT, .target = (number), .minimum = 0, .maximum = 1, .default_text = (default_words)}

/* number: a uint32_t *. */
#define FRAME_OPTION(number)                                                                                          \
    {.name = "--frame", .value_name = "N", .help = "frame of every file, from 0; for multi-frame files",              \
     .kind = OPTION_UINT32, .target = (number), .minimum = 0, .maximum = 1e9}

/* heatmap: a struct lens_heatmap_options *; size: a struct image_size *. */
#define HEATMAP_OPTIONS(heatmap, size)                                                                                \
    {.name = "--method", .value_name = "tiles|cam|grad-cam++|occlusion",                                              \
     .help = "which parts are positive alone; which push the whole up or down; where evidence is; what it falls "     \
             "without",                                                                                               \
     .kind = OPTION_CHOICE, .target = &(heatmap)->method, .choices = method_choices},                                 \
    {.name = "--tile", .value_name = "PX", .help = "width and height of a tile, 32 to 4096", .kind = OPTION_UINT32,   \
     .target = &(heatmap)->tile_size, .minimum = 32, .maximum = 4096},                                                \
    {.name = "--stride", .value_name = "PX",                                                                          \
     .help = "distance of tiles, at most the tile's width; 0: three quarters of it", .kind = OPTION_UINT32,           \
     .target = &(heatmap)->stride, .minimum = 0, .maximum = 4096},                                                    \
    {.name = "--edge", .value_name = "cover|reference",                                                               \
     .help = "a last row and column of tiles flush with the border, or none", .kind = OPTION_CHOICE,                  \
     .target = &(heatmap)->edge, .choices = edge_choices},                                                            \
    {.name = "--blend", .value_name = "mean|gaussian", .help = "how tiles are weighted where they overlap",           \
     .kind = OPTION_CHOICE, .target = &(heatmap)->blend, .choices = blend_choices},                                   \
    {.name = "--scale", .value_name = "X", .help = "resample images by this before tiling, above 0 and at most 16",   \
     .kind = OPTION_DOUBLE, .target = &(heatmap)->scale, .minimum = 0, .maximum = 16, .above_minimum = true},         \
    {.name = "--resize", .value_name = "WxH", .help = "resize images to this before tiling, such as 128x128",         \
     .kind = OPTION_SIZE, .target = (size), .minimum = 1, .maximum = 65536, .default_text = "by --scale"}

/* dataset: a struct lens_dataset_options *. */
#define DATASET_OPTIONS(dataset)                                                                                      \
    {.name = "--positive", .value_name = "NAME", .help = "label or folder of the positive class",                     \
     .kind = OPTION_TEXT, .target = &(dataset)->positive_class,                                                       \
     .default_text = "label 1, or the second of two folders"},                                                        \
    {.name = "--skip-unreadable", .help = "leave out files that cannot be read, and count them",                      \
     .kind = OPTION_SET, .target = &(dataset)->on_unreadable, .set_value = LENS_ON_UNREADABLE_SKIP}

/* setting: a setting *. */
#define SETTING_OPTIONS(setting)                                                                                      \
    {.name = "--device", .value_name = "auto|cpu|cuda|rocm", .help = "where to compute", .kind = OPTION_CHOICE,       \
     .target = &(setting)->init.device, .choices = device_choices},                                                   \
    {.name = "--rocm-tuning", .value_name = "auto|reference|off", .help = "environment variables for AMD GPUs",       \
     .kind = OPTION_CHOICE, .target = &(setting)->init.rocm_tuning, .choices = rocm_tuning_choices},                  \
    {.name = "--gpu-memory", .value_name = "X", .help = "share of the GPU's memory that may be taken, 0 to 1",        \
     .kind = OPTION_DOUBLE, .target = &(setting)->init.memory_fraction, .minimum = 0, .maximum = 1,                   \
     .default_text = "0.85 on AMD, 1 on NVIDIA"},                                                                     \
    {.name = "--tf32", .value_name = "auto|on|off", .help = "TF32 on NVIDIA GPUs", .kind = OPTION_CHOICE,             \
     .target = &(setting)->init.tf32, .choices = switch_choices},                                                     \
    {.name = "--benchmark", .value_name = "auto|on|off", .help = "time convolution algorithms on GPUs",               \
     .kind = OPTION_CHOICE, .target = &(setting)->init.benchmark, .choices = switch_choices},                         \
    {.name = "--compiled-graph", .value_name = "auto|on|off", .help = "run the compiled network that a model's file has",\
     .kind = OPTION_CHOICE, .target = &(setting)->init.compiled_graph, .choices = switch_choices},                    \
    {.name = "--threads", .value_name = "N", .help = "CPU threads, 1 to 1024", .kind = OPTION_UINT32,                 \
     .target = &(setting)->init.threads, .minimum = 1, .maximum = 1024,                                               \
     .default_text = "as many as the process may use"},                                                               \
    {.name = "--engine", .value_name = "auto|torch|plan|plan-avx2|plan-portable",                                     \
     .help = "what computes the network but in training", .kind = OPTION_CHOICE,                                      \
     .target = &(setting)->init.engine, .choices = engine_choices},                                                   \
    {.name = "--json", .help = "print one JSON document instead of text", .kind = OPTION_FLAG,                        \
     .target = &(setting)->json},                                                                                     \
    {.name = "--quiet", .help = "show no progress", .kind = OPTION_FLAG, .target = &(setting)->quiet}

/* clang-format on */

#endif
