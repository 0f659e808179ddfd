/*
 * Writing safetensors. The header needs every tensor's size, hence declarations first; data then
 * goes straight to the file, so that a model of any size needs no memory.
 */
#include "weights/weights.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "weights/set.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_ALIGN 8 // the specification's advice: data begins at a multiple of 8 bytes

struct wc_st_writer {
    struct wc_file file;
    char *path;
    struct wc_buf meta;   // members of __metadata__, without its braces
    struct wc_buf header; // members of the header, without its braces
    struct wc_strlist names;
    size_t *n_bytes; // of each tensor
    size_t cap_n_bytes;
    size_t end;      // bytes of all declared tensors
    size_t i_tensor; // the one that data is being given for
    size_t i_byte;   // how much of it has come
    bool has_header;
};

enum wc_err wc_st_writer_new(const char *path, struct wc_st_writer **out, struct wc_error *err) {
    struct wc_st_writer *w;
    WC_TRY(WC_NEW(&w, 1, "safetensors writer", err));
    w->path = wc_strdup(path);
    enum wc_err rc = w->path ? wc_file_create(&w->file, path, err)
                             : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for its name", path);
    if (rc != WC_OK) {
        wc_st_writer_free(&w);
        return rc;
    }
    *out = w;
    return WC_OK;
}

void wc_st_writer_free(struct wc_st_writer **writer) {
    struct wc_st_writer *w = writer ? *writer : NULL;
    if (!w)
        return;
    wc_file_discard(&w->file);
    wc_buf_release(&w->meta);
    wc_buf_release(&w->header);
    wc_strlist_release(&w->names);
    wc_free(w->n_bytes);
    wc_free(w->path);
    wc_free(w);
    *writer = NULL;
}

enum wc_err wc_st_writer_meta(struct wc_st_writer *w, const char *key, const char *value,
                              struct wc_error *err) {
    if (w->has_header)
        return WC_FAIL(err, WC_ERR_BUG, "%s: metadata \"%s\" after the first data", w->path, key);
    if (w->meta.n > 0)
        wc_buf_putc(&w->meta, ',');
    wc_json_quote(&w->meta, key);
    wc_buf_putc(&w->meta, ':');
    wc_json_quote(&w->meta, value);
    return wc_buf_check(&w->meta, "safetensors: metadata", err);
}

