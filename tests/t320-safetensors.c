// The safetensors reader on good files, and the widening of every element type.
#include "weights_golden.h"

#include "base/hash.h"

#include <stdint.h>

static struct wc_weights *open_golden(const char *name) {
    char path[256];
    struct wc_error err = {.code = WC_OK};
    struct wc_weights *w = NULL;
    snprintf(path, sizeof(path), GOLDEN "%s", name);
    if (!test_ok(wc_weights_open(path, &w, &err) == WC_OK, "%s opens", name))
        test_note("%s", err.text);
    return w;
}

static float *floats_of(const struct wc_weights *w, const char *name, size_t *n) {
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    struct wc_error err = {.code = WC_OK};
    float *out = t ? wc_alloc(t->n_elements, sizeof(*out)) : NULL;
    if (!out || wc_tensor_to_f32("test", t, out, &err) != WC_OK) {
        test_note("%s: %s", name, t ? err.text : "absent");
        wc_free(out);
        return NULL;
    }
    *n = t->n_elements;
    return out;
}

// To the nearest multiple of the spacing at |v|, ties to even: what storing as a shorter type does.
static float rounded(float v, int digits, int min_exponent) {
    int e;
    frexp((double)v, &e);
    double step = ldexp(1.0, (e < min_exponent ? min_exponent : e) - digits);
    return (float)(nearbyint((double)v / step) * step);
}

static void compare_storage(const struct wc_weights *full, const struct wc_weights *half,
                            int digits, int min_exponent, const char *what) {
    size_t n_wrong = 0, n_all = 0;
    for (size_t i = 0; i < wc_weights_n_tensors(full); i++) {
        const char *name = wc_weights_at(full, i)->name;
        size_t n = 0, n_half = 0;
        float *a = floats_of(full, name, &n), *b = floats_of(half, name, &n_half);
        n_wrong += !a || !b || n != n_half;
        for (size_t k = 0; a && b && n == n_half && k < n; k++)
            n_wrong += rounded(a[k], digits, min_exponent) != b[k];
        n_all += n;
        wc_free(a);
        wc_free(b);
    }
    test_ok(n_wrong == 0 && n_all > 500000, "%s: %zu values are the float32 ones rounded", what,
            n_all);
}

static void test_golden(void) {
    struct wc_weights *f32 = open_golden("f32.safetensors");
    struct wc_weights *f16 = open_golden("f16.safetensors");
    struct wc_weights *bf16 = open_golden("bf16.safetensors");
    if (f32 && f16 && bf16) {
        compare_storage(f32, f16, 11, -13, "f16"); // 11 significant bits, smallest normal 2^-14
        compare_storage(f32, bf16, 8, -125, "bf16");
        const struct wc_tensor_info *t = wc_weights_find(f32, "visual.conv1.weight");
        test_ok(t && t->n_dims == 4 && t->dim[0] == 64 && t->dim[1] == 3 && t->dim[2] == 4 &&
                    t->dim[3] == 4 && t->n_elements == 3072 && t->n_bytes == 12288 &&
                    t->dtype == WC_F32,
                "visual.conv1.weight is (64, 3, 4, 4) F32");
        test_ok(wc_weights_find(f32, "visual.conv1.weigh") == NULL &&
                    wc_weights_find(f32, "") == NULL,
                "an absent tensor is not found");
        test_str(wc_weights_format(f16), "safetensors", "format");
        test_str(wc_weights_path(f16), GOLDEN "f16.safetensors", "path");
        bool sorted = true;
        for (size_t i = 1; i < wc_weights_n_tensors(f32); i++)
            sorted &= strcmp(wc_weights_at(f32, i - 1)->name, wc_weights_at(f32, i)->name) < 0;
        test_ok(sorted, "tensors are sorted by name");
        test_ok(wc_weights_at(f32, wc_weights_n_tensors(f32)) == NULL, "no tensor past the last");
        char hex[65], by_file[65];
        test_ok(wc_weights_sha256(f32, hex, NULL) == WC_OK &&
                    wc_sha256_file(GOLDEN "f32.safetensors", by_file, NULL) == WC_OK &&
                    strcmp(hex, by_file) == 0,
                "SHA-256 is that of the file");
    }
    wc_weights_free(&f32);
    wc_weights_free(&f16);
    wc_weights_free(&bf16);
    wc_weights_free(&bf16); // freeing nothing is fine

    struct wc_weights *e = open_golden("expected.safetensors");
    if (e)
        test_ok(wc_weights_find(e, "tokens")->dtype == WC_I32, "integer tensors can be looked at");
    wc_weights_free(&e);
    struct wc_error err = {.code = WC_OK};
    test_ok(load_all(GOLDEN "micro_f16.safetensors", &err) == WC_OK, "micro_f16 loads");
}

