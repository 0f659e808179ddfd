// Masks: what counts as 1, and reducing them as Pillow and PyTorch do.
#include "golden.h"

#include "image/resize.h"

#include <png.h>

#define DIR "tests/golden/resize"

enum { INPUT, OUT_W, OUT_H, RULE, NEAR_HALF, OUTPUT };

static const char *const RULES[] = {
    [WC_MASK_PILLOW_NEAREST] = "pillow_nearest",
    [WC_MASK_TORCH_NEAREST] = "torch_nearest",
    [WC_MASK_TORCH_BILINEAR_HALF] = "torch_bilinear_gt_half",
    [WC_MASK_PILLOW_BILINEAR_HALF] = "pillow_bilinear_gt_127",
};

static void read_mask(const char *dir, const char *name, struct wc_mask *out) {
    struct wc_error err = {0};
    char *path = wc_path_join(dir, name);
    if (wc_mask_read(path, out, &err) != WC_OK)
        golden_die(&err, path);
    wc_free(path);
}

static void check_row(const struct golden_table *t, size_t i) {
    struct wc_error err = {0};
    struct wc_mask in = {0}, wanted = {0}, found = {0};
    size_t rule = 0, n_off = 0;
    while (rule < 3 && strcmp(RULES[rule], t->cell[i][RULE]) != 0)
        rule++;
    read_mask(DIR, t->cell[i][INPUT], &in);
    read_mask(DIR, t->cell[i][OUTPUT], &wanted);
    enum wc_err rc = wc_mask_resize(&in, golden_size(t, i, OUT_W), golden_size(t, i, OUT_H),
                                    (enum wc_mask_rule)rule, &found, &err);
    bool same = rc == WC_OK && strcmp(RULES[rule], t->cell[i][RULE]) == 0 &&
                found.width_px == wanted.width_px && found.height_px == wanted.height_px;
    for (size_t k = 0; same && k < found.width_px * found.height_px; k++)
        n_off += found.value[k] != wanted.value[k];
    if (!test_ok(same && n_off <= golden_size(t, i, NEAR_HALF), "%s to %s x %s, %s",
                 t->cell[i][INPUT], t->cell[i][OUT_W], t->cell[i][OUT_H], t->cell[i][RULE]))
        test_note("%zu pixels differ, %s", n_off, err.text);
    wc_mask_release(&in);
    wc_mask_release(&wanted);
    wc_mask_release(&found);
}

// A PNG of 4 x 1 pixels with the given samples, written with libpng.
static void write_png(const char *path, int type, int depth, const png_color *palette,
                      int n_palette, const unsigned char *row) {
    FILE *f = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, f);
    png_set_IHDR(png, info, 4, 1, depth, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (n_palette)
        png_set_PLTE(png, info, palette, n_palette);
    png_write_info(png, info);
    png_write_row(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

static void check_samples(void) {
    static const png_color GRAYS[] = {{9, 9, 9}, {0, 0, 0}, {255, 255, 255}};
    static const png_color COLOURS[] = {{9, 0, 0}, {0, 0, 0}, {0, 0, 1}};
    static const struct {
        const char *what;
        int type, depth;
        const png_color *palette;
        int n_palette;
        unsigned char row[32], wanted[4];
    } CASES[] = {
        {"8-bit gray: any value", PNG_COLOR_TYPE_GRAY, 8, NULL, 0, {0, 1, 0, 255}, {0, 1, 0, 1}},
        {"1-bit gray", PNG_COLOR_TYPE_GRAY, 1, NULL, 0, {0x50}, {0, 1, 0, 1}},
        {"2-bit gray: classes", PNG_COLOR_TYPE_GRAY, 2, NULL, 0, {0x1b}, {0, 1, 1, 1}},
        {"16-bit gray: the low byte counts",
         PNG_COLOR_TYPE_GRAY,
         16,
         NULL,
         0,
         {0, 0, 0, 1, 1, 0, 255, 255},
         {0, 1, 1, 1}},
        {"alpha does not count",
         PNG_COLOR_TYPE_GRAY_ALPHA,
         8,
         NULL,
         0,
         {0, 255, 1, 0, 0, 0, 7, 7},
         {0, 1, 0, 1}},
        {"RGB: any colour",
         PNG_COLOR_TYPE_RGB,
         8,
         NULL,
         0,
         {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1},
         {0, 1, 1, 1}},
        {"RGBA",
         PNG_COLOR_TYPE_RGB_ALPHA,
         8,
         NULL,
         0,
         {0, 0, 0, 255, 0, 0, 9, 0, 0, 0, 0, 0, 1, 1, 1, 1},
         {0, 1, 0, 1}},
        {"RGB, 16 bits: the low byte counts",
         PNG_COLOR_TYPE_RGB,
         16,
         NULL,
         0,
         {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
         {0, 1, 1, 0}},
        {"palette of grays: by index",
         PNG_COLOR_TYPE_PALETTE,
         8,
         GRAYS,
         3,
         {0, 1, 2, 0},
         {0, 1, 1, 0}},
        {"palette of colours: by colour",
         PNG_COLOR_TYPE_PALETTE,
         8,
         COLOURS,
         3,
         {0, 1, 2, 0},
         {1, 0, 1, 1}},
    };
    const char *tmp = getenv("WC_TEST_TMP");
    char *path = wc_path_join(tmp ? tmp : "build/tmp", "t211-mask.png");
    wc_io_mkdirs(tmp ? tmp : "build/tmp", NULL);
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        struct wc_error err = {0};
        struct wc_mask mask = {0};
        write_png(path, CASES[k].type, CASES[k].depth, CASES[k].palette, CASES[k].n_palette,
                  CASES[k].row);
        enum wc_err rc = wc_mask_read(path, &mask, &err);
        bool same = rc == WC_OK && mask.width_px == 4 && mask.height_px == 1 &&
                    memcmp(mask.value, CASES[k].wanted, 4) == 0;
        if (!test_ok(same, "%s", CASES[k].what))
            test_note("%s", err.text);
        wc_mask_release(&mask);
    }
    wc_free(path);
}

static void check_errors(void) {
    struct wc_error err = {0};
    uint8_t one = 1;
    struct wc_mask mask = {1, 1, &one}, out = {0};
    for (int rule = 0; rule < 4; rule++) {
        enum wc_err rc = wc_mask_resize(&mask, 0, 5, (enum wc_mask_rule)rule, &out, &err);
        test_ok(rc == WC_ERR_USAGE && !out.value, "%s to width 0 is an error", RULES[rule]);
    }
}

int main(void) {
    static struct golden_table t;
    golden_read_table(DIR "/cases_mask.tsv", &t);
    test_ok(t.n_rows > 30, "golden/resize lists %zu masks", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++)
        check_row(&t, i);
    wc_free(t.text);
    check_samples();
    check_errors();
    return test_done();
}