enum wc_err wc_st_writer_declare(struct wc_st_writer *w, const char *name, enum wc_dtype dtype,
                                 size_t n_dims, const size_t *dim, struct wc_error *err) {
    struct wc_tensor_info t = {.name = name, .dtype = dtype, .n_dims = n_dims};
    size_t end;
    if (w->has_header)
        return WC_FAIL(err, WC_ERR_BUG, "%s: tensor \"%s\" declared after the first data", w->path,
                       name);
    if (n_dims > WC_MAX_DIMS)
        return WC_FAIL(err, WC_ERR_BUG, "%s: tensor \"%s\": %zu dimensions, at most %d", w->path,
                       name, n_dims, WC_MAX_DIMS);
    if (strcmp(name, "__metadata__") == 0 || !wc_utf8_valid(name, strlen(name)))
        return WC_FAIL(err, WC_ERR_BUG, "%s: a tensor cannot be named \"%s\"", w->path, name);
    for (size_t i = 0; i < n_dims; i++)
        t.dim[i] = dim[i];
    if (!wc_tensor_size(&t) || !wc_add(w->end, t.n_bytes, &end))
        return WC_FAIL(err, WC_ERR_BUG, "%s: tensor \"%s\" is larger than any file", w->path, name);

    WC_TRY(WC_GROW(&w->n_bytes, &w->cap_n_bytes, w->names.n + 1, "safetensors: sizes", err));
    WC_TRY(wc_strlist_add(&w->names, name, err));
    w->n_bytes[w->names.n - 1] = t.n_bytes;
    struct wc_buf *b = &w->header;
    if (b->n > 0)
        wc_buf_putc(b, ',');
    wc_json_quote(b, name);
    wc_buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", wc_dtype_name(dtype));
    for (size_t i = 0; i < n_dims; i++)
        wc_buf_printf(b, "%s%zu", i ? "," : "", dim[i]);
    wc_buf_printf(b, "],\"data_offsets\":[%zu,%zu]}", w->end, end);
    w->end = end;
    return wc_buf_check(b, "safetensors: header", err);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum wc_err check_names(struct wc_st_writer *w, struct wc_error *err) {
    const char **sorted;
    WC_TRY(WC_NEW(&sorted, w->names.n, "safetensors: sorted names", err));
    for (size_t i = 0; i < w->names.n; i++)
        sorted[i] = w->names.item[i];
    qsort(sorted, w->names.n, sizeof(*sorted), by_text);
    enum wc_err rc = WC_OK;
    for (size_t i = 1; i < w->names.n && rc == WC_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            rc =
                WC_FAIL(err, WC_ERR_BUG, "%s: tensor \"%s\" is declared twice", w->path, sorted[i]);
    wc_free(sorted);
    return rc;
}

static enum wc_err write_header(struct wc_st_writer *w, struct wc_error *err) {
    struct wc_buf b = {0};
    unsigned char length[8];
    WC_TRY(check_names(w, err));
    wc_buf_putc(&b, '{');
    if (w->meta.n > 0)
        wc_buf_printf(&b, "\"__metadata__\":{%s}%s", wc_buf_str(&w->meta),
                      w->header.n > 0 ? "," : "");
    wc_buf_add(&b, wc_buf_str(&w->header), w->header.n);
    wc_buf_putc(&b, '}');
    while (b.n % HEADER_ALIGN != 0 && !b.failed)
        wc_buf_putc(&b, ' ');
    enum wc_err rc = wc_buf_check(&b, "safetensors: header", err);
    for (size_t i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)b.n >> (8 * i));
    if (rc == WC_OK)
        rc = wc_file_write(&w->file, length, sizeof(length), err);
    if (rc == WC_OK)
        rc = wc_file_write(&w->file, b.data, b.n, err);
    wc_buf_release(&b);
    w->has_header = rc == WC_OK;
    return rc;
}

// Moves on past tensors that have all their bytes.
static void skip_complete(struct wc_st_writer *w) {
    while (w->i_tensor < w->names.n && w->i_byte == w->n_bytes[w->i_tensor]) {
        w->i_tensor++;
        w->i_byte = 0;
    }
}

enum wc_err wc_st_writer_data(struct wc_st_writer *w, const void *data, size_t n_bytes,
                              struct wc_error *err) {
    if (!w->has_header)
        WC_TRY(write_header(w, err));
    skip_complete(w);
    if (n_bytes == 0)
        return WC_OK;
    if (w->i_tensor == w->names.n)
        return WC_FAIL(err, WC_ERR_BUG, "%s: %zu bytes after the last declared tensor", w->path,
                       n_bytes);
    size_t left = w->n_bytes[w->i_tensor] - w->i_byte;
    if (n_bytes > left)
        return WC_FAIL(err, WC_ERR_BUG, "%s: tensor \"%s\": %zu bytes given, %zu declared", w->path,
                       w->names.item[w->i_tensor], w->i_byte + n_bytes, w->i_byte + left);
    WC_TRY(wc_file_write(&w->file, data, n_bytes, err));
    w->i_byte += n_bytes;
    return WC_OK;
}

enum wc_err wc_st_writer_commit(struct wc_st_writer *w, struct wc_error *err) {
    if (!w->has_header)
        WC_TRY(write_header(w, err));
    skip_complete(w);
    if (w->i_tensor < w->names.n)
        return WC_FAIL(err, WC_ERR_BUG, "%s: tensor \"%s\": %zu bytes given, %zu declared", w->path,
                       w->names.item[w->i_tensor], w->i_byte, w->n_bytes[w->i_tensor]);
    return wc_file_commit(&w->file, err);
}
