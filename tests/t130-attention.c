// Self-attention, as small sequences and through matrix products, against a plain double version.
#include "base/alloc.h"
#include "base/rng.h"
#include "tensor/attention.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"
#include "test.h"

#define POISON (-77777.0F)
enum { GUARD = 64 };

static const struct shape {
    size_t n_seq, t, t_q, h, dh;
    int causal;
} shapes[] = {
    {3, 5, 5, 14, 64, 0},   {3, 5, 1, 14, 64, 0},   {2, 10, 10, 14, 64, 0}, {2, 10, 1, 12, 64, 0},
    {2, 5, 5, 2, 28, 0},    {2, 10, 3, 4, 32, 0},   {1, 1, 1, 1, 64, 0},    {2, 2, 2, 3, 1, 0},
    {1, 16, 16, 2, 17, 0},  {1, 17, 17, 2, 80, 0},  {1, 33, 8, 2, 104, 0},  {1, 50, 50, 12, 64, 0},
    {2, 13, 13, 8, 64, 1},  {1, 77, 77, 10, 64, 1}, {1, 77, 20, 2, 48, 1},  {1, 226, 226, 2, 64, 0},
    {1, 226, 1, 14, 64, 0}, {1, 257, 2, 16, 88, 0}, {1, 577, 3, 1, 64, 0},  {1, 1024, 2, 1, 8, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static size_t n_qkv(const struct shape *s) {
    return s->n_seq * s->t * 3 * s->h * s->dh;
}

static size_t n_out(const struct shape *s) {
    return s->n_seq * s->t_q * s->h * s->dh;
}

static void attend(const struct shape *s, const float *rows, size_t head, size_t i, double *y) {
    size_t d = s->h * s->dh, n = s->causal ? i + 1 : s->t;
    const float *q = rows + i * 3 * d + head * s->dh, *k = rows + d + head * s->dh, *v = k + d;
    double *p = wc_alloc(n, sizeof *p), top = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++) {
        for (size_t c = 0; c < s->dh; c++)
            p[j] += (double)q[c] * k[j * 3 * d + c];
        p[j] /= sqrt((double)s->dh);
        top = fmax(top, p[j]);
    }
    for (size_t j = 0; j < n; j++)
        sum += p[j] = exp(p[j] - top);
    for (size_t c = 0; c < s->dh; c++) {
        y[c] = 0;
        for (size_t j = 0; j < n; j++)
            y[c] += p[j] / sum * v[j * 3 * d + c];
    }
    wc_free(p);
}

// The largest error of out; infinite when the guards around it were written.
static double error_of(const struct shape *s, const float *qkv, const float *out) {
    double worst = 0, y[128];
    for (size_t i = 0; i < n_out(s); i += s->dh) {
        size_t head = i / s->dh % s->h, row = i / s->dh / s->h;
        attend(s, qkv + row / s->t_q * s->t * 3 * s->h * s->dh, head, row % s->t_q, y);
        for (size_t c = 0; c < s->dh; c++) {
            double e = fabs(out[i + c] - y[c]);
            worst = e <= worst ? worst : e;
        }
    }
    for (size_t i = 1; i <= GUARD; i++)
        if (out[-(ptrdiff_t)i] != POISON || out[n_out(s) + i - 1] != POISON)
            return INFINITY;
    return worst;
}

static float *make_qkv(const struct shape *s) {
    float *qkv = wc_alloc(n_qkv(s), sizeof *qkv);
    uint64_t seed = s->t * 100 + s->dh;
    for (size_t i = 0; i < n_qkv(s); i++)
        qkv[i] = (float)(((double)(wc_rng_next(&seed) >> 11) * 0x1p-53 - 0.5) * 4.0);
    return qkv;
}

static float *make_out(const struct shape *s) {
    float *out = wc_alloc(n_out(s) + 2 * GUARD, sizeof *out);
    for (size_t i = 0; i < n_out(s) + 2 * GUARD; i++)
        out[i] = POISON;
    return out;
}

static void test_small(const struct shape *s, enum wc_isa isa) {
    const struct wc_kernels *k = wc_kernels_of(isa);
    float *qkv = make_qkv(s), *block = make_out(s), *out = block + GUARD;
    float scale = 1.0F / sqrtf((float)s->dh);
    k->attention_small(s->n_seq, s->t, s->t_q, s->h, s->dh, qkv, scale, s->causal, out);
    double e = error_of(s, qkv, out);
    test_ok(e <= 1.5e-6, "%s: %zu x (t %zu, t_q %zu, h %zu, dh %zu)%s: error %.2g",
            wc_isa_name(isa), s->n_seq, s->t, s->t_q, s->h, s->dh, s->causal ? " causal" : "", e);
    // The last sequence alone and only its first token: the same bits.
    size_t d = s->h * s->dh, last = s->n_seq - 1;
    float *one = wc_alloc(d, sizeof *one);
    k->attention_small(1, s->t, 1, s->h, s->dh, qkv + last * s->t * 3 * d, scale, s->causal, one);
    if (memcmp(one, out + last * s->t_q * d, d * sizeof *one) != 0)
        test_ok(false, "a sequence alone gives other bits");
    wc_free(one);
    wc_free(block);
    wc_free(qkv);
}

static void test_full(const struct shape *s) {
    if (s->n_seq > 1)
        return;
    float *qkv = make_qkv(s), *block = make_out(s), *out = block + GUARD;
    size_t n = wc_attention_scratch_f32(s->t, s->t_q);
    float *scratch = wc_alloc(n, sizeof *scratch);
    wc_attention_full(s->t, s->t_q, s->h, s->dh, qkv, 1.0F / sqrtf((float)s->dh), s->causal,
                      scratch, out);
    double e = error_of(s, qkv, out);
    test_ok(e <= 1.5e-6, "full: t %zu, t_q %zu, h %zu, dh %zu%s: error %.2g", s->t, s->t_q, s->h,
            s->dh, s->causal ? " causal" : "", e);
    wc_free(scratch);
    wc_free(block);
    wc_free(qkv);
}

static void test_equal_bits(void) {
    const struct wc_kernels *k2 = wc_kernels_of(WC_ISA_AVX2), *k512 = wc_kernels_of(WC_ISA_AVX512);
    if (!k2 || !k512) {
        test_skip("AVX2 and AVX-512 give the same bits", "not both on this CPU");
        return;
    }
    bool same = true;
    for (const struct shape *s = shapes; s < shapes + N_SHAPES; s++) {
        float *qkv = make_qkv(s), *a = make_out(s), *b = make_out(s);
        k2->attention_small(s->n_seq, s->t, s->t_q, s->h, s->dh, qkv, 0.2F, s->causal, a);
        k512->attention_small(s->n_seq, s->t, s->t_q, s->h, s->dh, qkv, 0.2F, s->causal, b);
        same = same && memcmp(a, b, n_out(s) * sizeof *a) == 0;
        wc_free(a);
        wc_free(b);
        wc_free(qkv);
    }
    test_ok(same, "AVX2 and AVX-512 give the same bits");
}

int main(void) {
    struct wc_error err = {0};
    if (!test_ok(wc_kernels_init("auto", &err) == WC_OK && wc_gemm_init("auto", &err) == WC_OK,
                 "start %s", err.text))
        return test_done();
    for (enum wc_isa isa = 0; isa < WC_N_ISAS; isa++)
        for (size_t i = 0; i < N_SHAPES && wc_kernels_of(isa); i++)
            test_small(&shapes[i], isa);
    for (size_t i = 0; i < N_SHAPES; i++)
        test_full(&shapes[i]);
    test_equal_bits();
    return test_done();
}
