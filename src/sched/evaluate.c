// Evaluation: image metrics on rank 0 from all scores, pixel metrics category by category from
// integer histograms that every rank fills with its own results and MPI adds. Integer sums make the
// figures independent of who held what.
#include "sched/state.h"

#include "base/alloc.h"
#include "base/log.h"
#include "eval/histogram.h"
#include "eval/metrics.h"
#include "image/resize.h"
#include "method/finish.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_BINS ((size_t)1 << 20)
#define HISTOGRAM_BYTES ((size_t)256 << 20) // for the variants of one pass
#define STRIPE_ROWS 64                      // of a map at a time: stays in the cache

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

static size_t first_unit(const struct wc_state *s, size_t category) {
    size_t u = 0;
    while (u < s->n_units && s->unit[u].category < category)
        u++;
    return u;
}

static enum wc_err image_rows(const struct wc_state *s, const struct gathered *g, size_t category,
                              size_t variant, struct wc_report *report, struct wc_error *err) {
    const struct wc_category *c = &s->dataset.category[category];
    size_t first = first_unit(s, category), n = 0;
    float *score = NULL;
    uint8_t *label = NULL;
    enum wc_err rc = WC_NEW(&score, c->n_items, "scores", err);
    if (rc == WC_OK)
        rc = WC_NEW(&label, c->n_items, "labels", err);
    for (size_t i = 0; i < c->n_items && rc == WC_OK; i++) {
        double v = g->score[(first + i) * s->plan.n_variants + variant];
        if (isnan(v) || c->item[i].label == WC_UNLABELLED)
            continue;
        score[n] = (float)v;
        label[n++] = c->item[i].label == WC_ANOMALOUS;
    }
    struct wc_metrics m = {
        .auroc = NAN, .ap = NAN, .aupr_trapezoid = NAN, .f1max = NAN, .f1max_threshold = NAN};
    if (rc == WC_OK && n > 0)
        rc = wc_metrics_image(score, label, n, &m, err);
    const struct {
        const char *name;
        double value;
    } metric[] = {{"auroc", m.auroc},
                  {"ap", m.ap},
                  {"aupr_trapezoid", m.aupr_trapezoid},
                  {"f1max", m.f1max},
                  {"f1max_threshold", m.f1max_threshold}};
    for (size_t i = 0; i < sizeof metric / sizeof *metric && rc == WC_OK; i++) {
        struct wc_report_row row = row_of(s, category, variant, metric[i].name, metric[i].value, n);
        rc = wc_report_add(report, &row, err);
    }
    wc_free(score);
    wc_free(label);
    return rc;
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

/* Pixel metrics. */

// One variant of the pass.
struct track {
    size_t variant;
    struct wc_binning *binning;
    struct wc_histogram histogram;
    struct wc_histogram_metrics metrics;
    bool finished;
};

// Scratch for one image.
struct canvas {
    float *stripe;
    size_t cap_stripe;
    uint64_t *weight;
    size_t cap_weight;
    float *grid;
    size_t cap_grid;
    float *map; // (n_tiles + 1, image_px, image_px) of variants that smooth theirs; the last is
                // scratch
    size_t cap_map;
};

static void canvas_release(struct canvas *c) {
    wc_free(c->stripe);
    wc_free(c->weight);
    wc_free(c->grid);
    wc_free(c->map);
}

// The union of an item's masks at evaluation size.
static enum wc_err read_masks(const struct wc_state *s, const struct wc_item *item,
                              struct wc_mask *out, struct wc_error *err) {
    size_t size = (size_t)s->config->evaluation.size;
    struct wc_mask all = {0};
    for (size_t i = 0; i < item->masks.n; i++) {
        struct wc_mask mask = {0};
        enum wc_err rc = wc_mask_read(item->masks.item[i], &mask, err);
        if (rc == WC_OK && i > 0 &&
            (mask.width_px != all.width_px || mask.height_px != all.height_px))
            rc = WC_FAULT(err, WC_ERR_DATA, "size-mismatch", "%s: the masks of %s differ in size",
                          item->masks.item[i], item->path);
        if (rc != WC_OK) {
            wc_mask_release(&mask);
            wc_mask_release(&all);
            return rc;
        }
        if (i == 0) {
            all = mask;
            continue;
        }
        for (size_t p = 0; p < all.width_px * all.height_px; p++)
            all.value[p] |= mask.value[p];
        wc_mask_release(&mask);
    }
    if (size == 0) {
        *out = all;
        return WC_OK;
    }
    enum wc_err rc = wc_mask_resize(&all, size, size, WC_MASK_PILLOW_NEAREST, out, err);
    wc_mask_release(&all);
    return rc;
}

// A variant's maps, one a tile (side, side), from its record.
static enum wc_err read_grids(const struct wc_state *s, const struct wc_record *r, size_t variant,
                              struct canvas *c, const float **grids, size_t *side,
                              struct wc_error *err) {
    const struct wc_variant *v = &s->plan.variant[variant];
    size_t px = s->arch.image_px, cells = wc_variant_cells(v), n = r->n_tiles;
    wc_record_grid(r, &s->plan, variant, c->grid);
    *grids = c->grid;
    *side = v->side[0];
    if (!wc_variant_smooths(v))
        return WC_OK;
    WC_TRY(WC_GROW(&c->map, &c->cap_map, (n + 1) * px * px, "map", err));
    for (size_t i = 0; i < n; i++)
        wc_variant_map(v, px, c->grid + i * cells, c->map + i * px * px, c->map + n * px * px);
    *grids = c->map;
    *side = px;
    return WC_OK;
}

static enum wc_err add_image(const struct wc_state *s, const struct wc_record *r,
                             const struct wc_item *item, struct track *track, size_t n_tracks,
                             struct canvas *c, uint64_t *n_components, struct wc_error *err) {
    size_t size = (size_t)s->config->evaluation.size, side = 0;
    size_t w = size ? size : r->width_px, h = size ? size : r->height_px;
    struct wc_tiling t;
    struct wc_mask mask = {0};
    WC_TRY(wc_tiling_plan(r->width_px, r->height_px, s->arch.image_px,
                          (enum wc_tile_mode)s->config->preprocess.tiling, &t, err));
    if (t.n_tiles != r->n_tiles)
        return WC_FAIL(err, WC_ERR_BUG, "%s: %u tiles in the journal, %zu planned", item->path,
                       r->n_tiles, t.n_tiles);
    WC_TRY(WC_GROW(&c->stripe, &c->cap_stripe, STRIPE_ROWS * w, "map", err));
    WC_TRY(WC_GROW(&c->weight, &c->cap_weight, w * h, "regions", err));
    WC_TRY(WC_GROW(&c->grid, &c->cap_grid, t.n_tiles * s->cells, "grid", err));
    uint32_t regions = 0;
    enum wc_err rc = WC_OK;
    if (item->masks.n > 0) {
        rc = read_masks(s, item, &mask, err);
        if (rc == WC_OK && (mask.width_px != w || mask.height_px != h))
            rc = WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                          "%s: changed its size since it was scored", item->path);
        if (rc == WC_OK)
            rc = wc_region_weights(mask.value, h, w, c->weight, &regions, err);
    }
    *n_components += regions;
    for (size_t k = 0; k < n_tracks && rc == WC_OK; k++) {
        if (track[k].finished)
            continue;
        const float *grids = NULL;
        rc = read_grids(s, r, track[k].variant, c, &grids, &side, err);
        for (size_t row = 0; row < h && rc == WC_OK; row += STRIPE_ROWS) {
            size_t end = row + STRIPE_ROWS < h ? row + STRIPE_ROWS : h;
            wc_tiling_map(&t, grids, side, side, h, w, row, end, c->stripe);
            rc = wc_histogram_add(&track[k].histogram, track[k].binning, c->stripe,
                                  mask.value ? mask.value + row * w : NULL,
                                  mask.value ? c->weight + row * w : NULL, (end - row) * w, err);
        }
    }
    wc_mask_release(&mask);
    return rc;
}

