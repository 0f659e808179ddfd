/*
 * Private to cli: what `score` says of a picture, as a line, a CSV row and a JSON object.
 */
#ifndef WC_CLI_SCORE_ROWS_H
#define WC_CLI_SCORE_ROWS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct wc_score_row {
    bool failed;
    uint32_t width_px, height_px;
    double score;
    double map_max; // of the map at the picture's size
    uint32_t peak_x_px, peak_y_px;
    const char *text; // failed: why
};

// A row to and from bytes (between ranks of one job). false: these are none.
void wc_score_row_pack(const struct wc_score_row *row, struct wc_buf *out);
bool wc_score_row_unpack(const char *bytes, size_t n, struct wc_score_row *row);

// "anomalous" when score >= threshold, else "normal"; "-" without a threshold (NaN); "failed".
const char *wc_score_verdict(const struct wc_score_row *row, double threshold);

// path TAB score TAB verdict; control characters in the path become "?".
void wc_score_row_line(const char *path, const struct wc_score_row *row, double threshold,
                       struct wc_buf *out);
void wc_score_row_json(const char *path, const struct wc_score_row *row, double threshold,
                       struct wc_buf *out);
#define WC_SCORE_CSV_HEADER                                                                        \
    "path,score,verdict,threshold,map_max,peak_x_px,peak_y_px,width_px,height_px,error\n"
void wc_score_row_csv(const char *path, const struct wc_score_row *row, double threshold,
                      struct wc_buf *out);

#endif
