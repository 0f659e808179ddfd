// report.html: a run on one page.
#include "base/alloc.h"
#include "base/io.h"
#include "report/charts.h"
#include "report/escape.h"
#include "report/formats.h"
#include "report/html.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

#define MAX_PICTURE ((size_t)1 << 20)  // bytes of one file
#define MAX_GALLERY ((size_t)24 << 20) // of all that are embedded

// What the sections share.
struct page {
    const struct wc_report *r;
    struct wc_view view;
    // Series of charts: the first seed of the first groups.
    size_t series[WC_CHART_SERIES]; // variants
    size_t n_series;
    // Scores of one category and variant.
    double *score, *x[WC_CHART_SERIES], *y[WC_CHART_SERIES];
    int *label;
};

static enum wc_err open_page(struct page *p, struct wc_error *err) {
    const struct wc_report *r = p->r;
    size_t room = r->n_images + WC_MAX_FPR_LIMITS + 2;
    for (size_t i = 0; i < r->n_curves; i++)
        room = r->curve[i].n_points > room ? r->curve[i].n_points : room;
    WC_TRY(wc_view_new(r->row, r->n_rows, &p->view, err));
    for (size_t g = 0; g < p->view.n_groups && p->n_series < WC_CHART_SERIES; g++) {
        size_t v = wc_report_find_variant(r, &p->view.series[p->view.group[g].first]);
        if (v < r->n_variants)
            p->series[p->n_series++] = v;
    }
    WC_TRY(WC_NEW(&p->score, room, "report.html", err));
    WC_TRY(WC_NEW(&p->label, room, "report.html", err));
    for (size_t i = 0; i < WC_CHART_SERIES; i++) {
        WC_TRY(WC_NEW(&p->x[i], room, "report.html", err));
        WC_TRY(WC_NEW(&p->y[i], room, "report.html", err));
    }
    return WC_OK;
}

static void close_page(struct page *p) {
    wc_view_release(&p->view);
    wc_free(p->score);
    wc_free(p->label);
    for (size_t i = 0; i < WC_CHART_SERIES; i++) {
        wc_free(p->x[i]);
        wc_free(p->y[i]);
    }
}

static void attribute(struct wc_buf *out, const char *name, const char *value) {
    wc_buf_printf(out, " data-%s=\"", name);
    wc_html_text(out, value);
    wc_buf_putc(out, '"');
}

static void put_variant(const struct page *p, size_t variant, struct wc_buf *out) {
    const struct wc_report_variant *v = &p->r->variant[variant];
    wc_html_text(out, v->method);
    wc_buf_putc(out, ' ');
    wc_html_text(out, v->preset);
    wc_buf_printf(out, " %lld-shot", (long long)v->shot);
    if (v->shot > 0)
        wc_buf_printf(out, " seed %lld", (long long)v->seed);
}

static void put_legend(const struct page *p, struct wc_buf *out) {
    wc_buf_puts(out, "<div class=\"legend\">");
    for (size_t i = 0; i < p->n_series; i++) {
        wc_buf_printf(out, "<span><i style=\"background:var(--s%zu)\"></i>", i);
        put_variant(p, p->series[i], out);
        wc_buf_puts(out, "</span>");
    }
    if (p->view.n_groups > p->n_series)
        wc_buf_printf(out, "<span class=\"mute\">and %zu more in the tables</span>",
                      p->view.n_groups - p->n_series);
    wc_buf_puts(out, "</div>\n");
}

/* Filters. */

static enum wc_err add_choice(struct wc_strlist *l, const char *text, struct wc_error *err) {
    return wc_strlist_has(l, text) ? WC_OK : wc_strlist_add(l, text, err);
}

static enum wc_err put_filters(const struct page *p, struct wc_buf *out, struct wc_error *err) {
    const struct wc_report *r = p->r;
    struct wc_strlist category = {0}, defect = {0}, why = {0};
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < r->n_categories && rc == WC_OK; i++)
        rc = add_choice(&category, r->category[i].name, err);
    for (size_t i = 0; i < r->n_pictures && rc == WC_OK; i++)
        rc = add_choice(&defect, r->image[r->picture[i].i_image].defect, err);
    for (size_t i = 0; i < WC_N_PICTURE_WHYS && rc == WC_OK; i++)
        rc = add_choice(&why, wc_picture_why[i], err);
    wc_html_filter_begin(out);
    wc_html_filter(out, "category", "Category", &category);
    if (r->n_pictures > 0) {
        wc_html_filter(out, "defect", "Kind", &defect);
        wc_html_filter(out, "why", "Pictures", &why);
    }
    wc_html_filter_end(out);
    wc_strlist_release(&category);
    wc_strlist_release(&defect);
    wc_strlist_release(&why);
    return rc;
}

