// Histogram metrics against the exact ones, on the golden cases and on random ones: the bounds hold
// in every pass and converge, single-key bins are exact, and any sharing-out gives the same bytes.
#include "golden_metrics.h"

#include "base/rng.h"
#include "eval/binning.h"
#include "eval/histogram.h"
#include "eval/score_key.h"

#include <float.h>

#define TOLERANCE 1e-6
#define MAX_BINS ((size_t)1 << 20)
#define MAX_IMAGES 32

// A case as a list of images, each with its region weights.
struct image {
    const float *map;
    const uint8_t *mask;
    uint64_t *weight;
    size_t n_px;
};

struct data {
    char name[64];
    struct wc_map_group group[MAX_GROUPS];
    size_t n_groups;
    struct image image[MAX_IMAGES];
    size_t n_images;
    uint64_t n_components;
};

static void must(enum wc_err rc, const struct wc_error *err) {
    if (rc == WC_OK)
        return;
    printf("Bail out! %s\n", err->text);
    exit(1);
}

static void add_weights(struct data *d) {
    struct wc_error err = {0};
    d->n_images = 0;
    d->n_components = 0;
    for (size_t g = 0; g < d->n_groups; g++)
        for (size_t i = 0; i < d->group[g].n; i++) {
            const struct wc_map_group *group = &d->group[g];
            struct image *image = &d->image[d->n_images++];
            uint32_t n_components = 0;
            image->n_px = group->h * group->w;
            image->map = group->maps + i * image->n_px;
            image->mask = group->masks + i * image->n_px;
            must(WC_NEW(&image->weight, image->n_px, "weights", &err), &err);
            must(wc_region_weights(image->mask, group->h, group->w, image->weight, &n_components,
                                   &err),
                 &err);
            d->n_components += n_components;
        }
}

static void release_weights(struct data *d) {
    for (size_t i = 0; i < d->n_images; i++)
        wc_free(d->image[i].weight);
}

static void fill(struct wc_histogram *h, const struct wc_binning *b, const struct data *d,
                 size_t rank, size_t n_ranks) {
    struct wc_error err = {0};
    for (size_t i = 0; i < d->n_images; i++)
        if (i * 7919 % 31 % n_ranks == rank) {
            const struct image *m = &d->image[i];
            must(wc_histogram_add(h, b, m->map, m->mask, m->weight, m->n_px, &err), &err);
        }
}

// The data's images over ranks, each with its own histogram, added up as MPI would.
static void reduce(struct wc_histogram *sum, const struct wc_binning *b, const struct data *d,
                   size_t n_ranks) {
    struct wc_error err = {0};
    struct wc_histogram own;
    must(wc_histogram_init(&own, b, &err), &err);
    for (size_t rank = n_ranks; rank-- > 0;) {
        must(wc_histogram_clear(&own, b, &err), &err);
        fill(&own, b, d, rank, n_ranks);
        for (size_t i = 0; i < wc_histogram_n(sum); i++)
            sum->count[i] += own.count[i];
    }
    wc_histogram_release(&own);
}

static const char *const metric_name[] = {"auroc", "ap", "aupr_trapezoid", "f1max", "aupro"};

static void values(const struct wc_pixel_metrics *m, double v[5]) {
    const double all[5] = {m->pixel.auroc, m->pixel.ap, m->pixel.aupr_trapezoid, m->pixel.f1max,
                           m->aupro};
    memcpy(v, all, sizeof all);
}

static void bounds(const struct wc_histogram_metrics *m, double v[5]) {
    const double all[5] = {m->bound_auroc, m->bound_ap, m->bound_aupr_trapezoid, m->bound_f1max,
                           m->bound_aupro};
    memcpy(v, all, sizeof all);
}

// Every metric within its own bound (1e-14 for the exact value's own rounding); NaN where exact is.
static bool holds(const struct wc_histogram_metrics *m, const struct wc_pixel_metrics *exact) {
    double found[5], wanted[5], bound[5], most = 0;
    bool all = true;
    values(&m->value, found);
    values(exact, wanted);
    bounds(m, bound);
    for (int i = 0; i < 5; i++) {
        bool good = isnan(wanted[i]) ? isnan(found[i]) && isnan(bound[i])
                                     : fabs(found[i] - wanted[i]) <= bound[i] + 1e-14;
        if (!good)
            test_note("%s: found %.17g, exact %.17g, bound %g", metric_name[i], found[i], wanted[i],
                      bound[i]);
        most = fmax(most, bound[i]);
        all = all && good;
    }
    return all && m->bound == most && m->value.n_components == exact->n_components &&
           m->value.pixel.n_normal == exact->pixel.n_normal &&
           m->value.pixel.n_anomalous == exact->pixel.n_anomalous;
}

