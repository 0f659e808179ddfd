#include "config/values.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN = 64,     // characters of a user's text that a message repeats
    LABEL_MAX = 32, // characters
};

// ---- messages

enum wc_err wc_site_fail(const struct wc_site *site, const struct wc_yaml *v, struct wc_error *err,
                         const char *fault, const char *fmt, ...) {
    char text[640];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return WC_FAULT(err, WC_ERR_CONFIG, fault, "%s:%zu:%zu: key \"%s\": %s", site->file, v->line,
                    v->column, site->key, text);
}

static enum wc_err no_memory(const struct wc_site *site, struct wc_error *err) {
    return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", site->file);
}

static const char *nearest_choice(const struct wc_choice *choices, const char *s) {
    const char *names[16];
    if (strlen(s) < 3)
        return NULL; // any short word is near
    size_t n = 0;
    for (const struct wc_choice *c = choices; c && c->name && n < 16; c++)
        names[n++] = c->name;
    return wc_str_nearest(s, names, n);
}

enum wc_err wc_value_mismatch(const struct wc_site *site, const struct wc_option *o,
                              const struct wc_yaml *v, struct wc_error *err) {
    static const char *const kinds[] = {
        [WC_YAML_NULL] = "an empty value", [WC_YAML_LIST] = "a list", [WC_YAML_MAP] = "a map"};
    struct wc_buf expected = {0};
    wc_value_expected(o, &expected);
    enum wc_err rc;
    if (v->type != WC_YAML_SCALAR) {
        rc = wc_site_fail(site, v, err, "type", "found %s, expected %s", kinds[v->type],
                          wc_buf_str(&expected));
    } else {
        const char *nearest = nearest_choice(o->choices, v->text);
        bool is_number = o->type == WC_OPTION_INTEGERS || o->type == WC_OPTION_COUNT ||
                         o->type == WC_OPTION_REAL || o->type == WC_OPTION_REALS;
        rc = wc_site_fail(site, v, err, "type", "found \"%.*s\"%s, expected %s%s%s%s", SHOWN,
                          v->text, is_number && v->quoted ? " in quotes" : "",
                          wc_buf_str(&expected), nearest ? "; did you mean \"" : "",
                          nearest ? nearest : "", nearest ? "\"?" : "");
    }
    wc_buf_release(&expected);
    return rc;
}

// ---- one scalar each; v is a scalar whose text is final and not empty, or NULL: unset

static enum wc_err set_text(char **field, char *owned) {
    wc_free(*field);
    *field = owned;
    return WC_OK;
}

static enum wc_err read_text(const struct wc_site *site, const struct wc_option *o,
                             const struct wc_yaml *v, void *field, struct wc_error *err) {
    if (v && o->choices && !wc_choice_find(o->choices, v->text))
        return wc_value_mismatch(site, o, v, err);
    char *copy = v ? wc_strdup(v->text) : NULL;
    if (v && !copy)
        return no_memory(site, err);
    return set_text(field, copy);
}

bool wc_is_name(const char *s) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n <= SHOWN && !s[n] && s[0] >= 'a' && strcmp(s, "null") != 0;
}

static enum wc_err read_name(const struct wc_site *site, const struct wc_option *o,
                             const struct wc_yaml *v, void *field, struct wc_error *err) {
    if (v && !wc_is_name(v->text))
        return wc_value_mismatch(site, o, v, err);
    return read_text(site, o, v, field, err);
}

// Part of a report's rows and so short; a letter or digit first, lest it look like an option.
static bool is_label(const char *s) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.+");
    return n > 0 && n <= LABEL_MAX && !s[n] && !strchr("_-.+", s[0]) && strcmp(s, "null") != 0;
}

static enum wc_err read_label(const struct wc_site *site, const struct wc_option *o,
                              const struct wc_yaml *v, void *field, struct wc_error *err) {
    if (v && !is_label(v->text))
        return wc_value_mismatch(site, o, v, err);
    return read_text(site, o, v, field, err);
}

