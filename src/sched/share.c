#include "sched/share.h"

#include "base/alloc.h"

#include <string.h>
#include <time.h>

// Results on their way: a frame each, in the order in which they were made.
struct frame {
    uint64_t task, n_bytes;
};

// Where a result lies among the gathered bytes.
struct place {
    size_t at, n_bytes;
    bool there;
};

static enum wc_err one_task(struct wc_share *s, size_t i, struct wc_buf *own,
                            struct wc_error *err) {
    struct wc_buf out = {0};
    enum wc_err rc = s->work(s->data, i, &out, err);
    if (rc == WC_OK)
        rc = wc_buf_check(&out, "results", err);
    if (rc == WC_OK && s->comm->n_ranks == 1) {
        rc = s->take(s->data, i, wc_buf_str(&out), out.n, err);
    } else if (rc == WC_OK) {
        const struct frame f = {i, out.n};
        wc_buf_add(own, &f, sizeof f);
        wc_buf_add(own, wc_buf_str(&out), out.n);
        rc = wc_buf_check(own, "results", err);
    }
    wc_buf_release(&out);
    return rc;
}

// Rank 0: takes the gathered results in the order of tasks.
static enum wc_err take_all(const struct wc_share *s, size_t n, const struct wc_buf *all,
                            struct wc_error *err) {
    struct place *place = NULL;
    WC_TRY(WC_NEW(&place, n, "results", err));
    for (size_t at = 0; at < all->n;) {
        struct frame f;
        memcpy(&f, all->data + at, sizeof f);
        at += sizeof f;
        place[f.task] = (struct place){at, (size_t)f.n_bytes, true};
        at += (size_t)f.n_bytes;
    }
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n && rc == WC_OK; i++)
        if (place[i].there)
            rc = s->take(s->data, i, all->data + place[i].at, place[i].n_bytes, err);
    wc_free(place);
    return rc;
}

enum wc_err wc_share_run(struct wc_share *s, size_t n, size_t *n_done, struct wc_error *err) {
    struct wc_queue queue;
    struct wc_buf own = {0}, all = {0};
    uint64_t i, done = 0;
    enum wc_err rc = WC_OK;
    WC_TRY(wc_agree(s->comm, wc_queue_open(s->comm, n, &queue, err), err));
    s->queue = &queue;
    while (rc == WC_OK && wc_queue_next(&queue, &i)) {
        rc = one_task(s, (size_t)i, &own, err);
        done += rc == WC_OK;
        if (rc != WC_OK || (s->stop && *s->stop))
            wc_queue_stop(&queue);
    }
    s->queue = NULL;
    wc_queue_close(&queue);
    rc = wc_agree(s->comm, rc, err);
    if (rc == WC_OK && s->comm->n_ranks > 1)
        rc = wc_gather_buf(s->comm, &own, &all, err);
    if (rc == WC_OK && s->comm->n_ranks > 1 && s->comm->rank == 0)
        rc = take_all(s, n, &all, err);
    wc_buf_release(&own);
    wc_buf_release(&all);
    WC_TRY(wc_agree(s->comm, rc, err));
    MPI_Allreduce(MPI_IN_PLACE, &done, 1, MPI_UINT64_T, MPI_SUM, s->comm->comm);
    *n_done = (size_t)done;
    return WC_OK;
}

void wc_share_progress(const struct wc_share *s) {
    if (s->queue)
        wc_queue_progress(s->queue);
}

void wc_share_wait(const struct wc_comm *comm) {
    const struct timespec nap = {.tv_nsec = 20000000};
    MPI_Request request;
    int arrived = 0;
    MPI_Ibarrier(comm->comm, &request);
    while (MPI_Test(&request, &arrived, MPI_STATUS_IGNORE), !arrived)
        nanosleep(&nap, NULL);
}
