/*
 * A report's rows as a block (line, series, metric): what tables are made of. Private to report.
 *
 * A line is a category, or a kind of defect of one; a series is a variant; series that differ in
 * their seed alone are a group, and a cell is a group's mean over them.
 */
#ifndef WC_REPORT_VIEW_H
#define WC_REPORT_VIEW_H

#include "report/report.h"

struct wc_view_line {
    const char *category, *defect;
};

struct wc_view_group {
    const char *method, *preset;
    int64_t shot;
    size_t first, n; // series
};

struct wc_view {
    const struct wc_report_row *row;
    struct wc_view_line *line; // "mean" last
    size_t n_lines, cap_lines;
    struct wc_report_variant *series; // group by group
    size_t n_series, cap_series;
    struct wc_view_group *group;
    size_t n_groups, cap_groups;
    const char **metric;
    size_t n_metrics, cap_metrics;
    size_t *at; // (n_lines, n_series, n_metrics): row + 1, 0: none
};

enum wc_err wc_view_new(const struct wc_report_row *row, size_t n, struct wc_view *out,
                        struct wc_error *err);
void wc_view_release(struct wc_view *v);

// The row of a series; NULL: none.
const struct wc_report_row *wc_view_row(const struct wc_view *v, size_t line, size_t series,
                                        size_t metric);

struct wc_view_cell {
    size_t n;                    // seeds that have it; 0: none
    double mean, std, low, high; // NaN: undefined; low and high of the one series of a group
};
struct wc_view_cell wc_view_at(const struct wc_view *v, size_t line, size_t group, size_t metric);

#define WC_VIEW_NONE ((size_t)-1)
size_t wc_view_metric(const struct wc_view *v, const char *name);
size_t wc_view_line_of(const struct wc_view *v, const char *category);
size_t wc_view_group_of(const struct wc_view *v, const char *method, const char *preset,
                        int64_t shot);
// Does some group have several seeds?
bool wc_view_has_seeds(const struct wc_view *v);

#endif
