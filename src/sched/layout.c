#define _GNU_SOURCE // cpu_set_t
#include "sched/layout.h"

#include "base/log.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MASK_WORDS = 64, MASK_BITS = MASK_WORDS * 64 }; // 4096 cores a node

// Cores that this rank may run on; all that are online where the system does not say.
static int own_cores(uint64_t mask[MASK_WORDS]) {
    size_t size = CPU_ALLOC_SIZE(MASK_BITS);
    cpu_set_t *set = CPU_ALLOC(MASK_BITS);
    int n = 0;
    memset(mask, 0, MASK_WORDS * sizeof *mask);
    bool known = set && sched_getaffinity(0, size, set) == 0;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (size_t i = 0; i < MASK_BITS; i++) {
        bool mine = known ? CPU_ISSET_S(i, size, set) : (long)i < online;
        mask[i / 64] |= (uint64_t)mine << (i % 64);
        n += mine;
    }
    if (set)
        CPU_FREE(set);
    return n > 0 ? n : 1;
}

// Cores that the ranks of this node may run on, together.
static int node_cores(const struct wc_comm *comm) {
    uint64_t mask[MASK_WORDS], all[MASK_WORDS];
    int n = 0;
    own_cores(mask);
    MPI_Allreduce(mask, all, MASK_WORDS, MPI_UINT64_T, MPI_BOR, comm->node);
    for (size_t i = 0; i < MASK_BITS; i++)
        n += (int)(all[i / 64] >> (i % 64) & 1);
    return n > 0 ? n : 1;
}

static bool from_slurm(uint64_t *n) {
    const char *text = getenv("SLURM_CPUS_PER_TASK");
    return text && wc_parse_u64(text, n) && *n > 0;
}

unsigned wc_layout_threads(const struct wc_comm *comm, uint64_t wanted) {
    uint64_t mask[MASK_WORDS], slurm = 0;
    int own = own_cores(mask), sum = own, cores = node_cores(comm);
    MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, comm->node);
    if (wanted > 0)
        return (unsigned)wanted;
    if (from_slurm(&slurm))
        return slurm < (uint64_t)own ? (unsigned)slurm : (unsigned)own;
    int sharing = (sum + cores - 1) / cores;
    return own / sharing > 0 ? (unsigned)(own / sharing) : 1;
}

// Megabytes of this node, or of what Slurm gives the job there.
static double node_memory_mb(void) {
    const char *text = getenv("SLURM_MEM_PER_NODE");
    uint64_t mb = 0;
    if (text && wc_parse_u64(text, &mb) && mb > 0)
        return (double)mb;
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void span(char out[32], double least, double most) {
    if (least < most)
        snprintf(out, 32, "%.0f to %.0f", least, most);
    else
        snprintf(out, 32, "%.0f", most);
}

void wc_layout_log(const struct wc_comm *comm, unsigned n_threads, const char *isa) {
    enum { RANKS, THREADS, CORES, MEMORY, CROWDED, N };
    int threads = (int)n_threads, on_node = 0, cores = node_cores(comm);
    MPI_Allreduce(&threads, &on_node, 1, MPI_INT, MPI_SUM, comm->node);
    double own[N] = {[RANKS] = comm->node_ranks,
                     [THREADS] = threads,
                     [CORES] = cores,
                     [MEMORY] = node_memory_mb() / 1024,
                     [CROWDED] = (double)on_node / cores};
    double most[N], least[N];
    char text[N][32];
    MPI_Reduce(own, most, N, MPI_DOUBLE, MPI_MAX, 0, comm->comm);
    MPI_Reduce(own, least, N, MPI_DOUBLE, MPI_MIN, 0, comm->comm);
    if (comm->rank != 0)
        return;
    for (int i = 0; i < N; i++)
        span(text[i], least[i], most[i]);
    WC_INFO("layout: %d ranks x %s threads on %d nodes (a node: %s ranks, %s cores, %s GB), %s",
            comm->n_ranks, text[THREADS], comm->n_nodes, text[RANKS], text[CORES], text[MEMORY],
            isa);
    if (most[CROWDED] > 1)
        WC_WARN("layout: %.1f threads a core on the fullest node; fewer ranks a node, `threads` or "
                "Slurm's --cpus-per-task would make it faster",
                most[CROWDED]);
}
