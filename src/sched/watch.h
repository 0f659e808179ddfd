/*
 * Watches over a run while it scores: time limit, ranks that are stuck, and the wait for the last.
 *
 * Open is collective; the others are each rank's own. Rank 0 alone names stuck ranks.
 */
#ifndef WC_SCHED_WATCH_H
#define WC_SCHED_WATCH_H

#include "sched/queue.h"
#include "sched/run.h"

#define WC_WATCH_FACTOR 20.0 // a rank is stuck after so many times the median item,
#define WC_WATCH_LEAST_S 5.0 // but not before: a busy file system may take seconds
#define WC_WATCH_MEDIAN_OF 256

struct wc_watch {
    const struct wc_comm *comm;
    const struct wc_run_options *options;
    double longest_s; // item of this rank
    bool out_of_time;
    // Rank 0: its last items' seconds, and what each rank had in hand when it looked last.
    double seconds[WC_WATCH_MEDIAN_OF];
    size_t n_items;
    char (*host)[64]; // (n_ranks)
    uint64_t *unit, *before;
    double *since_s; // < 0: told already
};

enum wc_err wc_watch_open(const struct wc_comm *c, const struct wc_run_options *options,
                          struct wc_watch *w, struct wc_error *err);
void wc_watch_close(struct wc_watch *w);

// An item of this rank is done.
void wc_watch_item(struct wc_watch *w, double seconds);
// Whether a run must stop: by a signal, or since an item as long as this one might not be finished
// before the time limit.
bool wc_watch_now(const struct wc_run_options *options, double item_s);
// The same for this rank's longest item.
bool wc_watch_must_stop(struct wc_watch *w);
// Rank 0: warns of ranks that hold an item far too long. `name` gives an item's name.
void wc_watch_look(struct wc_watch *w, struct wc_queue *q, const char *(*name)(void *, uint64_t),
                   void *data);
// Waits for all ranks, little of the processor taken, others' requests served; `show` is called now
// and then. Collective.
void wc_watch_wait(struct wc_watch *w, struct wc_queue *q, void (*show)(void *), void *data);

#endif
