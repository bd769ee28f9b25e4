// What the C++ files have in common.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <exception>
#include <string>

namespace lens_ext {

inline thread_local std::string last_error;

// libtorch would print its warnings, which a library in another program's process must not.
struct Silence final : c10::WarningHandler {
    void process(const c10::Warning &) override {}
};
inline Silence silence;

// 0, or 1 with the message left for lens_ext_error().
template <typename Work>
int guarded(Work &&work) noexcept {
    try {
        c10::WarningUtils::WarningHandlerGuard guard(&silence);
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
