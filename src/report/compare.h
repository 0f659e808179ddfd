/*
 * Several reports together: parts of one benchmark merged, runs side by side, and published figures
 * beside a run.
 *
 *     wc_report_set_read(&paths, &set, err);       // one report a path
 *     wc_report_set_merge(&set, err);              // runs over different categories become one
 *     wc_report_set_against(&set, file, err);      // optional: configs/published/paper.csv
 *     wc_report_set_write(&set, "text", &out, err);
 *
 * Not thread-safe.
 */
#ifndef WC_REPORT_COMPARE_H
#define WC_REPORT_COMPARE_H

#include "report/report.h"

// Published figures (configs/published/README.md), rows of one CSV.
struct wc_published_row {
    const char *source, *table, *dataset, *category, *method, *preset, *arch, *prompts, *metric,
        *note;
    int64_t shot;
    double value, std; // fractions; std NaN: none
};
struct wc_published {
    const char *name; // of the file
    struct wc_published_row *row;
    size_t n;
    void *csv; // holds the texts
};

struct wc_report_set {
    struct wc_report *item;
    char **name; // what tables call each: the last part of its path
    size_t n, cap, cap_names;
    struct wc_published published; // n == 0: none
};

void wc_report_set_release(struct wc_report_set *s);

// Adds the report of a run's folder or of a report.json.
enum wc_err wc_report_set_read(struct wc_report_set *s, const char *path, struct wc_error *err);

// Runs with the same data set, model, settings and variants but different categories become one,
// whose means are over all of them: the parts of a job array. Machines may differ; all are named.
// Runs that share a category stay apart. Collects nothing from the disk.
enum wc_err wc_report_set_merge(struct wc_report_set *s, struct wc_error *err);

enum wc_err wc_report_set_against(struct wc_report_set *s, const char *path, struct wc_error *err);

// The report itself when there is one and nothing to compare it with, else the comparison, in any
// format.
enum wc_err wc_report_set_write(const struct wc_report_set *s,
                                const struct wc_report_format *format, struct wc_buf *out,
                                struct wc_error *err);

// Does a published row speak of this run and variant? Private to report.
bool wc_published_matches(const struct wc_published_row *row, const struct wc_report *r,
                          const char *method, const char *preset, int64_t shot);

#endif
