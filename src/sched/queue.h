/*
 * Hand-out of units by one-sided counters: no message to rank 0 an item, rank 0 scores like all
 * others, a fast node simply comes back sooner.
 *
 *     wc_queue_open();
 *     while (wc_queue_next(q, &i)) { wc_queue_hold(q, unit); work; wc_queue_done(q); }
 *     wc_queue_close();
 *
 * One counter in rank 0's memory serves up to 512 ranks. Beyond that, each 64 neighbouring ranks
 * have a range of tickets in their first rank's memory, which whoever finds it empty fills from
 * rank 0's counter: a quarter of the group's even share of what is left beyond the last ticket of
 * each rank, so ranges shrink to single tickets at the end. Those who come while it is being filled
 * take a single ticket from rank 0.
 *
 * Open and close are collective; the others are called by each rank as it likes. Each
 * ticket is given once.
 */
#ifndef WC_SCHED_QUEUE_H
#define WC_SCHED_QUEUE_H

#include "sched/slots.h"

#define WC_QUEUE_FLAT_RANKS 512
#define WC_QUEUE_GROUP_RANKS 64

struct wc_queue {
    struct wc_slots slots;
    uint64_t n; // tickets in all
    int rank, n_ranks, group_ranks, n_groups, leader;
};

// How, for tests; zeros choose by the number of ranks.
struct wc_queue_how {
    int group_ranks;
    bool by_messages;
};

// n < 2^32.
enum wc_err wc_queue_open(const struct wc_comm *c, uint64_t n, struct wc_queue *q,
                          struct wc_error *err);
enum wc_err wc_queue_open_as(const struct wc_comm *c, uint64_t n, const struct wc_queue_how *how,
                             struct wc_queue *q, struct wc_error *err);
// The next ticket, 0 .. n - 1 over all ranks, each once; false when none is left.
bool wc_queue_next(struct wc_queue *q, uint64_t *ticket);
// Tells what this rank has in hand from now on, until wc_queue_done().
void wc_queue_hold(struct wc_queue *q, uint64_t unit);
void wc_queue_done(struct wc_queue *q);
uint64_t wc_queue_n_done(struct wc_queue *q); // over all ranks, so far
// What each rank has in hand, (n_ranks); WC_QUEUE_IDLE: nothing.
#define WC_QUEUE_IDLE UINT64_MAX
void wc_queue_held(struct wc_queue *q, uint64_t *unit);
void wc_queue_stop(struct wc_queue *q); // no further tickets for anybody
void wc_queue_close(struct wc_queue *q);

// Lets MPI move other ranks' requests forward; cheap, to be called between pieces of work.
void wc_queue_progress(struct wc_queue *q);

// Tickets that a group takes when `next` of n are gone; the last n_ranks go one by one. (The
// simulator asks too.)
uint64_t wc_queue_batch(uint64_t n, uint64_t next, uint64_t n_groups, uint64_t n_ranks);

#endif
