#include "common_options.h"
#include "lesionlens.h"

const struct choice device_choices[] = {
    {"auto", LENS_DEVICE_AUTO}, {"cpu", LENS_DEVICE_CPU}, {"cuda", LENS_DEVICE_CUDA}, {"rocm", LENS_DEVICE_ROCM}, {0},
};

const struct choice engine_choices[] = {
    {"auto", LENS_ENGINE_AUTO},
    {"torch", LENS_ENGINE_TORCH},
    {"plan", LENS_ENGINE_PLAN},
    {"plan-avx2", LENS_ENGINE_PLAN_AVX2},
    {"plan-portable", LENS_ENGINE_PLAN_PORTABLE},
    {0},
};
