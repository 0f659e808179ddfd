#include "sched/maps.h"

#include "base/alloc.h"
#include "image/resize.h"
#include "method/finish.h"

#include <string.h>

bool wc_state_record(const struct wc_state *s, size_t unit, struct wc_record *record) {
    const struct wc_journal_payload *p = s->result[unit];
    return p &&
           wc_record_decode(p->bytes, p->n_bytes, s->plan.n_variants, s->cells, s->n_units,
                            record) &&
           !record->failed;
}

enum wc_err wc_canvas_begin(struct wc_canvas *c, const struct wc_state *s,
                            const struct wc_record *record, const char *path, size_t width_px,
                            size_t height_px, struct wc_error *err) {
    WC_TRY(wc_tiling_plan(record->width_px, record->height_px, s->arch.image_px,
                          (enum wc_tile_mode)s->config->preprocess.tiling, &c->tiling, err));
    if (c->tiling.n_tiles != record->n_tiles)
        return WC_FAIL(err, WC_ERR_BUG, "%s: %u tiles in the journal, %zu planned", path,
                       record->n_tiles, c->tiling.n_tiles);
    c->record = record;
    c->width_px = width_px;
    c->height_px = height_px;
    return WC_GROW(&c->grid, &c->cap_grid, c->tiling.n_tiles * s->cells, "grid", err);
}

enum wc_err wc_canvas_variant(struct wc_canvas *c, const struct wc_state *s, size_t variant,
                              struct wc_error *err) {
    const struct wc_variant *v = &s->plan.variant[variant];
    size_t px = s->arch.image_px, cells = wc_variant_cells(v), n = c->tiling.n_tiles;
    wc_record_grid(c->record, &s->plan, variant, c->grid);
    c->grids = c->grid;
    c->side = v->side[0];
    if (!wc_variant_smooths(v))
        return WC_OK;
    WC_TRY(WC_GROW(&c->map, &c->cap_map, (n + 1) * px * px, "map", err));
    for (size_t i = 0; i < n; i++)
        wc_variant_map(v, px, c->grid + i * cells, c->map + i * px * px, c->map + n * px * px);
    c->grids = c->map;
    c->side = px;
    return WC_OK;
}

void wc_canvas_rows(const struct wc_canvas *c, size_t row0, size_t row1, float *out) {
    wc_tiling_map(&c->tiling, c->grids, c->side, c->side, c->height_px, c->width_px, row0, row1,
                  out);
}

void wc_canvas_release(struct wc_canvas *c) {
    wc_free(c->grid);
    wc_free(c->map);
    *c = (struct wc_canvas){0};
}

static enum wc_err join(struct wc_mask *all, const struct wc_mask *mask, const struct wc_item *item,
                        size_t i, struct wc_error *err) {
    if (mask->width_px != all->width_px || mask->height_px != all->height_px)
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch", "%s: the masks of %s differ in size",
                        item->masks.item[i], item->path);
    for (size_t p = 0; p < all->width_px * all->height_px; p++)
        all->value[p] |= mask->value[p];
    return WC_OK;
}

enum wc_err wc_state_masks(const struct wc_item *item, size_t size, struct wc_mask *out,
                           struct wc_error *err) {
    struct wc_mask all = {0};
    enum wc_err rc = wc_mask_read(item->masks.item[0], &all, err);
    for (size_t i = 1; i < item->masks.n && rc == WC_OK; i++) {
        struct wc_mask mask = {0};
        rc = wc_mask_read(item->masks.item[i], &mask, err);
        if (rc == WC_OK)
            rc = join(&all, &mask, item, i, err);
        wc_mask_release(&mask);
    }
    if (rc == WC_OK && size == 0) {
        *out = all;
        return WC_OK;
    }
    if (rc == WC_OK)
        rc = wc_mask_resize(&all, size, size, WC_MASK_PILLOW_NEAREST, out, err);
    wc_mask_release(&all);
    return rc;
}