/* Bars. */

static void put_bars_of(const struct page *p, size_t line, size_t metric, struct wc_buf *out) {
    const char *category = p->view.line[line].category;
    wc_buf_puts(out, "<div class=\"name item\"");
    if (strcmp(category, WC_REPORT_MEAN) != 0)
        attribute(out, "category", category);
    wc_buf_putc(out, '>');
    wc_html_text(out, category);
    wc_buf_puts(out, "</div><div class=\"item\"");
    if (strcmp(category, WC_REPORT_MEAN) != 0)
        attribute(out, "category", category);
    wc_buf_putc(out, '>');
    for (size_t i = 0; i < p->n_series; i++) {
        struct wc_view_cell c = wc_view_at(&p->view, line, i, metric);
        double percent = c.n > 0 && !isnan(c.mean) ? 100 * c.mean : 0;
        wc_buf_printf(out,
                      "<div class=\"bar\"><i style=\"width:%.1f%%;background:var(--s%zu);"
                      "opacity:.55\"></i><b>",
                      percent, i);
        if (c.n > 0 && !isnan(c.mean))
            wc_buf_printf(out, "%.1f", percent);
        else
            wc_buf_puts(out, "n/a");
        wc_buf_puts(out, "</b></div>");
    }
    wc_buf_puts(out, "</div>\n");
}

static void put_bars(const struct page *p, struct wc_buf *out) {
    static const struct {
        const char *metric, *title;
    } bars[] = {{"auroc", "Images: AUROC by category, percent"},
                {"pixel_auroc", "Pixels: AUROC by category, percent"}};
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        size_t metric = wc_view_metric(&p->view, bars[i].metric);
        bool any = false;
        for (size_t l = 0; metric != WC_VIEW_NONE && l < p->view.n_lines; l++)
            any = any || !isnan(wc_view_at(&p->view, l, 0, metric).mean);
        if (!any)
            continue;
        wc_buf_printf(out, "<h2>%s</h2>\n", bars[i].title);
        put_legend(p, out);
        wc_buf_puts(out, "<div class=\"bars\">\n");
        for (size_t l = 0; l < p->view.n_lines; l++)
            put_bars_of(p, l, metric, out);
        wc_buf_puts(out, "</div>\n");
    }
}

/* Curves. */

// Scores and labels of a category for a variant into the page's room.
static size_t take_scores(const struct page *p, const char *category, size_t variant) {
    const struct wc_report *r = p->r;
    size_t n = 0;
    for (size_t i = 0; i < r->n_images; i++) {
        double score = r->score[variant * r->n_images + i];
        if (r->image[i].label < 0 || isnan(score) || strcmp(r->image[i].category, category) != 0)
            continue;
        p->score[n] = score;
        p->label[n++] = r->image[i].label;
    }
    return n;
}

static enum wc_err put_roc(const struct page *p, const char *category, struct wc_buf *out,
                           struct wc_error *err) {
    struct wc_chart_line line[WC_CHART_SERIES];
    size_t n = 0;
    for (size_t i = 0; i < p->n_series; i++) {
        size_t n_images = take_scores(p, category, p->series[i]);
        line[n] = (struct wc_chart_line){p->x[i], p->y[i], 0, i};
        WC_TRY(wc_chart_roc(p->score, p->label, n_images, p->x[i], p->y[i], &line[n].n, err));
        n += line[n].n > 0;
    }
    if (n > 0)
        wc_chart_curves(out, "ROC of images", "false positive rate", "true positive rate", 1, true,
                        line, n);
    return WC_OK;
}

static const struct wc_report_curve *find_curve(const struct wc_report *r, const char *category,
                                                size_t variant) {
    for (size_t i = 0; i < r->n_curves; i++)
        if (r->curve[i].variant == variant && strcmp(r->curve[i].category, category) == 0)
            return &r->curve[i];
    return NULL;
}

