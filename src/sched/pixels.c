#include "sched/pixels.h"

#include "base/alloc.h"
#include "base/log.h"
#include "sched/exact.h"
#include "sched/maps.h"

#include <math.h>
#include <string.h>

#define MAX_BINS ((size_t)1 << 20)
#define HISTOGRAM_BYTES ((size_t)192 << 20) // of the variants that go in one pass
#define STRIPE_ROWS 64                      // of a map at a time: stays in the cache
enum { MAX_KINDS = 7 };                     // of one pass

// One variant's bins, and its histograms while a pass is under way: (n_parts), the first of all
// images or of the normal ones, then one a kind.
struct track {
    size_t variant;
    int owner;
    struct wc_binning *binning;
    struct wc_histogram *part;
    bool finished;
    struct wc_pixel_figures *figures; // (n_parts - 1, or 1); on the owner
};

// What one call of passes is about.
struct pass {
    struct wc_state *s;
    size_t category;
    const struct wc_kinds *kinds; // NULL: all images, one part
    size_t first_kind, n_kinds;
    size_t n_parts;
    struct track *track;
    size_t n_tracks;
    uint64_t n_components[1 + MAX_KINDS];
    // Scratch for one image.
    struct wc_canvas canvas;
    float *stripe;
    uint64_t *weight;
    size_t cap_stripe, cap_weight;
};

enum wc_err wc_kinds_of(const struct wc_category *c, struct wc_kinds *out, struct wc_error *err) {
    struct wc_kinds k = {0};
    for (size_t i = 0; i < c->n_items; i++) {
        if (c->item[i].label != WC_ANOMALOUS || wc_kind_of(&k, &c->item[i]) < k.n)
            continue;
        enum wc_err rc = WC_GROW(&k.name, &k.cap, k.n + 1, "kinds of defect", err);
        if (rc != WC_OK) {
            wc_free(k.name);
            return rc;
        }
        k.name[k.n++] = c->item[i].defect;
    }
    if (k.n < 2)
        k.n = 0;
    *out = k;
    return WC_OK;
}

size_t wc_kind_of(const struct wc_kinds *k, const struct wc_item *item) {
    size_t i = 0;
    if (item->label != WC_ANOMALOUS)
        return k->n;
    while (i < k->n && strcmp(k->name[i], item->defect) != 0)
        i++;
    return i;
}

size_t wc_state_first_unit(const struct wc_state *s, size_t category) {
    size_t u = 0;
    while (u < s->n_units && s->unit[u].category < category)
        u++;
    return u;
}

/* One image. */

// The part that an item belongs to, or n_parts: none.
static size_t part_of(const struct pass *p, const struct wc_item *item) {
    if (item->label == WC_UNLABELLED)
        return p->n_parts;
    if (!p->kinds || item->label == WC_NORMAL)
        return 0;
    size_t kind = wc_kind_of(p->kinds, item);
    return kind >= p->first_kind && kind < p->first_kind + p->n_kinds ? 1 + kind - p->first_kind
                                                                      : p->n_parts;
}

static enum wc_err read_regions(struct pass *p, const struct wc_item *item, struct wc_mask *mask,
                                uint64_t *n_components, struct wc_error *err) {
    uint32_t regions = 0;
    size_t w = p->canvas.width_px, h = p->canvas.height_px;
    if (item->masks.n == 0)
        return WC_OK;
    WC_TRY(wc_state_masks(item, (size_t)p->s->config->evaluation.size, mask, err));
    if (mask->width_px != w || mask->height_px != h)
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                        "%s: changed its size since it was scored", item->path);
    WC_TRY(wc_region_weights(mask->value, h, w, p->weight, &regions, err));
    *n_components += regions;
    return WC_OK;
}

