#include "sched/drawing.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "image/resize.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { THUMB_PX = 224, JPEG_QUALITY = 80 }; // longer side; some 10 kB each

void wc_drawing_release(struct wc_drawing *d) {
    wc_canvas_release(&d->canvas);
    wc_free(d->map);
    d->map = NULL;
}

void wc_draw_gallery_name(const struct wc_pick *pick, const char *what, char *out, size_t cap) {
    snprintf(out, cap, "gallery/%05zu-%zu-%s", pick->unit, pick->variant, what);
}

void wc_draw_variant_name(const struct wc_state *s, size_t variant, char *out, size_t cap) {
    const struct wc_variant *v = &s->plan.variant[variant];
    snprintf(out, cap, "%s-%s-%lldshot-seed%lld", v->method->name, v->preset, (long long)v->shot,
             (long long)v->seed);
}

static const struct wc_item *item_of(const struct wc_state *s, size_t unit) {
    return &s->dataset.category[s->unit[unit].category].item[s->unit[unit].item];
}

static enum wc_err write_file(const char *path, const struct wc_buf *bytes, struct wc_error *err) {
    char *folder = wc_path_dir(path);
    enum wc_err rc =
        folder ? wc_io_mkdirs(folder, err) : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, bytes->data, bytes->n, err);
    wc_free(folder);
    return rc;
}

static enum wc_err write_gallery(const struct wc_drawing *d, const struct wc_pick *pick,
                                 const char *what, const struct wc_image *image, bool png,
                                 struct wc_error *err) {
    char name[64], *path = NULL;
    struct wc_buf bytes = {0};
    wc_draw_gallery_name(pick, what, name, sizeof name);
    WC_TRY(wc_state_path(d->s, name, &path, err));
    enum wc_err rc = png ? wc_image_encode_png(path, image, &bytes, err)
                         : wc_image_encode_jpeg(path, image, JPEG_QUALITY, &bytes, err);
    if (rc == WC_OK)
        rc = write_file(path, &bytes, err);
    wc_buf_release(&bytes);
    wc_free(path);
    return rc;
}

// The map of the pick's variant at a size, into d->map.
static enum wc_err make_map(struct wc_drawing *d, const struct wc_pick *pick,
                            const struct wc_record *record, size_t width_px, size_t height_px,
                            struct wc_error *err) {
    WC_TRY(wc_canvas_begin(&d->canvas, d->s, record, item_of(d->s, pick->unit)->path, width_px,
                           height_px, err));
    WC_TRY(wc_canvas_variant(&d->canvas, d->s, pick->variant, err));
    WC_TRY(WC_GROW(&d->map, &d->cap_map, width_px * height_px, "heat map", err));
    wc_canvas_rows(&d->canvas, 0, height_px, d->map);
    return WC_OK;
}

// White where any pixel of the mask that falls there is anomalous: small defects stay visible.
static enum wc_err draw_mask(const struct wc_drawing *d, const struct wc_pick *pick,
                             size_t width_px, size_t height_px, struct wc_error *err) {
    struct wc_mask mask = {0};
    struct wc_image thumb = {0};
    WC_TRY(wc_state_masks(item_of(d->s, pick->unit), 0, &mask, err));
    enum wc_err rc = wc_image_new(width_px, height_px, &thumb, err);
    for (size_t y = 0; rc == WC_OK && y < mask.height_px; y++)
        for (size_t x = 0; x < mask.width_px; x++)
            if (mask.value[y * mask.width_px + x]) {
                size_t at =
                    y * height_px / mask.height_px * width_px + x * width_px / mask.width_px;
                memset(&thumb.rgb[3 * at], 255, 3);
            }
    if (rc == WC_OK)
        rc = write_gallery(d, pick, "mask.png", &thumb, true, err);
    wc_image_release(&thumb);
    wc_mask_release(&mask);
    return rc;
}

static enum wc_err draw_all(struct wc_drawing *d, const struct wc_pick *pick,
                            const struct wc_record *record, struct wc_image *thumb,
                            struct wc_error *err) {
    WC_TRY(write_gallery(d, pick, "image.jpg", thumb, false, err));
    if (item_of(d->s, pick->unit)->masks.n > 0)
        WC_TRY(draw_mask(d, pick, thumb->width_px, thumb->height_px, err));
    if (d->s->plan.variant[pick->variant].dense == WC_DENSE_NONE)
        return WC_OK;
    WC_TRY(make_map(d, pick, record, thumb->width_px, thumb->height_px, err));
    wc_colour_overlay(thumb, d->map, &d->scale);
    return write_gallery(d, pick, "map.jpg", thumb, false, err);
}

static enum wc_err read_picture(const struct wc_drawing *d, const struct wc_pick *pick,
                                struct wc_image *image, struct wc_error *err) {
    const struct wc_image_options options = {.max_pixels =
                                                 (size_t)d->s->config->preprocess.max_pixels,
                                             .exif_apply = d->s->config->preprocess.exif_apply};
    return wc_image_read(item_of(d->s, pick->unit)->path, &options, image, err);
}

// Damage of what is read, which cannot be mended here, is told and passed over.
static enum wc_err forgive(enum wc_err rc, struct wc_error *err) {
    if (rc != WC_ERR_DATA)
        return rc;
    WC_WARN("%s: left out of the pictures", err->text);
    *err = (struct wc_error){0};
    return WC_OK;
}

