/*
 * Benchmark runs over all ranks: list, broadcast, score, evaluate, report.
 *
 * Call order in wc_run(): prepare each run (configuration to plan, list, model, identity, what is
 * done already), references and units of all runs from one queue each (results into each run's
 * journals), evaluate each (histograms over the ranks' own results), report (rank 0). A rank works
 * with one model at a time; runs of the same model share it, and runs of one study the features of
 * references and the text prototypes. Every function here is collective. The only place for MPI
 * calls besides cli's initialisation.
 */
#ifndef WC_SCHED_RUN_H
#define WC_SCHED_RUN_H

#include "config/config.h"
#include "report/report.h"

#include <signal.h>
#include <stdbool.h>

struct wc_run_options {
    const char *name; // of the run in its study; NULL: it is alone
    const struct wc_config *config;
    bool fresh; // forget an earlier run in the output folder
    const volatile sig_atomic_t
        *stop;         // becomes non-zero when the run should stop after the images in hand
    double deadline_s; // wc_clock_s() by which the last image must be done; 0: no limit
};

// Runs or continues n runs of different `output`. The text reports come in text (n) of rank 0.
// Returns WC_OK; WC_ERR_DATA when images failed and the configuration does not skip them (the
// reports are complete all the same); WC_ERR_STOPPED when it stopped early. MPI must be
// initialised.
enum wc_err wc_run(const struct wc_run_options *options, size_t n, struct wc_buf *text,
                   struct wc_error *err);

#endif
