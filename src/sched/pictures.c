#include "sched/pictures.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "sched/drawing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PER_KIND = 2 }; // pictures of each kind a category

struct pictures {
    struct wc_state *s;
    struct wc_report *report; // rank 0
    double *scale;            // (n_variants, 2): low and high
    unsigned char *keep;      // (n_variants): maps that exist are those wanted
    struct wc_pick *pick;     // equal on all ranks
    size_t n_picks, cap_picks;
};

/* The scale. */

static void widen(double *scale, const float *value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double v = (double)value[i];
        scale[0] = v < scale[0] ? v : scale[0];
        scale[1] = v > scale[1] ? v : scale[1];
    }
}

// Lowest and highest value of each variant's maps. Bilinear values lie between those of the grid.
static enum wc_err find_scale(struct pictures *p, struct wc_error *err) {
    struct wc_state *s = p->s;
    struct wc_canvas canvas = {0};
    size_t n = s->plan.n_variants;
    enum wc_err rc = WC_NEW(&p->scale, 2 * n, "colour scale", err);
    if (rc == WC_OK)
        rc = WC_NEW(&p->keep, n, "colour scale", err);
    WC_TRY(wc_agree(&s->comm, rc, err));
    for (size_t v = 0; v < n; v++) {
        p->scale[2 * v] = INFINITY;
        p->scale[2 * v + 1] = -INFINITY;
    }
    for (size_t u = 0; u < s->n_units && rc == WC_OK; u++) {
        struct wc_record r;
        if (!wc_state_record(s, u, &r))
            continue;
        rc = wc_canvas_begin(&canvas, s, &r, "a record", r.width_px, r.height_px, err);
        for (size_t v = 0; v < n && rc == WC_OK; v++) {
            if (s->plan.variant[v].dense == WC_DENSE_NONE)
                continue;
            rc = wc_canvas_variant(&canvas, s, v, err);
            if (rc == WC_OK)
                widen(&p->scale[2 * v], canvas.grids,
                      canvas.tiling.n_tiles * canvas.side * canvas.side);
        }
    }
    wc_canvas_release(&canvas);
    WC_TRY(wc_agree(&s->comm, rc, err));
    for (size_t v = 0; v < n; v++)
        p->scale[2 * v] = -p->scale[2 * v];
    MPI_Allreduce(MPI_IN_PLACE, p->scale, (int)(2 * n), MPI_DOUBLE, MPI_MAX, s->comm.comm);
    for (size_t v = 0; v < n; v++) {
        p->scale[2 * v] = -p->scale[2 * v];
        if (!(p->scale[2 * v] < p->scale[2 * v + 1])) // no map, or a constant one
            p->scale[2 * v + 1] = p->scale[2 * v] + 1;
    }
    return WC_OK;
}

/* Rank 0 chooses. */

static enum wc_err add_pick(struct pictures *p, const struct wc_pick *pick, struct wc_error *err) {
    WC_TRY(WC_GROW(&p->pick, &p->cap_picks, p->n_picks + 1, "pictures", err));
    p->pick[p->n_picks++] = *pick;
    return WC_OK;
}

// An image and how far its score is on the right side of the threshold.
struct margin {
    size_t unit;
    double score, margin;
    bool taken;
};

static int by_margin(const void *a, const void *b) {
    const struct margin *x = a, *y = b;
    return x->margin != y->margin ? (x->margin > y->margin) - (x->margin < y->margin)
                                  : (x->unit > y->unit) - (x->unit < y->unit);
}

static int by_score(const void *a, const void *b) {
    const struct margin *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score)
                                : (x->unit > y->unit) - (x->unit < y->unit);
}

static double threshold_of(const struct wc_report *r, const char *category, size_t variant) {
    const struct wc_report_variant *v = &r->variant[variant];
    for (size_t i = 0; i < r->n_rows; i++)
        if (wc_report_row_is(&r->row[i], v, category, "f1max_threshold"))
            return r->row[i].value;
    return NAN;
}

// A category's scored images; margins are NaN where there is no label or threshold.
static size_t list_margins(const struct pictures *p, size_t category, size_t variant,
                           struct margin *m) {
    const struct wc_report *r = p->report;
    double threshold = threshold_of(r, r->category[category].name, variant);
    size_t n = 0;
    for (size_t u = 0; u < p->s->n_units; u++) {
        double score = r->score[variant * r->n_images + u];
        int label = r->image[u].label;
        if (p->s->unit[u].category != category || isnan(score))
            continue;
        // as the threshold: a float, from which on an image counts as anomalous
        double distance = (double)(float)score - threshold;
        m[n++] = (struct margin){u, score, label < 0 ? NAN : label ? distance : -distance, false};
    }
    return n;
}

static bool is_wrong(const struct pictures *p, const struct margin *m) {
    bool anomalous = p->report->image[m->unit].label == 1;
    return anomalous ? m->margin < 0 : m->margin <= 0;
}

