#include "text/bpe.h"

#include "base/alloc.h"

#include <assert.h>

#define NONE UINT32_MAX

// The word's symbols form a list; a node is one symbol and keeps the rank of the pair that starts
// at it.
struct wc_bpe_node {
    uint32_t symbol;
    uint32_t prev, next; // NONE at the ends
    uint32_t rank;       // WC_NO_RANK: no merge starts here (also: the node is gone)
};

void wc_bpe_release(struct wc_bpe_scratch *s) {
    wc_free(s->node);
    wc_free(s->heap);
    wc_free(s->fresh);
    *s = (struct wc_bpe_scratch){0};
}

// A heap entry orders by rank, then by place; entries of pairs that are gone stay until they are
// popped.
static uint64_t entry(uint32_t rank, uint32_t at) {
    return (uint64_t)rank << 32 | at;
}

static enum wc_err push(struct wc_bpe_scratch *s, uint64_t e, struct wc_error *err) {
    WC_TRY(WC_GROW(&s->heap, &s->cap_heap, s->n_heap + 1, "BPE queue", err));
    size_t i = s->n_heap++;
    for (; i > 0 && s->heap[(i - 1) / 2] > e; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
    return WC_OK;
}

static uint64_t pop(struct wc_bpe_scratch *s) {
    uint64_t top = s->heap[0], e = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < s->n_heap; i = child) {
        child += child + 1 < s->n_heap && s->heap[child + 1] < s->heap[child];
        if (e <= s->heap[child])
            break;
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = e;
    return top;
}

// Looks the pair at a node up and queues it.
static enum wc_err rank_pair(const struct wc_merges *m, struct wc_bpe_scratch *s, uint32_t at,
                             struct wc_error *err) {
    struct wc_bpe_node *left = &s->node[at];
    if (left->next == NONE)
        return WC_OK;
    const struct wc_pair *pair = wc_merges_find(m, left->symbol, s->node[left->next].symbol);
    if (!pair)
        return WC_OK;
    left->rank = pair->rank;
    return push(s, entry(pair->rank, at), err);
}

static void merge(const struct wc_merges *m, struct wc_bpe_node *node, uint32_t at) {
    struct wc_bpe_node *left = &node[at], *right = &node[left->next];
    left->symbol = wc_merges_find(m, left->symbol, right->symbol)->merged;
    left->rank = right->rank = WC_NO_RANK;
    left->next = right->next;
    if (right->next != NONE)
        node[right->next].prev = at;
    if (left->prev != NONE)
        node[left->prev].rank = WC_NO_RANK;
}

// One round as CLIP's encoder does it: all pairs of the lowest rank, from left to right. Pairs that
// the new symbols form wait for the next round, even where their rank is lower (two merges can make
// the same symbol); none has this round's rank, because a merged symbol is longer than its parts.
static enum wc_err merge_round(const struct wc_merges *m, struct wc_bpe_scratch *s,
                               struct wc_error *err) {
    uint32_t rank = (uint32_t)(s->heap[0] >> 32);
    size_t n_fresh = 0;
    while (s->n_heap > 0 && s->heap[0] >> 32 == rank) {
        uint32_t at = (uint32_t)pop(s);
        if (s->node[at].rank != rank)
            continue;
        merge(m, s->node, at);
        s->fresh[n_fresh++] = at;
    }
    for (size_t i = 0; i < n_fresh; i++) {
        uint32_t before = s->node[s->fresh[i]].prev;
        if (before != NONE)
            WC_TRY(rank_pair(m, s, before, err));
        WC_TRY(rank_pair(m, s, s->fresh[i], err));
    }
    return WC_OK;
}

enum wc_err wc_bpe(const struct wc_merges *m, struct wc_bpe_scratch *s, const unsigned char *word,
                   size_t n, int32_t *ids, size_t max_ids, size_t *n_ids, struct wc_error *err) {
    assert(n > 0 && n < INT32_MAX);
    WC_TRY(WC_GROW(&s->node, &s->cap_node, n, "BPE word", err));
    WC_TRY(WC_GROW(&s->fresh, &s->cap_fresh, n, "BPE word", err));
    s->n_heap = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t symbol = m->byte[word[i]] + (i + 1 == n ? WC_MERGES_BYTES : 0);
        s->node[i] =
            (struct wc_bpe_node){symbol, i ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE, WC_NO_RANK};
    }
    for (uint32_t i = 0; i < n; i++)
        WC_TRY(rank_pair(m, s, i, err));
    while (s->n_heap > 0)
        WC_TRY(merge_round(m, s, err));
    for (uint32_t i = 0; i != NONE && *n_ids < max_ids; i = s->node[i].next)
        ids[(*n_ids)++] = m->id[s->node[i].symbol];
    return WC_OK;
}
