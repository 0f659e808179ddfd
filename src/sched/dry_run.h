/*
 * What runs would cost: their units, and core-hours, memory and disk by scoring a few of their
 * images. Writes nothing. Every rank measures, so that ranks that share a machine slow each other
 * as they will.
 */
#ifndef WC_SCHED_DRY_RUN_H
#define WC_SCHED_DRY_RUN_H

#include "sched/run.h"

// A line a run, then their sum, into *text of rank 0. Collective.
enum wc_err wc_dry_run(const struct wc_run_options *options, size_t n, struct wc_buf *text,
                       struct wc_error *err);

#endif
