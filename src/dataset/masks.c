#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"

#include <stdlib.h>
#include <string.h>

// What a message names of each list, so that both fit into it.
#define N_NAMED 5
#define MAX_NAMED_BYTES 300

// Masks of one folder, ordered by stem. `name` belongs to the list that the folder was read into.
struct mask {
    const char *name;
    size_t n_stem;
    bool used;
};

struct mask_set {
    struct mask *mask;
    size_t n;
    struct wc_strlist names;
};

size_t wc_ds_stem(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool wc_ds_sorted_has(const struct wc_strlist *sorted, const char *s) {
    return sorted->n && bsearch(&s, sorted->item, sorted->n, sizeof(*sorted->item), by_text);
}

static int compare_stems(const char *a, size_t n_a, const char *b, size_t n_b) {
    int order = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return order ? order : (n_a > n_b) - (n_a < n_b);
}

static int by_stem(const void *a, const void *b) {
    const struct mask *x = a, *y = b;
    return compare_stems(x->name, x->n_stem, y->name, y->n_stem);
}

static void mask_set_release(struct mask_set *s) {
    wc_free(s->mask);
    wc_strlist_release(&s->names);
    *s = (struct mask_set){0};
}

// `whole`: the names are folders, their stem is all of them.
static enum wc_err index_stems(struct mask_set *s, const char *folder, bool whole,
                               struct wc_error *err) {
    WC_TRY(WC_NEW(&s->mask, s->names.n, "masks", err));
    s->n = s->names.n;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->names.item[i];
        s->mask[i] = (struct mask){.name = name, .n_stem = whole ? strlen(name) : wc_ds_stem(name)};
    }
    qsort(s->mask, s->n, sizeof(*s->mask), by_stem);
    for (size_t i = 1; i < s->n; i++)
        if (by_stem(&s->mask[i - 1], &s->mask[i]) == 0)
            return WC_FAULT(err, WC_ERR_DATA, "duplicate",
                            "%s: masks %s and %s are for one image; keep one of them", folder,
                            s->mask[i - 1].name, s->mask[i].name);
    return WC_OK;
}

static struct mask *find(const struct mask_set *s, const char *stem, size_t n_stem) {
    struct mask key = {.name = stem, .n_stem = n_stem};
    return s->n ? bsearch(&key, s->mask, s->n, sizeof(key), by_stem) : NULL;
}

// The mask called STEM + suffix.
static enum wc_err find_suffixed(const struct mask_set *s, const char *image, const char *suffix,
                                 struct mask **out, struct wc_error *err) {
    const char *base = wc_path_base(image);
    size_t n_stem = wc_ds_stem(base);
    char *name = wc_sprintf("%.*s%s", (int)n_stem, base, suffix);
    if (!name)
        return WC_FAIL(err, WC_ERR_NOMEM, "pairing masks: out of memory");
    *out = find(s, name, strlen(name));
    wc_free(name);
    return WC_OK;
}

// Adds FOLDER/NAME to a list of what was left over.
static enum wc_err leave_over(struct wc_strlist *list, const char *folder, const char *name,
                              struct wc_error *err) {
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, folder, name, err));
    enum wc_err rc = wc_strlist_add(list, path, err);
    wc_free(path);
    return rc;
}

struct pairing {
    struct wc_category *c;
    size_t first;
    const char *folder; // of the masks, relative to the category's
    const char *suffix; // that most masks carry
    const char *other;  // that the rest may carry
    bool keep;
    bool mask_folders;
};

