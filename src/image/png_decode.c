/*
 * PNG (ISO/IEC 15948) through libpng's push reader.
 *
 * The chunks are walked here first: structure, checksums and the header have their own faults, and
 * only IHDR, PLTE, IDAT and IEND reach libpng. So ancillary chunks (gAMA, iCCP, tRNS, text bombs)
 * can change nothing, and any warning libpng still has is about the picture's data and is an error.
 * The push reader is the one that stops at the first byte inflated beyond the last row and that
 * misses an unfinished zlib stream.
 */
#include "image/codec.h"

#include <limits.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static const unsigned char SIGNATURE[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

enum {
    CHUNK_HEAD_BYTES = 8,      // length, type
    CHUNK_OVERHEAD_BYTES = 12, // and the checksum
    IHDR_BYTES = 13,
    COLOUR_PALETTE = 3,
    DEFLATE_MAX_RATIO = 1032, // deflate cannot expand more (zlib technical details)
};

struct chunk {
    const unsigned char *data;
    size_t n_bytes; // of data
    char type[5];
};

// What the walk over the chunks found.
struct png_file {
    uint32_t width, height;
    unsigned depth, colour_type;
    bool interlaced;
    const unsigned char *palette;
    size_t n_palette;
    size_t n_idat_bytes;
    unsigned orientation;
};

static bool match(const unsigned char *bytes, size_t n_bytes) {
    return n_bytes >= sizeof SIGNATURE && memcmp(bytes, SIGNATURE, sizeof SIGNATURE) == 0;
}

static bool is_type(const struct chunk *c, const char *type) {
    return memcmp(c->type, type, 4) == 0;
}

static bool letters(const char type[5]) {
    for (int i = 0; i < 4; i++)
        if (!((type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z')))
            return false;
    return true;
}

// The chunk at *at, which moves behind it. With `check`, its checksum must be right.
static enum wc_err next_chunk(const struct image_source *s, size_t *at, bool check,
                              struct chunk *out, struct wc_error *err) {
    size_t left = s->n_bytes - *at;
    if (left < CHUNK_HEAD_BYTES)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: PNG ends at byte %zu without an IEND chunk; copy the file again",
                        s->name, s->n_bytes);
    const unsigned char *p = s->bytes + *at;
    uint32_t length = be32(p);
    struct chunk c = {.data = p + CHUNK_HEAD_BYTES, .n_bytes = length};
    memcpy(c.type, p + 4, 4);
    if (!letters(c.type))
        return WC_FAULT(err, WC_ERR_DATA, "corrupt-data",
                        "%s: PNG: no chunk begins at byte %zu, as one should", s->name, *at);
    if (length > INT32_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: PNG chunk %s at byte %zu: length %u, at most 2147483647 is allowed",
                        s->name, c.type, *at, (unsigned)length);
    if (left < CHUNK_OVERHEAD_BYTES || left - CHUNK_OVERHEAD_BYTES < length)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: PNG chunk %s at byte %zu needs %u bytes, the file ends before; copy "
                        "the file again",
                        s->name, c.type, *at, (unsigned)length);
    if (check) {
        uint32_t crc = (uint32_t)crc32_z(0, p + 4, 4 + (size_t)length);
        uint32_t stored = be32(c.data + length);
        if (crc != stored)
            return WC_FAULT(err, WC_ERR_DATA, "bad-checksum",
                            "%s: PNG chunk %s at byte %zu: checksum %08x, the data give %08x; copy "
                            "the file again",
                            s->name, c.type, *at, (unsigned)stored, (unsigned)crc);
    }
    *at += CHUNK_OVERHEAD_BYTES + (size_t)length;
    *out = c;
    return WC_OK;
}

// Bit depths that each colour type allows, one bit a depth (PNG specification, table 11.1).
static const unsigned DEPTHS[7] = {
    [0] = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16,
    [2] = 1u << 8 | 1u << 16,
    [3] = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8,
    [4] = 1u << 8 | 1u << 16,
    [6] = 1u << 8 | 1u << 16,
};

static enum wc_err read_ihdr(const struct image_source *s, size_t *at, struct png_file *f,
                             struct wc_error *err) {
    struct chunk c;
    *at = sizeof SIGNATURE;
    WC_TRY(next_chunk(s, at, true, &c, err));
    if (!is_type(&c, "IHDR") || c.n_bytes != IHDR_BYTES)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: PNG begins with chunk %s of %zu bytes, IHDR of %d is needed", s->name,
                        c.type, c.n_bytes, IHDR_BYTES);
    f->width = be32(c.data);
    f->height = be32(c.data + 4);
    f->depth = c.data[8];
    f->colour_type = c.data[9];
    f->interlaced = c.data[12] == 1;
    f->orientation = 1;
    if (f->width == 0 || f->height == 0 || f->width > INT32_MAX || f->height > INT32_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: PNG of %u x %u pixels, sides are 1 to 2147483647", s->name,
                        (unsigned)f->width, (unsigned)f->height);
    if (f->colour_type >= sizeof DEPTHS / sizeof *DEPTHS || f->depth > 16 ||
        !(DEPTHS[f->colour_type] >> f->depth & 1))
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: PNG of colour type %u with %u bits a sample, which PNG does not have",
                        s->name, f->colour_type, f->depth);
    if (c.data[10] != 0 || c.data[11] != 0 || c.data[12] > 1)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: PNG of compression %d, filter %d, interlace %d; 0, 0 and 0 or 1 are "
                        "defined",
                        s->name, c.data[10], c.data[11], c.data[12]);
    return wc_codec_check_size(s, f->width, f->height, err);
}

