#include "config/study.h"

#include "base/alloc.h"
#include "base/yaml.h"
#include "config/values.h"

#include <fnmatch.h>
#include <string.h>

enum { MAX_AXES = 8, MAX_LAYERS = MAX_AXES + 3 };

// One run while it is put together.
struct draft {
    const struct wc_yaml *config, *set;     // or NULL
    const struct wc_yaml *axis[MAX_AXES];   // maps of values
    const struct wc_yaml *choice[MAX_AXES]; // names of the values that count; NULL: all
    const struct wc_yaml *value[MAX_AXES];  // the one in hand
    size_t n_axes;
    const char *name; // or NULL
};

struct reader {
    const char *path;
    const struct wc_yaml *set, *matrix, *runs;
    const struct wc_strlist *sets, *only;
    struct wc_study *study;
    struct wc_error *err;
};

static enum wc_err fail(const struct reader *r, const struct wc_yaml *v, const char *fault,
                        const char *text, const char *what) {
    return WC_FAULT(r->err, WC_ERR_CONFIG, fault, "%s:%zu:%zu: %s%.64s", r->path,
                    v->key ? v->key_line : v->line, v->key ? v->key_column : v->column, text, what);
}

static enum wc_err no_memory(const struct reader *r) {
    return WC_FAIL(r->err, WC_ERR_NOMEM, "%s: out of memory", r->path);
}

// Keys of a map are among `known`, which ends with NULL.
static enum wc_err check_keys(const struct reader *r, const struct wc_yaml *map,
                              const char *const *known) {
    for (const struct wc_yaml *v = map->child; v; v = v->next) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], v->key) != 0)
            i++;
        if (!known[i])
            return fail(r, v, "unknown-key", "a study has no key ", v->key);
    }
    return WC_OK;
}

// A map, or absent: *out is NULL then.
static enum wc_err take_map(const struct reader *r, const struct wc_yaml *from, const char *key,
                            const struct wc_yaml **out) {
    const struct wc_yaml *v = wc_yaml_get(from, key);
    *out = v && v->type == WC_YAML_MAP ? v : NULL;
    if (v && v->type != WC_YAML_MAP && v->type != WC_YAML_NULL)
        return fail(r, v, "type", "expected keys below ", key);
    return WC_OK;
}

// Names are folders below the study's.
static enum wc_err check_name(const struct reader *r, const struct wc_yaml *v, const char *name) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+";
    size_t n = strlen(name);
    if (n == 0 || n > 64 || strspn(name, good) != n || name[0] == '.' ||
        strcmp(name, "features") == 0)
        return fail(r, v, "type",
                    "a name is up to 64 of a-z, A-Z, 0-9, \"_\", \"-\", \".\", \"+\", not "
                    "\"features\"; found ",
                    name);
    return WC_OK;
}

/* One run. */

static enum wc_err name_run(const struct reader *r, const struct draft *d, char **out) {
    struct wc_buf name = {0};
    if (d->name)
        wc_buf_puts(&name, d->name);
    for (size_t i = 0; i < d->n_axes; i++)
        wc_buf_printf(&name, "%s%s", name.n > 0 ? "-" : "", d->value[i]->key);
    enum wc_err rc = wc_buf_check(&name, r->path, r->err);
    if (rc == WC_OK && !(*out = wc_strdup(wc_buf_str(&name))))
        rc = no_memory(r);
    wc_buf_release(&name);
    return rc;
}

static bool wanted(const struct reader *r, const char *name) {
    for (size_t i = 0; r->only && i < r->only->n; i++)
        if (fnmatch(r->only->item[i], name, 0) == 0)
            return true;
    return !r->only || r->only->n == 0;
}

