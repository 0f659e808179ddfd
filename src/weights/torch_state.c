#include "weights/torch.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

#define MAX_NAME 512   // bytes of a tensor's name; CLIP's longest has about 60
#define MAX_WRAPPERS 4 // dicts around the state dict
#define MAX_MODULES 32 // nesting of TorchScript modules

// The keys under which training programs keep the state dict, the most telling first.
static const char *const wrappers[] = {"state_dict", "model_state_dict", "model", "module"};

struct collector {
    struct wc_weights *w;
    const struct wc_pickle *p;
    const struct wc_storage_source *source;
    char name[MAX_NAME]; // of the tensor in hand
    size_t n_name;
    size_t n_steps; // module attributes visited
    struct wc_error *err;
};

static enum wc_err bad(struct collector *c, const char *fault, const char *what) {
    return WC_FAULT(c->err, WC_ERR_DATA, fault, "%s: tensor \"%s\": %s", c->source->path, c->name,
                    what);
}

// A non-negative INT.
static bool get_size(const struct wc_pickle *p, uint32_t i, size_t *out) {
    const struct wc_pk_value *v = wc_pk_value(p, i);
    if (v->type != WC_PK_INT || v->u.i < 0)
        return false;
    *out = (size_t)v->u.i;
    return true;
}

enum wc_err wc_storage_read(const struct wc_pickle *p, uint32_t storage, const char *path,
                            struct wc_storage *out, struct wc_error *err) {
    uint32_t id = wc_pk_value(p, storage)->u.a, member[6], view[3];
    bool known = false;
    const char *type = "?";
    struct wc_storage s = {0};
    size_t n_view;
    bool has_view = wc_pk_value(p, id)->n == 6;
    if (!wc_pk_members(p, id, 5, 6, member) ||
        !wc_pk_storage_type(p, member[1], &s.dtype, &known, &type) ||
        !(s.key = wc_pk_text(p, member[2], &s.n_key)) || !get_size(p, member[4], &s.n_elements))
        return WC_FAULT(err, WC_ERR_DATA, "bad-pickle",
                        "%s: a storage without class, key or number of elements", path);
    if (!known)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                        "%s: storage type torch.%s is not supported; weights must be float32, "
                        "float16, bfloat16 or float64",
                        path, type);
    // (view key, offset, elements) before PyTorch 0.4
    if (has_view && wc_pk_value(p, member[5])->type != WC_PK_NONE) {
        if (!wc_pk_members(p, member[5], 3, 3, view) || !get_size(p, view[1], &s.view_offset) ||
            !get_size(p, view[2], &n_view) || s.view_offset > s.n_elements ||
            n_view > s.n_elements - s.view_offset)
            return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                            "%s: a storage view that is not a part of its storage", path);
    }
    *out = s;
    return WC_OK;
}

// Sizes or strides from a tuple.
static enum wc_err read_dims(struct collector *c, uint32_t tuple, size_t *dim, size_t *n,
                             const char *complaint) {
    uint32_t member[WC_MAX_DIMS];
    if (wc_pk_value(c->p, tuple)->type != WC_PK_TUPLE &&
        wc_pk_value(c->p, tuple)->type != WC_PK_LIST)
        return bad(c, "bad-pickle", "shape or strides are not a tuple");
    if (!wc_pk_members(c->p, tuple, 0, WC_MAX_DIMS, member))
        return bad(c, "bad-shape", "more dimensions than the 8 that are supported");
    *n = wc_pk_value(c->p, tuple)->n;
    for (size_t i = 0; i < *n; i++)
        if (!get_size(c->p, member[i], &dim[i]))
            return bad(c, "bad-shape", complaint);
    return WC_OK;
}

struct view {
    struct wc_tensor_info tensor;
    size_t stride[WC_MAX_DIMS]; // elements
    size_t offset;              // elements
    size_t n_reach;             // elements from offset to the last one used, plus one
    bool row_major;
};

static enum wc_err read_view(struct collector *c, uint32_t tensor, struct view *v,
                             uint32_t *storage) {
    uint32_t args = wc_pk_value(c->p, tensor)->u.a, member[7];
    size_t n_strides = 0;
    if (!wc_pk_members(c->p, args, 4, 7, member))
        return bad(c, "bad-pickle", "its description has a wrong number of parts");
    *storage = member[0];
    if (wc_pk_value(c->p, member[1])->type != WC_PK_INT)
        return bad(c, "bad-pickle", "its storage offset is not a number");
    if (!get_size(c->p, member[1], &v->offset))
        return bad(c, "bad-shape", "its storage offset is negative");
    WC_TRY(read_dims(c, member[2], v->tensor.dim, &v->tensor.n_dims,
                     "its shape has an extent that is no number from 0 to 2^63"));
    WC_TRY(read_dims(c, member[3], v->stride, &n_strides,
                     "it has a stride that is no number from 0 to 2^63"));
    if (n_strides != v->tensor.n_dims)
        return bad(c, "bad-shape", "shape and strides have different lengths");
    return WC_OK;
}