static enum wc_err take(const struct pairing *p, struct wc_item *item, struct mask *m,
                        struct wc_error *err) {
    if (m->used)
        return WC_FAULT(err, WC_ERR_DATA, "duplicate",
                        "%s: two images are called like mask %s/%s; rename one of them and its "
                        "mask",
                        item->path, p->folder, m->name);
    m->used = true;
    if (!p->keep)
        return WC_OK;
    struct wc_strlist names = {0};
    char *path = NULL, *full = NULL;
    enum wc_err rc = wc_ds_join(&path, p->folder, m->name, err);
    if (rc == WC_OK && !p->mask_folders)
        rc = wc_ds_add_mask(p->c, item, path, err);
    if (rc == WC_OK && p->mask_folders)
        rc = wc_ds_join(&full, p->c->folder, path, err);
    if (rc == WC_OK && p->mask_folders)
        rc = wc_ds_images(full, NULL, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *file = NULL;
        rc = wc_ds_join(&file, path, names.item[i], err);
        if (rc == WC_OK)
            rc = wc_ds_add_mask(p->c, item, file, err);
        wc_free(file);
    }
    wc_strlist_release(&names);
    wc_free(path);
    wc_free(full);
    return rc;
}

// How many images have a mask with that suffix.
static enum wc_err count_suffixed(const struct pairing *p, const struct mask_set *s,
                                  const char *suffix, size_t *n, struct wc_error *err) {
    size_t found = 0;
    for (size_t i = p->first; i < p->c->n_items; i++) {
        struct mask *m = NULL;
        WC_TRY(find_suffixed(s, p->c->item[i].image, suffix, &m, err));
        found += m != NULL;
    }
    *n = found;
    return WC_OK;
}

// The folder's habit is asked first, so that images "a" and "a_mask" with masks "a" and "a_mask"
// (or "a_mask" and "a_mask_mask") are paired as meant; only then may a mask carry the other name.
static enum wc_err pair_all(struct pairing *p, const struct mask_set *s, struct wc_ds_unpaired *u,
                            struct wc_error *err) {
    size_t n_suffix = 0, n_other = 0;
    WC_TRY(count_suffixed(p, s, p->suffix, &n_suffix, err));
    WC_TRY(count_suffixed(p, s, p->other, &n_other, err));
    if (n_other > n_suffix) {
        const char *swap = p->suffix;
        p->suffix = p->other;
        p->other = swap;
    }
    for (size_t i = p->first; i < p->c->n_items; i++) {
        struct mask *m = NULL;
        WC_TRY(find_suffixed(s, p->c->item[i].image, p->suffix, &m, err));
        if (m)
            WC_TRY(take(p, &p->c->item[i], m, err));
    }
    for (size_t i = p->first; i < p->c->n_items; i++) {
        struct wc_item *item = &p->c->item[i];
        struct mask *m = NULL;
        if (item->masks.n)
            continue;
        WC_TRY(find_suffixed(s, item->image, p->other, &m, err));
        if (m && !m->used)
            WC_TRY(take(p, item, m, err));
        if (p->keep && !item->masks.n)
            WC_TRY(wc_strlist_add(&u->images, item->image, err));
    }
    return WC_OK;
}

// Files where folders of masks are expected.
static enum wc_err leave_files(const char *path, const struct pairing *p, struct wc_ds_unpaired *u,
                               struct wc_error *err) {
    struct wc_strlist names = {0};
    enum wc_err rc = wc_io_list(path, false, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++)
        if (wc_ds_is_image(names.item[i]) && !wc_ds_has_dir(path, names.item[i]))
            rc = leave_over(&u->masks, p->folder, names.item[i], err);
    wc_strlist_release(&names);
    return rc;
}

// Reads the folder, pairs, and notes the masks that are left.
static enum wc_err pair(struct pairing *p, struct wc_ds_unpaired *u, struct wc_error *err) {
    struct mask_set s = {0};
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, p->c->folder, p->folder, err));
    enum wc_err rc = WC_OK;
    if (wc_io_is_dir(path))
        rc = p->mask_folders ? wc_ds_folders(path, &s.names, err)
                             : wc_ds_images(path, NULL, &s.names, err);
    if (rc != WC_OK && !p->mask_folders && err && err->fault &&
        strcmp(err->fault, "bad-layout") == 0)
        rc = WC_FAULT(err, rc, "bad-layout",
                      "%s (a folder of masks for each image is layout mvtec_loco)", err->text);
    if (rc == WC_OK)
        rc = index_stems(&s, path, p->mask_folders, err);
    if (rc == WC_OK)
        rc = pair_all(p, &s, u, err);
    for (size_t i = 0; i < s.n && rc == WC_OK; i++)
        if (!s.mask[i].used)
            rc = leave_over(&u->masks, p->folder, s.mask[i].name, err);
    if (rc == WC_OK && p->mask_folders && wc_io_is_dir(path))
        rc = leave_files(path, p, u, err);
    mask_set_release(&s);
    wc_free(path);
    return rc;
}