static enum wc_err add_track(struct pass *p, const struct track *t, size_t part,
                             const struct wc_mask *mask, struct wc_error *err) {
    size_t w = p->canvas.width_px, h = p->canvas.height_px;
    WC_TRY(wc_canvas_variant(&p->canvas, p->s, t->variant, err));
    for (size_t row = 0; row < h; row += STRIPE_ROWS) {
        size_t end = row + STRIPE_ROWS < h ? row + STRIPE_ROWS : h;
        wc_canvas_rows(&p->canvas, row, end, p->stripe);
        WC_TRY(wc_histogram_add(&t->part[part], t->binning, p->stripe,
                                mask->value ? mask->value + row * w : NULL,
                                mask->value ? p->weight + row * w : NULL, (end - row) * w, err));
    }
    return WC_OK;
}

static enum wc_err add_image(struct pass *p, const struct wc_record *r, const struct wc_item *item,
                             struct track *const *track, size_t n, size_t part,
                             uint64_t *n_components, struct wc_error *err) {
    size_t size = (size_t)p->s->config->evaluation.size;
    size_t w = size ? size : r->width_px, h = size ? size : r->height_px;
    struct wc_mask mask = {0};
    WC_TRY(wc_canvas_begin(&p->canvas, p->s, r, item->path, w, h, err));
    WC_TRY(WC_GROW(&p->stripe, &p->cap_stripe, STRIPE_ROWS * w, "map", err));
    WC_TRY(WC_GROW(&p->weight, &p->cap_weight, w * h, "regions", err));
    enum wc_err rc = read_regions(p, item, &mask, n_components, err);
    for (size_t k = 0; k < n && rc == WC_OK; k++)
        rc = add_track(p, track[k], part, &mask, err);
    wc_mask_release(&mask);
    return rc;
}

/* One pass. */

static enum wc_err open_parts(const struct pass *p, struct track *t, struct wc_error *err) {
    WC_TRY(WC_NEW(&t->part, p->n_parts, "histograms", err));
    for (size_t i = 0; i < p->n_parts; i++)
        WC_TRY(wc_histogram_init(&t->part[i], t->binning, err));
    return WC_OK;
}

static void close_parts(const struct pass *p, struct track *t) {
    for (size_t i = 0; t->part && i < p->n_parts; i++)
        wc_histogram_release(&t->part[i]);
    wc_free(t->part);
    t->part = NULL;
}

static enum wc_err fill(struct pass *p, struct track *const *track, size_t n,
                        uint64_t *n_components, struct wc_error *err) {
    const struct wc_category *c = &p->s->dataset.category[p->category];
    size_t first = wc_state_first_unit(p->s, p->category);
    for (size_t k = 0; k < n; k++)
        WC_TRY(open_parts(p, track[k], err));
    for (size_t i = 0; i < c->n_items; i++) {
        struct wc_record r;
        size_t part = part_of(p, &c->item[i]);
        if (part < p->n_parts && wc_state_record(p->s, first + i, &r))
            WC_TRY(add_image(p, &r, &c->item[i], track, n, part, &n_components[part], err));
    }
    return WC_OK;
}

// Bins that any rank uses, [first, end) as (-first, end) so that one maximum finds both.
static void find_used(const struct pass *p, struct track *const *track, size_t n, int64_t *used) {
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < p->n_parts; i++) {
            const struct wc_histogram *h = &track[k]->part[i];
            int64_t *u = used + 2 * (k * p->n_parts + i);
            u[0] = h->end > 0 ? -(int64_t)h->first : INT64_MIN;
            u[1] = (int64_t)h->end;
        }
    MPI_Allreduce(MPI_IN_PLACE, used, (int)(2 * n * p->n_parts), MPI_INT64_T, MPI_MAX,
                  p->s->comm.comm);
}

// The sums of a histogram go to its owner.
static void reduce(const struct pass *p, const struct track *t, struct wc_histogram *h,
                   const int64_t *used) {
    if (used[1] == 0)
        return;
    size_t first = (size_t)-used[0];
    h->first = first;
    h->end = (size_t)used[1];
    int n = (int)(used[1] + used[0]);
    for (size_t plane = 0; plane < WC_HISTOGRAM_PLANES; plane++) {
        uint64_t *count = h->count + plane * h->n_bins + first;
        if (p->s->comm.rank == t->owner)
            MPI_Reduce(MPI_IN_PLACE, count, n, MPI_UINT64_T, MPI_SUM, t->owner, p->s->comm.comm);
        else
            MPI_Reduce(count, NULL, n, MPI_UINT64_T, MPI_SUM, t->owner, p->s->comm.comm);
    }
}

