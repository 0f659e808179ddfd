#include "eval/components.h"

#include "base/alloc.h"

// Provisional labels as a forest: parent[i] <= i, a root is its own parent.
struct forest {
    uint32_t *parent; // (cap); entry 0 is the outside
    size_t cap;
    uint32_t n; // provisional labels given out so far
};

static uint32_t find_root(uint32_t *parent, uint32_t i) {
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

// The smaller root wins, so that a tree's root is always the label of its first pixel.
static uint32_t join(uint32_t *parent, uint32_t a, uint32_t b) {
    a = find_root(parent, a);
    b = find_root(parent, b);
    uint32_t low = a < b ? a : b;
    parent[a] = low;
    parent[b] = low;
    return low;
}

// Label of pixel x given its four neighbours that come earlier: west, and three in the row above.
static enum wc_err label_pixel(struct forest *f, const uint32_t *above, const uint32_t *row,
                               size_t x, size_t w, uint32_t *label, struct wc_error *err) {
    uint32_t near[4] = {x ? row[x - 1] : 0, above && x ? above[x - 1] : 0, above ? above[x] : 0,
                        above && x + 1 < w ? above[x + 1] : 0};
    uint32_t found = 0;
    for (int i = 0; i < 4; i++)
        if (near[i])
            found = found ? join(f->parent, found, near[i]) : near[i];
    if (!found) {
        found = f->n + 1;
        WC_TRY(WC_GROW(&f->parent, &f->cap, (size_t)found + 1, "component labels", err));
        f->parent[found] = found;
        f->n = found;
    }
    *label = found;
    return WC_OK;
}

static enum wc_err label_rows(struct forest *f, const uint8_t *mask, size_t h, size_t w,
                              uint32_t *label, struct wc_error *err) {
    for (size_t y = 0; y < h; y++) {
        uint32_t *row = label + y * w;
        const uint32_t *above = y ? row - w : NULL;
        for (size_t x = 0; x < w; x++) {
            row[x] = 0;
            if (mask[y * w + x])
                WC_TRY(label_pixel(f, above, row, x, w, &row[x], err));
        }
    }
    return WC_OK;
}

// Parents become final numbers: roots count up in their order, which is that of first pixels.
static uint32_t number_roots(struct forest *f) {
    uint32_t n = 0;
    for (uint32_t i = 1; i <= f->n; i++)
        f->parent[i] = f->parent[i] == i ? ++n : f->parent[f->parent[i]];
    return n;
}

enum wc_err wc_components(const uint8_t *mask, size_t h, size_t w, uint32_t *label, uint32_t *n,
                          struct wc_error *err) {
    size_t n_px;
    if (!wc_mul(h, w, &n_px) || n_px >= UINT32_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "too-large",
                        "mask: %zu x %zu pixels, components are labelled below 2^32 pixels; reduce "
                        "the evaluation size",
                        h, w);
    struct forest f = {0};
    enum wc_err rc = label_rows(&f, mask, h, w, label, err);
    if (rc == WC_OK) {
        *n = number_roots(&f);
        for (size_t i = 0; i < n_px; i++)
            label[i] = label[i] ? f.parent[label[i]] : 0;
    }
    wc_free(f.parent);
    return rc;
}
