/*
 * A benchmark run over all ranks: list, broadcast, score, evaluate, report.
 *
 * Call order in wc_run(): prepare (configuration to plan, list, model, prototypes), score (units
 * handed out, results into journals), evaluate (histograms over the ranks' own results), report
 * (rank 0). Every function here is collective. The only place for MPI calls besides cli's
 * initialisation.
 */
#ifndef WC_SCHED_RUN_H
#define WC_SCHED_RUN_H

#include "config/config.h"
#include "report/report.h"

#include <signal.h>
#include <stdbool.h>

struct wc_run_options {
    const struct wc_config *config;
    bool fresh; // forget an earlier run in the output folder
    const volatile sig_atomic_t
        *stop;         // becomes non-zero when the run should stop after the images in hand
    double deadline_s; // wc_clock_s() by which the last image must be done; 0: no limit
};

// Runs or continues. The text report of rank 0 comes in *text (to stdout). Returns WC_OK;
// WC_ERR_DATA when images failed and the configuration does not skip them (the report is complete
// all the same); WC_ERR_STOPPED when it stopped early. MPI must be initialised.
enum wc_err wc_run(const struct wc_run_options *options, struct wc_buf *text, struct wc_error *err);

#endif
