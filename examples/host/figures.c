#include "figures.h"
#include "json_read.h"
#include "progress_text.h"

#include <stdio.h>
#include <stdlib.h>

void print_text_figure(const char *name, const char *text)
{
    printf("%-18s%s\n", name, text);
}

void print_figure(const char *name, const char *document, const char *path, const char *reason_path)
{
    const char *value = json_find(document, path);
    double number = 0;
    if (value == NULL) {
        return;
    }
    if (json_read_number(value, &number)) {
        char text[32];
        snprintf(text, sizeof text, "%.4g", number);
        print_text_figure(name, text);
        return;
    }
    const char *reason = reason_path == NULL ? NULL : json_find(document, reason_path);
    char *text = json_read_text(reason);
    char line[512];
    snprintf(line, sizeof line, reason == NULL ? "unknown" : "undefined: %s", text);
    print_text_figure(name, line);
    free(text);
}

void print_metric_figure(const char *name, const char *report, const char *metric)
{
    char path[64], low_path[64], high_path[64], reason_path[64], text[96];
    double number = 0, low = 0, high = 0;
    snprintf(path, sizeof path, "metrics.%s", metric);
    snprintf(low_path, sizeof low_path, "intervals.%s.low", metric);
    snprintf(high_path, sizeof high_path, "intervals.%s.high", metric);
    if (json_read_number(json_find(report, path), &number) && json_read_number(json_find(report, low_path), &low) &&
        json_read_number(json_find(report, high_path), &high)) {
        snprintf(text, sizeof text, "%-10.4g(%.4g to %.4g)", number, low, high);
        print_text_figure(name, text);
        return;
    }
    snprintf(reason_path, sizeof reason_path, "undefined.%s", metric);
    print_figure(name, report, path, reason_path);
}

void print_operating_point(const char *name, const char *document, const char *path, const char *reason_path)
{
    const char *point = json_find(document, path);
    double threshold = 0, sensitivity = 0, specificity = 0;
    if (json_read_number(json_find(point, "threshold"), &threshold) &&
        json_read_number(json_find(point, "sensitivity.value"), &sensitivity) &&
        json_read_number(json_find(point, "specificity.value"), &specificity)) {
        char text[96];
        snprintf(text, sizeof text, "%-10.4gsensitivity %.4g, specificity %.4g", threshold, sensitivity, specificity);
        print_text_figure(name, text);
        return;
    }
    print_figure(name, document, path, reason_path);
}

void print_samples_figure(const char *name, const char *counts)
{
    char text[160];
    int length = snprintf(text, sizeof text, "%lu images", read_count(counts, "samples"));
    if (json_find(counts, "positives") != NULL) {
        length += snprintf(text + length, sizeof text - (size_t)length, ": %lu positive, %lu negative",
                           read_count(counts, "positives"), read_count(counts, "negatives"));
    }
    unsigned long skipped = read_count(counts, "skipped.count");
    if (skipped > 0) {
        snprintf(text + length, sizeof text - (size_t)length, "; %lu unreadable, left out", skipped);
    }
    print_text_figure(name, text);
}

void print_duration_figure(const char *name, const char *document, const char *path)
{
    double seconds = 0;
    if (json_read_number(json_find(document, path), &seconds)) {
        char text[48];
        write_duration(text, sizeof text, seconds);
        print_text_figure(name, text);
    }
}

unsigned long read_count(const char *document, const char *path)
{
    double number = 0;
    return json_read_number(json_find(document, path), &number) && number > 0 ? (unsigned long)number : 0;
}
