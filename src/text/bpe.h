/*
 * Byte-pair encoding of one word.
 */
#ifndef WC_TEXT_BPE_H
#define WC_TEXT_BPE_H

#include "base/err.h"
#include "text/merges.h"

#include <stddef.h>
#include <stdint.h>

struct wc_bpe_node;

// Working memory, kept from word to word by one caller; zeroed to start with.
struct wc_bpe_scratch {
    struct wc_bpe_node *node; // one a byte of the word
    size_t cap_node;
    uint64_t *heap;
    size_t n_heap, cap_heap;
    uint32_t *fresh; // nodes merged in this round
    size_t cap_fresh;
};
void wc_bpe_release(struct wc_bpe_scratch *s);

// Appends the ids of word[0..n), 0 < n < 2^31, to ids while *n_ids < max_ids; later ones are
// dropped. O(n log n) for any word. A failure is WC_ERR_NOMEM.
enum wc_err wc_bpe(const struct wc_merges *m, struct wc_bpe_scratch *s, const unsigned char *word,
                   size_t n, int32_t *ids, size_t max_ids, size_t *n_ids, struct wc_error *err);

#endif
