// Matrix products against double, with strides, addition and post-operations, for every backend of
// the build; and the self-test, which must catch a backend that is wrong or imprecise.
#include "base/alloc.h"
#include "base/rng.h"
#include "tensor/gemm.h"
#include "tensor/gemm_check.h"
#include "tensor/kernels.h"
#include "test.h"

#include <omp.h>

#define POISON (-77777.0F)

static void fill(float *x, size_t n, uint64_t seed) {
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)(wc_rng_next(&seed) >> 11) * 0x1p-53 - 0.5);
}

struct product {
    size_t m, n, k, ld_a, ld_b, ld_out;
    bool nn;
    float *a, *b, *out;
    const float *before; // what stood in out
};

// The largest error in units of the rounding error to expect; huge when a gap between rows was
// written.
static double error_of(const struct product *p, bool add, const float *bias,
                       double (*act)(double)) {
    double worst = 0;
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->ld_out; j++) {
            double found = p->out[i * p->ld_out + j], wanted = 0, size = 0;
            if (j >= p->n) {
                worst = found == (double)POISON ? worst : INFINITY;
                continue;
            }
            for (size_t c = 0; c < p->k; c++) {
                double y =
                    (double)p->a[i * p->ld_a + c] * p->b[p->nn ? c * p->ld_b + j : j * p->ld_b + c];
                wanted += y;
                size += fabs(y);
            }
            wanted += add ? p->before[i * p->ld_out + j] : 0;
            wanted += bias ? bias[j] : 0;
            wanted = act ? act(wanted) : wanted;
            double e = fabs(found - wanted) / (0x1p-24 * (size + 1.0));
            worst = e <= worst ? worst : e;
        }
    }
    return worst;
}

static double gelu(double x) {
    return 0.5 * x * erfc(-x * 0.70710678118654752);
}
static double quickgelu(double x) {
    return x / (1.0 + exp(-1.702 * x));
}

static struct product *make(size_t m, size_t n, size_t k, size_t gap, bool nn, bool add) {
    struct product *p = wc_alloc(1, sizeof *p);
    *p = (struct product){.m = m, .n = n, .k = k, .nn = nn};
    p->ld_a = k + gap;
    p->ld_b = (nn ? n : k) + gap;
    p->ld_out = n + gap;
    size_t n_b = (nn ? k : n) * p->ld_b, n_out = m * p->ld_out;
    p->a = wc_alloc(m * p->ld_a, sizeof(float));
    p->b = wc_alloc(n_b, sizeof(float));
    p->out = wc_alloc(n_out, sizeof(float));
    fill(p->a, m * p->ld_a, m * 1000003 + n);
    fill(p->b, n_b, k * 7919 + 1);
    fill(p->out, n_out, 99);
    for (size_t i = 0; i < n_out; i++)
        if (i % p->ld_out >= n)
            p->out[i] = POISON;
        else if (!add)
            p->out[i] = NAN;
    float *before = wc_alloc(n_out, sizeof(float));
    memcpy(before, p->out, n_out * sizeof(float));
    p->before = before;
    return p;
}

static void free_product(struct product *p) {
    wc_free(p->a);
    wc_free(p->b);
    wc_free(p->out);
    wc_free((void *)(size_t)p->before);
    wc_free(p);
}

