/*
 * safetensors (github.com/huggingface/safetensors, README "Format"): 8 bytes little-endian header
 * length, a JSON object name -> {dtype, shape, data_offsets [begin, end)}, then the data, which the
 * tensors cover without holes or overlaps. Used in place in the mapping.
 */
#include "weights/format.h"

#include "base/alloc.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEADER 100000000u // bytes; the reference implementation's limit
#define MAX_DEPTH 8           // of JSON; the format needs 4

// A JSON tree takes about this much memory for each comma or bracket of its text; real headers have
// one in 8 bytes or fewer. Denser ones above FREE_NODES are refused before they are parsed.
#define NODE_DENSITY 4
#define FREE_NODES 16384

static bool is_text(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((p[i] < 0x20 || p[i] >= 0x7F) && p[i] != '\t' && p[i] != '\n' && p[i] != '\r')
            return false;
    return true;
}

// The header's brace behind a length that is not itself text.
bool wc_safetensors_sniff(const struct wc_sniff *s) {
    return s->n > 8 && s->data[8] == '{' && !is_text(s->data, 8);
}

// After all other formats: a plausible length, or at least the name.
bool wc_safetensors_sniff_weak(const struct wc_sniff *s) {
    if (s->n >= 10 && is_text(s->data, 8) == false) {
        uint64_t n_header = wc_le64(s->data);
        if (n_header >= 2 && n_header <= s->n - 8)
            return true;
    }
    return wc_str_ends_nocase(s->path, ".safetensors") && !is_text(s->data, s->n < 8 ? s->n : 8);
}

static enum wc_err check_header_length(const char *path, const struct wc_map *map, size_t *n_header,
                                       struct wc_error *err) {
    if (map->n_bytes < 8)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: %zu bytes, the header length alone has 8; get the file again", path,
                        map->n_bytes);
    uint64_t n = wc_le64(map->data);
    if (n > MAX_HEADER)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: header length %llu, a safetensors header has at most %u bytes", path,
                        (unsigned long long)n, MAX_HEADER);
    if (n > map->n_bytes - 8)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: header length %llu is more than the file's %zu bytes; the file was "
                        "cut off or is no safetensors file, get it again",
                        path, (unsigned long long)n, map->n_bytes);
    size_t n_nodes = 0;
    for (size_t i = 0; i < n; i++)
        n_nodes += map->data[8 + i] == ',' || map->data[8 + i] == '[' || map->data[8 + i] == '{';
    // A shape of thousands of dimensions has such a header as well, and gets its own message while
    // it is small.
    if (n_nodes > FREE_NODES && n_nodes > n / NODE_DENSITY)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: the header of %llu bytes has %zu values; no list of tensors is as "
                        "dense as that",
                        path, (unsigned long long)n, n_nodes);
    *n_header = (size_t)n;
    return WC_OK;
}

static enum wc_err parse_header(const char *path, const struct wc_map *map, size_t n_header,
                                struct wc_json_doc **doc, struct wc_error *err) {
    const char *text = (const char *)map->data + 8;
    struct wc_error why = {.code = WC_OK};
    enum wc_err rc = wc_json_parse(path, text, n_header, MAX_DEPTH, doc, &why);
    if (rc == WC_ERR_NOMEM)
        return wc_fail(err, rc, why.fault, "%s", why.text);
    if (rc != WC_OK) {
        bool twice = why.fault && strcmp(why.fault, "json-duplicate-key") == 0;
        return WC_FAULT(err, WC_ERR_DATA, twice ? "duplicate-key" : "bad-header",
                        "%s (safetensors header); get the file again", why.text);
    }
    if (wc_json_root(*doc)->type == WC_JSON_OBJECT && text[0] == '{')
        return WC_OK;
    wc_json_free(doc);
    return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                    "%s: the header is no JSON object, tensors by name are needed", path);
}

static enum wc_err read_metadata(struct wc_weights *w, const char *path, const struct wc_json *meta,
                                 struct wc_error *err) {
    if (meta->type != WC_JSON_OBJECT)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: __metadata__ is no object", path);
    for (const struct wc_json *m = meta->child; m; m = m->next) {
        if (m->type != WC_JSON_STRING)
            return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                            "%s: __metadata__ \"%s\" is not a string, as the format demands", path,
                            m->key);
        // An entry with a NUL inside is of no use to anyone here.
        if (strlen(m->key) == m->n_key && wc_json_str(m))
            WC_TRY(wc_set_meta(w, m->key, wc_json_str(m), err));
    }
    return WC_OK;
}

struct range {
    size_t begin, end; // in the data section
    const char *name;  // in the JSON tree
    struct wc_tensor_info tensor;
};

static enum wc_err read_shape(const char *path, const struct wc_json *shape, const char *name,
                              struct wc_tensor_info *t, struct wc_error *err) {
    if (!shape)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: tensor \"%s\" has no shape", path,
                        name);
    if (shape->type != WC_JSON_ARRAY)
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"%s\": shape is no list of whole numbers", path, name);
    if (shape->n_children > WC_MAX_DIMS)
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"%s\": %zu dimensions, at most %d are supported", path, name,
                        shape->n_children, WC_MAX_DIMS);
    for (const struct wc_json *d = shape->child; d; d = d->next) {
        uint64_t v;
        if (!wc_json_u64(d, &v) || v > SIZE_MAX)
            return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                            "%s: tensor \"%s\": dimension %zu of its shape is no whole number "
                            "of at most 64 bits",
                            path, name, t->n_dims);
        t->dim[t->n_dims++] = (size_t)v;
    }
    if (!wc_tensor_size(t)) {
        char text[192];
        wc_shape_text(t->n_dims, t->dim, text, sizeof(text));
        return WC_FAULT(err, WC_ERR_DATA, "bad-shape",
                        "%s: tensor \"%s\": shape %s has more bytes than 64 bits can count", path,
                        name, text);
    }
    return WC_OK;
}