// F1 by counting at a threshold.
static double f1_at(const struct data *d, double threshold) {
    double tp = 0, fp = 0, positives = 0;
    for (size_t i = 0; i < d->n_images; i++)
        for (size_t j = 0; j < d->image[i].n_px; j++) {
            bool above = (double)d->image[i].map[j] >= threshold;
            bool anomalous = d->image[i].mask[j] != 0;
            tp += above && anomalous;
            fp += above && !anomalous;
            positives += anomalous;
        }
    return 2 * tp / (tp + fp + positives);
}

static void check_refined(const struct data *d, const double *limit, size_t n_limits) {
    struct wc_error err = {0};
    struct wc_binning *b = NULL;
    struct wc_histogram h;
    struct wc_histogram_metrics m;
    bool all_hold = true, more = true;
    int n_passes = 0;
    double bound = 0;
    must(wc_binning_new(&b, &err), &err);
    must(wc_histogram_init(&h, b, &err), &err);
    while (more) {
        fill(&h, b, d, 0, 1);
        n_passes++;
        bound = 0;
        for (size_t i = 0; i < n_limits; i++) {
            struct wc_pixel_metrics exact;
            must(wc_metrics_pixel(d->group, d->n_groups, limit[i], &exact, &err), &err);
            must(wc_histogram_metrics(&h, b, limit[i], d->n_components, &m, &err), &err);
            all_hold = holds(&m, &exact) && all_hold;
            bound = fmax(bound, m.bound);
        }
        more = false;
        if (bound > TOLERANCE)
            must(wc_binning_refine_limits(b, &h, limit, n_limits, TOLERANCE, d->n_components,
                                          MAX_BINS, &more, &err),
                 &err);
        if (more)
            must(wc_histogram_clear(&h, b, &err), &err);
    }
    test_ok(all_hold, "%s: bounds hold in all passes", d->name);
    test_ok(bound <= TOLERANCE && n_passes <= 6, "%s: bound %.2g after %d passes, %zu bins",
            d->name, bound, n_passes, wc_binning_n(b));
    if (isfinite(m.value.pixel.f1max))
        test_near(f1_at(d, m.value.pixel.f1max_threshold), m.value.pixel.f1max, 1e-14,
                  "the threshold attains it");
    wc_histogram_release(&h);
    wc_binning_free(&b);
}

// Splits occupied bins until each is a single key.
static void isolate(struct wc_binning *b, struct wc_histogram *h, const struct data *d) {
    struct wc_error err = {0};
    for (bool more = true; more;) {
        uint8_t *split = NULL;
        size_t n = wc_binning_n(b);
        more = false;
        must(WC_NEW(&split, n, "splits", &err), &err);
        for (size_t i = 0; i < n; i++)
            if (h->count[i] + h->count[n + i] && !wc_binning_single(b, i)) {
                split[i] = b->bits[i] < 3 ? b->bits[i] : 3;
                more = true;
            }
        must(wc_binning_split(b, split, &err), &err);
        wc_free(split);
        must(wc_histogram_clear(h, b, &err), &err);
        fill(h, b, d, 0, 1);
    }
}

static void check_single(const struct data *d) {
    struct wc_error err = {0};
    struct wc_binning *b = NULL;
    struct wc_histogram h;
    struct wc_histogram_metrics m;
    struct wc_pixel_metrics exact;
    double found[5], wanted[5];
    bool same = true, changed = true;
    must(wc_binning_new(&b, &err), &err);
    must(wc_histogram_init(&h, b, &err), &err);
    fill(&h, b, d, 0, 1);
    isolate(b, &h, d);
    must(wc_histogram_metrics(&h, b, 0.3, d->n_components, &m, &err), &err);
    must(wc_metrics_pixel(d->group, d->n_groups, 0.3, &exact, &err), &err);
    values(&m.value, found);
    values(&exact, wanted);
    for (int i = 0; i < 5; i++)
        same = same && (isnan(wanted[i]) ? isnan(found[i]) : fabs(found[i] - wanted[i]) <= 1e-12);
    test_ok(same, "%s: single-key bins give the exact metrics", d->name);
    test_ok(m.bound <= 1e-12, "%s: and the bound is rounding, %.2g", d->name, m.bound);
    bool undefined = isnan(exact.pixel.f1max);
    test_ok(m.value.pixel.f1max_n_thresholds == exact.pixel.f1max_n_thresholds &&
                (undefined || m.value.pixel.f1max_threshold == exact.pixel.f1max_threshold),
            "%s: the same threshold", d->name);
    must(wc_binning_refine(b, &h, 0.3, TOLERANCE, d->n_components, MAX_BINS, &changed, &err), &err);
    test_ok(!changed, "%s: nothing is left to split", d->name);
    wc_histogram_release(&h);
    wc_binning_free(&b);
}

