#include "image/resize_down.h"

void wc_resize_down_avx2(const uint8_t *rows, size_t width, const int32_t *tap, size_t n,
                         uint8_t *out) {
    resize_down_body(rows, width, tap, n, out);
}
