/*
 * How long a run may take: `--time-limit`, or what Slurm gives the job.
 */
#ifndef WC_CLI_TIME_LIMIT_H
#define WC_CLI_TIME_LIMIT_H

#include "base/err.h"

#include <stdbool.h>

// "90", "1:30", "2:00:00", "1-12:00:00": seconds, [D-]HH:MM:SS. false: something else.
bool wc_time_limit_parse(const char *text, double *seconds);

// When the last image must be done, as wc_clock_s() tells time: a twentieth of the limit, at least
// 1 s and at most 60 s, is kept for what comes after it. `text` NULL: the end that
// SLURM_JOB_END_TIME (seconds since 1970) names, if any. 0: no limit, which the text "0" asks for.
enum wc_err wc_time_limit_deadline(const char *text, double *deadline_s, struct wc_error *err);

#endif
