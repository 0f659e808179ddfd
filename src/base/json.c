#include "base/json.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Nodes and strings come from chunks that the document owns, so that freeing is one walk of a list.
struct chunk {
    struct chunk *next;
    size_t used, size;
    // bytes follow
};
#define CHUNK_HEAD ((sizeof(struct chunk) + 15) / 16 * 16)

struct wc_json_doc {
    struct wc_json root;
    struct chunk *chunks;
};

struct parser {
    const char *name;
    const char *start, *p, *end;
    unsigned depth;
    struct wc_json_doc *doc;
    struct wc_error *err;
};

static enum wc_err syntax(struct parser *s, const char *what) {
    return WC_FAULT(s->err, WC_ERR_DATA, "json-syntax", "%s: JSON, byte %zu: %s", s->name,
                    (size_t)(s->p - s->start), what);
}

static enum wc_err take(struct parser *s, size_t n, void *out) {
    size_t rounded = (n + 15) / 16 * 16;
    struct chunk *c = s->doc->chunks;
    if (!c || c->size - c->used < rounded) {
        size_t size = rounded > 16384 ? rounded : 16384;
        c = wc_alloc(CHUNK_HEAD + size, 1);
        if (!c)
            return WC_FAIL(s->err, WC_ERR_NOMEM, "%s: JSON: out of memory", s->name);
        c->size = size;
        c->next = s->doc->chunks;
        s->doc->chunks = c;
    }
    *(char **)out = (char *)c + CHUNK_HEAD + c->used;
    c->used += rounded;
    return WC_OK;
}

static void skip_space(struct parser *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool hex4(const char *p, const char *end, unsigned *out) {
    if (end - p < 4)
        return false;
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16;
        if (d > 15)
            return false;
        v = v << 4 | d;
    }
    *out = v;
    return true;
}

static char *put_utf8(char *o, unsigned v) {
    if (v < 0x80) {
        *o++ = (char)v;
    } else if (v < 0x800) {
        *o++ = (char)(0xC0 | v >> 6);
        *o++ = (char)(0x80 | (v & 63));
    } else if (v < 0x10000) {
        *o++ = (char)(0xE0 | v >> 12);
        *o++ = (char)(0x80 | (v >> 6 & 63));
        *o++ = (char)(0x80 | (v & 63));
    } else {
        *o++ = (char)(0xF0 | v >> 18);
        *o++ = (char)(0x80 | (v >> 12 & 63));
        *o++ = (char)(0x80 | (v >> 6 & 63));
        *o++ = (char)(0x80 | (v & 63));
    }
    return o;
}

// After a backslash: one escape into *o.
static enum wc_err escape(struct parser *s, char **o) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->p >= s->end)
        return syntax(s, "the text ends inside a string");
    char c = *s->p++;
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        *(*o)++ = to[simple - from];
        return WC_OK;
    }
    unsigned v, low;
    if (c != 'u' || !hex4(s->p, s->end, &v))
        return syntax(s, "invalid escape in a string");
    s->p += 4;
    if (v >= 0xDC00 && v < 0xE000)
        return syntax(s, "lone surrogate in a string");
    if (v >= 0xD800 && v < 0xDC00) {
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' ||
            !hex4(s->p + 2, s->end, &low) || low < 0xDC00 || low >= 0xE000)
            return syntax(s, "lone surrogate in a string");
        s->p += 6;
        v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
    }
    *o = put_utf8(*o, v);
    return WC_OK;
}

static enum wc_err string(struct parser *s, const char **text, size_t *n) {
    const char *q =
        ++s->p; // behind the opening quote; find the end to know the room that is needed
    while (q < s->end && *q != '"')
        q += *q == '\\' ? 2 : 1;
    if (q >= s->end) {
        s->p = s->end;
        return syntax(s, "the text ends inside a string");
    }
    char *out;
    WC_TRY(take(s, (size_t)(q - s->p) + 1, &out));
    char *o = out;
    while (s->p < s->end && *s->p != '"') {
        if ((unsigned char)*s->p < 0x20)
            return syntax(s, "control character in a string");
        if (*s->p != '\\') {
            *o++ = *s->p++;
            continue;
        }
        s->p++;
        WC_TRY(escape(s, &o));
    }
    if (s->p >= s->end)
        return syntax(s, "the text ends inside a string");
    s->p++;
    *o = '\0';
    *text = out;
    *n = (size_t)(o - out);
    return WC_OK;
}

