// The hand-out: each ticket once, with one counter and with ranges, by windows and by messages. Run
// by t821-queue.sh on several ranks too; rank 0 prints.
#include "test.h"

#include "base/alloc.h"
#include "sched/queue.h"

#include <unistd.h>

enum { N = 500 };

static struct wc_comm comm;

static void check(bool pass, const char *what, const struct wc_queue_how *how) {
    int ok = pass;
    MPI_Allreduce(MPI_IN_PLACE, &ok, 1, MPI_INT, MPI_MIN, comm.comm);
    if (comm.rank == 0)
        test_ok(ok, "%s, %d ranks, groups of %d, %s", what, comm.n_ranks, how->group_ranks,
                how->by_messages ? "messages" : "windows");
}

// All ranks are here; none may block in MPI before, others may still ask it.
static void meet(struct wc_queue *q) {
    MPI_Request here;
    int all = 0;
    MPI_Ibarrier(comm.comm, &here);
    while (MPI_Test(&here, &all, MPI_STATUS_IGNORE), !all)
        wc_queue_progress(q);
}

// Takes until none is left; every third rank is slow. *n: how many this rank got.
static void take_all(struct wc_queue *q, int *times, uint64_t *n) {
    uint64_t t;
    while (wc_queue_next(q, &t)) {
        wc_queue_hold(q, t);
        times[t]++;
        (*n)++;
        if (comm.rank % 3 == 2)
            usleep(2000);
        wc_queue_done(q);
        wc_queue_progress(q);
    }
}

static bool each_once(int *times, size_t n) {
    bool once = true;
    MPI_Allreduce(MPI_IN_PLACE, times, N, MPI_INT, MPI_SUM, comm.comm);
    for (size_t i = 0; i < N; i++)
        once = once && times[i] == (i < n);
    return once;
}

static void hand_out(const struct wc_queue_how *how, size_t n) {
    struct wc_queue q;
    int times[N] = {0};
    uint64_t got = 0, sum, done;
    wc_queue_open_as(&comm, n, how, &q, NULL);
    take_all(&q, times, &got);
    meet(&q);
    done = wc_queue_n_done(&q);
    wc_queue_close(&q);
    MPI_Allreduce(&got, &sum, 1, MPI_UINT64_T, MPI_SUM, comm.comm);
    check(each_once(times, n), "each ticket once", how);
    check(sum == n && done == n, "all are done", how);
}

// The last rank stops everybody after its third ticket.
static void stop(const struct wc_queue_how *how) {
    struct wc_queue q;
    int times[N] = {0}, n_own = 0;
    uint64_t t;
    bool after = false;
    wc_queue_open_as(&comm, N, how, &q, NULL);
    while (wc_queue_next(&q, &t)) {
        times[t]++;
        usleep(1000);
        if (comm.rank == comm.n_ranks - 1 && ++n_own == 3)
            wc_queue_stop(&q);
        wc_queue_progress(&q);
    }
    after = wc_queue_next(&q, &t);
    wc_queue_close(&q);
    MPI_Allreduce(MPI_IN_PLACE, times, N, MPI_INT, MPI_SUM, comm.comm);
    int n = 0, most = 0;
    for (size_t i = 0; i < N; i++) {
        n += times[i];
        most = times[i] > most ? times[i] : most;
    }
    check(!after && most == 1 && n < N / 2, "stopped by one for all", how);
}

static void held(const struct wc_queue_how *how) {
    struct wc_queue q;
    uint64_t unit[256];
    wc_queue_open_as(&comm, 1, how, &q, NULL);
    if (comm.rank != 1)
        wc_queue_hold(&q, 1000 + (uint64_t)comm.rank);
    wc_slots_fetch(&q.slots, q.leader, 3, 0, WC_SLOTS_ADD); // after the put, for it to have arrived
    meet(&q);
    bool right = true;
    wc_queue_held(&q, unit);
    for (int r = 0; r < comm.n_ranks; r++)
        right = right && unit[r] == (r == 1 ? WC_QUEUE_IDLE : 1000 + (uint64_t)r);
    wc_queue_close(&q);
    check(right, "what each has in hand", how);
}

// Of LeakSanitizer, where it is linked. MPI loses memory of plugins that it has closed, so that no
// suppression can name it: here only other errors of memory are looked for.
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
    return 1;
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    wc_comm_init(&comm, NULL);
    for (int messages = 0; messages < 2; messages++)
        for (int group = 0; group <= 3; group++) {
            const struct wc_queue_how how = {.group_ranks = group, .by_messages = messages};
            hand_out(&how, N);
            hand_out(&how, 1);
            hand_out(&how, 0);
            stop(&how);
            held(&how);
        }
    if (comm.rank == 0)
        test_ok(wc_queue_batch(104, 104, 2, 4) == 1 && wc_queue_batch(104, 0, 2, 4) == 12 &&
                    wc_queue_batch(104, 100, 2, 4) == 1,
                "a range is a quarter of the even share, the last tickets go one by one");
    int rc = comm.rank == 0 ? test_done() : 0;
    wc_comm_release(&comm);
    MPI_Finalize();
    return rc;
}
