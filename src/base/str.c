#include "base/str.h"

#include "base/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wc_buf_release(struct wc_buf *b) {
    wc_free(b->data);
    *b = (struct wc_buf){0};
}

// Room for n more bytes and the NUL.
static bool buf_reserve(struct wc_buf *b, size_t n) {
    size_t need;
    if (b->failed || !wc_add(b->n, n, &need) || !wc_add(need, 1, &need) ||
        WC_GROW(&b->data, &b->cap, need, "text", NULL) != WC_OK) {
        b->failed = true;
        return false;
    }
    return true;
}

void wc_buf_add(struct wc_buf *b, const void *bytes, size_t n) {
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->data + b->n, bytes, n);
    b->n += n;
    b->data[b->n] = '\0';
}

void wc_buf_puts(struct wc_buf *b, const char *s) {
    wc_buf_add(b, s, strlen(s));
}

void wc_buf_putc(struct wc_buf *b, char c) {
    wc_buf_add(b, &c, 1);
}

void wc_buf_vprintf(struct wc_buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void wc_buf_printf(struct wc_buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    wc_buf_vprintf(b, fmt, ap);
    va_end(ap);
}

const char *wc_buf_str(const struct wc_buf *b) {
    return b->data ? b->data : "";
}

enum wc_err wc_buf_check(const struct wc_buf *b, const char *what, struct wc_error *err) {
    return b->failed ? WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory after %zu bytes", what, b->n)
                     : WC_OK;
}

void wc_strlist_release(struct wc_strlist *l) {
    for (size_t i = 0; i < l->n; i++)
        wc_free(l->item[i]);
    wc_free(l->item);
    *l = (struct wc_strlist){0};
}

enum wc_err wc_strlist_addn(struct wc_strlist *l, const char *s, size_t n, struct wc_error *err) {
    WC_TRY(WC_GROW(&l->item, &l->cap, l->n + 1, "list of names", err));
    char *copy = wc_strndup(s, n);
    if (!copy)
        return WC_FAIL(err, WC_ERR_NOMEM, "list of names: out of memory");
    l->item[l->n++] = copy;
    return WC_OK;
}

enum wc_err wc_strlist_add(struct wc_strlist *l, const char *s, struct wc_error *err) {
    return wc_strlist_addn(l, s, strlen(s), err);
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void wc_strlist_sort(struct wc_strlist *l) {
    if (l->n > 1)
        qsort(l->item, l->n, sizeof *l->item, by_bytes);
}

bool wc_strlist_has(const struct wc_strlist *l, const char *s) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->item[i], s) == 0)
            return true;
    return false;
}

char *wc_strndup(const char *s, size_t n) {
    const char *end = memchr(s, '\0', n);
    size_t len = end ? (size_t)(end - s) : n;
    char *copy = len < SIZE_MAX ? wc_alloc(len + 1, 1) : NULL;
    if (copy)
        memcpy(copy, s, len);
    return copy;
}

char *wc_strdup(const char *s) {
    return wc_strndup(s, strlen(s));
}

char *wc_sprintf(const char *fmt, ...) {
    struct wc_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    wc_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    if (b.failed) {
        wc_buf_release(&b);
        return NULL;
    }
    return b.data ? b.data : wc_strdup("");
}

bool wc_str_starts(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool wc_str_ends(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool wc_str_ends_nocase(const char *s, const char *suffix) {
    size_t n = strlen(s), m = strlen(suffix);
    if (n < m)
        return false;
    for (size_t i = 0; i < m; i++)
        if (tolower((unsigned char)s[n - m + i]) != tolower((unsigned char)suffix[i]))
            return false;
    return true;
}

const char *wc_path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *wc_path_dir(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return wc_strdup(".");
    return slash == path ? wc_strdup("/") : wc_strndup(path, (size_t)(slash - path));
}

char *wc_path_join(const char *dir, const char *rel) {
    if (rel[0] == '/' || dir[0] == '\0')
        return wc_strdup(rel);
    return wc_sprintf("%s%s%s", dir, wc_str_ends(dir, "/") ? "" : "/", rel);
}

enum wc_err wc_path_in(const char *dir, const char *rel, char **out, struct wc_error *err) {
    char *path = wc_path_join(dir, rel);
    if (!path)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s/%s: out of memory", dir, rel);
    *out = path;
    return WC_OK;
}

bool wc_parse_u64(const char *s, uint64_t *out) {
    if (!isdigit((unsigned char)*s))
        return false;
    uint64_t v = 0;
    for (; isdigit((unsigned char)*s); s++)
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    if (*s)
        return false;
    *out = v;
    return true;
}

bool wc_parse_i64(const char *s, int64_t *out) {
    bool negative = *s == '-';
    uint64_t v;
    if (!wc_parse_u64(s + (negative || *s == '+'), &v) || v > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

// The program never calls setlocale(), so strtod() reads a point in every environment.
bool wc_parse_f64(const char *s, double *out) {
    if (!*s || isspace((unsigned char)*s))
        return false;
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (*end || !isfinite(v) || (errno == ERANGE && fabs(v) > 1))
        return false;
    *out = v;
    return true;
}

#define NEAREST_MAX 64

// Slips of the shift key and of the word separator count for nothing: "vit_b_16" is "ViT-B-16".
static int folded(char c) {
    return c == '-' ? '_' : tolower((unsigned char)c);
}

// Levenshtein distance of two names shorter than NEAREST_MAX.
static size_t edit_distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b), row[NEAREST_MAX + 1];
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t up = row[j], best = diagonal + (folded(a[i - 1]) != folded(b[j - 1]));
            best = up + 1 < best ? up + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = up;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *wc_str_nearest(const char *s, const char *const *names, size_t n) {
    size_t len = strlen(s);
    if (len > NEAREST_MAX)
        return NULL;
    const char *best = NULL;
    size_t best_distance = 1 + (len < 3 ? 0 : len / 3); // a third of the letters may be wrong
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) > NEAREST_MAX)
            continue;
        size_t d = edit_distance(s, names[i]);
        if (d < best_distance || (d == best_distance && !best)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

bool wc_utf8_valid(const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        size_t more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
        if (*p < 0xC2 || *p > 0xF4 || (size_t)(end - p) <= more)
            return false;
        // The first continuation byte excludes overlong forms, surrogates and values above
        // U+10FFFF.
        unsigned char low = *p == 0xE0 ? 0xA0 : *p == 0xF0 ? 0x90 : 0x80;
        unsigned char high = *p == 0xED ? 0x9F : *p == 0xF4 ? 0x8F : 0xBF;
        if (p[1] < low || p[1] > high)
            return false;
        for (size_t i = 2; i <= more; i++)
            if ((p[i] & 0xC0) != 0x80)
                return false;
        p += more + 1;
    }
    return true;
}
