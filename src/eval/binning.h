/*
 * Bins of keys and the table that finds a key's bin. Private to eval.
 *
 * A bin is a dyadic interval of keys, [start, start + 2^bits), so that splitting is exact and the
 * lookup is a radix tree: the key's upper 16 bits choose an entry; each entry cuts its interval
 * into equal parts, which are bins, or entries again where some are split further. Most keys take
 * two loads and a shift.
 */
#ifndef WC_EVAL_BINNING_H
#define WC_EVAL_BINNING_H

#include "eval/histogram.h"

#define WC_ROOT_BITS 16 // key bits below those that choose a root entry

struct wc_bin_entry {
    uint32_t base; // first bin, or first entry
    uint16_t mask; // number of parts - 1
    uint8_t shift; // part = key >> shift & mask
    uint8_t inner; // parts are entries
};

struct wc_binning {
    size_t n;
    uint32_t *start; // (n) lowest key, ascending
    uint8_t *bits;   // (n) log2 of the keys held
    size_t n_entries, cap_entries;
    struct wc_bin_entry *entry; // root first: (2^16), then inner nodes' parts
};

static inline uint32_t wc_bin_of(const struct wc_bin_entry *entry, uint32_t key) {
    const struct wc_bin_entry *e = &entry[key >> WC_ROOT_BITS];
    while (e->inner)
        e = &entry[e->base + ((key >> e->shift) & e->mask)];
    return e->base + ((key >> e->shift) & e->mask);
}

// Splits bin i of b into 2^split[i] equal bins (split[i] <= bits[i]). On failure b is as it was.
enum wc_err wc_binning_split(struct wc_binning *b, const uint8_t *split, struct wc_error *err);

// Reads bin i of h as a step's own samples (n, p, w, exact).
struct wc_step;
void wc_histogram_step(const struct wc_histogram *h, const struct wc_binning *b, size_t i,
                       struct wc_step *s);
// Sums over all bins; WC_ERR_BUG when h does not fit b, WC_ERR_DATA when a sum could overflow.
struct wc_total;
enum wc_err wc_histogram_total(const struct wc_histogram *h, const struct wc_binning *b,
                               uint64_t n_components, struct wc_total *total, struct wc_error *err);

#endif