// One pass over this rank's images of a category for all unfinished tracks; then the sums of all
// ranks.
static enum wc_err pass(struct wc_state *s, size_t category, struct track *track, size_t n_tracks,
                        struct canvas *c, uint64_t *n_components, struct wc_error *err) {
    size_t first = first_unit(s, category);
    enum wc_err rc = WC_OK;
    uint64_t own = 0;
    for (size_t i = 0; i < s->dataset.category[category].n_items && rc == WC_OK; i++) {
        const struct wc_journal_payload *p = s->result[first + i];
        const struct wc_item *item = &s->dataset.category[category].item[i];
        struct wc_record r;
        if (!p || item->label == WC_UNLABELLED ||
            !wc_record_decode(p->bytes, p->n_bytes, s->plan.n_variants, s->cells, s->n_units, &r) ||
            r.failed)
            continue;
        rc = add_image(s, &r, item, track, n_tracks, c, &own, err);
    }
    WC_TRY(wc_agree(&s->comm, rc, err));
    MPI_Allreduce(&own, n_components, 1, MPI_UINT64_T, MPI_SUM, s->comm.comm);
    for (size_t k = 0; k < n_tracks; k++)
        if (!track[k].finished)
            MPI_Allreduce(MPI_IN_PLACE, track[k].histogram.count,
                          (int)wc_histogram_n(&track[k].histogram), MPI_UINT64_T, MPI_SUM,
                          s->comm.comm);
    return WC_OK;
}

