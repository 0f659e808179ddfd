#include "eval/metrics.h"

#include "base/alloc.h"
#include "eval/components.h"
#include "eval/curve.h"
#include "eval/score_key.h"
#include "eval/sorted.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RADIX_BITS 8
#define RADIX (1u << RADIX_BITS)

// One stable counting pass over the digit at `shift`; false when all items share it (nothing
// moved).
static bool radix_pass(const uint64_t *from, uint64_t *to, size_t n, unsigned shift) {
    size_t start[RADIX] = {0};
    for (size_t i = 0; i < n; i++)
        start[(from[i] >> shift) & (RADIX - 1)]++;
    if (n == 0 || start[(from[0] >> shift) & (RADIX - 1)] == n)
        return false;
    size_t sum = 0;
    for (unsigned d = 0; d < RADIX; d++) {
        size_t n_digit = start[d];
        start[d] = sum;
        sum += n_digit;
    }
    for (size_t i = 0; i < n; i++)
        to[start[(from[i] >> shift) & (RADIX - 1)]++] = from[i];
    return true;
}

uint64_t *wc_sort_items(uint64_t *items, uint64_t *scratch, size_t n) {
    for (unsigned shift = 32; shift < 64; shift += RADIX_BITS)
        if (radix_pass(items, scratch, n, shift)) {
            uint64_t *swap = items;
            items = scratch;
            scratch = swap;
        }
    return items;
}

enum wc_err wc_image_items(const float *scores, const uint8_t *labels, size_t n, uint64_t *items,
                           uint64_t *n_anomalous, struct wc_error *err) {
    uint64_t n_found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = wc_score_bits(scores[i]);
        if (!wc_bits_finite(bits))
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "scores: element %zu is %g, metrics need finite scores", i,
                            (double)scores[i]);
        items[i] = (uint64_t)wc_bits_key(bits) << 32 | (labels[i] != 0);
        n_found += labels[i] != 0;
    }
    *n_anomalous = n_found;
    return WC_OK;
}

enum wc_err wc_metrics_image(const float *scores, const uint8_t *labels, size_t n,
                             struct wc_metrics *out, struct wc_error *err) {
    uint64_t *items = NULL;
    uint64_t *scratch = NULL;
    struct wc_total total = {0};
    enum wc_err rc = WC_NEW(&items, n, "scores to sort", err);
    if (rc == WC_OK)
        rc = WC_NEW(&scratch, n, "scores to sort", err);
    if (rc == WC_OK)
        rc = wc_image_items(scores, labels, n, items, &total.n_anomalous, err);
    if (rc != WC_OK)
        goto out;
    total.n_normal = n - total.n_anomalous;
    const uint64_t *sorted = wc_sort_items(items, scratch, n);
    struct wc_curve curve;
    wc_curve_begin(&curve, &total, 0);
    for (size_t end = n; end > 0;) {
        uint32_t key = (uint32_t)(sorted[end - 1] >> 32);
        uint64_t count[2] = {0, 0};
        for (; end > 0 && sorted[end - 1] >> 32 == key; end--)
            count[sorted[end - 1] & 1]++;
        wc_curve_step(&curve, count[0], count[1], 0, true, wc_key_score(key));
    }
    struct wc_pixel_metrics m;
    wc_curve_end(&curve, &m, NULL);
    *out = m.pixel;
out:
    wc_free(items);
    wc_free(scratch);
    return rc;
}

// All pixels of all groups: key << 32 | component (0: normal, components counted over all images).
struct pixels {
    uint64_t *items, *scratch; // (n)
    uint32_t *label;           // one image
    size_t n;
    uint32_t *size; // pixels of each component; entry 0 is unused
    uint32_t *seen; // of them, how many are above the threshold
    size_t size_cap;
    struct wc_total total;
};

static enum wc_err add_map(struct pixels *px, size_t first, const float *map, const uint32_t *label,
                           size_t n, struct wc_error *err) {
    uint32_t offset = (uint32_t)px->total.n_components;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = wc_score_bits(map[i]);
        if (!wc_bits_finite(bits))
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "pixel %zu is %g, metrics need finite scores", i, (double)map[i]);
        uint32_t component = label[i] ? label[i] + offset : 0;
        px->items[first + i] = (uint64_t)wc_bits_key(bits) << 32 | component;
        if (component)
            px->size[component]++;
        px->total.n_anomalous += component != 0;
        px->total.n_normal += component == 0;
    }
    return WC_OK;
}

static enum wc_err add_image(struct pixels *px, size_t first, const struct wc_map_group *g,
                             size_t i_image, struct wc_error *err) {
    size_t n_px = g->h * g->w;
    uint32_t n_new = 0;
    WC_TRY(wc_components(g->masks + i_image * n_px, g->h, g->w, px->label, &n_new, err));
    size_t n_sizes = (size_t)px->total.n_components + n_new + 1;
    if (n_sizes > UINT32_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "too-large",
                        "masks: more than 2^32 regions, are they masks?");
    WC_TRY(WC_GROW(&px->size, &px->size_cap, n_sizes, "region sizes", err));
    WC_TRY(add_map(px, first, g->maps + i_image * n_px, px->label, n_px, err));
    px->total.n_components += n_new;
    return WC_OK;
}

