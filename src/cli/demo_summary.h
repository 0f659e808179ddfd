/*
 * What a demo's run shows, in one table: a line a category, with its products and seeds averaged.
 */
#ifndef WC_CLI_DEMO_SUMMARY_H
#define WC_CLI_DEMO_SUMMARY_H

#include "base/err.h"
#include "base/str.h"
#include "demo/dataset.h"

// From RUN/report.csv. Beside the pixel AUROC stands that of the distance from the centre
// (wc_demo_centre_auroc()). Appends to *out.
enum wc_err wc_demo_summary(const struct wc_demo_set *set, const char *run, struct wc_buf *out,
                            struct wc_error *err);

#endif
