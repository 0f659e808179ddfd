/*
 * Independent tasks shared out over all ranks, whatever they are; results come to rank 0.
 *
 *     struct wc_share s = {.comm = &comm, .work = ..., .take = ..., .data = ...};
 *     wc_share_run(&s, n, &n_done, err);
 *
 * One rank takes each result as soon as it is there; several hand theirs over at the end of the
 * call.
 */
#ifndef WC_SCHED_SHARE_H
#define WC_SCHED_SHARE_H

#include "sched/comm.h"
#include "sched/queue.h"

#include <signal.h>

struct wc_share {
    const struct wc_comm *comm;
    // Does task i and appends what it gives to `out`. A failure stops all ranks.
    enum wc_err (*work)(void *data, size_t i, struct wc_buf *out, struct wc_error *err);
    // Rank 0: what task i gave, in the order of i.
    enum wc_err (*take)(void *data, size_t i, const char *bytes, size_t n, struct wc_error *err);
    void *data;
    const volatile sig_atomic_t *stop; // not 0: no further tasks; may be NULL
    struct wc_queue *queue;            // of the call in hand
};

// Tasks 0 .. n - 1, equal n on all ranks. *n_done: how many were done, on all ranks; less than n
// only when stopped. Collective.
enum wc_err wc_share_run(struct wc_share *s, size_t n, size_t *n_done, struct wc_error *err);

// Lets MPI move on; to be called between pieces of work.
void wc_share_progress(const struct wc_share *s);

// Waits for rank 0, which may take hours, without using the processor. Collective.
void wc_share_wait(const struct wc_comm *comm);

#endif
