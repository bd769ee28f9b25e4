#include "common_options.h"
#include "lesionlens.h"

const struct choice device_choices[] = {
    {"auto", LENS_DEVICE_AUTO}, {"cpu", LENS_DEVICE_CPU}, {"cuda", LENS_DEVICE_CUDA}, {"rocm", LENS_DEVICE_ROCM}, {0},
};

const struct choice rocm_tuning_choices[] = {
    {"auto", LENS_ROCM_TUNING_AUTO}, {"reference", LENS_ROCM_TUNING_REFERENCE}, {"off", LENS_ROCM_TUNING_OFF}, {0},
};

const struct choice switch_choices[] = {{"auto", -1}, {"on", 1}, {"off", 0}, {0}};
