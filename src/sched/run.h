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
    bool dry;   // write nothing (sched/dry_run.h)
    bool fresh; // forget an earlier run in the output folder
    const volatile sig_atomic_t
        *stop;         // becomes non-zero when the run should stop after the images in hand
    double deadline_s; // wc_clock_s() by which the last image must be done; 0: no limit
};

struct wc_run_result {
    struct wc_buf text;          // report.txt; on rank 0
    char run_id[65], model[128]; // the architecture; of one without a name the weights' file
};

// Runs or continues n runs of different `output`. What they gave comes in result (n, zeroed).
// `study` is their common folder, of which each run's is the part of its name; NULL: one run alone.
// Returns WC_OK; WC_ERR_DATA when images failed and the configuration does not skip them (the
// reports are complete all the same); WC_ERR_STOPPED when it stopped early. MPI must be
// initialised.
enum wc_err wc_run(const char *study, const struct wc_run_options *options, size_t n,
                   struct wc_run_result *result, struct wc_error *err);

#endif