static const struct {
    size_t m, n, k, gap;
} shapes[] = {{1, 1, 1, 0},     {1, 130, 77, 3},  {2, 3, 5, 1},     {5, 64, 64, 0},
              {5, 300, 129, 7}, {10, 10, 28, 84}, {17, 31, 101, 2}, {50, 96, 64, 0},
              {63, 65, 66, 5},  {100, 7, 333, 0}, {129, 64, 96, 1}, {226, 226, 64, 128},
              {250, 48, 97, 0}, {300, 33, 63, 9}, {3, 2048, 17, 0}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static void test_plain(bool nn, bool add) {
    double worst = 0;
    for (size_t s = 0; s < N_SHAPES; s++) {
        struct product *p = make(shapes[s].m, shapes[s].n, shapes[s].k, shapes[s].gap, nn, add);
        (nn ? wc_gemm_nn : wc_gemm_nt)(p->m, p->n, p->k, p->a, p->ld_a, p->b, p->ld_b, add, p->out,
                                       p->ld_out);
        double e = error_of(p, add, NULL, NULL);
        worst = e <= worst ? worst : e;
        free_product(p);
    }
    test_ok(worst <= 8, "%s %s%s: error at most %.2f roundings of the sum of magnitudes",
            wc_gemm_backend(), nn ? "nn" : "nt", add ? " added" : "", worst);
}

static void test_packed(const char *name, bool with_bias, bool add, enum wc_gemm_act act) {
    double (*const acts[])(double) = {NULL, gelu, quickgelu};
    double worst = 0;
    for (size_t s = 0; s < N_SHAPES; s++) {
        struct wc_error err;
        struct product *p = make(shapes[s].m, shapes[s].n, shapes[s].k, shapes[s].gap, false, add);
        float *bias = wc_alloc(p->n, sizeof(float));
        fill(bias, p->n, 5);
        struct wc_gemm_weight *w = NULL;
        if (wc_gemm_pack(p->n, p->k, p->b, p->ld_b, &w, &err) != WC_OK) {
            test_ok(false, "%s", err.text);
        } else {
            struct wc_gemm_post post = {add, with_bias ? bias : NULL, act};
            wc_gemm_packed(p->m, w, p->a, p->ld_a, post, p->out, p->ld_out);
            double e = error_of(p, add, post.bias, acts[act]);
            worst = e <= worst ? worst : e;
        }
        wc_gemm_weight_free(&w);
        wc_free(bias);
        free_product(p);
    }
    test_ok(worst <= 8, "%s packed %s: error %.2f", wc_gemm_backend(), name, worst);
}

// Many threads share a weight, with more numbers of rows than a backend may cache: the same bits as
// from one thread, and the caller's number of threads stays.
static void test_threads(void) {
    enum { N = 96, K = 80, M = 40 };
    struct wc_error err = {0};
    float *a = wc_alloc(M * K, sizeof *a), *b = wc_alloc(N * K, sizeof *b);
    float *bias = wc_alloc(N, sizeof *bias), *one = wc_alloc(M * M * N, sizeof *one);
    float *many = wc_alloc(M * M * N, sizeof *many);
    fill(a, M * K, 1);
    fill(b, N * K, 2);
    fill(bias, N, 3);
    struct wc_gemm_weight *w = NULL;
    test_ok(wc_gemm_pack(N, K, b, K, &w, &err) == WC_OK, "%s: pack", wc_gemm_backend());
    struct wc_gemm_post post = {.bias = bias};
    for (size_t m = 1; m <= M; m++)
        wc_gemm_packed(m, w, a, K, post, one + (m - 1) * M * N, N);
    omp_set_num_threads(3);
#pragma omp parallel for schedule(dynamic)
    for (int m = M; m >= 1; m--)
        wc_gemm_packed((size_t)m, w, a, K, post, many + (size_t)(m - 1) * M * N, N);
    test_ok(memcmp(one, many, M * M * N * sizeof *one) == 0,
            "%s: three threads on one weight give the bits of one", wc_gemm_backend());
    test_ok(omp_get_max_threads() == 3, "%s: the number of OpenMP threads is left alone",
            wc_gemm_backend());
    wc_gemm_weight_free(&w);
    test_ok(w == NULL, "%s: free nulls", wc_gemm_backend());
    wc_free(a);
    wc_free(b);
    wc_free(bias);
    wc_free(one);
    wc_free(many);
}

// A backend with one wrong element, and one that rounds a to bfloat16 first.
static void plain_nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                     size_t ld_b, bool add, float *out, size_t ld_out) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float sum = add ? out[i * ld_out + j] : 0.0F;
            for (size_t c = 0; c < k; c++)
                sum += a[i * ld_a + c] * b[j * ld_b + c];
            out[i * ld_out + j] = sum;
        }
    }
}
static void plain_nn(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                     size_t ld_b, bool add, float *out, size_t ld_out) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float sum = add ? out[i * ld_out + j] : 0.0F;
            for (size_t c = 0; c < k; c++)
                sum += a[i * ld_a + c] * b[c * ld_b + j];
            out[i * ld_out + j] = sum;
        }
    }
}
static void wrong_nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                     size_t ld_b, bool add, float *out, size_t ld_out) {
    plain_nt(m, n, k, a, ld_a, b, ld_b, add, out, ld_out);
    if (m == 63)
        out[(m - 1) * ld_out + n - 1] += 1.0F;
}
static void coarse_nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                      size_t ld_b, bool add, float *out, size_t ld_out) {
    float *rounded = wc_alloc(m * ld_a, sizeof(float));
    for (size_t i = 0; i < m * ld_a; i++) {
        uint32_t bits;
        memcpy(&bits, a + i, sizeof bits);
        bits = (bits + 0x8000U) & 0xFFFF0000U;
        memcpy(rounded + i, &bits, sizeof bits);
    }
    plain_nt(m, n, k, rounded, ld_a, b, ld_b, add, out, ld_out);
    wc_free(rounded);
}
static void ignoring_nn(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                        size_t ld_b, bool add, float *out, size_t ld_out) {
    (void)add;
    plain_nn(m, n, k, a, ld_a, b, ld_b, false, out, ld_out);
}

