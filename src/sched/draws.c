#include "sched/draws.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/rng.h"
#include "dataset/csv.h"
#include "method/reference_file.h"
#include "report/escape.h"

#include <string.h>

// What making a category's draw needs.
struct maker {
    const struct wc_config *config;
    const struct wc_category *category;
    const struct wc_plan *plan;
    struct wc_draw *draw;
    struct wc_error *err;
};

static enum wc_err no_memory(const struct maker *m) {
    return WC_FAIL(m->err, WC_ERR_NOMEM, "references of %s: out of memory", m->category->name);
}

// The index of an image among the distinct ones, added when it is new.
static enum wc_err add_image(struct maker *m, const char *path, const char *image, int64_t i_bank,
                             size_t *index) {
    struct wc_draw *d = m->draw;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->image[i].path, path) == 0 && d->image[i].i_bank == i_bank) {
            *index = i;
            return WC_OK;
        }
    WC_TRY(WC_GROW(&d->image, &d->cap, d->n + 1, "references", m->err));
    struct wc_drawn *to = &d->image[d->n];
    *to = (struct wc_drawn){wc_strdup(path), wc_strdup(image), i_bank};
    *index = d->n++;
    return to->path && to->image ? WC_OK : no_memory(m);
}

static enum wc_err too_few(const struct maker *m, const char *source, size_t n) {
    return WC_FAULT(
        m->err, WC_ERR_DATA, "too-few-references",
        "category %s: %lld-shot needs %lld normal reference images, %s has %zu; lower `shots`",
        m->category->name, (long long)m->plan->max_shot, (long long)m->plan->max_shot, source, n);
}

static enum wc_err new_order(struct maker *m) {
    m->draw->n_draw = (size_t)m->plan->max_shot;
    return WC_NEW(&m->draw->order, m->plan->n_seeds * m->draw->n_draw, "references", m->err);
}

// The first images of a list, for every seed.
static enum wc_err same_for_all_seeds(struct maker *m, const char *source,
                                      const struct wc_drawn *image, size_t n) {
    struct wc_draw *d = m->draw;
    if (n < d->n_draw)
        return too_few(m, source, n);
    for (size_t i = 0; i < d->n_draw; i++) {
        size_t index;
        WC_TRY(add_image(m, image[i].path, image[i].image, image[i].i_bank, &index));
        for (size_t s = 0; s < m->plan->n_seeds; s++)
            d->order[s * d->n_draw + i] = index;
    }
    return WC_OK;
}

static enum wc_err draw_first(struct maker *m) {
    const struct wc_category *c = m->category;
    struct wc_drawn *image;
    WC_TRY(WC_NEW(&image, c->n_train, "references", m->err));
    for (size_t i = 0; i < c->n_train; i++)
        image[i] = (struct wc_drawn){c->train[i].path, c->train[i].image, -1};
    enum wc_err rc = same_for_all_seeds(m, "its training set", image, c->n_train);
    wc_free(image);
    return rc;
}

static enum wc_err draw_random(struct maker *m) {
    const struct wc_category *c = m->category;
    struct wc_draw *d = m->draw;
    size_t *perm;
    if (c->n_train < d->n_draw)
        return too_few(m, "its training set", c->n_train);
    WC_TRY(WC_NEW(&perm, c->n_train, "references", m->err));
    enum wc_err rc = WC_OK;
    for (size_t s = 0; s < m->plan->n_seeds && rc == WC_OK; s++) {
        wc_rng_permutation((uint64_t)m->plan->seeds[s], wc_fnv1a64(c->name, strlen(c->name)),
                           c->n_train, perm);
        for (size_t i = 0; i < d->n_draw && rc == WC_OK; i++) {
            const struct wc_item *item = &c->train[perm[i]];
            rc = add_image(m, item->path, item->image, -1, &d->order[s * d->n_draw + i]);
        }
    }
    wc_free(perm);
    return rc;
}

/* Named by the user. */

static bool is_picture(const char *name) {
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", ".bmp"};
    for (size_t i = 0; i < 4; i++)
        if (wc_str_ends_nocase(name, suffixes[i]))
            return true;
    return false;
}

