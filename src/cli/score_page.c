#include "cli/score_page.h"

#include "base/alloc.h"
#include "base/io.h"
#include "image/resize.h"
#include "report/charts.h"
#include "report/escape.h"
#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { THUMB_PX = 224, JPEG_QUALITY = 80 };

/* On the rank that scored. */

// Is the score among the highest of this rank? Equal ones are kept: their order decides later.
static bool take(struct wc_page_filter *f, double score) {
    if (f->n == WC_PAGE_SHOWN && score < f->top[0])
        return false;
    size_t i = 0;
    if (f->n == WC_PAGE_SHOWN)
        memmove(f->top, f->top + 1, --f->n * sizeof *f->top);
    while (i < f->n && f->top[i] < score)
        i++;
    memmove(f->top + i + 1, f->top + i, (f->n++ - i) * sizeof *f->top);
    f->top[i] = score;
    return true;
}

static enum wc_err append(const struct wc_image *image, struct wc_buf *out, struct wc_error *err) {
    struct wc_buf bytes = {0};
    enum wc_err rc = wc_image_encode_jpeg("thumbnail", image, JPEG_QUALITY, &bytes, err);
    uint64_t n = bytes.n;
    if (rc == WC_OK) {
        wc_buf_add(out, &n, sizeof n);
        wc_buf_add(out, bytes.data, bytes.n);
    }
    wc_buf_release(&bytes);
    return rc;
}

// The map's value at the middle of each of the thumbnail's pixels.
static enum wc_err shrink(const float *map, size_t w, size_t h, const struct wc_image *thumb,
                          float **out, struct wc_error *err) {
    float *small = NULL;
    size_t tw = thumb->width_px, th = thumb->height_px;
    WC_TRY(WC_NEW(&small, tw * th, "thumbnail", err));
    for (size_t y = 0; y < th; y++)
        for (size_t x = 0; x < tw; x++)
            small[y * tw + x] = map[(2 * y + 1) * h / (2 * th) * w + (2 * x + 1) * w / (2 * tw)];
    *out = small;
    return WC_OK;
}

enum wc_err wc_page_pack(struct wc_page_filter *f, const struct wc_score_row *row,
                         const struct wc_image *image, const float *map,
                         const struct wc_colour_scale *scale, struct wc_buf *out,
                         struct wc_error *err) {
    struct wc_image thumb = {0};
    float *small = NULL;
    size_t w = image->width_px, h = image->height_px, longer = w > h ? w : h;
    size_t tw = longer > THUMB_PX ? w * THUMB_PX / longer : w,
           th = longer > THUMB_PX ? h * THUMB_PX / longer : h;
    if (!take(f, row->score))
        return WC_OK;
    enum wc_err rc =
        wc_image_resize(image, tw > 0 ? tw : 1, th > 0 ? th : 1, WC_FILTER_BILINEAR, &thumb, err);
    if (rc == WC_OK)
        rc = append(&thumb, out, err);
    if (rc == WC_OK)
        rc = shrink(map, w, h, &thumb, &small, err);
    if (rc == WC_OK) {
        wc_colour_overlay(&thumb, small, scale);
        rc = append(&thumb, out, err);
    }
    wc_image_release(&thumb);
    wc_free(small);
    return rc;
}

/* On rank 0. */

static void drop_pictures(struct wc_page_entry *e) {
    for (size_t i = 0; i < 2; i++) {
        wc_free(e->picture[i]);
        e->picture[i] = NULL;
    }
}

void wc_page_release(struct wc_page *p) {
    for (size_t i = 0; i < p->n; i++) {
        drop_pictures(&p->entry[i]);
        wc_free(p->entry[i].path);
        wc_free(p->entry[i].error);
    }
    wc_free(p->entry);
    *p = (struct wc_page){0};
}

// Highest score first; what failed comes last.
static int by_score(const void *a, const void *b) {
    const struct wc_page_entry *x = a, *y = b;
    if (!x->error != !y->error)
        return x->error ? 1 : -1;
    return x->error || x->score == y->score ? (x->order > y->order) - (x->order < y->order)
                                            : (x->score < y->score) - (x->score > y->score);
}

