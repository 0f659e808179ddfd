#include "base/yaml.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum {
    MAX_BYTES = 1 << 20, // of text: a hundred times the largest sensible configuration
    MAX_DEPTH = 16,      // of collections inside each other
    BLOCK_BYTES = 16384, // of tree memory taken at once
    SHOWN = 64,          // characters of a user's text that a message repeats
};

// Tree memory: blocks that are only ever filled and released together.
struct block {
    struct block *next;
    size_t used, cap; // bytes
    max_align_t bytes[];
};

struct wc_yaml_doc {
    char *name;
    struct block *blocks;
    const struct wc_yaml *root;
};

// A collection that is still open, and the key that waits for its value.
struct level {
    struct wc_yaml *node, *tail;
    const char *key; // NULL: the next scalar in a map is a key
    yaml_mark_t key_mark;
};

struct builder {
    struct wc_yaml_doc *doc;
    struct wc_error *err;
    struct level open[MAX_DEPTH];
    size_t depth; // of open[]
    bool has_document;
};

// ---- messages

__attribute__((format(printf, 6, 7))) static enum wc_err fail_at(struct wc_error *err,
                                                                 const char *name, size_t line,
                                                                 size_t column, const char *fault,
                                                                 const char *fmt, ...) {
    char text[768];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return WC_FAULT(err, WC_ERR_CONFIG, fault, "%s:%zu:%zu: %s", name, line, column, text);
}

#define FAIL_MARK(b, mark, fault, ...)                                                             \
    fail_at((b)->err, (b)->doc->name, (mark).line + 1, (mark).column + 1, (fault), __VA_ARGS__)

// What libyaml says, and what a person should look for.
static const struct {
    const char *problem, *fault, *hint;
} hints[] = {
    {"mapping values are not allowed", "syntax",
     "a \"key: value\" stands inside another value; check the indentation, and quote a text that "
     "holds \": \""},
    {"did not find expected key", "indentation",
     "the line does not line up with the keys above it, or a quote or bracket ended too early"},
    {"did not find expected '-'", "indentation",
     "the line does not line up with the list items above it"},
    {"did not find expected ',' or ']'", "unclosed", "is a \"]\" or a comma missing?"},
    {"did not find expected ',' or '}'", "unclosed", "is a \"}\" or a comma missing?"},
    {"found unexpected end of stream", "unclosed", "is a closing quote missing?"},
    {"found unexpected document indicator", "unclosed", "is a closing quote missing?"},
    {"could not find expected ':'", "syntax", "a key is followed by \": \" and its value"},
    {"block sequence entries are not allowed", "syntax",
     "a list begins on its own line below its key"},
    {"found a tab character", "tab", "indent with spaces, not with tabs"},
    {"found unknown escape character", "escape",
     "in \"...\" a backslash begins an escape; write \\\\ for one, or use '...'"},
    {"found undefined tag handle", "tag", "tags (\"!...\") are not supported"},
    {"did not find expected <document start>", "several-documents",
     "one file holds one document; is the indentation of this line right?"},
    {"did not find expected node content", "syntax",
     "a value is missing or begins with a sign "
     "that needs quotes"},
    {"found undefined alias", "alias",
     "aliases (*name) are not supported; quote a text that "
     "begins with \"*\""},
    {"while scanning an alias", "alias", "quote a text that begins with \"*\""},
    {"while scanning an anchor", "anchor", "quote a text that begins with \"&\""},
    {"found incompatible YAML document", "syntax", "use YAML 1.2 or leave the %YAML line out"},
};

// Byte offset to line and column, both from 1; columns count characters.
static void locate(const char *text, size_t offset, size_t *line, size_t *column) {
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        bool line_end = text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
        if (line_end) {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

// Is the mark's character a tab? Marks count characters; lines are few enough to walk from the top.
static bool tab_at(const char *text, size_t n, yaml_mark_t mark) {
    size_t i = 0;
    for (size_t seen = 0; i < n; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80 && seen++ == mark.index)
            break;
    }
    return i < n && text[i] == '\t';
}

static enum wc_err parser_failed(const struct builder *b, const yaml_parser_t *p, const char *text,
                                 size_t n) {
    if (p->error == YAML_MEMORY_ERROR)
        return WC_FAIL(b->err, WC_ERR_NOMEM, "%s: out of memory while reading YAML", b->doc->name);
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR) {
        size_t line, column;
        locate(text, p->problem_offset < n ? p->problem_offset : n - 1, &line, &column);
        return fail_at(b->err, b->doc->name, line, column, "control-character",
                       "a character that YAML does not allow (U+%04X)", (unsigned)p->problem_value);
    }
    if (tab_at(text, n, p->problem_mark))
        return FAIL_MARK(b, p->problem_mark, "tab",
                         "a tab where YAML wants spaces; indent with spaces");
    const char *context = p->context ? p->context : "";
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (wc_str_starts(problem, hints[i].problem) || wc_str_starts(context, hints[i].problem))
            return FAIL_MARK(b, p->problem_mark, hints[i].fault, "%s%s%s; %s", context,
                             *context ? ": " : "", problem, hints[i].hint);
    }
    return FAIL_MARK(b, p->problem_mark, "syntax", "%s%s%s", context, *context ? ": " : "",
                     problem);
}

