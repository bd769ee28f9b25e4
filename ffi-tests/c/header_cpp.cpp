// The header in C++: included twice, with C linkage, and structs a binding may copy byte by byte.
#include "lesionlens.h"
#include "lesionlens.h"

#include <cstddef>
#include <cstring>
#include <type_traits>

template <typename Options>
constexpr bool starts_with_size = std::is_standard_layout_v<Options> && std::is_trivially_copyable_v<Options> &&
                                  offsetof(Options, struct_size) == 0 &&
                                  std::is_same_v<decltype(Options::struct_size), std::size_t>;

static_assert(starts_with_size<lens_init_options>);
static_assert(starts_with_size<lens_dataset_options>);
static_assert(starts_with_size<lens_classify_options>);
static_assert(starts_with_size<lens_evaluate_options>);
static_assert(starts_with_size<lens_train_options>);
static_assert(starts_with_size<lens_heatmap_options>);
static_assert(starts_with_size<lens_overlay_options>);
static_assert(starts_with_size<lens_progress>);
static_assert(std::is_standard_layout_v<lens_image> && std::is_trivially_copyable_v<lens_image>);
static_assert(std::is_same_v<lens_status, ::int32_t>);

int main()
{
    if (lens_abi_version() != LENS_ABI_VERSION)
        return 1;
    return std::strcmp(lens_status_name(LENS_OK), "LENS_OK") == 0 ? 0 : 1;
}