// The pixel curves of a category; `pro`: overlap of regions up to a rate of 0.3, else the ROC
// curve.
static void put_pixels(const struct page *p, const char *category, bool pro, struct wc_buf *out) {
    struct wc_chart_line line[WC_CHART_SERIES];
    size_t n = 0;
    for (size_t i = 0; i < p->n_series; i++) {
        const struct wc_report_curve *c = find_curve(p->r, category, p->series[i]);
        if (!c || (pro && c->n_points > 0 && isnan(c->point[0].pro)))
            continue;
        for (size_t k = 0; k < c->n_points; k++) {
            p->x[i][k] = c->point[k].fpr;
            p->y[i][k] = pro ? c->point[k].pro : c->point[k].tpr;
        }
        line[n++] = (struct wc_chart_line){p->x[i], p->y[i], c->n_points, i};
    }
    if (n > 0 && pro)
        wc_chart_curves(out, "PRO of pixels", "false positive rate", "overlap of regions", 0.3,
                        false, line, n);
    else if (n > 0)
        wc_chart_curves(out, "ROC of pixels", "false positive rate", "true positive rate", 1, true,
                        line, n);
}

static double threshold_of(const struct page *p, const char *category) {
    size_t line = wc_view_line_of(&p->view, category),
           metric = wc_view_metric(&p->view, "f1max_threshold");
    const struct wc_report_row *row =
        line != WC_VIEW_NONE && metric != WC_VIEW_NONE
            ? wc_view_row(&p->view, line, p->view.group[0].first, metric)
            : NULL;
    return row ? row->value : NAN;
}

static enum wc_err put_curves(const struct page *p, struct wc_buf *out, struct wc_error *err) {
    wc_buf_puts(out, "<h2>Curves and scores by category</h2>\n");
    put_legend(p, out);
    wc_buf_puts(
        out, "<p class=\"mute\">Scores: normal in the first colour, anomalous in the second, "
             "of the first variant. The dashed diagonal is chance.</p>\n<div class=\"cards\">\n");
    for (size_t i = 0; i < p->r->n_categories; i++) {
        const char *category = p->r->category[i].name;
        wc_buf_puts(out, "<section class=\"card item\"");
        attribute(out, "category", category);
        wc_buf_puts(out, "><h3>");
        wc_html_text(out, category);
        wc_buf_puts(out, "</h3><div class=\"charts\">\n");
        WC_TRY(put_roc(p, category, out, err));
        put_pixels(p, category, false, out);
        put_pixels(p, category, true, out);
        size_t n = p->n_series > 0 ? take_scores(p, category, p->series[0]) : 0;
        wc_chart_scores(out, p->score, p->label, n, threshold_of(p, category));
        wc_buf_puts(out, "</div></section>\n");
    }
    wc_buf_puts(out, "</div>\n");
    return WC_OK;
}

/* Gallery. */

// Absent and overlong files leave a note in their place: a report may have been moved without them.
static void put_file(const char *folder, const char *name, const char *alt, size_t *used,
                     struct wc_buf *out) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    struct wc_error err = {0};
    char *path = folder && name[0] ? wc_path_join(folder, name) : NULL;
    if (path && wc_io_is_file(path) && *used < MAX_GALLERY &&
        wc_io_read_file(path, MAX_PICTURE, &bytes, &n, &err) == WC_ERR_NOMEM)
        out->failed = true;
    *used += n;
    wc_html_picture(out, bytes, n, alt);
    wc_free(bytes);
    wc_free(path);
}

static void put_picture(const struct page *p, const struct wc_report_picture *picture, size_t *used,
                        struct wc_buf *out) {
    const struct wc_report_image *image = &p->r->image[picture->i_image];
    double score = p->r->score[picture->variant * p->r->n_images + picture->i_image];
    wc_buf_puts(out, "<figure class=\"card item\"");
    attribute(out, "category", image->category);
    attribute(out, "defect", image->defect);
    attribute(out, "why", wc_picture_why[picture->why]);
    wc_buf_puts(out, "><div class=\"trio\">");
    put_file(picture->folder, picture->image, "image", used, out);
    put_file(picture->folder, picture->mask, "mask", used, out);
    put_file(picture->folder, picture->map, "heat map", used, out);
    wc_buf_puts(out, "</div><figcaption><b>");
    wc_html_text(out, image->category);
    wc_buf_puts(out, "</b> ");
    wc_html_text(out, image->image);
    wc_buf_printf(out, "<br>score %.4g, %s, %s</figcaption></figure>\n", score,
                  image->label == 1 ? "anomalous" : "normal", wc_picture_why[picture->why]);
}

