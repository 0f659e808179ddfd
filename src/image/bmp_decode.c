/*
 * BMP (Microsoft's BITMAPFILEHEADER and the DIB headers of 12 to 124 bytes): 1, 4 and 8 bits with
 * a palette (RLE4, RLE8 too), 16, 24 and 32 bits with the usual or given channel masks.
 * Little-endian.
 */
#include "image/codec.h"

#include "base/alloc.h"

#include <string.h>

enum {
    FILE_HEADER_BYTES = 14,
    CORE_HEADER_BYTES = 12, // OS/2: 16-bit sides, palette of 3 bytes an entry
    INFO_HEADER_BYTES = 40,
    MAX_HEADER_BYTES = 124,
    // Two bytes of RLE give at most 255 pixels, but a row may end early; more than this many pixels
    // a byte is refused, so that no memory is taken for a declared size alone.
    RLE_MAX_PIXELS_PER_BYTE = 1024,
};

enum compression { RGB = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHABITFIELDS = 6 };

struct bmp {
    size_t width, height;
    bool top_down;
    unsigned bits; // of a pixel
    uint32_t compression;
    uint32_t mask[3]; // red, green, blue in a pixel of 16, 24 or 32 bits
    size_t palette_at, palette_stride, n_palette;
    size_t pixels_at;
};

static bool match(const unsigned char *bytes, size_t n_bytes) {
    return n_bytes >= 2 && bytes[0] == 'B' && bytes[1] == 'M';
}

static enum wc_err fail_cut(const struct image_source *s, const char *where, uint64_t needed,
                            struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "truncated",
                    "%s: BMP ends inside its %s: %zu bytes, %llu are needed; copy the file again",
                    s->name, where, s->n_bytes, (unsigned long long)needed);
}

// Which compressions go with which depths; the masks are the usual ones where the file gives none.
static const struct {
    unsigned bits;
    uint32_t compression;
    uint32_t mask[3];
} KINDS[] = {
    {1, RGB, {0}},
    {4, RGB, {0}},
    {4, RLE4, {0}},
    {8, RGB, {0}},
    {8, RLE8, {0}},
    {16, RGB, {0x7c00, 0x03e0, 0x001f}},
    {16, BITFIELDS, {0}},
    {16, ALPHABITFIELDS, {0}},
    {24, RGB, {0xff0000, 0x00ff00, 0x0000ff}},
    {32, RGB, {0xff0000, 0x00ff00, 0x0000ff}},
    {32, BITFIELDS, {0}},
    {32, ALPHABITFIELDS, {0}},
};

static enum wc_err find_kind(const struct image_source *s, struct bmp *b, struct wc_error *err) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (KINDS[i].bits == b->bits && KINDS[i].compression == b->compression) {
            memcpy(b->mask, KINDS[i].mask, sizeof b->mask);
            return WC_OK;
        }
    return WC_FAULT(err, WC_ERR_DATA, "unsupported",
                    "%s: BMP of %u bits a pixel with compression %u; 1, 4, 8, 16, 24 and 32 bits "
                    "are read, plain, RLE or with bit fields; save it as PNG",
                    s->name, b->bits, (unsigned)b->compression);
}

// A channel mask is one run of bits.
static bool is_run(uint32_t mask) {
    uint32_t low = mask & (~mask + 1);
    return mask != 0 && ((mask + low) & mask) == 0;
}

static enum wc_err read_masks(const struct image_source *s, struct bmp *b, struct wc_error *err) {
    const unsigned char *at = s->bytes + FILE_HEADER_BYTES + INFO_HEADER_BYTES;
    bool good = true;
    uint32_t seen = 0;
    for (int i = 0; i < 3; i++) {
        b->mask[i] = le32(at + 4 * i);
        good = good && is_run(b->mask[i]) && !(b->mask[i] & seen);
        seen |= b->mask[i];
    }
    if (!good || (b->bits == 16 && seen > 0xffff))
        return WC_FAULT(err, WC_ERR_DATA, "unsupported",
                        "%s: BMP with channel masks %08x %08x %08x; three separate runs of bits "
                        "within %u are needed",
                        s->name, (unsigned)b->mask[0], (unsigned)b->mask[1], (unsigned)b->mask[2],
                        b->bits);
    return WC_OK;
}

