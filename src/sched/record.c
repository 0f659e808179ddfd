#include "sched/record.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "journal records are written as they lie in memory; big-endian machines need conversion here"
#endif

struct head {
    uint32_t unit, status, n_variants, n_tiles, width, height;
    float seconds;
    uint32_t n_text;
};

enum wc_err wc_record_encode(uint32_t unit, const struct wc_result *result, size_t n_variants,
                             size_t cells, float seconds, struct wc_buf *out,
                             struct wc_error *err) {
    const struct wc_tiling *t = &result->tiling;
    struct head h = {unit,
                     0,
                     (uint32_t)n_variants,
                     (uint32_t)t->n_tiles,
                     (uint32_t)t->image_width_px,
                     (uint32_t)t->image_height_px,
                     seconds,
                     0};
    out->n = 0;
    wc_buf_add(out, &h, sizeof h);
    wc_buf_add(out, result->score, n_variants * sizeof *result->score);
    wc_buf_add(out, result->grid, t->n_tiles * cells * sizeof *result->grid);
    return wc_buf_check(out, "result record", err);
}

enum wc_err wc_record_encode_failure(uint32_t unit, const char *text, struct wc_buf *out,
                                     struct wc_error *err) {
    struct head h = {.unit = unit, .status = 1, .n_text = (uint32_t)strlen(text)};
    out->n = 0;
    wc_buf_add(out, &h, sizeof h);
    wc_buf_add(out, text, h.n_text);
    return wc_buf_check(out, "result record", err);
}

bool wc_record_decode(const unsigned char *bytes, size_t n, size_t n_variants, size_t cells,
                      size_t n_units, struct wc_record *out) {
    struct head h;
    if (n < sizeof h)
        return false;
    memcpy(&h, bytes, sizeof h);
    size_t rest = n - sizeof h, scores = n_variants * sizeof(double);
    if (h.unit >= n_units || h.status > 1)
        return false;
    if (h.status == 1 && (h.n_text != rest || rest == 0)) // a failure without a text is none
        return false;
    if (h.status == 0 && (h.n_variants != n_variants || h.n_tiles < 1 || h.n_tiles > WC_TILES_MAX ||
                          rest != scores + h.n_tiles * cells * sizeof(float)))
        return false;
    *out = (struct wc_record){.unit = h.unit,
                              .failed = h.status == 1,
                              .n_variants = h.n_variants,
                              .n_tiles = h.n_tiles,
                              .width_px = h.width,
                              .height_px = h.height,
                              .seconds = h.seconds,
                              .score = bytes + sizeof h,
                              .grid = bytes + sizeof h + scores,
                              .text = (const char *)bytes + sizeof h,
                              .n_text = h.n_text};
    return true;
}

bool wc_record_head(const unsigned char *bytes, size_t n, size_t n_units,
                    struct wc_record_head *out) {
    struct head h;
    if (n < sizeof h)
        return false;
    memcpy(&h, bytes, sizeof h);
    bool failed = h.status == 1;
    if (h.unit >= n_units || h.status > 1 || (failed && h.n_text != n - sizeof h))
        return false;
    *out = (struct wc_record_head){.unit = h.unit,
                                   .failed = failed,
                                   .seconds = h.seconds,
                                   .text = (const char *)bytes + sizeof h,
                                   .n_text = failed ? h.n_text : 0};
    return true;
}

double wc_record_score(const struct wc_record *r, size_t variant) {
    double v;
    memcpy(&v, r->score + variant * sizeof v, sizeof v);
    return v;
}

void wc_record_grid(const struct wc_record *r, const struct wc_plan *plan, size_t variant,
                    float *out) {
    size_t first = r->n_tiles * wc_plan_cells_before(plan, variant),
           n = r->n_tiles * wc_variant_cells(&plan->variant[variant]);
    memcpy(out, r->grid + first * sizeof *out, n * sizeof *out);
}
