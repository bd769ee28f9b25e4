#define _POSIX_C_SOURCE 200809L

#include "files.h"
#include "console.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool files_are_readable(char **files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        if (stat(files[i], &status) != 0 || access(files[i], R_OK) != 0) {
            console_message("cannot read '%s': %s", files[i], strerror(errno));
            return false;
        }
        if (S_ISDIR(status.st_mode)) {
            console_message("cannot read '%s': it is a directory; give image files", files[i]);
            return false;
        }
    }
    return true;
}

static char *parent_directory(const char *path)
{
    size_t length = (size_t)(file_name(path) - path);
    if (length == 0) {
        return copy_text(".", 1);
    }
    return copy_text(path, length > 1 ? length - 1 : length);
}

bool file_can_be_made(const char *option, const char *path)
{
    struct stat status;
    if (file_name(path)[0] == '\0' || (stat(path, &status) == 0 && S_ISDIR(status.st_mode))) {
        console_message("%s '%s' is a directory; give the name of a file", option, path);
        return false;
    }
    char *parent = parent_directory(path);
    const char *reason = NULL;
    if (stat(parent, &status) != 0) {
        reason = errno == ENOENT ? "does not exist; make it first" : strerror(errno);
    } else if (!S_ISDIR(status.st_mode)) {
        reason = "is not a directory";
    } else if (access(parent, W_OK | X_OK) != 0) {
        reason = errno == EACCES ? "may not be written to" : strerror(errno);
    }
    if (reason != NULL) {
        console_message("%s '%s' cannot be written: directory '%s': %s", option, path, parent, reason);
    }
    free(parent);
    return reason == NULL;
}

bool make_directory(const char *path)
{
    char *partial = copy_text(path, strlen(path));
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        /* What cannot be made here shows when its child is made. */
        mkdir(partial, 0777);
        *slash = '/';
    }
    free(partial);
    struct stat status;
    if (mkdir(path, 0777) == 0) {
        return true;
    }
    int reason = errno;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return true;
    }
    console_message("cannot make directory '%s': %s", path, strerror(reason));
    return false;
}

bool is_other_model_format(const char *path)
{
    static const char *const endings[] = {".pt", ".pth", ".pt2", ".onnx"};
    const char *ending = strrchr(file_name(path), '.');
    for (size_t i = 0; ending != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(ending, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}