// PER_KIND images that come first: worst from the front, best from the back, borderline by size.
static enum wc_err take(struct pictures *p, struct margin *m, size_t n, enum wc_report_why why,
                        struct wc_error *err) {
    for (size_t k = 0; k < PER_KIND; k++) {
        struct margin *found = NULL;
        for (size_t i = 0; i < n; i++) {
            struct margin *at = &m[why == WC_PICTURE_BEST ? n - 1 - i : i];
            bool better =
                !found || (why == WC_PICTURE_BORDERLINE && fabs(at->margin) < fabs(found->margin));
            found = !at->taken && better ? at : found;
        }
        if (!found)
            return WC_OK;
        found->taken = true;
        WC_TRY(add_pick(p, &(struct wc_pick){found->unit, 0, why, true}, err));
    }
    return WC_OK;
}

static enum wc_err choose_gallery(struct pictures *p, size_t category, struct margin *m,
                                  struct wc_error *err) {
    static const enum wc_report_why order[] = {WC_PICTURE_WORST, WC_PICTURE_BEST,
                                               WC_PICTURE_BORDERLINE};
    size_t all = list_margins(p, category, 0, m), n = 0;
    for (size_t i = 0; i < all; i++)
        if (!isnan(m[i].margin))
            m[n++] = m[i];
    qsort(m, n, sizeof *m, by_margin);
    for (size_t i = 0; i < WC_N_PICTURE_WHYS; i++)
        WC_TRY(take(p, m, n, order[i], err));
    return WC_OK;
}

static enum wc_err choose_maps(struct pictures *p, size_t category, size_t variant,
                               struct margin *m, struct wc_error *err) {
    uint64_t of = p->s->config->save_maps_of;
    size_t n = list_margins(p, category, variant, m);
    if (p->s->plan.variant[variant].dense == WC_DENSE_NONE)
        return WC_OK;
    qsort(m, n, sizeof *m, by_score);
    for (size_t i = 0; i < n; i++) {
        bool wanted = of == WC_MAPS_OF_ALL        ? true
                      : of == WC_MAPS_OF_FAILURES ? is_wrong(p, &m[i])
                                                  : i < of;
        if (wanted)
            WC_TRY(add_pick(p, &(struct wc_pick){m[i].unit, variant, WC_PICTURE_BEST, false}, err));
    }
    return WC_OK;
}

static enum wc_err choose(struct pictures *p, struct wc_error *err) {
    const struct wc_state *s = p->s;
    struct margin *m = NULL;
    enum wc_err rc = WC_NEW(&m, s->n_units + 1, "pictures", err);
    for (size_t c = 0; c < s->dataset.n_categories && rc == WC_OK && s->plan.n_variants > 0; c++)
        rc = choose_gallery(p, c, m, err);
    for (size_t v = 0; v < s->plan.n_variants && s->config->save_maps != WC_MAPS_NONE; v++)
        for (size_t c = 0; c < s->dataset.n_categories && rc == WC_OK; c++)
            rc = choose_maps(p, c, v, m, err);
    wc_free(m);
    return rc;
}

/* Files of a variant's scale. */

static bool same_scale(const char *path, const struct wc_buf *wanted) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    struct wc_error err = {0};
    bool same = wc_io_is_file(path) && wc_io_read_file(path, 4096, &bytes, &n, &err) == WC_OK &&
                n == wanted->n && memcmp(bytes, wanted->data, n) == 0;
    wc_free(bytes);
    return same;
}

// Written before the maps where there is none, and after them where it has changed: what is on the
// disk when a run stops is then of the scale that is found next time, or all is made again.
static enum wc_err write_scale(struct pictures *p, size_t variant, bool before,
                               struct wc_error *err) {
    char *path = NULL, name[200], variant_name[160];
    struct wc_buf text = {0};
    wc_draw_variant_name(p->s, variant, variant_name, sizeof variant_name);
    snprintf(name, sizeof name, "maps/%s/scale.json", variant_name);
    wc_buf_printf(&text,
                  "{\"low\": %.17g, \"high\": %.17g, \"low_rgb\": [0, 32, 112], "
                  "\"high_rgb\": [255, 233, 69]}\n",
                  p->scale[2 * variant], p->scale[2 * variant + 1]);
    enum wc_err rc = wc_buf_check(&text, "scale.json", err);
    if (rc == WC_OK)
        rc = wc_state_path(p->s, name, &path, err);
    char *folder = path ? wc_path_dir(path) : NULL;
    bool exists = path && wc_io_exists(path), same = exists && same_scale(path, &text);
    if (before)
        p->keep[variant] = same;
    if (rc == WC_OK && (before ? !exists : !same))
        rc = folder ? wc_io_mkdirs(folder, err) : WC_FAIL(err, WC_ERR_NOMEM, "maps: out of memory");
    if (rc == WC_OK && (before ? !exists : !same))
        rc = wc_io_write_atomic(path, wc_buf_str(&text), text.n, err);
    wc_free(folder);
    wc_free(path);
    wc_buf_release(&text);
    return rc;
}

static enum wc_err write_scales(struct pictures *p, bool before, struct wc_error *err) {
    for (size_t v = 0; v < p->s->plan.n_variants && p->s->config->save_maps != WC_MAPS_NONE; v++)
        if (p->s->plan.variant[v].dense != WC_DENSE_NONE)
            WC_TRY(write_scale(p, v, before, err));
    return WC_OK;
}

