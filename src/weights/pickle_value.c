/*
 * Looking at the values that a pickle described.
 */
#include "weights/pickle.h"

#include "base/alloc.h"
#include "weights/pickle_globals.h"

#include <string.h>

static const char *const type_names[WC_PK_N_TYPES] = {
    "None",  "bool", "int",  "int",    "float",   "str",    "bytes",
    "tuple", "list", "dict", "global", "storage", "tensor", "object",
};

void wc_pickle_release(struct wc_pickle *p) {
    wc_free(p->value);
    wc_free(p->cell);
    *p = (struct wc_pickle){0};
}

const char *wc_pk_type_name(enum wc_pk_type type) {
    return (unsigned)type < WC_PK_N_TYPES ? type_names[type] : "?";
}

const struct wc_pk_value *wc_pk_value(const struct wc_pickle *p, uint32_t i) {
    return &p->value[i];
}

const char *wc_pk_text(const struct wc_pickle *p, uint32_t i, size_t *n) {
    const struct wc_pk_value *v = &p->value[i];
    if (v->type != WC_PK_STR)
        return NULL;
    *n = v->n;
    return (const char *)p->bytes + v->u.text;
}

bool wc_pk_is_text(const struct wc_pickle *p, uint32_t i, const char *text) {
    size_t n = 0;
    const char *found = wc_pk_text(p, i, &n);
    return found && n == strlen(text) && memcmp(found, text, n) == 0;
}

static bool is_container(const struct wc_pk_value *v) {
    return v->type == WC_PK_TUPLE || v->type == WC_PK_LIST || v->type == WC_PK_DICT;
}

uint32_t wc_pk_first(const struct wc_pickle *p, uint32_t container) {
    const struct wc_pk_value *v = &p->value[container];
    return is_container(v) && v->n > 0 ? v->u.cells.head : WC_PK_NO_VALUE;
}

uint32_t wc_pk_next(const struct wc_pickle *p, uint32_t cell) {
    return p->cell[cell].next;
}

bool wc_pk_members(const struct wc_pickle *p, uint32_t i, size_t min, size_t max,
                   uint32_t *member) {
    const struct wc_pk_value *v = &p->value[i];
    if ((v->type != WC_PK_TUPLE && v->type != WC_PK_LIST) || v->n < min || v->n > max)
        return false;
    size_t n = 0;
    for (uint32_t c = wc_pk_first(p, i); c != WC_PK_NO_VALUE; c = wc_pk_next(p, c))
        member[n++] = p->cell[c].value;
    return true;
}

uint32_t wc_pk_get(const struct wc_pickle *p, uint32_t dict, const char *key) {
    uint32_t found = WC_PK_NO_VALUE;
    if (p->value[dict].type != WC_PK_DICT)
        return found;
    for (uint32_t c = wc_pk_first(p, dict); c != WC_PK_NO_VALUE; c = wc_pk_next(p, c)) {
        uint32_t name = p->cell[c].value;
        c = wc_pk_next(p, c); // dicts have whole pairs
        if (wc_pk_is_text(p, name, key))
            found = p->cell[c].value; // the last one counts, as in Python
    }
    return found;
}

bool wc_pk_storage_type(const struct wc_pickle *p, uint32_t i, enum wc_dtype *dtype, bool *known,
                        const char **name) {
    const struct wc_pk_value *v = &p->value[i];
    const struct wc_pk_global *g = v->type == WC_PK_GLOBAL ? wc_pk_global(v->u.global) : NULL;
    if (!g || (g->role != WC_ROLE_STORAGE && g->role != WC_ROLE_UNREAD))
        return false;
    *dtype = g->dtype;
    *known = g->role == WC_ROLE_STORAGE;
    *name = g->name;
    return true;
}
