/*
 * The three containers of PyTorch: zip archives of torch.save, TorchScript archives (the same with
 * code, which is ignored), and the files of torch.save before version 1.6.
 */
#include "weights/torch.h"

#include "base/alloc.h"
#include "weights/format.h"
#include "weights/zip.h"

#include <stdlib.h>
#include <string.h>

// ---- zip

struct archive {
    struct wc_zip zip;
    const char *folder; // the one at the top, not NUL-terminated
    size_t n_folder;
};

static struct wc_zip_entry *entry_of(const struct archive *a, const char *name) {
    return wc_zip_find(&a->zip, a->folder, a->n_folder, name, strlen(name));
}

static enum wc_err find_in_archive(const struct wc_storage_source *self, const struct wc_storage *s,
                                   const char *tensor, const unsigned char **data,
                                   struct wc_error *err) {
    struct archive *a = self->context;
    char name[5 + 64];
    int n_key = (int)(s->n_key < 200 ? s->n_key : 200);
    struct wc_zip_entry *e = NULL;
    if (memchr(s->key, '/', s->n_key) || memchr(s->key, '\\', s->n_key) ||
        memchr(s->key, 0, s->n_key))
        return WC_FAULT(err, WC_ERR_DATA, "bad-entry-name",
                        "%s: tensor \"%s\": storage key \"%.*s\" is a path; PyTorch writes none "
                        "such, do not trust this file",
                        self->path, tensor, n_key, s->key);
    if (s->n_key <= 64) {
        memcpy(name, "data/", 5);
        memcpy(name + 5, s->key, s->n_key);
        e = wc_zip_find(&a->zip, a->folder, a->n_folder, name, 5 + s->n_key);
    }
    if (!e)
        return WC_FAULT(err, WC_ERR_DATA, "missing-storage",
                        "%s: tensor \"%s\": the archive has no entry data/%.*s with its numbers; "
                        "get the file again",
                        self->path, tensor, n_key, s->key);
    WC_TRY(wc_zip_check(&a->zip, e, err));
    size_t n_bytes;
    if (!wc_mul(s->n_elements, wc_dtype_size(s->dtype), &n_bytes) || n_bytes != e->n_bytes)
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                        "%s: tensor \"%s\": storage data/%.*s has %zu bytes, %zu elements of %s "
                        "are declared",
                        self->path, tensor, n_key, s->key, e->n_bytes, s->n_elements,
                        wc_dtype_name(s->dtype));
    *data = e->data;
    return WC_OK;
}

// The folder that holds data.pkl.
static enum wc_err find_folder(struct archive *a, struct wc_error *err) {
    static const char tail[] = "/data.pkl";
    const size_t n_tail = sizeof(tail) - 1;
    size_t n_found = 0;
    for (size_t i = 0; i < a->zip.n_entries; i++) {
        const struct wc_zip_entry *e = &a->zip.entry[i];
        if (e->n_name <= n_tail || memcmp(e->name + e->n_name - n_tail, tail, n_tail) != 0 ||
            memchr(e->name, '/', e->n_name - n_tail))
            continue;
        a->folder = e->name;
        a->n_folder = e->n_name - n_tail;
        n_found++;
    }
    if (n_found == 1)
        return WC_OK;
    return WC_FAULT(err, WC_ERR_DATA, "bad-archive",
                    "%s: a ZIP archive with %zu entries NAME/data.pkl, a PyTorch file has one; is "
                    "it another program's file?",
                    a->zip.path, n_found);
}

static enum wc_err check_byte_order(struct archive *a, struct wc_error *err) {
    struct wc_zip_entry *e = entry_of(a, "byteorder"); // since PyTorch 2.1
    if (!e)
        return WC_OK;
    WC_TRY(wc_zip_check(&a->zip, e, err));
    if (e->n_bytes == 6 && memcmp(e->data, "little", 6) == 0)
        return WC_OK;
    return WC_FAULT(err, WC_ERR_DATA, "unsupported",
                    "%s: its numbers are big-endian, which is not supported; save it on a "
                    "little-endian machine",
                    a->zip.path);
}

static enum wc_err open_archive(struct wc_weights *w, struct archive *a, struct wc_error *err) {
    WC_TRY(find_folder(a, err));
    WC_TRY(check_byte_order(a, err));
    bool script = entry_of(a, "constants.pkl") != NULL;
    struct wc_zip_entry *e = entry_of(a, "data.pkl");
    WC_TRY(wc_zip_check(&a->zip, e, err));
    struct wc_pk_options options = {.path = a->zip.path,
                                    .what = "data.pkl",
                                    .cut_fault = "bad-pickle",
                                    .allow_classes = script};
    struct wc_pickle pickle;
    WC_TRY(wc_pickle_run(&options, e->data, e->n_bytes, &pickle, err));
    struct wc_storage_source source = {find_in_archive, a->zip.path, a};
    enum wc_err rc = wc_torch_collect(w, &pickle, &source, err);
    wc_pickle_release(&pickle);
    if (script)
        w->format = "torchscript";
    return rc;
}