static enum wc_err count_pixels(const struct wc_map_group *group, size_t n_groups, size_t *n,
                                size_t *n_image, struct wc_error *err) {
    *n = 0;
    *n_image = 0;
    for (size_t i = 0; i < n_groups; i++) {
        size_t n_px, n_all;
        if (!wc_mul(group[i].h, group[i].w, &n_px) || !wc_mul(n_px, group[i].n, &n_all) ||
            !wc_add(*n, n_all, n))
            return WC_FAULT(err, WC_ERR_DATA, "too-large",
                            "group %zu: %zu maps of %zu x %zu are more than memory can hold", i,
                            group[i].n, group[i].h, group[i].w);
        *n_image = n_px > *n_image ? n_px : *n_image;
    }
    return WC_OK;
}

static enum wc_err collect(struct pixels *px, const struct wc_map_group *group, size_t n_groups,
                           struct wc_error *err) {
    size_t n_image, first = 0;
    WC_TRY(count_pixels(group, n_groups, &px->n, &n_image, err));
    WC_TRY(WC_NEW(&px->items, px->n, "pixels to sort", err));
    WC_TRY(WC_NEW(&px->scratch, px->n, "pixels to sort", err));
    WC_TRY(WC_NEW(&px->label, n_image, "component labels", err));
    WC_TRY(WC_GROW(&px->size, &px->size_cap, 1, "region sizes", err));
    for (size_t i = 0; i < n_groups; i++)
        for (size_t j = 0; j < group[i].n; j++) {
            enum wc_err rc = add_image(px, first, &group[i], j, err);
            if (rc != WC_OK)
                return err ? wc_fail(err, rc, err->fault, "group %zu, map %zu: %s", i, j, err->text)
                           : rc;
            first += group[i].h * group[i].w;
        }
    return WC_NEW(&px->seen, (size_t)px->total.n_components + 1, "regions seen", err);
}

// What component c gains when one more of its pixels is above: the sum of the first k gains is
// floor(k W / size), so PRO is exact to one unit of 2^-62 at every threshold.
static uint64_t gain(struct pixels *px, uint32_t c) {
    wc_u128 k = px->seen[c]++;
    return (uint64_t)((k + 1) * WC_REGION_WEIGHT / px->size[c]) -
           (uint64_t)(k * WC_REGION_WEIGHT / px->size[c]);
}

static void walk(struct pixels *px, struct wc_curve *curve) {
    const uint64_t *sorted = wc_sort_items(px->items, px->scratch, px->n);
    for (size_t end = px->n; end > 0;) {
        uint32_t key = (uint32_t)(sorted[end - 1] >> 32);
        uint64_t count[2] = {0, 0};
        wc_u128 weight = 0;
        for (; end > 0 && sorted[end - 1] >> 32 == key; end--) {
            uint32_t component = (uint32_t)sorted[end - 1];
            count[component != 0]++;
            weight += component ? gain(px, component) : 0;
        }
        wc_curve_step(curve, count[0], count[1], weight, true, wc_key_score(key));
    }
}

enum wc_err wc_fpr_limit_check(double fpr_limit, struct wc_error *err) {
    if (fpr_limit > 0 && fpr_limit <= 1)
        return WC_OK;
    return WC_FAULT(err, WC_ERR_USAGE, "bad-limit",
                    "fpr_limit: %g, needs a number above 0 and not above 1 (0.3 is usual)",
                    fpr_limit);
}

enum wc_err wc_metrics_pixel(const struct wc_map_group *group, size_t n_groups, double fpr_limit,
                             struct wc_pixel_metrics *out, struct wc_error *err) {
    struct pixels px = {0};
    WC_TRY(wc_fpr_limit_check(fpr_limit, err));
    enum wc_err rc = collect(&px, group, n_groups, err);
    if (rc == WC_OK) {
        struct wc_curve curve;
        wc_curve_begin(&curve, &px.total, fpr_limit);
        walk(&px, &curve);
        wc_curve_end(&curve, out, NULL);
    }
    wc_free(px.items);
    wc_free(px.scratch);
    wc_free(px.label);
    wc_free(px.size);
    wc_free(px.seen);
    return rc;
}

enum wc_err wc_metrics_one_map(const float *map, const uint8_t *mask, size_t h, size_t w,
                               double fpr_limit, struct wc_pixel_metrics *out,
                               struct wc_error *err) {
    struct wc_map_group one = {map, mask, 1, h, w};
    return wc_metrics_pixel(&one, 1, fpr_limit, out, err);
}

static void shape_text(const size_t *dim, size_t n_dims, char *text, size_t n_text) {
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_dims && at < n_text; i++)
        at += (size_t)snprintf(text + at, n_text - at, "%s%zu", i ? "," : "", dim[i]);
}

enum wc_err wc_map_group_shape(const char *name, const size_t *map_dim, size_t n_map_dims,
                               const size_t *mask_dim, size_t n_mask_dims,
                               struct wc_map_group *group, struct wc_error *err) {
    bool rank_fits = n_map_dims == n_mask_dims && (n_map_dims == 2 || n_map_dims == 3);
    if (!rank_fits || memcmp(map_dim, mask_dim, n_map_dims * sizeof *map_dim) != 0) {
        char map_text[96], mask_text[96];
        shape_text(map_dim, n_map_dims, map_text, sizeof map_text);
        shape_text(mask_dim, n_mask_dims, mask_text, sizeof mask_text);
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: maps have shape [%s], masks [%s]; both need the same [n,h,w] or [h,w]",
                        name, map_text, mask_text);
    }
    group->n = n_map_dims == 3 ? map_dim[0] : 1;
    group->h = map_dim[n_map_dims - 2];
    group->w = map_dim[n_map_dims - 1];
    return WC_OK;
}