static enum wc_err check_header_size(const struct image_source *s, uint32_t n,
                                     struct wc_error *err) {
    static const uint32_t KNOWN[] = {CORE_HEADER_BYTES, INFO_HEADER_BYTES, 52, 56, 64, 108,
                                     MAX_HEADER_BYTES};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (KNOWN[i] == n)
            return s->n_bytes < FILE_HEADER_BYTES + n
                       ? fail_cut(s, "header", FILE_HEADER_BYTES + (uint64_t)n, err)
                       : WC_OK;
    bool plausible = n > CORE_HEADER_BYTES && n < MAX_HEADER_BYTES;
    return WC_FAULT(err, WC_ERR_DATA, plausible ? "unsupported" : "bad-header",
                    "%s: BMP with a header of %u bytes; 12, 40, 52, 56, 64, 108 and 124 are known",
                    s->name, (unsigned)n);
}

static enum wc_err read_sides(const struct image_source *s, bool core, struct bmp *b,
                              struct wc_error *err) {
    const unsigned char *dib = s->bytes + FILE_HEADER_BYTES;
    int64_t width = core ? (int64_t)le16(dib + 4) : (int64_t)(int32_t)le32(dib + 4);
    int64_t height = core ? (int64_t)le16(dib + 6) : (int64_t)(int32_t)le32(dib + 8);
    if (width <= 0 || height == 0 || height == INT32_MIN)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: BMP of %lld x %lld pixels; the width is at least 1, the height 1 to "
                        "2147483647 or that from the top, negative",
                        s->name, (long long)width, (long long)height);
    b->top_down = height < 0;
    b->width = (size_t)width;
    b->height = (size_t)(height < 0 ? -height : height);
    return wc_codec_check_size(s, b->width, b->height, err);
}

static enum wc_err read_palette_place(const struct image_source *s, bool core, uint32_t n_colours,
                                      struct bmp *b, struct wc_error *err) {
    size_t max = b->bits <= 8 ? (size_t)1 << b->bits : 0;
    b->palette_stride = core ? 3 : 4;
    b->n_palette = n_colours == 0 || n_colours > max ? max : n_colours;
    size_t end = b->palette_at + b->n_palette * b->palette_stride;
    if (end > s->n_bytes)
        return fail_cut(s, "palette", end, err);
    return WC_OK;
}

static enum wc_err parse(const struct image_source *s, struct bmp *b, struct wc_error *err) {
    const unsigned char *dib = s->bytes + FILE_HEADER_BYTES;
    if (s->n_bytes < FILE_HEADER_BYTES + CORE_HEADER_BYTES)
        return fail_cut(s, "header", FILE_HEADER_BYTES + CORE_HEADER_BYTES, err);
    uint32_t n_dib = le32(dib);
    WC_TRY(check_header_size(s, n_dib, err));
    bool core = n_dib == CORE_HEADER_BYTES;
    WC_TRY(read_sides(s, core, b, err));
    b->bits = le16(dib + (core ? 10 : 14));
    b->compression = core ? RGB : le32(dib + 16);
    WC_TRY(find_kind(s, b, err));
    b->palette_at = FILE_HEADER_BYTES + n_dib;
    if (b->compression == BITFIELDS || b->compression == ALPHABITFIELDS) {
        // The short header is followed by the masks; the longer ones hold them.
        if (n_dib == INFO_HEADER_BYTES)
            b->palette_at += b->compression == BITFIELDS ? 12 : 16;
        if (b->palette_at > s->n_bytes)
            return fail_cut(s, "channel masks", b->palette_at, err);
        WC_TRY(read_masks(s, b, err));
    }
    WC_TRY(read_palette_place(s, core, core ? 0 : le32(dib + 32), b, err));
    b->pixels_at = le32(s->bytes + 10);
    if (b->pixels_at == 0)
        b->pixels_at = b->palette_at + b->n_palette * b->palette_stride;
    if (b->pixels_at < FILE_HEADER_BYTES + n_dib)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: BMP with pixels at byte %zu, inside its header of %u bytes", s->name,
                        b->pixels_at, FILE_HEADER_BYTES + (unsigned)n_dib);
    if (b->pixels_at > s->n_bytes)
        return fail_cut(s, "pixels", b->pixels_at, err);
    return WC_OK;
}

static void unpack_indices(const unsigned char *row, size_t n, unsigned bits, uint8_t *out) {
    unsigned per_byte = 8 / bits, mask = (1u << bits) - 1;
    for (size_t x = 0; x < n; x++) {
        unsigned shift = 8 - bits - (unsigned)(x % per_byte) * bits; // leftmost pixel highest
        out[x] = (uint8_t)((unsigned)row[x / per_byte] >> shift & mask);
    }
}