static void put_gallery(const struct page *p, struct wc_buf *out) {
    size_t used = 0;
    if (p->r->n_pictures == 0)
        return;
    wc_buf_puts(out, "<h2>Pictures: image, mask, heat map</h2>\n<p class=\"mute\">Of ");
    put_variant(p, p->r->picture[0].variant, out);
    wc_buf_puts(out, ", by distance from the F1-max threshold: furthest on the wrong side (worst), "
                     "nearest (borderline), furthest on the right side (best).</p>\n");
    wc_html_scale(out, p->r->provenance.scale_low, p->r->provenance.scale_high);
    wc_buf_puts(out, "<p id=\"none\" hidden>No picture is left by the filters.</p>\n"
                     "<div class=\"gallery\">\n");
    for (size_t i = 0; i < p->r->n_pictures; i++)
        put_picture(p, &p->r->picture[i], &used, out);
    wc_buf_puts(out, "</div>\n");
}

/* The page. */

static enum wc_err put_tables(const struct page *p, struct wc_buf *out, struct wc_error *err) {
    struct wc_tables t = {0};
    struct wc_view defects = {0};
    enum wc_err rc = wc_tables_groups(&p->view, &t, err);
    if (rc == WC_OK) {
        wc_buf_puts(out, "<h2>By category</h2>\n");
        wc_html_tables(&t, out);
        wc_tables_release(&t);
        rc = wc_view_new(p->r->defect, p->r->n_defects, &defects, err);
    }
    if (rc == WC_OK)
        rc = wc_tables_groups(&defects, &t, err);
    if (rc == WC_OK && defects.n_lines > 0) {
        wc_buf_puts(out, "<h2>By kind of defect</h2>\n");
        wc_html_tables(&t, out);
    }
    wc_tables_release(&t);
    wc_view_release(&defects);
    return rc;
}

static enum wc_err put_summary(const struct page *p, struct wc_buf *out, struct wc_error *err) {
    struct wc_tables t = {0};
    enum wc_err rc = wc_tables_summary(&p->view, true, &t, err);
    if (rc == WC_OK) {
        wc_buf_puts(out, "<h2>Summary</h2>\n");
        wc_html_tables(&t, out);
    }
    wc_tables_release(&t);
    return rc;
}

static enum wc_err put_page(struct page *p, struct wc_buf *out, struct wc_error *err) {
    const struct wc_provenance *v = &p->r->provenance;
    struct wc_buf title = {0};
    wc_buf_printf(&title, "%s: winclip-mpi report", v->dataset);
    wc_html_begin(out, wc_buf_str(&title));
    out->failed = out->failed || title.failed;
    wc_buf_release(&title);
    wc_buf_printf(out, "<p class=\"mute\">%zu images in %zu categories", v->n_images,
                  p->r->n_categories);
    if (v->n_failed > 0)
        wc_buf_printf(out, ", <span class=\"fail\">%zu failed</span>", v->n_failed);
    wc_buf_puts(out, "; ");
    wc_html_text(out, v->model);
    wc_buf_puts(out, "; run ");
    wc_html_text(out, v->run_id);
    wc_buf_puts(out, "</p>\n");
    WC_TRY(put_summary(p, out, err));
    WC_TRY(put_filters(p, out, err));
    if (p->n_series > 0) {
        put_bars(p, out);
        WC_TRY(put_curves(p, out, err));
    }
    put_gallery(p, out);
    WC_TRY(put_tables(p, out, err));
    wc_buf_puts(out, "<footer><h2>Where these figures come from</h2>\n");
    WC_TRY(wc_html_provenance(p->r, out, err));
    wc_buf_puts(out, "</footer>\n");
    wc_html_end(out);
    return WC_OK;
}

enum wc_err wc_report_html(const struct wc_report *r, struct wc_buf *out, struct wc_error *err) {
    struct page p = {.r = r};
    enum wc_err rc = open_page(&p, err);
    if (rc == WC_OK)
        rc = put_page(&p, out, err);
    close_page(&p);
    return rc == WC_OK ? wc_buf_check(out, "report.html", err) : rc;
}
