#include "progress_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR_MINIMUM = 10, BAR_MAXIMUM = 40 };

/* Parts of a line in order of appearance. */
enum { COUNTS, LOSS, METRIC, TIME_LEFT, PART_COUNT };

struct parts {
    char head[64];
    char part[PART_COUNT][64];
    int percent;
};

void write_duration(char *text, size_t size, double seconds)
{
    uint64_t whole = seconds < 1e15 ? (uint64_t)(seconds + 0.5) : UINT64_C(1000000000000000);
    if (whole < 60) {
        snprintf(text, size, "%" PRIu64 " s", whole);
    } else if (whole < 3600) {
        snprintf(text, size, "%" PRIu64 " min %02" PRIu64 " s", whole / 60, whole % 60);
    } else if (whole < 86400) {
        snprintf(text, size, "%" PRIu64 " h %02" PRIu64 " min", whole / 3600, whole / 60 % 60);
    } else {
        snprintf(text, size, "%" PRIu64 " d %02" PRIu64 " h", whole / 86400, whole / 3600 % 24);
    }
}

static struct parts make_parts(const struct progress_view *view, const char *metric_name)
{
    struct parts parts = {0};
    if (view->epoch > 0) {
        snprintf(parts.head, sizeof parts.head, "epoch %" PRIu32 "/%" PRIu32 " %s", view->epoch, view->epochs,
                 view->activity);
    } else {
        snprintf(parts.head, sizeof parts.head, "%s", view->activity);
    }
    parts.percent = (int)(view->share * 100);
    snprintf(parts.part[COUNTS], sizeof parts.part[COUNTS], "%" PRIu64 "/%" PRIu64, view->done, view->total);
    if (isfinite(view->loss)) {
        snprintf(parts.part[LOSS], sizeof parts.part[LOSS], "loss %.4f", view->loss);
    }
    if (metric_name != NULL && isfinite(view->metric)) {
        snprintf(parts.part[METRIC], sizeof parts.part[METRIC], "%s %.4f", metric_name, view->metric);
    }
    if (view->seconds_left >= 0) {
        char duration[48];
        write_duration(duration, sizeof duration, view->seconds_left);
        snprintf(parts.part[TIME_LEFT], sizeof parts.part[TIME_LEFT], "%s left", duration);
    }
    return parts;
}

/* Columns of everything but the bar. */
static size_t text_width(const struct parts *parts)
{
    size_t width = strlen(parts->head) + strlen("  100 %");
    for (int i = 0; i < PART_COUNT; i++) {
        if (parts->part[i][0] != '\0') {
            width += 2 + strlen(parts->part[i]);
        }
    }
    return width;
}

/* Leaves out parts until the text fits, the least important first. */
static void make_fit(struct parts *parts, size_t columns, size_t bar_columns)
{
    static const int dispensable[] = {METRIC, LOSS, COUNTS};
    for (size_t i = 0; i < sizeof dispensable / sizeof dispensable[0]; i++) {
        if (text_width(parts) + bar_columns > columns) {
            parts->part[dispensable[i]][0] = '\0';
        }
    }
    /* The time left matters more than the bar, so it only goes when even that does not make room for it. */
    if (text_width(parts) > columns) {
        parts->part[TIME_LEFT][0] = '\0';
    }
}

void write_bar(char *text, size_t size, const struct progress_view *view, const char *metric_name, size_t columns)
{
    static const char full[] = "########################################";
    static const char empty[] = "----------------------------------------";
    struct parts parts = make_parts(view, metric_name);
    /* A character in the last column makes some terminals wrap. */
    size_t available = columns > 0 ? columns - 1 : 0;
    size_t brackets = strlen("  []");
    make_fit(&parts, available, brackets + BAR_MINIMUM);
    size_t used = text_width(&parts) + brackets;
    size_t bar = used + BAR_MINIMUM > available ? 0 : available - used;
    bar = bar > BAR_MAXIMUM ? BAR_MAXIMUM : bar;
    int filled = (int)(view->share * (double)bar);

    size_t length = (size_t)snprintf(text, size, "%s", parts.head);
    if (bar > 0) {
        length += (size_t)snprintf(text + length, size - length, "  [%.*s%.*s]", filled, full, (int)bar - filled,
                                   empty);
    }
    length += (size_t)snprintf(text + length, size - length, "  %3d %%", parts.percent);
    for (int i = 0; i < PART_COUNT; i++) {
        if (parts.part[i][0] != '\0') {
            length += (size_t)snprintf(text + length, size - length, "  %s", parts.part[i]);
        }
    }
    if (available < size) {
        text[available < length ? available : length] = '\0';
    }
}

void write_line(char *text, size_t size, const struct progress_view *view, const char *metric_name)
{
    struct parts parts = make_parts(view, metric_name);
    size_t length = (size_t)snprintf(text, size, "%s: %s (%d %%)", parts.head, parts.part[COUNTS], parts.percent);
    for (int i = COUNTS + 1; i < PART_COUNT; i++) {
        if (parts.part[i][0] != '\0') {
            length += (size_t)snprintf(text + length, size - length, ", %s", parts.part[i]);
        }
    }
}
