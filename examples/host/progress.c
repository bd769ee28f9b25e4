#define _POSIX_C_SOURCE 200809L

#include "progress.h"
#include "console.h"
#include "interrupt.h"
#include "progress_text.h"

#include <math.h>
#include <time.h>

static const double terminal_interval = 0.1;
static const double line_interval = 5.0;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.quiet = quiet, .terminal = console_is_terminal(), .start_time = seconds_now()};
}

static void draw(struct progress *progress, const struct progress_view *view)
{
    /* Holds the longest line: a bar of at most 40 columns, and five parts of less than 64. */
    char text[512];
    if (progress->terminal) {
        write_bar(text, sizeof text, view, progress->metric_name, console_columns());
        console_draw_line(text);
    } else {
        write_line(text, sizeof text, view, progress->metric_name);
        console_message("%s", text);
    }
    progress->shown_time = seconds_now();
}

static bool is_complete(const struct progress_view *view)
{
    return view->total > 0 && view->done >= view->total;
}

void progress_end(struct progress *progress)
{
    progress->started = false;
    console_end_line();
}

static void show(struct progress *progress, const struct progress_view *view)
{
    if (progress->quiet) {
        return;
    }
    const struct progress_view *last = &progress->last;
    /* Activities are string constants, so their addresses tell them apart. An activity may come twice in a row, as
       reading the training and then the validation images. */
    bool same = progress->started && view->activity == last->activity && view->epoch == last->epoch &&
                view->total == last->total && view->done >= last->done;
    if (progress->started && !same) {
        if (!progress->last_is_shown) {
            draw(progress, last);
        }
        progress_end(progress);
    }
    bool first = progress->shown_time == 0;
    bool end = is_complete(view) && !(same && progress->last_is_shown && is_complete(last));
    double interval = progress->terminal ? terminal_interval : line_interval;
    bool due = first || end || seconds_now() - progress->shown_time >= interval;
    if (due) {
        draw(progress, view);
    }
    /* A later report of an end that was shown already is shown, too. */
    progress->last_is_shown = due || (same && progress->last_is_shown && is_complete(last) && is_complete(view));
    progress->last = *view;
    progress->started = true;
}

static double share_of(uint64_t done, uint64_t total)
{
    return total == 0 ? 0 : done >= total ? 1 : (double)done / (double)total;
}

static double estimate_seconds_left(const struct progress *progress, double share)
{
    return share > 0 ? (seconds_now() - progress->start_time) * (1 - share) / share : -1;
}

static const char *activity_of(lens_phase phase)
{
    switch (phase) {
    case LENS_PHASE_LOAD:
        return "reading images";
    case LENS_PHASE_TRAIN:
        return "training";
    case LENS_PHASE_VALIDATE:
        return "validating";
    case LENS_PHASE_CLASSIFY:
        return "classifying";
    case LENS_PHASE_HEATMAP:
        return "drawing heatmaps";
    case LENS_PHASE_EVALUATE:
        return "evaluating";
    default:
        return "working";
    }
}

int32_t progress_callback(const struct lens_progress *update, void *user_data)
{
    struct progress *progress = user_data;
    struct progress_view view = {
        .activity = activity_of(update->phase),
        .epoch = update->epoch,
        .epochs = update->epochs,
        .done = update->done,
        .total = update->total,
        .share = share_of(update->done, update->total),
        .loss = update->loss,
        .metric = update->metric,
        .seconds_left = update->seconds_left,
    };
    if (progress->files_total > 0) {
        double files_done = (double)progress->files_before + view.share * (double)progress->files_in_call;
        view.share = files_done / (double)progress->files_total;
        view.done = (uint64_t)files_done;
        view.total = progress->files_total;
        view.seconds_left = estimate_seconds_left(progress, view.share);
    }
    show(progress, &view);
    return interrupt_requested() ? 1 : 0;
}

void progress_step(struct progress *progress, const char *activity, uint64_t done, uint64_t total)
{
    double share = share_of(done, total);
    struct progress_view view = {
        .activity = activity,
        .done = done,
        .total = total,
        .share = share,
        .loss = NAN,
        .metric = NAN,
        .seconds_left = estimate_seconds_left(progress, share),
    };
    show(progress, &view);
}
