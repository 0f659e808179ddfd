/*
 * Private to report: tables of published figures.
 */
#ifndef WC_REPORT_PUBLISHED_H
#define WC_REPORT_PUBLISHED_H

#include "report/compare.h"

enum wc_err wc_published_read(const char *path, struct wc_published *out, struct wc_error *err);
void wc_published_release(struct wc_published *p);

#endif
