/*
 * A libFuzzer target for all weight formats; the golden files are its corpus (make check replays
 * them in t321 and t331). Not part of `make check`:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_POSIX_C_SOURCE=200809L \
 *         -D_DEFAULT_SOURCE -Isrc tests/fuzz-weights.c src/weights/[a-z]*.c src/base/[a-xz]*.c \
 *         -lz -lm -o build/fuzz-weights
 *     mkdir -p build/corpus && build/fuzz-weights -max_len=16384 -malloc_limit_mb=64 build/corpus \
 *         tests/golden/weights/bad
 */
#define _GNU_SOURCE // memfd_create: a file without a name, at memory's speed
#include "base/alloc.h"
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct wc_weights *w = NULL;
    struct wc_error err = {.code = WC_OK};
    char path[64];
    int fd = memfd_create("input", 0);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    enum wc_err rc = wc_weights_open(path, &w, &err);
    if (rc != WC_OK && (rc != WC_ERR_DATA || !err.fault))
        abort(); // bad input is bad data with a fault, nothing else
    for (size_t i = 0; rc == WC_OK && i < wc_weights_n_tensors(w); i++) {
        const struct wc_tensor_info *t = wc_weights_at(w, i);
        float *values = wc_alloc(t->n_elements, sizeof(*values));
        if (values)
            (void)wc_tensor_to_f32(path, t, values, &err);
        wc_free(values);
    }
    wc_weights_free(&w);
    close(fd);
    return 0;
}
