// Resizing against Pillow 12.3 to the bit, score maps against PyTorch, and what holds for any size.
#include "golden.h"

#include "base/fault.h"
#include "image/resize.h"
#include "tensor/kernels.h"

#define DIR "tests/golden/resize"

enum { INPUT, OUT_W, OUT_H, FIRST_PASS, OUTPUT, OUTPUT_PILLOW12 };

static void check_row(const struct golden_table *t, size_t i) {
    struct wc_error err = {0};
    struct wc_image in = {0}, wanted = {0}, found = {0};
    bool other = strcmp(t->cell[i][OUTPUT_PILLOW12], "-") != 0;
    golden_read_image(DIR, t->cell[i][INPUT], &in);
    golden_read_image(DIR, t->cell[i][other ? OUTPUT_PILLOW12 : OUTPUT], &wanted);
    enum wc_err rc = wc_image_resize(&in, golden_size(t, i, OUT_W), golden_size(t, i, OUT_H),
                                     WC_FILTER_BICUBIC, &found, &err);
    test_ok(rc == WC_OK && golden_same(&found, &wanted), "%s to %s x %s", t->cell[i][INPUT],
            t->cell[i][OUT_W], t->cell[i][OUT_H]);
    wc_image_release(&in);
    wc_image_release(&wanted);
    wc_image_release(&found);
}

static const struct { const char *map, *prefix; } MAPS[] = {{"map15", "up_"}, {"map7x9", "up7x9_"}};

static void check_map(const unsigned char *bytes, size_t n_bytes, const char *map_name,
                      const char *name) {
    size_t in[4] = {0}, out[4] = {0};
    float *map = golden_f32(bytes, n_bytes, map_name, in);
    float *wanted = golden_f32(bytes, n_bytes, name, out);
    float *found = wc_alloc(out[0] * out[1] + 16, sizeof *found);
    for (size_t i = 0; i < 16; i++)
        found[out[0] * out[1] + i] = 42.0f;
    wc_map_upsample(map, in[0], in[1], out[0], out[1], found);
    double worst = 0;
    bool inside = true;
    for (size_t i = 0; i < out[0] * out[1]; i++)
        worst = fmax(worst, fabs((double)found[i] - (double)wanted[i]));
    for (size_t i = 0; i < 16; i++)
        inside = inside && found[out[0] * out[1] + i] == 42.0f;
    if (!test_ok(worst <= 1e-5 && inside, "%s", name))
        test_note("off by %.3g", worst);
    wc_free(map);
    wc_free(wanted);
    wc_free(found);
}

static void check_maps(void) {
    struct wc_error err = {0};
    unsigned char *bytes;
    size_t n_bytes;
    uint64_t n_header = 0;
    struct wc_json_doc *doc;
    if (wc_io_read_file(DIR "/bilinear.safetensors", 1 << 24, &bytes, &n_bytes, &err) != WC_OK)
        golden_die(&err, "bilinear");
    for (int i = 7; i >= 0; i--)
        n_header = n_header << 8 | bytes[i];
    if (wc_json_parse("bilinear", (const char *)bytes + 8, n_header, 8, &doc, &err) != WC_OK)
        golden_die(&err, "bilinear");
    size_t n = 0;
    for (const struct wc_json *t = wc_json_root(doc)->child; t; t = t->next)
        for (size_t k = 0; k < sizeof MAPS / sizeof *MAPS; k++)
            if (wc_str_starts(t->key, MAPS[k].prefix)) {
                check_map(bytes, n_bytes, MAPS[k].map, t->key);
                n++;
            }
    test_ok(n >= 4, "%zu upsampled maps", n);
    wc_json_free(&doc);
    wc_free(bytes);
}

// The bilinear value in double, written down once more and plainly.
static double plain_bilinear(const float *map, size_t h, size_t w, double v, double u) {
    v = fmin(fmax(v, 0), (double)h - 1);
    u = fmin(fmax(u, 0), (double)w - 1);
    size_t y = (size_t)v, x = (size_t)u;
    size_t y1 = y + 1 < h ? y + 1 : y, x1 = x + 1 < w ? x + 1 : x;
    double a = (double)map[y * w + x], b = (double)map[y * w + x1];
    double c = (double)map[y1 * w + x], d = (double)map[y1 * w + x1];
    double top = a + (u - (double)x) * (b - a), bottom = c + (u - (double)x) * (d - c);
    return top + (v - (double)y) * (bottom - top);
}

