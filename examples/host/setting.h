/* What every subcommand has: its common options, the library's context, and how the library's failures are told. */

#ifndef LENS_HOST_SETTING_H
#define LENS_HOST_SETTING_H

#include "lesionlens.h"

#include <stdbool.h>

struct setting {
    struct lens_init_options init;
    bool json;
    bool quiet;
    struct lens_context *context;
};

void setting_defaults(struct setting *setting);

/* Makes the context; returns an exit code. */
int setting_start(struct setting *setting);
void setting_end(struct setting *setting);

/* Reports a failed call of the library, just after it; returns the exit code. The file it was about is named if the
   library's message does not; NULL: no single file. */
int library_failure(lens_status status, const char *file);

/* Reports that Ctrl-C stopped the program; returns the exit code. */
int cancelled(void);

#endif
