/*
 * Entries of `method`: what the rows of a table are to a configuration, they are to one entry, so
 * that an entry's keys get the same checks and messages as those of the file.
 */
#include "config/config.h"

#include "base/alloc.h"
#include "config/options.h"
#include "config/values.h"

#include <stdio.h>
#include <string.h>

enum {
    KEY_MAX = 128, // bytes of "method.KEY"
    MAX_ROWS = 64, // keys of an entry, more than there are
};

static const char winclip_prefix[] = "winclip.";

// An entry's own keys. A key of the section `winclip` is one of an entry too.
static const struct wc_option own[] = {
    {"name", WC_OPTION_NAME, 0, offsetof(struct wc_method_entry, name), "null", NULL, 0, 0,
     "The method."},
    {"as", WC_OPTION_LABEL, 0, offsetof(struct wc_method_entry, label), "null", NULL, 0, 0,
     "What the entry's rows are called, beside the preset."},
    {"variants", WC_OPTION_NAMES, 0, offsetof(struct wc_method_entry, variants), "null", NULL, 0, 0,
     "Which of the method's variants; empty: all."},
    {"preset", WC_OPTION_NAMES, 0, offsetof(struct wc_method_entry, presets), "null", NULL, 0, 0,
     "Presets of this entry alone; empty: those of the configuration."},
    {"shots", WC_OPTION_INTEGERS, 0, offsetof(struct wc_method_entry, shots), "null", NULL, 0, 1e6,
     "Shots of this entry alone; empty: those of the configuration."},
    {"prompt_set", WC_OPTION_PATH, 0, offsetof(struct wc_method_entry, prompt_set), "null", NULL, 0,
     0, "Prompt set of this entry alone; empty: `prompts` of the configuration."},
};
enum { N_OWN = sizeof(own) / sizeof(own[0]) };

// All rows of an entry, their keys without a section, their offsets in struct wc_method_entry.
static size_t entry_rows(struct wc_option row[MAX_ROWS]) {
    memcpy(row, own, sizeof(own));
    size_t n_rows = N_OWN, n = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n && n_rows < MAX_ROWS; i++) {
        if (!wc_str_starts(o[i].key, winclip_prefix))
            continue;
        row[n_rows] = o[i];
        row[n_rows].key += strlen(winclip_prefix);
        row[n_rows].offset = o[i].offset - offsetof(struct wc_config, winclip) +
                             offsetof(struct wc_method_entry, winclip);
        n_rows++;
    }
    return n_rows;
}

static void release_entry(struct wc_method_entry *e) {
    struct wc_option row[MAX_ROWS];
    size_t n = entry_rows(row);
    for (size_t i = 0; i < n; i++)
        wc_value_release(&row[i], e);
}

void wc_methods_release(void *list) {
    struct wc_method_list *l = list;
    for (size_t i = 0; i < l->n; i++)
        release_entry(&l->item[i]);
    wc_free(l->item);
    *l = (struct wc_method_list){0};
}

// ---- reading

static enum wc_err unknown_key(const struct wc_site *site, const struct wc_yaml *v,
                               const struct wc_option *row, size_t n, struct wc_error *err) {
    const char *names[MAX_ROWS];
    struct wc_buf known = {0};
    for (size_t i = 0; i < n; i++) {
        names[i] = row[i].key;
        wc_buf_printf(&known, "%s%s", i ? ", " : "", row[i].key);
    }
    const char *nearest = wc_str_nearest(v->key, names, n);
    struct wc_yaml at = *v;
    at.line = v->key_line;
    at.column = v->key_column;
    enum wc_err rc = wc_site_fail(site, &at, err, "unknown-key", "unknown; %s%s%s",
                                  nearest ? "did you mean \"" : "known are ",
                                  nearest ? nearest : wc_buf_str(&known), nearest ? "\"?" : "");
    wc_buf_release(&known);
    return rc;
}

static enum wc_err read_key(const struct wc_site *site, const struct wc_yaml *v,
                            const struct wc_option *row, size_t n, struct wc_method_entry *e,
                            struct wc_error *err) {
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "%s.%s", site->key, v->key);
    const struct wc_site at = {
        .file = site->file, .key = key, .set_key = site->key, .dir = site->dir};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(row[i].key, v->key) == 0)
            return wc_value_read(&row[i], &at, v, e, err);
    }
    return unknown_key(&at, v, row, n, err);
}

