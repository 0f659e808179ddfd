// Every kernel of every ISA that the CPU has against the scalar one: all tail sizes, poisoned
// destinations, the whole block compared, also the gaps between rows and what lies around it.
#include "base/alloc.h"
#include "base/err.h"
#include "base/rng.h"
#include "tensor/kernels.h"
#include "test.h"

#define POISON (-77777.0F)
enum { GUARD = 32, MOST = 4096 + 2 * GUARD };

struct input {
    size_t m, n, ld;
    const float *x, *weight, *bias; // (m, ld), (n), (n)
};

static void run_layer_norm(const struct wc_kernels *k, const struct input *in, float *y) {
    k->layer_norm(in->m, in->n, in->x, in->ld, in->weight, in->bias, 1e-5F, y, in->ld);
}
static void run_layer_norm_in_place(const struct wc_kernels *k, const struct input *in, float *y) {
    k->layer_norm(in->m, in->n, y, in->ld, in->weight, in->bias, 1e-5F, y, in->ld);
}
static void run_softmax(const struct wc_kernels *k, const struct input *in, float *y) {
    k->softmax(in->m, in->n, y, in->ld);
}
static void run_gelu(const struct wc_kernels *k, const struct input *in, float *y) {
    k->bias_gelu(in->m, in->n, y, in->ld, in->bias);
}
static void run_quickgelu(const struct wc_kernels *k, const struct input *in, float *y) {
    k->bias_quickgelu(in->m, in->n, y, in->ld, in->bias);
}
static void run_bias(const struct wc_kernels *k, const struct input *in, float *y) {
    k->bias(in->m, in->n, y, in->ld, in->bias);
}
static void run_residual(const struct wc_kernels *k, const struct input *in, float *y) {
    k->bias_residual(in->m, in->n, in->x, in->ld, in->bias, y, in->ld);
}
static void run_scale(const struct wc_kernels *k, const struct input *in, float *y) {
    for (size_t i = 0; i < in->m; i++)
        k->scale(in->n, y + i * in->ld, 0.3F);
}
static void run_dot(const struct wc_kernels *k, const struct input *in, float *y) {
    for (size_t i = 0; i < in->m; i++)
        y[i * in->ld] = k->dot(in->n, in->x + i * in->ld, in->weight);
}

static const struct kernel {
    const char *name;
    void (*run)(const struct wc_kernels *k, const struct input *in, float *y);
    bool in_place;   // y starts as x; else as poison
    float tolerance; // times 1 + |scalar result|
} kernels[] = {
    {"layer_norm", run_layer_norm, false, 3e-6F},
    {"layer_norm in place", run_layer_norm_in_place, true, 3e-6F},
    {"softmax", run_softmax, true, 3e-7F},
    {"bias_gelu", run_gelu, true, 2e-7F},
    {"bias_quickgelu", run_quickgelu, true, 2e-7F},
    {"bias", run_bias, true, 0},
    {"bias_residual", run_residual, true, 0},
    {"scale", run_scale, true, 0},
    {"dot", run_dot, false, 3e-6F},
};
enum { N_KERNELS = sizeof kernels / sizeof *kernels };

static float x[MOST], weight[MOST], bias[MOST], expected[MOST], found[MOST], again[MOST];

static void fill(float *p, size_t n, uint64_t seed, double size) {
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(((double)(wc_rng_next(&seed) >> 11) * 0x1p-53 - 0.5) * size);
}

// y: a poisoned block with the rows of `in` at `start`, or nothing, and the kernel run on them.
static void run_in_block(const struct kernel *f, const struct wc_kernels *k, const struct input *in,
                         size_t start, float *y) {
    for (size_t i = 0; i < MOST; i++)
        y[i] = POISON;
    for (size_t i = 0; f->in_place && i < in->m; i++)
        memcpy(y + start + i * in->ld, in->x + i * in->ld, in->n * sizeof *y);
    f->run(k, in, y + start);
}

