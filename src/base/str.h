/*
 * Strings: a growable buffer for building texts, a list of strings, and small helpers.
 *
 * A buffer remembers a failed allocation (`failed`), so that a writer can append without checking
 * each call and ask once at the end with wc_buf_check(). Thread-safe for distinct objects.
 */
#ifndef WC_BASE_STR_H
#define WC_BASE_STR_H

#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_buf {
    char *data; // n bytes and a NUL; NULL while nothing was appended
    size_t n;
    size_t cap;
    bool failed; // an allocation failed; the text is not complete
};

void wc_buf_release(struct wc_buf *b); // zeroed buffers are fine
void wc_buf_add(struct wc_buf *b, const void *bytes, size_t n);
void wc_buf_puts(struct wc_buf *b, const char *s);
void wc_buf_putc(struct wc_buf *b, char c);
void wc_buf_printf(struct wc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void wc_buf_vprintf(struct wc_buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
const char *wc_buf_str(const struct wc_buf *b); // "" when empty; never NULL
enum wc_err wc_buf_check(const struct wc_buf *b, const char *what, struct wc_error *err);

// Strings in one list, each owned by it.
struct wc_strlist {
    char **item;
    size_t n;
    size_t cap;
};

void wc_strlist_release(struct wc_strlist *l);
enum wc_err wc_strlist_add(struct wc_strlist *l, const char *s, struct wc_error *err);
enum wc_err wc_strlist_addn(struct wc_strlist *l, const char *s, size_t n, struct wc_error *err);
void wc_strlist_sort(struct wc_strlist *l); // by bytes
bool wc_strlist_has(const struct wc_strlist *l, const char *s);

// A copy of s (of at most n bytes), or NULL when memory is out. Release with wc_free().
char *wc_strdup(const char *s);
char *wc_strndup(const char *s, size_t n);
char *wc_sprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); // allocated by wc_alloc(); NULL: out of memory

bool wc_str_starts(const char *s, const char *prefix);
bool wc_str_ends(const char *s, const char *suffix);
bool wc_str_ends_nocase(const char *s, const char *suffix); // ASCII

// Directory and base part: "a/b/c.png" -> base "c.png"; no allocation.
const char *wc_path_base(const char *path);
char *wc_path_dir(const char *path);                  // "a/b"; "." without a slash; allocated
char *wc_path_join(const char *dir, const char *rel); // rel alone when it is absolute; allocated
// The same, with an error for a lack of memory.
enum wc_err wc_path_in(const char *dir, const char *rel, char **out, struct wc_error *err);

// Strict numbers: the whole string must be one, no white space, no locale; false otherwise and *out
// is untouched.
bool wc_parse_u64(const char *s, uint64_t *out);
bool wc_parse_i64(const char *s, int64_t *out);
bool wc_parse_f64(const char *s, double *out); // decimal or C hexadecimal; finite only

// The element of names[0..n) closest to `s` by edit distance, or NULL when none is close enough to
// be a slip.
const char *wc_str_nearest(const char *s, const char *const *names, size_t n);

// Is it well-formed UTF-8 (shortest forms, no surrogates)?
bool wc_utf8_valid(const char *s, size_t n);

#endif