static void swap_bgr(const unsigned char *row, size_t n, size_t stride, uint8_t *out) {
    for (size_t x = 0; x < n; x++, row += stride, out += 3) {
        out[0] = row[2];
        out[1] = row[1];
        out[2] = row[0];
    }
}

// Channels of up to 16 bits are scaled by 255 / max and cut, as Pillow does; wider ones lose their
// low bits first.
static void unmask(const unsigned char *row, size_t n, const struct bmp *b, uint8_t *out) {
    size_t n_bytes = b->bits / 8;
    unsigned shift[3] = {0};
    uint32_t max[3];
    for (int i = 0; i < 3; i++) {
        while (!(b->mask[i] >> shift[i] & 1) || b->mask[i] >> shift[i] > 0xffff)
            shift[i]++;
        max[i] = b->mask[i] >> shift[i];
    }
    for (size_t x = 0; x < n; x++, row += n_bytes, out += 3) {
        uint32_t pixel = n_bytes == 2 ? le16(row) : le32(row);
        for (int i = 0; i < 3; i++)
            out[i] = (uint8_t)(((pixel & b->mask[i]) >> shift[i]) * 255 / max[i]);
    }
}

static void convert_row(const struct bmp *b, const unsigned char *row, uint8_t *out) {
    bool usual = b->mask[0] == 0xff0000 && b->mask[1] == 0xff00 && b->mask[2] == 0xff;
    if (b->bits <= 8)
        unpack_indices(row, b->width, b->bits, out);
    else if (b->bits >= 24 && usual)
        swap_bgr(row, b->width, b->bits / 8, out);
    else
        unmask(row, b->width, b, out);
}

static enum wc_err fail_index(const struct image_source *s, const struct bmp *b,
                              struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "corrupt-data",
                    "%s: BMP: a pixel has a colour index past the palette's %zu entries", s->name,
                    b->n_palette);
}

static size_t row_of(const struct bmp *b, size_t i_stored) {
    return b->top_down ? i_stored : b->height - 1 - i_stored;
}

static enum wc_err decode_plain(const struct image_source *s, const struct bmp *b,
                                const struct raster_format *format, struct raster *raster,
                                struct wc_error *err) {
    // Sides below 2^31 and a bounded area: no overflow in 64 bits. The last row's padding counts: a
    // file without it was cut, as a PNG without IEND was.
    uint64_t stride = ((uint64_t)b->width * b->bits + 31) / 32 * 4;
    uint64_t needed = b->pixels_at + stride * b->height;
    if (needed > s->n_bytes)
        return fail_cut(s, "pixels", needed, err);
    uint8_t *row = NULL;
    WC_TRY(raster_begin(raster, s->name, b->width, b->height, format, err));
    WC_TRY(WC_NEW(&row, 3 * b->width, "BMP row", err));
    bool good = true;
    for (size_t i = 0; i < b->height && good; i++) {
        convert_row(b, s->bytes + b->pixels_at + stride * i, row);
        good = raster_put(raster, row, b->width, row_of(b, i), 0, 1);
    }
    wc_free(row);
    return good ? WC_OK : fail_index(s, b, err);
}

// Where the RLE reader is: p in the file, (x, y) in the picture, y from the first stored row.
struct rle {
    const unsigned char *p, *end;
    size_t x, y;
    bool over;
    const char *fault;
};

// One run (n pixels of one byte, or of its two halves in turn), or a literal when `literal`: the
// same with a byte (a half) for each pixel.
static void put_pixels(struct rle *r, const struct bmp *b, unsigned n, bool literal,
                       const unsigned char *value, uint8_t *plane) {
    for (unsigned i = 0; i < n && r->x < b->width; i++, r->x++) {
        size_t byte = literal ? (b->bits == 8 ? i : i / 2) : 0;
        unsigned v = value[byte];
        plane[r->y * b->width + r->x] = (uint8_t)(b->bits == 8 ? v : i % 2 ? v & 15 : v >> 4);
    }
}

static void take_literal(struct rle *r, const struct bmp *b, unsigned n, uint8_t *plane) {
    size_t n_bytes = b->bits == 8 ? n : (n + 1) / 2;
    if ((size_t)(r->end - r->p) < n_bytes) {
        r->fault = "truncated";
    } else if (n > b->width - r->x) {
        r->fault = "corrupt-data";
    } else {
        put_pixels(r, b, n, true, r->p, plane);
        r->p += n_bytes;
        r->p += n_bytes % 2 && r->p < r->end; // padded to 16 bits
    }
}