static bool same_block(const struct kernel *f, const float *p, const float *q) {
    for (size_t i = 0; i < MOST; i++) {
        float allowed = p[i] == POISON ? 0 : f->tolerance * (1.0F + fabsf(p[i]));
        if (!(fabsf(p[i] - q[i]) <= allowed)) {
            test_note("element %d: %.9g, scalar %.9g", (int)i - GUARD, (double)q[i], (double)p[i]);
            return false;
        }
    }
    return true;
}

// Rows one by one, elsewhere in memory, must give the very bits of the whole.
static bool same_alone(const struct kernel *f, const struct wc_kernels *k, const struct input *in) {
    for (size_t i = 0; i < in->m; i++) {
        struct input row = *in;
        row.m = 1;
        row.x = in->x + i * in->ld;
        run_in_block(f, k, &row, GUARD + 5 + i, again);
        if (memcmp(again + GUARD + 5 + i, found + GUARD + i * in->ld, in->n * sizeof *found) != 0 &&
            f->run != run_dot)
            return false;
    }
    return true;
}

static bool check_size(const struct kernel *f, const struct wc_kernels *k, size_t m, size_t n,
                       size_t gap) {
    struct input in = {m, n, n + gap, x + n % 7, weight + n % 3, bias + n % 5};
    run_in_block(f, wc_kernels_of(WC_ISA_SCALAR), &in, GUARD, expected);
    run_in_block(f, k, &in, GUARD, found);
    return same_block(f, expected, found) && same_alone(f, k, &in);
}

static void test_kernel(const struct kernel *f, enum wc_isa isa) {
    const struct wc_kernels *k = wc_kernels_of(isa);
    size_t bad = 0;
    for (size_t n = 1; n <= 150 && !bad; n++)
        bad = check_size(f, k, 1 + n % 4, n, n % 6) ? 0 : n;
    static const size_t wide[] = {768, 896, 905, 1024, 1280};
    for (size_t i = 0; i < sizeof wide / sizeof *wide && !bad; i++)
        bad = check_size(f, k, 3, wide[i], i) ? 0 : wide[i];
    test_ok(!bad, "%s %s: as scalar, nothing beyond, rows independent%s%zu", f->name,
            wc_isa_name(isa), bad ? "; fails at width " : "; widths to ", bad ? bad : 1280);
}

// The vector files do the same operations in the same order.
static void test_equal_bits(void) {
    const struct wc_kernels *k2 = wc_kernels_of(WC_ISA_AVX2), *k512 = wc_kernels_of(WC_ISA_AVX512);
    if (!k2 || !k512) {
        test_skip("AVX2 and AVX-512 give the same bits", "not both on this CPU");
        return;
    }
    for (size_t i = 0; i < N_KERNELS; i++) {
        bool same = true;
        for (size_t n = 1; n < 1000 && same; n += 1 + n / 10) {
            struct input in = {3, n, n + 1, x, weight, bias};
            run_in_block(&kernels[i], k2, &in, GUARD, expected);
            run_in_block(&kernels[i], k512, &in, GUARD, found);
            same = memcmp(expected, found, sizeof found) == 0;
        }
        test_ok(same, "%s: AVX2 and AVX-512 give the same bits", kernels[i].name);
    }
}

static float f16_reference(unsigned h) {
    double f = h & 1023, sign = h & 0x8000 ? -1 : 1;
    int e = h >> 10 & 31;
    if (e == 31)
        return (float)(f > 0 ? (double)NAN : sign * (double)INFINITY);
    return (float)(sign * (e ? ldexp(1024 + f, e - 25) : ldexp(f, -24)));
}

