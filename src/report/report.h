/*
 * Reports: the results of a run and where they come from, in every format.
 *
 * A row is one metric of one category (or "mean" over categories) for one variant; `defect` rows
 * are the same for one kind of defect. Values are fractions; an undefined one is NaN and prints as
 * "n/a". report.json holds everything (its schema: report/schema.md), so that a report read back
 * (report/read.h) can be written in every other format, merged with others, and compared
 * (report/compare.h).
 *
 * Formats are a table in report.c. Writing is deterministic: the same report gives the same bytes
 * for any number of ranks. Every format writes names from outside so that they stay names
 * (report/escape.h). Not thread-safe for one object.
 */
#ifndef WC_REPORT_REPORT_H
#define WC_REPORT_REPORT_H

#include "base/err.h"
#include "base/str.h"
#include "eval/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WC_REPORT_MEAN "mean" // category of the rows over all categories

struct wc_json_doc;

struct wc_report_row {
    const char *category; // owned by the caller, as all texts of a report
    const char *defect;   // "": all
    const char *method, *preset;
    int64_t shot, seed;
    const char *metric; // "auroc", "pixel_aupro_0.3", ...
    double value;       // NaN: undefined
    double bound;       // certified error, 0: exact
    double low, high;   // bootstrap interval; NaN: none
    size_t n_images;
};

// One row of every table: what an encoder pass gives several of.
struct wc_report_variant {
    const char *method, *preset;
    int64_t shot, seed;
};

struct wc_report_image {
    const char *category, *image, *defect;
    int label; // 1 anomalous, 0 normal, -1 unknown
};

struct wc_report_category {
    const char *name;
    size_t n_train, n_normal, n_anomalous, n_unlabelled, n_masked;
};

struct wc_report_failure {
    const char *category, *image;
    char *text;
};

// Points of the pixel curves.
struct wc_report_curve {
    const char *category;
    size_t variant, n_points;
    struct wc_curve_point *point;
};

// Pictures of the gallery, in RUN/gallery: the image, its mask ("" when it has none) and the heat
// map over it ("" when the variant has no map).
enum wc_report_why {
    WC_PICTURE_WORST,      // furthest on the wrong side of the F1-max threshold
    WC_PICTURE_BORDERLINE, // nearest to it
    WC_PICTURE_BEST,       // furthest on the right side
    WC_N_PICTURE_WHYS
};
struct wc_report_picture {
    size_t i_image, variant;
    enum wc_report_why why;
    const char *folder; // that the files' names start from: RUN, absolute; NULL: unknown
    const char *image, *mask, *map; // "gallery/00012-0-image.jpg"
};

// Confidence intervals by resampling images.
struct wc_bootstrap_options {
    size_t n_replicates; // 0: no intervals
    double level;        // 0.95
    uint64_t seed;
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
    const char *evaluation;                // "native size" or "120x120"
    const char *references;                // "random", "first", a file's name
    struct wc_bootstrap_options bootstrap; // of the intervals; no replicates: there are none
    double scale_low, scale_high;          // of the heat maps' colours; NaN: no maps
    size_t n_images, n_failed;
};

struct wc_report {
    struct wc_provenance provenance;
    struct wc_report_row *row;
    size_t n_rows, cap_rows;
    struct wc_report_row *defect; // rows by kind of defect
    size_t n_defects, cap_defects;
    struct wc_report_category *category;
    size_t n_categories, cap_categories;
    struct wc_report_variant *variant;
    size_t n_variants, cap_variants;
    struct wc_report_image *image;
    size_t n_images, cap_images;
    double *score; // (n_variants, n_images); NaN: failed
    size_t cap_scores;
    struct wc_report_curve *curve;
    size_t n_curves, cap_curves;
    struct wc_report_picture *picture;
    size_t n_pictures, cap_pictures;
    struct wc_report_failure *failure;
    size_t n_failures, cap_failures;
    // What the report itself owns of the texts: those of one that was read back, or made of others.
    struct wc_json_doc **doc;
    size_t n_docs, cap_docs;
    struct wc_strlist text;
    bool merged; // of several runs
};

void wc_report_release(struct wc_report *r);
enum wc_err wc_report_add(struct wc_report *r, const struct wc_report_row *row,
                          struct wc_error *err);
// A row with no interval and no defect, for the callers to complete.
struct wc_report_row wc_report_row_of(const struct wc_report_variant *v, const char *category,
                                      const char *metric, double value, size_t n_images);
bool wc_report_row_is(const struct wc_report_row *row, const struct wc_report_variant *v,
                      const char *category, const char *metric);
// Where a variant stands; n_variants: nowhere.
size_t wc_report_find_variant(const struct wc_report *r, const struct wc_report_variant *v);

// Adds the rows "mean" (over categories, plain; NaN when a category's value is) for every variant
// and metric.
enum wc_err wc_report_add_means(struct wc_report *r, struct wc_error *err);

// Intervals of the image metrics' rows, means included, by resampling the images of each category
// (eval/bootstrap.h). interval.c
enum wc_err wc_report_bootstrap(struct wc_report *r, const struct wc_bootstrap_options *options,
                                struct wc_error *err);

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
// defects.csv: dataset,category,defect,method,preset,shot,seed,metric,value,n_images
enum wc_err wc_report_defects_csv(const struct wc_report *r, struct wc_buf *out,
                                  struct wc_error *err);

// All formats, scores.csv and defects.csv into a run's folder, each replaced as a whole; the text
// report comes last: where it exists, the run is complete.
enum wc_err wc_report_write_all(const struct wc_report *r, const char *folder,
                                struct wc_error *err);

#endif