// Bins carried as bytes, histograms narrowed to what they hold: nothing changes.
static void check_carried(const struct data *d, const struct wc_binning *b,
                          struct wc_histogram *h) {
    struct wc_error err = {0};
    struct wc_binning *again = NULL;
    struct wc_histogram_metrics wide, narrow;
    struct wc_curve_point point[50];
    size_t n;
    const uint8_t *widths = wc_binning_widths(b, &n);
    must(wc_binning_of_widths(widths, n, &again, &err), &err);
    test_ok(again->n == b->n && memcmp(again->start, b->start, n * sizeof *b->start) == 0 &&
                memcmp(again->bits, b->bits, n) == 0 && again->n_entries == b->n_entries &&
                memcmp(again->entry, b->entry, b->n_entries * sizeof *b->entry) == 0,
            "%s: bins come back from their widths", d->name);
    must(wc_histogram_metrics(h, b, 0.3, d->n_components, &wide, &err), &err);
    wc_histogram_narrow(h);
    must(wc_histogram_metrics(h, b, 0.3, d->n_components, &narrow, &err), &err);
    test_ok(memcmp(&wide, &narrow, sizeof wide) == 0, "%s: narrowed, the same figures", d->name);
    struct wc_histogram sum;
    must(wc_histogram_init(&sum, b, &err), &err);
    wc_histogram_narrow(&sum);
    wc_histogram_sum(&sum, h);
    must(wc_histogram_metrics(&sum, b, 0.3, d->n_components, &narrow, &err), &err);
    test_ok(memcmp(&wide, &narrow, sizeof wide) == 0, "%s: added to nothing, the same figures",
            d->name);
    size_t n_points = wc_histogram_curve(h, b, d->n_components, point, 50);
    bool grows = n_points == 0 ||
                 (point[0].fpr == 0 && point[0].tpr == 0 && n_points >= 2 && n_points <= 50 &&
                  point[n_points - 1].fpr == 1 && point[n_points - 1].tpr == 1);
    for (size_t i = 1; i < n_points; i++)
        grows = grows && point[i].fpr >= point[i - 1].fpr && point[i].tpr >= point[i - 1].tpr &&
                !(point[i].pro < point[i - 1].pro);
    test_ok(grows && (n_points == 0) == isnan(wide.value.pixel.auroc),
            "%s: a curve from (0, 0) to (1, 1), %zu points", d->name, n_points);
    wc_histogram_release(&sum);
    wc_binning_free(&again);
}

// Any number of ranks: the same histogram, and so the same metrics and the same next bins.
static void check_ranks(const struct data *d) {
    struct wc_error err = {0};
    struct wc_binning *b = NULL;
    struct wc_histogram one;
    bool same = true, changed;
    must(wc_binning_new(&b, &err), &err);
    must(wc_histogram_init(&one, b, &err), &err);
    fill(&one, b, d, 0, 1);
    must(wc_binning_refine(b, &one, 0.3, 1e-4, d->n_components, MAX_BINS, &changed, &err), &err);
    must(wc_histogram_clear(&one, b, &err), &err);
    fill(&one, b, d, 0, 1);
    for (size_t n_ranks = 1; n_ranks <= 7; n_ranks++) {
        struct wc_histogram sum;
        must(wc_histogram_init(&sum, b, &err), &err);
        reduce(&sum, b, d, n_ranks);
        same = same && wc_histogram_n(&sum) == wc_histogram_n(&one) &&
               memcmp(sum.count, one.count, wc_histogram_n(&one) * sizeof *one.count) == 0;
        wc_histogram_release(&sum);
    }
    test_ok(same, "%s: 1 to 7 ranks give the same bytes", d->name);
    check_carried(d, b, &one);
    wc_histogram_release(&one);
    wc_binning_free(&b);
}

static void check_data(struct data *d) {
    const double limit[] = {0.3, 0.05, 0.01, 1};
    add_weights(d);
    check_refined(d, limit, 1);
    check_refined(d, limit, 4);
    check_single(d);
    check_ranks(d);
    release_weights(d);
}

