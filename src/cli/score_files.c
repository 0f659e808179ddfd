#include "cli/score_files.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

enum { MAX_DEPTH = 64 }; // folders in folders: a link to a parent must end

struct walk {
    struct wc_score_files *l;
    const struct wc_io_info *skip;
    size_t n_root; // bytes of the operand in front of a relative name; 0: the whole path is kept
    bool watch;
    size_t n_found;
};

void wc_score_files_release(struct wc_score_files *l) {
    for (size_t i = 0; i < l->n; i++) {
        wc_free(l->item[i].path);
        wc_free(l->item[i].name);
    }
    wc_free(l->item);
    wc_free(l->slot);
    *l = (struct wc_score_files){0};
}

/* The table of paths: open addressing, at most half full. */

static size_t *find_slot(const struct wc_score_files *l, const char *path) {
    size_t i = (size_t)wc_fnv1a64(path, strlen(path)) & (l->n_slots - 1);
    while (l->slot[i] != 0 && strcmp(l->item[l->slot[i] - 1].path, path) != 0)
        i = (i + 1) & (l->n_slots - 1);
    return &l->slot[i];
}

static enum wc_err make_room(struct wc_score_files *l, struct wc_error *err) {
    if (2 * (l->n + 1) <= l->n_slots)
        return WC_OK;
    size_t n_slots = l->n_slots ? 2 * l->n_slots : 256, *slot = NULL;
    WC_TRY(WC_NEW(&slot, n_slots, "list of files", err));
    wc_free(l->slot);
    l->slot = slot;
    l->n_slots = n_slots;
    for (size_t i = 0; i < l->n; i++)
        *find_slot(l, l->item[i].path) = i + 1;
    return WC_OK;
}

// A path as a name below a folder of results: no root, and no way out of it.
static char *safe_name(const char *path) {
    struct wc_buf name = {0};
    while (*path) {
        size_t n = strcspn(path, "/");
        bool up = n == 2 && strncmp(path, "..", 2) == 0, none = n == 0 || (n == 1 && *path == '.');
        if (!none) {
            wc_buf_puts(&name, name.n > 0 ? "/" : "");
            wc_buf_add(&name, up ? "_up" : path, up ? 3 : n);
        }
        path += n + (path[n] == '/');
    }
    char *copy = name.failed ? NULL : wc_strdup(wc_buf_str(&name));
    wc_buf_release(&name);
    return copy;
}

static enum wc_err add(struct walk *w, const char *path, const struct wc_io_info *info,
                       struct wc_error *err) {
    struct wc_score_files *l = w->l;
    WC_TRY(make_room(l, err));
    WC_TRY(WC_GROW(&l->item, &l->cap, l->n + 1, "list of files", err));
    struct wc_score_file f = {.path = wc_strdup(path),
                              .name = safe_name(path + w->n_root),
                              .n_bytes = info->n_bytes,
                              .modified_ns = info->modified_ns,
                              .state = w->watch ? WC_FILE_SEEN : WC_FILE_READY};
    if (!f.path || !f.name) {
        wc_free(f.path);
        wc_free(f.name);
        return WC_FAIL(err, WC_ERR_NOMEM, "list of files: out of memory");
    }
    size_t *slot = find_slot(l, path);
    l->item[l->n++] = f;
    *slot = l->n;
    return WC_OK;
}

// A file is there: new, changed, or as it was.
static enum wc_err meet(struct walk *w, const char *path, const struct wc_io_info *info,
                        struct wc_error *err) {
    w->n_found++;
    size_t known = w->l->n_slots ? *find_slot(w->l, path) : 0;
    if (known == 0)
        return add(w, path, info, err);
    struct wc_score_file *f = &w->l->item[known - 1];
    bool same = f->n_bytes == info->n_bytes && f->modified_ns == info->modified_ns;
    f->n_bytes = info->n_bytes;
    f->modified_ns = info->modified_ns;
    if (f->state == WC_FILE_SEEN && same)
        f->state = WC_FILE_READY;
    if (f->state == WC_FILE_HELD && !same)
        f->state = WC_FILE_SEEN;
    return WC_OK;
}

static bool is_picture(const char *name) {
    static const char *const suffix[] = {".png", ".jpg", ".jpeg", ".bmp"};
    for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
        if (wc_str_ends_nocase(name, suffix[i]))
            return true;
    return false;
}

static enum wc_err walk_folder(struct walk *w, const char *path, unsigned depth,
                               struct wc_error *err);

static enum wc_err walk_entry(struct walk *w, const char *path, unsigned depth,
                              struct wc_error *err) {
    struct wc_io_info info;
    if (!wc_io_stat(path, &info))
        return WC_OK; // gone since the folder was listed, or a link to nothing
    bool skipped = w->skip && info.device == w->skip->device && info.inode == w->skip->inode;
    if (info.is_dir && !skipped && depth < MAX_DEPTH)
        return walk_folder(w, path, depth + 1, err);
    return info.is_file && is_picture(path) ? meet(w, path, &info, err) : WC_OK;
}

static enum wc_err walk_folder(struct walk *w, const char *path, unsigned depth,
                               struct wc_error *err) {
    struct wc_strlist names = {0};
    enum wc_err rc = wc_io_list(path, false, &names, err);
    if (rc == WC_ERR_DATA && w->watch)
        return WC_OK; // removed while it was looked at
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *full = wc_path_join(path, names.item[i]);
        rc = full ? walk_entry(w, full, depth, err)
                  : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
        wc_free(full);
    }
    wc_strlist_release(&names);
    return rc;
}

static enum wc_err walk_operand(struct walk *w, const char *path, bool alone,
                                struct wc_error *err) {
    struct wc_io_info info = {0};
    bool there = wc_io_stat(path, &info);
    if (there && info.is_dir) {
        w->n_found = 0;
        w->n_root = alone ? strlen(path) : 0;
        WC_TRY(walk_folder(w, path, 0, err));
        if (w->n_found == 0 && !w->watch)
            return WC_FAIL(err, WC_ERR_DATA,
                           "%s: no .png, .jpg, .jpeg or .bmp files in this folder", path);
        return WC_OK;
    }
    if (!there && w->watch)
        return WC_OK; // it may come
    w->n_root = alone ? (size_t)(wc_path_base(path) - path) : 0;
    return meet(w, path, &info, err);
}

enum wc_err wc_score_files_scan(struct wc_score_files *l, const struct wc_strlist *operands,
                                const struct wc_io_info *skip, bool watch, struct wc_error *err) {
    struct walk w = {.l = l, .skip = skip, .watch = watch};
    for (size_t i = 0; i < operands->n; i++)
        WC_TRY(walk_operand(&w, operands->item[i], operands->n == 1, err));
    return WC_OK;
}
