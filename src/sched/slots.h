/*
 * 64-bit words in the memory of some ranks that every rank may read and change: one-sided, by an
 * MPI window; by messages where MPI cannot make a window (Open MPI 4.1 as Debian builds it, on
 * several nodes without InfiniBand: osc/ucx takes the call and fails).
 *
 * Open and close are collective; the other calls are each rank's own. Every change is atomic. Words
 * begin as 0. With messages, and with windows that MPI emulates, a rank's words move only while it
 * is inside an MPI call: it must call wc_slots_progress() between pieces of work, and between open
 * and close it must not wait in MPI for a rank that may still ask. A rank that waits for an answer
 * serves others meanwhile, so that two that ask each other both get theirs.
 */
#ifndef WC_SCHED_SLOTS_H
#define WC_SCHED_SLOTS_H

#include "sched/comm.h"

enum wc_slots_op { WC_SLOTS_ADD, WC_SLOTS_SET, WC_SLOTS_GET };

struct wc_slots {
    MPI_Comm comm;
    MPI_Win window;     // MPI_WIN_NULL: messages
    uint64_t *word;     // (n), this rank's
    size_t n;           // words of this rank
    uint64_t put_value; // of the last wc_slots_put(), until it has left
    int rank;
};

// `by_messages`: no window is tried (tests). n may differ between ranks.
enum wc_err wc_slots_open(const struct wc_comm *c, size_t n, bool by_messages, struct wc_slots *s,
                          struct wc_error *err);
// Word i of rank `target` as it was before the change.
uint64_t wc_slots_fetch(struct wc_slots *s, int target, size_t i, uint64_t value,
                        enum wc_slots_op op);
// Sets it some time soon, without waiting for it.
void wc_slots_put(struct wc_slots *s, int target, size_t i, uint64_t value);
// Words i .. i + n - 1 into out, each whole, not all of one moment.
void wc_slots_read(struct wc_slots *s, int target, size_t i, size_t n, uint64_t *out);
void wc_slots_progress(struct wc_slots *s);
void wc_slots_close(struct wc_slots *s);

#endif
