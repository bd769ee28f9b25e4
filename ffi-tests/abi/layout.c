/* Sizes, offsets and constants as layout.inc has them; the library that is loaded knows structs of the same sizes. */
#include "lesionlens.h"
#include "lesionlens.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(void *) == 8 && sizeof(long) == 8, "layout.inc was written for LP64");

#define LENS_SIZE(type, size) _Static_assert(sizeof(type) == (size), "sizeof(" #type ") is not " #size);
#define LENS_OFFSET(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " is not at byte " #offset);
#define LENS_VALUE(name, value) _Static_assert((name) == (value), #name " is not " #value);
#define LENS_OPTIONS(type)
#include "layout.inc"
#undef LENS_SIZE
#undef LENS_OFFSET
#undef LENS_VALUE
#undef LENS_OPTIONS

/* Room behind the struct: a library that writes more than this header declares must be seen, not crash the test. */
#define LENS_SIZE(type, size)
#define LENS_OFFSET(type, field, offset)
#define LENS_VALUE(name, value)
#define LENS_OPTIONS(type)                                                                                 \
    {                                                                                                      \
        union {                                                                                            \
            type options;                                                                                  \
            unsigned char bytes[sizeof(type) + 256];                                                       \
        } room;                                                                                            \
        memset(&room, 0xA5, sizeof room);                                                                  \
        type##_init(&room.options);                                                                        \
        if (room.options.struct_size != sizeof(type) || room.bytes[sizeof(type)] != 0xA5) {                \
            fprintf(stderr, "layout: " #type " has %zu bytes in the header, %zu in the library\n",         \
                    sizeof(type), room.options.struct_size);                                               \
            failures++;                                                                                    \
        }                                                                                                  \
    }

int main(void)
{
    int failures = 0;
#include "layout.inc"
    return failures == 0 ? 0 : 1;
}