static enum wc_err read_path(const struct wc_site *site, const struct wc_option *o,
                             const struct wc_yaml *v, void *field, struct wc_error *err) {
    if (!v || (o->flags & WC_OPTION_OUTPUT) || wc_choice_find(o->choices, v->text))
        return read_text(site, o, v, field, err);
    char *path = NULL;
    WC_TRY(wc_resolve(site->dir, v->text, &path, err));
    return set_text(field, path);
}

static enum wc_err read_weights(const struct wc_site *site, const struct wc_option *o,
                                const struct wc_yaml *v, void *field, struct wc_error *err) {
    if (v && (strcmp(v->text, "demo") == 0 || wc_str_starts(v->text, "random:")))
        return read_text(site, o, v, field, err);
    return read_path(site, o, v, field, err);
}

static enum wc_err read_count(const struct wc_site *site, const struct wc_option *o,
                              const struct wc_yaml *v, void *field, struct wc_error *err) {
    int64_t i = 0;
    const struct wc_choice *word = v ? wc_choice_find(o->choices, v->text) : NULL;
    if (word)
        i = word->value;
    else if (v && (!wc_yaml_i64(v, &i) || (double)i < o->min || (double)i > o->max))
        return wc_value_mismatch(site, o, v, err);
    *(uint64_t *)field = (uint64_t)i;
    return WC_OK;
}

static enum wc_err read_real(const struct wc_site *site, const struct wc_option *o,
                             const struct wc_yaml *v, void *field, struct wc_error *err) {
    double x = NAN;
    if (v && (!wc_yaml_f64(v, &x) || x < o->min || x > o->max))
        return wc_value_mismatch(site, o, v, err);
    *(double *)field = x;
    return WC_OK;
}

static enum wc_err read_bool(const struct wc_site *site, const struct wc_option *o,
                             const struct wc_yaml *v, void *field, struct wc_error *err) {
    const struct wc_choice *word = v ? wc_choice_find(o->choices, v->text) : NULL;
    if (v && !word)
        return wc_value_mismatch(site, o, v, err);
    *(bool *)field = word && word->value;
    return WC_OK;
}

static enum wc_err read_choice(const struct wc_site *site, const struct wc_option *o,
                               const struct wc_yaml *v, void *field, struct wc_error *err) {
    const struct wc_choice *word = v ? wc_choice_find(o->choices, v->text) : NULL;
    if (v && !word)
        return wc_value_mismatch(site, o, v, err);
    *(int *)field = word ? word->value : WC_FROM_PRESET;
    return WC_OK;
}

// ---- lists: one item at a time, in the same form as above

static enum wc_err add_text(const struct wc_site *site, const struct wc_option *o,
                            const struct wc_yaml *v, void *list, struct wc_error *err) {
    if (wc_choice_find(o->choices, v->text))
        return wc_site_fail(site, v, err, "type",
                            "\"%s\" stands alone, not in a list or beside other items", v->text);
    if (wc_strlist_has(list, v->text))
        return wc_site_fail(site, v, err, "duplicate", "\"%.*s\" is listed twice", SHOWN, v->text);
    return wc_strlist_add(list, v->text, err);
}

static enum wc_err add_name(const struct wc_site *site, const struct wc_option *o,
                            const struct wc_yaml *v, void *list, struct wc_error *err) {
    if (!wc_is_name(v->text) || (o->choices && !wc_choice_find(o->choices, v->text)))
        return wc_value_mismatch(site, o, v, err);
    if (wc_strlist_has(list, v->text))
        return wc_site_fail(site, v, err, "duplicate", "\"%.*s\" is listed twice", SHOWN, v->text);
    return wc_strlist_add(list, v->text, err);
}

static enum wc_err add_integer(const struct wc_site *site, const struct wc_option *o,
                               const struct wc_yaml *v, void *list, struct wc_error *err) {
    struct wc_int_list *l = list;
    int64_t i = 0;
    if (!wc_yaml_i64(v, &i) || (double)i < o->min || (double)i > o->max)
        return wc_value_mismatch(site, o, v, err);
    for (size_t k = 0; k < l->n; k++) {
        if (l->item[k] == i)
            return wc_site_fail(site, v, err, "duplicate", "%lld is listed twice", (long long)i);
    }
    if (l->n == WC_MAX_LIST)
        return wc_site_fail(site, v, err, "too-many", "more than %d items", WC_MAX_LIST);
    l->item[l->n++] = i;
    return WC_OK;
}

