#include "weights/naming.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

#define MAX_NAME 600       // bytes
#define MAX_TRANSLATED 300 // longer names are no CLIP names and stay as they are

// ---- prefixes

static bool all_start_with(const struct wc_weights *w, const char *prefix) {
    for (size_t i = 0; i < w->n_tensors; i++)
        if (!wc_str_starts(w->tensor[i].name, prefix) || !w->tensor[i].name[strlen(prefix)])
            return false;
    return w->n_tensors > 0;
}

static enum wc_err cut_prefix(struct wc_weights *w, const char *prefix, struct wc_error *err) {
    size_t n = strlen(prefix);
    for (size_t i = 0; i < w->n_tensors; i++)
        if (wc_str_starts(w->tensor[i].name, prefix) && w->tensor[i].name[n])
            WC_TRY(wc_set_rename(&w->tensor[i], w->tensor[i].name + n, err));
    return WC_OK;
}

static enum wc_err strip_prefixes(struct wc_weights *w, struct wc_error *err) {
    static const char *const wrappers[] = {"module.", "_orig_mod.", "module."};
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++)
        if (all_start_with(w, wrappers[i]))
            WC_TRY(cut_prefix(w, wrappers[i], err));
    return WC_OK;
}

// ---- Hugging Face transformers

enum action {
    KEEP,      // another name, the same numbers
    TRANSPOSE, // (out, in) -> (in, out)
    JOIN_Q,    // the first of three to be joined along the first dimension
    JOIN_K,
    JOIN_V,
    DROP
};

struct rule {
    const char *from, *to;
    enum action action;
};

// Whole names, or beginnings where `from` ends in a dot. transformers'
// models/clip/modeling_clip.py ("layrnorm" is its spelling); open_clip's model.py.
static const struct rule hf_names[] = {
    {"text_model.embeddings.token_embedding.", "token_embedding.", KEEP},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding", KEEP},
    {"text_model.embeddings.position_ids", NULL, DROP},
    {"text_model.final_layer_norm.", "ln_final.", KEEP},
    {"text_projection.weight", "text_projection", TRANSPOSE},
    {"visual_projection.weight", "visual.proj", TRANSPOSE},
    {"vision_model.embeddings.class_embedding", "visual.class_embedding", KEEP},
    {"vision_model.embeddings.patch_embedding.", "visual.conv1.", KEEP},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding", KEEP},
    {"vision_model.embeddings.position_ids", NULL, DROP},
    {"vision_model.pre_layrnorm.", "visual.ln_pre.", KEEP},
    {"vision_model.pre_layernorm.", "visual.ln_pre.", KEEP},
    {"vision_model.post_layernorm.", "visual.ln_post.", KEEP},
};

// Before the number of a layer.
static const struct rule hf_layers[] = {
    {"text_model.encoder.layers.", "transformer.resblocks.", KEEP},
    {"vision_model.encoder.layers.", "visual.transformer.resblocks.", KEEP},
};

// After the number of a layer.
static const struct rule hf_parts[] = {
    {"layer_norm1.", "ln_1.", KEEP},
    {"layer_norm2.", "ln_2.", KEEP},
    {"mlp.fc1.", "mlp.c_fc.", KEEP},
    {"mlp.fc2.", "mlp.c_proj.", KEEP},
    {"self_attn.out_proj.", "attn.out_proj.", KEEP},
    {"self_attn.q_proj.", "attn.in_proj_", JOIN_Q},
    {"self_attn.k_proj.", "attn.in_proj_", JOIN_K},
    {"self_attn.v_proj.", "attn.in_proj_", JOIN_V},
};