static void take_step(struct rle *r, const struct bmp *b) {
    if (r->end - r->p < 2) {
        r->fault = "truncated";
        return;
    }
    r->x += r->p[0];
    r->y += r->p[1];
    r->p += 2;
    if (r->x > b->width || r->y >= b->height)
        r->fault = "corrupt-data";
}

static void take_code(struct rle *r, const struct bmp *b, uint8_t *plane) {
    enum { END_OF_LINE = 0, END_OF_PICTURE = 1, STEP = 2 };
    unsigned n = r->p[0], value = r->p[1];
    const unsigned char *at = r->p + 1;
    r->p += 2;
    if (n > 0) {
        put_pixels(r, b, n, false, at, plane);
    } else if (value == END_OF_LINE) {
        r->x = 0;
        r->y++;
    } else if (value == END_OF_PICTURE) {
        r->over = true;
    } else if (value == STEP) {
        take_step(r, b);
    } else {
        take_literal(r, b, value, plane);
    }
}

static enum wc_err unpack_rle(const struct image_source *s, const struct bmp *b, uint8_t *plane,
                              struct wc_error *err) {
    struct rle r = {.p = s->bytes + b->pixels_at, .end = s->bytes + s->n_bytes};
    bool full = false;
    while (!full && !r.over && !r.fault && r.end - r.p >= 2) {
        take_code(&r, b, plane);
        full = r.y >= b->height || (r.y + 1 == b->height && r.x >= b->width);
    }
    if (r.fault || full)
        return !r.fault ? WC_OK
                        : WC_FAULT(err, WC_ERR_DATA, r.fault,
                                   "%s: BMP: run-length code goes past the %s in row %zu", s->name,
                                   r.fault[0] == 't' ? "file's end" : "picture", r.y);
    return WC_FAULT(err, WC_ERR_DATA, "truncated",
                    "%s: BMP: run-length data end in row %zu of %zu; copy the file again", s->name,
                    r.y, b->height);
}

static enum wc_err decode_rle(const struct image_source *s, const struct bmp *b,
                              const struct raster_format *format, struct raster *raster,
                              struct wc_error *err) {
    size_t n_bytes = s->n_bytes - b->pixels_at;
    if (b->width * b->height / RLE_MAX_PIXELS_PER_BYTE > n_bytes)
        return fail_cut(s, "pixels", b->pixels_at + b->width * b->height / RLE_MAX_PIXELS_PER_BYTE,
                        err);
    uint8_t *plane = NULL; // (height, width) indices, first stored row first
    WC_TRY(WC_NEW(&plane, b->width * b->height, "BMP run-length picture", err));
    enum wc_err rc = unpack_rle(s, b, plane, err);
    if (rc == WC_OK)
        rc = raster_begin(raster, s->name, b->width, b->height, format, err);
    for (size_t i = 0; i < b->height && rc == WC_OK; i++)
        if (!raster_put(raster, plane + i * b->width, b->width, row_of(b, i), 0, 1))
            rc = fail_index(s, b, err);
    wc_free(plane);
    return rc;
}

static enum wc_err decode(const struct image_source *s, struct raster *raster,
                          struct image_header *header, struct wc_error *err) {
    struct bmp b = {0};
    WC_TRY(parse(s, &b, err));
    struct raster_format format = {.bits = 8, .n_palette = b.n_palette};
    format.layout = b.bits <= 8 ? RASTER_PALETTE : RASTER_RGB;
    for (size_t i = 0; i < b.n_palette; i++)
        swap_bgr(s->bytes + b.palette_at + i * b.palette_stride, 1, 3, format.palette[i]);
    *header = (struct image_header){b.width, b.height, 1};
    bool rle = b.compression == RLE8 || b.compression == RLE4;
    return (rle ? decode_rle : decode_plain)(s, &b, &format, raster, err);
}

static enum wc_err read_header(const struct image_source *s, struct image_header *out,
                               struct wc_error *err) {
    struct bmp b = {0};
    WC_TRY(parse(s, &b, err));
    *out = (struct image_header){b.width, b.height, 1};
    return WC_OK;
}

const struct image_codec wc_codec_bmp = {"BMP", match, read_header, decode};
