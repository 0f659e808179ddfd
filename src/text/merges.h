/*
 * A vocabulary of byte-level BPE, read from a merges file.
 *
 * A symbol is a distinct string of the vocabulary, numbered by first appearance: 0..255 the bytes,
 * 256..511 the bytes at a word's end, then one a merge. Immutable after reading, thread-safe.
 */
#ifndef WC_TEXT_MERGES_H
#define WC_TEXT_MERGES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define WC_MERGES_MAX 48894u // 49,152 - 256 - 2: CLIP's vocabulary without bytes and special tokens
#define WC_MERGES_BYTES 256u
#define WC_MERGES_FIRST 512u  // symbol and id of merge 0
#define WC_NO_RANK UINT32_MAX // this pair never merges
#define WC_MERGES_FILE_BYTES                                                                       \
    (16u << 20) // cap of a merges file, as stored and unpacked (CLIP's: 3.2 MB)

struct wc_pair {
    uint32_t left, right; // symbols; left WC_NO_RANK: free slot
    uint32_t rank;        // line of the merge; lower ones go first
    uint32_t merged;      // symbol
};

struct wc_merges {
    size_t n;             // merges
    uint32_t byte[256];   // symbol of each byte; plus 256 at a word's end
    int32_t *id;          // [512 + n] id of each symbol
    struct wc_pair *pair; // hash table of n_slots, a power of two
    size_t n_slots;
};

// Reads a merges file, plain or gzip; NULL: the embedded one; "builtin:N": the first N of it.
// Faults: "bad-gzip", "too-large", "bad-merges".
#define WC_MERGES_BUILTIN "builtin:"
enum wc_err wc_merges_read(const char *path, struct wc_merges *m, struct wc_error *err);
void wc_merges_release(struct wc_merges *m);

// The merge of two symbols, or NULL.
const struct wc_pair *wc_merges_find(const struct wc_merges *m, uint32_t left, uint32_t right);

#endif