bool wc_torch_zip_sniff(const struct wc_sniff *s) {
    return s->n >= 4 &&
           (wc_le32(s->data) == 0x04034b50u || wc_le32(s->data) == 0x06054b50u); // "PK"
}

enum wc_err wc_torch_zip_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                              struct wc_error *err) {
    struct archive a = {.folder = NULL};
    WC_TRY(wc_zip_open(&a.zip, path, map, err));
    enum wc_err rc = open_archive(w, &a, err);
    wc_zip_release(&a.zip);
    return rc;
}

// ---- before version 1.6

/*
 * Five pickles (magic number, protocol, byte order, the object, the list of storage keys), then for
 * each key in the list an 8-byte number of elements and the elements. torch/serialization.py,
 * _legacy_save.
 */
static const unsigned char legacy_magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                             0x20, 0x6a, 0xa8, 0x50, 0x19};
#define LEGACY_PROTOCOL 1001

struct legacy_storage {
    const char *key;
    size_t n_key;
    enum wc_dtype dtype;
    size_t n_elements; // as the pickle declares
    const unsigned char *data;
};

struct legacy {
    const char *path;
    const unsigned char *data;
    size_t n, at;
    struct legacy_storage *storage; // sorted by key
    size_t n_storages;
};

static int by_key(const void *a, const void *b) {
    const struct legacy_storage *x = a, *y = b;
    int c = memcmp(x->key, y->key, x->n_key < y->n_key ? x->n_key : y->n_key);
    return c ? c : (x->n_key > y->n_key) - (x->n_key < y->n_key);
}

static struct legacy_storage *find_key(const struct legacy *l, const char *key, size_t n_key) {
    struct legacy_storage wanted = {.key = key, .n_key = n_key};
    if (l->n_storages == 0)
        return NULL;
    return bsearch(&wanted, l->storage, l->n_storages, sizeof(wanted), by_key);
}

static enum wc_err find_in_legacy(const struct wc_storage_source *self, const struct wc_storage *s,
                                  const char *tensor, const unsigned char **data,
                                  struct wc_error *err) {
    const struct legacy_storage *found = find_key(self->context, s->key, s->n_key);
    if (!found || !found->data)
        return WC_FAULT(err, WC_ERR_DATA, "missing-storage",
                        "%s: tensor \"%s\": the file has no storage \"%.*s\" with its numbers; get "
                        "it again",
                        self->path, tensor, (int)(s->n_key < 200 ? s->n_key : 200), s->key);
    // One key with two descriptions: the bytes were measured by the first.
    if (found->dtype != s->dtype || found->n_elements != s->n_elements)
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                        "%s: tensor \"%s\": its storage is declared with two types or sizes",
                        self->path, tensor);
    *data = found->data;
    return WC_OK;
}

static enum wc_err next_pickle(struct legacy *l, const char *what, struct wc_pickle *p,
                               struct wc_error *err) {
    struct wc_pk_options options = {.path = l->path, .what = what, .cut_fault = "truncated"};
    WC_TRY(wc_pickle_run(&options, l->data + l->at, l->n - l->at, p, err));
    l->at += p->n_used;
    return WC_OK;
}

// The first three pickles: is it such a file, of this protocol and byte order?
static enum wc_err read_preamble(struct legacy *l, struct wc_error *err) {
    struct wc_pickle p;
    WC_TRY(next_pickle(l, "magic number", &p, err));
    const struct wc_pk_value *v = wc_pk_value(&p, p.root);
    bool good = v->type == WC_PK_BIGINT && v->n == sizeof(legacy_magic) &&
                memcmp(p.bytes + v->u.text, legacy_magic, v->n) == 0;
    wc_pickle_release(&p);
    if (!good)
        return WC_FAULT(err, WC_ERR_DATA, "unknown-format",
                        "%s: a Python pickle without PyTorch's magic number; it was not "
                        "interpreted, save the model with torch.save",
                        l->path);
    WC_TRY(next_pickle(l, "protocol version", &p, err));
    v = wc_pk_value(&p, p.root);
    good = v->type == WC_PK_INT && v->u.i == LEGACY_PROTOCOL;
    wc_pickle_release(&p);
    if (!good)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported",
                        "%s: not protocol 1001 of PyTorch's old format; save it again", l->path);
    WC_TRY(next_pickle(l, "system information", &p, err));
    uint32_t little = wc_pk_get(&p, p.root, "little_endian");
    good = little == WC_PK_NO_VALUE || wc_pk_value(&p, little)->type != WC_PK_BOOL ||
           wc_pk_value(&p, little)->u.i;
    wc_pickle_release(&p);
    if (!good)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported",
                        "%s: its numbers are big-endian, which is not supported", l->path);
    return WC_OK;
}

