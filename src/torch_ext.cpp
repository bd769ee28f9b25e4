// What tch does not bind. No exception leaves this file.

#include <ATen/Version.h>

#include <string>

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
