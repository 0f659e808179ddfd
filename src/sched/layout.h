/*
 * How ranks and threads lie on the nodes.
 */
#ifndef WC_SCHED_LAYOUT_H
#define WC_SCHED_LAYOUT_H

#include "sched/comm.h"

// Threads of this rank: `wanted` when it is not 0; else SLURM_CPUS_PER_TASK, but not more than the
// rank may run on; else the cores it may run on, shared with the ranks of this node that may use
// the same ones. Collective over the node.
unsigned wc_layout_threads(const struct wc_comm *comm, uint64_t wanted);

// Rank 0 logs ranks, threads, nodes, instruction set and memory, and warns where a node has more
// threads than cores. Collective.
void wc_layout_log(const struct wc_comm *comm, unsigned n_threads, const char *isa);

#endif