static void test_f16_patterns(void) {
    unsigned char bytes[1 + 2 * 65536];
    size_t n = 0, n_wrong = 0, n_refused = 0;
    static float out[65536], expected[65536];
    for (uint32_t h = 0; h < 65536; h++) {
        unsigned e = (h >> 10) & 31, f = h & 1023;
        if (e == 31)
            continue;
        double v = e ? ldexp(1024.0 + f, (int)e - 25) : ldexp((double)f, -24);
        expected[n] = (float)(h & 0x8000 ? -v : v);
        bytes[1 + 2 * n] = (unsigned char)(h & 255);
        bytes[2 + 2 * n++] = (unsigned char)(h >> 8);
    }
    // One byte off any alignment on purpose.
    struct wc_tensor_info t = {"all", WC_F16, 1, {n}, n, bytes + 1, 2 * n};
    test_ok(wc_tensor_to_f32("f", &t, out, NULL) == WC_OK, "all finite float16 are accepted");
    for (size_t i = 0; i < n; i++)
        n_wrong += out[i] != expected[i] || signbit(out[i]) != signbit(expected[i]);
    test_ok(n_wrong == 0 && n == 63488, "all %zu finite float16 widen exactly", n);

    for (uint32_t h = 0; h < 65536; h++) {
        unsigned char b[2] = {(unsigned char)(h & 255), (unsigned char)(h >> 8)};
        struct wc_tensor_info one = {"one", WC_F16, 0, {0}, 1, b, 2};
        n_refused += wc_tensor_to_f32("f", &one, out, NULL) == WC_ERR_DATA;
    }
    test_ok(n_refused == 2048, "all NaN and infinite float16 are refused (%zu)", n_refused);
}

static void test_bf16_patterns(void) {
    size_t n_wrong = 0, n_refused = 0;
    for (uint32_t h = 0; h < 65536; h++) {
        unsigned char b[2] = {(unsigned char)(h & 255), (unsigned char)(h >> 8)};
        struct wc_tensor_info t = {"one", WC_BF16, 0, {0}, 1, b, 2};
        float out = 0;
        unsigned e = (h >> 7) & 255, f = h & 127;
        double v = e ? ldexp(128.0 + f, (int)e - 134) : ldexp((double)f, -133);
        if (wc_tensor_to_f32("f", &t, &out, NULL) != WC_OK)
            n_refused++;
        else
            n_wrong += (double)out != (h & 0x8000 ? -v : v);
    }
    test_ok(n_wrong == 0 && n_refused == 256, "all bfloat16 widen exactly or are refused (%zu)",
            n_refused);
}

static void test_f64(void) {
    const double in[] = {0.0, -0.0, 1.0 / 3.0, 1e-310, 3.4028234663852886e38, 1.0 + 0x1p-24};
    float out[6];
    struct wc_tensor_info t = {"d", WC_F64, 1, {6}, 6, (const unsigned char *)in, sizeof(in)};
    test_ok(wc_tensor_to_f32("f", &t, out, NULL) == WC_OK && out[0] == 0 && signbit(out[1]) &&
                out[2] == 1.0f / 3.0f && out[3] == 0 && out[4] == 3.4028234663852886e38f &&
                out[5] == 1.0f,
            "float64 is rounded to nearest");
    const double bad[] = {3.4028235677973366e38, -1e300, INFINITY, NAN};
    size_t n_refused = 0;
    for (size_t i = 0; i < 4; i++) {
        struct wc_tensor_info one = {"d", WC_F64, 0, {0}, 1, (const unsigned char *)&bad[i], 8};
        n_refused += wc_tensor_to_f32("f", &one, out, NULL) == WC_ERR_DATA;
    }
    test_ok(n_refused == 4, "float64 that float32 cannot hold is refused");
}

