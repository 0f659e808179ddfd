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

// An interval of keys that an entry stands for, [first, first + 2^bits), and the bins in it.
struct cell {
    size_t i_entry;
    uint32_t first;
    unsigned bits;
    size_t i_bin, end_bin;
};

static size_t first_bin_from(const struct wc_binning *b, size_t i, size_t end, uint64_t key) {
    while (i < end && b->start[i] < key)
        i++;
    return i;
}

// Bins of one width fill the cell as its equal parts. Otherwise the parts have the widest bin's
// width, so that no part is empty and parts number no more than bins; each has narrower bins only,
// so that the depth is at most 17.
static enum wc_err fill_entry(struct wc_binning *b, struct cell c, struct wc_error *err) {
    unsigned widest = 0, narrowest = c.bits;
    for (size_t i = c.i_bin; i < c.end_bin; i++) {
        widest = b->bits[i] > widest ? b->bits[i] : widest;
        narrowest = b->bits[i] < narrowest ? b->bits[i] : narrowest;
    }
    uint32_t n_parts = UINT32_C(1) << (c.bits - widest);
    bool inner = widest != narrowest;
    size_t base = inner ? b->n_entries : c.i_bin;
    b->entry[c.i_entry] =
        (struct wc_bin_entry){(uint32_t)base, (uint16_t)(n_parts - 1), (uint8_t)widest, inner};
    if (!inner)
        return WC_OK;
    b->n_entries += n_parts;
    WC_TRY(WC_GROW(&b->entry, &b->cap_entries, b->n_entries, "bin table", err));
    size_t i_bin = c.i_bin;
    for (uint32_t i = 0; i < n_parts; i++) {
        uint64_t first = (uint64_t)c.first + ((uint64_t)i << widest);
        size_t end = first_bin_from(b, i_bin, c.end_bin, first + (UINT64_C(1) << widest));
        WC_TRY(fill_entry(b, (struct cell){base + i, (uint32_t)first, widest, i_bin, end}, err));
        i_bin = end;
    }
    return WC_OK;
}

static enum wc_err fill_table(struct wc_binning *b, struct wc_error *err) {
    b->n_entries = N_ROOTS;
    WC_TRY(WC_GROW(&b->entry, &b->cap_entries, b->n_entries, "bin table", err));
    size_t i_bin = 0;
    for (uint32_t i = ROOT_FIRST; i <= ROOT_LAST; i++) {
        uint64_t first = (uint64_t)i << WC_ROOT_BITS;
        size_t end = first_bin_from(b, i_bin, b->n, first + (UINT64_C(1) << WC_ROOT_BITS));
        WC_TRY(fill_entry(b, (struct cell){i, (uint32_t)first, WC_ROOT_BITS, i_bin, end}, err));
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
