#include "text/prompts.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/yaml.h"
#include "text/embed.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLE "{}"
#define MAX_PROMPTS 65536u // states x templates of one class; WinCLIP has 154
#define MAX_LISTS 64u

struct states {
    struct wc_strlist normal, abnormal; // empty: none given
};

struct template_list {
    char *name; // "" for `templates`
    struct wc_strlist items;
};

struct object {
    char *category, *name;
};

struct override {
    char *category;
    struct states states; // instead of the set's
    struct states extra;  // after them
};

struct wc_prompts {
    char *name;
    char sha256[65];
    struct states states;
    struct template_list *list;
    size_t n_lists, cap_lists;
    size_t i_default;
    struct object *object; // sorted by category, as are the overrides
    size_t n_objects, cap_objects;
    struct override *override;
    size_t n_overrides, cap_overrides;
};

enum period { PERIOD_KEEP, PERIOD_ADD, PERIOD_STRIP };
static const char *const period_names[] = {"keep", "add", "strip"};
enum { N_PERIODS = sizeof period_names / sizeof *period_names };

// A file while it is read.
struct reader {
    const char *file;
    struct wc_prompts *p;
    enum period period;
};

// A key of a map and what reads its value.
struct key {
    const char *name;
    enum wc_err (*read)(struct reader *r, const struct wc_yaml *v, void *into,
                        struct wc_error *err);
    size_t offset; // of the field in `into` that the value goes to
};

static void states_release(struct states *s) {
    wc_strlist_release(&s->normal);
    wc_strlist_release(&s->abnormal);
}

void wc_prompts_free(struct wc_prompts **pp) {
    struct wc_prompts *p = *pp;
    if (!p)
        return;
    for (size_t i = 0; i < p->n_lists; i++) {
        wc_free(p->list[i].name);
        wc_strlist_release(&p->list[i].items);
    }
    for (size_t i = 0; i < p->n_objects; i++) {
        wc_free(p->object[i].category);
        wc_free(p->object[i].name);
    }
    for (size_t i = 0; i < p->n_overrides; i++) {
        wc_free(p->override[i].category);
        states_release(&p->override[i].states);
        states_release(&p->override[i].extra);
    }
    states_release(&p->states);
    wc_free(p->list);
    wc_free(p->object);
    wc_free(p->override);
    wc_free(p->name);
    wc_free(p);
    *pp = NULL;
}

// ---- reading

static enum wc_err bad(const struct reader *r, const struct wc_yaml *v, const char *what,
                       struct wc_error *err) {
    return WC_FAIL(err, WC_ERR_CONFIG, "%s:%zu:%zu: %s%s%s", r->file, v->line, v->column,
                   v->key ? v->key : "", v->key ? ": " : "", what);
}

static enum wc_err copy(char **out, const char *s, struct wc_error *err) {
    char *made = wc_strdup(s);
    if (!made)
        return WC_FAIL(err, WC_ERR_NOMEM, "prompts: out of memory");
    wc_free(*out);
    *out = made;
    return WC_OK;
}

static enum wc_err read_string(struct reader *r, const struct wc_yaml *v, void *into,
                               struct wc_error *err) {
    if (v->type != WC_YAML_SCALAR || v->text[0] == '\0')
        return bad(r, v, "expected a text", err);
    return copy(into, v->text, err);
}

static enum wc_err read_phrase(struct reader *r, const struct wc_yaml *v, struct wc_strlist *into,
                               struct wc_error *err) {
    if (v->type != WC_YAML_SCALAR)
        return bad(r, v,
                   "expected a text in quotes with " HOLE " in it (without quotes YAML reads " HOLE
                   " as a map)",
                   err);
    const char *hole = strstr(v->text, HOLE);
    if (!hole || strstr(hole + 1, HOLE))
        return bad(r, v, "expected " HOLE " exactly once, where the object or state goes", err);
    return wc_strlist_add(into, v->text, err);
}

static enum wc_err read_phrases(struct reader *r, const struct wc_yaml *v, void *into,
                                struct wc_error *err) {
    if (v->type != WC_YAML_LIST || v->n_children == 0)
        return bad(r, v, "expected a list of at least one text", err);
    if (v->n_children > MAX_PROMPTS)
        return bad(r, v, "too many entries", err);
    for (const struct wc_yaml *c = v->child; c; c = c->next)
        WC_TRY(read_phrase(r, c, into, err));
    return WC_OK;
}

