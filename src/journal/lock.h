/*
 * One run at a time in a run directory: a lock file that names its holder.
 *
 * Taken by one process a run (rank 0) before it writes anything there, released at its end; a lock
 * whose holder died is taken over. No flock() or fcntl() lock is involved, which many cluster file
 * systems lack: the file appears by link(), and only one process can win the right to replace one
 * particular dead holder's file.
 *
 * A holder is dead when
 *   - it ran on this host (name and PID namespace) and the host booted since, or its process is
 *     gone, is a zombie, or has another start time; or
 *   - it is this Slurm job before a requeue (same cluster and job, lower SLURM_RESTART_COUNT):
 *     Slurm ends one before it starts the next, also when a node is lost.
 * Of any other holder nothing is known, so the lock stands and the error says what to do.
 */
#ifndef WC_JOURNAL_LOCK_H
#define WC_JOURNAL_LOCK_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct wc_lock_holder {
    char host[65];
    uint64_t pid;
    uint64_t start;      // clock ticks from boot to the process's start; 0: not known
    char boot[40];       // the boot's id; "" not known
    char pid_space[40];  // the PID namespace; "" not known
    char cluster[65];    // Slurm's names; "" outside Slurm
    char job[32];        // SLURM_JOB_ID
    uint64_t n_restarts; // SLURM_RESTART_COUNT
    char since[24];      // 2026-01-02T03:04:05Z
};

// This process, as it would stand in a lock.
void wc_lock_self(struct wc_lock_holder *self);

struct wc_lock;

// Takes the lock file `path` ("RUN/lock"; its folder exists). WC_ERR_CONFIG with fault "locked"
// when another holds it: the text names host, process, time and the cure. *replaced (may be NULL)
// receives the dead holder when its lock was taken over, and an empty host otherwise.
enum wc_err wc_lock_take(const char *path, struct wc_lock **out, struct wc_lock_holder *replaced,
                         struct wc_error *err);

// As wc_lock_take() in the name of `self`; for tests, which play other hosts.
enum wc_err wc_lock_take_as(const char *path, const struct wc_lock_holder *self,
                            struct wc_lock **out, struct wc_lock_holder *replaced,
                            struct wc_error *err);

// Removes the lock, if it still is ours, and frees; *lock is NULL afterwards, also on failure. NULL
// in *lock is fine. A forked child must not release its parent's lock.
enum wc_err wc_lock_release(struct wc_lock **lock, struct wc_error *err);

#endif
