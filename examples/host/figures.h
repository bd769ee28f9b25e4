/* Aligned lines of a name and a figure, taken from the library's JSON documents. */

#ifndef LENS_HOST_FIGURES_H
#define LENS_HOST_FIGURES_H

/* A line of text. */
void print_text_figure(const char *name, const char *text);

/* The number at the path; for null the text at reason_path, or "unknown"; no line when the path is not there. */
void print_figure(const char *name, const char *document, const char *path, const char *reason_path);

/* A metric of an evaluation with its 95 % interval, when it has one; metric is its name in the report. */
void print_metric_figure(const char *name, const char *report, const char *metric);

/* Threshold, sensitivity and specificity of the operating point at the path; else the text at reason_path. */
void print_operating_point(const char *name, const char *document, const char *path, const char *reason_path);

/* From an object with "samples" and "skipped", and maybe "positives" and "negatives". */
void print_samples_figure(const char *name, const char *counts);

/* A number of seconds at the path, as "2 min 05 s". */
void print_duration_figure(const char *name, const char *document, const char *path);

/* The whole number at the path; 0 when there is none. */
unsigned long read_count(const char *document, const char *path);

#endif