static enum wc_err read_map(struct reader *r, const struct wc_yaml *v, const struct key *keys,
                            size_t n_keys, void *into, struct wc_error *err) {
    const char *names[16] = {NULL};
    for (size_t i = 0; i < n_keys; i++)
        names[i] = keys[i].name;
    if (v->type != WC_YAML_MAP)
        return bad(r, v, "expected a map", err);
    for (const struct wc_yaml *c = v->child; c; c = c->next) {
        size_t i = 0;
        while (i < n_keys && strcmp(keys[i].name, c->key) != 0)
            i++;
        if (i < n_keys) {
            WC_TRY(keys[i].read(r, c, (char *)into + keys[i].offset, err));
            continue;
        }
        const char *near = wc_str_nearest(c->key, names, n_keys);
        return WC_FAIL(err, WC_ERR_CONFIG, "%s:%zu:%zu: unknown key \"%s\"%s%s%s", r->file,
                       c->key_line, c->key_column, c->key, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
    }
    return WC_OK;
}

static enum wc_err read_states(struct reader *r, const struct wc_yaml *v, void *into,
                               struct wc_error *err) {
    static const struct key keys[] = {
        {"normal", read_phrases, offsetof(struct states, normal)},
        {"abnormal", read_phrases, offsetof(struct states, abnormal)},
    };
    return read_map(r, v, keys, sizeof keys / sizeof *keys, into, err);
}

static enum wc_err add_list(struct reader *r, const char *name, const struct wc_yaml *v,
                            struct wc_error *err) {
    struct wc_prompts *p = r->p;
    WC_TRY(WC_GROW(&p->list, &p->cap_lists, p->n_lists + 1, "template lists", err));
    struct template_list *list = &p->list[p->n_lists++];
    WC_TRY(copy(&list->name, name, err));
    return read_phrases(r, v, &list->items, err);
}

static enum wc_err read_templates(struct reader *r, const struct wc_yaml *v, void *into,
                                  struct wc_error *err) {
    (void)into;
    return add_list(r, "", v, err);
}

static enum wc_err read_template_lists(struct reader *r, const struct wc_yaml *v, void *into,
                                       struct wc_error *err) {
    (void)into;
    if (v->type != WC_YAML_MAP || v->n_children == 0)
        return bad(r, v, "expected a map of names to lists of templates", err);
    if (v->n_children > MAX_LISTS)
        return bad(r, v, "too many lists", err);
    for (const struct wc_yaml *c = v->child; c; c = c->next) {
        if (c->key[0] == '\0')
            return bad(r, c, "a template list needs a name", err);
        WC_TRY(add_list(r, c->key, c, err));
    }
    return WC_OK;
}

static enum wc_err read_period(struct reader *r, const struct wc_yaml *v, void *into,
                               struct wc_error *err) {
    (void)into;
    for (int i = 0; v->type == WC_YAML_SCALAR && i < N_PERIODS; i++) {
        if (strcmp(v->text, period_names[i]) != 0)
            continue;
        r->period = (enum period)i;
        return WC_OK;
    }
    return bad(r, v, "expected keep, add or strip", err);
}

static enum wc_err read_objects(struct reader *r, const struct wc_yaml *v, void *into,
                                struct wc_error *err) {
    struct wc_prompts *p = into;
    if (v->type != WC_YAML_MAP)
        return bad(r, v, "expected a map of categories to object names", err);
    for (const struct wc_yaml *c = v->child; c; c = c->next) {
        WC_TRY(WC_GROW(&p->object, &p->cap_objects, p->n_objects + 1, "object names", err));
        struct object *o = &p->object[p->n_objects++];
        WC_TRY(copy(&o->category, c->key, err));
        WC_TRY(read_string(r, c, &o->name, err));
    }
    return WC_OK;
}

static enum wc_err read_overrides(struct reader *r, const struct wc_yaml *v, void *into,
                                  struct wc_error *err) {
    static const struct key keys[] = {
        {"states", read_states, offsetof(struct override, states)},
        {"extra_states", read_states, offsetof(struct override, extra)},
    };
    struct wc_prompts *p = into;
    if (v->type != WC_YAML_MAP)
        return bad(r, v, "expected a map of categories to states", err);
    for (const struct wc_yaml *c = v->child; c; c = c->next) {
        WC_TRY(WC_GROW(&p->override, &p->cap_overrides, p->n_overrides + 1, "overrides", err));
        struct override *o = &p->override[p->n_overrides++];
        WC_TRY(copy(&o->category, c->key, err));
        WC_TRY(read_map(r, c, keys, sizeof keys / sizeof *keys, o, err));
    }
    return WC_OK;
}

// Checked after the whole map is read: the lists may stand below it.
static enum wc_err read_default_list(struct reader *r, const struct wc_yaml *v, void *into,
                                     struct wc_error *err) {
    (void)into;
    return v->type == WC_YAML_SCALAR ? WC_OK
                                     : bad(r, v, "expected the name of a template list", err);
}

static const struct key root_keys[] = {
    {"name", read_string, offsetof(struct wc_prompts, name)},
    {"states", read_states, offsetof(struct wc_prompts, states)},
    {"templates", read_templates, 0},
    {"template_lists", read_template_lists, 0},
    {"default_list", read_default_list, 0},
    {"period", read_period, 0},
    {"objects", read_objects, 0},
    {"overrides", read_overrides, 0},
};

// ---- what follows from the whole set

static enum wc_err set_period(struct reader *r, char **item, struct wc_error *err) {
    size_t n = strlen(*item);
    bool has = n > 0 && (*item)[n - 1] == '.';
    if (r->period == PERIOD_STRIP && has)
        (*item)[n - 1] = '\0';
    if (r->period != PERIOD_ADD || has)
        return WC_OK;
    char *longer = wc_sprintf("%s.", *item);
    if (!longer)
        return WC_FAIL(err, WC_ERR_NOMEM, "prompts: out of memory");
    wc_free(*item);
    *item = longer;
    return WC_OK;
}

static const struct template_list *find_list(const struct wc_prompts *p, const char *name) {
    if (!name || p->list[0].name[0] == '\0')
        return &p->list[p->i_default];
    for (size_t i = 0; i < p->n_lists; i++)
        if (strcmp(p->list[i].name, name) == 0)
            return &p->list[i];
    return NULL;
}

static enum wc_err unknown_list(const struct wc_prompts *p, const char *where, const char *name,
                                struct wc_error *err) {
    struct wc_buf have = {0};
    for (size_t i = 0; i < p->n_lists; i++)
        wc_buf_printf(&have, "%s%s", i ? ", " : "", p->list[i].name);
    wc_fail(err, WC_ERR_CONFIG, NULL, "%s: no template list \"%s\"; it has: %s", where, name,
            wc_buf_str(&have));
    wc_buf_release(&have);
    return WC_ERR_CONFIG;
}

static enum wc_err set_default(struct reader *r, const struct wc_yaml *root, struct wc_error *err) {
    const struct wc_yaml *v = wc_yaml_get(root, "default_list");
    if (!v)
        return WC_OK;
    if (wc_yaml_get(root, "templates"))
        return bad(r, v, "goes with template_lists, not with templates", err);
    const struct template_list *list = find_list(r->p, v->text);
    if (!list) {
        char where[512];
        snprintf(where, sizeof where, "%s:%zu:%zu", r->file, v->line, v->column);
        return unknown_list(r->p, where, v->text, err);
    }
    r->p->i_default = (size_t)(list - r->p->list);
    return WC_OK;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t n_most(const struct states *s) {
    return most(s->normal.n, s->abnormal.n);
}

static enum wc_err check_counts(const struct reader *r, const struct wc_yaml *root,
                                struct wc_error *err) {
    const struct wc_prompts *p = r->p;
    size_t n_states = n_most(&p->states), n_templates = 1;
    for (size_t i = 0; i < p->n_overrides; i++) {
        const struct override *o = &p->override[i];
        n_states = most(n_states, most(n_most(&p->states), n_most(&o->states)) + n_most(&o->extra));
    }
    for (size_t i = 0; i < p->n_lists; i++)
        n_templates = most(n_templates, p->list[i].items.n);
    if (n_states > MAX_PROMPTS / n_templates)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "%s:%zu:%zu: %zu states x %zu templates, at most %u prompts a class",
                       r->file, root->line, root->column, n_states, n_templates, MAX_PROMPTS);
    return WC_OK;
}

static int by_name(const void *a, const void *b) {
    const char *const *x = a, *const *y = b; // the first member of both structs
    return strcmp(*x, *y);
}

static enum wc_err finish(struct reader *r, const struct wc_yaml *root, struct wc_error *err) {
    struct wc_prompts *p = r->p;
    if (!p->states.normal.n || !p->states.abnormal.n)
        return bad(r, root, "states: expected both normal and abnormal", err);
    if (!wc_yaml_get(root, "templates") == !wc_yaml_get(root, "template_lists"))
        return bad(r, root, "expected either templates or template_lists", err);
    for (size_t i = 0; i < p->n_lists; i++)
        for (size_t k = 0; k < p->list[i].items.n; k++)
            WC_TRY(set_period(r, &p->list[i].items.item[k], err));
    WC_TRY(set_default(r, root, err));
    WC_TRY(check_counts(r, root, err));
    if (!p->name)
        WC_TRY(copy(&p->name, wc_path_base(r->file), err));
    if (p->n_objects)
        qsort(p->object, p->n_objects, sizeof *p->object, by_name);
    if (p->n_overrides)
        qsort(p->override, p->n_overrides, sizeof *p->override, by_name);
    return WC_OK;
}

// ---- canonical form: each text with its length, so that no two sets give the same bytes

static void put_text(struct wc_buf *b, const char *s) {
    wc_buf_printf(b, "%zu:%s,", strlen(s), s);
}

static void put_texts(struct wc_buf *b, const struct wc_strlist *l) {
    wc_buf_printf(b, "[%zu", l->n);
    for (size_t i = 0; i < l->n; i++)
        put_text(b, l->item[i]);
    wc_buf_putc(b, ']');
}

static void put_states(struct wc_buf *b, const struct states *s) {
    put_texts(b, &s->normal);
    put_texts(b, &s->abnormal);
}

// Lists by name, so that their order in the file does not matter.
static void put_lists(struct wc_buf *b, const struct wc_prompts *p) {
    const char *last = NULL;
    for (size_t n = 0; n < p->n_lists; n++) {
        const struct template_list *next = NULL;
        for (size_t i = 0; i < p->n_lists; i++) {
            const struct template_list *l = &p->list[i];
            if ((!last || strcmp(l->name, last) > 0) && (!next || strcmp(l->name, next->name) < 0))
                next = l;
        }
        if (!next)
            return;
        put_text(b, next->name);
        put_texts(b, &next->items);
        last = next->name;
    }
}

static enum wc_err set_sha256(struct wc_prompts *p, struct wc_error *err) {
    struct wc_buf b = {0};
    wc_buf_puts(&b, "prompts 1\n");
    put_states(&b, &p->states);
    put_text(&b, p->list[p->i_default].name);
    put_lists(&b, p);
    for (size_t i = 0; i < p->n_objects; i++) {
        put_text(&b, p->object[i].category);
        put_text(&b, p->object[i].name);
    }
    wc_buf_putc(&b, '\n');
    for (size_t i = 0; i < p->n_overrides; i++) {
        put_text(&b, p->override[i].category);
        put_states(&b, &p->override[i].states);
        put_states(&b, &p->override[i].extra);
    }
    enum wc_err rc = wc_buf_check(&b, "prompts", err);
    if (rc == WC_OK)
        wc_sha256_hex(b.data, b.n, p->sha256);
    wc_buf_release(&b);
    return rc;
}

static enum wc_err open_yaml(const char *path, struct wc_yaml_doc **doc, struct wc_error *err) {
    const struct {
        const char *name;
        const unsigned char *bytes;
        size_t n;
    } built_in[] = {
        {"builtin:winclip", wc_prompts_yaml, WC_EMBED_BYTES(wc_prompts_yaml)},
        {"builtin:clip_ac", wc_clip_ac_yaml, WC_EMBED_BYTES(wc_clip_ac_yaml)},
        {"builtin:imagenet80", wc_imagenet80_yaml, WC_EMBED_BYTES(wc_imagenet80_yaml)},
    };
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        if (strcmp(path ? path : "builtin:winclip", built_in[i].name) == 0)
            return wc_yaml_parse("built-in prompts", (const char *)built_in[i].bytes, built_in[i].n,
                                 doc, err);
    return wc_yaml_read(path, doc, err);
}

enum wc_err wc_prompts_read(const char *path, struct wc_prompts **out, struct wc_error *err) {
    struct wc_yaml_doc *doc = NULL;
    struct reader r = {.file = path ? path : "built-in prompts"};
    enum wc_err rc = open_yaml(path, &doc, err);
    if (rc == WC_OK)
        rc = WC_NEW(&r.p, 1, "prompts", err);
    if (rc == WC_OK)
        rc = read_map(&r, wc_yaml_root(doc), root_keys, sizeof root_keys / sizeof *root_keys, r.p,
                      err);
    if (rc == WC_OK)
        rc = finish(&r, wc_yaml_root(doc), err);
    if (rc == WC_OK)
        rc = set_sha256(r.p, err);
    if (rc == WC_OK)
        *out = r.p;
    else
        wc_prompts_free(&r.p);
    wc_yaml_free(&doc);
    return rc;
}

// ---- use

const char *wc_prompts_name(const struct wc_prompts *p) {
    return p->name;
}

const char *wc_prompts_sha256(const struct wc_prompts *p) {
    return p->sha256;
}

enum wc_err wc_prompts_check_list(const struct wc_prompts *p, const char *list,
                                  struct wc_error *err) {
    bool bare = list && strcmp(list, WC_PROMPTS_BARE) == 0;
    return bare || find_list(p, list) ? WC_OK : unknown_list(p, p->name, list, err);
}

enum wc_err wc_prompts_object(const struct wc_prompts *p, const char *category, char **name,
                              struct wc_error *err) {
    const struct object *o = NULL;
    if (p->n_objects)
        o = bsearch(&category, p->object, p->n_objects, sizeof *p->object, by_name);
    char *made = NULL;
    WC_TRY(copy(&made, o ? o->name : category, err));
    for (char *c = made; !o && *c; c++)
        *c = *c == '_' ? ' ' : *c;
    *name = made;
    return WC_OK;
}

// `phrase` with its hole filled.
static void fill(struct wc_buf *b, const char *phrase, const char *with) {
    const char *hole = strstr(phrase, HOLE);
    b->n = 0;
    wc_buf_add(b, phrase, (size_t)(hole - phrase));
    wc_buf_puts(b, with);
    wc_buf_puts(b, hole + strlen(HOLE));
}

static enum wc_err expand(const struct wc_strlist *states, const struct wc_strlist *templates,
                          const char *object, struct wc_strlist *into, struct wc_error *err) {
    struct wc_buf state = {0}, prompt = {0};
    enum wc_err rc = WC_OK;
    for (size_t s = 0; s < states->n && rc == WC_OK; s++) {
        fill(&state, states->item[s], object);
        for (size_t t = 0; t < templates->n && rc == WC_OK; t++) {
            fill(&prompt, templates->item[t], wc_buf_str(&state));
            rc = wc_buf_check(state.failed ? &state : &prompt, "prompts", err);
            if (rc == WC_OK)
                rc = wc_strlist_add(into, wc_buf_str(&prompt), err);
        }
    }
    wc_buf_release(&state);
    wc_buf_release(&prompt);
    return rc;
}

enum wc_err wc_prompts_expand(const struct wc_prompts *p, const char *list, const char *category,
                              const char *object, struct wc_strlist *normal,
                              struct wc_strlist *abnormal, struct wc_error *err) {
    WC_TRY(wc_prompts_check_list(p, list, err));
    static char hole[] = HOLE, *const hole_item[] = {hole};
    const struct wc_strlist bare = {.item = (char **)(uintptr_t)hole_item, .n = 1};
    bool no_template = list && strcmp(list, WC_PROMPTS_BARE) == 0;
    const struct wc_strlist *templates = no_template ? &bare : &find_list(p, list)->items;
    const struct override *o = NULL;
    if (category && p->n_overrides)
        o = bsearch(&category, p->override, p->n_overrides, sizeof *p->override, by_name);
    const struct wc_strlist *own_n =
        o && o->states.normal.n ? &o->states.normal : &p->states.normal;
    const struct wc_strlist *own_a =
        o && o->states.abnormal.n ? &o->states.abnormal : &p->states.abnormal;
    WC_TRY(expand(own_n, templates, object, normal, err));
    WC_TRY(expand(own_a, templates, object, abnormal, err));
    if (!o)
        return WC_OK;
    WC_TRY(expand(&o->extra.normal, templates, object, normal, err));
    return expand(&o->extra.abnormal, templates, object, abnormal, err);
}