static void check_golden(void) {
    struct expected_table table = expected_open();
    struct data d;
    struct wc_error err = {0};
    const char *last = "";
    for (size_t i = 0; i < table.n; i++) {
        const struct expected *row = &table.row[i];
        if (strcmp(row->level, "pixel") != 0 || strcmp(row->name, last) == 0 ||
            strcmp(row->text, "error") == 0)
            continue;
        last = row->name;
        snprintf(d.name, sizeof d.name, "pixel_%s", row->name);
        struct st_file f = st_open(d.name);
        must(golden_groups(&f, d.name, d.group, &d.n_groups, &err), &err);
        check_data(&d);
        st_close(&f);
    }
    wc_free(table.row);
}

/*
 * Random cases: a smooth pattern plus noise, raised by `signal` inside random blobs, then passed
 * through a function of the score.
 */
static double uniform(uint64_t *state) {
    return (double)(wc_rng_next(state) >> 11) * 0x1p-53;
}

static double same(double x) {
    return x;
}
static double four_levels(double x) {
    return floor(4 * x) / 4;
}
static double levels_255(double x) {
    return floor(255 * x) / 255;
}
static double constant(double x) {
    return 0 * x + 0.125;
}
static double heavy_tail(double x) {
    return pow(1 - fmin(x, 1.2) / 1.25, -6) - 1;
}
static double tiny(double x) {
    return x * 2000 * (double)FLT_TRUE_MIN;
}
static double huge(double x) {
    return (x - 0.5) * 0.8 * (double)FLT_MAX;
}
static double negative(double x) {
    return -1 / (x + 0.01);
}
static double saturated(double x) {
    return 1 / (1 + exp(-40 * (x - 0.5)));
}
static double narrow(double x) {
    return 0.5 + 1e-4 * x;
}
static double adjacent(double x) {
    return 0.75 + floor(x * 64) * 0x1p-24;
}
static double many_scales(double x) {
    return exp(60 * (x - 0.7));
}
static double signed_zero(double x) {
    return x < 0.4 ? -0.0 : x < 0.6 ? 0.0 : x;
}
static double inverted(double x) {
    return 1 - x;
}

static const struct kind {
    const char *name;
    double (*score)(double);
    double signal, noise, blobs; // blobs a map; -1: mask all inside
    size_t n, h, w;
} kind[] = {
    {"smooth", same, 0.3, 0.05, 2, 6, 60, 50},
    {"no signal", same, 0, 0.5, 2, 6, 60, 50},
    {"strong signal", same, 2, 0.05, 1, 6, 60, 50},
    {"no noise", same, 0.2, 0, 2, 6, 60, 50},
    {"four levels", four_levels, 0.3, 0.1, 2, 6, 60, 50},
    {"255 levels", levels_255, 0.3, 0.1, 2, 6, 60, 50},
    {"constant", constant, 0.3, 0.1, 2, 6, 60, 50},
    {"heavy tail", heavy_tail, 0.2, 0.1, 2, 6, 60, 50},
    {"tiny", tiny, 0.3, 0.1, 2, 6, 60, 50},
    {"huge", huge, 0.3, 0.1, 2, 6, 60, 50},
    {"negative", negative, 0.3, 0.1, 2, 6, 60, 50},
    {"saturated", saturated, 0.3, 0.1, 2, 6, 60, 50},
    {"narrow", narrow, 0.3, 0.1, 2, 6, 60, 50},
    {"adjacent", adjacent, 0.3, 0.1, 2, 6, 60, 50},
    {"many scales", many_scales, 0.3, 0.1, 2, 6, 60, 50},
    {"signed zero", signed_zero, 0.3, 0.1, 2, 6, 60, 50},
    {"inverted", inverted, 0.3, 0.05, 2, 6, 60, 50},
    {"one class: normal", same, 0.3, 0.1, 0, 4, 60, 50},
    {"one class: anomalous", same, 0.3, 0.1, -1, 4, 60, 50},
    {"one blob in many", same, 0.3, 0.1, 0.1, 30, 20, 20},
    {"mostly anomalous", same, 0.2, 0.2, 30, 6, 30, 40},
    {"one column", same, 0.3, 0.1, 2, 20, 70, 1},
    {"one pixel each", same, 0.3, 0.1, 0.5, 30, 1, 1},
    {"larger", same, 0.25, 0.1, 2, 8, 200, 160},
};

