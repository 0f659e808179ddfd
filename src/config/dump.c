#include "config/config.h"

#include "base/alloc.h"
#include "base/yaml.h"
#include "config/options.h"
#include "config/values.h"

#include <string.h>

static const char *leaf(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

// Does the field hold the option's default?
static enum wc_err is_default(const struct wc_option *o, const struct wc_config *c, bool *out,
                              struct wc_error *err) {
    const struct wc_site site = {.file = "default", .key = o->key, .dir = "/"};
    struct wc_config fresh;
    struct wc_buf own = {0}, usual = {0};
    memset(&fresh, 0, sizeof(fresh));
    WC_TRY(wc_value_read(o, &site, NULL, &fresh, err));
    wc_value_dump(o, c, &own);
    wc_value_dump(o, &fresh, &usual);
    enum wc_err rc = wc_buf_check(&own, "the configuration", err);
    if (rc == WC_OK)
        rc = wc_buf_check(&usual, "the configuration", err);
    if (rc == WC_OK)
        *out = strcmp(wc_buf_str(&own), wc_buf_str(&usual)) == 0;
    wc_buf_release(&own);
    wc_buf_release(&usual);
    wc_value_release(o, &fresh);
    return rc;
}

// Does a dump leave the key out?
static enum wc_err left_out(const struct wc_option *o, const struct wc_config *c, bool for_hash,
                            bool *out, struct wc_error *err) {
    *out = for_hash && !(o->flags & WC_OPTION_HASHED);
    if (*out || !for_hash || !(o->flags & WC_OPTION_LATER))
        return WC_OK;
    return is_default(o, c, out, err);
}

enum wc_err wc_config_dump(const struct wc_config *c, bool for_hash, struct wc_buf *out,
                           struct wc_error *err) {
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    const struct wc_option *section = NULL; // whose heading is due
    for (size_t i = 0; i < n; i++) {
        if (o[i].type == WC_OPTION_SECTION) {
            section = &o[i];
            continue;
        }
        bool skip;
        WC_TRY(left_out(&o[i], c, for_hash, &skip, err));
        if (skip)
            continue;
        bool nested = strchr(o[i].key, '.') != NULL;
        if (nested && section)
            wc_buf_printf(out, "%s:\n", section->key);
        section = NULL;
        wc_buf_printf(out, "%s%s: ", nested ? "  " : "", leaf(o[i].key));
        wc_value_dump(&o[i], c, out);
        wc_buf_putc(out, '\n');
    }
    return wc_buf_check(out, "the configuration", err);
}

// ---- differences

// A leaf of a dump and its value as text.
struct entry {
    char *key, *value;
};

struct entries {
    struct entry *item;
    size_t n, cap;
};

static void release_entries(struct entries *e) {
    for (size_t i = 0; i < e->n; i++) {
        wc_free(e->item[i].key);
        wc_free(e->item[i].value);
    }
    wc_free(e->item);
    *e = (struct entries){0};
}

static void print_scalar(const struct wc_yaml *v, struct wc_buf *out) {
    if (v->type == WC_YAML_NULL)
        wc_buf_puts(out, "null");
    else if (v->quoted)
        wc_value_quote(out, v->text);
    else
        wc_buf_puts(out, v->text);
}

// As the dump has it: in one line. The depth is the reader's: 16.
static void print_leaf(const struct wc_yaml *v, struct wc_buf *out) {
    if (v->type != WC_YAML_LIST && v->type != WC_YAML_MAP) {
        print_scalar(v, out);
        return;
    }
    bool map = v->type == WC_YAML_MAP;
    wc_buf_putc(out, map ? '{' : '[');
    for (const struct wc_yaml *item = v->child; item; item = item->next) {
        wc_buf_puts(out, item == v->child ? "" : ", ");
        if (map)
            wc_buf_printf(out, "%s: ", item->key);
        print_leaf(item, out);
    }
    wc_buf_putc(out, map ? '}' : ']');
}

static enum wc_err add_leaf(struct entries *e, const char *section, const struct wc_yaml *v,
                            struct wc_error *err) {
    struct wc_buf text = {0};
    print_leaf(v, &text);
    enum wc_err rc = wc_buf_check(&text, "a configuration value", err);
    if (rc == WC_OK)
        rc = WC_GROW(&e->item, &e->cap, e->n + 1, "configuration values", err);
    if (rc == WC_OK) {
        struct entry *item = &e->item[e->n++];
        item->key = wc_sprintf("%s%s%s", section ? section : "", section ? "." : "", v->key);
        item->value = wc_strdup(wc_buf_str(&text));
        if (!item->key || !item->value)
            rc = WC_FAIL(err, WC_ERR_NOMEM, "configuration: out of memory");
    }
    wc_buf_release(&text);
    return rc;
}

// Dumps of other versions of the program may have other keys, so the text decides, not the table.
static enum wc_err flatten(const char *dump, const char *name, struct entries *e,
                           struct wc_error *err) {
    struct wc_yaml_doc *doc = NULL;
    WC_TRY(wc_yaml_parse(name, dump, strlen(dump), &doc, err));
    enum wc_err rc = WC_OK;
    const struct wc_yaml *root = wc_yaml_root(doc);
    for (const struct wc_yaml *v = root->child; v && rc == WC_OK; v = v->next) {
        if (!v->key)
            rc = WC_FAULT(err, WC_ERR_CONFIG, "type", "%s:%zu:%zu: no configuration", name, v->line,
                          v->column);
        else if (v->type != WC_YAML_MAP)
            rc = add_leaf(e, NULL, v, err);
        else
            for (const struct wc_yaml *w = v->child; w && rc == WC_OK; w = w->next)
                rc = add_leaf(e, v->key, w, err);
    }
    wc_yaml_free(&doc);
    return rc;
}

static const char *value_of(const struct entries *e, const char *key) {
    for (size_t i = 0; i < e->n; i++) {
        if (strcmp(e->item[i].key, key) == 0)
            return e->item[i].value;
    }
    return NULL;
}

static enum wc_err add_line(struct wc_strlist *out, const char *key, const char *a, const char *b,
                            struct wc_error *err) {
    char *line = wc_sprintf("%s: %s -> %s", key, a, b);
    if (!line)
        return WC_FAIL(err, WC_ERR_NOMEM, "configuration: out of memory");
    enum wc_err rc = wc_strlist_add(out, line, err);
    wc_free(line);
    return rc;
}

enum wc_err wc_config_diff(const char *dump_a, const char *dump_b, struct wc_strlist *out,
                           struct wc_error *err) {
    struct entries a = {0}, b = {0};
    enum wc_err rc = flatten(dump_a, "first configuration", &a, err);
    if (rc == WC_OK)
        rc = flatten(dump_b, "second configuration", &b, err);
    for (size_t i = 0; i < a.n && rc == WC_OK; i++) {
        const char *other = value_of(&b, a.item[i].key);
        if (!other || strcmp(other, a.item[i].value) != 0)
            rc = add_line(out, a.item[i].key, a.item[i].value, other ? other : "(absent)", err);
    }
    for (size_t i = 0; i < b.n && rc == WC_OK; i++) {
        if (!value_of(&a, b.item[i].key))
            rc = add_line(out, b.item[i].key, "(absent)", b.item[i].value, err);
    }
    release_entries(&a);
    release_entries(&b);
    return rc;
}

// ---- help

enum wc_err wc_config_help(struct wc_buf *out, struct wc_error *err) {
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++) {
        if (o[i].type == WC_OPTION_SECTION) {
            wc_buf_printf(out, "\n  %s: %s\n", o[i].key, o[i].help);
            continue;
        }
        bool nested = strchr(o[i].key, '.') != NULL;
        bool after_section = i > 0 && !nested && strchr(o[i - 1].key, '.');
        wc_buf_printf(out, "%s  %-30s ", after_section ? "\n" : "", o[i].key);
        wc_value_expected(&o[i], out);
        wc_buf_printf(out, "\n      %s", o[i].help);
        if (o[i].flags & WC_OPTION_REQUIRED)
            wc_buf_puts(out, " Required.");
        else if (strcmp(o[i].fallback, "null") != 0 && strcmp(o[i].fallback, "[]") != 0)
            wc_buf_printf(out, " Default: %s", o[i].fallback);
        wc_buf_putc(out, '\n');
    }
    return wc_buf_check(out, "the help text", err);
}