enum wc_err wc_ds_pair(struct wc_category *c, size_t first, const char *folder, const char *suffix,
                       bool keep, struct wc_ds_unpaired *u, struct wc_error *err) {
    struct pairing p = {
        .c = c, .first = first, .folder = folder, .suffix = suffix, .other = "", .keep = keep};
    return pair(&p, u, err);
}

enum wc_err wc_ds_pair_folders(struct wc_category *c, size_t first, const char *folder, bool keep,
                               struct wc_ds_unpaired *u, struct wc_error *err) {
    struct pairing p = {.c = c,
                        .first = first,
                        .folder = folder,
                        .suffix = "",
                        .other = "_mask",
                        .keep = keep,
                        .mask_folders = true};
    return pair(&p, u, err);
}

enum wc_err wc_ds_stray(struct wc_category *c, const char *folder, struct wc_ds_unpaired *u,
                        struct wc_error *err) {
    struct wc_strlist names = {0};
    char *path = NULL;
    WC_TRY(wc_ds_join(&path, c->folder, folder, err));
    enum wc_err rc = wc_io_list(path, false, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++)
        if (wc_ds_is_image(names.item[i]) || wc_ds_has_dir(path, names.item[i]))
            rc = leave_over(&u->masks, folder, names.item[i], err);
    wc_strlist_release(&names);
    wc_free(path);
    return rc;
}

void wc_ds_unpaired_release(struct wc_ds_unpaired *u) {
    wc_strlist_release(&u->images);
    wc_strlist_release(&u->masks);
}

static void put_name(struct wc_buf *b, const char *name) {
    for (const char *s = name; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            wc_buf_printf(b, "\\x%02x", (unsigned)(unsigned char)*s);
        else
            wc_buf_putc(b, *s);
    }
}

void wc_ds_put_names(struct wc_buf *b, const struct wc_strlist *names) {
    size_t i, n_before = b->n;
    for (i = 0; i < names->n && i < N_NAMED && b->n - n_before < MAX_NAMED_BYTES; i++) {
        wc_buf_puts(b, i ? ", " : "");
        put_name(b, names->item[i]);
    }
    if (names->n > i)
        wc_buf_printf(b, " and %zu more", names->n - i);
}

enum wc_err wc_ds_check_unpaired(const struct wc_dataset *d, const struct wc_category *c,
                                 const struct wc_ds_unpaired *u, struct wc_error *err) {
    if (!u->images.n && !u->masks.n)
        return WC_OK;
    struct wc_buf b = {0};
    wc_buf_printf(&b, "%s: category \"", d->name);
    put_name(&b, c->name);
    wc_buf_puts(&b, "\": ");
    if (u->masks.n) {
        wc_buf_printf(&b, "masks without an image (%zu): ", u->masks.n);
        wc_ds_put_names(&b, &u->masks);
    }
    if (u->images.n) {
        wc_buf_printf(&b, "%sanomalous images without a mask (%zu): ", u->masks.n ? "; " : "",
                      u->images.n);
        wc_ds_put_names(&b, &u->images);
    }
    enum wc_err rc = wc_buf_check(&b, "message", err);
    if (rc == WC_OK)
        rc = WC_FAULT(err, WC_ERR_DATA, u->masks.n ? "unmatched-mask" : "missing-mask",
                      "%s; a mask is called as its image, with or without \"_mask\"; to go without "
                      "pixel metrics take all masks away",
                      wc_buf_str(&b));
    wc_buf_release(&b);
    return rc;
}
