/*
 * A report read back from report.json: bytes from outside, so every member is checked, and an error
 * names the one that is wrong. Unknown members are passed over; another schema or a higher version
 * is refused.
 */
#ifndef WC_REPORT_READ_H
#define WC_REPORT_READ_H

#include "report/report.h"

// `path` is a run's folder or a report.json. Faults: "not-found" (the run has no report yet),
// "json-...", "schema", "version". *out is released with wc_report_release().
enum wc_err wc_report_read(const char *path, struct wc_report *out, struct wc_error *err);

// From text; `folder` is where files of pictures are.
enum wc_err wc_report_parse(const char *name, const char *json, size_t n, const char *folder,
                            struct wc_report *out, struct wc_error *err);

#endif
