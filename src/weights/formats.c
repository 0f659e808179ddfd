/*
 * The format table, and opening a file by what it contains.
 */
#include "weights/format.h"

#include "base/alloc.h"
#include "weights/hub.h"
#include "weights/naming.h"

#include <stdio.h>
#include <string.h>

uint16_t wc_le16(const unsigned char *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t wc_le32(const unsigned char *p) {
    return (uint32_t)wc_le16(p) | (uint32_t)wc_le16(p + 2) << 16;
}

uint64_t wc_le64(const unsigned char *p) {
    return (uint64_t)wc_le32(p) | (uint64_t)wc_le32(p + 4) << 32;
}

// In the order asked; the weak test of safetensors is the last.
static const struct wc_format formats[] = {
    {"safetensors", wc_safetensors_sniff, wc_safetensors_open},
    {"torch-zip", wc_torch_zip_sniff, wc_torch_zip_open},
    {"torch-legacy", wc_torch_legacy_sniff, wc_torch_legacy_open},
    {"sharded", wc_hub_index_sniff, wc_hub_index_open},
    {"safetensors", wc_safetensors_sniff_weak, wc_safetensors_open},
};

/*
 * What lies in people's folders under the name of weights but is something else, by its first bytes
 * (case ignored, after white space where `text`) or by those at `offset`.
 */
static const struct {
    size_t offset;
    const char *magic;
    size_t n;
    bool text;
    const char *fault;
    const char *says;
} strangers[] = {
    {0, "version https://git-lfs.github.com/", 35, true, "git-lfs-pointer",
     "this is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"},
    {0, "<!doctype html", 14, true, "html-page",
     "this is an HTML page (an error or login page that was saved); download the file again"},
    {0, "<html", 5, true, "html-page",
     "this is an HTML page (an error or login page that was saved); download the file again"},
    {0, "<head", 5, true, "html-page",
     "this is an HTML page (an error or login page that was saved); download the file again"},
    {0, "<?xml", 5, true, "html-page",
     "this is an XML page (a server's error answer that was saved); download the file again"},
    {0, "\x1f\x8b", 2, false, "unsupported", "this is a gzip file; unpack it with gunzip first"},
    {0, "BZh", 3, false, "unsupported", "this is a bzip2 file; unpack it with bunzip2 first"},
    {0,
     "\xfd"
     "7zXZ",
     5, false, "unsupported", "this is an xz file; unpack it with unxz first"},
    {0, "\x28\xb5\x2f\xfd", 4, false, "unsupported",
     "this is a zstd file; unpack it with unzstd first"},
    {0, "\x89HDF\r\n\x1a\n", 8, false, "unsupported",
     "this is an HDF5 file; weights from PyTorch or safetensors are needed"},
    {0, "GGUF", 4, false, "unsupported",
     "this is a GGUF file; weights from PyTorch or safetensors are needed"},
    {0, "\x93NUMPY", 6, false, "unsupported",
     "this is a NumPy array; weights from PyTorch or safetensors are needed"},
    {257, "ustar", 5, false, "unsupported",
     "this is a tar file; unpack it and give the file inside"},
};

static unsigned char lower(unsigned char c) {
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static bool has_magic(const unsigned char *data, size_t n, size_t i_stranger) {
    size_t at = strangers[i_stranger].offset, n_magic = strangers[i_stranger].n;
    bool text = strangers[i_stranger].text;
    if (text && n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) // UTF-8 byte order mark
        at = 3;
    while (text && at < n && strchr(" \t\r\n", data[at]) && data[at])
        at++;
    if (at > n || n - at < n_magic)
        return false;
    for (size_t i = 0; i < n_magic; i++) {
        unsigned char c = text ? lower(data[at + i]) : data[at + i];
        if (c != (unsigned char)strangers[i_stranger].magic[i])
            return false;
    }
    return true;
}

static enum wc_err refuse_stranger(const char *path, const struct wc_map *map,
                                   struct wc_error *err) {
    for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
        if (has_magic(map->data, map->n_bytes, i))
            return WC_FAULT(err, WC_ERR_DATA, strangers[i].fault, "%s: %s", path,
                            strangers[i].says);
    return WC_OK;
}

static enum wc_err refuse_unknown(const char *path, const struct wc_map *map,
                                  struct wc_error *err) {
    char begins[3 * 8 + 1] = "";
    size_t n = map->n_bytes < 8 ? map->n_bytes : 8;
    bool text = true;
    for (size_t i = 0; i < n; i++) {
        snprintf(begins + 3 * i, 4, " %02x", map->data[i]);
        text &= (map->data[i] >= 0x20 && map->data[i] < 0x7F) || map->data[i] == '\t' ||
                map->data[i] == '\r' || map->data[i] == '\n';
    }
    if (text)
        return WC_FAULT(err, WC_ERR_DATA, "unknown-format",
                        "%s: this is a text, not a weight file (safetensors or PyTorch); was an "
                        "error message saved in its place?",
                        path);
    return WC_FAULT(err, WC_ERR_DATA, "unknown-format",
                    "%s: not a weight file: safetensors or PyTorch is needed, this begins with%s",
                    path, begins);
}

enum wc_err wc_format_open_file(struct wc_weights *w, const char *path, struct wc_error *err) {
    struct wc_map map;
    WC_TRY(wc_set_map(w, path, &map, err));
    struct wc_sniff sniff = {map.data, map.n_bytes, path};
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        // Foreign signatures are more telling than the weak test, less than the strong ones.
        if (i + 1 == sizeof(formats) / sizeof(*formats))
            WC_TRY(refuse_stranger(path, &map, err));
        if (!formats[i].sniff(&sniff))
            continue;
        if (!w->format)
            w->format = formats[i].name;
        return formats[i].open(w, path, &map, err);
    }
    return refuse_unknown(path, &map, err);
}

static enum wc_err open_set(struct wc_weights *w, const char *path, const char *file,
                            struct wc_error *err) {
    w->path = wc_strdup(path);
    if (!w->path)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for its name", path);
    WC_TRY(wc_format_open_file(w, file, err));
    WC_TRY(wc_naming_apply(w, err));
    WC_TRY(wc_set_sort(w, err));
    return wc_hub_find_config(w, file, err);
}

enum wc_err wc_weights_open(const char *path, struct wc_weights **out, struct wc_error *err) {
    char *file = NULL;
    struct wc_weights *w = NULL;
    WC_TRY(wc_hub_resolve(path, &file, err));
    enum wc_err rc = WC_NEW(&w, 1, "weights", err);
    if (rc == WC_OK) {
        w->origin = "unknown";
        rc = open_set(w, path, file, err);
    }
    wc_free(file);
    if (rc != WC_OK) {
        wc_weights_free(&w);
        return rc;
    }
    *out = w;
    return WC_OK;
}