static enum wc_err draw_folder(struct maker *m, const char *folder) {
    struct wc_strlist names = {0};
    struct wc_drawn *image = NULL;
    size_t n = 0;
    enum wc_err rc = wc_io_list(folder, false, &names, m->err);
    if (rc == WC_OK)
        rc = WC_NEW(&image, names.n, "references", m->err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        if (!is_picture(names.item[i]))
            continue;
        char *path = wc_path_join(folder, names.item[i]);
        image[n++] = (struct wc_drawn){path, path, -1};
        rc = path ? WC_OK : no_memory(m);
    }
    if (rc == WC_OK)
        rc = same_for_all_seeds(m, folder, image, n);
    for (size_t i = 0; i < n; i++)
        wc_free(image[i].path);
    wc_free(image);
    wc_strlist_release(&names);
    return rc;
}

static enum wc_err draw_bank(struct maker *m, const char *path) {
    struct wc_weights *bank = NULL;
    struct wc_drawn *image = NULL;
    WC_TRY(wc_weights_open(path, &bank, m->err));
    size_t n = wc_bank_size(bank);
    wc_weights_free(&bank);
    if (n == 0)
        return WC_FAULT(m->err, WC_ERR_DATA, "missing-tensor",
                        "%s: no reference bank (winclip-mpi features --bank)", path);
    WC_TRY(WC_NEW(&image, n, "references", m->err));
    for (size_t i = 0; i < n; i++)
        image[i] = (struct wc_drawn){(char *)(uintptr_t)path, (char *)(uintptr_t)path, (int64_t)i};
    enum wc_err rc = same_for_all_seeds(m, path, image, n);
    wc_free(image);
    return rc;
}

// FOLDER/<category>.safetensors, FOLDER/<category>/ or FOLDER itself.
static enum wc_err draw_named_folder(struct maker *m, const char *folder) {
    char *bank = wc_sprintf("%s/%s.safetensors", folder, m->category->name);
    char *own = wc_path_join(folder, m->category->name);
    enum wc_err rc = WC_OK;
    if (!bank || !own)
        rc = no_memory(m);
    else if (wc_io_is_file(bank))
        rc = draw_bank(m, bank);
    else
        rc = draw_folder(m, wc_io_is_dir(own) ? own : folder);
    wc_free(bank);
    wc_free(own);
    return rc;
}

// The path that a CSV's image stands for: below the category's folder, else below the CSV's.
static char *csv_image_path(const struct maker *m, const char *csv, const char *image) {
    char *path = wc_path_join(m->category->folder, image);
    if (!path || wc_io_is_file(path))
        return path;
    char *dir = wc_path_dir(csv), *other = dir ? wc_path_join(dir, image) : NULL;
    bool better = other && wc_io_is_file(other);
    wc_free(better ? path : other);
    wc_free(dir);
    return better ? other : path;
}

// Rows of this category and seed, by order, into row `s` of the draw; *n receives how many there
// were.
static enum wc_err take_rows(struct maker *m, const char *path, const struct wc_csv *csv,
                             const size_t column[4], int64_t seed, size_t s, size_t *n) {
    struct wc_draw *d = m->draw;
    *n = 0;
    for (size_t r = 0; r < csv->n_rows; r++) {
        int64_t row_seed;
        uint64_t order;
        if (strcmp(wc_csv_at(csv, r, column[0]), m->category->name) != 0)
            continue;
        if (!wc_parse_i64(wc_csv_at(csv, r, column[1]), &row_seed) ||
            !wc_parse_u64(wc_csv_at(csv, r, column[2]), &order))
            return WC_FAULT(m->err, WC_ERR_DATA, "bad-split",
                            "%s:%zu: seed and order must be whole numbers", path,
                            wc_csv_line(csv, r));
        if (row_seed != seed || order >= d->n_draw)
            continue;
        char *image = csv_image_path(m, path, wc_csv_at(csv, r, column[3]));
        if (!image)
            return no_memory(m);
        enum wc_err rc =
            add_image(m, image, wc_csv_at(csv, r, column[3]), -1, &d->order[s * d->n_draw + order]);
        wc_free(image);
        WC_TRY(rc);
        (*n)++;
    }
    return WC_OK;
}

