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

enum wc_err wc_gather_buf(const struct wc_comm *c, const struct wc_buf *own, struct wc_buf *all,
                          struct wc_error *err) {
    enum wc_err rc = WC_OK;
    if (c->rank != 0) {
        unsigned long long n = own->n;
        MPI_Send(&n, 1, MPI_UNSIGNED_LONG_LONG, 0, 0, c->comm);
        for (size_t at = 0; at < n; at += PIECE)
            MPI_Send(own->data + at, (int)(n - at < PIECE ? n - at : PIECE), MPI_BYTE, 0, 0,
                     c->comm);
        return wc_agree(c, WC_OK, err);
    }
    wc_buf_add(all, own->data ? own->data : "", own->n);
    for (int r = 1; r < c->n_ranks; r++) {
        unsigned long long n;
        MPI_Recv(&n, 1, MPI_UNSIGNED_LONG_LONG, r, 0, c->comm, MPI_STATUS_IGNORE);
        char *block = wc_alloc((size_t)n + 1, 1);
        for (size_t at = 0; at < n && block; at += PIECE)
            MPI_Recv(block + at, (int)(n - at < PIECE ? n - at : PIECE), MPI_BYTE, r, 0, c->comm,
                     MPI_STATUS_IGNORE);
        if (block)
            wc_buf_add(all, block, (size_t)n);
        else
            return WC_FAIL(err, WC_ERR_NOMEM,
                           "gathering results: out of memory (%llu bytes of rank %d)", n, r);
        wc_free(block);
    }
    rc = wc_buf_check(all, "gathering results", err);
    return wc_agree(c, rc, err);
}
