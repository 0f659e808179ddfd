/*
 * Element types: sizes, names, widening to float32, and the checks of values and shapes.
 */
#include "weights/set.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weight files are little-endian and used in place: this host needs byte swapping here"
#endif

static const struct {
    const char *name; // safetensors specification
    size_t n_bytes;
} dtypes[WC_N_DTYPES] = {
    [WC_F32] = {"F32", 4}, [WC_F16] = {"F16", 2},   [WC_BF16] = {"BF16", 2}, [WC_F64] = {"F64", 8},
    [WC_I64] = {"I64", 8}, [WC_I32] = {"I32", 4},   [WC_I16] = {"I16", 2},   [WC_I8] = {"I8", 1},
    [WC_U8] = {"U8", 1},   [WC_BOOL] = {"BOOL", 1},
};

size_t wc_dtype_size(enum wc_dtype dtype) {
    return (unsigned)dtype < WC_N_DTYPES ? dtypes[dtype].n_bytes : 0;
}

const char *wc_dtype_name(enum wc_dtype dtype) {
    return (unsigned)dtype < WC_N_DTYPES ? dtypes[dtype].name : "?";
}

bool wc_dtype_by_name(const char *name, enum wc_dtype *out) {
    for (int i = 0; i < WC_N_DTYPES; i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            *out = (enum wc_dtype)i;
            return true;
        }
    }
    return false;
}

bool wc_tensor_size(struct wc_tensor_info *t) {
    size_t n = 1, n_bytes;
    for (size_t i = 0; i < t->n_dims; i++)
        if (!wc_mul(n, t->dim[i], &n))
            return false;
    if (!wc_mul(n, wc_dtype_size(t->dtype), &n_bytes))
        return false;
    t->n_elements = n;
    t->n_bytes = n_bytes;
    return true;
}

void wc_shape_text(size_t n_dims, const size_t *dim, char *text, size_t n) {
    if (n == 0)
        return;
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i <= n_dims && at < n; i++) {
        int k = i == n_dims ? snprintf(text + at, n - at, n_dims ? "]" : "[]")
                            : snprintf(text + at, n - at, "%s%zu", i ? "," : "[", dim[i]);
        if (k < 0)
            return;
        at += (size_t)k;
    }
}

enum wc_err wc_tensor_check_shape(const char *path, const struct wc_tensor_info *t, size_t n_dims,
                                  const size_t *dim, const char *needed_by, struct wc_error *err) {
    if (t->n_dims == n_dims && (n_dims == 0 || memcmp(t->dim, dim, n_dims * sizeof(*dim)) == 0))
        return WC_OK;
    char found[192], needed[192];
    wc_shape_text(t->n_dims, t->dim, found, sizeof(found));
    wc_shape_text(n_dims, dim, needed, sizeof(needed));
    return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                    "%s: tensor \"%s\": shape %s, %s needs %s; is this another model's file?", path,
                    t->name, found, needed_by, needed);
}

// Elements converted at a time: the staging buffers stay in the first-level cache.
#define BLOCK 1024

/*
 * Each widening function converts n <= BLOCK elements at `in` (any alignment) and returns false
 * when one of them is not finite; what it wrote for those is of no use then. The loops always run
 * over a whole block of local arrays, without branches: that is what compilers vectorise at -O2.
 */
typedef bool (*widen_fn)(size_t n, const unsigned char *in, float *out);

static bool widen_f32(size_t n, const unsigned char *in, float *out) {
    uint32_t bits[BLOCK], bad = 0;
    memcpy(bits, in, n * sizeof(*bits));
    memset(bits + n, 0, (BLOCK - n) * sizeof(*bits));
    for (size_t i = 0; i < BLOCK; i++)
        bad |= (bits[i] & 0x7F800000u) == 0x7F800000u;
    memcpy(out, bits, n * sizeof(*bits));
    return !bad;
}