static enum wc_err add_real(const struct wc_site *site, const struct wc_option *o,
                            const struct wc_yaml *v, void *list, struct wc_error *err) {
    struct wc_real_list *l = list;
    double x = 0;
    WC_TRY(read_real(site, o, v, &x, err));
    for (size_t k = 0; k < l->n; k++) {
        if (l->item[k] == x)
            return wc_site_fail(site, v, err, "duplicate", "%g is listed twice", x);
    }
    if (l->n == WC_MAX_REALS)
        return wc_site_fail(site, v, err, "too-many", "more than %d items", WC_MAX_REALS);
    l->item[l->n++] = x;
    return WC_OK;
}

// ---- back to YAML

void wc_value_quote(struct wc_buf *out, const char *s) {
    wc_buf_putc(out, '"');
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (p[0] == '$' && p[1] == '{')
            wc_buf_puts(out, "$$"); // or it would be expanded again
        else if (*p == '"' || *p == '\\')
            wc_buf_printf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7F)
            wc_buf_printf(out, "\\x%02X", *p);
        else if (p[0] == 0xC2 && p[1] < 0xA0) // U+0080 to U+009F: controls
            wc_buf_printf(out, "\\x%02X", *++p);
        else if (p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9)) {
            wc_buf_printf(out, "\\u20%02X", p[2] - 0x80); // line and paragraph separator
            p += 2;
        } else if (p[0] == 0xEF &&
                   (memcmp(p + 1, "\xBB\xBF", 2) == 0 || memcmp(p + 1, "\xBF\xBE", 2) == 0 ||
                    memcmp(p + 1, "\xBF\xBF", 2) == 0)) {
            wc_buf_printf(out, "\\u%s", p[1] == 0xBB ? "FEFF" : p[2] == 0xBE ? "FFFE" : "FFFF");
            p += 2;
        } else {
            wc_buf_putc(out, (char)*p);
        }
    }
    wc_buf_putc(out, '"');
}

static void dump_text(const struct wc_option *o, const void *field, struct wc_buf *out) {
    const char *s = *(char *const *)field;
    (void)o;
    if (s)
        wc_value_quote(out, s);
    else
        wc_buf_puts(out, "null");
}

// A label's characters mean nothing in YAML.
static void dump_label(const struct wc_option *o, const void *field, struct wc_buf *out) {
    const char *s = *(char *const *)field;
    (void)o;
    wc_buf_puts(out, s ? s : "null");
}

static void dump_texts(const struct wc_option *o, const void *field, struct wc_buf *out) {
    const struct wc_strlist *l = field;
    if (l->n == 0 && o->choices) {
        wc_buf_puts(out, o->choices->name);
        return;
    }
    wc_buf_putc(out, '[');
    for (size_t i = 0; i < l->n; i++) {
        wc_buf_puts(out, i ? ", " : "");
        wc_value_quote(out, l->item[i]);
    }
    wc_buf_putc(out, ']');
}

static void dump_names(const struct wc_option *o, const void *field, struct wc_buf *out) {
    const struct wc_strlist *l = field;
    (void)o;
    wc_buf_putc(out, '[');
    for (size_t i = 0; i < l->n; i++)
        wc_buf_printf(out, "%s%s", i ? ", " : "", l->item[i]);
    wc_buf_putc(out, ']');
}

static void dump_integers(const struct wc_option *o, const void *field, struct wc_buf *out) {
    const struct wc_int_list *l = field;
    (void)o;
    if (l->n == 0) {
        wc_buf_puts(out, "null");
        return;
    }
    for (size_t i = 0; i < l->n; i++)
        wc_buf_printf(out, "%s%lld", i ? ", " : "[", (long long)l->item[i]);
    wc_buf_putc(out, ']');
}

static void dump_count(const struct wc_option *o, const void *field, struct wc_buf *out) {
    uint64_t n = *(const uint64_t *)field;
    const char *word = n <= 0x7FFFFFFF ? wc_choice_name(o->choices, (int)n) : NULL;
    if (word)
        wc_buf_puts(out, word);
    else
        wc_buf_printf(out, "%llu", (unsigned long long)n);
}

