// Reading several reports, and merging those that are parts of one benchmark.
#include "report/compare.h"
#include "report/published.h"
#include "report/read.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

void wc_report_set_release(struct wc_report_set *s) {
    for (size_t i = 0; i < s->n; i++) {
        wc_report_release(&s->item[i]);
        wc_free(s->name[i]);
    }
    wc_free(s->item);
    wc_free(s->name);
    wc_published_release(&s->published);
    *s = (struct wc_report_set){0};
}

// "visa" of "runs/visa/" or of "runs/visa/report.json"; several runs of one name keep their paths.
static char *name_of(const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    char *trimmed = wc_strndup(path, n);
    if (trimmed && strcmp(wc_path_base(trimmed), "report.json") == 0) {
        char *dir = wc_path_dir(trimmed);
        wc_free(trimmed);
        trimmed = dir;
    }
    char *name = trimmed ? wc_strdup(wc_path_base(trimmed)) : NULL;
    wc_free(trimmed);
    return name;
}

static bool has_name(const struct wc_report_set *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->name[i], name) == 0)
            return true;
    return false;
}

enum wc_err wc_report_set_read(struct wc_report_set *s, const char *path, struct wc_error *err) {
    WC_TRY(WC_GROW(&s->item, &s->cap, s->n + 1, "reports", err));
    WC_TRY(WC_GROW(&s->name, &s->cap_names, s->n + 1, "reports", err));
    char *name = name_of(path);
    if (name && has_name(s, name)) {
        wc_free(name);
        name = wc_strdup(path);
    }
    if (!name)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    enum wc_err rc = wc_report_read(path, &s->item[s->n], err);
    if (rc != WC_OK) {
        wc_free(name);
        return rc;
    }
    s->name[s->n++] = name;
    return WC_OK;
}

/* Merging. */

static bool same_variants(const struct wc_report *a, const struct wc_report *b) {
    if (a->n_variants != b->n_variants)
        return false;
    for (size_t i = 0; i < b->n_variants; i++)
        if (wc_report_find_variant(a, &b->variant[i]) == a->n_variants)
            return false;
    return true;
}

static bool share_category(const struct wc_report *a, const struct wc_report *b) {
    for (size_t i = 0; i < a->n_categories; i++)
        for (size_t j = 0; j < b->n_categories; j++)
            if (strcmp(a->category[i].name, b->category[j].name) == 0)
                return true;
    return false;
}

