#include "eval/histogram.h"

#include "base/alloc.h"
#include "eval/binning.h"
#include "eval/components.h"
#include "eval/curve.h"
#include "eval/score_key.h"

#include <math.h>
#include <string.h>

// Sums of both words of the region weights stay below 2^64 up to these numbers.
#define MAX_COMPONENTS (UINT64_C(1) << (64 - (62 - WC_REGION_SPLIT)))
#define MAX_ANOMALOUS (UINT64_C(1) << (64 - WC_REGION_SPLIT))

size_t wc_histogram_n(const struct wc_histogram *h) {
    return WC_HISTOGRAM_PLANES * h->n_bins;
}

enum wc_err wc_histogram_init(struct wc_histogram *h, const struct wc_binning *b,
                              struct wc_error *err) {
    struct wc_histogram fresh = {b->n, NULL, 0, b->n};
    WC_TRY(WC_NEW(&fresh.count, wc_histogram_n(&fresh), "histogram", err));
    *h = fresh;
    return WC_OK;
}

enum wc_err wc_histogram_clear(struct wc_histogram *h, const struct wc_binning *b,
                               struct wc_error *err) {
    if (h->n_bins == b->n && h->count) {
        memset(h->count, 0, wc_histogram_n(h) * sizeof *h->count);
        h->first = 0;
        h->end = h->n_bins;
        return WC_OK;
    }
    struct wc_histogram fresh;
    WC_TRY(wc_histogram_init(&fresh, b, err));
    wc_histogram_release(h);
    *h = fresh;
    return WC_OK;
}

void wc_histogram_release(struct wc_histogram *h) {
    wc_free(h->count);
    *h = (struct wc_histogram){0, NULL, 0, 0};
}

static enum wc_err check_fits(const struct wc_histogram *h, const struct wc_binning *b,
                              struct wc_error *err) {
    if (h->n_bins == b->n)
        return WC_OK;
    return WC_FAIL(err, WC_ERR_BUG, "histogram: %zu bins, its binning has %zu; clear it first",
                   h->n_bins, b->n);
}

#define BLOCK 64

static enum wc_err check_no_inf(const float *map, size_t n, struct wc_error *err) {
    size_t i = 0;
    uint32_t found = 0;
    for (; i + BLOCK <= n && !found; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++) // a constant count, for the vectoriser
            found |= wc_bits_inf(wc_score_bits(map[i + j]));
    i = found ? i - BLOCK : i;
    while (i < n && !wc_bits_inf(wc_score_bits(map[i])))
        i++;
    if (i == n)
        return WC_OK;
    return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                    "map: pixel %zu is %g, metrics need finite scores", i, (double)map[i]);
}

// The first anomalous pixel from i on, or n.
static size_t next_anomalous(const uint8_t *mask, size_t i, size_t n) {
    uint64_t word = 0;
    if (!mask)
        return n;
    while (i + sizeof word <= n) {
        memcpy(&word, mask + i, sizeof word);
        if (word)
            break;
        i += sizeof word;
    }
    while (i < n && !mask[i])
        i++;
    return i;
}

#define BATCH 256

// Bins of a batch first, then their counts: a count is far from the last one and misses the cache,
// so it is asked for early.
static void add_normal(uint64_t *normal, const struct wc_bin_entry *entry, const float *map,
                       size_t n) {
    uint32_t bin[BATCH];
    for (size_t start = 0; start < n; start += BATCH) {
        size_t n_batch = n - start < BATCH ? n - start : BATCH, n_bins = 0;
        for (size_t i = 0; i < n_batch; i++) {
            uint32_t bits = wc_score_bits(map[start + i]);
            if (wc_bits_finite(bits)) {
                bin[n_bins] = wc_bin_of(entry, wc_bits_key(bits));
                __builtin_prefetch(&normal[bin[n_bins++]], 1);
            }
        }
        for (size_t i = 0; i < n_bins; i++)
            normal[bin[i]]++; // cppcheck-suppress uninitvar ; n_bins of them are set
    }
}

