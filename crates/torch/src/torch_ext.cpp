// What tch does not bind. No exception leaves this file.

#include "torch_ext.hpp"

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include <string>

using lens_ext::guarded;
using lens_ext::tensor;

// Why this thread's last call failed.
extern "C" const char *lens_ext_error() noexcept {
    return lens_ext::last_error.c_str();
}

// The version of the loaded library, not of the headers. at::show_config() tells it, too, but asks for GPUs, and
// libtorch remembers that there were none before its GPU library was loaded.
extern "C" const char *lens_ext_torch_version() noexcept {
    static const std::string version = [] {
        const uint64_t number = aoti_torch_abi_version();
        const auto byte = [&](int shift) { return std::to_string(number >> shift & 0xff); };
        return byte(56) + "." + byte(48) + "." + byte(40);
    }();
    return version.c_str();
}

// An address inside the loaded library, to ask the dynamic linker which file that is.
extern "C" const void *lens_ext_torch_address() noexcept {
    return reinterpret_cast<const void *>(&at::show_config);
}

// Turns this thread's automatic mixed precision on: half 0 is bfloat16, 1 is float16. `was` receives what
// lens_ext_autocast_leave() needs.
extern "C" int lens_ext_autocast_enter(const void *where, int half, int was[2]) noexcept {
    return guarded([&] {
        const auto device = tensor(where).device().type();
        was[0] = at::autocast::is_autocast_enabled(device);
        was[1] = static_cast<int>(at::autocast::get_autocast_dtype(device));
        at::autocast::set_autocast_dtype(device, half == 0 ? at::kBFloat16 : at::kHalf);
        at::autocast::set_autocast_enabled(device, true);
        at::autocast::increment_nesting();
    });
}

extern "C" int lens_ext_autocast_leave(const void *where, const int was[2]) noexcept {
    return guarded([&] {
        const auto device = tensor(where).device().type();
        if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(device, was[0] != 0);
        at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(was[1]));
    });
}

// Multiplies the gradients by inverse_scale in place, and sets found_non_finite to 1 when one of them is not finite.
extern "C" int lens_ext_unscale(const void *gradients, const void *found_non_finite, const void *inverse_scale) noexcept {
    return guarded([&] {
        auto found = tensor(found_non_finite);
        at::_amp_foreach_non_finite_check_and_unscale_({tensor(gradients)}, found, tensor(inverse_scale));
    });
}

// So many floats in memory that a GPU copies from while the processor goes on. Tensor.pin_memory() would copy, and warns.
extern "C" int lens_ext_page_locked(int64_t count, at::Tensor **floats) noexcept {
    return guarded([&] {
        *floats = new at::Tensor(at::empty({count}, at::TensorOptions().dtype(at::kFloat).pinned_memory(true)));
    });
}
