/*
 * A listing as one block of bytes: "WCDS", version, the fields in the struct's order, CRC-32C of
 * all before it. Numbers are little-endian; texts are a length (u32) and their bytes. The path of
 * an item follows from folder and image and is not sent.
 */
#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

#define MAGIC "WCDS"
#define VERSION 1u
#define N_CRC 4         // bytes at the end
#define MIN_ITEM 16     // bytes: two lengths, a label, a count
#define MIN_CATEGORY 25 // bytes: three lengths, a flag for the object and one for masks, two counts

static void put_u32(struct wc_buf *b, uint32_t v) {
    const unsigned char le[4] = {(unsigned char)v, (unsigned char)(v >> 8),
                                 (unsigned char)(v >> 16), (unsigned char)(v >> 24)};
    wc_buf_add(b, le, sizeof(le));
}

static void put_count(struct wc_buf *b, size_t n) {
    b->failed = b->failed || n > UINT32_MAX;
    put_u32(b, (uint32_t)n);
}

static void put_text(struct wc_buf *b, const char *s) {
    size_t n = strlen(s);
    put_count(b, n);
    wc_buf_add(b, s, n);
}

static void put_items(struct wc_buf *b, const struct wc_item *item, size_t n) {
    put_count(b, n);
    for (size_t i = 0; i < n; i++) {
        put_text(b, item[i].image);
        put_text(b, item[i].defect);
        put_u32(b, (uint32_t)(item[i].label + 1));
        put_count(b, item[i].masks.n);
        for (size_t k = 0; k < item[i].masks.n; k++)
            put_text(b, item[i].masks.item[k]);
    }
}

enum wc_err wc_dataset_pack(const struct wc_dataset *d, struct wc_buf *out, struct wc_error *err) {
    struct wc_buf b = {0};
    wc_buf_puts(&b, MAGIC);
    put_u32(&b, VERSION);
    put_text(&b, d->name);
    put_text(&b, d->root);
    put_count(&b, d->n_categories);
    for (size_t i = 0; i < d->n_categories; i++) {
        const struct wc_category *c = &d->category[i];
        put_text(&b, c->name);
        put_text(&b, c->folder);
        put_u32(&b, c->object != NULL);
        put_text(&b, c->object ? c->object : "");
        wc_buf_putc(&b, (char)c->has_masks);
        put_items(&b, c->item, c->n_items);
        put_items(&b, c->train, c->n_train);
    }
    if (!b.failed)
        put_u32(&b, wc_crc32c(0, b.data, b.n));
    enum wc_err rc = wc_buf_check(&b, "data set listing", err);
    if (rc == WC_OK)
        *out = b;
    else
        wc_buf_release(&b);
    return rc;
}

struct cursor {
    const unsigned char *at;
    size_t left;
};

static enum wc_err truncated(struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "truncated",
                    "packed data set: it ends early, or a length in it is wrong");
}

static uint32_t load_u32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static enum wc_err get_u32(struct cursor *c, uint32_t *v, struct wc_error *err) {
    if (c->left < 4)
        return truncated(err);
    *v = load_u32(c->at);
    c->at += 4;
    c->left -= 4;
    return WC_OK;
}

static enum wc_err get_text(struct cursor *c, char **out, struct wc_error *err) {
    uint32_t n = 0;
    WC_TRY(get_u32(c, &n, err));
    if (n > c->left)
        return truncated(err);
    if (memchr(c->at, 0, n))
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "packed data set: a text holds a NUL byte");
    *out = wc_strndup((const char *)c->at, n);
    if (!*out)
        return WC_FAIL(err, WC_ERR_NOMEM, "unpacking the data set: out of memory");
    c->at += n;
    c->left -= n;
    return WC_OK;
}

// A count of things of at least `min` bytes each, so that no count asks for more memory than the
// block could fill.
static enum wc_err get_count(struct cursor *c, size_t min, uint32_t *n, struct wc_error *err) {
    uint32_t found = 0;
    WC_TRY(get_u32(c, &found, err));
    if (found > c->left / min)
        return truncated(err);
    *n = found;
    return WC_OK;
}

