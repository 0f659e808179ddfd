/*
 * The MPI calls that everything else in sched is made of.
 *
 * All functions here are collective over the communicator unless they say otherwise, and all are
 * called by the thread that initialised MPI (MPI_THREAD_FUNNELED).
 */
#ifndef WC_SCHED_COMM_H
#define WC_SCHED_COMM_H

#include "base/err.h"
#include "base/str.h"

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_comm {
    MPI_Comm comm;
    int rank, n_ranks;
    MPI_Comm node; // ranks that share this node's memory
    int node_rank, node_ranks;
    int n_nodes;
};

enum wc_err wc_comm_init(struct wc_comm *c, struct wc_error *err);
void wc_comm_release(struct wc_comm *c);

// All ranks learn of the first failure (lowest rank) and return its code and text; WC_OK when
// nobody failed. The text of another rank's failure is prefixed with "rank N: ".
enum wc_err wc_agree(const struct wc_comm *c, enum wc_err rc, struct wc_error *err);

// Rank 0's bytes to all; on other ranks *bytes is replaced.
enum wc_err wc_bcast_buf(const struct wc_comm *c, struct wc_buf *bytes, struct wc_error *err);

// Rank 0 receives every rank's bytes, in rank order, one after the other.
enum wc_err wc_gather_buf(const struct wc_comm *c, const struct wc_buf *own, struct wc_buf *all,
                          struct wc_error *err);

#endif
