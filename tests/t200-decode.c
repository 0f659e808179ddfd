// Pictures that must decode: every file of golden/decode/decode.tsv to the pixel, headers alone,
// and writing.
#include "golden.h"

#define DIR "tests/golden/decode"

enum { FILE_NAME, EXPECTED, WIDTH, HEIGHT, FORMAT, PILLOW_MODE, RULE };

static void check_size(const struct golden_table *t, size_t i, const char *path,
                       const struct wc_image_options *options) {
    struct wc_error err = {0};
    size_t w = 0, h = 0;
    enum wc_err rc = wc_image_read_size(path, options, &w, &h, &err);
    if (!test_ok(rc == WC_OK && w == golden_size(t, i, WIDTH) && h == golden_size(t, i, HEIGHT),
                 "size of %s", t->cell[i][FILE_NAME]))
        test_note("%zu x %zu, %s", w, h, err.text);
}

static void check_row(const struct golden_table *t, size_t i) {
    struct wc_error err = {0};
    struct wc_image found = {0}, wanted = {0};
    struct wc_image_options options = {
        .exif_apply = strcmp(t->cell[i][RULE], "ImageOps.exif_transpose") == 0};
    char *path = wc_path_join(DIR, t->cell[i][FILE_NAME]);
    golden_read_image(DIR, t->cell[i][EXPECTED], &wanted);
    enum wc_err rc = wc_image_read(path, &options, &found, &err);
    if (!test_ok(rc == WC_OK && golden_same(&found, &wanted), "%s, %s", t->cell[i][FILE_NAME],
                 t->cell[i][RULE]))
        test_note("%s", err.text);
    check_size(t, i, path, &options);
    wc_image_release(&found);
    wc_image_release(&wanted);
    wc_free(path);
}

static void check_write(void) {
    struct wc_error err = {0};
    struct wc_image a = {0}, b = {0};
    const char *tmp = getenv("WC_TEST_TMP");
    char *path = wc_path_join(tmp ? tmp : "build/tmp", "t200-written.png");
    wc_io_mkdirs(tmp ? tmp : "build/tmp", &err);
    golden_read_image(DIR, "good/jpeg_q5.jpg", &a);
    test_ok(wc_image_write_png(path, &a, &err) == WC_OK, "a picture is written");
    test_ok(wc_image_read(path, NULL, &b, &err) == WC_OK && golden_same(&a, &b),
            "and is read back the same");
    struct wc_image none = {0};
    test_ok(wc_image_write_png(path, &none, &err) != WC_OK && strstr(err.text, path),
            "an empty picture is not written");
    wc_image_release(&a);
    wc_image_release(&b);
    wc_free(path);
}

// The remaining EXIF values (golden data have 1, 2, 3, 6, 8): a corner pixel's way, from EXIF 2.3.
static void check_turns(void) {
    static const struct {
        unsigned value;
        size_t x, y; // where stored (0, 0) goes in a picture of 24 x 16
        bool swap;
    } WAYS[] = {{4, 0, 15, false}, {5, 0, 0, true}, {7, 15, 23, true}};
    struct wc_error err = {0};
    unsigned char *bytes;
    size_t n;
    struct wc_image_options options = {.exif_apply = true};
    struct wc_image stored = {0}, turned = {0};
    const char *path = DIR "/good/jpeg_exif_orientation6.jpg";
    if (wc_io_read_file(path, 1 << 20, &bytes, &n, &err) != WC_OK)
        golden_die(&err, path);
    size_t at = 0; // the tag's entry: 0x0112, SHORT, one
    for (size_t i = 0; i + 12 < n && !at; i++)
        if (memcmp(bytes + i, "\x01\x12\x00\x03\x00\x00\x00\x01", 8) == 0)
            at = i + 9;
        else if (memcmp(bytes + i, "\x12\x01\x03\x00\x01\x00\x00\x00", 8) == 0)
            at = i + 8;
    test_ok(at && bytes[at] == 6, "the orientation tag is found");
    test_ok(wc_image_decode(path, bytes, n, NULL, &stored, &err) == WC_OK, "stored picture");
    for (size_t k = 0; k < sizeof WAYS / sizeof *WAYS; k++) {
        bytes[at] = (unsigned char)WAYS[k].value;
        bool good = wc_image_decode(path, bytes, n, &options, &turned, &err) == WC_OK;
        good = good && turned.width_px == (WAYS[k].swap ? stored.height_px : stored.width_px);
        for (int c = 0; c < 3 && good; c++)
            good = turned.rgb[3 * (WAYS[k].y * turned.width_px + WAYS[k].x) + (size_t)c] ==
                   stored.rgb[c];
        test_ok(good, "EXIF orientation %u applied", WAYS[k].value);
        wc_image_release(&turned);
    }
    wc_image_release(&stored);
    wc_free(bytes);
}

