#include "sched/queue.h"

/*
 * Words of a leader: of rank 0 alone the first two, of each group's first rank the others.
 *
 * RANGE holds next << 32 | end. Adding 1 << 32 takes ticket `next` while next < end. Exactly one
 * rank sees next == end: it fetches from rank 0 and sets a new range; whoever sees next > end goes
 * to rank 0 itself. With one group there are no ranges.
 */
enum { NEXT, STOPPED, RANGE, DONE, HELD };

#define RANGE_ONE ((uint64_t)1 << 32)
#define RANGE_CLOSED RANGE_ONE // next 1, end 0: nobody fills it

static uint64_t range(uint64_t next, uint64_t end) {
    return next << 32 | end;
}

enum wc_err wc_queue_open_as(const struct wc_comm *c, uint64_t n, const struct wc_queue_how *how,
                             struct wc_queue *q, struct wc_error *err) {
    int group = how->group_ranks;
    if (group == 0)
        group = c->n_ranks > WC_QUEUE_FLAT_RANKS ? WC_QUEUE_GROUP_RANKS : c->n_ranks;
    *q = (struct wc_queue){.n = n,
                           .rank = c->rank,
                           .n_ranks = c->n_ranks,
                           .group_ranks = group,
                           .n_groups = (c->n_ranks + group - 1) / group,
                           .leader = c->rank / group * group};
    size_t words = c->rank == q->leader ? HELD + (size_t)group : 0;
    return wc_slots_open(c, words, how->by_messages, &q->slots, err);
}

enum wc_err wc_queue_open(const struct wc_comm *c, uint64_t n, struct wc_queue *q,
                          struct wc_error *err) {
    return wc_queue_open_as(c, n, &(struct wc_queue_how){0}, q, err);
}

uint64_t wc_queue_batch(uint64_t n, uint64_t next, uint64_t n_groups, uint64_t n_ranks) {
    // A ticket in a range whose ranks are all busy would wait for one of them.
    uint64_t batch = next + n_ranks < n ? (n - next - n_ranks) / (4 * n_groups) : 0;
    return batch > 0 ? batch : 1;
}

// From rank 0's counter: `count` tickets from *ticket on, of which those below n exist.
static bool from_root(struct wc_queue *q, uint64_t count, uint64_t *ticket) {
    *ticket = wc_slots_fetch(&q->slots, 0, NEXT, count, WC_SLOTS_ADD);
    return *ticket < q->n;
}

static bool refill(struct wc_queue *q, uint64_t *ticket) {
    uint64_t next = wc_slots_fetch(&q->slots, 0, NEXT, 0, WC_SLOTS_GET);
    uint64_t batch = wc_queue_batch(q->n, next, (uint64_t)q->n_groups, (uint64_t)q->n_ranks);
    bool some = from_root(q, batch, ticket);
    uint64_t end = *ticket + batch < q->n ? *ticket + batch : q->n;
    wc_slots_fetch(&q->slots, q->leader, RANGE, some ? range(*ticket + 1, end) : RANGE_CLOSED,
                   WC_SLOTS_SET);
    // Whoever stops sets STOPPED first and closes the ranges then: one of us two closes this one.
    if (some && wc_slots_fetch(&q->slots, 0, STOPPED, 0, WC_SLOTS_GET) != 0)
        wc_slots_fetch(&q->slots, q->leader, RANGE, RANGE_CLOSED, WC_SLOTS_SET);
    return some;
}

bool wc_queue_next(struct wc_queue *q, uint64_t *ticket) {
    if (q->n_groups == 1)
        return from_root(q, 1, ticket);
    uint64_t found = wc_slots_fetch(&q->slots, q->leader, RANGE, RANGE_ONE, WC_SLOTS_ADD);
    uint64_t next = found >> 32, end = found & 0xffffffffu;
    if (next > end)
        return from_root(q, 1, ticket);
    if (next == end)
        return refill(q, ticket);
    *ticket = next;
    return true;
}

void wc_queue_hold(struct wc_queue *q, uint64_t unit) {
    wc_slots_put(&q->slots, q->leader, HELD + (size_t)(q->rank - q->leader), unit + 1);
}

void wc_queue_done(struct wc_queue *q) {
    wc_slots_put(&q->slots, q->leader, HELD + (size_t)(q->rank - q->leader), 0);
    wc_slots_fetch(&q->slots, q->leader, DONE, 1, WC_SLOTS_ADD);
}

uint64_t wc_queue_n_done(struct wc_queue *q) {
    uint64_t n = 0;
    for (int leader = 0; leader < q->n_ranks; leader += q->group_ranks)
        n += wc_slots_fetch(&q->slots, leader, DONE, 0, WC_SLOTS_GET);
    return n;
}

void wc_queue_held(struct wc_queue *q, uint64_t *unit) {
    for (int leader = 0; leader < q->n_ranks; leader += q->group_ranks) {
        int left = q->n_ranks - leader, n = left < q->group_ranks ? left : q->group_ranks;
        wc_slots_read(&q->slots, leader, HELD, (size_t)n, unit + leader);
    }
    for (int r = 0; r < q->n_ranks; r++)
        unit[r] = unit[r] == 0 ? WC_QUEUE_IDLE : unit[r] - 1;
}

void wc_queue_stop(struct wc_queue *q) {
    wc_slots_fetch(&q->slots, 0, STOPPED, 1, WC_SLOTS_SET);
    wc_slots_fetch(&q->slots, 0, NEXT, q->n, WC_SLOTS_SET);
    for (int leader = 0; q->n_groups > 1 && leader < q->n_ranks; leader += q->group_ranks)
        wc_slots_fetch(&q->slots, leader, RANGE, RANGE_CLOSED, WC_SLOTS_SET);
}

void wc_queue_close(struct wc_queue *q) {
    wc_slots_close(&q->slots);
}

void wc_queue_progress(struct wc_queue *q) {
    wc_slots_progress(&q->slots);
}