static void test_conversions(enum wc_isa isa) {
    const struct wc_kernels *k = wc_kernels_of(isa), *scalar = wc_kernels_of(WC_ISA_SCALAR);
    static uint16_t in[65536];
    static float a[65536], b[65536];
    for (unsigned i = 0; i < 65536; i++)
        in[i] = (uint16_t)i;
    k->f16_to_f32(65536, in, a);
    scalar->f16_to_f32(65536, in, b);
    bool right = memcmp(a, b, sizeof a) == 0;
    for (unsigned i = 0; i < 65536 && right; i++) {
        float wanted = f16_reference(i);
        right = isnan(wanted) ? isnan(a[i]) : a[i] == wanted && !signbit(a[i]) == !signbit(wanted);
    }
    test_ok(right, "f16_to_f32 %s: all 65,536 values", wc_isa_name(isa));
    k->bf16_to_f32(65536, in, a);
    right = true;
    for (uint32_t i = 0; i < 65536 && right; i++) {
        uint32_t bits = i << 16;
        right = memcmp(&bits, a + i, 4) == 0;
    }
    test_ok(right, "bf16_to_f32 %s: all 65,536 values", wc_isa_name(isa));
    right = true;
    for (size_t n = 0; n < 70 && right; n++) {
        for (int which = 0; which < 2; which++) {
            for (size_t i = 0; i < 128; i++)
                a[i] = b[i] = POISON;
            (which ? k->f16_to_f32 : k->bf16_to_f32)(n, in + 0x3C00 + n, a + 3);
            (which ? scalar->f16_to_f32 : scalar->bf16_to_f32)(n, in + 0x3C00 + n, b + 3);
            right = right && memcmp(a, b, 128 * sizeof *a) == 0;
        }
    }
    test_ok(right, "conversions %s: all tails, nothing beyond", wc_isa_name(isa));
}

// What narrow products are made of has the same bits in every ISA, and is right where the scalar
// one is: a NaN, ties, the span that a row is mapped to.
struct narrow {
    uint8_t q[4 * 160];
    float scale[4], y[4 * 160];
    int32_t zero[4];
    uint16_t b[160];
};

static void run_narrow(const struct wc_kernels *k, size_t n, bool with_factor, bool add,
                       struct narrow *r) {
    enum { M = 3 };
    static int32_t acc[M * 160], sum[160];
    const float *rows = x + 17;
    memset(r, 0x5A, sizeof *r);
    for (size_t i = 0; i < M * n; i++)
        acc[i] = (int32_t)(i * 7919 % 200003) - 100001;
    for (size_t j = 0; j < n; j++)
        sum[j] = (int32_t)(j * 104729 % 3001) - 1500;
    k->quantise(M, n, rows, n + 2, with_factor ? weight : NULL, r->q, r->scale, r->zero);
    k->dequantise(M, n, acc, r->scale, r->zero, weight, sum, with_factor ? bias : NULL, add, r->y,
                  n + 1);
    k->f32_to_bf16(n, rows, r->b);
}

static void test_narrow(enum wc_isa isa) {
    const struct wc_kernels *k = wc_kernels_of(isa), *scalar = wc_kernels_of(WC_ISA_SCALAR);
    static struct narrow a, b;
    size_t bad = 0;
    for (size_t n = 1; n <= 150 && !bad; n++)
        for (int which = 0; which < 4 && !bad; which++) {
            run_narrow(scalar, n, which & 1, which & 2, &a);
            run_narrow(k, n, which & 1, which & 2, &b);
            bad = memcmp(&a, &b, sizeof a) == 0 ? 0 : n;
        }
    test_ok(!bad, "8 bits and back, bfloat16 %s: the scalar bits, nothing beyond%s%zu",
            wc_isa_name(isa), bad ? "; fails at width " : "; widths to ", bad ? bad : 150);
    const float row[] = {-1.0F, 0.0F, 4.1F, 0.5F}, ones[] = {3.0F, 2.0F}, nan[] = {1.0F, NAN},
                inf[] = {-INFINITY, 1.0F};
    uint8_t q[4] = {0};
    float scale, other[2];
    int32_t zero, zeros[2];
    k->quantise(1, 4, row, 4, NULL, q, &scale, &zero);
    bool fits = q[0] == 0 && q[1] == zero && q[2] == 255 && zero == 50;
    for (size_t j = 0; j < 4; j++)
        fits = fits && fabsf((float)(q[j] - zero) * scale - row[j]) <= 0.51F * scale;
    test_ok(fits, "quantise %s: the whole span is used, zero is exact", wc_isa_name(isa));
    k->quantise(1, 2, ones, 2, NULL, q, &scale, &zero);
    test_ok(zero == 0 && q[0] == 255 && q[1] == 170, "quantise %s: a positive row starts at zero",
            wc_isa_name(isa));
    k->quantise(1, 2, nan, 2, NULL, q, other, zeros);
    k->quantise(1, 2, inf, 2, NULL, q, other + 1, zeros + 1);
    test_ok(isnan(other[0]) && isnan(other[1]), "quantise %s: what is not finite shows",
            wc_isa_name(isa));
    const struct {
        uint32_t bits;
        uint16_t wanted;
    } ties[] = {{0x3F808000, 0x3F80}, {0x3F818000, 0x3F82}, {0x3F808001, 0x3F81},
                {0x7F7FFFFF, 0x7F80}, {0x7FFFFFFF, 0x7FFF}, {0xFF800001, 0xFFC0},
                {0x7F800000, 0x7F80}, {0x80000000, 0x8000}};
    bool right = true;
    for (size_t i = 0; i < sizeof ties / sizeof *ties; i++) {
        float value;
        uint16_t got;
        memcpy(&value, &ties[i].bits, sizeof value);
        k->f32_to_bf16(1, &value, &got);
        right = right && got == ties[i].wanted;
    }
    test_ok(right, "f32_to_bf16 %s: ties, overflow, NaN", wc_isa_name(isa));
}

