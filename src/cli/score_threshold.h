/*
 * Private to cli: the threshold of a labelled run, for pictures without labels.
 */
#ifndef WC_CLI_SCORE_THRESHOLD_H
#define WC_CLI_SCORE_THRESHOLD_H

#include "base/err.h"

#include <stddef.h>

struct wc_score_run {
    const char *folder; // of the run: its scores.csv and report.json are read
    const char *preset;
    size_t shot;
    const char *category; // NULL: the one of the object's name, else the run's only one
    const char *object;
    const char *sha256; // of the weights in use: another model's threshold means nothing
};

// The lowest score that attains F1-max over the run's images of that preset, shot and category, all
// seeds together. Errors: WC_ERR_DATA, no such rows (the text says which there are), another model.
enum wc_err wc_score_threshold(const struct wc_score_run *run, double *threshold,
                               struct wc_error *err);

#endif
