#include "common_options.h"
#include "lesionlens.h"

const struct choice device_choices[] = {
    {"auto", LENS_DEVICE_AUTO}, {"cpu", LENS_DEVICE_CPU}, {"cuda", LENS_DEVICE_CUDA}, {"rocm", LENS_DEVICE_ROCM}, {0},
};
