#include "tensor/gemm.h"

#include "tensor/gemm_backend.h"
#include "tensor/gemm_check.h"

#include <string.h>

// In order of preference for "auto".
static const struct wc_gemm_backend *const backends[] = {
#if defined(WC_HAVE_ONEDNN)
    &wc_gemm_onednn,
#endif
    &wc_gemm_openblas,
};
enum { N_BACKENDS = sizeof backends / sizeof *backends };

// Set once by wc_gemm_init() before threads start.
static const struct wc_gemm_backend *chosen = &wc_gemm_openblas;
static char description[128];

static enum wc_err start(const struct wc_gemm_backend *backend, struct wc_error *err) {
    char text[sizeof description];
    WC_TRY(backend->init(text, sizeof text, err));
    WC_TRY(wc_gemm_check(backend, WC_PRECISION_F32, text, err));
    memcpy(description, text, sizeof description);
    chosen = backend;
    return WC_OK;
}

enum wc_err wc_gemm_init(const char *name, struct wc_error *err) {
    bool automatic = strcmp(name, "auto") == 0;
    for (size_t i = 0; i < N_BACKENDS; i++) {
        if (automatic || strcmp(name, backends[i]->name) == 0)
            return start(backends[i], err);
    }
    return WC_FAIL(err, WC_ERR_CONFIG,
                   "gemm: \"%s\": no such backend in this build, expected auto%s or openblas", name,
                   N_BACKENDS > 1 ? ", onednn" : "");
}

const struct wc_gemm_backend *wc_gemm_chosen(void) {
    return chosen;
}

const char *wc_gemm_backend(void) {
    return chosen->name;
}

const char *wc_gemm_description(void) {
    return description;
}

void wc_gemm_nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                size_t ld_b, bool add, float *out, size_t ld_out) {
    chosen->nt(m, n, k, a, ld_a, b, ld_b, add, out, ld_out);
}

void wc_gemm_nn(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
                size_t ld_b, bool add, float *out, size_t ld_out) {
    chosen->nn(m, n, k, a, ld_a, b, ld_b, add, out, ld_out);
}
