#include "image/image.h"

#include "base/alloc.h"
#include "base/io.h"
#include "image/codec.h"

#include <string.h>

static const struct image_codec *const CODECS[] = {&wc_codec_png, &wc_codec_jpeg, &wc_codec_bmp};

#define FILE_MAX_BYTES ((size_t)4 << 30) // an uncompressed picture of WC_IMAGE_MAX_PIXELS

// What else people name .png or .jpg, so that a message can say it.
static const struct {
    const char *signature;
    size_t at, n;
    const char *fault, *what;
} STRANGERS[] = {
    {"GIF8", 0, 4, "unsupported", "a GIF picture"},
    {"WEBP", 8, 4, "unsupported", "a WebP picture"},
    {"II*\0", 0, 4, "unsupported", "a TIFF picture"},
    {"MM\0*", 0, 4, "unsupported", "a TIFF picture"},
    {"II+\0", 0, 4, "unsupported", "a BigTIFF picture"},
    {"MM\0+", 0, 4, "unsupported", "a BigTIFF picture"},
    {"ftyp", 4, 4, "unsupported", "an AVIF or HEIF picture (or an MP4 film)"},
    {"\0\0\0\x0cjP  ", 0, 8, "unsupported", "a JPEG 2000 picture"},
    {"\xff\x4f\xff\x51", 0, 4, "unsupported", "a JPEG 2000 picture"},
    {"\0\0\0\x0cJXL ", 0, 8, "unsupported", "a JPEG XL picture"},
    {"\xff\x0a", 0, 2, "unsupported", "a JPEG XL picture"},
    {"8BPS", 0, 4, "unsupported", "a Photoshop picture"},
    {"v/1\x01", 0, 4, "unsupported", "an OpenEXR picture"},
    {"#?RADIANCE", 0, 10, "unsupported", "a Radiance picture"},
    {"DDS ", 0, 4, "unsupported", "a DDS picture"},
    {"qoif", 0, 4, "unsupported", "a QOI picture"},
    {"DICM", 128, 4, "unsupported", "a DICOM file"},
    {"version https:/", 0, 15, "unknown-format",
     "a git-LFS pointer, not the picture; run `git lfs pull`"},
    {"<!DOCTYPE", 0, 9, "unknown-format", "a web page, perhaps of a failed download"},
    {"<!doctype", 0, 9, "unknown-format", "a web page, perhaps of a failed download"},
    {"<html", 0, 5, "unknown-format", "a web page, perhaps of a failed download"},
    {"<HTML", 0, 5, "unknown-format", "a web page, perhaps of a failed download"},
    {"<?xml", 0, 5, "unknown-format", "an XML or SVG file"},
    {"PK\x03\x04", 0, 4, "unknown-format", "a ZIP archive"},
    {"\x1f\x8b", 0, 2, "unknown-format", "a gzip file"},
    {"%PDF", 0, 4, "unknown-format", "a PDF file"},
    {"\x93NUMPY", 0, 6, "unknown-format", "a NumPy array"},
    {"\x89PNG\n", 0, 5, "unknown-format",
     "a PNG whose signature a text-mode transfer damaged; copy it in binary mode"},
    {"\x89PNG", 0, 4, "unknown-format", "a PNG with a damaged signature; copy the file again"},
};

static enum wc_err find_codec(const struct image_source *s, const struct image_codec **out,
                              struct wc_error *err) {
    if (s->n_bytes == 0)
        return WC_FAULT(err, WC_ERR_DATA, "empty",
                        "%s: the file is empty, a picture was expected; copy it again", s->name);
    for (size_t i = 0; i < sizeof CODECS / sizeof *CODECS; i++)
        if (CODECS[i]->match(s->bytes, s->n_bytes)) {
            *out = CODECS[i];
            return WC_OK;
        }
    for (size_t i = 0; i < sizeof STRANGERS / sizeof *STRANGERS; i++)
        if (s->n_bytes >= STRANGERS[i].at + STRANGERS[i].n &&
            memcmp(s->bytes + STRANGERS[i].at, STRANGERS[i].signature, STRANGERS[i].n) == 0)
            return WC_FAULT(err, WC_ERR_DATA, STRANGERS[i].fault,
                            "%s: this is %s; PNG, JPEG and BMP are read", s->name,
                            STRANGERS[i].what);
    return WC_FAULT(err, WC_ERR_DATA, "unknown-format",
                    "%s: the content is no picture (PNG, JPEG and BMP are read, whatever the "
                    "suffix is)",
                    s->name);
}

enum wc_err wc_codec_check_size(const struct image_source *source, uint64_t width, uint64_t height,
                                struct wc_error *err) {
    if (height > source->max_pixels / width)
        return WC_FAULT(err, WC_ERR_DATA, "too-large",
                        "%s: declares %llu x %llu pixels, at most %zu are read", source->name,
                        (unsigned long long)width, (unsigned long long)height, source->max_pixels);
    return WC_OK;
}

static struct image_source make_source(const char *name, const unsigned char *bytes, size_t n_bytes,
                                       const struct wc_image_options *options) {
    size_t max = options && options->max_pixels ? options->max_pixels : WC_IMAGE_MAX_PIXELS;
    return (struct image_source){name, bytes, n_bytes, max};
}

