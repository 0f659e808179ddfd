/*
 * Element types: rounding to narrower ones, to nearest and ties to even (IEEE 754-2008, 4.3.1), one
 * rounding from whatever the file holds.
 */
#include "weights/weights.h"

#include <math.h>
#include <string.h>

#define BLOCK 1024 // elements

/*
 * float32 of a double by rounding to odd: towards zero, and the last bit set when something was cut
 * off. Rounding that to a type with at least two bits less gives what one rounding of the double
 * would give (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums").
 */
static float to_odd(double v) {
    float f = (float)v;
    uint32_t bits;
    if ((double)f == v || v != v)
        return f;
    memcpy(&bits, &f, sizeof bits);
    if (fabs((double)f) > fabs(v))
        bits--; // towards zero
    bits |= 1u;
    memcpy(&f, &bits, sizeof f);
    return f;
}

// binary16 of a float32. What rounds beyond 65504 becomes infinite.
static uint16_t f16_of(float f) {
    uint32_t x, sign;
    memcpy(&x, &f, sizeof x);
    sign = x >> 16 & 0x8000u;
    x &= 0x7FFFFFFFu;
    if (x >= 0x47800000u) // 65536 and more
        return (uint16_t)(sign | 0x7C00u);
    if (x >= 0x38800000u) { // normal: 10 of 23 bits stay, the exponent's bias goes from 127 to 15
        x += 0xFFFu + (x >> 13 & 1u);
        return (uint16_t)(sign | ((x - 0x38000000u) >> 13));
    }
    // Subnormal: in units of 2^-24, which adding 2^-1 (one unit in its last place) rounds to.
    float magnitude;
    memcpy(&magnitude, &x, sizeof magnitude);
    magnitude += 0.5f;
    memcpy(&x, &magnitude, sizeof x);
    return (uint16_t)(sign | (x - 0x3F000000u));
}

static uint16_t bf16_of(float f) {
    uint32_t x;
    memcpy(&x, &f, sizeof x);
    return (uint16_t)((x + 0x7FFFu + (x >> 16 & 1u)) >> 16);
}

static bool is_infinite(uint16_t x, enum wc_dtype dtype) {
    uint16_t exponent = dtype == WC_F16 ? 0x7C00u : 0x7F80u;
    return (x & exponent) == exponent;
}

// One block of float32 values; returns the first that does not fit, n when all do.
static size_t narrow_block(const float *in, size_t n, enum wc_dtype to, uint16_t *out) {
    size_t bad = n;
    for (size_t i = 0; i < n; i++) {
        out[i] = to == WC_F16 ? f16_of(in[i]) : bf16_of(in[i]);
        if (is_infinite(out[i], to) && bad == n)
            bad = i;
    }
    return bad;
}

static enum wc_err out_of_range(const char *path, const struct wc_tensor_info *t, size_t i,
                                double value, enum wc_dtype to, struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "out-of-range",
                    "%s: tensor \"%s\": element %zu is %.9g, the largest %s is %s; keep the type, "
                    "or take one of a wider range (bf16, f32)",
                    path, t->name, i, value, wc_dtype_name(to),
                    to == WC_F16 ? "65504" : "3.3895e38");
}

// float64 elements; `wide` gets them rounded to odd where they are rounded again.
static enum wc_err widen_f64(const char *path, const struct wc_tensor_info *t, size_t at, size_t n,
                             enum wc_dtype to, float *wide, struct wc_error *err) {
    for (size_t i = 0; i < n; i++) {
        double v;
        memcpy(&v, t->data + (at + i) * sizeof v, sizeof v);
        if (!isfinite(v))
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "%s: tensor \"%s\": element %zu is NaN or infinite", path, t->name,
                            at + i);
        wide[i] = to == WC_F32 ? (float)v : to_odd(v);
        if (!isfinite(wide[i]))
            return out_of_range(path, t, at + i, v, to, err);
    }
    return WC_OK;
}

enum wc_err wc_tensor_narrow(const char *path, const struct wc_tensor_info *t, size_t at, size_t n,
                             enum wc_dtype to, void *out, struct wc_error *err) {
    float wide[BLOCK];
    uint16_t half[BLOCK];
    for (size_t done = 0; done < n;) {
        size_t m = n - done < BLOCK ? n - done : BLOCK, size = wc_dtype_size(t->dtype);
        struct wc_tensor_info part = *t;
        part.data = t->data + (at + done) * size;
        part.n_elements = m;
        if (t->dtype == WC_F64)
            WC_TRY(widen_f64(path, t, at + done, m, to, wide, err));
        else
            WC_TRY(wc_tensor_to_f32(path, &part, wide, err));
        if (to == WC_F32) {
            memcpy((unsigned char *)out + done * sizeof *wide, wide, m * sizeof *wide);
        } else {
            size_t bad = narrow_block(wide, m, to, half);
            if (bad < m)
                return out_of_range(path, t, at + done + bad, (double)wide[bad], to, err);
            memcpy((unsigned char *)out + done * sizeof *half, half, m * sizeof *half);
        }
        done += m;
    }
    return WC_OK;
}
