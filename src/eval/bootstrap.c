#include "eval/bootstrap.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "eval/curve.h"
#include "eval/score_key.h"
#include "eval/sorted.h"

#include <math.h>
#include <stdlib.h>

enum { AUROC, AP, TRAPEZOID, F1MAX, N_METRICS };

struct resampling {
    const uint64_t *sorted; // (n) key << 32 | label, ascending
    size_t n;
    uint32_t *drawn;          // (n) how often the replicate has each
    double *value[N_METRICS]; // (n_replicates) of the defined ones
    size_t n_defined;
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
static void replicate(struct resampling *r, uint64_t state) {
    struct wc_total total;
    struct wc_curve curve;
    struct wc_pixel_metrics m;
    draw(r, state, &total);
    if (total.n_normal == 0 || total.n_anomalous == 0)
        return;
    wc_curve_begin(&curve, &total, 0);
    for (size_t end = r->n; end > 0;) {
        uint32_t key = (uint32_t)(r->sorted[end - 1] >> 32);
        uint64_t count[2] = {0, 0};
        for (; end > 0 && r->sorted[end - 1] >> 32 == key; end--)
            count[r->sorted[end - 1] & 1] += r->drawn[end - 1];
        wc_curve_step(&curve, count[0], count[1], 0, true, wc_key_score(key));
    }
    wc_curve_end(&curve, &m, NULL);
    const double value[N_METRICS] = {m.pixel.auroc, m.pixel.ap, m.pixel.aupr_trapezoid,
                                     m.pixel.f1max};
    for (size_t i = 0; i < N_METRICS; i++)
        r->value[i][r->n_defined] = value[i];
    r->n_defined++;
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

static struct wc_interval interval(double *v, size_t n, double level) {
    if (n == 0)
        return (struct wc_interval){NAN, NAN};
    qsort(v, n, sizeof *v, compare);
    double tail = (1 - level) / 2;
    return (struct wc_interval){quantile(v, n, tail), quantile(v, n, 1 - tail)};
}

static enum wc_err check(size_t n_replicates, double level, struct wc_error *err) {
    if (n_replicates < 1 || n_replicates > WC_BOOTSTRAP_MAX)
        return WC_FAULT(err, WC_ERR_USAGE, "bad-limit", "bootstrap: %zu replicates, needs 1 to %d",
                        n_replicates, WC_BOOTSTRAP_MAX);
    if (!(level > 0 && level < 1))
        return WC_FAULT(err, WC_ERR_USAGE, "bad-limit",
                        "bootstrap: level %g, needs a number between 0 and 1 (0.95 is usual)",
                        level);
    return WC_OK;
}

enum wc_err wc_bootstrap_image(const float *scores, const uint8_t *labels, size_t n,
                               size_t n_replicates, double level, uint64_t seed,
                               struct wc_bootstrap *out, struct wc_error *err) {
    struct resampling r = {.n = n};
    uint64_t *items = NULL, *scratch = NULL, n_anomalous;
    double *values = NULL;
    WC_TRY(check(n_replicates, level, err));
    enum wc_err rc = WC_NEW(&items, n, "scores to sort", err);
    if (rc == WC_OK)
        rc = WC_NEW(&scratch, n, "scores to sort", err);
    if (rc == WC_OK)
        rc = WC_NEW(&r.drawn, n, "bootstrap draws", err);
    if (rc == WC_OK)
        rc = WC_NEW(&values, N_METRICS * n_replicates, "bootstrap replicates", err);
    if (rc == WC_OK)
        rc = wc_image_items(scores, labels, n, items, &n_anomalous, err);
    if (rc != WC_OK)
        goto out;
    r.sorted = wc_sort_items(items, scratch, n);
    for (size_t i = 0; i < N_METRICS; i++)
        r.value[i] = values + i * n_replicates;
    for (size_t i = 0; i < n_replicates && n > 0; i++)
        replicate(&r, wc_rng_mix(seed + (i + 1) * WC_RNG_GAMMA));
    *out = (struct wc_bootstrap){interval(r.value[AUROC], r.n_defined, level),
                                 interval(r.value[AP], r.n_defined, level),
                                 interval(r.value[TRAPEZOID], r.n_defined, level),
                                 interval(r.value[F1MAX], r.n_defined, level), r.n_defined};
out:
    wc_free(items);
    wc_free(scratch);
    wc_free(r.drawn);
    wc_free(values);
    return rc;
}
