/*
 * One value of one option: from a YAML node into its field, and back to canonical YAML.
 *
 * Private to config. A site says where a value stands, for messages and relative paths.
 */
#ifndef WC_CONFIG_VALUES_H
#define WC_CONFIG_VALUES_H

#include "base/err.h"
#include "base/str.h"
#include "base/yaml.h"
#include "config/config.h"
#include "config/options.h"

struct wc_site {
    const char *file;    // as messages name it: a path, or "--set"
    const char *key;     // dotted
    const char *set_key; // the key that --set can replace, NULL: the same
    const char *dir;     // absolute folder that relative paths start from
};

// `file:line:column: key "x": ...`, WC_ERR_CONFIG.
enum wc_err wc_site_fail(const struct wc_site *site, const struct wc_yaml *v, struct wc_error *err,
                         const char *fault, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

// `base` is the struct that o->offset counts from: a configuration or a method entry.

// Reads v into o's field of base. A null, absent (NULL) or empty value is the default. On failure
// the field is as it was.
enum wc_err wc_value_read(const struct wc_option *o, const struct wc_site *site,
                          const struct wc_yaml *v, void *base, struct wc_error *err);

// The field as YAML flow text that wc_value_read() turns back into the same value.
void wc_value_dump(const struct wc_option *o, const void *base, struct wc_buf *out);

// Is the field unset, as a value of null leaves it? For the types that can be.
bool wc_value_is_null(const struct wc_option *o, const void *base);

// Copies the field of a type that owns no memory.
void wc_value_copy(const struct wc_option *o, const void *from, void *to);

// Frees what the field owns and zeroes it.
void wc_value_release(const struct wc_option *o, void *base);

// A name of another layer's table; a-z, 0-9 and "_", never a number or "null".
bool wc_is_name(const char *s);

// What the option accepts: "a whole number from 0 to 4096, or auto".
void wc_value_expected(const struct wc_option *o, struct wc_buf *out);

// A text in double quotes, with every escape that YAML needs.
void wc_value_quote(struct wc_buf *out, const char *s);

// `s` with ${NAME} and ${NAME:-default} replaced by the environment's values; `$${` stands for a
// literal `${`. *out is the caller's (wc_free()); *expanded tells whether a variable took part.
enum wc_err wc_expand(const struct wc_site *site, const struct wc_yaml *v, const char *s,
                      char **out, bool *expanded, struct wc_error *err);

// One entry of `method`, a scalar or a map, appended to the struct wc_method_list; and the list as
// flow text; and its memory. methods.c.
enum wc_err wc_method_add(const struct wc_site *site, const struct wc_option *o,
                          const struct wc_yaml *v, void *list, struct wc_error *err);
void wc_methods_dump(const struct wc_option *o, const void *list, struct wc_buf *out);
void wc_methods_release(void *list);

// The value is not what the option accepts: says what was found and what was expected.
enum wc_err wc_value_mismatch(const struct wc_site *site, const struct wc_option *o,
                              const struct wc_yaml *v, struct wc_error *err);

// An absolute path of `path`, which is relative to the absolute folder `dir`, which holds no links.
// *out is the caller's (wc_free()).
enum wc_err wc_resolve(const char *dir, const char *path, char **out, struct wc_error *err);

#endif
