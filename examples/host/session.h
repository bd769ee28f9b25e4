/* What every subcommand has: its common options, the library's context, and how the library's failures are told. */

#ifndef LENS_HOST_SESSION_H
#define LENS_HOST_SESSION_H

#include "lesionlens.h"

#include <stdbool.h>

struct session {
    struct lens_init_options init;
    bool json;
    bool quiet;
    struct lens_context *context;
};

void session_defaults(struct session *session);

/* Makes the context; returns an exit code. */
int session_start(struct session *session);
void session_end(struct session *session);

/* Reports a failed call of the library, just after it; returns the exit code. The file it was about is named if the
   library's message does not; NULL: no single file. */
int library_failure(lens_status status, const char *file);

/* Reports that Ctrl-C stopped the program; returns the exit code. */
int cancelled(void);

#endif
