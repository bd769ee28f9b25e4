#include "memory.h"
#include "commands.h"
#include "console.h"

#include <stdlib.h>
#include <string.h>

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        console_message("out of memory: cannot have %zu x %zu bytes", count, size);
        exit(EXIT_FAILED);
    }
    return memory;
}

char *copy_text(const char *text, size_t length)
{
    char *copy = allocate(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}