static void test_choice(void) {
    struct wc_error err = {0};
    test_ok(wc_kernels() == wc_kernels_of(WC_ISA_SCALAR), "scalar before init");
    unsetenv("WC_ISA");
    test_ok(wc_kernels_init("auto", &err) == WC_OK && wc_kernels()->isa == wc_isa_best(),
            "auto takes the best: %s", wc_isa_name(wc_isa_best()));
    setenv("WC_ISA", "scalar", 1);
    test_ok(wc_kernels_init("auto", &err) == WC_OK && wc_kernels()->isa == WC_ISA_SCALAR,
            "$WC_ISA counts for auto");
    for (enum wc_isa isa = 0; isa < WC_N_ISAS; isa++) {
        enum wc_err rc = wc_kernels_init(wc_isa_name(isa), &err);
        if (wc_kernels_of(isa))
            test_ok(rc == WC_OK && wc_kernels()->isa == isa, "a name comes before $WC_ISA: %s",
                    wc_isa_name(isa));
        else
            test_ok(rc == WC_ERR_CONFIG && strstr(err.text, wc_isa_name(isa)), "%s is refused: %s",
                    wc_isa_name(isa), err.text);
    }
    setenv("WC_ISA", "sse9", 1);
    const struct wc_kernels *before = wc_kernels();
    test_ok(wc_kernels_init("auto", &err) == WC_ERR_CONFIG && strstr(err.text, "$WC_ISA") &&
                strstr(err.text, "sse9") && wc_kernels() == before,
            "an unknown $WC_ISA is an error: %s", err.text);
    unsetenv("WC_ISA");
}

static void test_l2(void) {
    float rows[3][7] = {{3, 4, 0, 0, 0, POISON, POISON},
                        {0, 0, 0, 0, 0, POISON, POISON},
                        {1e-30F, 0, 0, 0, -1e-30F, POISON, POISON}};
    wc_l2_normalise(3, 5, rows[0], 7);
    test_ok(rows[0][0] == 0.6F && rows[0][1] == 0.8F && rows[1][0] == 0 &&
                fabsf(rows[2][0] - 0.70710678F) < 1e-7F && rows[2][4] == -rows[2][0] &&
                rows[0][5] == POISON && rows[2][6] == POISON,
            "wc_l2_normalise: unit rows, zero stays zero, tiny squares do not vanish");
}

int main(void) {
    test_choice();
    fill(x, MOST, 1, 12.0);
    fill(weight, MOST, 2, 2.0);
    fill(bias, MOST, 3, 2.0);
    for (enum wc_isa isa = WC_ISA_SCALAR; isa < WC_N_ISAS; isa++) {
        if (!wc_kernels_of(isa)) {
            test_skip(wc_isa_name(isa), "not on this CPU");
            continue;
        }
        for (size_t i = 0; i < N_KERNELS; i++)
            test_kernel(&kernels[i], isa);
        test_conversions(isa);
        test_narrow(isa);
    }
    test_equal_bits();
    test_l2();
    return test_done();
}