static enum wc_err read_config(const struct reader *r, const struct draft *d, const char *name,
                               struct wc_config *c) {
    struct wc_config_layer layer[MAX_LAYERS];
    size_t n = 0;
    char *dir = wc_path_dir(r->path), *below = NULL, *output = NULL;
    enum wc_err rc = dir ? WC_OK : no_memory(r);
    if (rc == WC_OK && d->config && !(below = wc_path_join(dir, d->config->text)))
        rc = no_memory(r);
    if (d->config)
        layer[n++] = (struct wc_config_layer){below, NULL};
    if (r->set)
        layer[n++] = (struct wc_config_layer){r->path, r->set};
    for (size_t i = 0; i < d->n_axes; i++)
        if (d->value[i]->type == WC_YAML_MAP)
            layer[n++] = (struct wc_config_layer){r->path, d->value[i]};
    // Also where there is none: the study's path is the last layer's.
    static const struct wc_yaml nothing = {.type = WC_YAML_NULL};
    layer[n++] = (struct wc_config_layer){r->path, d->set ? d->set : &nothing};
    if (rc == WC_OK)
        rc = wc_config_read_layers(layer, n, r->sets, c, r->err);
    if (rc == WC_OK && !(output = wc_path_join(r->study->output, name)))
        rc = no_memory(r);
    if (rc == WC_OK) {
        wc_free(c->output);
        c->output = output;
    }
    wc_free(dir);
    wc_free(below);
    return rc;
}

static enum wc_err add_run(struct reader *r, const struct wc_yaml *v, const struct draft *d) {
    struct wc_study *s = r->study;
    struct wc_study_run run = {0};
    WC_TRY(name_run(r, d, &run.name));
    enum wc_err rc = check_name(r, v, run.name);
    for (size_t i = 0; i < s->n && rc == WC_OK; i++)
        if (strcmp(s->run[i].name, run.name) == 0)
            rc = fail(r, v, "duplicate", "two runs are called ", run.name);
    if (rc != WC_OK || !wanted(r, run.name)) {
        wc_free(run.name);
        return rc;
    }
    if (s->n == WC_STUDY_MAX_RUNS)
        rc = fail(r, v, "too-many", "more runs than one study may have", "");
    if (rc == WC_OK)
        rc = wc_config_init(&run.config, r->err);
    if (rc == WC_OK)
        rc = read_config(r, d, run.name, &run.config);
    if (rc == WC_OK)
        rc = WC_GROW(&s->run, &s->cap, s->n + 1, "runs", r->err);
    if (rc != WC_OK) {
        wc_config_release(&run.config);
        wc_free(run.name);
        return rc;
    }
    s->run[s->n++] = run;
    return WC_OK;
}

static const struct wc_yaml *nth(const struct wc_yaml *list, size_t n) {
    const struct wc_yaml *v = list->child;
    for (; n > 0; n--)
        v = v->next;
    return v;
}

// Value k of those that count on axis i.
static const struct wc_yaml *value_of(const struct draft *d, size_t i, size_t k) {
    const struct wc_yaml *c = d->choice[i];
    if (!c)
        return nth(d->axis[i], k);
    return wc_yaml_get(d->axis[i], c->type == WC_YAML_LIST ? nth(c, k)->text : c->text);
}

// Every combination of the axes' values, the last axis fastest.
static enum wc_err add_runs(struct reader *r, const struct wc_yaml *v, struct draft *d) {
    size_t n = 1, size[MAX_AXES];
    for (size_t i = 0; i < d->n_axes; i++) {
        const struct wc_yaml *c = d->choice[i];
        size[i] = !c ? d->axis[i]->n_children : c->type == WC_YAML_LIST ? c->n_children : 1;
        n *= size[i];
        if (n > WC_STUDY_MAX_RUNS)
            return fail(r, v, "too-many", "more runs than one study may have", "");
    }
    for (size_t k = 0; k < n; k++) {
        size_t rest = k;
        for (size_t i = d->n_axes; i-- > 0; rest /= size[i])
            d->value[i] = value_of(d, i, rest % size[i]);
        WC_TRY(add_run(r, v, d));
    }
    return WC_OK;
}

/* The file. */

static enum wc_err add_axis(const struct reader *r, struct draft *d, const struct wc_yaml *axis,
                            const struct wc_yaml *choice) {
    if (d->n_axes == MAX_AXES)
        return fail(r, axis, "too-many", "more axes than a matrix may have: ", axis->key);
    d->axis[d->n_axes] = axis;
    d->choice[d->n_axes++] = choice;
    return WC_OK;
}