void wc_image_release(struct wc_image *image) {
    wc_free(image->rgb);
    *image = (struct wc_image){0};
}

enum wc_err wc_image_new(size_t width_px, size_t height_px, struct wc_image *out,
                         struct wc_error *err) {
    struct wc_image image = {width_px, height_px, NULL};
    size_t n;
    if (!wc_mul(width_px, height_px, &n) || !wc_mul(n, 3, &n))
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "a picture of %zu x %zu pixels: too large",
                        width_px, height_px);
    WC_TRY(WC_NEW(&image.rgb, n, "picture", err));
    *out = image;
    return WC_OK;
}

// EXIF 2.3, 4.6.2: where the stored first row and first column lie in the picture. Value v moves
// the pixel at stored (x, y): 5 to 8 swap the axes first, then the new axes are mirrored.
static const struct {
    bool swap, mirror_x, mirror_y;
} ORIENTATIONS[9] = {
    [2] = {false, true, false}, [3] = {false, true, true}, [4] = {false, false, true},
    [5] = {true, false, false}, [6] = {true, true, false}, [7] = {true, true, true},
    [8] = {true, false, true},
};

static bool swaps(unsigned orientation) {
    return ORIENTATIONS[orientation].swap;
}

static enum wc_err turn(struct wc_image *image, unsigned orientation, struct wc_error *err) {
    struct wc_image turned = {0};
    if (orientation <= 1)
        return WC_OK;
    size_t w = image->width_px, h = image->height_px;
    WC_TRY(wc_image_new(swaps(orientation) ? h : w, swaps(orientation) ? w : h, &turned, err));
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            size_t to_x = swaps(orientation) ? y : x, to_y = swaps(orientation) ? x : y;
            to_x = ORIENTATIONS[orientation].mirror_x ? turned.width_px - 1 - to_x : to_x;
            to_y = ORIENTATIONS[orientation].mirror_y ? turned.height_px - 1 - to_y : to_y;
            memcpy(turned.rgb + 3 * (to_y * turned.width_px + to_x), image->rgb + 3 * (y * w + x),
                   3);
        }
    wc_image_release(image);
    *image = turned;
    return WC_OK;
}

enum wc_err wc_image_decode(const char *name, const unsigned char *bytes, size_t n_bytes,
                            const struct wc_image_options *options, struct wc_image *out,
                            struct wc_error *err) {
    struct image_source source = make_source(name, bytes, n_bytes, options);
    const struct image_codec *codec;
    struct image_header header = {0};
    struct raster raster = {0};
    WC_TRY(find_codec(&source, &codec, err));
    enum wc_err rc = codec->decode(&source, &raster, &header, err);
    struct wc_image image = {raster.width_px, raster.height_px, raster.rgb};
    if (rc == WC_OK && options && options->exif_apply)
        rc = turn(&image, header.orientation, err);
    if (rc == WC_OK)
        *out = image;
    else
        wc_image_release(&image);
    return rc;
}

enum wc_err wc_image_read(const char *path, const struct wc_image_options *options,
                          struct wc_image *out, struct wc_error *err) {
    unsigned char *bytes;
    size_t n_bytes;
    WC_TRY(wc_io_read_file(path, FILE_MAX_BYTES, &bytes, &n_bytes, err));
    enum wc_err rc = wc_image_decode(path, bytes, n_bytes, options, out, err);
    wc_free(bytes);
    return rc;
}

enum wc_err wc_image_read_size(const char *path, const struct wc_image_options *options,
                               size_t *width_px, size_t *height_px, struct wc_error *err) {
    struct wc_map map = {0};
    const struct image_codec *codec;
    struct image_header header = {0};
    WC_TRY(wc_io_map(path, &map, err)); // touches the header's pages only
    struct image_source source = make_source(path, map.data, map.n_bytes, options);
    enum wc_err rc = find_codec(&source, &codec, err);
    if (rc == WC_OK)
        rc = codec->read_header(&source, &header, err);
    wc_map_release(&map);
    if (rc != WC_OK)
        return rc;
    bool swap = options && options->exif_apply && swaps(header.orientation);
    *width_px = swap ? header.height_px : header.width_px;
    *height_px = swap ? header.width_px : header.height_px;
    return WC_OK;
}

void wc_mask_release(struct wc_mask *mask) {
    wc_free(mask->value);
    *mask = (struct wc_mask){0};
}

enum wc_err wc_mask_read(const char *path, struct wc_mask *out, struct wc_error *err) {
    unsigned char *bytes;
    size_t n_bytes;
    const struct image_codec *codec;
    struct image_header header;
    struct raster raster = {.want_mask = true};
    WC_TRY(wc_io_read_file(path, FILE_MAX_BYTES, &bytes, &n_bytes, err));
    struct image_source source = make_source(path, bytes, n_bytes, NULL);
    enum wc_err rc = find_codec(&source, &codec, err);
    if (rc == WC_OK)
        rc = codec->decode(&source, &raster, &header, err);
    wc_free(bytes);
    if (rc == WC_OK)
        *out = (struct wc_mask){raster.width_px, raster.height_px, raster.mask};
    else
        raster_release(&raster);
    return rc;
}