static enum wc_err note_palette(const struct image_source *s, const struct chunk *c,
                                struct png_file *f, struct wc_error *err) {
    if (f->palette || f->n_idat_bytes || c->n_bytes % 3 || c->n_bytes == 0 || c->n_bytes > 768)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: PNG palette of %zu bytes; one of 3 to 768, before the pixels, is "
                        "needed",
                        s->name, c->n_bytes);
    f->palette = c->data;
    f->n_palette = c->n_bytes / 3;
    return WC_OK;
}

// What the order of chunks has to be, seen from one chunk.
struct chunk_order {
    bool idat_seen, idat_over;
};

static enum wc_err note_chunk(const struct image_source *s, const struct chunk *c,
                              struct chunk_order *order, struct png_file *f, struct wc_error *err) {
    if (is_type(c, "IDAT")) {
        if (order->idat_over)
            return WC_FAULT(err, WC_ERR_DATA, "corrupt-data",
                            "%s: PNG: pixel data go on after another chunk", s->name);
        order->idat_seen = true;
        f->n_idat_bytes += c->n_bytes;
        return WC_OK;
    }
    order->idat_over = order->idat_seen;
    if (is_type(c, "PLTE"))
        return note_palette(s, c, f, err);
    if (is_type(c, "eXIf"))
        f->orientation = wc_exif_orientation(c->data, c->n_bytes);
    // Upper case: a decoder that does not know the chunk cannot show the picture.
    if (c->type[0] >= 'A' && c->type[0] <= 'Z' && !is_type(c, "IEND"))
        return WC_FAULT(err, WC_ERR_DATA, is_type(c, "IHDR") ? "bad-header" : "unsupported",
                        "%s: PNG has a chunk %s, which %s; save it as a plain PNG", s->name,
                        c->type, is_type(c, "IHDR") ? "may come once only" : "is not known here");
    return WC_OK;
}

static unsigned n_samples(unsigned colour_type) {
    static const unsigned N[7] = {[0] = 1, [2] = 3, [3] = 1, [4] = 2, [6] = 4};
    return N[colour_type];
}