static enum wc_err sum_up(struct pass *p, struct track *const *track, size_t n,
                          struct wc_error *err) {
    int64_t *used = NULL;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < p->n_parts; i++)
            wc_histogram_narrow(&track[k]->part[i]);
    if (p->s->comm.n_ranks == 1)
        return WC_OK;
    WC_TRY(wc_agree(&p->s->comm, WC_NEW(&used, 2 * n * p->n_parts, "histograms", err), err));
    find_used(p, track, n, used);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < p->n_parts; i++)
            reduce(p, track[k], &track[k]->part[i], used + 2 * (k * p->n_parts + i));
    wc_free(used);
    return WC_OK;
}

/* What the owner makes of the sums. */

// Figures of one histogram at every limit.
static enum wc_err figures_of(const struct pass *p, const struct track *t,
                              const struct wc_histogram *h, uint64_t n_components,
                              struct wc_pixel_figures *f, struct wc_error *err) {
    const struct wc_real_list *limit = &p->s->config->evaluation.fpr_limit;
    for (size_t i = 0; i < limit->n; i++) {
        struct wc_histogram_metrics m;
        WC_TRY(wc_histogram_metrics(h, t->binning, limit->item[i], n_components, &m, err));
        double bound = i > 0 ? fmax(f->metrics.bound, m.bound) : m.bound;
        f->aupro[i] = m.value.aupro;
        f->bound_aupro[i] = m.bound_aupro;
        if (i == 0)
            f->metrics = m;
        f->metrics.bound = bound;
    }
    return WC_OK;
}

// Figures, and finer bins where a bound is too wide: *changed.
static enum wc_err judge(struct pass *p, struct track *t, bool *changed, struct wc_error *err) {
    const struct wc_real_list *limit = &p->s->config->evaluation.fpr_limit;
    double tolerance = p->s->config->evaluation.tolerance, bound = 0;
    uint64_t n_components[1 + MAX_KINDS] = {p->n_components[0]};
    size_t first = p->kinds ? 1 : 0;
    *changed = false;
    for (size_t i = first; i < p->n_parts; i++) {
        if (i > 0) {
            wc_histogram_sum(&t->part[i], &t->part[0]);
            n_components[i] = p->n_components[0] + p->n_components[i];
        }
        struct wc_pixel_figures *f = &t->figures[i - first];
        WC_TRY(figures_of(p, t, &t->part[i], n_components[i], f, err));
        bound = fmax(bound, f->metrics.bound);
    }
    if (bound > tolerance)
        WC_TRY(wc_binning_refine_all(t->binning, &t->part[first], n_components + first,
                                     p->n_parts - first, limit->item, limit->n, tolerance, MAX_BINS,
                                     changed, err));
    if (!*changed && !p->kinds)
        t->figures[0].n_points = wc_histogram_curve(&t->part[0], t->binning, n_components[0],
                                                    t->figures[0].point, WC_CURVE_POINTS);
    return WC_OK;
}

// The owner's verdict and bins to all.
static enum wc_err spread(const struct pass *p, struct track *t, bool changed,
                          struct wc_error *err) {
    const struct wc_comm *comm = &p->s->comm;
    unsigned long long n = 0;
    size_t n_bins = 0;
    const uint8_t *widths = wc_binning_widths(t->binning, &n_bins);
    uint8_t *bytes = NULL;
    n = changed ? n_bins : 0;
    if (comm->n_ranks > 1)
        MPI_Bcast(&n, 1, MPI_UNSIGNED_LONG_LONG, t->owner, comm->comm);
    t->finished = n == 0;
    if (n == 0 || comm->n_ranks == 1)
        return WC_OK;
    WC_TRY(wc_agree(comm, WC_NEW(&bytes, (size_t)n, "bins", err), err));
    if (comm->rank == t->owner)
        memcpy(bytes, widths, (size_t)n);
    MPI_Bcast(bytes, (int)n, MPI_UINT8_T, t->owner, comm->comm);
    enum wc_err rc = WC_OK;
    if (comm->rank != t->owner) {
        struct wc_binning *fresh = NULL;
        rc = wc_binning_of_widths(bytes, (size_t)n, &fresh, err);
        if (rc == WC_OK) {
            wc_binning_free(&t->binning);
            t->binning = fresh;
        }
    }
    wc_free(bytes);
    return wc_agree(comm, rc, err);
}