static enum wc_err get_item(struct cursor *c, const char *folder, struct wc_item *item,
                            struct wc_error *err) {
    uint32_t label = 0, n_masks = 0;
    WC_TRY(get_text(c, &item->image, err));
    WC_TRY(wc_ds_join(&item->path, folder, item->image, err));
    WC_TRY(get_text(c, &item->defect, err));
    WC_TRY(get_u32(c, &label, err));
    if (label > 2)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "packed data set: label %u", label);
    item->label = (enum wc_label)((int)label - 1);
    WC_TRY(get_count(c, 4, &n_masks, err));
    for (uint32_t k = 0; k < n_masks; k++) {
        char *mask = NULL;
        WC_TRY(get_text(c, &mask, err));
        enum wc_err rc = wc_strlist_add(&item->masks, mask, err);
        wc_free(mask);
        WC_TRY(rc);
    }
    return WC_OK;
}

// *n grows with each item begun, so that a release finds all of them.
static enum wc_err get_items(struct cursor *c, const char *folder, struct wc_item **item,
                             size_t *cap, size_t *n, struct wc_error *err) {
    uint32_t count = 0;
    WC_TRY(get_count(c, MIN_ITEM, &count, err));
    if (count)
        WC_TRY(WC_GROW(item, cap, count, "images", err));
    for (uint32_t i = 0; i < count; i++)
        WC_TRY(get_item(c, folder, &(*item)[(*n)++], err));
    return WC_OK;
}

static enum wc_err get_category(struct cursor *c, struct wc_category *out, struct wc_error *err) {
    uint32_t has_object = 0;
    WC_TRY(get_text(c, &out->name, err));
    WC_TRY(get_text(c, &out->folder, err));
    WC_TRY(get_u32(c, &has_object, err));
    WC_TRY(get_text(c, &out->object, err));
    if (!has_object) {
        wc_free(out->object);
        out->object = NULL;
    }
    if (!c->left)
        return truncated(err);
    out->has_masks = *c->at != 0;
    c->at++;
    c->left--;
    WC_TRY(get_items(c, out->folder, &out->item, &out->cap_items, &out->n_items, err));
    return get_items(c, out->folder, &out->train, &out->cap_train, &out->n_train, err);
}

static enum wc_err unpack(struct cursor *c, struct wc_dataset *d, struct wc_error *err) {
    uint32_t n = 0;
    WC_TRY(get_text(c, &d->name, err));
    WC_TRY(get_text(c, &d->root, err));
    WC_TRY(get_count(c, MIN_CATEGORY, &n, err));
    if (n)
        WC_TRY(WC_GROW(&d->category, &d->cap_categories, n, "categories", err));
    while (d->n_categories < n)
        WC_TRY(get_category(c, &d->category[d->n_categories++], err));
    return c->left ? truncated(err) : WC_OK;
}

enum wc_err wc_dataset_unpack(const char *bytes, size_t n, struct wc_dataset *out,
                              struct wc_error *err) {
    struct cursor c = {(const unsigned char *)bytes, n};
    struct wc_dataset d = {0};
    if (n < 8 + N_CRC || memcmp(bytes, MAGIC, 4) != 0 || load_u32(c.at + 4) != VERSION)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "packed data set: not one of this version of the program; run the same "
                        "program on all ranks");
    if (load_u32(c.at + n - N_CRC) != wc_crc32c(0, bytes, n - N_CRC))
        return WC_FAULT(err, WC_ERR_DATA, "bad-crc", "packed data set: damaged on its way");
    c.at += 8;
    c.left -= 8 + N_CRC;
    enum wc_err rc = unpack(&c, &d, err);
    if (rc == WC_OK)
        *out = d;
    else
        wc_dataset_release(&d);
    return rc;
}