// ---- the bytes

// libyaml stops at most of these too, but without the line, or only after a part was read.
static enum wc_err check_bytes(const char *name, const char *text, size_t n, struct wc_error *err) {
    const char *fault = NULL, *what = NULL;
    size_t at = 0;
    while (at < n && !fault) {
        unsigned char c = (unsigned char)text[at];
        size_t length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (length > n - at || !wc_utf8_valid(text + at, length)) {
            fault = "not-utf8";
            what = "is not UTF-8; save the file as UTF-8";
        } else if (c == 0x7F || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) {
            fault = "control-character";
            what = "is a control character; is this a text file?";
        } else if (length == 3 && memcmp(text + at, "\xEF\xBB\xBF", 3) == 0) {
            fault = "byte-order-mark";
            what = "begins a byte order mark, which belongs at the start of a file only";
        } else {
            at += length;
        }
    }
    if (!fault)
        return WC_OK;
    size_t line, column;
    locate(text, at, &line, &column);
    return fail_at(err, name, line, column, fault, "byte 0x%02X %s",
                   (unsigned)(unsigned char)text[at], what);
}

// ---- the tree

static void *take(struct builder *b, size_t n_bytes) {
    struct wc_yaml_doc *doc = b->doc;
    size_t unit = sizeof(max_align_t);
    n_bytes = (n_bytes + unit - 1) / unit * unit;
    if (!doc->blocks || doc->blocks->cap - doc->blocks->used < n_bytes) {
        size_t cap = n_bytes > BLOCK_BYTES ? n_bytes : BLOCK_BYTES;
        struct block *block = wc_alloc(1, sizeof(*block) + cap);
        if (!block) {
            wc_fail(b->err, WC_ERR_NOMEM, NULL, "%s: out of memory while reading YAML", doc->name);
            return NULL;
        }
        block->cap = cap;
        block->next = doc->blocks;
        doc->blocks = block;
    }
    void *p = (char *)doc->blocks->bytes + doc->blocks->used;
    doc->blocks->used += n_bytes;
    return p;
}

static enum wc_err take_text(struct builder *b, yaml_mark_t mark, const unsigned char *s, size_t n,
                             const char **out) {
    if (memchr(s, 0, n))
        return FAIL_MARK(b, mark, "control-character", "a text with a NUL character (\\0)");
    char *copy = take(b, n + 1);
    if (!copy)
        return WC_ERR_NOMEM;
    memcpy(copy, s, n);
    *out = copy; // the block was zeroed: the NUL is there
    return WC_OK;
}

static enum wc_err take_key(struct builder *b, const yaml_event_t *e) {
    struct level *top = &b->open[b->depth - 1];
    if (e->type != YAML_SCALAR_EVENT)
        return FAIL_MARK(b, e->start_mark, "key",
                         "a key is a list or a map; keys are plain words (is this \"{...}\" or "
                         "\"[...]\" a text that needs quotes?)");
    const unsigned char *s = e->data.scalar.value;
    size_t n = e->data.scalar.length;
    if (n == 0)
        return FAIL_MARK(b, e->start_mark, "key", "an empty key");
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0x20 || s[i] == 0x7F)
            return FAIL_MARK(b, e->start_mark, "key", "a key with a control character");
    }
    top->key_mark = e->start_mark;
    return take_text(b, e->start_mark, s, n, &top->key);
}

static bool is_null(const char *s) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(s, words[i]) == 0)
            return true;
    }
    return false;
}

static void attach(struct builder *b, struct wc_yaml *node) {
    if (b->depth == 0) {
        b->doc->root = node;
        return;
    }
    struct level *top = &b->open[b->depth - 1];
    if (top->node->type == WC_YAML_MAP) {
        node->key = top->key;
        node->key_line = top->key_mark.line + 1;
        node->key_column = top->key_mark.column + 1;
        top->key = NULL;
    }
    if (top->tail)
        top->tail->next = node;
    else
        top->node->child = node;
    top->tail = node;
    top->node->n_children++;
}

