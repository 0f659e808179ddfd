// The scratch arena: alignment, accounting, reset, out of memory.
#include "base/alloc.h"
#include "base/fault.h"
#include "tensor/tensor.h"
#include "test.h"

#include <stdint.h>

int main(void) {
    struct wc_error err = {0};
    struct wc_arena a = {0};
    wc_arena_release(&a);
    test_ok(a.base == NULL, "releasing a zeroed arena is legal");

    test_ok(wc_arena_cost_f32(0) == 0 && wc_arena_cost_f32(1) == 64 &&
                wc_arena_cost_f32(16) == 64 && wc_arena_cost_f32(17) == 128,
            "an array's cost is rounded up to the alignment");
    size_t need = wc_arena_cost_f32(1) + wc_arena_cost_f32(100) + wc_arena_cost_f32(16);
    test_ok(wc_arena_init(&a, need, &err) == WC_OK, "an arena of %zu bytes", need);
    float *x = wc_arena_f32(&a, 1), *y = wc_arena_f32(&a, 100), *z = wc_arena_f32(&a, 16);
    test_ok((uintptr_t)x % 64 == 0 && (uintptr_t)y % 64 == 0 && (uintptr_t)z % 64 == 0,
            "arrays are aligned");
    test_ok(y >= x + 1 && z >= y + 100, "arrays do not overlap");
    for (size_t i = 0; i < 100; i++)
        y[i] = 1.0F;
    z[15] = 2.0F;
    test_ok(a.used_bytes == need && a.peak_bytes == need, "exactly what the costs add up to");
    wc_arena_reset(&a);
    test_ok(a.used_bytes == 0 && a.peak_bytes == need, "reset keeps the peak");
    test_ok(wc_arena_f32(&a, 5) == x, "memory is taken again after a reset");
    wc_arena_release(&a);

    struct wc_arena b = {.used_bytes = 7};
    test_ok(wc_arena_init(&b, SIZE_MAX / 2, &err) == WC_ERR_NOMEM && b.used_bytes == 7,
            "more than there is: an error, and the arena is untouched");
    return test_done();
}
