/*
 * Pixel metrics at data-set scale: integer histograms of scores that any number of ranks fill and
 * add.
 *
 * float32 scores are carried to 32-bit keys in the same order; a binning is a sorted list of key
 * ranges. For each bin three integers: normal pixels, anomalous pixels, and the regions' weight
 * (every component spreads exactly 2^62 over its pixels, so sums are exact and do not depend on
 * order; the sum is kept in two words). Sums over ranks are integer sums, so a metric never depends
 * on how the images were shared out.
 *
 * Metrics of a histogram come with a certified bound of their error; wc_binning_refine() splits the
 * bins that cause it. It needs no communication: from equal histograms all ranks get equal bins.
 *
 *     wc_binning_new(&b, err);                       // the coarse start, the same on all ranks
 *     wc_histogram_init(&h, b, err);
 *     for (bool more = true; more;) {
 *         for each image: wc_histogram_add(&h, b, ...);
 *         MPI_Allreduce(MPI_IN_PLACE, h.count, wc_histogram_n(&h) words of uint64, SUM)
 *         wc_histogram_metrics(&h, b, fpr_limit, n_components, &m, err);
 *         more = false;
 *         if (m.bound > tolerance)
 *             wc_binning_refine(b, &h, fpr_limit, tolerance, n_components, max_bins, &more, err);
 *         if (more)
 *             wc_histogram_clear(&h, b, err);        // empty, with the new bins
 *     }
 *
 * Two or three passes reach 1e-6 on realistic maps. Thread-safe for distinct objects; a binning may
 * be read by any number of threads.
 */
#ifndef WC_EVAL_HISTOGRAM_H
#define WC_EVAL_HISTOGRAM_H

#include "eval/metrics.h"

#include <stdbool.h>

#define WC_REGION_WEIGHT (UINT64_C(1) << 62) // weight of one component
#define WC_REGION_SPLIT 28                   // low bits of a weight, summed apart from the others

struct wc_binning; // sorted key ranges covering all finite float32 values

enum wc_err wc_binning_new(struct wc_binning **out, struct wc_error *err);
void wc_binning_free(struct wc_binning **b);
size_t wc_binning_n(const struct wc_binning *b);
// The lowest score of bin i, and whether it holds that score alone.
float wc_binning_score(const struct wc_binning *b, size_t i);
bool wc_binning_single(const struct wc_binning *b, size_t i);

#define WC_HISTOGRAM_PLANES 4
struct wc_histogram {
    size_t n_bins;
    uint64_t *count;   // (4, n_bins): normal pixels, anomalous pixels, region weight / 2^28, region
                       // weight mod 2^28; one block for one reduction
    size_t first, end; // bins that may hold something; all of them until wc_histogram_narrow()
};
// Empty, for the bins of b; `h` is overwritten.
enum wc_err wc_histogram_init(struct wc_histogram *h, const struct wc_binning *b,
                              struct wc_error *err);
// Empty again, for the bins of b as they are now. On failure `h` is as it was.
enum wc_err wc_histogram_clear(struct wc_histogram *h, const struct wc_binning *b,
                               struct wc_error *err);
void wc_histogram_release(struct wc_histogram *h);
size_t wc_histogram_n(const struct wc_histogram *h); // words in `count`

// Adds one image's map: n pixels in row-major order (a stripe of rows is fine). mask NULL: all
// normal. weight[i] is the pixel's region weight (0 outside); NULL: no regions. NaN pixels are left
// out (not covered); infinity is fault "non-finite", and `h` is untouched then.
enum wc_err wc_histogram_add(struct wc_histogram *h, const struct wc_binning *b, const float *map,
                             const uint8_t *mask, const uint64_t *weight, size_t n,
                             struct wc_error *err);

// Region weights of a mask's pixels: component c of s pixels gives its j-th pixel floor((j+1) W/s)
// - floor(j W/s). Computed once a mask, for all variants; at once for the whole mask (h, w).
enum wc_err wc_region_weights(const uint8_t *mask, size_t h, size_t w, uint64_t *weight,
                              uint32_t *n_components, struct wc_error *err);

struct wc_histogram_metrics {
    struct wc_pixel_metrics
        value; // NaN where undefined; f1max_threshold is the lowest score of its
               // bin (every pixel's side of it is that of the exact threshold)
    double bound_auroc, bound_ap, bound_aupr_trapezoid, bound_f1max,
        bound_aupro; // |value - exact| <= bound; NaN where undefined
    double bound;    // the largest of the defined ones; 0 when none is
};
// n_components: regions in all masks; 0: AUPRO is undefined. Several fpr limits: call again.
enum wc_err wc_histogram_metrics(const struct wc_histogram *h, const struct wc_binning *b,
                                 double fpr_limit, uint64_t n_components,
                                 struct wc_histogram_metrics *out, struct wc_error *err);

// Splits bins of `b` so that the bound of the next pass is expected below `tolerance`, with at most
// max_bins bins; *changed is false when nothing can be split further (every bin one key, or
// max_bins reached). On failure `b` is as it was.
enum wc_err wc_binning_refine(struct wc_binning *b, const struct wc_histogram *h, double fpr_limit,
                              double tolerance, uint64_t n_components, size_t max_bins,
                              bool *changed, struct wc_error *err);

// Bins as bytes, to carry them to other ranks: log2 of each bin's number of keys, in order.
const uint8_t *wc_binning_widths(const struct wc_binning *b, size_t *n);
// And back. WC_ERR_BUG when the widths do not fill the range of keys.
enum wc_err wc_binning_of_widths(const uint8_t *widths, size_t n, struct wc_binning **out,
                                 struct wc_error *err);

// Finds the bins that hold something, [first, end), so that later walks take these alone; both 0:
// none does. Nothing may be added afterwards, except what lies there.
void wc_histogram_narrow(struct wc_histogram *h);
// a += b, of equal bins.
void wc_histogram_sum(struct wc_histogram *a, const struct wc_histogram *b);

// Points of the pixel curves from (0, 0) to (1, 1), thinned to at most `cap` (>= 2) that are spread
// over both rates and, denser, over the lowest false positive rates. Rounded to 1e-5. Returns how
// many; 0 when a class is missing. PRO is NaN without components.
struct wc_curve_point {
    double fpr, tpr, pro;
};
size_t wc_histogram_curve(const struct wc_histogram *h, const struct wc_binning *b,
                          uint64_t n_components, struct wc_curve_point *point, size_t cap);

#define WC_MAX_FPR_LIMITS 8
// The same for several limits at once, so that one pass serves them all.
enum wc_err wc_binning_refine_limits(struct wc_binning *b, const struct wc_histogram *h,
                                     const double *fpr_limits, size_t n_limits, double tolerance,
                                     uint64_t n_components, size_t max_bins, bool *changed,
                                     struct wc_error *err);
// The same for several histograms of equal bins, each with its own number of regions: a bin becomes
// as fine as any of them needs it.
enum wc_err wc_binning_refine_all(struct wc_binning *b, const struct wc_histogram *h,
                                  const uint64_t *n_components, size_t n_histograms,
                                  const double *fpr_limits, size_t n_limits, double tolerance,
                                  size_t max_bins, bool *changed, struct wc_error *err);

#endif
