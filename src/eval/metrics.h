/*
 * Metrics of anomaly detection from scores and labels, exact (sorting), in float64.
 *
 * Definitions are scikit-learn's; a sample is predicted anomalous at threshold t if score >= t:
 *   auroc            area under the ROC curve, ties count half
 *   ap               sum of (R_k - R_(k-1)) P_k over descending distinct thresholds
 *   aupr_trapezoid   trapezoids under (recall, precision), with the point recall 0, precision 1
 *   f1max            largest 2TP / (2TP + FP + FN) over the distinct scores
 *   f1max_threshold  the lowest score that attains it (compared as exact fractions)
 *   aupro_L          per-region overlap up to false-positive rate L, 8-connected regions of equal
 * weight (MVTec AD) What is undefined (one class only, no region, no normal pixel) is NaN here and
 * "n/a" in reports, never 0. NaN or infinity among the scores is WC_ERR_DATA (fault "non-finite").
 * Denormals count as they are; -0 equals +0.
 */
#ifndef WC_EVAL_METRICS_H
#define WC_EVAL_METRICS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

// All functions are thread-safe and leave *out untouched on failure.
struct wc_metrics {
    double auroc, ap, aupr_trapezoid, f1max, f1max_threshold;
    uint64_t f1max_n_thresholds; // how many distinct scores attain f1max
    uint64_t n_normal, n_anomalous;
};

// Image level: n scores, labels 0 / not 0.
enum wc_err wc_metrics_image(const float *scores, const uint8_t *labels, size_t n,
                             struct wc_metrics *out, struct wc_error *err);

// Pixel level over a group list: maps and masks of equally sized images, exact (keeps every pixel;
// for files that fit in memory; runs use eval/histogram.h).
struct wc_map_group {
    const float *maps;    // (n, h, w)
    const uint8_t *masks; // (n, h, w), not 0: anomalous
    size_t n, h, w;
};
struct wc_pixel_metrics {
    struct wc_metrics pixel;
    double aupro;          // at fpr_limit
    uint64_t n_components; // 8-connected
};
enum wc_err wc_metrics_pixel(const struct wc_map_group *group, size_t n_groups, double fpr_limit,
                             struct wc_pixel_metrics *out, struct wc_error *err);

// One image: map and mask (h, w). For breakdowns by image.
enum wc_err wc_metrics_one_map(const float *map, const uint8_t *mask, size_t h, size_t w,
                               double fpr_limit, struct wc_pixel_metrics *out,
                               struct wc_error *err);

// The group's n, h, w from the shapes of a pair of arrays, (n, h, w) or (h, w), which must be
// equal: fault "bad-shape". `name` is used in messages.
enum wc_err wc_map_group_shape(const char *name, const size_t *map_dim, size_t n_map_dims,
                               const size_t *mask_dim, size_t n_mask_dims,
                               struct wc_map_group *group, struct wc_error *err);

// 0 < fpr_limit <= 1, or WC_ERR_USAGE with the fault "bad-limit".
enum wc_err wc_fpr_limit_check(double fpr_limit, struct wc_error *err);

#endif