static size_t digits(struct parser *s) {
    size_t n = 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; n++)
        s->p++;
    return n;
}

static enum wc_err number(struct parser *s, struct wc_json *v) {
    const char *start = s->p;
    if (*s->p == '-')
        s->p++;
    bool zero = s->p < s->end && *s->p == '0';
    size_t n = digits(s);
    if (n == 0 || (zero && n > 1))
        return syntax(s, "invalid number");
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (digits(s) == 0)
            return syntax(s, "invalid number");
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (digits(s) == 0)
            return syntax(s, "invalid number");
    }
    size_t length = (size_t)(s->p - start);
    char *text;
    WC_TRY(take(s, length + 1, &text));
    memcpy(text, start, length);
    text[length] = '\0';
    v->type = WC_JSON_NUMBER;
    v->text = text;
    v->n_text = length;
    return WC_OK;
}

static bool word(struct parser *s, const char *w) {
    size_t n = strlen(w);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n) != 0)
        return false;
    s->p += n;
    return true;
}

static enum wc_err value(struct parser *s, struct wc_json *v, unsigned depth);

static int by_key(const void *a, const void *b) {
    const struct wc_json *x = *(const struct wc_json *const *)a,
                         *y = *(const struct wc_json *const *)b;
    size_t n = x->n_key < y->n_key ? x->n_key : y->n_key;
    int c = memcmp(x->key, y->key, n);
    return c ? c : (x->n_key > y->n_key) - (x->n_key < y->n_key);
}

static enum wc_err unique_keys(struct parser *s, const struct wc_json *object) {
    if (object->n_children < 2)
        return WC_OK;
    const struct wc_json **sorted;
    WC_TRY(WC_NEW(&sorted, object->n_children, s->name, s->err));
    size_t n = 0;
    for (const struct wc_json *c = object->child; c; c = c->next)
        sorted[n++] = c;
    qsort(sorted, n, sizeof *sorted, by_key);
    enum wc_err rc = WC_OK;
    for (size_t i = 1; i < n && rc == WC_OK; i++)
        if (by_key(&sorted[i - 1], &sorted[i]) == 0)
            rc = WC_FAULT(s->err, WC_ERR_DATA, "json-duplicate-key",
                          "%s: JSON: key \"%.80s\" occurs twice", s->name, sorted[i]->key);
    wc_free(sorted);
    return rc;
}

// One element of a list or member of an object.
static enum wc_err element(struct parser *s, struct wc_json *parent, struct wc_json ***tail,
                           unsigned depth) {
    struct wc_json *c;
    WC_TRY(take(s, sizeof *c, &c));
    *c = (struct wc_json){0};
    if (parent->type == WC_JSON_OBJECT) {
        if (s->p >= s->end || *s->p != '"')
            return syntax(s, "expected a key in quotes");
        WC_TRY(string(s, &c->key, &c->n_key));
        skip_space(s);
        if (s->p >= s->end || *s->p++ != ':')
            return syntax(s, "expected \":\" after a key");
    }
    WC_TRY(value(s, c, depth + 1));
    **tail = c;
    *tail = &c->next;
    parent->n_children++;
    skip_space(s);
    return WC_OK;
}

static enum wc_err children(struct parser *s, struct wc_json *v, char close, unsigned depth) {
    struct wc_json **tail = &v->child;
    if (depth >= s->depth)
        return WC_FAULT(s->err, WC_ERR_DATA, "json-depth",
                        "%s: JSON, byte %zu: nested deeper than %u levels", s->name,
                        (size_t)(s->p - s->start), s->depth);
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == close) {
        s->p++;
        return WC_OK;
    }
    for (;;) {
        skip_space(s);
        WC_TRY(element(s, v, &tail, depth));
        if (s->p >= s->end)
            return syntax(s, "the text ends inside a list or object");
        char c = *s->p++;
        if (c == close)
            break;
        if (c != ',')
            return syntax(s, "expected \",\" or the end of a list or object");
    }
    return v->type == WC_JSON_OBJECT ? unique_keys(s, v) : WC_OK;
}

