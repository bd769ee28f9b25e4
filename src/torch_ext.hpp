// What the C++ files have in common.
#pragma once

#include <ATen/core/Tensor.h>

#include <exception>
#include <string>

namespace lens_ext {

inline thread_local std::string last_error;

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

inline const at::Tensor &tensor(const void *pointer) {
    return *static_cast<const at::Tensor *>(pointer);
}

}  // namespace lens_ext