static enum wc_err walk(const struct image_source *s, struct png_file *f, struct wc_error *err) {
    size_t at;
    struct chunk c = {0};
    struct chunk_order order = {0};
    WC_TRY(read_ihdr(s, &at, f, err));
    while (!is_type(&c, "IEND")) {
        WC_TRY(next_chunk(s, &at, true, &c, err));
        WC_TRY(note_chunk(s, &c, &order, f, err));
    }
    if (c.n_bytes != 0)
        return WC_FAULT(err, WC_ERR_DATA, "corrupt-data",
                        "%s: PNG: the IEND chunk holds %zu bytes, it must be empty", s->name,
                        c.n_bytes);
    if (f->colour_type == COLOUR_PALETTE && !f->palette)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: PNG with palette colours, but no PLTE",
                        s->name);
    // Declared sizes cost nothing; memory is taken only for what the data can fill.
    uint64_t row_bytes = ((uint64_t)f->width * f->depth * n_samples(f->colour_type) + 7) / 8;
    if (row_bytes * f->height / DEFLATE_MAX_RATIO > f->n_idat_bytes)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: PNG of %u x %u pixels with %zu bytes of data, which cannot hold them",
                        s->name, (unsigned)f->width, (unsigned)f->height, f->n_idat_bytes);
    return WC_OK;
}

static enum wc_err read_header(const struct image_source *s, struct image_header *out,
                               struct wc_error *err) {
    struct png_file f = {0};
    size_t at;
    WC_TRY(read_ihdr(s, &at, &f, err));
    // The orientation may stand in front of the pixels or behind them.
    struct chunk c = {0};
    while (!is_type(&c, "IEND") && next_chunk(s, &at, false, &c, NULL) == WC_OK)
        if (is_type(&c, "eXIf"))
            f.orientation = wc_exif_orientation(c.data, c.n_bytes);
    *out = (struct image_header){f.width, f.height, f.orientation};
    return WC_OK;
}

// One decoding in libpng; reached from its callbacks.
struct job {
    png_structp png;
    png_infop info;
    struct raster *raster;
    const struct png_file *file;
    uint64_t n_rows; // seen, over all passes
    bool bad_index, failed;
    char message[128]; // libpng's
};

static void note(struct job *job, const char *text) {
    if (!job->failed)
        snprintf(job->message, sizeof job->message, "%s", text);
    job->failed = true;
}

static void on_message(png_structp png, png_const_charp text) {
    note(png_get_error_ptr(png), text);
}

static void on_error(png_structp png, png_const_charp text) {
    on_message(png, text);
    png_longjmp(png, 1);
}

static void on_info(png_structp png, png_infop info) {
    png_set_packing(png);
    png_read_update_info(png, info);
}

