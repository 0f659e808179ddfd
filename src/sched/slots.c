#include "sched/slots.h"

#include "base/alloc.h"
#include "base/log.h"

#include <string.h>

enum { TAG_ASK, TAG_ANSWER };

struct ask {
    uint64_t op, i, value, n; // n words are wanted back: 0 for a put
};

/* By messages. */

static uint64_t change(struct wc_slots *s, size_t i, uint64_t value, enum wc_slots_op op) {
    uint64_t before = s->word[i];
    if (op == WC_SLOTS_ADD)
        s->word[i] += value;
    else if (op == WC_SLOTS_SET)
        s->word[i] = value;
    return before;
}

// Serves whoever has asked.
static void serve(struct wc_slots *s) {
    MPI_Status status;
    int there = 0;
    while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, s->comm, &there, &status), there) {
        struct ask a;
        MPI_Recv(&a, (int)sizeof a, MPI_BYTE, status.MPI_SOURCE, TAG_ASK, s->comm,
                 MPI_STATUS_IGNORE);
        if (a.n > 1) {
            MPI_Send(s->word + a.i, (int)a.n, MPI_UINT64_T, status.MPI_SOURCE, TAG_ANSWER, s->comm);
            continue;
        }
        uint64_t before = change(s, (size_t)a.i, a.value, (enum wc_slots_op)a.op);
        if (a.n == 1)
            MPI_Send(&before, 1, MPI_UINT64_T, status.MPI_SOURCE, TAG_ANSWER, s->comm);
    }
}

static void wait_for(struct wc_slots *s, MPI_Request *request) {
    int done = 0;
    while (MPI_Test(request, &done, MPI_STATUS_IGNORE), !done)
        serve(s);
}

static void ask(struct wc_slots *s, int target, const struct ask *a, uint64_t *out) {
    MPI_Request sent, answered;
    if (a->n > 0)
        MPI_Irecv(out, (int)a->n, MPI_UINT64_T, target, TAG_ANSWER, s->comm, &answered);
    MPI_Isend(a, (int)sizeof *a, MPI_BYTE, target, TAG_ASK, s->comm, &sent);
    wait_for(s, &sent);
    if (a->n > 0)
        wait_for(s, &answered);
}

/* Both ways. */

// Whether all ranks got a window. A rank that got one alone keeps it until the program ends: to
// free it takes all ranks.
static bool open_window(const struct wc_comm *c, struct wc_slots *s) {
    MPI_Errhandler handler;
    MPI_Comm_get_errhandler(s->comm, &handler);
    MPI_Comm_set_errhandler(s->comm, MPI_ERRORS_RETURN);
    int ok = MPI_Win_allocate((MPI_Aint)(s->n * sizeof *s->word), (int)sizeof *s->word,
                              MPI_INFO_NULL, s->comm, &s->word, &s->window) == MPI_SUCCESS;
    MPI_Comm_set_errhandler(s->comm, handler);
    MPI_Errhandler_free(&handler);
    MPI_Allreduce(MPI_IN_PLACE, &ok, 1, MPI_INT, MPI_MIN, c->comm);
    if (!ok)
        s->window = MPI_WIN_NULL;
    return ok;
}

enum wc_err wc_slots_open(const struct wc_comm *c, size_t n, bool by_messages, struct wc_slots *s,
                          struct wc_error *err) {
    *s = (struct wc_slots){.n = n, .rank = c->rank, .window = MPI_WIN_NULL};
    MPI_Comm_dup(c->comm, &s->comm);
    if (by_messages || !open_window(c, s)) {
        if (c->rank == 0 && !by_messages)
            WC_INFO("MPI makes no window here; ranks ask each other by messages");
        enum wc_err rc = wc_agree(c, WC_NEW(&s->word, n + 1, "hand-out", err), err);
        if (rc != WC_OK)
            MPI_Comm_free(&s->comm);
        return rc;
    }
    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, s->rank, 0, s->window);
    memset(s->word, 0, n * sizeof *s->word);
    MPI_Win_unlock(s->rank, s->window);
    MPI_Barrier(s->comm);
    MPI_Win_lock_all(0, s->window);
    return WC_OK;
}

uint64_t wc_slots_fetch(struct wc_slots *s, int target, size_t i, uint64_t value,
                        enum wc_slots_op op) {
    static const MPI_Op of[] = {
        [WC_SLOTS_ADD] = MPI_SUM, [WC_SLOTS_SET] = MPI_REPLACE, [WC_SLOTS_GET] = MPI_NO_OP};
    uint64_t found = 0;
    if (s->window != MPI_WIN_NULL) {
        MPI_Fetch_and_op(&value, &found, MPI_UINT64_T, target, (MPI_Aint)i, of[op], s->window);
        MPI_Win_flush(target, s->window);
        return found;
    }
    if (target == s->rank)
        return change(s, i, value, op);
    ask(s, target, &(struct ask){(uint64_t)op, i, value, 1}, &found);
    return found;
}

void wc_slots_put(struct wc_slots *s, int target, size_t i, uint64_t value) {
    if (s->window != MPI_WIN_NULL) {
        MPI_Win_flush_local(target, s->window);
        s->put_value = value;
        MPI_Accumulate(&s->put_value, 1, MPI_UINT64_T, target, (MPI_Aint)i, 1, MPI_UINT64_T,
                       MPI_REPLACE, s->window);
    } else if (target == s->rank) {
        change(s, i, value, WC_SLOTS_SET);
    } else {
        ask(s, target, &(struct ask){WC_SLOTS_SET, i, value, 0}, NULL);
    }
}

void wc_slots_read(struct wc_slots *s, int target, size_t i, size_t n, uint64_t *out) {
    if (s->window != MPI_WIN_NULL) {
        MPI_Get_accumulate(NULL, 0, MPI_UINT64_T, out, (int)n, MPI_UINT64_T, target, (MPI_Aint)i,
                           (int)n, MPI_UINT64_T, MPI_NO_OP, s->window);
        MPI_Win_flush(target, s->window);
    } else if (target == s->rank) {
        memcpy(out, s->word + i, n * sizeof *out);
    } else {
        // one word comes as from a fetch, several as a block
        ask(s, target, &(struct ask){WC_SLOTS_GET, i, 0, n}, out);
    }
}

void wc_slots_progress(struct wc_slots *s) {
    int flag;
    if (s->window == MPI_WIN_NULL)
        serve(s);
    else
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &flag, MPI_STATUS_IGNORE);
}

void wc_slots_close(struct wc_slots *s) {
    if (s->window != MPI_WIN_NULL) {
        MPI_Win_unlock_all(s->window);
        MPI_Win_free(&s->window);
    } else {
        // Others may still ask: served until all ranks are here.
        MPI_Request all_here;
        MPI_Ibarrier(s->comm, &all_here);
        wait_for(s, &all_here);
        wc_free(s->word);
    }
    s->word = NULL;
    MPI_Comm_free(&s->comm);
}
