#include "report/charts.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The plot area within the viewBox.
enum { WIDTH = 230, HEIGHT = 200, LEFT = 30, TOP = 22, PLOT_W = 190, PLOT_H = 145, N_BINS = 20 };

static void begin(struct wc_buf *out, const char *title, const char *x_label, const char *y_label,
                  const char *x_low, const char *x_high, const char *y_high) {
    int bottom = TOP + PLOT_H;
    wc_buf_printf(out,
                  "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">"
                  "<text x=\"%d\" y=\"13\" style=\"font-weight:600\">%s</text>",
                  WIDTH, HEIGHT, title, LEFT, title);
    for (int i = 1; i < 4; i++)
        wc_buf_printf(out, "<path class=\"grid\" d=\"M%d %dh%d\"/>", LEFT, TOP + PLOT_H * i / 4,
                      PLOT_W);
    wc_buf_printf(out,
                  "<path class=\"axis\" d=\"M%d %dv%dh%d\"/>"
                  "<text x=\"%d\" y=\"%d\">%s</text><text x=\"%d\" y=\"%d\" "
                  "text-anchor=\"end\">%s</text><text x=\"%d\" y=\"%d\" "
                  "text-anchor=\"middle\">%s</text>"
                  "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><text x=\"%d\" y=\"%d\" "
                  "text-anchor=\"middle\" transform=\"rotate(-90 %d %d)\">%s</text>",
                  LEFT, TOP, PLOT_H, PLOT_W, LEFT, bottom + 13, x_low, LEFT + PLOT_W, bottom + 13,
                  x_high, LEFT + PLOT_W / 2, bottom + 26, x_label, LEFT - 4, TOP + 8, y_high,
                  LEFT - 12, TOP + PLOT_H / 2, LEFT - 12, TOP + PLOT_H / 2, y_label);
}

void wc_chart_curves(struct wc_buf *out, const char *title, const char *x_label,
                     const char *y_label, double x_max, bool diagonal,
                     const struct wc_chart_line *line, size_t n) {
    char high[16];
    snprintf(high, sizeof high, "%g", x_max);
    begin(out, title, x_label, y_label, "0", high, "1");
    if (diagonal)
        wc_buf_printf(out, "<path class=\"guide\" d=\"M%d %dL%d %.1f\"/>", LEFT, TOP + PLOT_H,
                      LEFT + PLOT_W, TOP + PLOT_H * (1 - x_max));
    for (size_t k = 0; k < n; k++) {
        const struct wc_chart_line *l = &line[k];
        wc_buf_printf(out, "<path fill=\"none\" stroke=\"var(--s%zu)\" stroke-width=\"1.8\"%s d=\"",
                      l->series, l->series % 2 ? " stroke-dasharray=\"6 2\"" : "");
        double x0 = 0, y0 = 0;
        for (size_t i = 0; i < l->n && x0 < x_max; i++) {
            double x = l->x[i], y = l->y[i];
            if (x > x_max) { // cut at the edge
                y = y0 + (y - y0) * (x_max - x0) / (x - x0);
                x = x_max;
            }
            wc_buf_printf(out, "%c%.1f %.1f", i > 0 ? 'L' : 'M', LEFT + PLOT_W * x / x_max,
                          TOP + PLOT_H * (1 - y));
            x0 = x;
            y0 = y;
        }
        wc_buf_puts(out, "\"/>");
    }
    wc_buf_puts(out, "</svg>\n");
}

void wc_chart_scores(struct wc_buf *out, const double *score, const int *label, size_t n,
                     double threshold) {
    size_t count[2][N_BINS] = {{0}}, most = 1;
    double low = INFINITY, high = -INFINITY;
    char ends[2][24], top[24];
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, score[i]);
        high = fmax(high, score[i]);
    }
    if (n == 0)
        low = high = 0;
    double range = high > low ? high - low : 1;
    for (size_t i = 0; i < n; i++) {
        size_t bin = (size_t)(N_BINS * (score[i] - low) / range);
        size_t *c = &count[label[i] == 1][bin < N_BINS ? bin : N_BINS - 1];
        most = ++*c > most ? *c : most;
    }
    snprintf(ends[0], sizeof ends[0], "%.4g", low);
    snprintf(ends[1], sizeof ends[1], "%.4g", high);
    snprintf(top, sizeof top, "%zu", most);
    begin(out, "Image scores", "score (line: threshold)", "images", ends[0], ends[1], top);
    for (size_t k = 0; k < 2; k++)
        for (size_t b = 0; b < N_BINS; b++) {
            double h = PLOT_H * (double)count[k][b] / (double)most, w = (double)PLOT_W / N_BINS;
            if (count[k][b] > 0)
                wc_buf_printf(out,
                              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                              "fill=\"var(--s%zu)\" fill-opacity=\".65\"/>",
                              LEFT + w * (double)b + (k ? w / 2 : 0), TOP + PLOT_H - h, w / 2, h,
                              k);
        }
    if (!isnan(threshold) && threshold >= low && threshold <= low + range)
        wc_buf_printf(out, "<path class=\"cut\" d=\"M%.1f %dv%d\"/>",
                      LEFT + PLOT_W * (threshold - low) / range, TOP, PLOT_H);
    wc_buf_puts(out, "</svg>\n");
}

struct scored {
    double score;
    int label;
};

static int descending(const void *a, const void *b) {
    double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x < y) - (x > y);
}

enum wc_err wc_chart_roc(const double *score, const int *label, size_t n, double *x, double *y,
                         size_t *n_points, struct wc_error *err) {
    struct scored *s = NULL;
    size_t n_out = 1, total[2] = {0, 0}, above[2] = {0, 0};
    WC_TRY(WC_NEW(&s, n + 1, "curve", err));
    for (size_t i = 0; i < n; i++) {
        s[i] = (struct scored){score[i], label[i] == 1};
        total[s[i].label]++;
    }
    qsort(s, n, sizeof *s, descending);
    x[0] = y[0] = 0;
    for (size_t i = 0; i < n && total[0] && total[1];) {
        for (double at = s[i].score; i < n && s[i].score == at; i++)
            above[s[i].label]++;
        x[n_out] = (double)above[0] / (double)total[0];
        y[n_out++] = (double)above[1] / (double)total[1];
    }
    wc_free(s);
    *n_points = total[0] && total[1] ? n_out : 0;
    return WC_OK;
}