static enum wc_err one_pass(struct pass *p, struct track *const *track, size_t n,
                            struct wc_error *err) {
    uint64_t own[1 + MAX_KINDS] = {0};
    bool changed[WC_PASS_TRACKS];
    const struct wc_comm *comm = &p->s->comm;
    enum wc_err rc = wc_agree(comm, fill(p, track, n, own, err), err);
    if (rc == WC_OK) {
        MPI_Allreduce(own, p->n_components, (int)p->n_parts, MPI_UINT64_T, MPI_SUM, comm->comm);
        rc = sum_up(p, track, n, err);
    }
    enum wc_err judged = rc;
    for (size_t k = 0; k < n && judged == WC_OK; k++) {
        changed[k] = false;
        if (comm->rank == track[k]->owner)
            judged = judge(p, track[k], &changed[k], err);
    }
    for (size_t k = 0; k < n; k++)
        close_parts(p, track[k]);
    WC_TRY(rc);
    WC_TRY(wc_agree(comm, judged, err));
    for (size_t k = 0; k < n; k++)
        WC_TRY(spread(p, track[k], changed[k], err));
    return WC_OK;
}

// Unfinished tracks from *next on, as many as the memory holds, at least one.
static size_t take_batch(const struct pass *p, size_t *next, struct track **batch) {
    size_t n = 0, bytes = 0;
    for (; *next < p->n_tracks && n < WC_PASS_TRACKS; ++*next) {
        struct track *t = &p->track[*next];
        size_t own = p->n_parts * WC_HISTOGRAM_PLANES * sizeof(uint64_t) * wc_binning_n(t->binning);
        if (t->finished)
            continue;
        if (n > 0 && bytes + own > HISTOGRAM_BYTES)
            break;
        bytes += own;
        batch[n++] = t;
    }
    return n;
}

static enum wc_err run_passes(struct pass *p, struct wc_error *err) {
    struct track *batch[WC_PASS_TRACKS];
    enum wc_err rc = WC_OK;
    for (bool more = true; more && rc == WC_OK;) {
        size_t next = 0, n;
        more = false;
        while (rc == WC_OK && (n = take_batch(p, &next, batch)) > 0) {
            rc = one_pass(p, batch, n, err);
            more = true;
        }
    }
    wc_canvas_release(&p->canvas);
    wc_free(p->stripe);
    wc_free(p->weight);
    return rc;
}

/* A category. */

static const struct wc_pixel_figures undefined = {
    .metrics = {.value = {.pixel = {.auroc = NAN,
                                    .ap = NAN,
                                    .aupr_trapezoid = NAN,
                                    .f1max = NAN,
                                    .f1max_threshold = NAN},
                          .aupro = NAN}}};

static struct wc_pixel_figures nothing(void) {
    struct wc_pixel_figures f = undefined;
    for (size_t i = 0; i < WC_MAX_FPR_LIMITS; i++)
        f.aupro[i] = NAN;
    return f;
}

static enum wc_err open_tracks(struct wc_state *s, struct track *track, size_t n_figures,
                               struct wc_pixel_figures *figures, struct wc_error *err) {
    for (size_t v = 0; v < s->plan.n_variants; v++) {
        track[v] = (struct track){.variant = v,
                                  .owner = (int)(v % (size_t)s->comm.n_ranks),
                                  .figures = figures + v * n_figures,
                                  // no map, no pixel metrics
                                  .finished = s->plan.variant[v].dense == WC_DENSE_NONE};
        WC_TRY(wc_binning_new(&track[v].binning, err));
    }
    return WC_OK;
}