static enum wc_err check_choice(const struct reader *r, const struct wc_yaml *axis,
                                const struct wc_yaml *c) {
    bool list = c->type == WC_YAML_LIST;
    if ((c->type != WC_YAML_SCALAR && !list) || (list && c->n_children == 0))
        return fail(r, c, "type", "expected a value, or a list of values, of the axis ", axis->key);
    for (const struct wc_yaml *v = list ? c->child : c; v; v = list ? v->next : NULL)
        if (v->type != WC_YAML_SCALAR || !wc_yaml_get(axis, v->text))
            return fail(r, v, "unknown-key", "no such value in the matrix: ",
                        v->type == WC_YAML_SCALAR ? v->text : axis->key);
    return WC_OK;
}

// The axes that a run has: all, or those of its own `matrix`, in the study's order.
static enum wc_err choose_axes(const struct reader *r, const struct wc_yaml *own, struct draft *d) {
    if (own && own->type != WC_YAML_MAP && own->n_children > 0)
        return fail(r, own, "type", "expected {axis: values}, or {} for none, in ", own->key);
    for (const struct wc_yaml *c = own ? own->child : NULL; c; c = c->next)
        if (!wc_yaml_get(r->matrix, c->key))
            return fail(r, c, "unknown-key", "the matrix has no axis ", c->key);
    for (const struct wc_yaml *a = r->matrix ? r->matrix->child : NULL; a; a = a->next) {
        const struct wc_yaml *c = own ? wc_yaml_get(own, a->key) : NULL;
        if (own && !c)
            continue;
        if (c && c->type != WC_YAML_NULL)
            WC_TRY(check_choice(r, a, c));
        WC_TRY(add_axis(r, d, a, c && c->type != WC_YAML_NULL ? c : NULL));
    }
    return WC_OK;
}

static enum wc_err check_matrix(const struct reader *r) {
    for (const struct wc_yaml *a = r->matrix ? r->matrix->child : NULL; a; a = a->next) {
        if (a->type != WC_YAML_MAP || a->n_children == 0)
            return fail(r, a, "type",
                        "expected the values of the axis, each with its keys: ", a->key);
        for (const struct wc_yaml *v = a->child; v; v = v->next) {
            WC_TRY(check_name(r, v, v->key));
            if (v->type != WC_YAML_MAP && v->type != WC_YAML_NULL)
                return fail(r, v, "type", "expected keys of a configuration below ", v->key);
        }
    }
    return WC_OK;
}

static enum wc_err take_run(struct reader *r, const struct wc_yaml *v) {
    static const char *const known[] = {"name", "config", "set", "matrix", NULL};
    struct draft d = {0};
    if (v->type == WC_YAML_SCALAR) {
        d.name = v->text;
        WC_TRY(choose_axes(r, NULL, &d));
        return add_runs(r, v, &d);
    }
    if (v->type != WC_YAML_MAP)
        return fail(r, v, "type", "expected a name or {name: ..., ...} in ", "runs");
    WC_TRY(check_keys(r, v, known));
    const struct wc_yaml *name = wc_yaml_get(v, "name");
    d.config = wc_yaml_get(v, "config");
    if (name && name->type != WC_YAML_SCALAR)
        return fail(r, name, "type", "expected a word in ", "name");
    if (d.config && d.config->type != WC_YAML_SCALAR)
        return fail(r, d.config, "type", "expected a file in ", "config");
    d.name = name ? name->text : NULL;
    WC_TRY(take_map(r, v, "set", &d.set));
    WC_TRY(choose_axes(r, wc_yaml_get(v, "matrix"), &d));
    return add_runs(r, v, &d);
}

// `output` of --set, then of the file, then by the file's name.
static enum wc_err take_output(struct reader *r, const struct wc_yaml *root) {
    const struct wc_yaml *v = wc_yaml_get(root, "output");
    const char *given = NULL;
    for (size_t i = 0; r->sets && i < r->sets->n; i++)
        if (wc_str_starts(r->sets->item[i], "output="))
            given = r->sets->item[i] + strlen("output=");
    const struct wc_site site = {.file = r->path, .key = "output"};
    const char *base = wc_path_base(r->path), *dot = strrchr(base, '.');
    bool expanded;
    if (given && *given)
        r->study->output = wc_strdup(given);
    else if (v && v->type == WC_YAML_SCALAR)
        return wc_expand(&site, v, v->text, &r->study->output, &expanded, r->err);
    else if (v && v->type != WC_YAML_NULL)
        return fail(r, v, "type", "expected a folder in ", "output");
    else
        r->study->output =
            wc_sprintf("runs/%.*s", (int)(dot && dot > base ? dot - base : 200), base);
    return r->study->output ? WC_OK : no_memory(r);
}

