#include "sched/queue.h"

enum { SLOT_NEXT, SLOT_DONE, N_SLOTS };

enum wc_err wc_queue_open(const struct wc_comm *c, uint64_t n, struct wc_queue *q,
                          struct wc_error *err) {
    (void)err;
    q->n = n;
    q->rank = c->rank;
    MPI_Aint size = c->rank == 0 ? (MPI_Aint)(N_SLOTS * sizeof *q->slot) : 0;
    MPI_Win_allocate(size, (int)sizeof *q->slot, MPI_INFO_NULL, c->comm, &q->slot, &q->window);
    if (c->rank == 0) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, q->window);
        for (int i = 0; i < N_SLOTS; i++)
            q->slot[i] = 0;
        MPI_Win_unlock(0, q->window);
    }
    MPI_Barrier(c->comm);
    MPI_Win_lock_all(0, q->window);
    return WC_OK;
}

static uint64_t fetch(struct wc_queue *q, int slot, uint64_t value, MPI_Op op) {
    uint64_t found = 0;
    MPI_Fetch_and_op(&value, &found, MPI_UINT64_T, 0, slot, op, q->window);
    MPI_Win_flush(0, q->window);
    return found;
}

bool wc_queue_next(struct wc_queue *q, uint64_t *ticket) {
    uint64_t t = fetch(q, SLOT_NEXT, 1, MPI_SUM);
    if (t >= q->n)
        return false;
    *ticket = t;
    return true;
}

void wc_queue_done(struct wc_queue *q) {
    fetch(q, SLOT_DONE, 1, MPI_SUM);
}

uint64_t wc_queue_n_done(struct wc_queue *q) {
    return fetch(q, SLOT_DONE, 0, MPI_NO_OP);
}

void wc_queue_stop(struct wc_queue *q) {
    fetch(q, SLOT_NEXT, q->n, MPI_REPLACE);
}

void wc_queue_close(struct wc_queue *q) {
    MPI_Win_unlock_all(q->window);
    MPI_Win_free(&q->window);
}

void wc_queue_progress(struct wc_queue *q) {
    (void)q;
    int flag;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
}
