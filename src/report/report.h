/*
 * Reports: one table of results and its provenance, written in every format.
 *
 * A row is one metric of one category (or "mean" over categories) for one variant. Values are
 * fractions; an undefined one is NaN and prints as "n/a". Formats are a table in report.c. Writing
 * is deterministic: the same table gives the same bytes for any number of ranks.
 */
#ifndef WC_REPORT_REPORT_H
#define WC_REPORT_REPORT_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_report_row {
    const char *category; // owned by the caller, as all texts of a report
    const char *method, *preset;
    int64_t shot, seed;
    const char *metric; // "auroc", "pixel_aupro_0.3", ...
    double value;       // NaN: undefined
    double bound;       // certified error, 0: exact
    size_t n_images;
};

struct wc_report_score {
    const char *category, *image;
    int label; // 1 anomalous, 0 normal, -1 unknown
    const char *method, *preset;
    int64_t shot, seed;
    double score;
};

struct wc_report_failure {
    const char *category, *image;
    char *text;
};

// What made the figures; every line of it is in every format.
struct wc_provenance {
    const char *program, *version;
    const char *run_id;
    const char *dataset;
    const char *model, *arch, *activation, *activation_reason;
    char weights_sha256[65];
    const char *prompts;
    char prompts_sha256[65];
    const char *presets; // "paper, accurate"
    const char *changed; // switches that differ from the presets, or ""
    const char *precision, *isa, *gemm;
    const char *evaluation; // "native size" or "120x120"
    size_t n_images, n_failed;
};

struct wc_report {
    struct wc_provenance provenance;
    struct wc_report_row *row;
    size_t n_rows, cap_rows;
    struct wc_report_score *score;
    size_t n_scores, cap_scores;
    struct wc_report_failure *failure;
    size_t n_failures, cap_failures;
};

void wc_report_release(struct wc_report *r);
enum wc_err wc_report_add(struct wc_report *r, const struct wc_report_row *row,
                          struct wc_error *err);

// Adds the rows "mean" (over categories, plain; NaN when a category's value is) for every variant
// and metric.
enum wc_err wc_report_add_means(struct wc_report *r, struct wc_error *err);

// Sample standard deviation (n - 1) over seeds; 0 for one value.
double wc_report_std(const double *value, size_t n);

struct wc_report_format {
    const char *name; // "text"
    const char *file; // "report.txt"
    enum wc_err (*write)(const struct wc_report *r, struct wc_buf *out, struct wc_error *err);
};
const struct wc_report_format *wc_report_formats(size_t *n);
const struct wc_report_format *wc_report_format_find(const char *name);

// scores.csv: dataset,category,image,label,method,preset,shot,seed,score
enum wc_err wc_report_scores_csv(const struct wc_report *r, struct wc_buf *out,
                                 struct wc_error *err);

// All formats and scores.csv into a run's folder, each replaced as a whole.
enum wc_err wc_report_write_all(const struct wc_report *r, const char *folder,
                                struct wc_error *err);

// A CSV field: quoted when it needs to be (RFC 4180); a text that a spreadsheet would take for a
// formula gets a quote in front.
void wc_csv_field(struct wc_buf *out, const char *text);

#endif