// PNG specification, 8.2: first pixel and step of the seven passes.
static const struct {
    unsigned x0, y0, dx, dy;
} ADAM7[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
              {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

static uint32_t n_steps(uint32_t size, unsigned first, unsigned step) {
    return size > first ? (size - first + step - 1) / step : 0;
}

static void on_row(png_structp png, png_bytep samples, png_uint_32 row, int pass) {
    struct job *job = png_get_progressive_ptr(png);
    const struct png_file *f = job->file;
    size_t x0 = 0, y = row, dx = 1, n = f->width;
    if (f->interlaced) {
        x0 = ADAM7[pass].x0;
        dx = ADAM7[pass].dx;
        y = ADAM7[pass].y0 + (size_t)row * ADAM7[pass].dy;
        n = n_steps(f->width, ADAM7[pass].x0, ADAM7[pass].dx);
    }
    if (!samples || n == 0 || y >= f->height)
        return;
    job->n_rows++;
    job->bad_index |= !raster_put(job->raster, samples, n, y, x0, dx);
}

static uint64_t n_rows_wanted(const struct png_file *f) {
    if (!f->interlaced)
        return f->height;
    uint64_t n = 0;
    for (int p = 0; p < 7; p++)
        if (n_steps(f->width, ADAM7[p].x0, ADAM7[p].dx) > 0)
            n += n_steps(f->height, ADAM7[p].y0, ADAM7[p].dy);
    return n;
}

// libpng copies what it keeps and only misses the const.
static void feed(struct job *job, const unsigned char *bytes, size_t n) {
    png_process_data(job->png, job->info, (png_bytep)(uintptr_t)bytes, n);
}

// Gives libpng the chunks that make the picture. Runs under setjmp: owns nothing.
static void feed_all(struct job *job, const struct image_source *s) {
    png_set_crc_action(job->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE); // walk() checked them
    png_set_user_limits(job->png, INT32_MAX, INT32_MAX);                // as did read_ihdr()
    png_set_progressive_read_fn(job->png, job, on_info, on_row, NULL);
    feed(job, s->bytes, sizeof SIGNATURE);
    size_t at = sizeof SIGNATURE;
    struct chunk c = {0};
    while (!job->failed && !job->bad_index && !is_type(&c, "IEND")) {
        size_t start = at;
        if (next_chunk(s, &at, false, &c, NULL) != WC_OK)
            return;
        bool wanted = is_type(&c, "IHDR") || is_type(&c, "IDAT") || is_type(&c, "IEND") ||
                      (is_type(&c, "PLTE") && job->file->colour_type == COLOUR_PALETTE);
        if (wanted)
            feed(job, s->bytes + start, at - start);
    }
}

static void run(struct job *job, const struct image_source *s) {
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_message);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info)
        note(job, "out of memory");
    else if (setjmp(png_jmpbuf(job->png)) == 0)
        feed_all(job, s);
    png_destroy_read_struct(&job->png, &job->info, NULL);
}

static enum wc_err verdict(const struct job *job, const struct image_source *s,
                           struct wc_error *err) {
    if (job->bad_index)
        return WC_FAULT(err, WC_ERR_DATA, "corrupt-data",
                        "%s: PNG: a pixel has a colour index past the palette's %zu entries",
                        s->name, job->file->n_palette);
    if (job->failed && strstr(job->message, "emory"))
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: PNG: %s", s->name, job->message);
    bool cut = !job->failed || strstr(job->message, "Not enough");
    uint64_t wanted = n_rows_wanted(job->file);
    if (job->failed && !cut)
        return WC_FAULT(err, WC_ERR_DATA, "corrupt-data", "%s: PNG: %s (after row %llu of %llu)",
                        s->name, job->message, (unsigned long long)job->n_rows,
                        (unsigned long long)wanted);
    if (job->failed || job->n_rows != wanted)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: PNG: the pixel data end after row %llu of %llu%s", s->name,
                        (unsigned long long)job->n_rows, (unsigned long long)wanted,
                        job->n_rows == wanted ? ", but the zlib stream is not finished" : "");
    return WC_OK;
}

static void describe(const struct png_file *f, struct raster_format *format) {
    static const enum raster_layout LAYOUTS[7] = {[0] = RASTER_GRAY,
                                                  [2] = RASTER_RGB,
                                                  [3] = RASTER_PALETTE,
                                                  [4] = RASTER_GRAY_ALPHA,
                                                  [6] = RASTER_RGB_ALPHA};
    format->layout = LAYOUTS[f->colour_type];
    format->bits = f->depth;
    format->n_palette = f->colour_type == COLOUR_PALETTE ? f->n_palette : 0;
    if (format->n_palette)
        memcpy(format->palette, f->palette, 3 * f->n_palette);
}

static enum wc_err decode(const struct image_source *s, struct raster *raster,
                          struct image_header *header, struct wc_error *err) {
    struct png_file f = {0};
    struct raster_format format = {0};
    WC_TRY(walk(s, &f, err));
    describe(&f, &format);
    WC_TRY(raster_begin(raster, s->name, f.width, f.height, &format, err));
    struct job job = {.raster = raster, .file = &f};
    run(&job, s);
    *header = (struct image_header){f.width, f.height, f.orientation};
    return verdict(&job, s, err);
}

const struct image_codec wc_codec_png = {"PNG", match, read_header, decode};
