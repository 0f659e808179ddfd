/*
 * Private to report: what a comparison consists of, for tables and for files alike.
 */
#ifndef WC_REPORT_DIFFERENCES_H
#define WC_REPORT_DIFFERENCES_H

#include "report/compare.h"
#include "report/table.h"

// Groups of several runs that stand side by side: equal names; where two runs have no name in
// common, the same method and shot, then the same shot.
struct wc_pair {
    size_t *group; // (n runs): of the run's view, or WC_VIEW_NONE
};

struct wc_sides {
    const struct wc_report_set *set;
    struct wc_view *view; // (n runs)
    struct wc_pair *pair;
    size_t n_pairs, cap_pairs;
    const char **category; // of all runs, "mean" last
    size_t n_categories, cap_categories;
    const char **metric; // that stand in tables
    size_t n_metrics, cap_metrics;
    const char **source; // of published figures
    size_t n_sources, cap_sources;
    size_t *n_published; // (n runs) categories of the run's data set there
    bool *complete;      // (n runs) the run has them all, so its mean may be compared
};
enum wc_err wc_sides_new(const struct wc_report_set *set, struct wc_sides *out,
                         struct wc_error *err);
void wc_sides_release(struct wc_sides *s);
struct wc_view_cell wc_sides_at(const struct wc_sides *s, size_t run, size_t pair,
                                const char *category, const char *metric);
// The first run that has the pair.
size_t wc_sides_first(const struct wc_sides *s, size_t pair);

// The published row for a cell, and further ones that say something else (*others, may be NULL).
const struct wc_published_row *wc_sides_published(const struct wc_sides *s, size_t run, size_t pair,
                                                  const char *source, const char *category,
                                                  const char *metric,
                                                  const struct wc_published_row **others);
// One figure beside another.
struct wc_difference {
    size_t run, pair;
    const char *category, *metric;
    struct wc_view_cell own;
    const char *reference, *table; // a run's name or a source; the table, or ""
    double value, std;             // the reference's
};
struct wc_differences {
    struct wc_difference *item;
    size_t n, cap;
};
enum wc_err wc_differences_of(const struct wc_sides *s, struct wc_differences *out,
                              struct wc_error *err);

// side_tables.c
enum wc_err wc_side_tables(const struct wc_sides *s, struct wc_tables *t, struct wc_error *err);

#endif