static enum wc_err read_offsets(const char *path, const struct wc_json *offsets, struct range *r,
                                struct wc_error *err) {
    if (!offsets || offsets->type != WC_JSON_ARRAY || offsets->n_children != 2)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: tensor \"%s\": data_offsets must be a list of two numbers", path,
                        r->name);
    uint64_t begin, end;
    if (!wc_json_u64(offsets->child, &begin) || !wc_json_u64(offsets->child->next, &end) ||
        begin > end || end > SIZE_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "bad-offsets",
                        "%s: tensor \"%s\": data_offsets [%.32s,%.32s] are no range of bytes", path,
                        r->name, offsets->child->text ? offsets->child->text : "?",
                        offsets->child->next->text ? offsets->child->next->text : "?");
    r->begin = (size_t)begin;
    r->end = (size_t)end;
    if (r->end - r->begin != r->tensor.n_bytes) {
        char text[192];
        wc_shape_text(r->tensor.n_dims, r->tensor.dim, text, sizeof(text));
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                        "%s: tensor \"%s\": %zu bytes for shape %s of %s, which needs %zu", path,
                        r->name, r->end - r->begin, text, wc_dtype_name(r->tensor.dtype),
                        r->tensor.n_bytes);
    }
    return WC_OK;
}

static enum wc_err read_entry(const char *path, const struct wc_json *entry, struct range *r,
                              struct wc_error *err) {
    r->name = entry->key;
    if (strlen(entry->key) != entry->n_key)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: a tensor name has a NUL byte after \"%s\"", path, entry->key);
    if (entry->type != WC_JSON_OBJECT)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: tensor \"%s\": its entry is no object with dtype, shape and "
                        "data_offsets",
                        path, entry->key);
    const char *dtype = wc_json_str(wc_json_get(entry, "dtype"));
    if (!dtype)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: tensor \"%s\" has no dtype", path,
                        entry->key);
    if (!wc_dtype_by_name(dtype, &r->tensor.dtype))
        return WC_FAULT(err, WC_ERR_DATA, "unsupported-dtype",
                        "%s: tensor \"%s\": type \"%.32s\" is not supported; convert the file to "
                        "F32, F16 or BF16",
                        path, entry->key, dtype);
    WC_TRY(read_shape(path, wc_json_get(entry, "shape"), entry->key, &r->tensor, err));
    return read_offsets(path, wc_json_get(entry, "data_offsets"), r, err);
}

static int by_begin(const void *a, const void *b) {
    const struct range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end); // an empty tensor comes before its neighbour
}

// The ranges must follow one another from 0 to the end of the data.
static enum wc_err check_coverage(const char *path, struct range *r, size_t n, size_t n_data,
                                  struct wc_error *err) {
    size_t at = 0;
    qsort(r, n, sizeof(*r), by_begin);
    for (size_t i = 0; i < n; i++) {
        if (r[i].begin != at)
            return WC_FAULT(err, WC_ERR_DATA, "bad-offsets",
                            "%s: tensor \"%s\" begins at data byte %zu, the one before it ends at "
                            "%zu; data must have neither holes nor overlaps",
                            path, r[i].name, r[i].begin, at);
        at = r[i].end;
    }
    if (at > n_data) {
        size_t i = 0;
        while (r[i].end <= n_data)
            i++;
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: tensor \"%s\" ends at data byte %zu, the file has %zu; it was cut "
                        "off, get it again",
                        path, r[i].name, r[i].end, n_data);
    }
    if (at < n_data)
        return WC_FAULT(err, WC_ERR_DATA, "bad-offsets",
                        "%s: %zu bytes after the last tensor belong to none", path, n_data - at);
    return WC_OK;
}

static enum wc_err add_all(struct wc_weights *w, const char *path, const struct wc_map *map,
                           size_t n_header, const struct wc_json *root, struct range *range,
                           struct wc_error *err) {
    const unsigned char *data = map->data + 8 + n_header;
    size_t n = 0;
    for (const struct wc_json *e = root->child; e; e = e->next) {
        if (e->n_key == strlen("__metadata__") && strcmp(e->key, "__metadata__") == 0)
            WC_TRY(read_metadata(w, path, e, err));
        else
            WC_TRY(read_entry(path, e, &range[n++], err));
    }
    WC_TRY(check_coverage(path, range, n, map->n_bytes - 8 - n_header, err));
    for (size_t i = 0; i < n; i++) {
        range[i].tensor.data = data + range[i].begin;
        WC_TRY(wc_set_add(w, path, range[i].name, strlen(range[i].name), &range[i].tensor, err));
    }
    return WC_OK;
}

enum wc_err wc_safetensors_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                                struct wc_error *err) {
    size_t n_header = 0;
    struct wc_json_doc *doc = NULL;
    struct range *range = NULL;
    WC_TRY(check_header_length(path, map, &n_header, err));
    WC_TRY(parse_header(path, map, n_header, &doc, err));
    const struct wc_json *root = wc_json_root(doc);
    enum wc_err rc = WC_NEW(&range, root->n_children, "safetensors: tensor ranges", err);
    if (rc == WC_OK)
        rc = add_all(w, path, map, n_header, root, range, err);
    wc_free(range);
    wc_json_free(&doc);
    return rc;
}
