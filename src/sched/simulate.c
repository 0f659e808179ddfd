#include "sched/simulate.h"

#include "base/alloc.h"
#include "sched/queue.h"

#include <math.h>

// A counter: when it is free again, and a leader's range.
struct counter {
    double free_s;
    uint64_t next, end;
};

struct rank {
    double at_s; // when it asks for its next item
    double busy_s, asked_s, waited_s;
    size_t n_items;
    bool done;
};

struct sim {
    const struct wc_simulation *s;
    struct rank *rank;
    struct counter *leader;
    size_t *heap; // ranks, the one that asks first on top
    size_t n_heap, group, n_groups;
    struct counter root;
    size_t n_asked;
    double first_idle_s, end_s;
};

// The time at which the answer is back.
static double ask(const struct sim *m, struct counter *c, double at_s) {
    double arrives = at_s + m->s->latency_s / 2;
    double starts = arrives > c->free_s ? arrives : c->free_s;
    c->free_s = starts + m->s->service_s;
    return c->free_s + m->s->latency_s / 2;
}

static double ask_root(struct sim *m, uint64_t count, uint64_t *ticket, double at_s) {
    double back = ask(m, &m->root, at_s);
    m->n_asked++;
    *ticket = m->root.next;
    m->root.next += count;
    return back;
}

// As wc_queue_next(): *ticket >= n_items when none is left. When the answer is there.
static double next_ticket(struct sim *m, size_t r, uint64_t *ticket, double at_s) {
    const uint64_t n = m->s->n_items;
    if (m->n_groups == 1)
        return ask_root(m, 1, ticket, at_s);
    struct counter *c = &m->leader[r / m->group];
    double back = ask(m, c, at_s);
    if (c->next > c->end)
        return ask_root(m, 1, ticket, back);
    if (c->next < c->end) {
        *ticket = c->next++;
        return back;
    }
    // Reads the counter, takes a range, publishes it: three more questions.
    uint64_t seen, batch;
    back = ask_root(m, 0, &seen, back);
    batch = wc_queue_batch(n, seen, m->n_groups, m->s->n_ranks);
    back = ask_root(m, batch, ticket, back);
    c->next = *ticket < n ? *ticket + 1 : 1;
    c->end = *ticket < n ? (*ticket + batch < n ? *ticket + batch : n) : 0;
    return ask(m, c, back);
}

static void sift_down(struct sim *m, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < m->n_heap; c++)
            if (m->rank[m->heap[c]].at_s < m->rank[m->heap[least]].at_s)
                least = c;
        if (least == i)
            return;
        size_t swap = m->heap[i];
        m->heap[i] = m->heap[least];
        m->heap[least] = swap;
        i = least;
    }
}

static bool is_slow(const struct sim *m, size_t r) {
    const struct wc_simulation *s = m->s;
    return (double)r >= (1 - s->slow_part) * (double)s->n_ranks && s->slow_factor > 1;
}

static void work(struct sim *m, size_t r, uint64_t ticket, double at_s) {
    const struct wc_simulation *s = m->s;
    struct rank *k = &m->rank[r];
    size_t category = (size_t)((double)ticket / (double)s->n_items * (double)s->n_categories);
    double there = s->prototype_s * (double)(category + 1),
           starts = r > 0 && there > at_s ? there : at_s,
           takes = s->item_s[ticket % s->n_measured] * (is_slow(m, r) ? s->slow_factor : 1);
    k->waited_s += starts - at_s;
    k->busy_s += takes;
    k->n_items++;
    k->at_s = starts + takes;
    if (k->at_s > m->end_s)
        m->end_s = k->at_s;
}

static void run(struct sim *m) {
    while (m->n_heap > 0) {
        size_t r = m->heap[0];
        struct rank *k = &m->rank[r];
        uint64_t ticket;
        double at = k->at_s, back = next_ticket(m, r, &ticket, at);
        k->asked_s += back - at;
        if (ticket < m->s->n_items) {
            work(m, r, ticket, back);
        } else {
            if (m->first_idle_s < 0)
                m->first_idle_s = at;
            m->heap[0] = m->heap[--m->n_heap];
        }
        sift_down(m, 0);
    }
}

static void sum_up(const struct sim *m, struct wc_simulated *out) {
    const struct wc_simulation *s = m->s;
    struct wc_simulated r = {.n_asked = m->n_asked};
    size_t n_slow = 0;
    for (size_t i = 0; i < s->n_ranks; i++) {
        const struct rank *k = &m->rank[i];
        r.busy_s += k->busy_s;
        r.hand_out_s += k->asked_s / (double)s->n_ranks;
        r.prototype_wait_s += k->waited_s / (double)s->n_ranks;
        r.most_items = k->n_items > r.most_items ? k->n_items : r.most_items;
        n_slow += is_slow(m, i) ? k->n_items : 0;
    }
    double steps = ceil(log2((double)s->n_ranks));
    r.reduce_s = steps * (s->latency_s + (s->bandwidth > 0 ? s->reduce_bytes / s->bandwidth : 0));
    r.wall_s = m->end_s + r.reduce_s;
    r.tail_s = m->end_s - (m->first_idle_s < 0 ? m->end_s : m->first_idle_s);
    r.efficiency = r.busy_s / ((double)s->n_ranks * r.wall_s);
    r.slow_share = s->n_items > 0 ? (double)n_slow / (double)s->n_items : 0;
    *out = r;
}

enum wc_err wc_simulate(const struct wc_simulation *s, struct wc_simulated *out,
                        struct wc_error *err) {
    struct sim m = {.s = s, .first_idle_s = -1};
    if (s->n_measured == 0 || s->n_items == 0 || s->n_ranks == 0 || s->n_items >= UINT32_MAX)
        return WC_FAIL(err, WC_ERR_USAGE, "simulation: no ranks, no items or no measured seconds");
    m.group = s->n_ranks > WC_QUEUE_FLAT_RANKS ? WC_QUEUE_GROUP_RANKS : s->n_ranks;
    m.n_groups = (s->n_ranks + m.group - 1) / m.group;
    enum wc_err rc = WC_NEW(&m.rank, s->n_ranks, "simulation", err);
    if (rc == WC_OK)
        rc = WC_NEW(&m.heap, s->n_ranks, "simulation", err);
    if (rc == WC_OK)
        rc = WC_NEW(&m.leader, m.n_groups, "simulation", err);
    if (rc == WC_OK) {
        for (size_t r = 0; r < s->n_ranks; r++)
            m.heap[r] = r;
        m.n_heap = s->n_ranks;
        m.rank[0].at_s = s->prototype_s * (double)s->n_categories;
        sift_down(&m, 0);
        run(&m);
        sum_up(&m, out);
    }
    wc_free(m.rank);
    wc_free(m.heap);
    wc_free(m.leader);
    return rc;
}

const char *wc_simulated_limit(const struct wc_simulation *s, const struct wc_simulated *r) {
    const struct {
        double seconds;
        const char *name;
    } cost[] = {{r->hand_out_s, "hand-out"},
                {r->prototype_wait_s, "text prototypes of rank 0"},
                {r->reduce_s, "adding histograms"},
                {r->tail_s / 2, s->n_items < 8 * s->n_ranks ? "few images a rank" : "last images"}};
    size_t most = 0;
    for (size_t i = 1; i < sizeof cost / sizeof *cost; i++)
        if (cost[i].seconds > cost[most].seconds)
            most = i;
    return cost[most].name;
}