// binary16 (IEEE 754-2008): sign, 5 bits of exponent (bias 15), 10 of fraction. Moved to the places
// of binary32 the value is too small by 2^(127 - 15); one exact multiplication mends that for
// normal and subnormal numbers alike.
static bool widen_f16(size_t n, const unsigned char *in, float *out) {
    uint16_t half[BLOCK];
    uint32_t bits[BLOCK], bad = 0;
    float wide[BLOCK];
    memcpy(half, in, n * sizeof(*half));
    memset(half + n, 0, (BLOCK - n) * sizeof(*half));
    for (size_t i = 0; i < BLOCK; i++) {
        bad |= (half[i] & 0x7C00u) == 0x7C00u;
        bits[i] = (uint32_t)(half[i] & 0x7FFFu) << 13;
    }
    memcpy(wide, bits, sizeof(wide));
    for (size_t i = 0; i < BLOCK; i++)
        wide[i] *= 0x1p112f;
    memcpy(bits, wide, sizeof(bits));
    for (size_t i = 0; i < BLOCK; i++)
        bits[i] |= (uint32_t)(half[i] & 0x8000u) << 16;
    memcpy(out, bits, n * sizeof(*bits));
    return !bad;
}

static bool widen_bf16(size_t n, const unsigned char *in, float *out) {
    uint16_t half[BLOCK];
    uint32_t bits[BLOCK], bad = 0;
    memcpy(half, in, n * sizeof(*half));
    memset(half + n, 0, (BLOCK - n) * sizeof(*half));
    for (size_t i = 0; i < BLOCK; i++) {
        bad |= (half[i] & 0x7F80u) == 0x7F80u;
        bits[i] = (uint32_t)half[i] << 16;
    }
    memcpy(out, bits, n * sizeof(*bits));
    return !bad;
}

// Rounds to nearest; what rounds beyond the largest float32 counts as infinite.
static bool widen_f64(size_t n, const unsigned char *in, float *out) {
    const double limit = 0x1.ffffffp127; // halfway between FLT_MAX and 2^128
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        double v;
        memcpy(&v, in + i * sizeof(v), sizeof(v));
        bool fits = v > -limit && v < limit; // false for NaN as well
        good &= fits;
        out[i] = fits ? (float)v : 0.0f;
    }
    return good;
}

static const widen_fn widen[WC_N_DTYPES] = {
    [WC_F32] = widen_f32,
    [WC_F16] = widen_f16,
    [WC_BF16] = widen_bf16,
    [WC_F64] = widen_f64,
};

// The index of the first element in the block that is not finite, found by asking one at a time.
static size_t first_bad(widen_fn f, size_t n, const unsigned char *in, size_t n_bytes) {
    float unused;
    for (size_t i = 0; i < n; i++)
        if (!f(1, in + i * n_bytes, &unused))
            return i;
    return n;
}

enum wc_err wc_tensor_to_f32(const char *path, const struct wc_tensor_info *t, float *out,
                             struct wc_error *err) {
    widen_fn f = widen[t->dtype];
    size_t n_bytes = wc_dtype_size(t->dtype);
    if (!f)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                        "%s: tensor \"%s\": type %s, weights must be F32, F16, BF16 or F64", path,
                        t->name, wc_dtype_name(t->dtype));
    for (size_t at = 0; at < t->n_elements; at += BLOCK) {
        size_t n = t->n_elements - at < BLOCK ? t->n_elements - at : BLOCK;
        const unsigned char *in = t->data + at * n_bytes;
        if (!f(n, in, out + at))
            return WC_FAULT(err, WC_ERR_DATA, "non-finite",
                            "%s: tensor \"%s\": element %zu of %zu is NaN or infinite; the file is "
                            "damaged or its training diverged, get it again",
                            path, t->name, at + first_bad(f, n, in, n_bytes), t->n_elements);
    }
    return WC_OK;
}