static enum wc_err draw_csv_rows(struct maker *m, const char *path, const struct wc_csv *csv) {
    static const char *const names[4] = {"category", "seed", "order", "image"};
    struct wc_draw *d = m->draw;
    size_t column[4], n;
    for (size_t i = 0; i < 4; i++) {
        column[i] = wc_csv_column(csv, names[i]);
        if (column[i] == WC_CSV_NONE)
            return WC_FAULT(m->err, WC_ERR_DATA, "bad-split",
                            "%s: no column \"%s\"; category,seed,order,image are needed", path,
                            names[i]);
    }
    for (size_t s = 0; s < m->plan->n_seeds; s++) {
        WC_TRY(take_rows(m, path, csv, column, m->plan->seeds[s], s, &n));
        if (n == 0 && s > 0) { // a list without seeds serves all of them
            memcpy(d->order + s * d->n_draw, d->order, d->n_draw * sizeof *d->order);
            continue;
        }
        if (n != d->n_draw)
            return too_few(m, path, n);
    }
    return WC_OK;
}

static enum wc_err draw_csv(struct maker *m, const char *path) {
    struct wc_csv csv = {0};
    WC_TRY(wc_csv_read(path, &csv, m->err));
    enum wc_err rc = draw_csv_rows(m, path, &csv);
    wc_csv_release(&csv);
    return rc;
}

static bool is_first(const struct wc_config *c) {
    return strcmp(c->references, "first") == 0 ||
           (c->dataset.references.n == 1 && strcmp(c->dataset.references.item[0], "first") == 0);
}

static enum wc_err make_category(struct maker *m) {
    const char *source = m->config->references;
    WC_TRY(new_order(m));
    if (is_first(m->config))
        return draw_first(m);
    if (strcmp(source, "random") == 0)
        return draw_random(m);
    if (wc_io_is_dir(source))
        return draw_named_folder(m, source);
    return wc_str_ends_nocase(source, ".csv") ? draw_csv(m, source) : draw_bank(m, source);
}

enum wc_err wc_draws_make(const struct wc_config *config, const struct wc_dataset *dataset,
                          const struct wc_plan *plan, struct wc_draws *out, struct wc_error *err) {
    struct wc_draws d = {.n_categories = dataset->n_categories, .n_seeds = plan->n_seeds};
    WC_TRY(WC_NEW(&d.category, d.n_categories, "references", err));
    for (size_t c = 0; c < d.n_categories; c++) {
        struct maker m = {config, &dataset->category[c], plan, &d.category[c], err};
        enum wc_err rc = make_category(&m);
        if (rc != WC_OK) {
            wc_draws_release(&d);
            return rc;
        }
    }
    *out = d;
    return WC_OK;
}

void wc_draws_release(struct wc_draws *d) {
    for (size_t c = 0; d->category && c < d->n_categories; c++) {
        struct wc_draw *k = &d->category[c];
        for (size_t i = 0; i < k->n; i++) {
            wc_free(k->image[i].path);
            wc_free(k->image[i].image);
        }
        wc_free(k->image);
        wc_free(k->order);
    }
    wc_free(d->category);
    *d = (struct wc_draws){0};
}

enum wc_err wc_draws_csv(const struct wc_draws *d, const struct wc_dataset *dataset,
                         const struct wc_plan *plan, struct wc_buf *out, struct wc_error *err) {
    wc_buf_puts(out, "category,seed,order,image\n");
    for (size_t c = 0; c < d->n_categories; c++) {
        const struct wc_draw *k = &d->category[c];
        for (size_t s = 0; s < d->n_seeds; s++)
            for (size_t i = 0; i < k->n_draw; i++) {
                wc_csv_field(out, dataset->category[c].name);
                wc_buf_printf(out, ",%lld,%zu,", (long long)plan->seeds[s], i);
                wc_csv_field(out, k->image[k->order[s * k->n_draw + i]].image);
                wc_buf_putc(out, '\n');
            }
    }
    return wc_buf_check(out, "references.csv", err);
}
