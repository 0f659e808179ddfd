// Rounding to half precision: every value of the type, every midpoint and its neighbours, one
// rounding from double, and what does not fit.
#include "weights_golden.h"

#include <stdint.h>

static struct wc_error err;

struct type {
    enum wc_dtype dtype;
    uint16_t n_finite; // bit patterns from 0 up to the largest finite one
    double largest;
};
static const struct type types[] = {{WC_F16, 0x7C00, 65504.0}, {WC_BF16, 0x7F80, 0x1.fep127}};

static struct wc_tensor_info tensor(enum wc_dtype dtype, const void *data, size_t n) {
    return (struct wc_tensor_info){.name = "t",
                                   .dtype = dtype,
                                   .n_dims = 1,
                                   .dim = {n},
                                   .n_elements = n,
                                   .data = data,
                                   .n_bytes = n * wc_dtype_size(dtype)};
}

// The value of a bit pattern, by the widening that other tests check.
static double value_of(const struct type *ty, uint16_t bits) {
    float f = NAN;
    const struct wc_tensor_info t = tensor(ty->dtype, &bits, 1);
    (void)wc_tensor_to_f32("x", &t, &f, &err);
    return (double)f;
}

static uint16_t round_f32(const struct type *ty, float v) {
    uint16_t out = 0xFFFF;
    const struct wc_tensor_info t = tensor(WC_F32, &v, 1);
    enum wc_err rc = wc_tensor_narrow("x", &t, 0, 1, ty->dtype, &out, &err);
    return rc == WC_OK ? out : 0xFFFF;
}

static uint16_t round_f64(const struct type *ty, double v) {
    uint16_t out = 0xFFFF;
    const struct wc_tensor_info t = tensor(WC_F64, &v, 1);
    enum wc_err rc = wc_tensor_narrow("x", &t, 0, 1, ty->dtype, &out, &err);
    return rc == WC_OK ? out : 0xFFFF;
}

static void test_all(const struct type *ty) {
    size_t n_exact = 0, n_half = 0, n_below = 0, n_above = 0, n_double = 0, n_negative = 0;
    for (uint16_t b = 0; b < ty->n_finite; b++) {
        double low = value_of(ty, b), high = b + 1 < ty->n_finite ? value_of(ty, (uint16_t)(b + 1))
                                                                  : 2 * low - value_of(ty, b - 1);
        double middle = low + (high - low) / 2; // exact: one more bit than the type has
        uint16_t even = b % 2 == 0 ? b : (uint16_t)(b + 1);
        bool last = b + 1 == ty->n_finite; // above the middle it does not fit
        n_exact += round_f32(ty, (float)low) == b;
        n_negative += round_f32(ty, (float)-low) == (b | 0x8000);
        bool f32_has_it = (double)(float)middle == middle;
        if (!f32_has_it || last) { // the smallest bf16: only doubles lie between
            n_half++, n_below++, n_above++;
        } else {
            n_half += round_f32(ty, (float)middle) == even;
            n_below += round_f32(ty, nextafterf((float)middle, 0)) == b;
            n_above += round_f32(ty, nextafterf((float)middle, INFINITY)) == b + 1;
        }
        // Just beside the middle in double: rounding to float32 first would land on the middle.
        n_double += round_f64(ty, nextafter(middle, 0)) == b &&
                    (last || round_f64(ty, nextafter(middle, INFINITY)) == b + 1) &&
                    (last || round_f64(ty, middle) == even);
    }
    const char *name = wc_dtype_name(ty->dtype);
    test_ok(n_exact == ty->n_finite, "%s: all %d values stay", name, ty->n_finite);
    test_ok(n_negative == ty->n_finite, "%s: with their signs", name);
    test_ok(n_half == ty->n_finite, "%s: midpoints go to even", name);
    test_ok(n_below == ty->n_finite, "%s: below them, down", name);
    test_ok(n_above == ty->n_finite, "%s: above them, up", name);
    test_ok(n_double == ty->n_finite, "%s: doubles are rounded once", name);
}

static void test_range(const struct type *ty) {
    double half_unit = (ty->largest - value_of(ty, (uint16_t)(ty->n_finite - 2))) / 2;
    double limit = ty->largest + half_unit; // rounds to the power of two beyond
    float values[3000] = {0};
    uint16_t out[3000];
    const char *name = wc_dtype_name(ty->dtype);
    values[2500] = -(float)limit;
    const struct wc_tensor_info t = tensor(WC_F32, values, 3000);
    test_ok(round_f32(ty, nextafterf((float)limit, 0)) == ty->n_finite - 1,
            "%s: just inside the range", name);
    enum wc_err rc = wc_tensor_narrow("m.st", &t, 0, 3000, ty->dtype, out, &err);
    if (!test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "out-of-range") == 0 &&
                     strstr(err.text, "\"t\": element 2500") && strstr(err.text, name),
                 "%s: just outside is an error that names tensor and element", name))
        test_note("%s", err.text);
    rc = wc_tensor_narrow("m.st", &t, 2000, 1000, ty->dtype, out, &err);
    test_ok(rc == WC_ERR_DATA && strstr(err.text, "element 2500"), "%s: in a part as well", name);
    rc = wc_tensor_narrow("m.st", &t, 0, 2500, ty->dtype, out, &err);
    test_ok(rc == WC_OK, "%s: the part before it is fine", name);
}

static void test_wide(void) {
    double v[3] = {1 + 0x1p-40, 1e300, -0x1p-149};
    float out[3];
    const struct wc_tensor_info t = tensor(WC_F64, v, 3);
    enum wc_err rc = wc_tensor_narrow("x", &t, 0, 1, WC_F32, out, &err);
    test_ok(rc == WC_OK && out[0] == 1.0f, "float64 to float32 rounds to nearest");
    rc = wc_tensor_narrow("x", &t, 1, 1, WC_F32, out, &err);
    test_ok(rc == WC_ERR_DATA && strstr(err.text, "element 1"), "beyond float32 is an error");
    rc = wc_tensor_narrow("x", &t, 2, 1, WC_F32, out, &err);
    test_ok(rc == WC_OK && out[0] == -0x1p-149f, "the smallest float32 stays");
    uint16_t nan = 0x7E00;
    const struct wc_tensor_info bad = tensor(WC_F16, &nan, 1);
    rc = wc_tensor_narrow("x", &bad, 0, 1, WC_BF16, out, &err);
    test_ok(rc == WC_ERR_DATA && strcmp(err.fault, "non-finite") == 0, "NaN is an error");
}

int main(void) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        test_all(&types[i]);
        test_range(&types[i]);
    }
    test_wide();
    return test_done();
}