// The rule for a name: equal, or with the same beginning. *rest is what follows it.
static const struct rule *match(const struct rule *rules, size_t n, const char *name,
                                const char **rest) {
    for (size_t i = 0; i < n; i++) {
        size_t n_from = strlen(rules[i].from);
        if (strncmp(name, rules[i].from, n_from) != 0)
            continue;
        if (rules[i].from[n_from - 1] == '.' || name[n_from] == 0) {
            *rest = name + n_from;
            return &rules[i];
        }
    }
    return NULL;
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

// open_clip's name into out, and what is to be done with the numbers.
static enum action translate(const char *name, char out[MAX_NAME]) {
    const char *rest;
    const struct rule *layer, *part, *r = match(hf_names, COUNT(hf_names), name, &rest);
    if (strlen(name) > MAX_TRANSLATED)
        r = NULL;
    snprintf(out, MAX_NAME, "%s", name);
    if (r) {
        snprintf(out, MAX_NAME, "%s%s", r->to ? r->to : "", r->to ? rest : "");
        return r->action;
    }
    layer = match(hf_layers, COUNT(hf_layers), name, &rest);
    if (!layer || strlen(name) > MAX_TRANSLATED)
        return KEEP;
    size_t n_digits = strspn(rest, "0123456789");
    if (n_digits == 0 || n_digits > 6 || rest[n_digits] != '.')
        return KEEP;
    const char *number = rest;
    part = match(hf_parts, COUNT(hf_parts), rest + n_digits + 1, &rest);
    if (!part)
        return KEEP;
    snprintf(out, MAX_NAME, "%s%.*s.%s%s", layer->to, (int)n_digits, number, part->to, rest);
    return part->action;
}

static enum wc_err transpose(struct wc_weights *w, struct wc_tensor_info *t, struct wc_error *err) {
    unsigned char *copy = NULL;
    size_t n_bytes = wc_dtype_size(t->dtype);
    if (t->n_dims != 2)
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"%s\": %zu dimensions, a projection has 2", w->path, t->name,
                        t->n_dims);
    WC_TRY(wc_set_copy(w, w->path, t->n_bytes, &copy, err));
    size_t rows = t->dim[0], columns = t->dim[1];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            memcpy(copy + (j * rows + i) * n_bytes, t->data + (i * columns + j) * n_bytes, n_bytes);
    t->data = copy;
    t->dim[0] = columns;
    t->dim[1] = rows;
    return WC_OK;
}

// The part of q's triple that has `letter` for q in its name.
static struct wc_tensor_info *sibling(const struct wc_weights *w, const char *q_name, char letter) {
    char name[MAX_NAME];
    snprintf(name, sizeof(name), "%s", q_name);
    char *at = strstr(name, "self_attn.q_proj.");
    if (!at)
        return NULL;
    at[strlen("self_attn.")] = letter;
    const struct wc_tensor_info *t = wc_weights_find(w, name);
    return t ? &w->tensor[t - w->tensor] : NULL;
}

static enum wc_err join(struct wc_weights *w, struct wc_tensor_info *q, bool *joined,
                        struct wc_error *err) {
    const struct wc_tensor_info *part[3] = {q, sibling(w, q->name, 'k'), sibling(w, q->name, 'v')};
    unsigned char *copy = NULL;
    size_t n_bytes = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!part[i])
            return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                            "%s: tensor \"%s\" is there, the %s projection beside it is not",
                            w->path, q->name, i == 1 ? "key" : "value");
        if (part[i]->dtype != q->dtype)
            return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                            "%s: tensor \"%s\" is %s, \"%s\" is %s; they must be of one type",
                            w->path, q->name, wc_dtype_name(q->dtype), part[i]->name,
                            wc_dtype_name(part[i]->dtype));
        WC_TRY(
            wc_tensor_check_shape(w->path, part[i], q->n_dims, q->dim, "joining q, k and v", err));
    }
    if (q->n_dims == 0)
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"%s\" is a single number, a projection is needed", w->path,
                        q->name);
    if (!wc_mul(q->n_bytes, 3, &n_bytes))
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape", "%s: tensor \"%s\" is too large", w->path,
                        q->name);
    WC_TRY(wc_set_copy(w, w->path, n_bytes, &copy, err));
    for (size_t i = 0; i < 3; i++) {
        memcpy(copy + i * q->n_bytes, part[i]->data, q->n_bytes);
        joined[part[i] - w->tensor] = true;
    }
    q->data = copy;
    q->dim[0] *= 3;
    q->n_elements *= 3;
    q->n_bytes = n_bytes;
    return WC_OK;
}

