/*
 * What a run would take on more ranks than there are: the seconds that items took in a run are
 * replayed through the hand-out's rules and a model of what MPI costs.
 *
 * Model: a rank asks its counter, works, asks again. Up to WC_QUEUE_FLAT_RANKS ranks ask rank 0,
 * more ask the first rank of their group, which asks rank 0 for ranges of wc_queue_batch() tickets
 * (sched/queue.c, whose rules are taken from there). Every counter serves one question at a time,
 * `service_s` each; a question is `latency_s` on its way, there and back. Items are drawn from
 * the measured ones in turn. A rank whose category's prototypes are not there yet waits for them;
 * rank 0 makes them, one category after the other, `prototype_s` each, before its own first item.
 * At the end the histograms of each category and variant go up a tree of ranks, `reduce_bytes`
 * in all at `bandwidth`, ceil(log2(ranks)) times. Not in the model: reading images (it is in the
 * items' seconds, as it was measured), file systems that slow down with many readers, starting.
 *
 * Pure functions of their arguments; no MPI.
 */
#ifndef WC_SCHED_SIMULATE_H
#define WC_SCHED_SIMULATE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct wc_simulation {
    const double *item_s; // (n_measured)
    size_t n_measured;
    size_t n_items, n_ranks;
    double slow_part;   // of the ranks, whose items take `slow_factor` times as long
    double slow_factor; // 1 or 0: all alike
    double latency_s, service_s;
    size_t n_categories;
    double prototype_s; // a category
    double reduce_bytes, bandwidth;
};

struct wc_simulated {
    double wall_s, busy_s;   // of the run; of all ranks together
    double efficiency;       // busy / (ranks x wall)
    double tail_s;           // from the first rank that found nothing left to the last one's end
    double hand_out_s;       // a rank's mean wait for its counter, in all
    double prototype_wait_s; // a rank's mean wait for prototypes
    double reduce_s;
    size_t most_items, n_asked; // of a rank; questions to rank 0
    double slow_share;          // of the items that slow ranks did
};

enum wc_err wc_simulate(const struct wc_simulation *s, struct wc_simulated *out,
                        struct wc_error *err);

// What keeps the efficiency from 1, in words.
const char *wc_simulated_limit(const struct wc_simulation *s, const struct wc_simulated *r);

#endif
