/*
 * Memory: overflow-checked, 64-byte aligned, zero-filled, fault-injectable (base/fault.h).
 *
 * Everything the program allocates for itself comes from here, so that one hook can fail any
 * allocation; memory that a library hands out is released by that library. Thread-safe.
 */
#ifndef WC_BASE_ALLOC_H
#define WC_BASE_ALLOC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define WC_ALIGN 64 // bytes: a cache line, and one AVX-512 register

// n elements of `size` bytes, zero-filled and 64-byte aligned; NULL if n * size overflows or memory
// is out. n == 0 gives a unique pointer. Release with wc_free().
void *wc_alloc(size_t n, size_t size);

// As wc_alloc(), but a failure is an error that names `what` and its size. *out is untouched on
// failure.
#define WC_NEW(out, n, what, err)                                                                  \
    wc_alloc_named((void **)(out), (n), sizeof(**(out)), (what), (err))
enum wc_err wc_alloc_named(void **out, size_t n, size_t size, const char *what,
                           struct wc_error *err);

// As WC_NEW(), but the bytes are not cleared: for large arrays that are written as a whole next.
// Those from 4 MB on ask for huge pages, which make the first write several times faster.
#define WC_NEW_RAW(out, n, what, err)                                                              \
    wc_alloc_raw((void **)(out), (n), sizeof(**(out)), (what), (err))
enum wc_err wc_alloc_raw(void **out, size_t n, size_t size, const char *what, struct wc_error *err);

// Grows *p (allocated here, or NULL) so that it holds at least n elements; *cap is its capacity in
// elements, and at least doubles. New elements are zero. On failure *p and *cap are as they were.
#define WC_GROW(p, cap, n, what, err)                                                              \
    wc_grow((void **)(p), (cap), (n), sizeof(**(p)), (what), (err))
enum wc_err wc_grow(void **p, size_t *cap, size_t n, size_t size, const char *what,
                    struct wc_error *err);

// Releases memory of wc_alloc() or wc_grow(); NULL is fine.
void wc_free(void *p);

// Checked arithmetic: false on overflow, and *out is untouched then.
bool wc_mul(size_t a, size_t b, size_t *out);
bool wc_add(size_t a, size_t b, size_t *out);

#endif
