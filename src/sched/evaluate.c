// Evaluation, category by category: image metrics on rank 0 from all scores, pixel metrics by all
// ranks (pixels.h), each for the category and for its kinds of defect.
#include "sched/state.h"

#include "base/alloc.h"
#include "base/log.h"
#include "eval/metrics.h"
#include "sched/pixels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Scores and failures to rank 0. */

// What rank 0 gathers of a unit.
struct packed_unit {
    uint32_t unit,
        n_text; // n_text > 0: failed, that many bytes of text follow; otherwise n_variants doubles
};

static enum wc_err pack_own(const struct wc_state *s, struct wc_buf *out, struct wc_error *err) {
    for (size_t u = 0; u < s->n_units; u++) {
        struct wc_record r;
        if (!s->result[u] || !wc_record_decode(s->result[u]->bytes, s->result[u]->n_bytes,
                                               s->plan.n_variants, s->cells, s->n_units, &r))
            continue;
        struct packed_unit p = {(uint32_t)u, r.failed ? (uint32_t)r.n_text : 0};
        wc_buf_add(out, &p, sizeof p);
        wc_buf_add(out, r.failed ? (const void *)r.text : (const void *)r.score,
                   r.failed ? r.n_text : s->plan.n_variants * sizeof(double));
    }
    return wc_buf_check(out, "scores", err);
}

// All scores on rank 0: score (n_units, n_variants), NaN where a unit failed; fail (n_units) texts
// or NULL.
struct gathered {
    double *score;
    char **fail;
};

static enum wc_err unpack_all(const struct wc_state *s, const struct wc_buf *all,
                              struct gathered *g, struct wc_error *err) {
    size_t n = s->plan.n_variants;
    WC_TRY(WC_NEW(&g->score, s->n_units * n, "scores", err));
    WC_TRY(WC_NEW(&g->fail, s->n_units, "failures", err));
    for (size_t i = 0; i < s->n_units * n; i++)
        g->score[i] = NAN;
    for (size_t at = 0; at + sizeof(struct packed_unit) <= all->n;) {
        struct packed_unit p;
        memcpy(&p, all->data + at, sizeof p);
        at += sizeof p;
        if (p.n_text > 0) {
            g->fail[p.unit] = wc_strndup(all->data + at, p.n_text);
            if (!g->fail[p.unit])
                return WC_FAIL(err, WC_ERR_NOMEM, "failures: out of memory");
            at += p.n_text;
            continue;
        }
        memcpy(g->score + p.unit * n, all->data + at, n * sizeof(double));
        at += n * sizeof(double);
    }
    return WC_OK;
}

static void gathered_release(struct wc_state *s, struct gathered *g) {
    for (size_t u = 0; g->fail && u < s->n_units; u++)
        wc_free(g->fail[u]);
    wc_free(g->fail);
    wc_free(g->score);
}

static enum wc_err gather(struct wc_state *s, struct gathered *g, struct wc_error *err) {
    struct wc_buf own = {0}, all = {0};
    enum wc_err rc = wc_agree(&s->comm, pack_own(s, &own, err), err);
    if (rc == WC_OK)
        rc = wc_gather_buf(&s->comm, &own, &all, err);
    if (rc == WC_OK && s->comm.rank == 0)
        rc = unpack_all(s, &all, g, err);
    wc_buf_release(&own);
    wc_buf_release(&all);
    return wc_agree(&s->comm, rc, err);
}

/* Rows. */

static struct wc_report_row row_of(const struct wc_state *s, size_t category, size_t variant,
                                   const char *metric, double value, size_t n_images) {
    const struct wc_variant *v = &s->plan.variant[variant];
    const struct wc_report_variant name = {v->method->name, v->preset, v->shot, v->seed};
    return wc_report_row_of(&name, s->dataset.category[category].name, metric, value, n_images);
}

// Rows of a category, or of one kind of defect: its images and the normal ones.
struct part {
    size_t category, kind; // kind n: the category
    const struct wc_kinds *kinds;
    size_t n_images; // that count
};

static bool is_whole(const struct part *p) {
    return p->kind == p->kinds->n;
}

static enum wc_err add_row(struct wc_report *report, const struct wc_state *s, const struct part *p,
                           size_t variant, const char *metric, double value, double bound,
                           struct wc_error *err) {
    struct wc_report_row row = row_of(s, p->category, variant, metric, value, p->n_images);
    row.bound = isnan(bound) ? 0 : bound;
    if (is_whole(p))
        return wc_report_add(report, &row, err);
    row.defect = p->kinds->name[p->kind];
    WC_TRY(WC_GROW(&report->defect, &report->cap_defects, report->n_defects + 1, "report", err));
    report->defect[report->n_defects++] = row;
    return WC_OK;
}

