/*
 * Hand-out of units by a one-sided counter in rank 0's memory: no message to rank 0 an item, rank 0
 * scores like all others, a fast node simply comes back sooner.
 *
 *     wc_queue_open(); while (wc_queue_next(q, &i)) { work on unit i; wc_queue_done(q); }
 * wc_queue_close();
 *
 * Open and close are collective; the others are called by each rank as it likes.
 */
#ifndef WC_SCHED_QUEUE_H
#define WC_SCHED_QUEUE_H

#include "sched/comm.h"

struct wc_queue {
    MPI_Win window;
    uint64_t *slot; // rank 0: next ticket, units done
    uint64_t n;     // tickets in all
    int rank;
};

enum wc_err wc_queue_open(const struct wc_comm *c, uint64_t n, struct wc_queue *q,
                          struct wc_error *err);
// The next ticket, 0 .. n - 1 over all ranks, each once; false when none is left.
bool wc_queue_next(struct wc_queue *q, uint64_t *ticket);
void wc_queue_done(struct wc_queue *q);
uint64_t wc_queue_n_done(struct wc_queue *q); // over all ranks, so far
void wc_queue_stop(struct wc_queue *q);       // no further tickets for anybody
void wc_queue_close(struct wc_queue *q);

// Lets MPI move other ranks' requests forward; cheap, to be called between pieces of work.
void wc_queue_progress(struct wc_queue *q);

#endif
