// Whether a file's tensors make up a model.
#include "model/open.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static enum wc_err check_shapes(const struct wc_weights *w, const struct wc_tensor_spec *spec,
                                size_t n, const char *needed_by, struct wc_error *err) {
    for (size_t i = 0; i < n; i++) {
        const struct wc_tensor_info *t = wc_weights_find(w, spec[i].name);
        // A scalar is at times stored as one element in one dimension.
        bool scalar = t && spec[i].n_dims == 0 && t->n_elements == 1;
        if (t && !scalar)
            WC_TRY(wc_tensor_check_shape(wc_weights_path(w), t, spec[i].n_dims, spec[i].dim,
                                         needed_by, err));
    }
    return WC_OK;
}

static enum wc_err check_presence(const struct wc_weights *w, const struct wc_tensor_spec *spec,
                                  size_t n, const char *needed_by, struct wc_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (wc_weights_find(w, spec[i].name) || strcmp(spec[i].name, "logit_scale") == 0)
            continue;
        return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                        "%s: tensor \"%s\" is missing; %s needs it", wc_weights_path(w),
                        spec[i].name, needed_by);
    }
    return WC_OK;
}

// Could the tensor change what a CLIP computes? Counters and index tables cannot, nor can what
// belongs to none of its parts.
static bool is_part(const char *name) {
    static const char *const harmless[] = {"num_batches_tracked", "position_ids", "attn_mask"};
    static const char *const prefixes[] = {"visual.",   "transformer.",  "token_embedding.",
                                           "ln_final.", "vision_model.", "text_model."};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (wc_str_ends(name, harmless[i]))
            return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (wc_str_starts(name, prefixes[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum wc_err check_extras(const struct wc_weights *w, const struct wc_tensor_spec *spec,
                                size_t n, const char *needed_by, struct wc_error *err) {
    const char **sorted;
    WC_TRY(WC_NEW(&sorted, n, "tensor names", err));
    for (size_t i = 0; i < n; i++)
        sorted[i] = spec[i].name;
    qsort(sorted, n, sizeof *sorted, by_name);
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < wc_weights_n_tensors(w) && rc == WC_OK; i++) {
        const char *name = wc_weights_at(w, i)->name;
        if (!is_part(name) || bsearch(&name, sorted, n, sizeof *sorted, by_name))
            continue;
        rc = WC_FAULT(err, WC_ERR_DATA, "unexpected-tensor",
                      "%s: tensor \"%s\" has no place in %s; without it the towers would compute "
                      "something else than they were trained to",
                      wc_weights_path(w), name, needed_by);
    }
    wc_free(sorted);
    return rc;
}

enum wc_err wc_model_check_tensors(const struct wc_weights *w, const struct wc_tensor_spec *spec,
                                   size_t n, const char *needed_by, struct wc_error *err) {
    WC_TRY(check_shapes(w, spec, n, needed_by, err));
    WC_TRY(check_presence(w, spec, n, needed_by, err));
    return check_extras(w, spec, n, needed_by, err);
}

enum wc_err wc_model_check_values(const struct wc_weights *w, const struct wc_tensor_spec *spec,
                                  size_t n, struct wc_error *err) {
    for (size_t i = 0; i < n; i++) {
        const struct wc_tensor_info *t = wc_weights_find(w, spec[i].name);
        if (t)
            WC_TRY(wc_tensor_check_finite(wc_weights_path(w), t, err));
    }
    return WC_OK;
}