// The shortest decimal that reads back as the same double: 17 digits always do.
static void dump_real(const struct wc_option *o, const void *field, struct wc_buf *out) {
    double x = *(const double *)field, back = 0;
    char text[40] = "null";
    (void)o;
    for (int digits = 6; !isnan(x) && digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, x);
        if (wc_parse_f64(text, &back) && back == x)
            break;
    }
    wc_buf_puts(out, text);
}

// One alone as a number, as it was before lists were possible: the identity of runs hangs on it.
static void dump_reals(const struct wc_option *o, const void *field, struct wc_buf *out) {
    const struct wc_real_list *l = field;
    for (size_t i = 0; i < l->n; i++) {
        wc_buf_puts(out, i ? ", " : l->n > 1 ? "[" : "");
        dump_real(o, &l->item[i], out);
    }
    wc_buf_puts(out, l->n == 0 ? "null" : l->n > 1 ? "]" : "");
}

static void dump_word(const struct wc_option *o, int value, struct wc_buf *out) {
    const char *word = wc_choice_name(o->choices, value);
    wc_buf_puts(out, word ? word : "null");
}

static void dump_bool(const struct wc_option *o, const void *field, struct wc_buf *out) {
    dump_word(o, *(const bool *)field, out);
}

static void dump_choice(const struct wc_option *o, const void *field, struct wc_buf *out) {
    dump_word(o, *(const int *)field, out);
}

// ---- what null leaves in a field

static bool text_is_null(const void *field) {
    return !*(char *const *)field;
}

static bool names_are_null(const void *field) {
    return ((const struct wc_strlist *)field)->n == 0;
}

static bool integers_are_null(const void *field) {
    return ((const struct wc_int_list *)field)->n == 0;
}

static bool reals_are_null(const void *field) {
    return ((const struct wc_real_list *)field)->n == 0;
}

static bool real_is_null(const void *field) {
    return isnan(*(const double *)field);
}

static bool choice_is_null(const void *field) {
    return *(const int *)field == WC_FROM_PRESET;
}

// ---- what a type owns

static void release_text(void *field) {
    set_text(field, NULL);
}

static void release_list(void *field) {
    wc_strlist_release(field);
}

// ---- the types

typedef enum wc_err read_fn(const struct wc_site *, const struct wc_option *,
                            const struct wc_yaml *, void *, struct wc_error *);

