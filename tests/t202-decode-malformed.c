// Malformed pictures, made here by spoiling good ones: each is refused by the name of its fault,
// and what only looks odd is read. A hundred more are in tests/golden/decode (t201).
#include "golden.h"

#include "base/fault.h"

#include <sys/resource.h>
#include <zlib.h>

#define GOOD "tests/golden/decode/good/"

/* A file being made. */

static unsigned char file[1 << 21];
static size_t n_file, n_cases[3];

static void put(const void *bytes, size_t n) {
    if (n > 0)
        memcpy(file + n_file, bytes, n);
    n_file += n;
}
static void put_be32(uint32_t v) {
    for (int i = 3; i >= 0; i--)
        file[n_file++] = (unsigned char)(v >> 8 * i);
}

static bool is_one_of(const char *fault, const char *wanted) {
    size_t n = fault ? strlen(fault) : 0;
    for (const char *p = wanted; p && n; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, fault, n) == 0 && (p[n] == 0 || p[n] == '|'))
            return true;
    return false;
}

// `wanted` NULL: it must be read.
static void check(size_t format, const char *what, const char *wanted) {
    static const char *const names[] = {"PNG", "JPEG", "BMP"};
    struct wc_error err = {0};
    struct wc_image out = {0};
    const struct wc_image_options options = {.max_pixels = 1 << 20};
    unsigned char *exact = malloc(n_file ? n_file : 1); // reading past the end is seen
    memcpy(exact, file, n_file);
    enum wc_err rc = wc_image_decode("hostile", exact, n_file, &options, &out, &err);
    bool good = wanted ? rc == WC_ERR_DATA && is_one_of(err.fault, wanted) && !out.rgb &&
                             strncmp(err.text, "hostile: ", 9) == 0
                       : rc == WC_OK;
    if (!test_ok(good, "%s, %s: %s", names[format], what, wanted ? wanted : "read"))
        test_note("rc %d, %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
    n_cases[format] += wanted != NULL;
    wc_image_release(&out);
    free(exact);
}

/* PNG: signature and chunks. */

enum damage { SOUND, BAD_CRC, RAW, LONG, CUT };

struct chunk {
    const char *type, *data;
    size_t n;
    enum damage damage; // RAW: IDAT's data are not pixels to be compressed. LONG: a length beyond
                        // the file. CUT: the file ends in the middle of it
};

#define C(type, data)                                                                              \
    { type, data, sizeof(data) - 1, SOUND }
#define D(type, data, damage)                                                                      \
    { type, data, sizeof(data) - 1, damage }
#define RGB8 "\0\0\0\4\0\0\0\3\x08\x02\0\0\0" // 4 x 3
#define PAL4 "\0\0\0\4\0\0\0\3\x04\x03\0\0\0"
#define GRAY8 "\0\0\0\4\0\0\0\3\x08\0\0\0\0"
#define ROW "\0abcdefghijkl"
#define ROWS ROW ROW ROW
#define PIXELS4 "\0\x01\x10\0\x01\x10\0\x01\x10"
#define PALETTE "abcdef"
#define END C("IEND", "")
#define GOOD_PIXELS C("IDAT", ROWS)

static const struct {
    const char *name, *wanted;
    struct chunk chunk[6];
} pngs[] = {
    {"whole", NULL, {C("IHDR", RGB8), GOOD_PIXELS, END}},
    {"whole, with a palette", NULL, {C("IHDR", PAL4), C("PLTE", PALETTE), C("IDAT", PIXELS4), END}},
    {"no chunk at all", "truncated", {{0}}},
    {"pixels before the header", "bad-header", {GOOD_PIXELS, C("IHDR", RGB8), END}},
    {"two headers", "bad-header", {C("IHDR", RGB8), C("IHDR", RGB8), GOOD_PIXELS, END}},
    {"a short header",
     "bad-header",
     {D("IHDR", "\0\0\0\4\0\0\0\3\x08\x02\0\0", SOUND), GOOD_PIXELS, END}},
    {"a long header", "bad-header", {C("IHDR", RGB8 "\0"), GOOD_PIXELS, END}},
    {"width 0", "bad-header", {C("IHDR", "\0\0\0\0\0\0\0\3\x08\x02\0\0\0"), GOOD_PIXELS, END}},
    {"height 0", "bad-header", {C("IHDR", "\0\0\0\4\0\0\0\0\x08\x02\0\0\0"), GOOD_PIXELS, END}},
    {"width 2^31", "bad-header", {C("IHDR", "\x80\0\0\0\0\0\0\1\x08\x02\0\0\0"), GOOD_PIXELS, END}},
    {"height 2^31 - 1",
     "too-large",
     {C("IHDR", "\0\0\0\1\x7f\xff\xff\xff\x08\x02\0\0\0"), GOOD_PIXELS, END}},
    {"depth 0", "bad-header", {C("IHDR", "\0\0\0\4\0\0\0\3\0\x02\0\0\0"), GOOD_PIXELS, END}},
    {"depth 3", "bad-header", {C("IHDR", "\0\0\0\4\0\0\0\3\x03\0\0\0\0"), GOOD_PIXELS, END}},
    {"RGB of 4 bits",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x04\x02\0\0\0"), GOOD_PIXELS, END}},
    {"palette of 16 bits",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x10\x03\0\0\0"), GOOD_PIXELS, END}},
    {"colour type 1",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x08\x01\0\0\0"), GOOD_PIXELS, END}},
    {"colour type 5",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x08\x05\0\0\0"), GOOD_PIXELS, END}},
    {"colour type 255",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x08\xff\0\0\0"), GOOD_PIXELS, END}},
    {"compression method 1",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x08\x02\1\0\0"), GOOD_PIXELS, END}},
    {"filter method 1",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x08\x02\0\1\0"), GOOD_PIXELS, END}},
    {"interlace method 2",
     "bad-header",
     {C("IHDR", "\0\0\0\4\0\0\0\3\x08\x02\0\0\2"), GOOD_PIXELS, END}},
    {"no palette", "bad-header", {C("IHDR", PAL4), C("IDAT", PIXELS4), END}},
    {"an empty palette", "bad-header", {C("IHDR", PAL4), C("PLTE", ""), C("IDAT", PIXELS4), END}},
    {"a palette of 4 bytes",
     "bad-header",
     {C("IHDR", PAL4), C("PLTE", "abcd"), C("IDAT", PIXELS4), END}},
    {"a palette that pixels go beyond",
     "corrupt-data",
     {C("IHDR", PAL4), C("PLTE", "abc"), C("IDAT", PIXELS4), END}},
    {"a palette behind the pixels",
     "bad-header",
     {C("IHDR", PAL4), C("IDAT", PIXELS4), C("PLTE", PALETTE), END}},
    {"two palettes",
     "bad-header",
     {C("IHDR", PAL4), C("PLTE", PALETTE), C("PLTE", PALETTE), C("IDAT", PIXELS4), END}},
    {"a palette in a gray picture",
     NULL,
     {C("IHDR", GRAY8), C("PLTE", PALETTE), C("IDAT", "\0abcd\0abcd\0abcd"), END}},
    {"an unknown critical chunk",
     "unsupported",
     {C("IHDR", RGB8), C("ABCD", "x"), GOOD_PIXELS, END}},
    {"a chunk whose name is no letters",
     "corrupt-data",
     {C("IHDR", RGB8), C("12 4", "x"), GOOD_PIXELS, END}},
    {"a damaged header", "bad-checksum", {D("IHDR", RGB8, BAD_CRC), GOOD_PIXELS, END}},
    {"a damaged palette",
     "bad-checksum",
     {C("IHDR", PAL4), D("PLTE", PALETTE, BAD_CRC), C("IDAT", PIXELS4), END}},
    {"damaged pixels", "bad-checksum", {C("IHDR", RGB8), D("IDAT", ROWS, BAD_CRC), END}},
    {"a damaged end", "bad-checksum", {C("IHDR", RGB8), GOOD_PIXELS, D("IEND", "", BAD_CRC)}},
    {"a damaged comment",
     "bad-checksum",
     {C("IHDR", RGB8), D("tEXt", "a\0b", BAD_CRC), GOOD_PIXELS, END}},
    {"a chunk longer than the file", "truncated", {C("IHDR", RGB8), D("IDAT", ROWS, LONG), END}},
    {"a comment longer than the file",
     "truncated",
     {C("IHDR", RGB8), D("tEXt", "a\0b", LONG), GOOD_PIXELS, END}},
    {"cut in the pixels", "truncated", {C("IHDR", RGB8), D("IDAT", ROWS, CUT)}},
    {"cut in the header", "truncated", {D("IHDR", RGB8, CUT)}},
    {"no pixels", "corrupt-data", {C("IHDR", RGB8), END}},
    {"empty pixels", "truncated", {C("IHDR", RGB8), D("IDAT", "", RAW), END}},
    {"pixels in two places",
     "corrupt-data",
     {C("IHDR", RGB8), D("IDAT", "\x78", RAW), C("tEXt", "a\0b"), GOOD_PIXELS, END}},
    {"a row too few", "truncated", {C("IHDR", RGB8), C("IDAT", ROW ROW), END}},
    {"a row too many", "corrupt-data", {C("IHDR", RGB8), C("IDAT", ROWS ROW), END}},
    {"half a row too few", "truncated", {C("IHDR", RGB8), C("IDAT", ROW ROW "\0abcdef"), END}},
    {"filter type 5", "corrupt-data", {C("IHDR", RGB8), C("IDAT", ROW ROW "\5abcdefghijkl"), END}},
    {"filter type 255",
     "corrupt-data",
     {C("IHDR", RGB8),
      C("IDAT", "\xff"
                "abcdefghijkl" ROW ROW),
      END}},
    {"no zlib stream",
     "corrupt-data",
     {C("IHDR", RGB8), D("IDAT", "these are no compressed pixels", RAW), END}},
    {"a preset dictionary",
     "corrupt-data",
     {C("IHDR", RGB8), D("IDAT", "\x78\xbb\0\0\0\0", RAW), END}},
    {"a zlib stream of block type 3",
     "corrupt-data",
     {C("IHDR", RGB8), D("IDAT", "\x78\x9c\x07", RAW), END}},
    {"no end", "truncated", {C("IHDR", RGB8), GOOD_PIXELS}},
    {"an end with data", "corrupt-data", {C("IHDR", RGB8), GOOD_PIXELS, C("IEND", "x")}},
    {"bytes behind the end", NULL, {C("IHDR", RGB8), GOOD_PIXELS, END, C("IDAT", ROWS)}},
    {"transparency of the wrong length",
     NULL,
     {C("IHDR", RGB8), C("tRNS", "abc"), GOOD_PIXELS, END}},
};

static void put_chunk(const struct chunk *c) {
    unsigned char packed[4096];
    uLongf n = sizeof packed;
    const unsigned char *data = (const unsigned char *)c->data;
    if (strcmp(c->type, "IDAT") == 0 && c->damage != RAW && c->n > 1) {
        compress(packed, &n, data, c->n);
        data = packed;
    } else {
        n = c->n;
    }
    put_be32((uint32_t)n + (c->damage == LONG ? 1000000 : 0));
    size_t start = n_file;
    put(c->type, 4);
    if (c->damage == CUT) {
        put(data, n / 2);
        return;
    }
    put(data, n);
    put_be32((uint32_t)crc32(0, file + start, (uInt)(n_file - start)) ^
             (c->damage == BAD_CRC ? 1 : 0));
}

static void check_pngs(void) {
    for (size_t i = 0; i < sizeof pngs / sizeof *pngs; i++) {
        n_file = 0;
        put("\x89PNG\r\n\x1a\n", 8);
        for (size_t k = 0; k < 6 && pngs[i].chunk[k].type; k++)
            put_chunk(&pngs[i].chunk[k]);
        check(0, pngs[i].name, pngs[i].wanted);
    }
    // A comment and a profile that unpack to 64 MB: read, without that memory.
    static const char *const bombs[] = {"zTXt", "iCCP"};
    for (size_t i = 0; i < 2; i++) {
        static unsigned char zeros[1 << 16], packed[1 << 20];
        z_stream z = {.next_out = packed, .avail_out = sizeof packed};
        deflateInit(&z, 9);
        for (int k = 0; k < 1024; k++) {
            z.next_in = zeros;
            z.avail_in = sizeof zeros;
            deflate(&z, k == 1023 ? Z_FINISH : Z_NO_FLUSH);
        }
        size_t n_packed = z.total_out;
        deflateEnd(&z);
        n_file = 0;
        put("\x89PNG\r\n\x1a\n", 8);
        put_chunk(&(struct chunk)C("IHDR", RGB8));
        size_t start = n_file;
        put_be32((uint32_t)n_packed + 3);
        put(bombs[i], 4);
        put("a\0\0", 3);
        put(packed, n_packed);
        put_be32((uint32_t)crc32(0, file + start + 4, (uInt)(n_file - start - 4)));
        put_chunk(&(struct chunk)GOOD_PIXELS);
        put_chunk(&(struct chunk)END);
        struct rusage before, after;
        getrusage(RUSAGE_SELF, &before);
        check(0, bombs[i], NULL);
        getrusage(RUSAGE_SELF, &after);
        test_ok(after.ru_maxrss - before.ru_maxrss < 16 << 10, "%s: in less than 16 MB", bombs[i]);
    }
}

/* JPEG: the segments of a good file, some of them changed. */

static unsigned char *good;
static size_t n_good;

static void load(const char *name) {
    struct wc_error err = {0};
    char path[256];
    snprintf(path, sizeof path, GOOD "%s", name);
    wc_free(good);
    if (wc_io_read_file(path, sizeof file, &good, &n_good, &err) != WC_OK)
        golden_die(&err, path);
    memcpy(file, good, n_good);
    n_file = n_good;
}

// The first segment with that marker; 0: none.
static size_t find(unsigned marker) {
    for (size_t i = 2; i + 4 < n_file; i += 2 + (size_t)(file[i + 2] << 8 | file[i + 3])) {
        if (file[i + 1] == marker)
            return i;
        if (file[i + 1] == 0xda)
            break;
    }
    return 0;
}
static size_t length(size_t at) {
    return 2 + (size_t)(file[at + 2] << 8 | file[at + 3]);
}
static void cut_out(size_t at, size_t n) {
    memmove(file + at, file + at + n, n_file - at - n);
    n_file -= n;
}
static void insert(size_t at, const void *bytes, size_t n) {
    memmove(file + at + n, file + at, n_file - at);
    memcpy(file + at, bytes, n);
    n_file += n;
}

enum edit {
    SET,    // byte `at` of the segment becomes `value`
    REMOVE, // the segment goes
    TWICE,  // it comes twice
    LAST,   // it moves behind all others, before the end of the picture
    BEFORE, // `at` bytes of garbage come before it
    END_AT, // the file ends at byte `at` of it
};

#define DQT 0xdb
#define DHT 0xc4
#define SOF 0xc0
#define SOF2 0xc2
#define SOS 0xda

static const struct {
    const char *name, *wanted, *source;
    unsigned marker;
    enum edit edit;
    size_t at;
    unsigned value;
} jpegs[] = {
    {"no quantisation table", "corrupt-data", "jpeg_444.jpg", DQT, REMOVE, 0, 0},
    {"a quantisation table of number 5", "corrupt-data", "jpeg_444.jpg", DQT, SET, 4, 5},
    {"a quantisation table of precision 2", "bad-header", "jpeg_444.jpg", DQT, SET, 4, 0x20},
    {"a quantisation table with a step of 0", NULL, "jpeg_444.jpg", DQT, SET, 5, 0},
    {"a quantisation table that is too short", "bad-header", "jpeg_444.jpg", DQT, SET, 3, 40},
    {"a quantisation segment of length 0", "bad-header", "jpeg_444.jpg", DQT, SET, 3, 0},
    {"a Huffman table of class 2", "corrupt-data", "jpeg_444.jpg", DHT, SET, 4, 0x20},
    {"a Huffman table of number 4", "corrupt-data", "jpeg_444.jpg", DHT, SET, 4, 4},
    {"a Huffman table with too many codes", "corrupt-data", "jpeg_444.jpg", DHT, SET, 5, 255},
    {"a Huffman table with too many short codes", "corrupt-data", "jpeg_444.jpg", DHT, SET, 5, 3},
    {"a Huffman segment that is too short", "bad-header", "jpeg_444.jpg", DHT, SET, 3, 10},
    {"no frame", "bad-header", "jpeg_444.jpg", SOF, REMOVE, 0, 0},
    {"two frames", "bad-header", "jpeg_444.jpg", SOF, TWICE, 0, 0},
    {"a frame of 0 bits", "unsupported", "jpeg_444.jpg", SOF, SET, 4, 0},
    {"a frame of 12 bits", "unsupported", "jpeg_444.jpg", SOF, SET, 4, 12},
    {"height 0", "bad-header", "jpeg_16x1_444.jpg", SOF, SET, 6, 0},
    {"width 0", "bad-header", "jpeg_1x1_444.jpg", SOF, SET, 8, 0},
    {"a frame of 0 components", "bad-header", "jpeg_444.jpg", SOF, SET, 9, 0},
    {"a frame of 2 components", "bad-header", "jpeg_444.jpg", SOF, SET, 9, 2},
    {"a frame of 11 components", "bad-header", "jpeg_444.jpg", SOF, SET, 9, 11},
    {"two components of one number", "bad-header", "jpeg_444.jpg", SOF, SET, 13, 1},
    {"sampling 0", "bad-header", "jpeg_444.jpg", SOF, SET, 11, 0x01},
    {"sampling 5", "bad-header", "jpeg_444.jpg", SOF, SET, 11, 0x51},
    {"a component with a table that is not there", "corrupt-data", "jpeg_444.jpg", SOF, SET, 12, 3},
    {"a lossless frame", "unsupported", "jpeg_444.jpg", SOF, SET, 1, 0xc3},
    {"a hierarchical frame", "unsupported", "jpeg_444.jpg", SOF, SET, 1, 0xc5},
    {"an arithmetic frame of Huffman data", "corrupt-data", "jpeg_444.jpg", SOF, SET, 1, 0xc9},
    {"no scan", "truncated", "jpeg_444.jpg", SOS, END_AT, 0, 0},
    {"a scan cut in its header", "truncated", "jpeg_444.jpg", SOS, END_AT, 6, 0},
    {"a scan without data", "truncated", "jpeg_444.jpg", SOS, END_AT, 14, 0},
    {"a scan of an unknown component", "bad-header", "jpeg_444.jpg", SOS, SET, 5, 77},
    {"a scan of 0 components", "bad-header", "jpeg_444.jpg", SOS, SET, 4, 0},
    {"a scan of 5 components", "bad-header", "jpeg_444.jpg", SOS, SET, 4, 5},
    {"a scan with a table that is not there", "corrupt-data", "jpeg_444.jpg", SOS, SET, 6, 0x33},
    {"a progressive scan from 63 to 1", "corrupt-data", "jpeg_444_progressive.jpg", SOS, SET, 11,
     63},
    {"a progressive scan that refines what is not there", "corrupt-data",
     "jpeg_444_progressive.jpg", SOS, SET, 13, 0x54},
    {"a frame behind the scan", "bad-header", "jpeg_444.jpg", SOF, LAST, 0, 0},
    {"three bytes between the segments", "corrupt-data", "jpeg_444.jpg", DHT, BEFORE, 3, 0},
    {"a restart interval that the data do not keep", "corrupt-data", "jpeg_444.jpg", SOS, BEFORE, 0,
     1},
};

static void edit_jpeg(size_t i, size_t at) {
    static unsigned char copy[70000];
    size_t n = length(at);
    switch (jpegs[i].edit) {
    case SET:
        file[at + jpegs[i].at] = (unsigned char)jpegs[i].value;
        break;
    case REMOVE:
        cut_out(at, n);
        break;
    case TWICE:
    case LAST:
        memcpy(copy, file + at, n);
        insert(jpegs[i].edit == LAST ? n_file - 2 : at, copy, n);
        if (jpegs[i].edit == LAST)
            cut_out(at, n);
        break;
    case BEFORE:
        if (jpegs[i].value)
            insert(at, "\xff\xdd\0\4\0\1", 6); // DRI
        else
            insert(at, "abc", jpegs[i].at);
        break;
    case END_AT:
        n_file = at + jpegs[i].at;
        break;
    }
}

static void check_jpegs(void) {
    for (size_t i = 0; i < sizeof jpegs / sizeof *jpegs; i++) {
        load(jpegs[i].source);
        size_t at = find(jpegs[i].marker);
        if (at == 0 || n_file < 100) {
            test_ok(false, "%s has no segment %x", jpegs[i].source, jpegs[i].marker);
            continue;
        }
        edit_jpeg(i, at);
        check(1, jpegs[i].name, jpegs[i].wanted);
    }
}

/* BMP: bytes of the header changed. */

static const struct {
    const char *name, *wanted, *source;
    size_t at;
    const char *bytes;
    size_t n;
} bmps[] = {
#define B(name, wanted, source, at, bytes)                                                         \
    { name, wanted, source, at, bytes, sizeof(bytes) - 1 }
    B("no planes", NULL, "bmp24_w17.bmp", 26, "\0\0"),
    B("two planes", NULL, "bmp24_w17.bmp", 26, "\2\0"),
    B("0 bits", "unsupported", "bmp24_w17.bmp", 28, "\0\0"),
    B("2 bits", "unsupported", "bmp24_w17.bmp", 28, "\2\0"),
    B("64 bits", "unsupported", "bmp24_w17.bmp", 28, "\x40\0"),
    B("compression 7", "unsupported", "bmp24_w17.bmp", 30, "\7\0\0\0"),
    B("RLE8 of 24 bits", "unsupported", "bmp24_w17.bmp", 30, "\1\0\0\0"),
    B("RLE4 of 8 bits", "unsupported", "bmp8_palette.bmp", 30, "\2\0\0\0"),
    B("a JPEG inside", "unsupported", "bmp24_w17.bmp", 30, "\4\0\0\0"),
    B("a header of 0 bytes", "bad-header", "bmp24_w17.bmp", 14, "\0\0\0\0"),
    B("a header of 39 bytes", "unsupported", "bmp24_w17.bmp", 14, "\x27\0\0\0"),
    B("a header of 4 GB", "bad-header", "bmp24_w17.bmp", 14, "\xff\xff\xff\xff"),
    B("pixels inside the header", "bad-header", "bmp24_w17.bmp", 10, "\x10\0\0\0"),
    B("pixels behind the file", "truncated", "bmp24_w17.bmp", 10, "\xff\xff\0\0"),
    B("pixels at 4 GB", "truncated", "bmp24_w17.bmp", 10, "\xff\xff\xff\xff"),
    B("width 0", "bad-header", "bmp24_w17.bmp", 18, "\0\0\0\0"),
    B("width -1", "bad-header", "bmp24_w17.bmp", 18, "\xff\xff\xff\xff"),
    B("width 2^31 - 1", "too-large", "bmp24_w17.bmp", 18, "\xff\xff\xff\x7f"),
    B("height 0", "bad-header", "bmp24_w17.bmp", 22, "\0\0\0\0"),
    B("height -2^31", "bad-header", "bmp24_w17.bmp", 22, "\0\0\0\x80"),
    B("one row more than there are", "truncated", "bmp24_w17.bmp", 22, "\x40\0\0\0"),
    B("a palette of 2^32 - 1", NULL, "bmp8_palette.bmp", 46, "\xff\xff\xff\xff"),
    B("a wrong file size", NULL, "bmp24_w17.bmp", 2, "\1\2\3\4"),
};

static void check_bmps(void) {
    for (size_t i = 0; i < sizeof bmps / sizeof *bmps; i++) {
        load(bmps[i].source);
        memcpy(file + bmps[i].at, bmps[i].bytes, bmps[i].n);
        check(2, bmps[i].name, bmps[i].wanted);
    }
}

int main(void) {
    check_pngs();
    check_jpegs();
    check_bmps();
    wc_free(good);
    test_ok(n_cases[0] >= 30 && n_cases[1] >= 20 && n_cases[2] >= 10, "enough of each");
    test_note("count: %zu malformed PNG files", n_cases[0]);
    test_note("count: %zu malformed JPEG files", n_cases[1]);
    test_note("count: %zu malformed BMP files", n_cases[2]);
    return test_done();
}