// Sizes, reach and order of a view whose dtype is known.
static enum wc_err measure_view(struct collector *c, struct view *v) {
    struct wc_tensor_info *t = &v->tensor;
    if (!wc_tensor_size(t))
        return bad(c, "bad-shape", "its shape has more bytes than 64 bits can count");
    v->row_major = true;
    v->n_reach = t->n_elements ? 1 : 0;
    size_t row_major = 1;
    for (size_t i = t->n_dims; i > 0 && t->n_elements > 0; i--) {
        size_t extent = t->dim[i - 1], reach;
        if (!wc_mul(extent - 1, v->stride[i - 1], &reach) ||
            !wc_add(v->n_reach, reach, &v->n_reach))
            return bad(c, "bad-shape", "its strides lead out of 64 bits");
        v->row_major &= extent == 1 || v->stride[i - 1] == row_major;
        row_major *= extent;
    }
    return WC_OK;
}

// Copies a view in row-major order: an odometer over all but the last dimension.
static void gather(const struct view *v, const unsigned char *base, unsigned char *out) {
    const struct wc_tensor_info *t = &v->tensor;
    size_t index[WC_MAX_DIMS] = {0}, n_bytes = wc_dtype_size(t->dtype);
    size_t last = t->n_dims - 1; // a scalar is row-major and never comes here
    size_t n_row = t->dim[last], step = v->stride[last] * n_bytes;
    for (size_t done = 0; done < t->n_elements; done += n_row) {
        const unsigned char *in = base;
        for (size_t i = 0; i < last; i++)
            in += index[i] * v->stride[i] * n_bytes;
        for (size_t k = 0; k < n_row; k++, out += n_bytes)
            memcpy(out, in + k * step, n_bytes);
        for (size_t i = last; i > 0 && ++index[i - 1] == t->dim[i - 1]; i--)
            index[i - 1] = 0;
    }
}

static enum wc_err add_tensor(struct collector *c, uint32_t value) {
    struct view v = {.offset = 0};
    struct wc_storage s;
    uint32_t storage = 0;
    const unsigned char *data = NULL;
    WC_TRY(read_view(c, value, &v, &storage));
    WC_TRY(wc_storage_read(c->p, storage, c->source->path, &s, c->err));
    v.tensor.dtype = s.dtype;
    WC_TRY(measure_view(c, &v));
    size_t end;
    if (!wc_add(v.offset, s.view_offset, &v.offset) || !wc_add(v.offset, v.n_reach, &end) ||
        end > s.n_elements)
        return bad(c, "size-mismatch", "it reaches beyond the end of its storage");
    WC_TRY(c->source->find(c->source, &s, c->name, &data, c->err));
    data += v.offset * wc_dtype_size(s.dtype); // inside: offset <= end <= n_elements
    if (!v.row_major) {
        unsigned char *copy = NULL;
        WC_TRY(wc_set_copy(c->w, c->source->path, v.tensor.n_bytes, &copy, c->err));
        gather(&v, data, copy);
        data = copy;
    }
    v.tensor.data = data;
    return wc_set_add(c->w, c->source->path, c->name, c->n_name, &v.tensor, c->err);
}

// Appends `.text` (or `text` at the beginning) to the name in hand.
static enum wc_err extend_name(struct collector *c, const char *text, size_t n) {
    size_t dot = c->n_name > 0;
    if (n == 0 || memchr(text, 0, n) || !wc_utf8_valid(text, n))
        return bad(c, "bad-pickle", "a name below it is empty or has bytes that names cannot have");
    if (c->n_name + dot + n >= MAX_NAME)
        return bad(c, "bad-pickle", "a name below it is longer than 512 bytes");
    if (dot)
        c->name[c->n_name++] = '.';
    memcpy(c->name + c->n_name, text, n);
    c->n_name += n;
    c->name[c->n_name] = 0;
    return WC_OK;
}

