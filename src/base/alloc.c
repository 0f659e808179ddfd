#include "base/alloc.h"

#include "base/fault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool wc_mul(size_t a, size_t b, size_t *out) {
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool wc_add(size_t a, size_t b, size_t *out) {
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

#define HUGE_PAGE ((size_t)1 << 21)
#define HUGE_FROM ((size_t)4 << 20)

// n * size bytes, rounded up to whole lines; *n_bytes receives how many.
static void *get(size_t n, size_t size, bool huge, size_t *n_bytes) {
    size_t rounded;
    if (wc_fault_hit(WC_FAULT_ALLOC) || !wc_mul(n, size, n_bytes) ||
        !wc_add(*n_bytes, WC_ALIGN - 1, &rounded))
        return NULL;
    rounded = rounded / WC_ALIGN * WC_ALIGN;
    if (rounded == 0)
        rounded = WC_ALIGN;
    huge = huge && rounded >= HUGE_FROM;
    void *p = NULL;
    if (rounded > PTRDIFF_MAX || posix_memalign(&p, huge ? HUGE_PAGE : WC_ALIGN, rounded) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (huge)
        (void)madvise(p, rounded / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); // advice: may be refused
#endif
    *n_bytes = rounded;
    wc_fault_live_add(1);
    return p;
}

void *wc_alloc(size_t n, size_t size) {
    size_t n_bytes = 0;
    void *p = get(n, size, false, &n_bytes);
    if (p)
        memset(p, 0, n_bytes);
    return p;
}

static enum wc_err give(void *p, void **out, size_t n, size_t size, const char *what,
                        struct wc_error *err) {
    if (!p)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory (%zu elements of %zu bytes)", what, n,
                       size);
    *out = p;
    return WC_OK;
}

enum wc_err wc_alloc_raw(void **out, size_t n, size_t size, const char *what,
                         struct wc_error *err) {
    size_t n_bytes = 0;
    return give(get(n, size, true, &n_bytes), out, n, size, what, err);
}

enum wc_err wc_alloc_named(void **out, size_t n, size_t size, const char *what,
                           struct wc_error *err) {
    return give(wc_alloc(n, size), out, n, size, what, err);
}

enum wc_err wc_grow(void **p, size_t *cap, size_t n, size_t size, const char *what,
                    struct wc_error *err) {
    if (n <= *cap)
        return WC_OK;
    size_t want = *cap < 8 ? 8 : *cap;
    if (!wc_add(want, *cap < 8 ? 0 : *cap, &want) || want < n)
        want = n;
    void *grown = NULL;
    WC_TRY(wc_alloc_named(&grown, want, size, what, err));
    if (*cap > 0)
        memcpy(grown, *p, *cap * size);
    wc_free(*p);
    *p = grown;
    *cap = want;
    return WC_OK;
}

void wc_free(void *p) {
    if (p)
        wc_fault_live_add(-1);
    free(p);
}