static void put32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

// A BMP header of 40 bytes and what follows it.
static size_t make_bmp(unsigned char *out, uint32_t w, uint32_t h, unsigned bits,
                       uint32_t compression, const void *tail, size_t n_tail, size_t n_before) {
    memset(out, 0, 54);
    memcpy(out, "BM", 2);
    put32(out + 10, (uint32_t)(54 + n_before));
    put32(out + 14, 40);
    put32(out + 18, w);
    put32(out + 22, h);
    out[26] = 1;
    out[28] = (unsigned char)bits;
    put32(out + 30, compression);
    memcpy(out + 54, tail, n_tail);
    return 54 + n_tail;
}

static void check_bmp(const char *what, const unsigned char *bytes, size_t n, size_t w, size_t h,
                      const uint8_t *rgb) {
    struct wc_error err = {0};
    struct wc_image found = {0}, wanted = {w, h, (uint8_t *)(uintptr_t)rgb};
    enum wc_err rc = wc_image_decode("x.bmp", bytes, n, NULL, &found, &err);
    if (!test_ok(rc == WC_OK && golden_same(&found, &wanted), "BMP, %s", what))
        test_note("%s", err.text);
    wc_image_release(&found);
}

// Kinds of BMP that the golden data lack.
static void check_bmp_kinds(void) {
    unsigned char file[2048], tail[1100] = {0};
    // 555 and 565, two pixels, rows of 4 bytes: 31 -> 255, 1 -> 8, 16 -> 131; of 6 bits 32 -> 129.
    static const uint8_t RGB555[] = {255, 8, 131, 0, 255, 0};
    memcpy(tail, "\x30\x7c\xe0\x03", 4);
    size_t n = make_bmp(file, 2, 1, 16, 0, tail, 4, 0);
    check_bmp("16 bits, 5-5-5", file, n, 2, 1, RGB555);
    static const uint8_t RGB565[] = {255, 129, 131, 0, 255, 0};
    put32(tail, 0xf800);
    put32(tail + 4, 0x07e0);
    put32(tail + 8, 0x001f);
    memcpy(tail + 12, "\x10\xfc\xe0\x07", 4);
    n = make_bmp(file, 2, 1, 16, 3, tail, 16, 12);
    check_bmp("16 bits, fields 5-6-5", file, n, 2, 1, RGB565);
    static const uint8_t RGB32[] = {1, 2, 3};
    put32(tail, 0x000000ff);
    put32(tail + 4, 0x0000ff00);
    put32(tail + 8, 0x00ff0000);
    memcpy(tail + 12, "\x01\x02\x03\x80", 4);
    n = make_bmp(file, 1, 1, 32, 3, tail, 16, 12);
    check_bmp("32 bits, fields in RGB order", file, n, 1, 1, RGB32);
    // RLE8, 4 x 2, bottom row first: run 3 x 1, one of 2, end of line; literal 2 1 0 (padded), end.
    // Palette 0 black, 1 red, 2 blue.
    memset(tail, 0, sizeof tail);
    put32(tail + 4, 0x00ff0000);
    put32(tail + 8, 0x000000ff);
    static const unsigned char CODE[] = {3, 1, 1, 2, 0, 0, 0, 3, 2, 1, 0, 0, 1, 2, 0, 1};
    memcpy(tail + 1024, CODE, sizeof CODE);
    n = make_bmp(file, 4, 2, 8, 1, tail, 1024 + sizeof CODE, 1024);
    static const uint8_t RLE[] = {0,   0, 255, 255, 0, 0, 0,   0, 0, 0, 0, 255,
                                  255, 0, 0,   255, 0, 0, 255, 0, 0, 0, 0, 255};
    check_bmp("RLE8", file, n, 4, 2, RLE);
    // RLE4, 4 x 1: a run of 3 pixels 1 2 1, then a step of one.
    static const unsigned char CODE4[] = {3, 0x12, 0, 2, 1, 0, 0, 1};
    memcpy(tail + 64, CODE4, sizeof CODE4);
    n = make_bmp(file, 4, 1, 4, 2, tail, 64 + sizeof CODE4, 64);
    static const uint8_t RLE4[] = {255, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0};
    check_bmp("RLE4", file, n, 4, 1, RLE4);
}

int main(void) {
    static struct golden_table t;
    golden_read_table(DIR "/decode.tsv", &t);
    test_ok(t.n_rows > 80, "golden/decode lists %zu pictures", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++)
        check_row(&t, i);
    wc_free(t.text);
    check_turns();
    check_write();
    check_bmp_kinds();
    return test_done();
}
