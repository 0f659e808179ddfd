#include "config/config.h"

#include "base/alloc.h"
#include "base/yaml.h"
#include "config/options.h"
#include "config/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 128 }; // bytes of a dotted key, more than twice the longest

// The value that an option will get: the last one that was assigned. Values are converted only when
// all is assigned, so that a variable which --set makes unneeded need not exist.
struct slot {
    const struct wc_yaml *value; // NULL: not given
    size_t source;
};

// Where values come from: a file, a part of one, or a --set.
struct source {
    const char *file;        // as messages name it
    const char *path;        // whose folder relative paths start from; NULL: the current directory
    char *dir;               // that folder, absolute
    struct wc_yaml_doc *doc; // NULL: the caller's
};

struct reader {
    struct slot *slot; // one an option
    struct source *source;
    size_t n_sources; // layers, then one a --set
    bool in_sets;     // the layers are done
    struct wc_error *err;
};

static const char *current_file(const struct reader *r) {
    return r->source[r->n_sources - 1].file;
}

// Such as "size, fpr_limit, tolerance": the keys one level below `prefix`.
static void list_keys(const char *prefix, struct wc_buf *out) {
    size_t n = 0, n_prefix = strlen(prefix), n_shown = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++) {
        const char *key = o[i].key + n_prefix;
        if (wc_str_starts(o[i].key, prefix) && !strchr(key, '.'))
            wc_buf_printf(out, "%s%s", n_shown++ ? ", " : "", key);
    }
}

static enum wc_err unknown_key(const struct reader *r, const struct wc_yaml *v, const char *key) {
    const char *nearest = wc_option_nearest(key);
    struct wc_buf known = {0};
    if (!nearest) {
        char section[KEY_MAX];
        snprintf(section, sizeof(section), "%s", key);
        char *dot = strchr(section, '.');
        if (dot)
            dot[1] = '\0';
        const struct wc_option *o = NULL;
        if (dot) {
            *dot = '\0';
            o = wc_option_find(section);
            *dot = '.';
        }
        list_keys(o && o->type == WC_OPTION_SECTION ? section : "", &known);
    }
    enum wc_err rc = WC_FAULT(r->err, WC_ERR_CONFIG, "unknown-key",
                              "%s:%zu:%zu: key \"%.*s\": unknown; %s%s%s", current_file(r),
                              v->key ? v->key_line : v->line, v->key ? v->key_column : v->column,
                              KEY_MAX, key, nearest ? "did you mean \"" : "known are ",
                              nearest ? nearest : wc_buf_str(&known), nearest ? "\"?" : "");
    wc_buf_release(&known);
    return rc;
}

static enum wc_err walk(struct reader *r, const struct wc_yaml *map, const char *prefix);

static enum wc_err assign(struct reader *r, const struct wc_option *o, const struct wc_yaml *v) {
    size_t n = 0, source = r->n_sources - 1;
    struct slot *slot = &r->slot[o - wc_options(&n)];
    if (slot->value && slot->source == source) {
        const struct wc_site site = {.file = current_file(r), .key = o->key};
        return wc_site_fail(&site, v, r->err, "duplicate-key", "given twice, first in line %zu",
                            slot->value->line);
    }
    *slot = (struct slot){v, source};
    return WC_OK;
}

// `--set winclip=`: every key of the section gets its default again. In a file the same says
// nothing.
static void reset_section(struct reader *r, const char *prefix, const struct wc_yaml *null) {
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++) {
        if (wc_str_starts(o[i].key, prefix))
            r->slot[i] = (struct slot){null, r->n_sources - 1};
    }
}

// A value for a dotted key, which may be a section.
static enum wc_err take(struct reader *r, const char *key, const struct wc_yaml *v) {
    const struct wc_option *o = wc_option_find(key);
    if (!o)
        return unknown_key(r, v, key);
    if (o->type != WC_OPTION_SECTION)
        return assign(r, o, v);
    char prefix[KEY_MAX];
    snprintf(prefix, sizeof(prefix), "%s.", key);
    if (v->type == WC_YAML_MAP)
        return walk(r, v, prefix);
    if (v->type == WC_YAML_NULL) {
        if (r->in_sets)
            reset_section(r, prefix, v);
        return WC_OK;
    }
    struct wc_buf known = {0};
    list_keys(prefix, &known);
    const struct wc_site site = {.file = current_file(r), .key = key};
    enum wc_err rc = wc_site_fail(&site, v, r->err, "type",
                                  "found a %s, expected the keys %s, each on a line of its own "
                                  "below",
                                  v->type == WC_YAML_LIST ? "list" : "text", wc_buf_str(&known));
    wc_buf_release(&known);
    return rc;
}