enum wc_err wc_draw_gallery(struct wc_drawing *d, const struct wc_pick *pick,
                            const struct wc_record *record, struct wc_error *err) {
    struct wc_image image = {0}, thumb = {0};
    enum wc_err rc = read_picture(d, pick, &image, err);
    if (rc == WC_OK) {
        size_t w = image.width_px, h = image.height_px, longer = w > h ? w : h;
        size_t thumb_w = longer > THUMB_PX ? w * THUMB_PX / longer : w,
               thumb_h = longer > THUMB_PX ? h * THUMB_PX / longer : h;
        rc = wc_image_resize(&image, thumb_w > 0 ? thumb_w : 1, thumb_h > 0 ? thumb_h : 1,
                             WC_FILTER_BILINEAR, &thumb, err);
    }
    wc_image_release(&image);
    if (rc == WC_OK)
        rc = draw_all(d, pick, record, &thumb, err);
    wc_image_release(&thumb);
    return forgive(rc, err);
}

/* Heat maps. */

// float32 to float16, to nearest even; NaN stays one, what is too large becomes infinity.
static uint16_t half_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) // rounds to 2^16 or beyond
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) { // below 2^-14: a multiple of 2^-24
        float scaled = fabsf(value) * 0x1p24f, whole = rintf(scaled);
        return (uint16_t)(sign | (uint32_t)whole);
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

static enum wc_err write_f16(struct wc_drawing *d, const char *path, const char *image,
                             struct wc_error *err) {
    struct wc_st_writer *w = NULL;
    const size_t h = d->canvas.height_px, width = d->canvas.width_px, dim[2] = {h, width};
    uint16_t *row = NULL;
    enum wc_err rc = WC_NEW(&row, width, "heat map", err);
    if (rc == WC_OK)
        rc = wc_st_writer_new(path, &w, err);
    if (rc == WC_OK)
        rc = wc_st_writer_meta(w, "image", image, err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "map", WC_F16, 2, dim, err);
    for (size_t y = 0; y < h && rc == WC_OK; y++) {
        for (size_t x = 0; x < width; x++)
            row[x] = half_of(d->map[y * width + x]);
        rc = wc_st_writer_data(w, row, width * sizeof *row, err);
    }
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    wc_free(row);
    return rc;
}

// The map in colours, alone or over the picture; where no tile covers the picture, grey.
static enum wc_err write_png(struct wc_drawing *d, const struct wc_pick *pick, const char *path,
                             struct wc_error *err) {
    struct wc_image image = {0};
    bool overlay = d->s->config->save_maps == WC_MAPS_OVERLAY;
    size_t n = d->canvas.width_px * d->canvas.height_px;
    enum wc_err rc = overlay ? read_picture(d, pick, &image, err)
                             : wc_image_new(d->canvas.width_px, d->canvas.height_px, &image, err);
    if (rc == WC_OK && overlay && image.width_px * image.height_px != n)
        rc = WC_FAULT(err, WC_ERR_DATA, "size-mismatch", "%s: changed its size since it was scored",
                      item_of(d->s, pick->unit)->path);
    if (rc == WC_OK && overlay)
        wc_colour_overlay(&image, d->map, &d->scale);
    for (size_t i = 0; rc == WC_OK && !overlay && i < n; i++) {
        if (isnan(d->map[i]))
            memset(&image.rgb[3 * i], 128, 3);
        else
            wc_colour(wc_colour_step(&d->scale, d->map[i]), &image.rgb[3 * i]);
    }
    if (rc == WC_OK)
        rc = wc_image_write_png(path, &image, err);
    wc_image_release(&image);
    return rc;
}

enum wc_err wc_draw_map(struct wc_drawing *d, const struct wc_pick *pick,
                        const struct wc_record *record, bool keep, struct wc_error *err) {
    const struct wc_item *item = item_of(d->s, pick->unit);
    const char *category = d->s->dataset.category[d->s->unit[pick->unit].category].name;
    bool f16 = d->s->config->save_maps == WC_MAPS_F16;
    char variant[160], *path = NULL;
    wc_draw_variant_name(d->s, pick->variant, variant, sizeof variant);
    char *name = wc_sprintf("maps/%s/%s/%s%s", variant, category, item->image,
                            f16 ? ".safetensors" : ".png");
    enum wc_err rc = name ? wc_state_path(d->s, name, &path, err)
                          : WC_FAIL(err, WC_ERR_NOMEM, "maps: out of memory");
    char *folder = path ? wc_path_dir(path) : NULL;
    if (rc == WC_OK && (f16 || keep) && wc_io_is_file(path))
        goto out; // whole: files appear under their names when they are complete
    if (rc == WC_OK)
        rc = make_map(d, pick, record, record->width_px, record->height_px, err);
    if (rc == WC_OK)
        rc = folder ? wc_io_mkdirs(folder, err) : WC_FAIL(err, WC_ERR_NOMEM, "maps: out of memory");
    if (rc == WC_OK)
        rc = f16 ? write_f16(d, path, item->image, err) : write_png(d, pick, path, err);
out:
    wc_free(folder);
    wc_free(path);
    wc_free(name);
    return forgive(rc, err);
}
