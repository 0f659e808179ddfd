#include "cli/score_rows.h"

#include "base/json.h"
#include "report/escape.h"

#include <math.h>
#include <string.h>

void wc_score_row_pack(const struct wc_score_row *row, struct wc_buf *out) {
    struct wc_score_row flat = *row;
    flat.text = NULL;
    wc_buf_add(out, &flat, sizeof flat);
    if (row->failed)
        wc_buf_add(out, row->text, strlen(row->text) + 1);
}

bool wc_score_row_unpack(const char *bytes, size_t n, struct wc_score_row *row) {
    if (n < sizeof *row)
        return false;
    memcpy(row, bytes, sizeof *row);
    row->text = row->failed ? bytes + sizeof *row : NULL;
    return !row->failed || (n > sizeof *row && bytes[n - 1] == '\0');
}

const char *wc_score_verdict(const struct wc_score_row *row, double threshold) {
    if (row->failed)
        return "failed";
    if (isnan(threshold))
        return "-";
    return row->score >= threshold ? "anomalous" : "normal";
}

void wc_score_row_line(const char *path, const struct wc_score_row *row, double threshold,
                       struct wc_buf *out) {
    for (const char *p = path; *p; p++)
        wc_buf_putc(out, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
    if (row->failed)
        wc_buf_puts(out, "\t-");
    else
        wc_buf_printf(out, "\t%.9g", row->score);
    wc_buf_printf(out, "\t%s\n", wc_score_verdict(row, threshold));
}

void wc_score_row_json(const char *path, const struct wc_score_row *row, double threshold,
                       struct wc_buf *out) {
    wc_buf_puts(out, "{\"path\": ");
    wc_json_quote(out, path);
    if (row->failed) {
        wc_buf_puts(out, ", \"status\": \"failed\", \"error\": ");
        wc_json_quote(out, row->text);
        wc_buf_puts(out, "}\n");
        return;
    }
    wc_buf_puts(out, ", \"status\": \"ok\", \"score\": ");
    wc_json_number(out, row->score);
    if (isnan(threshold))
        wc_buf_puts(out, ", \"verdict\": null, \"threshold\": null");
    else
        wc_buf_printf(out, ", \"verdict\": \"%s\", \"threshold\": %.17g",
                      wc_score_verdict(row, threshold), threshold);
    wc_buf_puts(out, ", \"map_max\": ");
    wc_json_number(out, row->map_max);
    wc_buf_printf(out, ", \"peak_px\": [%u, %u], \"size_px\": [%u, %u]}\n", row->peak_x_px,
                  row->peak_y_px, row->width_px, row->height_px);
}

void wc_score_row_csv(const char *path, const struct wc_score_row *row, double threshold,
                      struct wc_buf *out) {
    wc_csv_field(out, path);
    if (row->failed) {
        wc_buf_puts(out, ",,failed,,,,,,,");
        wc_csv_field(out, row->text);
        wc_buf_putc(out, '\n');
        return;
    }
    wc_buf_printf(out, ",%.17g,%s,", row->score, wc_score_verdict(row, threshold));
    if (!isnan(threshold))
        wc_buf_printf(out, "%.17g", threshold);
    wc_buf_printf(out, ",%.9g,%u,%u,%u,%u,\n", row->map_max, row->peak_x_px, row->peak_y_px,
                  row->width_px, row->height_px);
}
