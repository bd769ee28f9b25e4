// What tch does not bind. No exception leaves this file.

#include "torch_ext.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUFunctions.h>
#include <ATen/TensorIterator.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include <memory>
#include <string>

using lens_ext::guarded;
using lens_ext::tensor;

namespace {

at::Tensor matrix(const float *data, const int64_t *layout) {
    return at::from_blob(const_cast<float *>(data), {layout[0], layout[1]}, {layout[2], layout[3]}, at::kFloat);
}

}  // namespace

// Why this thread's last call failed.
extern "C" const char *lens_ext_error() noexcept {
    return lens_ext::last_error.c_str();
}

// The version of the loaded library, not of the headers. at::show_config() tells it, too, but asks for GPUs, and
// libtorch remembers that there were none before its GPU half was loaded.
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

// Runs task(context, index) for each index below count in libtorch's own thread pool. An iterator over a tensor reaches
// that pool without linking an OpenMP runtime, of which the process must have only one. task must not throw.
extern "C" int lens_ext_parallel(int64_t count, void (*task)(void *, int64_t), void *context) noexcept {
    return guarded([&] {
        c10::InferenceMode guard;
        at::Tensor indices = at::empty({count}, at::kByte);
        const char *first = static_cast<const char *>(indices.data_ptr());
        auto iterator = at::TensorIterator::nullary_op(indices);
        iterator.for_each(
            [&](char **data, const int64_t *, int64_t size) {
                const int64_t begin = data[0] - first;
                for (int64_t index = begin; index < begin + size; ++index) task(context, index);
            },
            1);
    });
}

// So many floats in memory that a GPU copies from while the host goes on. Tensor.pin_memory() would copy, and warns.
extern "C" int lens_ext_page_locked(int64_t count, at::Tensor **floats) noexcept {
    return guarded([&] {
        *floats = new at::Tensor(at::empty({count}, at::TensorOptions().dtype(at::kFloat).pinned_memory(true)));
    });
}

// result = left * right, or result += left * right. A layout is rows, columns, and the steps of both in elements.
extern "C" int lens_ext_multiply(const float *left, const int64_t *left_layout, const float *right,
                                 const int64_t *right_layout, float *result, const int64_t *result_layout,
                                 bool accumulate) noexcept {
    return guarded([&] {
        c10::InferenceMode guard;
        at::Tensor target = matrix(result, result_layout);
        const at::Tensor a = matrix(left, left_layout), b = matrix(right, right_layout);
        if (accumulate)
            at::cpu::addmm_(target, a, b);
        else
            at::cpu::mm_out(target, a, b);
    });
}

// Gradients of a square convolution without bias: of its input, unless input_gradient is null, and of its weight.
extern "C" int lens_ext_convolution_backward(const void *gradient, const void *input, const void *weight,
                                             int64_t stride, int64_t padding, at::Tensor **input_gradient,
                                             at::Tensor **weight_gradient) noexcept {
    return guarded([&] {
        c10::NoGradGuard guard;
        auto [of_input, of_weight, of_bias] =
            at::convolution_backward(tensor(gradient), tensor(input), tensor(weight), std::nullopt, {stride, stride},
                                     {padding, padding}, {1, 1}, false, {0, 0}, 1,
                                     {input_gradient != nullptr, true, false});
        auto weight_owner = std::make_unique<at::Tensor>(std::move(of_weight));
        if (input_gradient) *input_gradient = new at::Tensor(std::move(of_input));
        *weight_gradient = weight_owner.release();
    });
}