struct borrowed {
    size_t n, k, ld;
    const void *b;
};
static enum wc_err no_bytes(enum wc_precision type, size_t n, size_t k, size_t *bytes,
                            struct wc_error *err) {
    (void)type, (void)n, (void)k, (void)err;
    *bytes = 0;
    return WC_OK;
}
static enum wc_err borrow(enum wc_precision type, size_t n, size_t k, const void *b, size_t ld_b,
                          void *memory, bool fill_it, void **packed, struct wc_error *err) {
    (void)type, (void)memory, (void)fill_it, (void)err;
    struct borrowed *view = wc_alloc(1, sizeof *view);
    *view = (struct borrowed){n, k, ld_b, b};
    *packed = view;
    return WC_OK;
}
static bool right_packed(size_t m, const void *a, size_t ld_a, const void *packed,
                         const float *add_bias, bool add, void *out, size_t ld_out) {
    const struct borrowed *view = packed;
    (void)add_bias;
    plain_nt(m, view->n, view->k, a, ld_a, view->b, view->ld, add, out, ld_out);
    return true;
}
static bool wrong_packed(size_t m, const void *a, size_t ld_a, const void *packed,
                         const float *add_bias, bool add, void *out, size_t ld_out) {
    right_packed(m, a, ld_a, packed, add_bias, add, out, ld_out);
    if (m == 226)
        *(float *)out -= 1.0F;
    return true;
}

// 8-bit products, in 16-bit pairs that saturate when asked (as x86's PMADDUBSW has them).
static bool saturating;
static bool packed_int8(size_t m, const void *a, size_t ld_a, const void *packed,
                        const float *add_bias, bool add, void *out, size_t ld_out) {
    const struct borrowed *view = packed;
    (void)add_bias, (void)add;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < view->n; j++) {
            const uint8_t *x = (const uint8_t *)a + i * ld_a;
            const int8_t *y = (const int8_t *)view->b + j * view->ld;
            int32_t sum = 0;
            for (size_t c = 0; c < view->k; c += 2) {
                int pair = x[c] * y[c] + (c + 1 < view->k ? x[c + 1] * y[c + 1] : 0);
                bool cut = saturating && (pair > 32767 || pair < -32768);
                sum += !cut ? pair : pair < 0 ? -32768 : 32767;
            }
            ((int32_t *)out)[i * ld_out + j] = sum;
        }
    return true;
}
static int seven_bits(void) {
    return 64;
}
static int eight_bits(void) {
    return 127;
}

static void test_int8_self_test(void) {
    struct wc_gemm_backend backend = {.name = "fake",
                                      .cure = "set THIS=1",
                                      .int8_most = eight_bits,
                                      .packed_bytes = no_bytes,
                                      .pack = borrow,
                                      .unpack = wc_free,
                                      .packed = packed_int8};
    struct wc_error err = {0};
    saturating = false;
    test_ok(wc_gemm_check(&backend, WC_PRECISION_INT8, "Fake 1.0", &err) == WC_OK,
            "self-test: right 8-bit products pass");
    saturating = true;
    test_ok(wc_gemm_check(&backend, WC_PRECISION_INT8, "Fake 1.0", &err) == WC_ERR_CONFIG &&
                strstr(err.text, "int8"),
            "self-test: saturation is found");
    test_note("%s", err.text);
    backend.int8_most = seven_bits;
    test_ok(wc_gemm_check(&backend, WC_PRECISION_INT8, "Fake 1.0", &err) == WC_OK,
            "self-test: weights up to 64 do not saturate in pairs");
}

