/*
 * Charts as SVG, in the page's colours. Private to report.
 */
#ifndef WC_REPORT_CHARTS_H
#define WC_REPORT_CHARTS_H

#include "report/report.h"

#define WC_CHART_SERIES 6 // that colours tell apart

// One line of a chart: x against y, both fractions; series 0 to WC_CHART_SERIES - 1.
struct wc_chart_line {
    const double *x, *y;
    size_t n, series;
};
// Axes from 0 to x_max and from 0 to 1; `diagonal`: where chance lies.
void wc_chart_curves(struct wc_buf *out, const char *title, const char *x_label,
                     const char *y_label, double x_max, bool diagonal,
                     const struct wc_chart_line *line, size_t n);

// Histograms of normal and anomalous scores, with the threshold (NaN: none).
void wc_chart_scores(struct wc_buf *out, const double *score, const int *label, size_t n,
                     double threshold);

// The ROC curve of n images; x, y (n + 1); *n_points is 0 when a class is missing.
enum wc_err wc_chart_roc(const double *score, const int *label, size_t n, double *x, double *y,
                         size_t *n_points, struct wc_error *err);

#endif