static void test_messages(void) {
    static float values[5000], out[5000];
    struct wc_error err = {.code = WC_OK};
    struct wc_tensor_info t = {"visual.proj", WC_F32, 2, {50, 100}, 5000, NULL, 20000};
    t.data = (const unsigned char *)values;
    values[4711] = NAN;
    values[4712] = INFINITY;
    enum wc_err rc = wc_tensor_to_f32("m.safetensors", &t, out, &err);
    test_ok(rc == WC_ERR_DATA && fault_among(err.fault, "non-finite") &&
                strstr(err.text, "m.safetensors") && strstr(err.text, "\"visual.proj\"") &&
                strstr(err.text, "element 4711 "),
            "a NaN is named by file, tensor and index");
    t.dtype = WC_I64;
    rc = wc_tensor_to_f32("m.safetensors", &t, out, &err);
    test_ok(rc == WC_ERR_DATA && fault_among(err.fault, "unsupported-dtype") &&
                strstr(err.text, "I64"),
            "an integer tensor is no weight");

    const size_t right[] = {50, 100}, wrong[] = {896, 640};
    test_ok(wc_tensor_check_shape("m", &t, 2, right, "X", &err) == WC_OK, "right shape");
    rc = wc_tensor_check_shape("m.safetensors", &t, 2, wrong, "ViT-B-16-plus-240", &err);
    test_ok(rc == WC_ERR_DATA && fault_among(err.fault, "bad-shape"), "wrong shape is refused");
    test_str(err.text,
             "m.safetensors: tensor \"visual.proj\": shape [50,100], ViT-B-16-plus-240 needs "
             "[896,640]; is this another model's file?",
             "wrong shape's message");
    test_ok(wc_tensor_check_shape("m", &t, 1, right, "X", &err) == WC_ERR_DATA, "wrong rank");

    char text[32], tight[5];
    wc_shape_text(0, NULL, text, sizeof(text));
    test_str(text, "[]", "shape of a scalar");
    wc_shape_text(2, wrong, tight, sizeof(tight));
    test_str(tight, "[896", "shape text is cut to its buffer");
    test_ok(wc_dtype_size(WC_BF16) == 2 && wc_dtype_size(WC_F64) == 8 &&
                strcmp(wc_dtype_name(WC_BOOL), "BOOL") == 0 && wc_dtype_size(WC_N_DTYPES) == 0,
            "sizes and names of types");
}

// Every allocation, open and map may fail: an error, no leak, nothing half done.
static void test_failures(void) {
    static const enum wc_fault_kind kinds[] = {WC_FAULT_ALLOC, WC_FAULT_OPEN, WC_FAULT_MAP};
    for (size_t k = 0; k < 3; k++) {
        size_t n_failed = 0;
        bool clean = true, reached_end = false;
        for (unsigned long i = 1; i < 2000 && !reached_end; i++) {
            struct wc_weights *w = NULL;
            struct wc_error err = {.code = WC_OK};
            wc_fault_arm(kinds[k], i, false);
            enum wc_err rc = wc_weights_open(GOLDEN "micro_f16.safetensors", &w, &err);
            reached_end = wc_fault_count(kinds[k]) < i;
            wc_fault_reset();
            n_failed += rc != WC_OK;
            clean &= rc == WC_OK ? w != NULL : w == NULL && err.text[0];
            wc_weights_free(&w);
        }
        test_ok(clean && reached_end && n_failed > 0, "failures of kind %d: %zu, all clean",
                (int)kinds[k], n_failed);
    }
}

int main(void) {
    test_golden();
    test_f16_patterns();
    test_bf16_patterns();
    test_f64();
    test_messages();
    test_failures();
    return test_done();
}
