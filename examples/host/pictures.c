#include "pictures.h"
#include "commands.h"
#include "interrupt.h"
#include "setting.h"

static int load_one(struct picture_group *group, const char *file, uint32_t frame)
{
    if (interrupt_requested()) {
        return cancelled();
    }
    struct lens_image_file **picture = &group->pictures[group->count];
    struct lens_image *image = &group->images[group->count];
    lens_status status = lens_image_file_load(file, frame, picture);
    if (status == LENS_OK) {
        group->count++;
        status = lens_image_file_view(*picture, image);
    }
    return status == LENS_OK ? EXIT_DONE : library_failure(status, file);
}

int pictures_load(struct picture_group *group, char **files, size_t count, uint32_t frame)
{
    *group = (struct picture_group){0};
    for (size_t i = 0; i < count; i++) {
        int exit_code = load_one(group, files[i], frame);
        if (exit_code != EXIT_DONE) {
            pictures_free(group);
            return exit_code;
        }
    }
    return EXIT_DONE;
}

int pictures_load_frames(struct picture_group *group, const char *file, uint32_t first, size_t count)
{
    *group = (struct picture_group){0};
    for (size_t i = 0; i < count; i++) {
        int exit_code = load_one(group, file, first + (uint32_t)i);
        if (exit_code != EXIT_DONE) {
            pictures_free(group);
            return exit_code;
        }
    }
    return EXIT_DONE;
}

void pictures_free(struct picture_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        lens_image_file_free(group->pictures[i]);
    }
    group->count = 0;
}