static const struct type {
    const char *expected; // "%" is the range
    size_t size;          // of the field
    read_fn *read;        // a scalar, or NULL: unset
    read_fn *add;         // for lists: an item
    size_t min_items;
    void (*dump)(const struct wc_option *, const void *, struct wc_buf *);
    void (*release)(void *);
    bool (*is_null)(const void *); // NULL: never
    bool maps;                     // items may be maps
} types[WC_OPTION_N_TYPES] = {
    [WC_OPTION_SECTION] = {.expected = "keys"},
    [WC_OPTION_TEXT] = {.expected = "a text",
                        .size = sizeof(char *),
                        .read = read_text,
                        .dump = dump_text,
                        .release = release_text,
                        .is_null = text_is_null},
    [WC_OPTION_NAME] = {.expected = "a name (a-z, 0-9, _)",
                        .size = sizeof(char *),
                        .read = read_name,
                        .dump = dump_text,
                        .release = release_text,
                        .is_null = text_is_null},
    [WC_OPTION_LABEL] = {.expected = "a label (a-z, 0-9, _, -, ., +; at most 32)",
                         .size = sizeof(char *),
                         .read = read_label,
                         .dump = dump_label,
                         .release = release_text,
                         .is_null = text_is_null},
    [WC_OPTION_PATH] = {.expected = "a path",
                        .size = sizeof(char *),
                        .read = read_path,
                        .dump = dump_text,
                        .release = release_text,
                        .is_null = text_is_null},
    [WC_OPTION_WEIGHTS] = {.expected = "a path, random:ARCH[:SEED] or demo",
                           .size = sizeof(char *),
                           .read = read_weights,
                           .dump = dump_text,
                           .release = release_text,
                           .is_null = text_is_null},
    [WC_OPTION_TEXTS] = {.expected = "a text or a list of texts",
                         .size = sizeof(struct wc_strlist),
                         .add = add_text,
                         .dump = dump_texts,
                         .release = release_list},
    [WC_OPTION_NAMES] = {.expected = "a name or a list of names",
                         .size = sizeof(struct wc_strlist),
                         .add = add_name,
                         .min_items = 1,
                         .dump = dump_names,
                         .release = release_list,
                         .is_null = names_are_null},
    [WC_OPTION_METHODS] = {.expected = "a name or {name: ..., option: ...} or a list of these",
                           .size = sizeof(struct wc_method_list),
                           .add = wc_method_add,
                           .min_items = 1,
                           .dump = wc_methods_dump,
                           .release = wc_methods_release,
                           .maps = true},
    [WC_OPTION_INTEGERS] = {.expected = "a whole number or a list of them, %",
                            .size = sizeof(struct wc_int_list),
                            .add = add_integer,
                            .min_items = 1,
                            .dump = dump_integers,
                            .is_null = integers_are_null},
    [WC_OPTION_COUNT] = {.expected = "a whole number %",
                         .size = sizeof(uint64_t),
                         .read = read_count,
                         .dump = dump_count},
    [WC_OPTION_REAL] = {.expected = "a number %",
                        .size = sizeof(double),
                        .read = read_real,
                        .dump = dump_real,
                        .is_null = real_is_null},
    [WC_OPTION_REALS] = {.expected = "a number or a list of them, %",
                         .size = sizeof(struct wc_real_list),
                         .add = add_real,
                         .min_items = 1,
                         .dump = dump_reals,
                         .is_null = reals_are_null},
    [WC_OPTION_BOOL] = {.size = sizeof(bool), .read = read_bool, .dump = dump_bool},
    [WC_OPTION_CHOICE] = {.size = sizeof(int),
                          .read = read_choice,
                          .dump = dump_choice,
                          .is_null = choice_is_null},
};

static void *field_of(const struct wc_option *o, void *base) {
    return (char *)base + o->offset;
}

void wc_value_expected(const struct wc_option *o, struct wc_buf *out) {
    const char *expected = types[o->type].expected;
    // Choices are all that is possible, or stand beside other values (auto, native, all).
    bool beside =
        o->type == WC_OPTION_TEXTS || o->type == WC_OPTION_COUNT || o->type == WC_OPTION_PATH;
    if (!o->choices || beside) {
        size_t n = strcspn(expected, "%");
        wc_buf_add(out, expected, n);
        if (expected[n])
            wc_buf_printf(out, "from %.16g to %.16g", o->min, o->max);
    }
    if (!o->choices)
        return;
    wc_buf_puts(out, beside ? ", or " : o->type == WC_OPTION_NAMES ? "one or a list of " : "");
    size_t n_shown = 0;
    for (const struct wc_choice *c = o->choices; c->name; c++) {
        if (wc_choice_name(o->choices, c->value) == c->name)
            wc_buf_printf(out, "%s%s", n_shown++ ? " | " : "", c->name);
    }
}

// ---- reading

// A scalar with its variables expanded; an empty one becomes a null. *text is what it points to.
static enum wc_err expand_scalar(const struct wc_site *site, const struct wc_yaml *v,
                                 struct wc_yaml *out, char **text, struct wc_error *err) {
    *out = *v;
    if (v->type != WC_YAML_SCALAR)
        return WC_OK;
    bool expanded = false;
    WC_TRY(wc_expand(site, v, v->text, text, &expanded, err));
    out->text = *text;
    out->quoted = v->quoted && !expanded; // quotes that a flow map needs do not make it a string
    if (!**text)
        out->type = WC_YAML_NULL;
    return WC_OK;
}