static void draw_blobs(uint8_t *mask, const struct kind *k, uint64_t *state) {
    memset(mask, k->blobs < 0, k->h * k->w);
    double n_blobs = floor(k->blobs + uniform(state));
    for (double i = 0; i < n_blobs; i++) {
        double cy = uniform(state) * (double)k->h, cx = uniform(state) * (double)k->w;
        double r = 1 + uniform(state) * 0.15 * (double)(k->h + k->w);
        for (size_t j = 0; j < k->h * k->w; j++)
            if (hypot((double)(j / k->w) - cy, (double)(j % k->w) - cx) < r)
                mask[j] = (uint8_t)(1 + wc_rng_below(state, 255));
    }
}

static void draw_map(float *map, const uint8_t *mask, const struct kind *k, uint64_t *state) {
    double a = uniform(state) / 6, b = uniform(state) / 6, c = 6 * uniform(state);
    for (size_t i = 0; i < k->h * k->w; i++) {
        double x = 0.4 + 0.2 * sin(a * (double)(i / k->w) + b * (double)(i % k->w) + c);
        x += k->noise * (uniform(state) - 0.5) + (mask[i] ? k->signal * uniform(state) : 0);
        map[i] = (float)k->score(x);
    }
}

static void check_kind(const struct kind *k, uint64_t seed) {
    struct data d = {.n_groups = 1};
    struct wc_error err = {0};
    float *maps = NULL;
    uint8_t *masks = NULL;
    size_t n_px = k->h * k->w;
    uint64_t state = wc_rng_mix(seed);
    must(WC_NEW(&maps, k->n * n_px, "maps", &err), &err);
    must(WC_NEW(&masks, k->n * n_px, "masks", &err), &err);
    for (size_t i = 0; i < k->n; i++) {
        draw_blobs(masks + i * n_px, k, &state);
        draw_map(maps + i * n_px, masks + i * n_px, k, &state);
    }
    snprintf(d.name, sizeof d.name, "%s", k->name);
    d.group[0] = (struct wc_map_group){maps, masks, k->n, k->h, k->w};
    check_data(&d);
    wc_free(maps);
    wc_free(masks);
}

// Every key of the bins' edges is found in its bin, after uneven splits too.
static void check_lookup(void) {
    struct wc_error err = {0};
    struct wc_binning *b = NULL;
    uint64_t state = 620;
    bool found = true, covers = true;
    must(wc_binning_new(&b, &err), &err);
    for (int pass = 0; pass < 3; pass++) {
        uint8_t *split = NULL;
        size_t n = wc_binning_n(b);
        covers = covers && b->start[0] == WC_KEY_FIRST;
        for (size_t i = 0; i < n; i++) {
            uint32_t last = b->start[i] + ((UINT32_C(1) << b->bits[i]) - 1);
            found =
                found && wc_bin_of(b->entry, b->start[i]) == i && wc_bin_of(b->entry, last) == i;
            covers = covers && last == (i + 1 < n ? b->start[i + 1] - 1 : WC_KEY_LAST);
        }
        must(WC_NEW(&split, n, "splits", &err), &err);
        for (size_t i = 0; i < n; i++)
            split[i] =
                wc_rng_below(&state, 500) ? 0 : (uint8_t)wc_rng_below(&state, 1 + b->bits[i]);
        must(wc_binning_split(b, split, &err), &err);
        wc_free(split);
    }
    test_ok(found, "all bins' first and last keys are found in them (%zu bins)", wc_binning_n(b));
    test_ok(covers, "bins cover all finite keys");
    test_ok(wc_binning_score(b, 0) == -FLT_MAX, "from the lowest score");
    wc_binning_free(&b);
}