// All images first; then the kinds, which begin with the bins in which the category has settled.
static enum wc_err run_category(struct wc_state *s, size_t category, const struct wc_kinds *kinds,
                                struct track *track, struct wc_error *err) {
    struct pass all = {
        .s = s, .category = category, .n_parts = 1, .track = track, .n_tracks = s->plan.n_variants};
    WC_TRY(run_passes(&all, err));
    for (size_t k = 0; k < kinds->n; k += MAX_KINDS) {
        size_t n = kinds->n - k < MAX_KINDS ? kinds->n - k : MAX_KINDS;
        struct pass some = {.s = s,
                            .category = category,
                            .kinds = kinds,
                            .first_kind = k,
                            .n_kinds = n,
                            .n_parts = 1 + n,
                            .track = track,
                            .n_tracks = s->plan.n_variants};
        for (size_t v = 0; v < s->plan.n_variants; v++) {
            track[v].finished = s->plan.variant[v].dense == WC_DENSE_NONE;
            track[v].figures += k > 0 ? MAX_KINDS : 1;
        }
        WC_TRY(run_passes(&some, err));
    }
    return WC_OK;
}

// Each owner's figures to rank 0.
static enum wc_err collect(struct wc_state *s, size_t n_figures, struct wc_pixel_figures *figures,
                           struct wc_error *err) {
    struct wc_buf own = {0}, all = {0};
    size_t bytes = n_figures * sizeof *figures;
    if (s->comm.n_ranks == 1)
        return WC_OK;
    for (size_t v = (size_t)s->comm.rank; v < s->plan.n_variants; v += (size_t)s->comm.n_ranks) {
        const uint64_t number = v;
        wc_buf_add(&own, &number, sizeof number);
        wc_buf_add(&own, figures + v * n_figures, bytes);
    }
    enum wc_err rc = wc_agree(&s->comm, wc_buf_check(&own, "pixel figures", err), err);
    if (rc == WC_OK)
        rc = wc_gather_buf(&s->comm, &own, &all, err);
    for (size_t at = 0; rc == WC_OK && s->comm.rank == 0 && at < all.n;) {
        uint64_t v;
        memcpy(&v, all.data + at, sizeof v);
        memcpy(figures + v * n_figures, all.data + at + sizeof v, bytes);
        at += sizeof v + bytes;
    }
    wc_buf_release(&own);
    wc_buf_release(&all);
    return rc;
}

enum wc_err wc_state_pixels(struct wc_state *s, size_t category, const struct wc_kinds *kinds,
                            struct wc_pixel_figures **out, struct wc_error *err) {
    struct track *track = NULL;
    struct wc_pixel_figures *figures = NULL;
    size_t n = s->plan.n_variants, n_figures = 1 + kinds->n;
    bool masks = s->dataset.category[category].has_masks;
    enum wc_err rc = WC_NEW(&figures, n * n_figures, "pixel figures", err);
    if (rc == WC_OK)
        rc = WC_NEW(&track, n, "evaluation", err);
    for (size_t i = 0; i < n * n_figures && rc == WC_OK; i++)
        figures[i] = nothing();
    rc = wc_agree(&s->comm, rc, err);
    bool done = !masks;
    if (rc == WC_OK && !done)
        rc = wc_state_exact(s, category, kinds, figures, &done, err);
    if (rc == WC_OK && !done)
        rc = wc_agree(&s->comm, open_tracks(s, track, n_figures, figures, err), err);
    if (rc == WC_OK && !done)
        rc = run_category(s, category, kinds, track, err);
    if (rc == WC_OK)
        rc = collect(s, n_figures, figures, err);
    for (size_t v = 0; v < n && track; v++)
        wc_binning_free(&track[v].binning);
    wc_free(track);
    if (rc == WC_OK && s->comm.rank == 0)
        *out = figures;
    else
        wc_free(figures);
    return rc;
}