static enum wc_err read_item(const struct wc_option *o, const struct wc_site *site,
                             const struct wc_yaml *v, bool alone, void *list,
                             struct wc_error *err) {
    struct wc_yaml item;
    char *text = NULL;
    WC_TRY(expand_scalar(site, v, &item, &text, err));
    enum wc_err rc = WC_OK;
    if (item.type != WC_YAML_SCALAR && !(item.type == WC_YAML_MAP && types[o->type].maps))
        rc = wc_value_mismatch(site, o, &item, err);
    else if (!alone || o->type != WC_OPTION_TEXTS || !wc_choice_find(o->choices, text))
        rc = types[o->type].add(site, o, &item, list, err);
    wc_free(text);
    return rc;
}

// The union of what a list option can be, so that a list is built aside and then put in place.
union list {
    struct wc_strlist strings;
    struct wc_method_list methods;
    struct wc_int_list integers;
    struct wc_real_list reals;
};

static enum wc_err read_items(const struct wc_option *o, const struct wc_site *site,
                              const struct wc_yaml *v, union list *list, struct wc_error *err) {
    if (v->type == WC_YAML_NULL)
        return WC_OK;
    if (v->type != WC_YAML_LIST)
        return read_item(o, site, v, true, list, err);
    if (v->n_children < types[o->type].min_items)
        return wc_site_fail(site, v, err, "type",
                            "an empty list; leave the key out for its default");
    for (const struct wc_yaml *item = v->child; item; item = item->next)
        WC_TRY(read_item(o, site, item, false, list, err));
    return WC_OK;
}

static enum wc_err read_list(const struct wc_option *o, const struct wc_site *site,
                             const struct wc_yaml *v, void *field, struct wc_error *err) {
    const struct type *type = &types[o->type];
    union list list = {0};
    memset(&list, 0, sizeof(list));
    enum wc_err rc = read_items(o, site, v, &list, err);
    if (rc != WC_OK) {
        if (type->release)
            type->release(&list);
        return rc;
    }
    if (type->release)
        type->release(field);
    memcpy(field, &list, type->size);
    return WC_OK;
}

static enum wc_err read_default(const struct wc_option *o, void *base, struct wc_error *err) {
    struct wc_yaml_doc *doc = NULL;
    WC_TRY(wc_yaml_parse("default", o->fallback, strlen(o->fallback), &doc, err));
    const struct wc_site site = {.file = "default", .key = o->key, .dir = "/"};
    const struct wc_yaml *v = wc_yaml_root(doc);
    const struct type *type = &types[o->type];
    void *field = field_of(o, base);
    enum wc_err rc = type->add
                         ? read_list(o, &site, v, field, err)
                         : type->read(&site, o, v->type == WC_YAML_NULL ? NULL : v, field, err);
    wc_yaml_free(&doc);
    return rc;
}

enum wc_err wc_value_read(const struct wc_option *o, const struct wc_site *site,
                          const struct wc_yaml *v, void *base, struct wc_error *err) {
    if (o->type == WC_OPTION_SECTION)
        return WC_OK;
    if (!v)
        return read_default(o, base, err);
    const struct type *type = &types[o->type];
    struct wc_yaml value;
    char *text = NULL;
    WC_TRY(expand_scalar(site, v, &value, &text, err));
    enum wc_err rc;
    if (value.type == WC_YAML_NULL)
        rc = read_default(o, base, err);
    else if (type->add)
        rc = read_list(o, site, v, field_of(o, base), err);
    else if (value.type == WC_YAML_SCALAR)
        rc = type->read(site, o, &value, field_of(o, base), err);
    else
        rc = wc_value_mismatch(site, o, v, err);
    wc_free(text);
    return rc;
}

void wc_value_dump(const struct wc_option *o, const void *base, struct wc_buf *out) {
    if (types[o->type].dump)
        types[o->type].dump(o, (const char *)base + o->offset, out);
}

bool wc_value_is_null(const struct wc_option *o, const void *base) {
    const struct type *type = &types[o->type];
    return type->is_null && type->is_null((const char *)base + o->offset);
}

void wc_value_copy(const struct wc_option *o, const void *from, void *to) {
    memcpy((char *)to + o->offset, (const char *)from + o->offset, types[o->type].size);
}

void wc_value_release(const struct wc_option *o, void *base) {
    const struct type *type = &types[o->type];
    if (type->release)
        type->release(field_of(o, base));
    memset(field_of(o, base), 0, type->size);
}