// Scores and labels of a part; *n of them.
static void collect_scores(const struct wc_state *s, const struct gathered *g, const struct part *p,
                           size_t variant, float *score, uint8_t *label, size_t *n) {
    const struct wc_category *c = &s->dataset.category[p->category];
    size_t first = wc_state_first_unit(s, p->category);
    *n = 0;
    for (size_t i = 0; i < c->n_items; i++) {
        double v = g->score[(first + i) * s->plan.n_variants + variant];
        bool anomalous = c->item[i].label == WC_ANOMALOUS;
        if (isnan(v) || c->item[i].label == WC_UNLABELLED ||
            (anomalous && !is_whole(p) && wc_kind_of(p->kinds, &c->item[i]) != p->kind))
            continue;
        score[*n] = (float)v;
        label[(*n)++] = anomalous;
    }
}

static enum wc_err image_rows(const struct wc_state *s, const struct gathered *g, struct part *p,
                              size_t variant, struct wc_report *report, struct wc_error *err) {
    float *score = NULL;
    uint8_t *label = NULL;
    size_t n = s->dataset.category[p->category].n_items;
    struct wc_metrics m = {
        .auroc = NAN, .ap = NAN, .aupr_trapezoid = NAN, .f1max = NAN, .f1max_threshold = NAN};
    enum wc_err rc = WC_NEW(&score, n, "scores", err);
    if (rc == WC_OK)
        rc = WC_NEW(&label, n, "labels", err);
    if (rc == WC_OK)
        collect_scores(s, g, p, variant, score, label, &p->n_images);
    if (rc == WC_OK && p->n_images > 0)
        rc = wc_metrics_image(score, label, p->n_images, &m, err);
    const struct {
        const char *name;
        double value;
    } metric[] = {{"auroc", m.auroc},
                  {"ap", m.ap},
                  {"aupr_trapezoid", m.aupr_trapezoid},
                  {"f1max", m.f1max},
                  {"f1max_threshold", m.f1max_threshold}};
    for (size_t i = 0; i < sizeof metric / sizeof *metric && rc == WC_OK; i++)
        rc = add_row(report, s, p, variant, metric[i].name, metric[i].value, 0, err);
    wc_free(score);
    wc_free(label);
    return rc;
}

static enum wc_err pixel_rows(const struct wc_state *s, const struct part *p, size_t variant,
                              const struct wc_pixel_figures *f, const char *const *aupro_name,
                              struct wc_report *report, struct wc_error *err) {
    const struct wc_histogram_metrics *m = &f->metrics;
    const struct wc_real_list *limit = &s->config->evaluation.fpr_limit;
    const struct {
        const char *name;
        double value, bound;
    } metric[] = {{"pixel_auroc", m->value.pixel.auroc, m->bound_auroc},
                  {"pixel_ap", m->value.pixel.ap, m->bound_ap},
                  {"pixel_aupr_trapezoid", m->value.pixel.aupr_trapezoid, m->bound_aupr_trapezoid},
                  {"pixel_f1max", m->value.pixel.f1max, m->bound_f1max},
                  {"pixel_f1max_threshold", m->value.pixel.f1max_threshold, 0}};
    for (size_t i = 0; i < sizeof metric / sizeof *metric; i++)
        WC_TRY(
            add_row(report, s, p, variant, metric[i].name, metric[i].value, metric[i].bound, err));
    for (size_t i = 0; i < limit->n; i++)
        WC_TRY(add_row(report, s, p, variant, aupro_name[i], f->aupro[i], f->bound_aupro[i], err));
    return WC_OK;
}

// The pixel curves of the first seed.
static enum wc_err add_curve(const struct wc_state *s, size_t category, size_t variant,
                             const struct wc_pixel_figures *f, struct wc_report *r,
                             struct wc_error *err) {
    struct wc_report_curve c = {.category = s->dataset.category[category].name,
                                .variant = variant,
                                .n_points = f->n_points};
    if (f->n_points == 0 || s->plan.variant[variant].i_seed > 0)
        return WC_OK;
    WC_TRY(WC_GROW(&r->curve, &r->cap_curves, r->n_curves + 1, "curves", err));
    WC_TRY(WC_NEW(&c.point, c.n_points, "curves", err));
    memcpy(c.point, f->point, c.n_points * sizeof *c.point);
    r->curve[r->n_curves++] = c;
    return WC_OK;
}

// What was scored, and how often each label occurs.
static enum wc_err add_images(const struct wc_state *s, struct wc_report *r, struct wc_error *err) {
    WC_TRY(WC_GROW(&r->category, &r->cap_categories, s->dataset.n_categories + 1, "report", err));
    WC_TRY(WC_GROW(&r->image, &r->cap_images, s->n_units + 1, "report", err));
    WC_TRY(WC_GROW(&r->variant, &r->cap_variants, s->plan.n_variants + 1, "report", err));
    for (size_t c = 0; c < s->dataset.n_categories; c++) {
        const struct wc_category *k = &s->dataset.category[c];
        struct wc_report_category *count = &r->category[r->n_categories++];
        *count = (struct wc_report_category){.name = k->name, .n_train = k->n_train};
        for (size_t i = 0; i < k->n_items; i++) {
            count->n_normal += k->item[i].label == WC_NORMAL;
            count->n_anomalous += k->item[i].label == WC_ANOMALOUS;
            count->n_unlabelled += k->item[i].label == WC_UNLABELLED;
            count->n_masked += k->item[i].masks.n > 0;
        }
    }
    for (size_t u = 0; u < s->n_units; u++) {
        const struct wc_category *k = &s->dataset.category[s->unit[u].category];
        const struct wc_item *item = &k->item[s->unit[u].item];
        r->image[r->n_images++] =
            (struct wc_report_image){k->name, item->image, item->defect, (int)item->label};
    }
    for (size_t v = 0; v < s->plan.n_variants; v++) {
        const struct wc_variant *w = &s->plan.variant[v];
        r->variant[r->n_variants++] =
            (struct wc_report_variant){w->method->name, w->preset, w->shot, w->seed};
    }
    return WC_OK;
}