static enum wc_err read_map(const struct wc_site *site, const struct wc_yaml *map,
                            const struct wc_option *row, size_t n, struct wc_method_entry *e,
                            struct wc_error *err) {
    for (const struct wc_yaml *v = map->child; v; v = v->next)
        WC_TRY(read_key(site, v, row, n, e, err));
    if (!e->name)
        return wc_site_fail(site, map, err, "type", "an entry without \"name\"");
    return WC_OK;
}

static enum wc_err read_entry(const struct wc_site *site, const struct wc_option *o,
                              const struct wc_yaml *v, struct wc_method_entry *e,
                              struct wc_error *err) {
    struct wc_option row[MAX_ROWS];
    size_t n = entry_rows(row);
    for (size_t i = 0; i < n; i++)
        WC_TRY(wc_value_read(&row[i], site, NULL, e, err));
    if (v->type == WC_YAML_MAP)
        return read_map(site, v, row, n, e, err);
    if (!wc_is_name(v->text))
        return wc_value_mismatch(site, o, v, err);
    return wc_value_read(&row[0], site, v, e, err);
}

static bool same_label(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

// Entries of one name and label would be rows of one name in every report.
static enum wc_err check_new(const struct wc_site *site, const struct wc_yaml *v,
                             const struct wc_method_list *l, const struct wc_method_entry *e,
                             struct wc_error *err) {
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->item[i].name, e->name) != 0 || !same_label(l->item[i].label, e->label))
            continue;
        return wc_site_fail(site, v, err, "duplicate",
                            "\"%s\" is listed twice%s%s%s; give each an `as:` label%s", e->name,
                            e->label ? " as \"" : "", e->label ? e->label : "",
                            e->label ? "\"" : "", e->label ? " of its own" : "");
    }
    return WC_OK;
}

enum wc_err wc_method_add(const struct wc_site *site, const struct wc_option *o,
                          const struct wc_yaml *v, void *list, struct wc_error *err) {
    struct wc_method_list *l = list;
    struct wc_method_entry e;
    memset(&e, 0, sizeof(e));
    if (l->n == WC_MAX_METHODS)
        return wc_site_fail(site, v, err, "too-many", "more than %d entries", WC_MAX_METHODS);
    enum wc_err rc = read_entry(site, o, v, &e, err);
    if (rc == WC_OK)
        rc = check_new(site, v, l, &e, err);
    if (rc == WC_OK)
        rc = WC_GROW(&l->item, &l->cap, l->n + 1, "methods", err);
    if (rc != WC_OK) {
        release_entry(&e);
        return rc;
    }
    l->item[l->n++] = e;
    return WC_OK;
}

// ---- back to YAML

static void dump_entry(const struct wc_method_entry *e, struct wc_buf *out) {
    struct wc_option row[MAX_ROWS];
    size_t n = entry_rows(row), n_set = 0;
    for (size_t i = 1; i < n; i++)
        n_set += !wc_value_is_null(&row[i], e);
    if (n_set == 0) {
        wc_buf_puts(out, e->name);
        return;
    }
    wc_buf_printf(out, "{name: %s", e->name);
    for (size_t i = 1; i < n; i++) {
        if (wc_value_is_null(&row[i], e))
            continue;
        wc_buf_printf(out, ", %s: ", row[i].key);
        wc_value_dump(&row[i], e, out);
    }
    wc_buf_putc(out, '}');
}

void wc_methods_dump(const struct wc_option *o, const void *list, struct wc_buf *out) {
    const struct wc_method_list *l = list;
    (void)o;
    wc_buf_putc(out, '[');
    for (size_t i = 0; i < l->n; i++) {
        wc_buf_puts(out, i ? ", " : "");
        dump_entry(&l->item[i], out);
    }
    wc_buf_putc(out, ']');
}

// ---- the switches of an entry on top of the file's

void wc_winclip_merge(const struct wc_winclip_switches *base,
                      const struct wc_winclip_switches *over, struct wc_winclip_switches *out) {
    struct wc_method_entry to = {.winclip = *base}, from = {.winclip = *over};
    struct wc_option row[MAX_ROWS];
    size_t n = entry_rows(row);
    for (size_t i = N_OWN; i < n; i++) {
        if (!wc_value_is_null(&row[i], &from))
            wc_value_copy(&row[i], &from, &to);
    }
    *out = to.winclip;
}
