#include "weights/set.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "weights/embed.h"

#include <stdlib.h>
#include <string.h>

void wc_weights_free(struct wc_weights **weights) {
    struct wc_weights *w = weights ? *weights : NULL;
    if (!w)
        return;
    for (size_t i = 0; i < w->n_tensors; i++)
        wc_free((void *)(uintptr_t)w->tensor[i].name);
    wc_free(w->tensor);
    for (size_t i = 0; i < w->n_copies; i++)
        wc_free(w->copy[i].bytes);
    wc_free(w->copy);
    for (size_t i = 0; i < w->n_maps; i++) {
        wc_map_release(&w->map[i]);
        wc_free(w->map_path[i]);
    }
    wc_free(w->map);
    wc_free(w->map_path);
    wc_strlist_release(&w->meta_key);
    wc_strlist_release(&w->meta_text);
    wc_free(w->config_json);
    wc_free(w->config_path);
    wc_free(w->path);
    wc_free(w);
    *weights = NULL;
}

enum wc_err wc_set_map(struct wc_weights *w, const char *path, struct wc_map *map,
                       struct wc_error *err) {
    struct wc_map m;
    WC_TRY(WC_GROW(&w->map, &w->cap_maps, w->n_maps + 1, "weights: mapped files", err));
    WC_TRY(WC_GROW(&w->map_path, &w->cap_map_paths, w->n_maps + 1, "weights: file names", err));
    if (strcmp(path, WC_WEIGHTS_DEMO) == 0)
        m = (struct wc_map){wc_demo_weights, WC_EMBED_BYTES(wc_demo_weights), .built_in = true};
    else
        WC_TRY(wc_io_map(path, &m, err));
    if (m.n_bytes == 0) {
        wc_map_release(&m);
        return WC_FAULT(err, WC_ERR_DATA, "empty",
                        "%s: the file is empty; was a download or copy interrupted?", path);
    }
    char *name = wc_strdup(path);
    if (!name) {
        wc_map_release(&m);
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for the file's name", path);
    }
    w->map[w->n_maps] = m;
    w->map_path[w->n_maps] = name;
    w->file_bytes += m.n_bytes;
    w->n_maps++;
    *map = m;
    return WC_OK;
}

enum wc_err wc_set_add(struct wc_weights *w, const char *path, const char *name, size_t n_name,
                       const struct wc_tensor_info *t, struct wc_error *err) {
    WC_TRY(WC_GROW(&w->tensor, &w->cap_tensors, w->n_tensors + 1, "weights: tensor table", err));
    char *own = wc_strndup(name, n_name);
    if (!own)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for a tensor name of %zu bytes", path,
                       n_name);
    w->tensor[w->n_tensors] = *t;
    w->tensor[w->n_tensors++].name = own;
    return WC_OK;
}

enum wc_err wc_set_rename(struct wc_tensor_info *t, const char *name, struct wc_error *err) {
    char *own = wc_strdup(name);
    if (!own)
        return WC_FAIL(err, WC_ERR_NOMEM, "tensor \"%s\": out of memory for its name", name);
    wc_free((void *)(uintptr_t)t->name);
    t->name = own;
    return WC_OK;
}

void wc_set_drop(struct wc_weights *w, size_t i) {
    wc_free((void *)(uintptr_t)w->tensor[i].name);
    w->tensor[i] = w->tensor[--w->n_tensors];
}

enum wc_err wc_set_copy(struct wc_weights *w, const char *path, size_t n_bytes,
                        unsigned char **bytes, struct wc_error *err) {
    size_t limit = w->file_bytes * WC_SET_COPY_FACTOR;
    if (n_bytes > limit - w->copied_bytes)
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                        "%s: its tensor views would unfold to more than %d times the file's %zu "
                        "bytes; no model is stored like that",
                        path, WC_SET_COPY_FACTOR, w->file_bytes);
    WC_TRY(WC_GROW(&w->copy, &w->cap_copies, w->n_copies + 1, "weights: table of copies", err));
    WC_TRY(WC_NEW(bytes, n_bytes, "weights: a converted tensor", err));
    w->copy[w->n_copies++].bytes = *bytes;
    w->copied_bytes += n_bytes;
    return WC_OK;
}

