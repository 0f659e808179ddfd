#include "tensor/kernels.h"

#include "tensor/kernels_private.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const isa_names[WC_N_ISAS] = {"scalar", "avx2", "avx512"};

// Set once by wc_kernels_init() before threads start.
static const struct wc_kernels *chosen = &wc_kernels_scalar_table;

#if defined(__x86_64__)

// Bits of CPUID and XCR0: Intel SDM vol. 2A "CPUID", vol. 1 sections 13.3 and 15.2-15.4.
#define BIT(n) (1U << (n))
enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xE6 }; // SSE, AVX / + opmask, upper ZMM halves, ZMM16-31

// The register sets that the operating system saves; 0 without XGETBV.
static unsigned saved_state(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & BIT(27)))
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool cpu_has(enum wc_isa isa) {
    const unsigned leaf1_c = BIT(12) | BIT(28) | BIT(29);            // FMA, AVX, F16C
    const unsigned avx512_b = BIT(16) | BIT(17) | BIT(30) | BIT(31); // F, DQ, BW, VL
    unsigned a, b, c, d, state = saved_state();
    if (isa == WC_ISA_SCALAR)
        return true;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1_c) != leaf1_c)
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & BIT(5)) || (state & XCR0_AVX) != XCR0_AVX)
        return false;
    return isa == WC_ISA_AVX2 ||
           ((b & avx512_b) == avx512_b && (state & XCR0_AVX512) == XCR0_AVX512);
}

static const struct wc_kernels *const tables[WC_N_ISAS] = {
    &wc_kernels_scalar_table, &wc_kernels_avx2_table, &wc_kernels_avx512_table};

#else

static bool cpu_has(enum wc_isa isa) {
    return isa == WC_ISA_SCALAR;
}

static const struct wc_kernels *const tables[WC_N_ISAS] = {&wc_kernels_scalar_table};

#endif

const struct wc_kernels *wc_kernels_of(enum wc_isa isa) {
    return cpu_has(isa) ? tables[isa] : NULL;
}

enum wc_isa wc_isa_best(void) {
    enum wc_isa isa = WC_N_ISAS - 1;
    while (!wc_kernels_of(isa))
        isa--;
    return isa;
}

const char *wc_isa_name(enum wc_isa isa) {
    return isa_names[isa];
}

const struct wc_kernels *wc_kernels(void) {
    return chosen;
}

enum wc_err wc_kernels_init(const char *name, struct wc_error *err) {
    const char *source = "isa";
    if (strcmp(name, "auto") == 0) {
        const char *env = getenv("WC_ISA");
        name = env && *env ? env : name;
        source = "$WC_ISA";
    }
    enum wc_isa best = wc_isa_best(), isa = best;
    if (strcmp(name, "auto") != 0)
        for (isa = 0; isa < WC_N_ISAS && strcmp(name, isa_names[isa]) != 0;)
            isa++;
    if (isa == WC_N_ISAS)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "%s: unknown instruction set \"%s\", expected auto, scalar, avx2 or avx512",
                       source, name);
    if (!wc_kernels_of(isa))
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "%s: \"%s\": this processor (or this build) lacks it; the best it has is "
                       "\"%s\", which \"auto\" takes",
                       source, name, isa_names[best]);
    chosen = wc_kernels_of(isa);
    return WC_OK;
}

void wc_l2_normalise(size_t m, size_t n, float *x, size_t ld) {
    for (size_t i = 0; i < m; i++) {
        float *row = x + i * ld;
        double sum = 0.0;
        for (size_t j = 0; j < n; j++)
            sum += (double)row[j] * row[j];
        double norm = sqrt(sum);
        for (size_t j = 0; j < n && norm > 0; j++)
            row[j] = (float)(row[j] / norm);
    }
}
