/* Memory for the program's own small needs. */

#ifndef LENS_HOST_MEMORY_H
#define LENS_HOST_MEMORY_H

#include <stddef.h>

/* Zeroed memory, freed with free(); never NULL: without memory for its lists the program ends with exit code 1. */
void *allocate(size_t count, size_t size);

/* A copy of the first length bytes of text, with a NUL behind them. */
char *copy_text(const char *text, size_t length);

#endif