static enum wc_err add_value(struct builder *b, const yaml_event_t *e) {
    struct wc_yaml *node = take(b, sizeof(*node));
    if (!node)
        return WC_ERR_NOMEM;
    node->line = e->start_mark.line + 1;
    node->column = e->start_mark.column + 1;
    if (e->type == YAML_SCALAR_EVENT) {
        WC_TRY(
            take_text(b, e->start_mark, e->data.scalar.value, e->data.scalar.length, &node->text));
        node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        bool null = !node->quoted && is_null(node->text);
        node->type = null ? WC_YAML_NULL : WC_YAML_SCALAR;
        if (null)
            node->text = NULL;
        attach(b, node);
        return WC_OK;
    }
    if (b->depth == MAX_DEPTH)
        return FAIL_MARK(b, e->start_mark, "depth", "more than %d lists and maps inside each other",
                         MAX_DEPTH);
    node->type = e->type == YAML_MAPPING_START_EVENT ? WC_YAML_MAP : WC_YAML_LIST;
    attach(b, node);
    b->open[b->depth++] = (struct level){.node = node};
    return WC_OK;
}

static int by_key(const void *a, const void *b) {
    const struct wc_yaml *x = *(const struct wc_yaml *const *)a;
    const struct wc_yaml *y = *(const struct wc_yaml *const *)b;
    int order = strcmp(x->key, y->key);
    if (order == 0)
        order = (x->key_line > y->key_line) - (x->key_line < y->key_line);
    if (order == 0)
        order = (x->key_column > y->key_column) - (x->key_column < y->key_column);
    return order;
}

// By sorting, so that a map of a hundred thousand keys costs no more than reading it.
static enum wc_err check_duplicates(struct builder *b, const struct wc_yaml *map) {
    if (map->n_children < 2)
        return WC_OK;
    const struct wc_yaml **sorted = NULL;
    WC_TRY(WC_NEW(&sorted, map->n_children, "keys of a YAML map", b->err));
    size_t n = 0;
    for (const struct wc_yaml *v = map->child; v; v = v->next)
        sorted[n++] = v;
    qsort(sorted, n, sizeof(const struct wc_yaml *), by_key);
    enum wc_err rc = WC_OK;
    for (size_t i = 1; i < n && rc == WC_OK; i++) {
        if (strcmp(sorted[i]->key, sorted[i - 1]->key) == 0)
            rc = fail_at(b->err, b->doc->name, sorted[i]->key_line, sorted[i]->key_column,
                         "duplicate-key", "key \"%.*s\": given twice, first in line %zu", SHOWN,
                         sorted[i]->key, sorted[i - 1]->key_line);
    }
    wc_free(sorted);
    return rc;
}

// The properties that a node may carry and that are refused.
static enum wc_err check_properties(struct builder *b, const yaml_event_t *e) {
    const unsigned char *anchor = NULL, *tag = NULL;
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    }
    if (anchor)
        return FAIL_MARK(b, e->start_mark, "anchor",
                         "anchor \"&%.*s\": anchors are not supported; write the value where it is "
                         "used, or quote a text that begins with \"&\"",
                         SHOWN, (const char *)anchor);
    if (tag)
        return FAIL_MARK(b, e->start_mark, "tag",
                         "tag \"%.*s\": tags are not supported; quote a text that begins with "
                         "\"!\"",
                         SHOWN, (const char *)tag);
    return WC_OK;
}

static enum wc_err take_event(struct builder *b, const yaml_event_t *e) {
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->has_document)
            return FAIL_MARK(b, e->start_mark, "several-documents",
                             "a second document (\"---\"); one file holds one");
        b->has_document = true;
        return WC_OK;
    case YAML_ALIAS_EVENT:
        return FAIL_MARK(b, e->start_mark, "alias",
                         "alias \"*%.*s\": aliases are not supported; quote a text that begins "
                         "with \"*\"",
                         SHOWN, (const char *)e->data.alias.anchor);
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        WC_TRY(check_properties(b, e));
        if (b->depth > 0 && b->open[b->depth - 1].node->type == WC_YAML_MAP &&
            !b->open[b->depth - 1].key)
            return take_key(b, e);
        return add_value(b, e);
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return WC_OK;
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return check_duplicates(b, b->open[b->depth].node);
    default:
        return WC_OK;
    }
}

static enum wc_err build(struct builder *b, yaml_parser_t *parser, const char *text, size_t n) {
    bool done = false;
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_failed(b, parser, text, n);
        done = event.type == YAML_STREAM_END_EVENT;
        enum wc_err rc = take_event(b, &event);
        yaml_event_delete(&event);
        WC_TRY(rc);
    }
    if (b->doc->root)
        return WC_OK;
    struct wc_yaml *null = take(b, sizeof(*null));
    if (!null)
        return WC_ERR_NOMEM;
    null->line = null->column = 1;
    b->doc->root = null;
    return WC_OK;
}

