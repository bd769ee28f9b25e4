/* Image files, a group at a time: all pictures of a long list would not fit into memory. */

#ifndef LENS_HOST_PICTURES_H
#define LENS_HOST_PICTURES_H

#include "lesionlens.h"

#include <stddef.h>

enum { PICTURES_LIMIT = 64 };

/* Zeroed when empty. */
struct picture_group {
    size_t count;
    struct lens_image_file *pictures[PICTURES_LIMIT];
    struct lens_image images[PICTURES_LIMIT];
};

/* Decodes a frame, from 0, of each of at most PICTURES_LIMIT files. Returns an exit code; when it is not EXIT_DONE, the
   failure is reported and the group is empty. */
int pictures_load(struct picture_group *group, char **files, size_t count, uint32_t frame);

/* The same for frames of one file, from first on. */
int pictures_load_frames(struct picture_group *group, const char *file, uint32_t first, size_t count);

void pictures_free(struct picture_group *group);

#endif
