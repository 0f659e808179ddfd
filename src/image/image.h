/*
 * Pictures: PNG, JPEG and BMP files to 8-bit RGB, equal to Pillow's `Image.open(f).convert("RGB")`,
 * and masks.
 *
 * The content decides the format, never the suffix. Alpha and tRNS are dropped without compositing,
 * colour management is ignored, gray is replicated, 16-bit samples keep their high byte. Errors are
 * WC_ERR_DATA with the file's name and one of the faults empty, not-found, not-a-file,
 * unknown-format, unsupported, truncated, bad-header, too-large, bad-checksum, corrupt-data.
 * Damage that a library would only warn about is an error too. Memory follows the data that a file
 * holds, never the size that it declares. Thread-safe.
 *
 * PNG: every colour type, depth and interlace; BMP: 1, 4, 8, 16, 24, 32 bits, RLE4, RLE8 and bit
 * fields; JPEG: all that libjpeg-turbo reads in 8 bits with 1, 3 or 4 components.
 */
#ifndef WC_IMAGE_IMAGE_H
#define WC_IMAGE_IMAGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_image {
    size_t width_px;
    size_t height_px;
    uint8_t *rgb; // (height_px, width_px, 3)
};

struct wc_image_options {
    size_t max_pixels; // 0: WC_IMAGE_MAX_PIXELS
    bool exif_apply;   // turn the picture as its EXIF orientation says; default: as stored
};

#define WC_IMAGE_MAX_PIXELS                                                                        \
    1000000000u // a declared size above it is refused before anything is allocated

void wc_image_release(struct wc_image *image); // zeroed structs are fine
enum wc_err wc_image_new(size_t width_px, size_t height_px, struct wc_image *out,
                         struct wc_error *err);

// `options` may be NULL (defaults). The caller owns *out and releases it with wc_image_release().
enum wc_err wc_image_read(const char *path, const struct wc_image_options *options,
                          struct wc_image *out, struct wc_error *err);
enum wc_err wc_image_decode(const char *name, const unsigned char *bytes, size_t n_bytes,
                            const struct wc_image_options *options, struct wc_image *out,
                            struct wc_error *err);

// Size from the header alone (after EXIF, if applied), without decoding pixels.
enum wc_err wc_image_read_size(const char *path, const struct wc_image_options *options,
                               size_t *width_px, size_t *height_px, struct wc_error *err);

struct wc_buf;

// A picture as an 8-bit RGB PNG or a JPEG (quality 1 to 100), appended to `out`; `name` is for
// messages. The same bytes each time (of one version of the libraries).
enum wc_err wc_image_encode_png(const char *name, const struct wc_image *image, struct wc_buf *out,
                                struct wc_error *err);
enum wc_err wc_image_encode_jpeg(const char *name, const struct wc_image *image, int quality,
                                 struct wc_buf *out, struct wc_error *err);

// Writes an 8-bit RGB PNG (wc_io_write_atomic).
enum wc_err wc_image_write_png(const char *path, const struct wc_image *image,
                               struct wc_error *err);

// A ground-truth mask: 1 where any of the file's colour samples is not 0 (alpha does not count),
// else 0. Palette files count by index 0 / not 0 when every palette entry is gray, otherwise by
// colour.
struct wc_mask {
    size_t width_px;
    size_t height_px;
    uint8_t *value; // (height_px, width_px), 0 or 1
};
void wc_mask_release(struct wc_mask *mask);
enum wc_err wc_mask_read(const char *path, struct wc_mask *out, struct wc_error *err);

#endif
