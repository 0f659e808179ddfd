#include "eval/binning.h"

#include "base/alloc.h"
#include "eval/score_key.h"

#define N_ROOTS (1u << (32 - WC_ROOT_BITS))
#define ROOT_FIRST (WC_KEY_FIRST >> WC_ROOT_BITS)
#define ROOT_LAST (WC_KEY_LAST >> WC_ROOT_BITS)

// Scores are mostly between 2^-14 and 2 (probabilities, cosine distances): there the coarse bins
// are 2^5 times finer (1/4096 of the score), which costs 60,000 bins and often saves a pass.
#define FINE_FIRST 0x1p-14f
#define FINE_END 2.0f
#define FINE_BITS 5

static void tree_release(struct wc_binning *b) {
    wc_free(b->start);
    wc_free(b->bits);
    wc_free(b->entry);
}

void wc_binning_free(struct wc_binning **b) {
    if (!*b)
        return;
    tree_release(*b);
    wc_free(*b);
    *b = NULL;
}

size_t wc_binning_n(const struct wc_binning *b) {
    return b->n;
}

float wc_binning_score(const struct wc_binning *b, size_t i) {
    return wc_key_score(b->start[i]);
}

bool wc_binning_single(const struct wc_binning *b, size_t i) {
    return b->bits[i] == 0;
}

// An interval of keys that an entry stands for, [first, first + 2^bits), and the bins that it
// meets.
struct cell {
    size_t i_entry;
    uint32_t first;
    unsigned bits;
    size_t i_bin, end_bin;
};

// Entries that parts of 2^bits keys would need: one each, and those below the parts in which bins
// differ in width (for which their number of bins stands).
static size_t part_cost(const struct wc_binning *b, const struct cell *c, unsigned bits) {
    size_t cost = (size_t)1 << (c->bits - bits);
    size_t i_first = c->i_bin; // first bin of the part
    bool differ = false;
    for (size_t i = c->i_bin + 1; i <= c->end_bin; i++) {
        if (i == c->end_bin || b->start[i] >> bits != b->start[i_first] >> bits) {
            cost += differ ? i - i_first : 0;
            i_first = i;
            differ = false;
        } else {
            differ = differ || b->bits[i] != b->bits[i_first];
        }
    }
    return cost;
}

// log2 of the keys of a part, so that the table is small: it should stay in the cache. The cell
// itself when its bins have one width.
static unsigned part_bits(const struct wc_binning *b, const struct cell *c) {
    unsigned best = c->bits;
    size_t best_cost = part_cost(b, c, c->bits);
    if (best_cost == 1)
        return best;
    best_cost = SIZE_MAX;
    for (unsigned bits = 0; bits < c->bits; bits++) {
        size_t cost = part_cost(b, c, bits);
        best = cost <= best_cost ? bits : best;
        best_cost = cost <= best_cost ? cost : best_cost;
    }
    return best;
}

static enum wc_err fill_entry(struct wc_binning *b, struct cell c, struct wc_error *err) {
    unsigned bits = part_bits(b, &c), own = b->bits[c.i_bin];
    if (bits == c.bits) { // bins of one width fill the cell, or one bin is wider than it
        uint32_t n_bins = own < bits ? UINT32_C(1) << (bits - own) : 1;
        b->entry[c.i_entry] = (struct wc_bin_entry){(uint32_t)c.i_bin, (uint16_t)(n_bins - 1),
                                                    (uint8_t)(own < bits ? own : 0), 0};
        return WC_OK;
    }
    uint32_t n_parts = UINT32_C(1) << (c.bits - bits);
    size_t base = b->n_entries, i_bin = c.i_bin;
    b->entry[c.i_entry] =
        (struct wc_bin_entry){(uint32_t)base, (uint16_t)(n_parts - 1), (uint8_t)bits, 1};
    b->n_entries += n_parts;
    WC_TRY(WC_GROW(&b->entry, &b->cap_entries, b->n_entries, "bin table", err));
    for (uint32_t i = 0; i < n_parts; i++) {
        uint64_t first = (uint64_t)c.first + ((uint64_t)i << bits);
        uint64_t next = first + (UINT64_C(1) << bits);
        size_t end = i_bin + 1;
        while (end < c.end_bin && b->start[end] < next)
            end++;
        WC_TRY(fill_entry(b, (struct cell){base + i, (uint32_t)first, bits, i_bin, end}, err));
        i_bin = end < c.end_bin && b->start[end] == next ? end : end - 1;
    }
    return WC_OK;
}

