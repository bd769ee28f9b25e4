/* From the text of an option's value to the value. */

#ifndef LENS_HOST_OPTION_VALUE_H
#define LENS_HOST_OPTION_VALUE_H

#include "arguments.h"

/* Stores the value (NULL for options that take none), or reports why it cannot be stored; returns an exit code. */
int option_store(const struct usage *usage, const struct option *option, const char *value);

#endif