// Numbers first, while all names are still the file's own (siblings are found by them).
static enum wc_err convert_all(struct wc_weights *w, bool *joined, struct wc_error *err) {
    char name[MAX_NAME];
    for (size_t i = 0; i < w->n_tensors; i++) {
        struct wc_tensor_info *t = &w->tensor[i];
        enum action action = translate(t->name, name);
        if (action == TRANSPOSE)
            WC_TRY(transpose(w, t, err));
        if (action == JOIN_Q)
            WC_TRY(join(w, t, joined, err));
    }
    return WC_OK;
}

static enum wc_err rename_all(struct wc_weights *w, const bool *joined, struct wc_error *err) {
    char name[MAX_NAME];
    for (size_t i = w->n_tensors; i > 0; i--) { // backwards: dropping moves the last one
        struct wc_tensor_info *t = &w->tensor[i - 1];
        enum action action = translate(t->name, name);
        if ((action == JOIN_K || action == JOIN_V) && !joined[i - 1])
            return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                            "%s: tensor \"%s\" is there, the query projection beside it is not",
                            w->path, t->name);
        if (action == DROP || action == JOIN_K || action == JOIN_V)
            wc_set_drop(w, i - 1);
        else if (strlen(t->name) <= MAX_TRANSLATED)
            WC_TRY(wc_set_rename(t, name, err));
    }
    return WC_OK;
}

static enum wc_err translate_all(struct wc_weights *w, struct wc_error *err) {
    bool *joined = NULL;
    WC_TRY(wc_set_sort(w, err)); // siblings are found by name
    WC_TRY(WC_NEW(&joined, w->n_tensors, "weights: joined tensors", err));
    enum wc_err rc = convert_all(w, joined, err);
    if (rc == WC_OK)
        rc = rename_all(w, joined, err);
    wc_free(joined);
    return rc;
}

// ---- OpenAI's extra entries

static enum wc_err drop_extras(struct wc_weights *w, struct wc_error *err) {
    static const char *const extras[] = {"input_resolution", "context_length", "vocab_size"};
    for (size_t i = w->n_tensors; i > 0; i--) {
        const struct wc_tensor_info *t = &w->tensor[i - 1];
        bool extra = false;
        for (size_t k = 0; k < COUNT(extras); k++)
            extra |= strcmp(t->name, extras[k]) == 0;
        if (!extra || t->dtype != WC_I64 || t->n_elements != 1)
            continue;
        int64_t value;
        char text[32];
        memcpy(&value, t->data, sizeof(value));
        snprintf(text, sizeof(text), "%lld", (long long)value);
        WC_TRY(wc_set_meta(w, t->name, text, err));
        wc_set_drop(w, i - 1);
    }
    return WC_OK;
}

static bool any_starts_with(const struct wc_weights *w, const char *prefix) {
    for (size_t i = 0; i < w->n_tensors; i++)
        if (wc_str_starts(w->tensor[i].name, prefix))
            return true;
    return false;
}

enum wc_err wc_naming_apply(struct wc_weights *w, struct wc_error *err) {
    WC_TRY(strip_prefixes(w, err));
    if (any_starts_with(w, "text.token_embedding."))
        WC_TRY(cut_prefix(w, "text.", err));
    if (any_starts_with(w, "vision_model.") || any_starts_with(w, "text_model.")) {
        w->origin = "huggingface";
        return translate_all(w, err);
    }
    if (!any_starts_with(w, "visual.") && !any_starts_with(w, "token_embedding."))
        return WC_OK;
    w->origin = strcmp(w->format, "torchscript") == 0 ? "openai-torchscript" : "open_clip";
    return drop_extras(w, err);
}