static enum wc_err add_scores(const struct wc_state *s, const struct gathered *g,
                              struct wc_report *r, struct wc_error *err) {
    WC_TRY(add_images(s, r, err));
    WC_TRY(WC_GROW(&r->score, &r->cap_scores, s->n_units * s->plan.n_variants + 1, "scores", err));
    for (size_t v = 0; v < s->plan.n_variants; v++)
        for (size_t u = 0; u < s->n_units; u++)
            r->score[v * s->n_units + u] = g->score[u * s->plan.n_variants + v];
    for (size_t u = 0; u < s->n_units; u++) {
        if (!g->fail[u])
            continue;
        WC_TRY(WC_GROW(&r->failure, &r->cap_failures, r->n_failures + 1, "failures", err));
        r->failure[r->n_failures++] =
            (struct wc_report_failure){r->image[u].category, r->image[u].image, g->fail[u]};
        g->fail[u] = NULL;
    }
    return WC_OK;
}

// Rank 0: all rows of a category.
static enum wc_err add_rows(const struct wc_state *s, const struct gathered *g, size_t category,
                            const struct wc_kinds *kinds, const struct wc_pixel_figures *figures,
                            struct wc_report *report, struct wc_error *err) {
    for (size_t v = 0; v < s->plan.n_variants; v++) {
        const struct wc_pixel_figures *f = figures + v * (1 + kinds->n);
        for (size_t k = 0; k <= kinds->n; k++) {
            struct part p = {category, k > 0 ? k - 1 : kinds->n, kinds, 0};
            WC_TRY(image_rows(s, g, &p, v, report, err));
            WC_TRY(
                pixel_rows(s, &p, v, &f[k], (const char *const *)report->text.item, report, err));
        }
        WC_TRY(add_curve(s, category, v, f, report, err));
    }
    return WC_OK;
}

static enum wc_err evaluate_category(struct wc_state *s, const struct gathered *g, size_t category,
                                     struct wc_report *report, struct wc_error *err) {
    struct wc_kinds kinds = {0};
    struct wc_pixel_figures *figures = NULL;
    enum wc_err rc =
        wc_agree(&s->comm, wc_kinds_of(&s->dataset.category[category], &kinds, err), err);
    if (rc == WC_OK)
        rc = wc_state_pixels(s, category, &kinds, &figures, err);
    if (rc == WC_OK && s->comm.rank == 0)
        rc = add_rows(s, g, category, &kinds, figures, report, err);
    wc_free(figures);
    wc_free(kinds.name);
    return wc_agree(&s->comm, rc, err);
}

// The names of AUPRO at each limit, first among the report's own texts.
static enum wc_err name_limits(const struct wc_state *s, struct wc_report *report,
                               struct wc_error *err) {
    for (size_t i = 0; i < s->config->evaluation.fpr_limit.n; i++) {
        char name[48];
        snprintf(name, sizeof name, "pixel_aupro_%g", s->config->evaluation.fpr_limit.item[i]);
        WC_TRY(wc_strlist_add(&report->text, name, err));
    }
    return WC_OK;
}

enum wc_err wc_state_evaluate(struct wc_state *s, struct wc_report *report, struct wc_error *err) {
    double start_s = wc_clock_s(), start_cpu_s = wc_cpu_s();
    struct gathered g = {0};
    enum wc_err rc = wc_agree(&s->comm, name_limits(s, report, err), err);
    if (rc == WC_OK)
        rc = gather(s, &g, err);
    for (size_t c = 0; c < s->dataset.n_categories && rc == WC_OK; c++) {
        WC_DEBUG("evaluating %s", s->dataset.category[c].name);
        rc = evaluate_category(s, &g, c, report, err);
    }
    if (rc == WC_OK && s->comm.rank == 0) {
        rc = wc_report_add_means(report, err);
        if (rc == WC_OK)
            rc = add_scores(s, &g, report, err);
    }
    gathered_release(s, &g);
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK && s->comm.rank == 0)
        WC_INFO("evaluation took %.2f s (processor %.2f s)", wc_clock_s() - start_s,
                wc_cpu_s() - start_cpu_s);
    return rc;
}