// Metrics of each track, and finer bins for those whose bound is too wide. All ranks have the same
// sums and so decide the same.
static enum wc_err judge(struct wc_state *s, struct track *track, size_t n_tracks,
                         uint64_t n_components, bool *again, struct wc_error *err) {
    const double limit = s->config->evaluation.fpr_limit,
                 tolerance = s->config->evaluation.tolerance;
    *again = false;
    for (size_t k = 0; k < n_tracks; k++) {
        struct track *t = &track[k];
        bool changed = false;
        if (t->finished)
            continue;
        WC_TRY(
            wc_histogram_metrics(&t->histogram, t->binning, limit, n_components, &t->metrics, err));
        if (t->metrics.bound > tolerance) {
            WC_TRY(wc_binning_refine(t->binning, &t->histogram, limit, tolerance, n_components,
                                     MAX_BINS, &changed, err));
            if (changed)
                WC_TRY(wc_histogram_clear(&t->histogram, t->binning, err));
        }
        t->finished = !changed;
        *again = *again || changed;
    }
    return WC_OK;
}

static enum wc_err refine_tracks(struct wc_state *s, size_t category, struct track *track,
                                 size_t n_tracks, struct wc_error *err) {
    struct canvas canvas = {0};
    enum wc_err rc = WC_OK;
    bool again = false;
    for (size_t k = 0; k < n_tracks; k++)
        again = again || !track[k].finished;
    while (rc == WC_OK && again) {
        uint64_t n_components = 0;
        rc = pass(s, category, track, n_tracks, &canvas, &n_components, err);
        if (rc == WC_OK)
            rc = wc_agree(&s->comm, judge(s, track, n_tracks, n_components, &again, err), err);
    }
    canvas_release(&canvas);
    return rc;
}

static enum wc_err pixel_rows(const struct wc_state *s, size_t category, const struct track *t,
                              size_t n_images, const char *aupro_name, struct wc_report *report,
                              struct wc_error *err) {
    const struct wc_histogram_metrics *m = &t->metrics;
    const struct {
        const char *name;
        double value, bound;
    } metric[] = {{"pixel_auroc", m->value.pixel.auroc, m->bound_auroc},
                  {"pixel_ap", m->value.pixel.ap, m->bound_ap},
                  {"pixel_aupr_trapezoid", m->value.pixel.aupr_trapezoid, m->bound_aupr_trapezoid},
                  {"pixel_f1max", m->value.pixel.f1max, m->bound_f1max},
                  {"pixel_f1max_threshold", m->value.pixel.f1max_threshold, 0},
                  {aupro_name, m->value.aupro, m->bound_aupro}};
    for (size_t i = 0; i < sizeof metric / sizeof *metric; i++) {
        struct wc_report_row row =
            row_of(s, category, t->variant, metric[i].name, metric[i].value, n_images);
        row.bound = isnan(metric[i].bound) ? 0 : metric[i].bound;
        WC_TRY(wc_report_add(report, &row, err));
    }
    return WC_OK;
}

