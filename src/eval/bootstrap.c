#include "eval/bootstrap.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "eval/curve.h"
#include "eval/score_key.h"
#include "eval/sorted.h"

#include <math.h>
#include <stdlib.h>

enum { AUROC, AP, TRAPEZOID, F1MAX, N_METRICS = WC_BOOTSTRAP_METRICS };

struct resampling {
    const uint64_t *sorted; // (n) key << 32 | label, ascending
    size_t n;
    uint32_t *drawn; // (n) how often the replicate has each
};

static void draw(struct resampling *r, uint64_t state, struct wc_total *total) {
    for (size_t i = 0; i < r->n; i++)
        r->drawn[i] = 0;
    *total = (struct wc_total){0};
    for (size_t i = 0; i < r->n; i++) {
        size_t i_drawn = (size_t)wc_rng_below(&state, r->n);
        r->drawn[i_drawn]++;
        total->n_anomalous += r->sorted[i_drawn] & 1;
    }
    total->n_normal = r->n - total->n_anomalous;
}

// The images are sorted once; a replicate only counts them differently.
static void replicate(struct resampling *r, uint64_t state, double value[N_METRICS]) {
    struct wc_total total;
    struct wc_curve curve;
    struct wc_pixel_metrics m;
    draw(r, state, &total);
    wc_curve_begin(&curve, &total, 0);
    for (size_t end = r->n; end > 0;) {
        uint32_t key = (uint32_t)(r->sorted[end - 1] >> 32);
        uint64_t count[2] = {0, 0};
        for (; end > 0 && r->sorted[end - 1] >> 32 == key; end--)
            count[r->sorted[end - 1] & 1] += r->drawn[end - 1];
        wc_curve_step(&curve, count[0], count[1], 0, true, wc_key_score(key));
    }
    wc_curve_end(&curve, &m, NULL); // NaN where a class is missing
    value[AUROC] = m.pixel.auroc;
    value[AP] = m.pixel.ap;
    value[TRAPEZOID] = m.pixel.aupr_trapezoid;
    value[F1MAX] = m.pixel.f1max;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The quantile q of sorted v (n > 0), linear between order statistics.
static double quantile(const double *v, size_t n, double q) {
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? v[i] + (v[i + 1] - v[i]) * (at - (double)i) : v[n - 1];
}

struct wc_interval wc_bootstrap_interval(double *v, size_t n, double level) {
    size_t n_defined = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            v[n_defined++] = v[i];
    if (n_defined == 0)
        return (struct wc_interval){NAN, NAN};
    qsort(v, n_defined, sizeof *v, compare);
    double tail = (1 - level) / 2;
    return (struct wc_interval){quantile(v, n_defined, tail), quantile(v, n_defined, 1 - tail)};
}

enum wc_err wc_bootstrap_check(size_t n_replicates, double level, struct wc_error *err) {
    if (n_replicates < 1 || n_replicates > WC_BOOTSTRAP_MAX)
        return WC_FAULT(err, WC_ERR_USAGE, "bad-limit", "bootstrap: %zu replicates, needs 1 to %d",
                        n_replicates, WC_BOOTSTRAP_MAX);
    if (!(level > 0 && level < 1))
        return WC_FAULT(err, WC_ERR_USAGE, "bad-limit",
                        "bootstrap: level %g, needs a number between 0 and 1 (0.95 is usual)",
                        level);
    return WC_OK;
}

enum wc_err wc_bootstrap_replicates(const float *scores, const uint8_t *labels, size_t n,
                                    size_t n_replicates, uint64_t seed,
                                    double *const value[WC_BOOTSTRAP_METRICS],
                                    struct wc_error *err) {
    struct resampling r = {.n = n};
    uint64_t *items = NULL, *scratch = NULL, n_anomalous;
    enum wc_err rc = WC_NEW(&items, n, "scores to sort", err);
    if (rc == WC_OK)
        rc = WC_NEW(&scratch, n, "scores to sort", err);
    if (rc == WC_OK)
        rc = WC_NEW(&r.drawn, n, "bootstrap draws", err);
    if (rc == WC_OK)
        rc = wc_image_items(scores, labels, n, items, &n_anomalous, err);
    if (rc == WC_OK)
        r.sorted = wc_sort_items(items, scratch, n);
    for (size_t i = 0; i < n_replicates && rc == WC_OK; i++) {
        double v[N_METRICS] = {NAN, NAN, NAN, NAN};
        if (n > 0)
            replicate(&r, wc_rng_mix(seed + (i + 1) * WC_RNG_GAMMA), v);
        for (size_t m = 0; m < N_METRICS; m++)
            value[m][i] = v[m];
    }
    wc_free(items);
    wc_free(scratch);
    wc_free(r.drawn);
    return rc;
}

enum wc_err wc_bootstrap_image(const float *scores, const uint8_t *labels, size_t n,
                               size_t n_replicates, double level, uint64_t seed,
                               struct wc_bootstrap *out, struct wc_error *err) {
    double *values = NULL, *value[N_METRICS];
    WC_TRY(wc_bootstrap_check(n_replicates, level, err));
    WC_TRY(WC_NEW(&values, N_METRICS * n_replicates, "bootstrap replicates", err));
    for (size_t m = 0; m < N_METRICS; m++)
        value[m] = values + m * n_replicates;
    enum wc_err rc = wc_bootstrap_replicates(scores, labels, n, n_replicates, seed, value, err);
    size_t n_defined = 0;
    for (size_t i = 0; i < n_replicates && rc == WC_OK; i++)
        n_defined += isnan(value[AUROC][i]) ? 0 : 1;
    if (rc == WC_OK)
        *out = (struct wc_bootstrap){wc_bootstrap_interval(value[AUROC], n_replicates, level),
                                     wc_bootstrap_interval(value[AP], n_replicates, level),
                                     wc_bootstrap_interval(value[TRAPEZOID], n_replicates, level),
                                     wc_bootstrap_interval(value[F1MAX], n_replicates, level),
                                     n_defined};
    wc_free(values);
    return rc;
}