// Keeps the pictures that are shown: called when twice as many have come.
static void prune(struct wc_page *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->entry[i].picture[0] != NULL;
    if (n < 2 * WC_PAGE_SHOWN)
        return;
    qsort(p->entry, p->n, sizeof *p->entry, by_score);
    for (size_t i = WC_PAGE_SHOWN; i < p->n; i++)
        drop_pictures(&p->entry[i]);
}

enum wc_err wc_page_add(struct wc_page *p, const char *path, const struct wc_score_row *row,
                        const char *bytes, size_t n, struct wc_error *err) {
    WC_TRY(WC_GROW(&p->entry, &p->cap, p->n + 1, "report.html", err));
    struct wc_page_entry *e = &p->entry[p->n];
    *e = (struct wc_page_entry){.score = row->score, .order = p->n};
    p->n++;
    e->path = wc_strdup(path);
    e->error = row->failed ? wc_strdup(row->text) : NULL;
    if (!e->path || (row->failed && !e->error))
        return WC_FAIL(err, WC_ERR_NOMEM, "report.html: out of memory");
    size_t at = sizeof *row;
    for (size_t i = 0; i < 2 && !row->failed; i++) {
        uint64_t size;
        if (n - at < sizeof size)
            break;
        memcpy(&size, bytes + at, sizeof size);
        at += sizeof size;
        if (size > n - at)
            return WC_FAIL(err, WC_ERR_BUG, "%s: its thumbnail was lost between ranks", path);
        WC_TRY(WC_NEW_RAW(&e->picture[i], (size_t)size + 1, "thumbnail", err));
        memcpy(e->picture[i], bytes + at, (size_t)size);
        e->n_picture[i] = (size_t)size;
        at += (size_t)size;
    }
    prune(p);
    return WC_OK;
}

/* The page. */

static const char *verdict_of(const struct wc_page_entry *e, double threshold) {
    return e->error                ? "failed"
           : isnan(threshold)      ? "-"
           : e->score >= threshold ? "anomalous"
                                   : "normal";
}

static void put_histogram(const struct wc_page *p, size_t n_scored, double threshold,
                          struct wc_buf *out, double *score, int *label) {
    for (size_t i = 0; i < n_scored; i++) {
        score[i] = p->entry[i].score;
        label[i] = !isnan(threshold) && score[i] >= threshold;
    }
    wc_buf_puts(out, "<h2>Scores</h2>\n<div class=\"card\" style=\"max-width:24rem\">");
    wc_chart_scores(out, score, label, n_scored, threshold);
    wc_buf_puts(out, "</div>\n");
}

static void put_gallery(const struct wc_page *p, double threshold,
                        const struct wc_colour_scale *scale, struct wc_buf *out) {
    wc_buf_puts(out, "<h2>Highest scores: image, heat map</h2>\n");
    wc_html_scale(out, scale->low, scale->high);
    wc_buf_puts(out, "<p id=\"none\" hidden>No picture is left by the filter.</p>\n"
                     "<div class=\"gallery\">\n");
    for (size_t i = 0; i < p->n && i < WC_PAGE_SHOWN; i++) {
        const struct wc_page_entry *e = &p->entry[i];
        if (e->error || !e->picture[0])
            continue;
        wc_buf_printf(out,
                      "<figure class=\"card item\" data-verdict=\"%s\"><div class=\"trio\" "
                      "style=\"grid-template-columns:1fr 1fr\">",
                      verdict_of(e, threshold));
        wc_html_picture(out, e->picture[0], e->n_picture[0], "image");
        wc_html_picture(out, e->picture[1], e->n_picture[1], "heat map");
        wc_buf_puts(out, "</div><figcaption>");
        wc_html_text(out, e->path);
        wc_buf_printf(out, "<br>score %.4g, %s</figcaption></figure>\n", e->score,
                      verdict_of(e, threshold));
    }
    wc_buf_puts(out, "</div>\n");
}