// What a process has one of.
static enum wc_err check_common(const struct reader *r) {
    const struct wc_study *s = r->study;
    for (size_t i = 1; i < s->n; i++)
        if (strcmp(s->run[0].config.isa, s->run[i].config.isa) != 0 ||
            strcmp(s->run[0].config.gemm, s->run[i].config.gemm) != 0)
            return WC_FAULT(r->err, WC_ERR_CONFIG, "conflict",
                            "%s: runs \"%s\" and \"%s\": isa and gemm must be the same in all runs",
                            r->path, s->run[0].name, s->run[i].name);
    return WC_OK;
}

static enum wc_err read_study(struct reader *r, const struct wc_yaml *root) {
    static const char *const known[] = {"output", "set", "matrix", "runs", NULL};
    WC_TRY(check_keys(r, root, known));
    WC_TRY(take_map(r, root, "set", &r->set));
    WC_TRY(take_map(r, root, "matrix", &r->matrix));
    WC_TRY(check_matrix(r));
    WC_TRY(take_output(r, root));
    r->runs = wc_yaml_get(root, "runs");
    if (r->runs && r->runs->type != WC_YAML_LIST && r->runs->type != WC_YAML_NULL)
        return fail(r, r->runs, "type", "expected a list in ", "runs");
    if (!r->runs || r->runs->type == WC_YAML_NULL) {
        struct draft d = {0};
        if (!r->matrix)
            return fail(r, root, "missing-key", "a study needs runs or a matrix", "");
        WC_TRY(choose_axes(r, NULL, &d));
        WC_TRY(add_runs(r, r->matrix, &d));
    }
    for (const struct wc_yaml *v = r->runs ? r->runs->child : NULL; v; v = v->next)
        WC_TRY(take_run(r, v));
    if (r->study->n == 0)
        return WC_FAULT(r->err, WC_ERR_CONFIG, "missing-key",
                        "%s: no run is left; --only matches none of the study's", r->path);
    return check_common(r);
}

// A configuration: one run without a name.
static enum wc_err read_alone(struct reader *r) {
    struct wc_study *s = r->study;
    if (r->only && r->only->n > 0)
        return WC_FAULT(r->err, WC_ERR_CONFIG, "conflict",
                        "%s: a configuration, no study; --only chooses among a study's runs",
                        r->path);
    WC_TRY(WC_GROW(&s->run, &s->cap, 1, "runs", r->err));
    s->run[0].name = NULL;
    WC_TRY(wc_config_init(&s->run[0].config, r->err));
    s->n = 1;
    return wc_config_read(r->path, r->sets, &s->run[0].config, r->err);
}

enum wc_err wc_study_read(const char *path, const struct wc_strlist *sets,
                          const struct wc_strlist *only, struct wc_study *out,
                          struct wc_error *err) {
    struct wc_study study = {0};
    struct reader r = {.path = path, .sets = sets, .only = only, .study = &study, .err = err};
    struct wc_yaml_doc *doc = NULL;
    WC_TRY(wc_yaml_read(path, &doc, err));
    const struct wc_yaml *root = wc_yaml_root(doc);
    bool several = wc_yaml_get(root, "runs") || wc_yaml_get(root, "matrix");
    enum wc_err rc = several ? read_study(&r, root) : read_alone(&r);
    wc_yaml_free(&doc);
    if (rc != WC_OK) {
        wc_study_release(&study);
        return rc;
    }
    *out = study;
    return WC_OK;
}

void wc_study_release(struct wc_study *s) {
    for (size_t i = 0; i < s->n; i++) {
        wc_config_release(&s->run[i].config);
        wc_free(s->run[i].name);
    }
    wc_free(s->run);
    wc_free(s->output);
    *s = (struct wc_study){0};
}