static enum wc_err fill_table(struct wc_binning *b, struct wc_error *err) {
    b->n_entries = N_ROOTS;
    WC_TRY(WC_GROW(&b->entry, &b->cap_entries, b->n_entries, "bin table", err));
    size_t i_bin = 0;
    for (uint32_t i = ROOT_FIRST; i <= ROOT_LAST; i++) {
        uint32_t first = i << WC_ROOT_BITS;
        size_t end = i_bin;
        while (end < b->n && b->start[end] >> WC_ROOT_BITS == i)
            end++;
        WC_TRY(fill_entry(b, (struct cell){i, first, WC_ROOT_BITS, i_bin, end}, err));
        i_bin = end;
    }
    return WC_OK;
}

// The bins of b, each cut into 2^split[i].
static enum wc_err make_split(const struct wc_binning *b, const uint8_t *split,
                              struct wc_binning *out, struct wc_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += (size_t)1 << split[i];
    if (n > UINT32_MAX / 2)
        return WC_FAIL(err, WC_ERR_BUG, "histogram: %zu bins, at most 2^31 can be numbered", n);
    WC_TRY(WC_NEW(&out->start, n, "bins", err));
    WC_TRY(WC_NEW(&out->bits, n, "bins", err));
    for (size_t i = 0; i < b->n; i++) {
        unsigned bits = (unsigned)b->bits[i] - split[i];
        for (uint32_t j = 0; j < UINT32_C(1) << split[i]; j++) {
            out->start[out->n] = b->start[i] + (j << bits);
            out->bits[out->n++] = (uint8_t)bits;
        }
    }
    return fill_table(out, err);
}

enum wc_err wc_binning_split(struct wc_binning *b, const uint8_t *split, struct wc_error *err) {
    struct wc_binning fresh = {0};
    enum wc_err rc = make_split(b, split, &fresh, err);
    if (rc != WC_OK) {
        tree_release(&fresh);
        return rc;
    }
    tree_release(b);
    *b = fresh;
    return WC_OK;
}

enum wc_err wc_binning_new(struct wc_binning **out, struct wc_error *err) {
    struct wc_binning *b = NULL;
    uint8_t *split = NULL;
    const size_t n_roots = ROOT_LAST - ROOT_FIRST + 1;
    uint32_t fine_first = wc_bits_key(wc_score_bits(FINE_FIRST));
    uint32_t fine_end = wc_bits_key(wc_score_bits(FINE_END));
    enum wc_err rc = WC_NEW(&b, 1, "bins", err);
    if (rc != WC_OK)
        return rc;
    rc = WC_NEW(&b->start, n_roots, "bins", err);
    if (rc == WC_OK)
        rc = WC_NEW(&b->bits, n_roots, "bins", err);
    if (rc == WC_OK)
        rc = WC_NEW(&split, n_roots, "bins", err);
    if (rc != WC_OK)
        goto out;
    for (; b->n < n_roots; b->n++) {
        uint32_t start = (ROOT_FIRST + (uint32_t)b->n) << WC_ROOT_BITS;
        b->start[b->n] = start;
        b->bits[b->n] = WC_ROOT_BITS;
        split[b->n] = start >= fine_first && start < fine_end ? FINE_BITS : 0;
    }
    rc = wc_binning_split(b, split, err);
out:
    wc_free(split);
    if (rc == WC_OK)
        *out = b;
    else
        wc_binning_free(&b);
    return rc;
}

const uint8_t *wc_binning_widths(const struct wc_binning *b, size_t *n) {
    *n = b->n;
    return b->bits;
}

enum wc_err wc_binning_of_widths(const uint8_t *widths, size_t n, struct wc_binning **out,
                                 struct wc_error *err) {
    struct wc_binning *b = NULL;
    uint64_t at = (uint64_t)ROOT_FIRST << WC_ROOT_BITS;
    WC_TRY(WC_NEW(&b, 1, "bins", err));
    enum wc_err rc = WC_NEW(&b->start, n, "bins", err);
    if (rc == WC_OK)
        rc = WC_NEW(&b->bits, n, "bins", err);
    for (; rc == WC_OK && b->n < n; b->n++) {
        b->start[b->n] = (uint32_t)at;
        b->bits[b->n] = widths[b->n];
        at += UINT64_C(1) << (widths[b->n] & 31);
    }
    if (rc == WC_OK && at != (uint64_t)(ROOT_LAST + 1) << WC_ROOT_BITS)
        rc = WC_FAIL(err, WC_ERR_BUG, "histogram: widths of %zu bins do not fill the range", n);
    if (rc == WC_OK)
        rc = fill_table(b, err);
    if (rc == WC_OK)
        *out = b;
    else
        wc_binning_free(&b);
    return rc;
}