static void put_table(const struct wc_page *p, double threshold, struct wc_buf *out) {
    wc_buf_puts(out, "<h2>All pictures</h2>\n<div class=\"scroll\"><table><thead><tr><th>path</th>"
                     "<th>score</th><th>verdict</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < p->n && i < WC_PAGE_ROWS; i++) {
        const struct wc_page_entry *e = &p->entry[i];
        const char *verdict = verdict_of(e, threshold);
        wc_buf_printf(out, "<tr class=\"item\" data-verdict=\"%s\"><td style=\"max-width:none\">",
                      verdict);
        wc_html_text(out, e->path);
        if (e->error) {
            wc_buf_puts(out, "<br><span class=\"fail\">");
            wc_html_text(out, e->error);
            wc_buf_puts(out, "</span></td><td>-</td>");
        } else {
            wc_buf_printf(out, "</td><td>%.4f</td>", e->score);
        }
        wc_buf_printf(out, "<td>%s</td></tr>\n", verdict);
    }
    wc_buf_puts(out, "</tbody></table></div>\n");
    if (p->n > WC_PAGE_ROWS)
        wc_buf_printf(out, "<p class=\"mute\">%zu more are in scores.csv.</p>\n",
                      p->n - WC_PAGE_ROWS);
}

static enum wc_err put_filter(double threshold, struct wc_buf *out, struct wc_error *err) {
    struct wc_strlist verdict = {0};
    enum wc_err rc = WC_OK;
    if (isnan(threshold))
        return WC_OK;
    rc = wc_strlist_add(&verdict, "anomalous", err);
    if (rc == WC_OK)
        rc = wc_strlist_add(&verdict, "normal", err);
    wc_html_filter_begin(out);
    wc_html_filter(out, "verdict", "Verdict", &verdict);
    wc_html_filter_end(out);
    wc_strlist_release(&verdict);
    return rc;
}

static enum wc_err put_page(const struct wc_page *p, const char *title, double threshold,
                            const struct wc_colour_scale *scale, const struct wc_page_fact *fact,
                            size_t n_facts, struct wc_buf *out, struct wc_error *err) {
    double *score = NULL;
    int *label = NULL;
    size_t n_scored = 0, n_anomalous = 0;
    WC_TRY(WC_NEW(&score, p->n + 1, "report.html", err));
    enum wc_err rc = WC_NEW(&label, p->n + 1, "report.html", err);
    qsort(p->entry, p->n, sizeof *p->entry, by_score);
    for (; n_scored < p->n && !p->entry[n_scored].error; n_scored++)
        n_anomalous += p->entry[n_scored].score >= threshold;
    if (rc == WC_OK) {
        wc_html_begin(out, title);
        wc_buf_printf(out, "<p class=\"mute\">%zu pictures scored, %zu failed", n_scored,
                      p->n - n_scored);
        if (!isnan(threshold))
            wc_buf_printf(out, "; %zu anomalous at %.6g", n_anomalous, threshold);
        wc_buf_puts(out, "</p>\n");
        rc = put_filter(threshold, out, err);
    }
    if (rc == WC_OK) {
        put_histogram(p, n_scored, threshold, out, score, label);
        put_gallery(p, threshold, scale, out);
        put_table(p, threshold, out);
        wc_buf_puts(out, "<footer><h2>Where these scores come from</h2>\n<dl>");
        for (size_t i = 0; i < n_facts; i++) {
            wc_buf_printf(out, "<dt>%s</dt><dd>", fact[i].label);
            wc_html_text(out, fact[i].text);
            wc_buf_puts(out, "</dd>\n");
        }
        wc_buf_puts(out, "</dl></footer>\n");
        wc_html_end(out);
    }
    wc_free(score);
    wc_free(label);
    return rc == WC_OK ? wc_buf_check(out, "report.html", err) : rc;
}

enum wc_err wc_page_write(const struct wc_page *p, const char *title, double threshold,
                          const struct wc_colour_scale *scale, const struct wc_page_fact *fact,
                          size_t n_facts, const char *path, struct wc_error *err) {
    struct wc_buf out = {0};
    enum wc_err rc = put_page(p, title, threshold, scale, fact, n_facts, &out, err);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, wc_buf_str(&out), out.n, err);
    wc_buf_release(&out);
    return rc;
}