// At most two maps deep: the root, a section.
static enum wc_err walk(struct reader *r, const struct wc_yaml *map, const char *prefix) {
    for (const struct wc_yaml *v = map->child; v; v = v->next) {
        char key[KEY_MAX];
        // A key that does not fit is unknown, and so is what is left of it.
        snprintf(key, sizeof(key), "%s%s", prefix, v->key);
        WC_TRY(take(r, key, v));
    }
    return WC_OK;
}

static struct source *add_source(struct reader *r, const char *file, const char *path) {
    struct source *source = &r->source[r->n_sources++];
    *source = (struct source){.file = file, .path = path};
    return source;
}

static enum wc_err read_layer(struct reader *r, const struct wc_config_layer *layer) {
    const struct wc_yaml *root = layer->map;
    struct wc_yaml_doc *doc = NULL;
    if (!root)
        WC_TRY(wc_yaml_read(layer->path, &doc, r->err));
    add_source(r, layer->path, layer->path)->doc = doc;
    if (!root)
        root = wc_yaml_root(doc);
    if (root->type == WC_YAML_SCALAR || root->type == WC_YAML_LIST)
        return WC_FAULT(r->err, WC_ERR_CONFIG, "type",
                        "%s:%zu:%zu: found a %s, expected keys such as \"dataset:\" and \"model:\"",
                        layer->path, root->line, root->column,
                        root->type == WC_YAML_LIST ? "list" : "text");
    return walk(r, root, "");
}

static enum wc_err read_set(struct reader *r, const char *path, const char *set) {
    const char *equals = strchr(set, '=');
    struct wc_yaml_doc *doc = NULL;
    if (!equals || equals == set)
        return WC_FAULT(r->err, WC_ERR_CONFIG, "syntax",
                        "--set \"%.64s\": expected key=value, such as model.weights=demo", set);
    char key[KEY_MAX];
    size_t n_key = (size_t)(equals - set);
    snprintf(key, sizeof(key), "%.*s", n_key < KEY_MAX ? (int)n_key : KEY_MAX, set);
    enum wc_err rc = wc_yaml_parse("--set", equals + 1, strlen(equals + 1), &doc, r->err);
    if (rc != WC_OK)
        return wc_fail(r->err, rc, r->err ? r->err->fault : NULL, "%s; in --set %s=...",
                       r->err ? r->err->text : "", key);
    add_source(r, "--set", path)->doc = doc;
    return take(r, key, wc_yaml_root(doc));
}

static enum wc_err convert(struct reader *r, struct wc_config *c) {
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++) {
        const struct slot *slot = &r->slot[i];
        const struct source *source = &r->source[slot->source];
        const struct wc_site site = {.file = source->file, .key = o[i].key, .dir = source->dir};
        if (slot->value)
            WC_TRY(wc_value_read(&o[i], &site, slot->value, c, r->err));
    }
    return WC_OK;
}

// runs/<name of the file>.
static enum wc_err default_output(const char *path, struct wc_config *c, struct wc_error *err) {
    if (c->output)
        return WC_OK;
    const char *base = wc_path_base(path);
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    c->output = wc_sprintf("runs/%.*s", (int)n, base);
    return c->output ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
}

static enum wc_err check_required(const char *path, const struct wc_config *c,
                                  struct wc_error *err) {
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++) {
        // Every required key is a text.
        bool missing = (o[i].flags & WC_OPTION_REQUIRED) &&
                       !*(char *const *)(const void *)((const char *)c + o[i].offset);
        if (missing)
            return WC_FAULT(err, WC_ERR_CONFIG, "missing-key",
                            "%s: key \"%s\": missing; add it to the file or use --set %s=...", path,
                            o[i].key, o[i].key);
    }
    return WC_OK;
}

// Keys that would be ignored without a word.
static enum wc_err check_folder_keys(const struct reader *r, const struct wc_config *c) {
    static const char *const keys[] = {"dataset.normal", "dataset.anomalous"};
    if (!c->dataset.name || strcmp(c->dataset.name, "folder") == 0)
        return WC_OK;
    size_t n = 0;
    const struct wc_option *first = wc_options(&n);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct slot *slot = &r->slot[wc_option_find(keys[i]) - first];
        const struct wc_site site = {.file = r->source[slot->source].file, .key = keys[i]};
        if (slot->value && (i == 0 ? c->dataset.normal.n : c->dataset.anomalous.n) > 0)
            return wc_site_fail(&site, slot->value, r->err, "conflict",
                                "only for the layout \"folder\"; dataset.name is \"%.64s\"",
                                c->dataset.name);
    }
    return WC_OK;
}

