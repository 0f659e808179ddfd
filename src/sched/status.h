/*
 * What a run directory holds: how many images are done, which failed, who works there.
 *
 * `run.json`, written by rank 0 before the first image, says how many there are; the journals say
 * the rest. Reading takes no MPI and disturbs no run. Not collective.
 */
#ifndef WC_SCHED_STATUS_H
#define WC_SCHED_STATUS_H

#include "base/err.h"
#include "base/str.h"
#include "journal/lock.h"

#include <stdbool.h>
#include <stddef.h>

struct wc_run_status {
    char run_id[65];
    size_t n_images, n_done, n_failed; // each image once; the rest is left
    struct wc_strlist failure;         // why, in the order of images
    size_t n_damaged;                  // regions of journals that hold no sound record
    bool has_report;
    bool locked; // a run works there, as far as can be seen from this host
    struct wc_lock_holder holder;
};

// Rank 0: writes RUN/run.json unless it says the same already.
enum wc_err wc_run_status_write(const char *run, const char *run_id, size_t n_images,
                                struct wc_error *err);
// WC_ERR_DATA, fault "not-a-run", for another folder.
enum wc_err wc_run_status_read(const char *run, struct wc_run_status *out, struct wc_error *err);
void wc_run_status_release(struct wc_run_status *s);

// Seconds that each scored image took, in the order of images, into *seconds (n); wc_free() it.
enum wc_err wc_run_item_seconds(const char *run, double **seconds, size_t *n, struct wc_error *err);

// All images are done, or failed, and the report is there.
bool wc_run_is_complete(const struct wc_run_status *s);

#endif
