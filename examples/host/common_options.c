#include "common_options.h"
#include "lesionlens.h"

const struct choice device_choices[] = {
    {"auto", LENS_DEVICE_AUTO}, {"cpu", LENS_DEVICE_CPU}, {"cuda", LENS_DEVICE_CUDA}, {"rocm", LENS_DEVICE_ROCM}, {0},
};

const struct choice method_choices[] = {
    {"tiles", LENS_HEATMAP_METHOD_TILES}, {"cam", LENS_HEATMAP_METHOD_CAM},
    {"grad-cam++", LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS}, {"occlusion", LENS_HEATMAP_METHOD_OCCLUSION}, {0}};
const struct choice edge_choices[] = {{"cover", LENS_EDGE_COVER}, {"reference", LENS_EDGE_REFERENCE}, {0}};
const struct choice blend_choices[] = {{"mean", LENS_BLEND_MEAN}, {"gaussian", LENS_BLEND_GAUSSIAN}, {0}};
const struct choice engine_choices[] = {
    {"auto", LENS_ENGINE_AUTO},
    {"torch", LENS_ENGINE_TORCH},
    {"plan", LENS_ENGINE_PLAN},
    {"plan-avx2", LENS_ENGINE_PLAN_AVX2},
    {"plan-portable", LENS_ENGINE_PLAN_PORTABLE},
    {0},
};
const struct choice rocm_tuning_choices[] = {
    {"auto", LENS_ROCM_TUNING_AUTO}, {"reference", LENS_ROCM_TUNING_REFERENCE}, {"off", LENS_ROCM_TUNING_OFF}, {0},
};

const struct choice switch_choices[] = {{"auto", -1}, {"on", 1}, {"off", 0}, {0}};