// The table of all storages that the object refers to, without their places.
static enum wc_err list_storages(struct legacy *l, const struct wc_pickle *p,
                                 struct wc_error *err) {
    size_t n = 0, n_unique = 0;
    for (size_t i = 0; i < p->n_values; i++)
        n += p->value[i].type == WC_PK_STORAGE;
    WC_TRY(WC_NEW(&l->storage, n, "legacy checkpoint: storages", err));
    for (size_t i = 0; i < p->n_values; i++) {
        struct wc_storage s;
        if (p->value[i].type != WC_PK_STORAGE)
            continue;
        WC_TRY(wc_storage_read(p, (uint32_t)i, l->path, &s, err));
        l->storage[l->n_storages++] =
            (struct legacy_storage){s.key, s.n_key, s.dtype, s.n_elements, NULL};
    }
    if (n > 0)
        qsort(l->storage, n, sizeof(*l->storage), by_key);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || by_key(&l->storage[n_unique - 1], &l->storage[i]) != 0)
            l->storage[n_unique++] = l->storage[i];
    l->n_storages = n_unique;
    return WC_OK;
}

// The place of one storage: at the file's current position.
static enum wc_err place_storage(struct legacy *l, const char *key, size_t n_key,
                                 struct wc_error *err) {
    struct legacy_storage *s = find_key(l, key, n_key);
    int n_shown = (int)(n_key < 200 ? n_key : 200);
    if (!s)
        return WC_FAULT(err, WC_ERR_DATA, "bad-pickle",
                        "%s: storage \"%.*s\" is in the list but used by no tensor", l->path,
                        n_shown, key);
    if (s->data)
        return WC_FAULT(err, WC_ERR_DATA, "duplicate-key", "%s: storage \"%.*s\" is listed twice",
                        l->path, n_shown, key);
    size_t n_bytes;
    if (l->n - l->at < 8)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: the file ends before storage \"%.*s\"; get it again", l->path, n_shown,
                        key);
    uint64_t n_elements = wc_le64(l->data + l->at);
    if (n_elements != s->n_elements || !wc_mul(s->n_elements, wc_dtype_size(s->dtype), &n_bytes))
        return WC_FAULT(err, WC_ERR_DATA, "size-mismatch",
                        "%s: storage \"%.*s\" has %llu elements, %zu are declared", l->path,
                        n_shown, key, (unsigned long long)n_elements, s->n_elements);
    if (n_bytes > l->n - l->at - 8)
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: the file ends in storage \"%.*s\" (%zu bytes at %zu of %zu); get it "
                        "again",
                        l->path, n_shown, key, n_bytes, l->at + 8, l->n);
    s->data = l->data + l->at + 8;
    l->at += 8 + n_bytes;
    return WC_OK;
}

static enum wc_err place_storages(struct legacy *l, const struct wc_pickle *keys,
                                  struct wc_error *err) {
    if (wc_pk_value(keys, keys->root)->type != WC_PK_LIST)
        return WC_FAULT(err, WC_ERR_DATA, "bad-pickle", "%s: it has no list of storage keys",
                        l->path);
    for (uint32_t c = wc_pk_first(keys, keys->root); c != WC_PK_NO_VALUE; c = wc_pk_next(keys, c)) {
        size_t n_key = 0;
        const char *key = wc_pk_text(keys, keys->cell[c].value, &n_key);
        if (!key)
            return WC_FAULT(err, WC_ERR_DATA, "bad-pickle", "%s: a storage key is no string",
                            l->path);
        WC_TRY(place_storage(l, key, n_key, err));
    }
    return WC_OK;
}

static enum wc_err read_storages(struct legacy *l, const struct wc_pickle *object,
                                 struct wc_error *err) {
    struct wc_pickle keys;
    WC_TRY(list_storages(l, object, err));
    WC_TRY(next_pickle(l, "storage keys", &keys, err));
    enum wc_err rc = place_storages(l, &keys, err);
    wc_pickle_release(&keys);
    return rc;
}

// A pickle of protocol 2 or above begins with PROTO.
bool wc_torch_legacy_sniff(const struct wc_sniff *s) {
    return s->n >= 3 && s->data[0] == 0x80 && s->data[1] >= 2 && s->data[1] <= 5 &&
           !(s->n > 8 && s->data[8] == '{');
}

enum wc_err wc_torch_legacy_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                                 struct wc_error *err) {
    struct legacy l = {.path = path, .data = map->data, .n = map->n_bytes};
    struct wc_pickle object;
    WC_TRY(read_preamble(&l, err));
    WC_TRY(next_pickle(&l, "checkpoint", &object, err));
    enum wc_err rc = read_storages(&l, &object, err);
    struct wc_storage_source source = {find_in_legacy, path, &l};
    if (rc == WC_OK)
        rc = wc_torch_collect(w, &object, &source, err);
    wc_free(l.storage);
    wc_pickle_release(&object);
    return rc;
}
