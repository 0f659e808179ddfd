/*
 * A benchmark run from a configuration file, as the commands `run` and `demo` start it.
 */
#ifndef WC_CLI_RUN_FILE_H
#define WC_CLI_RUN_FILE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

// Reads the configuration with these overrides and runs it; signals stop it after the images in
// hand, and so does the deadline (sched/run.h; 0: none). The report comes in *text on rank 0.
// Collective; in cmd_run.c.
enum wc_err wc_run_file(const char *path, const struct wc_strlist *sets, bool fresh,
                        double deadline_s, struct wc_buf *text, struct wc_error *err);

#endif