static enum wc_err add_dict(struct collector *c, uint32_t dict) {
    const struct wc_pickle *p = c->p;
    for (uint32_t cell = wc_pk_first(p, dict); cell != WC_PK_NO_VALUE; cell = wc_pk_next(p, cell)) {
        uint32_t key = p->cell[cell].value;
        cell = wc_pk_next(p, cell);
        uint32_t value = p->cell[cell].value;
        size_t n = 0;
        const char *name = wc_pk_text(p, key, &n);
        c->n_name = 0;
        c->name[0] = 0;
        if (!name)
            return WC_FAULT(c->err, WC_ERR_DATA, "bad-pickle",
                            "%s: a key of the state dict is of type %s, tensor names are needed",
                            c->source->path, wc_pk_type_name(wc_pk_value(p, key)->type));
        WC_TRY(extend_name(c, name, n));
        if (wc_pk_value(p, value)->type != WC_PK_TENSOR)
            return WC_FAULT(c->err, WC_ERR_DATA, "bad-pickle",
                            "%s: \"%s\" of the state dict is of type %s, a tensor is needed",
                            c->source->path, c->name, wc_pk_type_name(wc_pk_value(p, value)->type));
        WC_TRY(add_tensor(c, value));
    }
    return WC_OK;
}

// A module's tensors and, recursively, its submodules'. Other attributes are flags and numbers.
static enum wc_err add_module(struct collector *c, uint32_t object, size_t depth) {
    const struct wc_pickle *p = c->p;
    uint32_t state = wc_pk_value(p, object)->u.a;
    if (depth == MAX_MODULES)
        return bad(c, "bad-pickle", "modules are nested too deeply");
    if (state == WC_PK_NO_VALUE || wc_pk_value(p, state)->type != WC_PK_DICT)
        return WC_OK;
    for (uint32_t cell = wc_pk_first(p, state); cell != WC_PK_NO_VALUE;
         cell = wc_pk_next(p, cell)) {
        uint32_t key = p->cell[cell].value;
        cell = wc_pk_next(p, cell);
        uint32_t value = p->cell[cell].value;
        size_t n = 0, n_before = c->n_name;
        const char *name = wc_pk_text(p, key, &n);
        enum wc_pk_type type = wc_pk_value(p, value)->type;
        // A tree has each attribute once; modules that share parts in a loop or a bomb do not.
        if (++c->n_steps > p->n_cells)
            return bad(c, "bad-pickle", "modules contain each other");
        if (type != WC_PK_TENSOR && type != WC_PK_OBJECT)
            continue;
        if (!name)
            return bad(c, "bad-pickle", "a module attribute without a name");
        WC_TRY(extend_name(c, name, n));
        WC_TRY(type == WC_PK_TENSOR ? add_tensor(c, value) : add_module(c, value, depth + 1));
        c->n_name = n_before;
        c->name[n_before] = 0;
    }
    return WC_OK;
}

static bool has_tensor(const struct wc_pickle *p, uint32_t dict) {
    for (uint32_t c = wc_pk_first(p, dict); c != WC_PK_NO_VALUE; c = wc_pk_next(p, c)) {
        c = wc_pk_next(p, c);
        if (wc_pk_value(p, p->cell[c].value)->type == WC_PK_TENSOR)
            return true;
    }
    return false;
}

// The dict or module in `dict` under a wrapper's key; `dict` itself when it has none.
static uint32_t unwrap(const struct wc_pickle *p, uint32_t dict) {
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
        uint32_t inner = wc_pk_get(p, dict, wrappers[i]);
        if (inner != WC_PK_NO_VALUE && wc_pk_value(p, inner)->type == WC_PK_DICT)
            return inner;
    }
    return dict;
}

enum wc_err wc_torch_collect(struct wc_weights *w, const struct wc_pickle *p,
                             const struct wc_storage_source *source, struct wc_error *err) {
    struct collector c = {.w = w, .p = p, .source = source, .err = err};
    uint32_t at = p->root;
    if (wc_pk_value(p, at)->type == WC_PK_OBJECT)
        return add_module(&c, at, 0);
    for (size_t i = 0; i < MAX_WRAPPERS && wc_pk_value(p, at)->type == WC_PK_DICT; i++) {
        uint32_t inner = unwrap(p, at);
        if (inner == at || (has_tensor(p, at) && !has_tensor(p, inner)))
            break;
        at = inner;
    }
    if (wc_pk_value(p, at)->type != WC_PK_DICT)
        return WC_FAULT(err, WC_ERR_DATA, "bad-pickle",
                        "%s: the file holds a %s, a state dict (names to tensors) is needed",
                        source->path, wc_pk_type_name(wc_pk_value(p, at)->type));
    return add_dict(&c, at);
}