// Pixel i is anomalous. Its weight goes to two words, so that sums over any data set fit.
static void add_anomalous(struct wc_histogram *h, size_t i_bin, uint64_t weight) {
    h->count[h->n_bins + i_bin]++;
    h->count[2 * h->n_bins + i_bin] += weight >> WC_REGION_SPLIT;
    h->count[3 * h->n_bins + i_bin] += weight & ((UINT64_C(1) << WC_REGION_SPLIT) - 1);
}

enum wc_err wc_histogram_add(struct wc_histogram *h, const struct wc_binning *b, const float *map,
                             const uint8_t *mask, const uint64_t *weight, size_t n,
                             struct wc_error *err) {
    WC_TRY(check_fits(h, b, err));
    WC_TRY(check_no_inf(map, n, err));
    for (size_t i = 0; i < n;) {
        size_t run = next_anomalous(mask, i, n);
        add_normal(h->count, b->entry, map + i, run - i);
        for (i = run; i < n && mask[i]; i++) {
            uint32_t bits = wc_score_bits(map[i]);
            if (wc_bits_finite(bits))
                add_anomalous(h, wc_bin_of(b->entry, wc_bits_key(bits)), weight ? weight[i] : 0);
        }
    }
    return WC_OK;
}

struct region {
    uint64_t size, next; // pixels; index of the next one in row-major order
};

// floor((j + 1) W / s) - floor(j W / s) with W = q s + r: j r < 2^64 because s < 2^32.
static uint64_t pixel_weight(uint64_t j, uint64_t s) {
    uint64_t q = WC_REGION_WEIGHT / s, r = WC_REGION_WEIGHT % s;
    return q + ((j + 1) * r / s - j * r / s);
}

enum wc_err wc_region_weights(const uint8_t *mask, size_t h, size_t w, uint64_t *weight,
                              uint32_t *n_components, struct wc_error *err) {
    uint32_t *label = NULL;
    struct region *region = NULL;
    uint32_t n = 0;
    size_t n_px;
    if (!wc_mul(h, w, &n_px))
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "mask: %zu x %zu pixels are too many", h, w);
    enum wc_err rc = WC_NEW(&label, n_px, "component labels", err);
    if (rc == WC_OK)
        rc = wc_components(mask, h, w, label, &n, err);
    if (rc == WC_OK)
        rc = WC_NEW(&region, (size_t)n + 1, "regions", err);
    if (rc != WC_OK)
        goto out;
    for (size_t i = 0; i < n_px; i++)
        region[label[i]].size++;
    for (size_t i = 0; i < n_px; i++) {
        struct region *r = &region[label[i]];
        weight[i] = label[i] ? pixel_weight(r->next++, r->size) : 0;
    }
    *n_components = n;
out:
    wc_free(label);
    wc_free(region);
    return rc;
}

void wc_histogram_step(const struct wc_histogram *h, const struct wc_binning *b, size_t i,
                       struct wc_step *s) {
    s->n = h->count[i];
    s->p = h->count[h->n_bins + i];
    s->w = ((wc_u128)h->count[2 * h->n_bins + i] << WC_REGION_SPLIT) + h->count[3 * h->n_bins + i];
    s->exact = b->bits[i] == 0;
}

enum wc_err wc_histogram_total(const struct wc_histogram *h, const struct wc_binning *b,
                               uint64_t n_components, struct wc_total *total,
                               struct wc_error *err) {
    struct wc_total sum = {0, 0, n_components};
    wc_u128 weight = 0;
    WC_TRY(check_fits(h, b, err));
    for (size_t i = h->first; i < h->end; i++) {
        struct wc_step s;
        wc_histogram_step(h, b, i, &s);
        sum.n_normal += s.n;
        sum.n_anomalous += s.p;
        weight += s.w;
    }
    if (n_components > MAX_COMPONENTS || sum.n_anomalous > MAX_ANOMALOUS)
        return WC_FAULT(err, WC_ERR_DATA, "too-large",
                        "histogram: %llu regions and %llu anomalous pixels, sums hold 2^30 and "
                        "2^36; evaluate fewer images at once",
                        (unsigned long long)n_components, (unsigned long long)sum.n_anomalous);
    if (n_components && weight > (wc_u128)n_components * WC_REGION_WEIGHT)
        return WC_FAIL(err, WC_ERR_BUG,
                       "histogram: more region weight than %llu regions have; n_components must "
                       "count all masks",
                       (unsigned long long)n_components);
    *total = sum;
    return WC_OK;
}

