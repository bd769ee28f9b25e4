// What tch does not bind. No exception leaves this file.

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>

#include <exception>
#include <string>

namespace {

thread_local std::string last_error;

// 0, or 1 with the message left for lens_ext_error().
template <typename Work>
int guarded(Work &&work) noexcept {
    try {
        work();
        return 0;
    } catch (const std::exception &error) {
        last_error = error.what();
    } catch (...) {
        last_error = "an exception that is no std::exception";
    }
    return 1;
}

const at::Tensor &tensor(const void *pointer) {
    return *static_cast<const at::Tensor *>(pointer);
}

}  // namespace

// Why this thread's last call failed.
extern "C" const char *lens_ext_error() noexcept {
    return last_error.c_str();
}

// The version of the loaded library, not of the headers: found in libtorch's own description of its build.
extern "C" const char *lens_ext_torch_version() noexcept {
    static const std::string version = []() -> std::string {
        try {
            const std::string description = at::show_config();
            const std::string key = "TORCH_VERSION=";
            const auto begin = description.find(key);
            if (begin == std::string::npos) return "unknown";
            const auto value = begin + key.size();
            return description.substr(value, description.find_first_of(", \n", value) - value);
        } catch (...) {
            return "unknown";
        }
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
