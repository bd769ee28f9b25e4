/* Checks on files and directories that keep long work from being lost. */

#ifndef LENS_HOST_FILES_H
#define LENS_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* False, with a message, when one of the files is missing or may not be read. */
bool files_are_readable(char **files, size_t count);

/* False, with a message, when a file of that name cannot be made; option is what the user gave the path with. */
bool file_can_be_made(const char *option, const char *path);

/* Makes a directory with its parents; no failure when it is there. False, with a message. */
bool make_directory(const char *path);

/* The part of a path behind the last slash. */
const char *file_name(const char *path);

/* Programs go by the ending, so a safetensors file must not bear that of another model format. */
bool is_other_model_format(const char *path);

#endif
