// exp and the Gaussian tail inside softmax, GELU and QuickGELU against long double libm, over a
// dense sweep of floats, for every ISA that the CPU has.
#include "tensor/kernels.h"
#include "test.h"

#include <float.h>
#include <stdint.h>

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

// Error in units of the last place of the float32 nearest to `wanted`. Where exp falls under its
// cut of exp(-80) the kernels give 0: `floor` is the size up to which that is right.
static double ulps(float found, long double wanted, long double floor) {
    if (fabsl(wanted) < floor && fabsl((long double)found) < floor)
        return 0;
    int exponent;
    frexpl(wanted, &exponent);
    long double ulp = ldexpl(1.0L, exponent - 24);
    return (double)(fabsl((long double)found - wanted) / ulp);
}

static long double gelu(long double x) {
    return 0.5L * x * erfcl(-x * 0.707106781186547524400844362104849039L);
}

static long double quickgelu(long double x) {
    return x / (1.0L + expl(-1.702L * x));
}

// The probability of x beside a 0, x <= 0.
static long double second(long double x) {
    long double e = expl(x);
    return e / (1.0L + e);
}

enum { N = 1024 };

static void run_gelu(const struct wc_kernels *k, float *x) {
    static const float zeros[N];
    k->bias_gelu(1, N, x, N, zeros);
}

static void run_quickgelu(const struct wc_kernels *k, float *x) {
    static const float zeros[N];
    k->bias_quickgelu(1, N, x, N, zeros);
}

static void run_softmax(const struct wc_kernels *k, float *x) {
    for (size_t i = 0; i < N; i++) {
        float row[2] = {-fabsf(x[i]), 0.0F};
        k->softmax(1, 2, row, 2);
        x[i] = row[0];
    }
}

static const struct function {
    const char *name;
    void (*run)(const struct wc_kernels *k, float *x);
    long double (*reference)(long double x);
    float lo, hi; // |x| sweeps over [lo, hi], both signs unless negative_only
    bool negative_only;
    double most_ulps; // measured over all floats of the range, rounded up
    long double floor;
} functions[] = {
    {"gelu from -1 to 1", run_gelu, gelu, 0x1p-20F, 1.0F, false, 2.5, 0},
    {"gelu beyond", run_gelu, gelu, 1.0F, 20.0F, false, 5.25, 1e-34L},
    {"quickgelu", run_quickgelu, quickgelu, 0x1p-20F, 100.0F, false, 2.75, 1e-33L},
    {"softmax", run_softmax, second, 0x1p-20F, 100.0F, true, 2.5, 2e-35L},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

struct worst {
    double ulps;
    float x, found;
};

static void sweep(const struct function *f, const struct wc_kernels *k, uint32_t sign,
                  uint32_t step, struct worst *w) {
    float x[N], y[N];
    for (uint32_t bits = to_bits(f->lo); bits < to_bits(f->hi); bits += step * N) {
        for (uint32_t i = 0; i < N; i++)
            x[i] = y[i] = from_bits(sign | (bits + i * step));
        f->run(k, y);
        for (size_t i = 0; i < N; i++) {
            double e = ulps(y[i], f->reference(x[i]), f->floor);
            if (!(e <= w->ulps))
                *w = (struct worst){e, x[i], y[i]};
        }
    }
}

static void test_function(const struct function *f, enum wc_isa isa, uint32_t step) {
    const struct wc_kernels *k = wc_kernels_of(isa);
    char name[64];
    snprintf(name, sizeof name, "%s %s", f->name, wc_isa_name(isa));
    if (!k) {
        test_skip(name, "not on this CPU");
        return;
    }
    struct worst w = {0};
    sweep(f, k, 0x80000000U, step, &w);
    if (!f->negative_only)
        sweep(f, k, 0, step, &w);
    test_ok(w.ulps <= f->most_ulps, "%s: largest error %.3f ulp at %.9g (%.9g), allowed %.2f", name,
            w.ulps, (double)w.x, (double)w.found, f->most_ulps);
}

static void test_special(enum wc_isa isa) {
    const struct wc_kernels *k = wc_kernels_of(isa);
    if (!k)
        return;
    float x[N] = {NAN, INFINITY, -INFINITY, 0.0F, -0.0F, FLT_MAX, -FLT_MAX, FLT_MIN, -1e-40F};
    float y[N];
    memcpy(y, x, sizeof x);
    run_gelu(k, x);
    run_quickgelu(k, y);
    const float *both[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        const float *z = both[i];
        test_ok(isnan(z[0]) && isinf(z[1]) && z[1] > 0 && z[2] == 0 && z[3] == 0 && z[4] == 0 &&
                    z[5] == FLT_MAX && z[6] == 0 && fabsf(z[7]) <= FLT_MIN && fabsf(z[8]) <= 1e-40F,
                "%s %s: NaN, infinities, zeros, extremes", i ? "quickgelu" : "gelu",
                wc_isa_name(isa));
    }
    float row[40];
    for (int i = 0; i < 40; i++)
        row[i] = -INFINITY;
    row[3] = row[39] = -7.0F;
    k->softmax(1, 40, row, 40);
    test_ok(row[3] == 0.5F && row[39] == 0.5F && row[0] == 0.0F && row[38] == 0.0F,
            "softmax %s: minus infinity has no weight", wc_isa_name(isa));
    row[17] = NAN;
    k->softmax(1, 40, row, 40);
    test_ok(isnan(row[0]) && isnan(row[17]) && isnan(row[39]),
            "softmax %s: a NaN takes the whole row", wc_isa_name(isa));
}

int main(void) {
    // WC_MATH_STEP=1 visits every float: how the limits were measured.
    const char *env = getenv("WC_MATH_STEP");
    uint32_t step = env ? (uint32_t)strtoul(env, NULL, 10) : 997;
    for (enum wc_isa isa = 0; isa < WC_N_ISAS; isa++) {
        for (size_t i = 0; i < N_FUNCTIONS; i++)
            test_function(&functions[i], isa, step);
        test_special(isa);
    }
    return test_done();
}