static void check_map_sizes(void) {
    static const size_t SIZES[][4] = {{1, 1, 1, 1},     {1, 1, 3, 700},   {2, 3, 1, 1},
                                      {15, 15, 15, 15}, {9, 4, 511, 257}, {40, 30, 7, 5},
                                      {5, 600, 9, 513}};
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
        size_t h = SIZES[k][0], w = SIZES[k][1], oh = SIZES[k][2], ow = SIZES[k][3];
        float *map = wc_alloc(h * w, sizeof *map), *out = wc_alloc(oh * ow, sizeof *out);
        for (size_t i = 0; i < h * w; i++)
            map[i] = (float)(i * 7919 % 1000) / 1000.0f;
        wc_map_upsample(map, h, w, oh, ow, out);
        double worst = 0;
        for (size_t y = 0; y < oh; y++)
            for (size_t x = 0; x < ow; x++) {
                double v = ((double)y + 0.5) * (double)h / (double)oh - 0.5;
                double u = ((double)x + 0.5) * (double)w / (double)ow - 0.5;
                worst =
                    fmax(worst, fabs(plain_bilinear(map, h, w, v, u) - (double)out[y * ow + x]));
            }
        if (!test_ok(worst < 1e-6, "map %zu x %zu to %zu x %zu", h, w, oh, ow))
            test_note("off by %.3g", worst);
        for (size_t i = 0; i < h * w; i++)
            map[i] = 0.1f;
        wc_map_upsample(map, h, w, oh, ow, out);
        bool constant = true;
        for (size_t i = 0; i < oh * ow; i++)
            constant = constant && out[i] == 0.1f;
        test_ok(constant, "a constant map stays constant to the bit");
        wc_free(map);
        wc_free(out);
    }
}

static void check_errors(void) {
    struct wc_error err = {0};
    struct wc_image in = {0}, out = {0};
    test_ok(wc_image_new(5, 3, &in, &err) == WC_OK, "a picture");
    test_ok(wc_image_resize(&in, 0, 3, WC_FILTER_BICUBIC, &out, &err) == WC_ERR_USAGE && !out.rgb,
            "width 0 is an error");
    test_ok(wc_image_resize(&in, 3, 0, WC_FILTER_BILINEAR, &out, &err) == WC_ERR_USAGE && !out.rgb,
            "height 0 is an error");
    bool good = true;
    unsigned long k = 1;
    for (; k < 40; k++) {
        wc_fault_arm(WC_FAULT_ALLOC, k, false);
        enum wc_err rc = wc_image_resize(&in, 9, 7, WC_FILTER_BICUBIC, &out, &err);
        if (rc == WC_OK)
            break;
        good = good && rc == WC_ERR_NOMEM && !out.rgb;
    }
    wc_fault_reset();
    test_ok(good && k > 5, "each of %lu allocations may fail", k - 1);
    wc_image_release(&in);
    wc_image_release(&out);
}

// Every ISA gives the same bits, whatever is left over at a row's end.
static void check_isas(void) {
    struct wc_error err = {0};
    struct wc_image in = {0}, part = {0}, scalar = {0}, other = {0};
    golden_read_image(DIR, "in/noise100x107.png", &in);
    bool same = true;
    size_t n_isas = 0;
    for (int isa = WC_ISA_AVX2; isa < WC_N_ISAS; isa++) {
        if (!wc_kernels_of((enum wc_isa)isa))
            continue;
        n_isas++;
        for (size_t w = 1; w < 90 && same; w++) {
            wc_kernels_init("scalar", &err);
            enum wc_err rc = wc_image_resize(&in, w, 107 - w, WC_FILTER_BICUBIC, &scalar, &err);
            rc = rc != WC_OK ? rc
                             : wc_image_resize(&scalar, 31, 70, WC_FILTER_BILINEAR, &part, &err);
            wc_image_release(&scalar);
            scalar = part;
            wc_kernels_init(wc_isa_name((enum wc_isa)isa), &err);
            rc = rc != WC_OK ? rc
                             : wc_image_resize(&in, w, 107 - w, WC_FILTER_BICUBIC, &other, &err);
            rc =
                rc != WC_OK ? rc : wc_image_resize(&other, 31, 70, WC_FILTER_BILINEAR, &part, &err);
            wc_image_release(&other);
            other = part;
            same = rc == WC_OK && golden_same(&scalar, &other);
            wc_image_release(&scalar);
            wc_image_release(&other);
            part = (struct wc_image){0};
        }
    }
    if (n_isas == 0)
        test_skip("vector kernels", "this processor has none of them");
    else
        test_ok(same, "%zu ISAs give the scalar kernel's bits at 89 widths", n_isas);
    wc_image_release(&in);
}

int main(void) {
    static struct golden_table t;
    golden_read_table(DIR "/cases.tsv", &t);
    test_ok(t.n_rows > 40, "golden/resize lists %zu cases", t.n_rows);
    static const char *const ISAS[] = {"scalar", "auto"};
    for (int k = 0; k < 2; k++) {
        struct wc_error err = {0};
        test_ok(wc_kernels_init(ISAS[k], &err) == WC_OK, "kernels: %s", ISAS[k]);
        for (size_t i = 0; i < t.n_rows; i++)
            check_row(&t, i);
    }
    wc_free(t.text);
    check_isas();
    check_maps();
    check_map_sizes();
    check_errors();
    return test_done();
}
