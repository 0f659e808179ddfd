// What the targets of weight files share: opening a file of memory, and reading all of it.
#ifndef WC_TESTS_FUZZ_WEIGHTS_H
#define WC_TESTS_FUZZ_WEIGHTS_H

#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "model/model.h"

// Opens the file, reads every tensor, and asks whether it is a model.
static inline void fuzz_weights(const char *path) {
    struct wc_weights *w = NULL;
    struct wc_model *m = NULL;
    struct wc_error err = {.code = WC_OK};
    enum wc_err rc = wc_weights_open(path, &w, &err);
    fuzz_data_error(rc, &err);
    if (rc != WC_OK)
        return;
    for (size_t i = 0; i < wc_weights_n_tensors(w); i++) {
        const struct wc_tensor_info *t = wc_weights_at(w, i);
        float *values = wc_alloc(t->n_elements, sizeof *values);
        if (values)
            (void)wc_tensor_to_f32(path, t, values, &err);
        wc_free(values);
    }
    wc_weights_free(&w);
    const struct wc_model_options look = {.weights = path, .inspect = true};
    rc = wc_model_open(&look, &m, &err);
    fuzz_data_error(rc, &err);
    wc_model_free(&m);
}

#endif
