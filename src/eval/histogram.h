/*
 * Pixel metrics at data-set scale: integer histograms of scores that any number of ranks fill and
 * add.
 *
 * float32 scores are carried to 32-bit keys in the same order; a binning is a sorted list of key
 * ranges. For each bin three integers: normal pixels, anomalous pixels, and the regions' weight
 * (every component spreads exactly 2^40 over its pixels, so sums are exact and do not depend on
 * order). Sums over ranks are integer sums, so a metric never depends on how the images were shared
 * out.
 *
 * Metrics of a histogram come with a certified bound of their error; wc_binning_refine() splits the
 * bins that cause it.
 *
 *     struct wc_binning *b;  wc_binning_new(&b)            // the coarse start, the same on all
 * ranks do { wc_histogram_clear(h, b); for each image: wc_histogram_add(...);
 *         MPI_Allreduce(h->count, wc_histogram_n(h) uint64, SUM)
 *         wc_histogram_metrics(h, fpr_limit, &m);
 *     } while (m.bound > tolerance && wc_binning_refine(b, h, tolerance, ...))
 */
#ifndef WC_EVAL_HISTOGRAM_H
#define WC_EVAL_HISTOGRAM_H

#include "eval/metrics.h"

#include <stdbool.h>

#define WC_REGION_WEIGHT (UINT64_C(1) << 40) // weight of one component

struct wc_binning; // sorted key ranges covering all finite float32 values

enum wc_err wc_binning_new(struct wc_binning **out, struct wc_error *err);
void wc_binning_free(struct wc_binning **b);
size_t wc_binning_n(const struct wc_binning *b);

struct wc_histogram {
    size_t n_bins;
    uint64_t *count; // (3, n_bins): normal pixels, anomalous pixels, region weight; one block for
                     // one reduction
};
enum wc_err wc_histogram_init(struct wc_histogram *h, const struct wc_binning *b,
                              struct wc_error *err);
void wc_histogram_release(struct wc_histogram *h);

// Adds one image's map: n pixels in row-major order (a stripe of rows is fine). mask NULL: all
// normal. weight[i] is the pixel's region weight (0 outside). NaN pixels are left out (not
// covered); infinity is fault "non-finite".
enum wc_err wc_histogram_add(struct wc_histogram *h, const struct wc_binning *b, const float *map,
                             const uint8_t *mask, const uint64_t *weight, size_t n,
                             struct wc_error *err);

// Region weights of a mask's pixels: component c of s pixels gives its j-th pixel floor((j+1) W/s)
// - floor(j W/s).
enum wc_err wc_region_weights(const uint8_t *mask, size_t h, size_t w, uint64_t *weight,
                              uint32_t *n_components, struct wc_error *err);

struct wc_histogram_metrics {
    struct wc_pixel_metrics value; // NaN where undefined
    double bound_auroc, bound_ap, bound_aupr_trapezoid, bound_f1max,
        bound_aupro; // |value - exact| <= bound
    double bound;    // the largest of the defined ones
};
// n_components: regions in all masks. Several fpr limits: call again.
enum wc_err wc_histogram_metrics(const struct wc_histogram *h, const struct wc_binning *b,
                                 double fpr_limit, uint64_t n_components,
                                 struct wc_histogram_metrics *out, struct wc_error *err);

// Splits bins of `b` so that the bound of the next pass is expected below `tolerance`, with at most
// max_bins bins; *changed is false when nothing can be split further (every bin one key, or
// max_bins reached).
enum wc_err wc_binning_refine(struct wc_binning *b, const struct wc_histogram *h, double fpr_limit,
                              double tolerance, uint64_t n_components, size_t max_bins,
                              bool *changed, struct wc_error *err);

#endif
