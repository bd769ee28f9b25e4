/* The header serves programs that are still C89, and may be included twice. */
#include "lesionlens.h"
#include "lesionlens.h"

/* A negative array size is C89's static assertion. */
#define STARTS_WITH_SIZE(type) typedef char type##_starts_with_size[offsetof(type, struct_size) == 0 ? 1 : -1]

STARTS_WITH_SIZE(lens_init_options);
STARTS_WITH_SIZE(lens_dataset_options);
STARTS_WITH_SIZE(lens_classify_options);
STARTS_WITH_SIZE(lens_evaluate_options);
STARTS_WITH_SIZE(lens_calibrate_options);
STARTS_WITH_SIZE(lens_train_options);
STARTS_WITH_SIZE(lens_heatmap_options);
STARTS_WITH_SIZE(lens_overlay_options);
STARTS_WITH_SIZE(lens_progress);

/* The sizes that every other language's binding relies on. */
typedef char lens_status_has_32_bits[sizeof(lens_status) == 4 ? 1 : -1];
typedef char lens_prediction_is_packed[sizeof(lens_prediction) == 16 ? 1 : -1];
typedef char lens_tile_is_packed[sizeof(lens_tile) == 24 ? 1 : -1];

int main(void)
{
    return lens_abi_version() == LENS_ABI_VERSION ? 0 : 1;
}
