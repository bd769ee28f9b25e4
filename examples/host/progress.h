/* How far a long call is: a bar on a terminal, a line now and then elsewhere. */

#ifndef LENS_HOST_PROGRESS_H
#define LENS_HOST_PROGRESS_H

#include "lesionlens.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is shown at one moment. */
struct progress_view {
    const char *activity;
    uint32_t epoch;
    uint32_t epochs;
    uint64_t done;
    uint64_t total;
    double share; /* of the activity, 0 to 1 */
    double loss;
    double metric;
    double seconds_left; /* negative: unknown */
};

struct progress {
    bool quiet;
    const char *metric_name; /* what lens_progress.metric is; NULL: not shown */

    /* Jobs on many files are done in several calls; then files are shown instead of the call's own items.
       files_total 0: the call is the whole job. */
    uint64_t files_before;
    uint64_t files_in_call;
    uint64_t files_total;

    bool terminal;
    bool started;
    bool last_is_shown;
    double start_time;
    double shown_time;
    struct progress_view last;
};

void progress_begin(struct progress *progress, bool quiet);

/* A lens_progress_fn; user_data is a progress *. Stops the call when Ctrl-C was pressed. */
int32_t progress_callback(const struct lens_progress *update, void *user_data);

/* The same for work that the program does itself. */
void progress_step(struct progress *progress, const char *activity, uint64_t done, uint64_t total);

/* Leaves the drawn line. */
void progress_end(struct progress *progress);

#endif