// Parts of one benchmark: all that can change a figure is the same, and no category is in both.
static bool are_parts(const struct wc_report *a, const struct wc_report *b) {
    const struct wc_provenance *p = &a->provenance, *q = &b->provenance;
    const char *const same[][2] = {
        {p->dataset, q->dataset},
        {p->weights_sha256, q->weights_sha256},
        {p->arch, q->arch},
        {p->activation, q->activation},
        {p->prompts, q->prompts},
        {p->prompts_sha256, q->prompts_sha256},
        {p->presets, q->presets},
        {p->changed, q->changed},
        {p->precision, q->precision},
        {p->evaluation, q->evaluation},
        {p->references, q->references},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (strcmp(same[i][0], same[i][1]) != 0)
            return false;
    return a->n_categories > 0 && b->n_categories > 0 && same_variants(a, b) &&
           !share_category(a, b);
}

// "avx2" and "avx512": both names, each once.
static enum wc_err join(struct wc_report *r, const char **text, const char *more,
                        const char *between, struct wc_error *err) {
    struct wc_buf both = {0};
    if (strcmp(*text, more) == 0)
        return WC_OK;
    for (const char *at = strstr(*text, more); at && more[0]; at = strstr(at + 1, more)) {
        const char *end = at + strlen(more);
        bool begins = at == *text || (at - *text >= (ptrdiff_t)strlen(between) &&
                                      wc_str_starts(at - strlen(between), between));
        if (begins && (*end == '\0' || wc_str_starts(end, between)))
            return WC_OK;
    }
    wc_buf_printf(&both, "%s%s%s", *text, between, more);
    enum wc_err rc = wc_buf_check(&both, "report", err);
    if (rc == WC_OK)
        rc = wc_strlist_add(&r->text, wc_buf_str(&both), err);
    if (rc == WC_OK)
        *text = r->text.item[r->text.n - 1];
    wc_buf_release(&both);
    return rc;
}

static enum wc_err join_provenance(struct wc_report *a, const struct wc_report *b,
                                   struct wc_error *err) {
    struct wc_provenance *p = &a->provenance;
    const struct wc_provenance *q = &b->provenance;
    WC_TRY(join(a, &p->run_id, q->run_id, "+", err));
    WC_TRY(join(a, &p->version, q->version, ", ", err));
    WC_TRY(join(a, &p->isa, q->isa, ", ", err));
    WC_TRY(join(a, &p->gemm, q->gemm, ", ", err));
    WC_TRY(join(a, &p->model, q->model, ", ", err));
    p->n_images += q->n_images;
    p->n_failed += q->n_failed;
    p->scale_low = fmin(p->scale_low, q->scale_low);
    p->scale_high = fmax(p->scale_high, q->scale_high);
    return WC_OK;
}

// scores (n_variants, images of a, images of b)
static enum wc_err join_scores(struct wc_report *a, const struct wc_report *b,
                               const size_t *variant, struct wc_error *err) {
    size_t n = a->n_images + b->n_images;
    double *score = NULL;
    WC_TRY(WC_NEW(&score, a->n_variants * n + 1, "scores", err));
    for (size_t v = 0; v < a->n_variants; v++)
        memcpy(score + v * n, a->score + v * a->n_images, a->n_images * sizeof *score);
    for (size_t v = 0; v < b->n_variants; v++)
        memcpy(score + variant[v] * n + a->n_images, b->score + v * b->n_images,
               b->n_images * sizeof *score);
    wc_free(a->score);
    a->score = score;
    a->cap_scores = a->n_variants * n + 1;
    return WC_OK;
}

// Appends n elements of one list to another.
#define APPEND(a, list, n_list, cap_list, b, err)                                                  \
    do {                                                                                           \
        WC_TRY(WC_GROW(&(a)->list, &(a)->cap_list, (a)->n_list + (b)->n_list + 1, "report", err)); \
        for (size_t i_ = 0; i_ < (b)->n_list; i_++)                                                \
            (a)->list[(a)->n_list + i_] = (b)->list[i_];                                           \
        (a)->n_list += (b)->n_list;                                                                \
    } while (0)

static enum wc_err join_lists(struct wc_report *a, struct wc_report *b, const size_t *variant,
                              struct wc_error *err) {
    for (size_t i = 0; i < b->n_curves; i++)
        b->curve[i].variant = variant[b->curve[i].variant];
    for (size_t i = 0; i < b->n_pictures; i++) {
        b->picture[i].variant = variant[b->picture[i].variant];
        b->picture[i].i_image += a->n_images;
    }
    WC_TRY(join_scores(a, b, variant, err));
    APPEND(a, row, n_rows, cap_rows, b, err);
    APPEND(a, defect, n_defects, cap_defects, b, err);
    APPEND(a, category, n_categories, cap_categories, b, err);
    APPEND(a, image, n_images, cap_images, b, err);
    APPEND(a, picture, n_pictures, cap_pictures, b, err);
    APPEND(a, curve, n_curves, cap_curves, b, err);
    b->n_curves = 0; // now a's
    APPEND(a, failure, n_failures, cap_failures, b, err);
    b->n_failures = 0;
    APPEND(a, doc, n_docs, cap_docs, b, err);
    b->n_docs = 0;
    for (size_t i = 0; i < b->text.n; i++) { // a picture's folder points there
        WC_TRY(WC_GROW(&a->text.item, &a->text.cap, a->text.n + 1, "report", err));
        a->text.item[a->text.n++] = b->text.item[i];
        b->text.item[i] = NULL;
    }
    b->text.n = 0;
    return WC_OK;
}

static void drop_means(struct wc_report *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->n_rows; i++)
        if (strcmp(r->row[i].category, WC_REPORT_MEAN) != 0)
            r->row[n++] = r->row[i];
    r->n_rows = n;
}

static enum wc_err absorb(struct wc_report *a, struct wc_report *b, struct wc_error *err) {
    size_t *variant = NULL;
    WC_TRY(WC_NEW(&variant, b->n_variants + 1, "report", err));
    for (size_t v = 0; v < b->n_variants; v++)
        variant[v] = wc_report_find_variant(a, &b->variant[v]);
    drop_means(a);
    drop_means(b);
    enum wc_err rc = join_provenance(a, b, err);
    if (rc == WC_OK)
        rc = join_lists(a, b, variant, err);
    wc_free(variant);
    a->merged = true;
    return rc;
}

// Takes report i out of the set.
static void take_out(struct wc_report_set *s, size_t i) {
    wc_report_release(&s->item[i]);
    wc_free(s->name[i]);
    memmove(&s->item[i], &s->item[i + 1], (s->n - i - 1) * sizeof *s->item);
    memmove(&s->name[i], &s->name[i + 1], (s->n - i - 1) * sizeof *s->name);
    s->n--;
}

// Means and their intervals over all categories.
static enum wc_err complete(struct wc_report *r, struct wc_error *err) {
    struct wc_bootstrap_options options = r->provenance.bootstrap;
    if (!r->merged)
        return WC_OK;
    WC_TRY(wc_report_add_means(r, err));
    return wc_report_bootstrap(r, &options, err);
}

enum wc_err wc_report_set_merge(struct wc_report_set *s, struct wc_error *err) {
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = i + 1; j < s->n;) {
            if (!are_parts(&s->item[i], &s->item[j])) {
                j++;
                continue;
            }
            WC_TRY(absorb(&s->item[i], &s->item[j], err));
            take_out(s, j);
        }
    for (size_t i = 0; i < s->n; i++)
        WC_TRY(complete(&s->item[i], err));
    return WC_OK;
}