static const struct wc_histogram_metrics undefined = {.value = {.pixel = {.auroc = NAN,
                                                                          .ap = NAN,
                                                                          .aupr_trapezoid = NAN,
                                                                          .f1max = NAN,
                                                                          .f1max_threshold = NAN},
                                                                .aupro = NAN}};

static void tracks_release(struct track *track, size_t n) {
    for (size_t k = 0; k < n; k++) {
        wc_binning_free(&track[k].binning);
        wc_histogram_release(&track[k].histogram);
    }
    wc_free(track);
}

// Variants [first, first + n) of a category.
static enum wc_err evaluate_tracks(struct wc_state *s, size_t category, size_t first, size_t n,
                                   struct track *track, struct wc_error *err) {
    enum wc_err rc = WC_OK;
    for (size_t k = 0; k < n && rc == WC_OK; k++) {
        track[k].variant = first + k;
        track[k].metrics = undefined;
        track[k].finished =
            s->plan.variant[first + k].dense == WC_DENSE_NONE; // no map, no pixel metrics
        rc = wc_binning_new(&track[k].binning, err);
        if (rc == WC_OK)
            rc = wc_histogram_init(&track[k].histogram, track[k].binning, err);
    }
    WC_TRY(wc_agree(&s->comm, rc, err));
    return refine_tracks(s, category, track, n, err);
}

static enum wc_err evaluate_category(struct wc_state *s, const struct gathered *g, size_t category,
                                     const char *aupro_name, struct wc_report *report,
                                     struct wc_error *err) {
    const struct wc_category *c = &s->dataset.category[category];
    // Refined histograms may grow to MAX_BINS; most stay far below, so the coarse size decides how
    // many go together.
    size_t per_variant = WC_HISTOGRAM_PLANES * sizeof(uint64_t) * (MAX_BINS / 4);
    size_t group = HISTOGRAM_BYTES / per_variant + 1;
    for (size_t first = 0; first < s->plan.n_variants; first += group) {
        size_t n = s->plan.n_variants - first < group ? s->plan.n_variants - first : group;
        struct track *track = NULL;
        enum wc_err rc = wc_agree(&s->comm, WC_NEW(&track, n, "evaluation", err), err);
        for (size_t k = 0; k < n && rc == WC_OK; k++) {
            track[k].variant = first + k;
            track[k].metrics = undefined;
        }
        if (rc == WC_OK && c->has_masks)
            rc = evaluate_tracks(s, category, first, n, track, err);
        for (size_t k = 0; k < n && rc == WC_OK && s->comm.rank == 0; k++) {
            size_t before = report->n_rows;
            rc = image_rows(s, g, category, first + k, report, err);
            if (rc == WC_OK)
                rc = pixel_rows(s, category, &track[k], report->row[before].n_images, aupro_name,
                                report, err);
        }
        if (track)
            tracks_release(track, n);
        WC_TRY(wc_agree(&s->comm, rc, err));
    }
    return WC_OK;
}

enum wc_err wc_state_evaluate(struct wc_state *s, struct wc_report *report, struct wc_error *err) {
    struct gathered g = {0};
    static char aupro_name[48]; // rows point at it as long as the report lives
    snprintf(aupro_name, sizeof aupro_name, "pixel_aupro_%g", s->config->evaluation.fpr_limit);
    enum wc_err rc = gather(s, &g, err);
    for (size_t c = 0; c < s->dataset.n_categories && rc == WC_OK; c++) {
        WC_DEBUG("evaluating %s", s->dataset.category[c].name);
        rc = evaluate_category(s, &g, c, aupro_name, report, err);
    }
    if (rc == WC_OK && s->comm.rank == 0) {
        rc = wc_report_add_means(report, err);
        if (rc == WC_OK)
            rc = add_scores(s, &g, report, err);
    }
    gathered_release(s, &g);
    return wc_agree(&s->comm, rc, err);
}