/* All ranks. */

static enum wc_err spread(struct pictures *p, struct wc_error *err) {
    struct wc_buf bytes = {0};
    struct wc_state *s = p->s;
    if (p->n_picks > 0)
        wc_buf_add(&bytes, p->pick, p->n_picks * sizeof *p->pick);
    enum wc_err rc = wc_agree(&s->comm, wc_buf_check(&bytes, "pictures", err), err);
    if (rc == WC_OK)
        rc = wc_bcast_buf(&s->comm, &bytes, err);
    if (rc == WC_OK && s->comm.rank != 0)
        rc = WC_GROW(&p->pick, &p->cap_picks, bytes.n / sizeof *p->pick + 1, "pictures", err);
    if (rc == WC_OK && s->comm.rank != 0 && bytes.n > 0) {
        p->n_picks = bytes.n / sizeof *p->pick;
        memcpy(p->pick, bytes.data, bytes.n);
    }
    wc_buf_release(&bytes);
    MPI_Bcast(p->keep, (int)s->plan.n_variants, MPI_UNSIGNED_CHAR, 0, s->comm.comm);
    return wc_agree(&s->comm, rc, err);
}

static enum wc_err draw_own(struct pictures *p, struct wc_error *err) {
    struct wc_drawing d = {.s = p->s};
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < p->n_picks && rc == WC_OK; i++) {
        const struct wc_pick *pick = &p->pick[i];
        struct wc_record record;
        if (!wc_state_record(p->s, pick->unit, &record))
            continue;
        if (!pick->gallery && p->s->options->stop && *p->s->options->stop)
            rc = WC_FAIL(err, WC_ERR_STOPPED,
                         "stopped while heat maps were written; the same command goes on");
        d.scale =
            (struct wc_colour_scale){p->scale[2 * pick->variant], p->scale[2 * pick->variant + 1]};
        if (rc == WC_OK)
            rc = pick->gallery ? wc_draw_gallery(&d, pick, &record, err)
                               : wc_draw_map(&d, pick, &record, p->keep[pick->variant], err);
    }
    wc_drawing_release(&d);
    return rc;
}

static enum wc_err name_file(struct wc_report *r, const struct wc_pick *pick, const char *what,
                             const char **out, struct wc_error *err) {
    char name[64];
    wc_draw_gallery_name(pick, what, name, sizeof name);
    WC_TRY(wc_strlist_add(&r->text, name, err));
    *out = r->text.item[r->text.n - 1];
    return WC_OK;
}

// Rank 0: the gallery's entries.
static enum wc_err list_gallery(struct pictures *p, struct wc_error *err) {
    struct wc_report *r = p->report;
    for (size_t i = 0; i < p->n_picks; i++) {
        const struct wc_pick *pick = &p->pick[i];
        const struct wc_unit *unit = &p->s->unit[pick->unit];
        struct wc_report_picture out = {.i_image = pick->unit,
                                        .variant = pick->variant,
                                        .why = pick->why,
                                        .folder = p->s->config->output,
                                        .mask = "",
                                        .map = ""};
        if (!pick->gallery)
            continue;
        WC_TRY(name_file(r, pick, "image.jpg", &out.image, err));
        if (p->s->dataset.category[unit->category].item[unit->item].masks.n > 0)
            WC_TRY(name_file(r, pick, "mask.png", &out.mask, err));
        if (p->s->plan.variant[pick->variant].dense != WC_DENSE_NONE)
            WC_TRY(name_file(r, pick, "map.jpg", &out.map, err));
        WC_TRY(WC_GROW(&r->picture, &r->cap_pictures, r->n_pictures + 1, "pictures", err));
        r->picture[r->n_pictures++] = out;
    }
    return WC_OK;
}

static enum wc_err run(struct pictures *p, struct wc_error *err) {
    struct wc_state *s = p->s;
    WC_TRY(find_scale(p, err));
    enum wc_err rc = WC_OK;
    if (s->comm.rank == 0) {
        rc = choose(p, err);
        if (rc == WC_OK)
            rc = write_scales(p, true, err);
    }
    WC_TRY(wc_agree(&s->comm, rc, err));
    WC_TRY(spread(p, err));
    WC_TRY(wc_agree(&s->comm, draw_own(p, err), err));
    if (s->comm.rank == 0) {
        rc = write_scales(p, false, err);
        if (rc == WC_OK)
            rc = list_gallery(p, err);
    }
    return wc_agree(&s->comm, rc, err);
}

enum wc_err wc_state_pictures(struct wc_state *s, struct wc_report *report, struct wc_error *err) {
    struct pictures p = {.s = s, .report = report};
    enum wc_err rc = run(&p, err);
    if (rc == WC_OK && s->plan.n_variants > 0 && s->plan.variant[0].dense != WC_DENSE_NONE) {
        report->provenance.scale_low = p.scale[0];
        report->provenance.scale_high = p.scale[1];
    }
    wc_free(p.scale);
    wc_free(p.keep);
    wc_free(p.pick);
    return rc;
}