// The folder that relative paths start from: absolute and without links, so that ".." is the text
// before the last slash.
static enum wc_err find_dir(const char *path, char **dir, struct wc_error *err) {
    char *folder = path ? wc_path_dir(path) : wc_strdup(".");
    if (!folder)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path ? path : "--set");
    char *real = realpath(folder, NULL); // the C library's memory
    *dir = real ? wc_strdup(real) : NULL;
    enum wc_err rc = WC_OK;
    if (!real)
        rc = WC_FAULT(err, WC_ERR_CONFIG, "not-found", "%s: no such folder", folder);
    else if (!*dir)
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", folder);
    free(real);
    wc_free(folder);
    return rc;
}

// Sources of one path follow each other, so that most find their folder in the one before.
static enum wc_err find_dirs(struct reader *r) {
    for (size_t i = 0; i < r->n_sources; i++) {
        struct source *to = &r->source[i], *before = i > 0 ? to - 1 : NULL;
        if (before && before->path == to->path)
            to->dir = wc_strdup(before->dir);
        else
            WC_TRY(find_dir(to->path, &to->dir, r->err));
        if (!to->dir)
            return WC_FAIL(r->err, WC_ERR_NOMEM, "%s: out of memory", to->file);
    }
    return WC_OK;
}

static enum wc_err read_all(struct reader *r, const struct wc_config_layer *layer, size_t n,
                            const struct wc_strlist *sets, struct wc_config *c) {
    size_t n_options = 0, n_sets = sets ? sets->n : 0;
    const char *path = n > 0 ? layer[n - 1].path : NULL;
    wc_options(&n_options);
    WC_TRY(WC_NEW(&r->slot, n_options, "configuration keys", r->err));
    WC_TRY(WC_NEW(&r->source, n + n_sets, "configuration documents", r->err));
    for (size_t i = 0; i < n; i++)
        WC_TRY(read_layer(r, &layer[i]));
    r->in_sets = true;
    for (size_t i = 0; i < n_sets; i++)
        WC_TRY(read_set(r, path, sets->item[i]));
    WC_TRY(find_dirs(r));
    WC_TRY(convert(r, c));
    WC_TRY(check_folder_keys(r, c));
    if (!path)
        return WC_OK;
    WC_TRY(check_required(path, c, r->err));
    WC_TRY(default_output(path, c, r->err));
    wc_free(c->path);
    c->path = wc_strdup(path);
    return c->path ? WC_OK : WC_FAIL(r->err, WC_ERR_NOMEM, "%s: out of memory", path);
}

enum wc_err wc_config_read_layers(const struct wc_config_layer *layer, size_t n,
                                  const struct wc_strlist *sets, struct wc_config *c,
                                  struct wc_error *err) {
    struct reader r = {.err = err};
    enum wc_err rc = read_all(&r, layer, n, sets, c);
    for (size_t i = 0; i < r.n_sources; i++) {
        wc_yaml_free(&r.source[i].doc);
        wc_free(r.source[i].dir);
    }
    wc_free(r.source);
    wc_free(r.slot);
    return rc;
}

enum wc_err wc_config_read(const char *path, const struct wc_strlist *sets, struct wc_config *c,
                           struct wc_error *err) {
    const struct wc_config_layer file = {.path = path};
    return wc_config_read_layers(&file, path ? 1 : 0, sets, c, err);
}

enum wc_err wc_config_init(struct wc_config *c, struct wc_error *err) {
    struct wc_config fresh;
    memset(&fresh, 0, sizeof(fresh));
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    const struct wc_site site = {.file = "default", .dir = "/"};
    for (size_t i = 0; i < n; i++) {
        enum wc_err rc = wc_value_read(&o[i], &site, NULL, &fresh, err);
        if (rc != WC_OK) {
            wc_config_release(&fresh);
            return rc;
        }
    }
    *c = fresh;
    return WC_OK;
}

void wc_config_release(struct wc_config *c) {
    size_t n = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++)
        wc_value_release(&o[i], c);
    wc_free(c->path);
    c->path = NULL;
}
