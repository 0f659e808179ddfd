/*
 * The table of picture formats: what wc_image_decode() asks of each.
 *
 * Private to src/image. `source` is the whole file in memory, hostile. Errors are WC_ERR_DATA with
 * a fault word and texts that begin with the source's name.
 */
#ifndef WC_IMAGE_CODEC_H
#define WC_IMAGE_CODEC_H

#include "image/raster.h"

struct image_source {
    const char *name;
    const unsigned char *bytes;
    size_t n_bytes;
    size_t max_pixels;
};

// What a header says.
struct image_header {
    size_t width_px, height_px;
    unsigned orientation; // EXIF 1..8; 1 when the file does not say
};

struct image_codec {
    const char *name;
    bool (*match)(const unsigned char *bytes, size_t n_bytes);
    enum wc_err (*read_header)(const struct image_source *source, struct image_header *out,
                               struct wc_error *err);
    // Fills `raster` (want_mask set by the caller) by raster_begin() and raster_put().
    enum wc_err (*decode)(const struct image_source *source, struct raster *raster,
                          struct image_header *header, struct wc_error *err);
};

extern const struct image_codec wc_codec_png, wc_codec_jpeg, wc_codec_bmp;

// Refuses a declared size above the source's limit; `width` and `height` are not 0.
enum wc_err wc_codec_check_size(const struct image_source *source, uint64_t width, uint64_t height,
                                struct wc_error *err);

// The orientation tag (1..8) of a TIFF block as EXIF stores it; 1 when absent or damaged.
unsigned wc_exif_orientation(const unsigned char *tiff, size_t n_bytes);

static inline uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint32_t be16(const unsigned char *p) {
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t le32(const unsigned char *p) {
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}
static inline uint32_t le16(const unsigned char *p) {
    return (uint32_t)p[1] << 8 | p[0];
}

#endif
