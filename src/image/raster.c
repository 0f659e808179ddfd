#include "image/raster.h"

#include "base/alloc.h"

#include <string.h>

// A palette of grays stands for classes (index 0: normal), whatever gray class 0 is painted in.
static void mask_of_palette(struct raster *r) {
    const struct raster_format *f = &r->format;
    bool gray = true;
    for (size_t i = 0; i < f->n_palette; i++)
        gray = gray && f->palette[i][0] == f->palette[i][1] && f->palette[i][1] == f->palette[i][2];
    for (size_t i = 0; i < f->n_palette; i++) {
        const uint8_t *p = f->palette[i];
        r->index_to_mask[i] = gray ? i != 0 : (p[0] | p[1] | p[2]) != 0;
    }
}

enum wc_err raster_begin(struct raster *r, const char *name, size_t width_px, size_t height_px,
                         const struct raster_format *format, struct wc_error *err) {
    size_t n_pixels;
    if (!wc_mul(width_px, height_px, &n_pixels) || n_pixels > SIZE_MAX / 3)
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "%s: %zu x %zu pixels do not fit in memory",
                        name, width_px, height_px);
    r->width_px = width_px;
    r->height_px = height_px;
    r->format = *format;
    mask_of_palette(r);
    // PNG specification, 13.12 (sample depth rescaling): 1, 2 and 4 bits scale exactly.
    unsigned max = format->bits < 8 ? (1u << format->bits) - 1 : 255;
    for (unsigned v = 0; v < 256; v++)
        r->gray_to_8[v] = (uint8_t)(v <= max ? v * 255 / max : 255);
    if (r->want_mask)
        return WC_NEW(&r->mask, n_pixels, "mask", err);
    return WC_NEW(&r->rgb, 3 * n_pixels, "picture", err);
}

void raster_release(struct raster *r) {
    wc_free(r->rgb);
    wc_free(r->mask);
    r->rgb = NULL;
    r->mask = NULL;
}

static const struct {
    unsigned n_samples, n_colours;
} LAYOUT[] = {
    [RASTER_GRAY] = {1, 1},      [RASTER_GRAY_ALPHA] = {2, 1}, [RASTER_RGB] = {3, 3},
    [RASTER_RGB_ALPHA] = {4, 3}, [RASTER_PALETTE] = {1, 1},
};

static bool palette_covers(const struct raster *r, const uint8_t *index, size_t n) {
    unsigned max = 0;
    for (size_t i = 0; i < n; i++)
        max = index[i] > max ? index[i] : max;
    return n == 0 || max < r->format.n_palette;
}

// The high byte alone decides RGB8, but every bit decides a mask.
static void put_mask(struct raster *r, const uint8_t *s, size_t n, uint8_t *out, size_t dx) {
    unsigned n_bytes = r->format.bits == 16 ? 2 : 1;
    unsigned n_colour_bytes = LAYOUT[r->format.layout].n_colours * n_bytes;
    unsigned stride = LAYOUT[r->format.layout].n_samples * n_bytes;
    for (size_t i = 0; i < n; i++, s += stride, out += dx) {
        unsigned any = 0;
        for (unsigned b = 0; b < n_colour_bytes; b++)
            any |= s[b];
        *out = any != 0;
    }
}

static void put_rgb(struct raster *r, const uint8_t *s, size_t n, uint8_t *out, size_t dx) {
    unsigned n_bytes = r->format.bits == 16 ? 2 : 1;
    unsigned stride = LAYOUT[r->format.layout].n_samples * n_bytes;
    bool colour = LAYOUT[r->format.layout].n_colours == 3;
    size_t g = colour ? n_bytes : 0, b = colour ? 2 * n_bytes : 0;
    for (size_t i = 0; i < n; i++, s += stride, out += 3 * dx) {
        out[0] = r->gray_to_8[s[0]];
        out[1] = r->gray_to_8[s[g]];
        out[2] = r->gray_to_8[s[b]];
    }
}

bool raster_put(struct raster *r, const uint8_t *samples, size_t n, size_t y, size_t x0,
                size_t dx) {
    const struct raster_format *f = &r->format;
    size_t at = y * r->width_px + x0;
    bool palette = f->layout == RASTER_PALETTE;
    if (palette && !palette_covers(r, samples, n))
        return false;
    if (palette && r->want_mask) {
        for (size_t i = 0; i < n; i++)
            r->mask[at + i * dx] = r->index_to_mask[samples[i]];
    } else if (palette) {
        for (size_t i = 0; i < n; i++)
            memcpy(r->rgb + 3 * (at + i * dx), f->palette[samples[i]], 3);
    } else if (r->want_mask) {
        put_mask(r, samples, n, r->mask + at, dx);
    } else if (f->layout == RASTER_RGB && f->bits == 8 && dx == 1) {
        memcpy(r->rgb + 3 * at, samples, 3 * n);
    } else {
        put_rgb(r, samples, n, r->rgb + 3 * at, dx);
    }
    return true;
}
