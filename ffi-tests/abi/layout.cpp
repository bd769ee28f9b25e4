// The same layout in C++, from C++11 on.
#include "lesionlens.h"
#include "lesionlens.h"

#include <cstddef>
#include <type_traits>

#define LENS_SIZE(type, size)                                                  \
    static_assert(sizeof(type) == (size), "sizeof(" #type ") is not " #size);  \
    static_assert(std::is_standard_layout<type>::value, #type " has no C layout");
#define LENS_OFFSET(type, field, offset) \
    static_assert(offsetof(type, field) == (offset), #type "." #field " is not at byte " #offset);
#define LENS_VALUE(name, value) static_assert((name) == (value), #name " is not " #value);
#define LENS_OPTIONS(type) static_assert(offsetof(type, struct_size) == 0, #type " does not begin with struct_size");
#include "layout.inc"
