#include "sched/comm.h"

#include "base/alloc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum wc_err wc_comm_init(struct wc_comm *c, struct wc_error *err) {
    (void)err; // MPI's default handler ends the job on an error of its own
    c->comm = MPI_COMM_WORLD;
    MPI_Comm_rank(c->comm, &c->rank);
    MPI_Comm_size(c->comm, &c->n_ranks);
    MPI_Comm_split_type(c->comm, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &c->node);
    MPI_Comm_rank(c->node, &c->node_rank);
    MPI_Comm_size(c->node, &c->node_ranks);
    int leader = c->node_rank == 0;
    MPI_Allreduce(&leader, &c->n_nodes, 1, MPI_INT, MPI_SUM, c->comm);
    return WC_OK;
}

void wc_comm_release(struct wc_comm *c) {
    if (c->n_ranks > 0)
        MPI_Comm_free(&c->node);
    *c = (struct wc_comm){0};
}

enum wc_err wc_agree(const struct wc_comm *c, enum wc_err rc, struct wc_error *err) {
    int failed = rc == WC_OK ? INT_MAX : c->rank, first;
    MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, c->comm);
    if (first == INT_MAX)
        return WC_OK;
    struct {
        int code;
        char fault[64], text[sizeof err->text];
    } news = {0};
    if (c->rank == first) {
        news.code = (int)rc;
        snprintf(news.fault, sizeof news.fault, "%s", err->fault ? err->fault : "");
        snprintf(news.text, sizeof news.text, "%s", err->text);
    }
    MPI_Bcast(&news, (int)sizeof news, MPI_BYTE, first, c->comm);
    if (c->rank == first)
        return rc;
    return WC_FAIL(err, (enum wc_err)news.code, "rank %d: %s%s%s%s", first, news.text,
                   news.fault[0] ? " [" : "", news.fault, news.fault[0] ? "]" : "");
}

// MPI counts are ints: larger blocks go in pieces.
#define PIECE ((size_t)1 << 30)

enum wc_err wc_bcast_buf(const struct wc_comm *c, struct wc_buf *bytes, struct wc_error *err) {
    unsigned long long n = bytes->n;
    MPI_Bcast(&n, 1, MPI_UNSIGNED_LONG_LONG, 0, c->comm);
    enum wc_err rc = WC_OK;
    if (c->rank != 0) {
        wc_buf_release(bytes);
        rc = WC_GROW(&bytes->data, &bytes->cap, (size_t)n + 1, "broadcast", err);
        bytes->n = rc == WC_OK ? (size_t)n : 0;
    }
    WC_TRY(wc_agree(c, rc, err));
    for (size_t at = 0; at < n; at += PIECE)
        MPI_Bcast(bytes->data + at, (int)(n - at < PIECE ? n - at : PIECE), MPI_BYTE, 0, c->comm);
    return WC_OK;
}

// Room on rank 0 for what all ranks have: agreed on before anything is sent, so that nobody waits
// for a failed rank.
static enum wc_err gather_room(const struct wc_comm *c, const struct wc_buf *own,
                               unsigned long long *size, struct wc_buf *all, struct wc_error *err) {
    unsigned long long n = own->n, total = 0;
    enum wc_err rc = WC_OK;
    MPI_Gather(&n, 1, MPI_UNSIGNED_LONG_LONG, size, 1, MPI_UNSIGNED_LONG_LONG, 0, c->comm);
    for (int r = 0; c->rank == 0 && r < c->n_ranks; r++)
        total += size[r];
    if (c->rank == 0)
        rc = WC_GROW(&all->data, &all->cap, (size_t)total + 1, "gathering results", err);
    return wc_agree(c, rc, err);
}

enum wc_err wc_gather_buf(const struct wc_comm *c, const struct wc_buf *own, struct wc_buf *all,
                          struct wc_error *err) {
    unsigned long long *size = NULL;
    enum wc_err rc = wc_agree(c, WC_NEW(&size, (size_t)c->n_ranks, "gathering results", err), err);
    if (rc == WC_OK)
        rc = gather_room(c, own, size, all, err);
    if (rc == WC_OK && c->rank != 0)
        for (size_t at = 0; at < own->n; at += PIECE)
            MPI_Send(own->data + at, (int)(own->n - at < PIECE ? own->n - at : PIECE), MPI_BYTE, 0,
                     0, c->comm);
    if (rc == WC_OK && c->rank == 0) {
        if (own->n > 0)
            memcpy(all->data, own->data, own->n);
        all->n = own->n;
        for (int r = 1; r < c->n_ranks; r++)
            for (size_t at = 0; at < size[r]; at += PIECE) {
                size_t n = size[r] - at < PIECE ? (size_t)size[r] - at : PIECE;
                MPI_Recv(all->data + all->n, (int)n, MPI_BYTE, r, 0, c->comm, MPI_STATUS_IGNORE);
                all->n += n;
            }
    }
    wc_free(size);
    return rc;
}