enum wc_err wc_histogram_metrics(const struct wc_histogram *h, const struct wc_binning *b,
                                 double fpr_limit, uint64_t n_components,
                                 struct wc_histogram_metrics *out, struct wc_error *err) {
    struct wc_total total;
    WC_TRY(wc_fpr_limit_check(fpr_limit, err));
    WC_TRY(wc_histogram_total(h, b, n_components, &total, err));
    struct wc_curve curve;
    wc_curve_begin(&curve, &total, fpr_limit);
    for (size_t i = h->end; i-- > h->first;) {
        struct wc_step s;
        wc_histogram_step(h, b, i, &s);
        wc_curve_step(&curve, s.n, s.p, s.w, s.exact, wc_key_score(b->start[i]));
    }
    struct wc_curve_bounds bound;
    wc_curve_end(&curve, &out->value, &bound);
    out->bound_auroc = bound.auroc;
    out->bound_ap = bound.ap;
    out->bound_aupr_trapezoid = bound.trapezoid;
    out->bound_f1max = bound.f1max;
    out->bound_aupro = bound.aupro;
    out->bound = 0; // fmax() passes over NaN
    const double each[] = {bound.auroc, bound.ap, bound.trapezoid, bound.f1max, bound.aupro};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        out->bound = fmax(out->bound, each[i]);
    return WC_OK;
}

void wc_histogram_narrow(struct wc_histogram *h) {
    const uint64_t *normal = h->count, *anomalous = h->count + h->n_bins;
    size_t i = h->first, n = h->end;
    while (i < n && !(normal[i] | anomalous[i]))
        i++;
    while (n > i && !(normal[n - 1] | anomalous[n - 1]))
        n--;
    h->first = i < n ? i : 0;
    h->end = i < n ? n : 0;
}

void wc_histogram_sum(struct wc_histogram *a, const struct wc_histogram *b) {
    for (size_t plane = 0; plane < WC_HISTOGRAM_PLANES; plane++)
        for (size_t i = b->first; i < b->end; i++)
            a->count[plane * a->n_bins + i] += b->count[plane * a->n_bins + i];
    if (b->end == 0)
        return;
    a->first = a->end == 0 || b->first < a->first ? b->first : a->first;
    a->end = b->end > a->end ? b->end : a->end;
}

static double rounded(double x) {
    return round(1e5 * x) / 1e5;
}

static struct wc_curve_point point_at(const struct wc_total *t, const struct wc_step *at) {
    double scale = (double)t->n_components * (double)WC_REGION_WEIGHT;
    return (struct wc_curve_point){rounded((double)at->fp / (double)t->n_normal),
                                   rounded((double)at->tp / (double)t->n_anomalous),
                                   t->n_components ? rounded((double)at->before / scale) : NAN};
}

// Far enough from the last point to be worth one: a third of the points for either rate, a third
// for false positive rates up to 0.3.
static bool far(const struct wc_curve_point *a, const struct wc_curve_point *b, size_t cap) {
    double step = 3.5 / (double)cap;
    return b->fpr - a->fpr >= step || b->tpr - a->tpr >= step ||
           (a->fpr < 0.3 && b->fpr - a->fpr >= 0.3 * step);
}

size_t wc_histogram_curve(const struct wc_histogram *h, const struct wc_binning *b,
                          uint64_t n_components, struct wc_curve_point *point, size_t cap) {
    struct wc_total t;
    struct wc_step s = {0};
    size_t n = 0;
    if (wc_histogram_total(h, b, n_components, &t, NULL) != WC_OK || !t.n_normal || !t.n_anomalous)
        return 0;
    point[n++] = point_at(&t, &s);
    for (size_t i = h->end; i-- > h->first;) {
        wc_histogram_step(h, b, i, &s);
        if (s.n + s.p == 0)
            continue;
        wc_step_pass(&s);
        struct wc_curve_point here = point_at(&t, &s);
        if (n + 1 < cap && far(&point[n - 1], &here, cap))
            point[n++] = here;
    }
    point[n] = point_at(&t, &s);
    return n + 1;
}