static void check_left_out(void) {
    struct wc_error err = {0};
    struct wc_binning *b = NULL;
    struct wc_histogram h;
    struct wc_histogram_metrics m, other;
    const float map[6] = {0.1f, NAN, 0.3f, NAN, 0.5f, 0.6f};
    const float bad[6] = {0.1f, NAN, 0.3f, NAN, 0.5f, -INFINITY};
    const uint8_t mask[6] = {0, 0, 0, 1, 1, 1};
    uint64_t weight[6];
    uint32_t n_components = 0;
    must(wc_region_weights(mask, 1, 6, weight, &n_components, &err), &err);
    must(wc_binning_new(&b, &err), &err);
    must(wc_histogram_init(&h, b, &err), &err);
    must(wc_histogram_add(&h, b, map, mask, weight, 6, &err), &err);
    must(wc_histogram_metrics(&h, b, 0.3, n_components, &m, &err), &err);
    test_ok(m.value.pixel.n_normal == 2 && m.value.pixel.n_anomalous == 2, "NaN pixels left out");
    test_near(m.value.aupro, 2.0 / 3, 1e-15, "a region's uncovered pixels are never found");
    test_ok(wc_histogram_add(&h, b, bad, mask, weight, 6, &err) == WC_ERR_DATA &&
                strcmp(err.fault, "non-finite") == 0,
            "infinity: %s", err.text);
    must(wc_histogram_metrics(&h, b, 0.3, n_components, &other, &err), &err);
    test_ok(memcmp(&m, &other, sizeof m) == 0, "the histogram is untouched then");
    test_ok(wc_histogram_metrics(&h, b, 1.5, 1, &m, &err) == WC_ERR_USAGE, "limit: %s", err.text);
    must(wc_histogram_add(&h, b, map, NULL, NULL, 6, &err), &err);
    must(wc_histogram_metrics(&h, b, 0.3, 0, &m, &err), &err);
    test_ok(m.value.pixel.n_normal == 6 && isnan(m.value.aupro) && isnan(m.bound_aupro) &&
                isfinite(m.bound),
            "without a mask all is normal; without regions AUPRO is undefined");
    must(wc_histogram_add(&h, b, map, mask, weight, 6, &err), &err);
    test_ok(wc_histogram_metrics(&h, b, 0.3, 1, &m, &err) == WC_ERR_BUG, "regions: %s", err.text);
    wc_histogram_release(&h);
    wc_binning_free(&b);
}

/*
 * The bounds are no wider than they must be: with all scores in a few bins, in the best or the
 * worst order within each, every metric comes near its bound in one of the orders, and none passes
 * it.
 */
enum order { WORST, BEST_TIED, BEST_APART, N_ORDERS };

// Pixel i of a bin: normal or anomalous ones first; a bin holds 2048 neighbouring floats.
static float ordered_score(enum order order, size_t i_bin, size_t i, bool anomalous) {
    bool first = anomalous == (order != WORST);
    uint32_t ulps = (first ? 1500u : 500u) + (order == BEST_TIED && anomalous ? 0 : (uint32_t)i);
    return wc_key_score(wc_bits_key(wc_score_bits(1 + (float)i_bin / 8)) + ulps);
}

static void check_tight(void) {
    enum { N_BINS = 8, N_EACH = 300 };
    static float map[N_BINS * N_EACH];
    static uint8_t mask[N_BINS * N_EACH];
    struct wc_error err = {0};
    double nearest[5] = {0};
    bool all_hold = true;
    for (int order = 0; order < N_ORDERS; order++) {
        struct data d = {.n_groups = 1, .group = {{map, mask, 1, 1, N_BINS * N_EACH}}};
        struct wc_binning *b = NULL;
        struct wc_histogram h;
        struct wc_histogram_metrics m;
        struct wc_pixel_metrics exact;
        double found[5], wanted[5], bound[5];
        for (size_t i = 0; i < N_BINS * N_EACH; i++) {
            mask[i] = i % N_EACH % 9 < 1 + i / N_EACH; // more anomalous pixels in higher bins
            map[i] = ordered_score((enum order)order, i / N_EACH, i % N_EACH, mask[i]);
        }
        add_weights(&d);
        must(wc_binning_new(&b, &err), &err);
        must(wc_histogram_init(&h, b, &err), &err);
        fill(&h, b, &d, 0, 1);
        must(wc_histogram_metrics(&h, b, 1, d.n_components, &m, &err), &err);
        must(wc_metrics_pixel(d.group, 1, 1, &exact, &err), &err);
        all_hold = holds(&m, &exact) && all_hold;
        values(&m.value, found);
        values(&exact, wanted);
        bounds(&m, bound);
        for (int i = 0; i < 5; i++)
            nearest[i] = fmax(nearest[i], fabs(found[i] - wanted[i]) / bound[i]);
        wc_histogram_release(&h);
        wc_binning_free(&b);
        release_weights(&d);
    }
    test_ok(all_hold, "bounds hold in the best and the worst order");
    for (int i = 0; i < 5; i++)
        test_ok(nearest[i] > 0.97, "%s comes to %.4f of its bound", metric_name[i], nearest[i]);
}

int main(void) {
    check_lookup();
    check_tight();
    check_left_out();
    check_golden();
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        check_kind(&kind[i], 1000 + i);
    return test_done();
}