static enum wc_err value(struct parser *s, struct wc_json *v, unsigned depth) {
    skip_space(s);
    if (s->p >= s->end)
        return syntax(s, "the text ends where a value is expected");
    char c = *s->p;
    if (c == '{') {
        v->type = WC_JSON_OBJECT;
        return children(s, v, '}', depth);
    }
    if (c == '[') {
        v->type = WC_JSON_ARRAY;
        return children(s, v, ']', depth);
    }
    if (c == '"') {
        v->type = WC_JSON_STRING;
        return string(s, &v->text, &v->n_text);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return number(s, v);
    v->type = WC_JSON_BOOL;
    v->boolean = c == 't';
    if (word(s, "true") || word(s, "false"))
        return WC_OK;
    v->type = WC_JSON_NULL;
    return word(s, "null") ? WC_OK : syntax(s, "unknown word");
}

enum wc_err wc_json_parse(const char *name, const char *bytes, size_t n, unsigned max_depth,
                          struct wc_json_doc **doc, struct wc_error *err) {
    if (!wc_utf8_valid(bytes, n))
        return WC_FAULT(err, WC_ERR_DATA, "json-syntax", "%s: JSON: not UTF-8", name);
    struct wc_json_doc *d;
    WC_TRY(WC_NEW(&d, 1, name, err));
    struct parser s = {.name = name,
                       .start = bytes,
                       .p = bytes,
                       .end = bytes + n,
                       .depth = max_depth,
                       .doc = d,
                       .err = err};
    enum wc_err rc = value(&s, &d->root, 0);
    if (rc == WC_OK) {
        skip_space(&s);
        if (s.p != s.end)
            rc = syntax(&s, "text after the value");
    }
    if (rc != WC_OK) {
        wc_json_free(&d);
        return rc;
    }
    *doc = d;
    return WC_OK;
}

const struct wc_json *wc_json_root(const struct wc_json_doc *doc) {
    return &doc->root;
}

void wc_json_free(struct wc_json_doc **doc) {
    if (!*doc)
        return;
    for (struct chunk *c = (*doc)->chunks, *next; c; c = next) {
        next = c->next;
        wc_free(c);
    }
    wc_free(*doc);
    *doc = NULL;
}

const struct wc_json *wc_json_get(const struct wc_json *v, const char *key) {
    size_t n = strlen(key);
    if (!v || v->type != WC_JSON_OBJECT)
        return NULL;
    for (const struct wc_json *c = v->child; c; c = c->next)
        if (c->n_key == n && memcmp(c->key, key, n) == 0)
            return c;
    return NULL;
}

bool wc_json_u64(const struct wc_json *v, uint64_t *out) {
    return v && v->type == WC_JSON_NUMBER && wc_parse_u64(v->text, out);
}

bool wc_json_f64(const struct wc_json *v, double *out) {
    return v && v->type == WC_JSON_NUMBER && wc_parse_f64(v->text, out);
}

bool wc_json_bool(const struct wc_json *v, bool *out) {
    if (!v || v->type != WC_JSON_BOOL)
        return false;
    *out = v->boolean;
    return true;
}

const char *wc_json_str(const struct wc_json *v) {
    return v && v->type == WC_JSON_STRING && strlen(v->text) == v->n_text ? v->text : NULL;
}

void wc_json_quote(struct wc_buf *b, const char *s) {
    wc_buf_putc(b, '"');
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t step = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
        if (step > n - i || !wc_utf8_valid(s + i, step)) {
            wc_buf_puts(b, "\xEF\xBF\xBD");
            i++;
            continue;
        }
        if (c == '"' || c == '\\')
            wc_buf_printf(b, "\\%c", c);
        else if (c == '\n')
            wc_buf_puts(b, "\\n");
        else if (c == '\t')
            wc_buf_puts(b, "\\t");
        else if (c < 0x20 || c == 0x7F)
            wc_buf_printf(b, "\\u%04x", c);
        else
            wc_buf_add(b, s + i, step);
        i += step;
    }
    wc_buf_putc(b, '"');
}

void wc_json_number(struct wc_buf *b, double v) {
    if (isfinite(v))
        wc_buf_printf(b, "%.17g", v);
    else
        wc_buf_puts(b, "null");
}