enum wc_err wc_set_meta(struct wc_weights *w, const char *key, const char *value,
                        struct wc_error *err) {
    WC_TRY(wc_strlist_add(&w->meta_key, key, err));
    enum wc_err rc = wc_strlist_add(&w->meta_text, value, err);
    if (rc != WC_OK) // keep key and value at one index
        wc_free(w->meta_key.item[--w->meta_key.n]);
    return rc;
}

static int by_name(const void *a, const void *b) {
    const struct wc_tensor_info *x = a, *y = b;
    return strcmp(x->name, y->name);
}

// Is it a weight of CLIP by its open_clip name, as opposed to a counter or an index table?
static bool is_clip_weight(const char *name) {
    static const char *const counters[] = {".num_batches_tracked", "position_ids", "attn_mask"};
    static const char *const prefixes[] = {"visual.",    "transformer.",    "token_embedding.",
                                           "ln_final.",  "text_projection", "positional_embedding",
                                           "logit_scale"};
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        if (wc_str_ends(name, counters[i]))
            return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (wc_str_starts(name, prefixes[i]))
            return true;
    return false;
}

enum wc_err wc_set_sort(struct wc_weights *w, struct wc_error *err) {
    if (w->n_tensors == 0)
        return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                        "%s: the file holds no tensor; is it the right file?", w->path);
    qsort(w->tensor, w->n_tensors, sizeof(*w->tensor), by_name);
    for (size_t i = 0; i < w->n_tensors; i++) {
        const struct wc_tensor_info *t = &w->tensor[i];
        if (i > 0 && strcmp(t[-1].name, t->name) == 0)
            return WC_FAULT(err, WC_ERR_DATA, "duplicate-key",
                            "%s: tensor \"%s\" is there twice; a name must be unique", w->path,
                            t->name);
        if (t->dtype > WC_F64 && is_clip_weight(t->name))
            return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                            "%s: tensor \"%s\": type %s, weights must be F32, F16, BF16 or F64",
                            w->path, t->name, wc_dtype_name(t->dtype));
    }
    return WC_OK;
}

const char *wc_weights_path(const struct wc_weights *weights) {
    return weights->path;
}

const char *wc_weights_format(const struct wc_weights *weights) {
    return weights->format;
}

const char *wc_weights_origin(const struct wc_weights *weights) {
    return weights->origin;
}

const char *wc_weights_config_json(const struct wc_weights *weights) {
    return weights->config_json;
}

const char *wc_weights_config_path(const struct wc_weights *weights) {
    return weights->config_path;
}

enum wc_err wc_weights_sha256(const struct wc_weights *weights, char hex[65],
                              struct wc_error *err) {
    (void)err; // the bytes are mapped: nothing can fail
    struct wc_sha256 s;
    unsigned char digest[32];
    wc_sha256_init(&s);
    for (size_t i = 0; i < weights->n_maps; i++)
        wc_sha256_add(&s, weights->map[i].data, weights->map[i].n_bytes);
    wc_sha256_end(&s, digest);
    wc_hex(digest, sizeof(digest), hex);
    return WC_OK;
}

size_t wc_weights_n_tensors(const struct wc_weights *weights) {
    return weights->n_tensors;
}

const struct wc_tensor_info *wc_weights_at(const struct wc_weights *weights, size_t i) {
    return i < weights->n_tensors ? &weights->tensor[i] : NULL;
}

const struct wc_tensor_info *wc_weights_find(const struct wc_weights *weights, const char *name) {
    struct wc_tensor_info key = {.name = name};
    if (weights->n_tensors == 0)
        return NULL;
    return bsearch(&key, weights->tensor, weights->n_tensors, sizeof(key), by_name);
}

const char *wc_weights_meta(const struct wc_weights *weights, const char *key) {
    for (size_t i = 0; i < weights->meta_key.n; i++)
        if (strcmp(weights->meta_key.item[i], key) == 0)
            return weights->meta_text.item[i];
    return NULL;
}
