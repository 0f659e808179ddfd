// Bootstrap intervals of image metrics. Images are drawn within each category, with a stream of its
// own; the mean's replicate r is the mean of the categories' replicates r.
#include "report/report.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "eval/bootstrap.h"

#include <math.h>
#include <string.h>

static const char *const metric_name[WC_BOOTSTRAP_METRICS] = {"auroc", "ap", "aupr_trapezoid",
                                                              "f1max"};

struct work {
    struct wc_report *r;
    const struct wc_bootstrap_options *o;
    float *score;        // (n_images)
    uint8_t *label;      // (n_images)
    double *value, *sum; // (WC_BOOTSTRAP_METRICS, n_replicates): of a category; of all so far
};

// The intervals of `value` go to the rows of a category; the values are sorted.
static void put(struct work *w, const struct wc_report_variant *v, const char *category,
                double *value) {
    for (size_t m = 0; m < WC_BOOTSTRAP_METRICS; m++) {
        struct wc_interval i =
            wc_bootstrap_interval(value + m * w->o->n_replicates, w->o->n_replicates, w->o->level);
        for (size_t k = 0; k < w->r->n_rows; k++)
            if (wc_report_row_is(&w->r->row[k], v, category, metric_name[m])) {
                w->r->row[k].low = i.low;
                w->r->row[k].high = i.high;
            }
    }
}

static enum wc_err one_category(struct work *w, size_t variant, const char *category,
                                struct wc_error *err) {
    const struct wc_report *r = w->r;
    size_t n = 0, n_values = w->o->n_replicates;
    double *value[WC_BOOTSTRAP_METRICS];
    for (size_t i = 0; i < r->n_images; i++) {
        double score = r->score[variant * r->n_images + i];
        if (isnan(score) || r->image[i].label < 0 || strcmp(r->image[i].category, category) != 0)
            continue;
        w->score[n] = (float)score;
        w->label[n++] = (uint8_t)r->image[i].label;
    }
    for (size_t m = 0; m < WC_BOOTSTRAP_METRICS; m++)
        value[m] = w->value + m * n_values;
    uint64_t stream = w->o->seed + wc_fnv1a64(category, strlen(category));
    WC_TRY(wc_bootstrap_replicates(w->score, w->label, n, n_values, stream, value, err));
    for (size_t i = 0; i < WC_BOOTSTRAP_METRICS * n_values; i++)
        w->sum[i] += w->value[i] / (double)r->n_categories;
    put(w, &r->variant[variant], category, w->value);
    return WC_OK;
}

static enum wc_err all(struct work *w, struct wc_error *err) {
    struct wc_report *r = w->r;
    size_t n = WC_BOOTSTRAP_METRICS * w->o->n_replicates;
    WC_TRY(WC_NEW(&w->score, r->n_images + 1, "bootstrap", err));
    WC_TRY(WC_NEW(&w->label, r->n_images + 1, "bootstrap", err));
    WC_TRY(WC_NEW(&w->value, n, "bootstrap", err));
    WC_TRY(WC_NEW(&w->sum, n, "bootstrap", err));
    for (size_t v = 0; v < r->n_variants; v++) {
        for (size_t i = 0; i < n; i++)
            w->sum[i] = 0;
        for (size_t c = 0; c < r->n_categories; c++)
            WC_TRY(one_category(w, v, r->category[c].name, err));
        put(w, &r->variant[v], WC_REPORT_MEAN, w->sum);
    }
    return WC_OK;
}

enum wc_err wc_report_bootstrap(struct wc_report *r, const struct wc_bootstrap_options *options,
                                struct wc_error *err) {
    struct work w = {.r = r, .o = options};
    r->provenance.bootstrap = *options;
    if (options->n_replicates == 0)
        return WC_OK;
    WC_TRY(wc_bootstrap_check(options->n_replicates, options->level, err));
    enum wc_err rc = all(&w, err);
    wc_free(w.score);
    wc_free(w.label);
    wc_free(w.value);
    wc_free(w.sum);
    return rc;
}