static void test_self_test(void) {
    const struct {
        const char *name;
        struct wc_gemm_backend backend;
        bool passes;
    } cases[] = {
        {"a right backend passes", {.nt = plain_nt, .nn = plain_nn, .packed = right_packed}, true},
        {"one wrong element is found",
         {.nt = wrong_nt, .nn = plain_nn, .packed = right_packed},
         false},
        {"bfloat16 inputs are found",
         {.nt = coarse_nt, .nn = plain_nn, .packed = right_packed},
         false},
        {"a lost addition is found",
         {.nt = plain_nt, .nn = ignoring_nn, .packed = right_packed},
         false},
        {"a wrong packed product is found",
         {.nt = plain_nt, .nn = plain_nn, .packed = wrong_packed},
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wc_gemm_backend backend = cases[i].backend;
        backend.name = "fake";
        backend.packed_bytes = no_bytes;
        backend.pack = borrow;
        backend.unpack = wc_free;
        backend.cure = "set THIS=1";
        struct wc_error err = {0};
        enum wc_err rc = wc_gemm_check(&backend, WC_PRECISION_F32, "Fake 1.0", &err);
        test_ok(cases[i].passes ? rc == WC_OK
                                : rc == WC_ERR_CONFIG && strstr(err.text, "Fake 1.0") &&
                                      strstr(err.text, "set THIS=1"),
                "self-test: %s", cases[i].name);
        if (!cases[i].passes)
            test_note("%s", err.text);
    }
}

// Relative L2 error of a packed product of normal-like rows, with bias, GELU or addition.
static double packed_error(const struct wc_gemm_packing *packing, size_t m, const float *a,
                           struct wc_gemm_post post, const float *before) {
    struct wc_error err = {0};
    struct wc_gemm_weight *w = NULL;
    size_t n = packing->n, k = packing->k;
    float *out = wc_alloc(m * (n + 3), sizeof *out);
    double wrong = 0, all = 0;
    if (wc_gemm_pack_as(packing, &w, &err) != WC_OK) {
        test_note("%s", err.text);
        return INFINITY;
    }
    for (size_t i = 0; i < m * (n + 3); i++)
        out[i] = i % (n + 3) >= n ? POISON : before ? before[i] : NAN;
    wc_gemm_packed(m, w, a, k, post, out, n + 3);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n + 3; j++) {
            double wanted = j < n && post.bias ? post.bias[j] : 0;
            for (size_t c = 0; c < k && j < n; c++)
                wanted += (double)a[i * k + c] * packing->b[j * packing->ld_b + c];
            wanted += j < n && post.add ? before[i * (n + 3) + j] : 0;
            wanted = j >= n ? (double)POISON : post.act == WC_GEMM_GELU ? gelu(wanted) : wanted;
            wrong += pow(out[i * (n + 3) + j] - wanted, 2) * (j >= n ? 1e9 : 1);
            all += j < n ? wanted * wanted : 0;
        }
    wc_gemm_weight_free(&w);
    wc_free(out);
    return sqrt(wrong / all);
}