enum wc_err wc_yaml_parse(const char *name, const char *text, size_t n, struct wc_yaml_doc **doc,
                          struct wc_error *err) {
    if (n > MAX_BYTES)
        return WC_FAULT(err, WC_ERR_CONFIG, "too-large",
                        "%s: %zu bytes; a YAML text has at most %d", name, n, MAX_BYTES);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        n -= 3;
    }
    WC_TRY(check_bytes(name, text, n, err));

    struct wc_yaml_doc *d = NULL;
    WC_TRY(WC_NEW(&d, 1, "YAML document", err));
    yaml_parser_t parser;
    struct builder b = {.doc = d, .err = err};
    enum wc_err rc = WC_OK;
    d->name = wc_strdup(name);
    if (!d->name || !yaml_parser_initialize(&parser)) {
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory while reading YAML", name);
        goto out;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    rc = build(&b, &parser, text, n);
    yaml_parser_delete(&parser);
out:
    if (rc == WC_OK)
        *doc = d;
    else
        wc_yaml_free(&d);
    return rc;
}

enum wc_err wc_yaml_read(const char *path, struct wc_yaml_doc **doc, struct wc_error *err) {
    unsigned char *bytes = NULL;
    size_t n = 0;
    enum wc_err rc = wc_io_read_file(path, MAX_BYTES, &bytes, &n, err);
    // A missing or odd file that holds configuration is a fault of the configuration.
    if (rc == WC_ERR_DATA && err)
        return WC_FAULT(err, WC_ERR_CONFIG, err->fault, "%s", err->text);
    if (rc != WC_OK)
        return rc == WC_ERR_DATA ? WC_ERR_CONFIG : rc;
    rc = wc_yaml_parse(path, (const char *)bytes, n, doc, err);
    wc_free(bytes);
    return rc;
}

void wc_yaml_free(struct wc_yaml_doc **doc) {
    if (!*doc)
        return;
    for (struct block *block = (*doc)->blocks, *next; block; block = next) {
        next = block->next;
        wc_free(block);
    }
    wc_free((*doc)->name);
    wc_free(*doc);
    *doc = NULL;
}

const struct wc_yaml *wc_yaml_root(const struct wc_yaml_doc *doc) {
    return doc->root;
}

const char *wc_yaml_name(const struct wc_yaml_doc *doc) {
    return doc->name;
}

const struct wc_yaml *wc_yaml_get(const struct wc_yaml *map, const char *key) {
    if (!map || map->type != WC_YAML_MAP)
        return NULL;
    for (const struct wc_yaml *v = map->child; v; v = v->next) {
        if (strcmp(v->key, key) == 0)
            return v;
    }
    return NULL;
}

// ---- typed scalars (YAML 1.2, 10.3.2 "Core schema: tag resolution", decimal forms only)

static const char *plain(const struct wc_yaml *v) {
    return v && v->type == WC_YAML_SCALAR && !v->quoted ? v->text : NULL;
}

bool wc_yaml_bool(const struct wc_yaml *v, bool *out) {
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    const char *s = plain(v);
    for (size_t i = 0; s && i < 6; i++) {
        if (strcmp(s, words[i]) == 0) {
            *out = i >= 3;
            return true;
        }
    }
    return false;
}

static const char *skip_digits(const char *s) {
    return s + strspn(s, "0123456789");
}

bool wc_yaml_i64(const struct wc_yaml *v, int64_t *out) {
    const char *s = plain(v);
    if (!s)
        return false;
    const char *digits = s + (*s == '-' || *s == '+');
    const char *end = skip_digits(digits);
    return end > digits && !*end && wc_parse_i64(*s == '+' ? digits : s, out);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
static bool is_float(const char *s) {
    s += *s == '-' || *s == '+';
    const char *end = skip_digits(s);
    size_t n_digits = (size_t)(end - s);
    if (*end == '.') {
        s = end + 1;
        end = skip_digits(s);
        n_digits += (size_t)(end - s);
    }
    if (n_digits == 0)
        return false;
    if (*end == 'e' || *end == 'E') {
        s = end + 1;
        s += *s == '-' || *s == '+';
        end = skip_digits(s);
        if (end == s)
            return false;
    }
    return !*end;
}

bool wc_yaml_f64(const struct wc_yaml *v, double *out) {
    const char *s = plain(v);
    return s && is_float(s) && wc_parse_f64(s + (*s == '+'), out);
}
