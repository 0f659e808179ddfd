/*
 * JSON (RFC 8259): a reader for hostile text and helpers for writing.
 *
 * wc_json_parse() builds one tree; depth and size are bounded, duplicate keys, trailing text,
 * invalid UTF-8 and lone surrogates are errors with the byte offset. Numbers keep their text, so
 * integers are exact. Thread-safe for distinct documents.
 */
#ifndef WC_BASE_JSON_H
#define WC_BASE_JSON_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wc_json_type {
    WC_JSON_NULL,
    WC_JSON_BOOL,
    WC_JSON_NUMBER,
    WC_JSON_STRING,
    WC_JSON_ARRAY,
    WC_JSON_OBJECT
};

struct wc_json {
    enum wc_json_type type;
    bool boolean;
    const char *key;       // name in its object, NUL-terminated; NULL in arrays and at the root
    size_t n_key;          // bytes of key (it may hold NUL bytes)
    const char *text;      // STRING: decoded bytes, NUL-terminated; NUMBER: its text
    size_t n_text;         // bytes of text
    struct wc_json *child; // ARRAY, OBJECT: first element, in document order
    struct wc_json *next;  // sibling
    size_t n_children;
};

struct wc_json_doc; // owns the tree

// Parses `n` bytes; `name` is used in messages (a file name). Faults: "json-depth",
// "json-duplicate-key", "json-syntax".
enum wc_err wc_json_parse(const char *name, const char *bytes, size_t n, unsigned max_depth,
                          struct wc_json_doc **doc, struct wc_error *err);
const struct wc_json *wc_json_root(const struct wc_json_doc *doc);
void wc_json_free(struct wc_json_doc **doc);

// Member of an object by name; NULL when absent or when `v` is not an object (or NULL).
const struct wc_json *wc_json_get(const struct wc_json *v, const char *key);
// Typed values; false when v is NULL, of another type or out of range; *out is untouched then.
bool wc_json_u64(const struct wc_json *v, uint64_t *out);
bool wc_json_f64(const struct wc_json *v, double *out);
bool wc_json_bool(const struct wc_json *v, bool *out);
const char *wc_json_str(const struct wc_json *v); // NULL unless a string without NUL bytes

// Appends s as a JSON string with quotes; bytes that are not UTF-8 become U+FFFD.
void wc_json_quote(struct wc_buf *b, const char *s);
// Appends a number (%.17g), or null when it is not finite.
void wc_json_number(struct wc_buf *b, double v);

#endif