// Errors of one rounding of inputs and weights each: bfloat16 keeps 8 bits, so that a product's is
// about 2^-9; 8 bits of a row's span of some eight standard deviations give about 1 %.
static void test_precision(enum wc_precision precision, double most) {
    enum { M = 131, N = 70, K = 300 };
    struct wc_error err = {0};
    if (wc_gemm_require(precision, &err) != WC_OK) {
        test_skip(wc_precision_name(precision), err.text);
        return;
    }
    float *a = wc_alloc(M * K, sizeof *a), *b = wc_alloc(N * (K + 5), sizeof *b);
    float *bias = wc_alloc(N, sizeof *bias), *before = wc_alloc(M * (N + 3), sizeof *before);
    float *smooth = wc_alloc(K, sizeof *smooth);
    fill(a, M * K, 1);
    fill(b, N * (K + 5), 2);
    fill(bias, N, 3);
    fill(before, M * (N + 3), 4);
    struct wc_gemm_packing p = {.precision = precision, .n = N, .k = K, .b = b, .ld_b = K + 5};
    const char *name = wc_precision_name(precision);
    const struct {
        const char *what;
        struct wc_gemm_post post;
    } cases[] = {{"alone", {0}},
                 {"+ bias", {.bias = bias}},
                 {"+ bias + out", {.bias = bias, .add = true}},
                 {"GELU", {.bias = bias, .act = WC_GEMM_GELU}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double e = packed_error(&p, M, a, cases[i].post, cases[i].post.add ? before : NULL);
        test_ok(e < most && e > most / 30, "%s %s: relative error %.2g, at most %.2g", name,
                cases[i].what, e, most);
    }
    // One input channel that is a hundred times the others leaves them no bits, unless smoothed.
    for (size_t c = 0; c < K; c++)
        smooth[c] = c == 7 ? 100.0F : 1.0F;
    for (size_t i = 0; i < M; i++)
        a[i * K + 7] *= 100.0F;
    for (size_t j = 0; j < N; j++)
        b[j * (K + 5) + 7] *= 0.01F;
    if (precision == WC_PRECISION_INT8) {
        double rough = packed_error(&p, M, a, (struct wc_gemm_post){0}, NULL);
        p.smooth = smooth;
        double e = packed_error(&p, M, a, (struct wc_gemm_post){0}, NULL);
        test_ok(e < most && rough > 5 * most, "%s smoothed: error %.2g, without %.2g", name, e,
                rough);
    }
    wc_free(a);
    wc_free(b);
    wc_free(bias);
    wc_free(before);
    wc_free(smooth);
}

static void test_precisions(void) {
    struct wc_error err = {0};
    test_precision(WC_PRECISION_BF16, 4e-3);
    test_precision(WC_PRECISION_INT8, 1e-2);
    test_ok(wc_gemm_init("openblas", &err) == WC_OK &&
                wc_gemm_require(WC_PRECISION_BF16, &err) == WC_ERR_CONFIG &&
                strstr(err.text, "oneDNN") && wc_gemm_require(WC_PRECISION_F32, &err) == WC_OK,
            "OpenBLAS has float32 alone");
}

static void test_backend(const char *name) {
    struct wc_error err = {0};
    if (!test_ok(wc_gemm_init(name, &err) == WC_OK, "%s passes its self-test", name)) {
        test_note("%s", err.text);
        return;
    }
    test_note("%s", wc_gemm_description());
    test_str(wc_gemm_backend(), name, "the backend is the one asked for");
    for (int i = 0; i < 4; i++)
        test_plain(i & 1, i & 2);
    test_packed("alone", false, false, WC_GEMM_LINEAR);
    test_packed("+ bias", true, false, WC_GEMM_LINEAR);
    test_packed("+ out", false, true, WC_GEMM_LINEAR);
    test_packed("+ bias + out", true, true, WC_GEMM_LINEAR);
    test_packed("+ bias, GELU", true, false, WC_GEMM_GELU);
    test_packed("+ bias, QuickGELU", true, false, WC_GEMM_QUICKGELU);
    test_threads();
}

int main(void) {
    struct wc_error err = {0};
    wc_kernels_init("auto", &err);
    test_backend("openblas");
#if defined(WC_HAVE_ONEDNN)
    test_backend("onednn");
#else
    test_skip("onednn", "not in this build");
    test_ok(wc_gemm_init("onednn", &err) == WC_ERR_CONFIG && strstr(err.text, "onednn"),
            "a backend that the build lacks is an error");
#endif
    test_ok(wc_gemm_init("mkl", &err) == WC_ERR_CONFIG && strstr(err.text, "\"mkl\"") &&
                strstr(err.text, "openblas"),
            "an unknown backend is an error that names the known ones");
    test_ok(wc_gemm_init("auto", &err) == WC_OK, "auto finds one");
    test_self_test();
    test_int8_self_test();
    test_precisions();
    return test_done();
}
