#include "method/plan.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

// Every system of the paper's tables has its row; a row that is not available says so when it is
// asked for.
static const struct wc_method methods[] = {
    {"winclip", "window-based CLIP with prompt ensemble, zero-shot and few-normal-shot (WinCLIP+)",
     true, true, true},
    {"clip_ac", "CLIP on the whole image: one-class, two-class and prompt-ensemble classification",
     false, false, false},
    {"patch_token", "last-layer patch tokens against the prototypes (table 8)", false, false, true},
    {"tiling", "image tiles through the whole encoder (table 8)", false, false, true},
    {"maskclip", "MaskCLIP's value path as dense features (table 4)", false, false, true},
    {"transmm", "Trans-MM relevance of the image tower (table 4)", false, false, true},
    {"spade", "SPADE: nearest neighbours and pixel pyramid", false, true, true},
    {"padim", "PaDiM: a Gaussian a position", false, true, true},
    {"patchcore", "PatchCore: coreset of patch features", false, true, true},
};
#define N_METHODS (sizeof methods / sizeof *methods)

const struct wc_method *wc_method_table(size_t *n) {
    *n = N_METHODS;
    return methods;
}

const struct wc_method *wc_method_find(const char *name) {
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

static enum wc_err find_method(const char *name, const struct wc_method **out,
                               struct wc_error *err) {
    const char *names[N_METHODS];
    for (size_t i = 0; i < N_METHODS; i++)
        names[i] = methods[i].name;
    const struct wc_method *m = wc_method_find(name);
    if (!m) {
        const char *near = wc_str_nearest(name, names, N_METHODS);
        return WC_FAIL(err, WC_ERR_CONFIG, "method \"%s\": unknown%s%s", name,
                       near ? "; did you mean " : "", near ? near : "; winclip is available");
    }
    if (!m->available)
        return WC_FAIL(
            err, WC_ERR_CONFIG,
            "method \"%s\" (%s) is not available in this version; remove it from `method`", name,
            m->help);
    *out = m;
    return WC_OK;
}

// The index of a recipe, added when it is new.
static enum wc_err share_recipe(struct wc_plan *p, const char *list, enum wc_text_average average,
                                size_t *index, struct wc_error *err) {
    for (size_t i = 0; i < p->n_recipes; i++)
        if (strcmp(p->recipe[i].list, list) == 0 && p->recipe[i].average == average) {
            *index = i;
            return WC_OK;
        }
    WC_TRY(WC_GROW(&p->recipe, &p->cap_recipes, p->n_recipes + 1, "plan", err));
    p->recipe[p->n_recipes] = (struct wc_recipe){list, average};
    *index = p->n_recipes++;
    return WC_OK;
}

static enum wc_err want_windows(struct wc_request *r, const size_t *window, size_t n, size_t g,
                                struct wc_error *err) {
    for (size_t i = 0; i < n; i++) {
        size_t k = window[i], at = 0;
        if (k < 1 || k > g)
            return WC_FAIL(err, WC_ERR_CONFIG,
                           "winclip.windows: side %zu, the model's grid is %zux%zu patches", k, g,
                           g);
        while (at < r->n_scales && r->window[at] != k)
            at++;
        if (at == WC_MAX_SCALES)
            return WC_FAIL(err, WC_ERR_CONFIG,
                           "winclip.windows: more than %d different sides in all variants",
                           WC_MAX_SCALES);
        if (at == r->n_scales)
            r->window[r->n_scales++] = k;
        r->want |= WC_WANT_WINDOWS;
    }
    return WC_OK;
}

static unsigned want_patch(enum wc_patch_kind kind) {
    static const unsigned want[WC_N_PATCH_KINDS] = {0, WC_WANT_PATCH, WC_WANT_PATCH_POST,
                                                    WC_WANT_PATCH_PROJ};
    return want[kind];
}

// Adds what a variant needs to the requests. Query and reference share one list of sides, in one
// order.
static enum wc_err require(struct wc_plan *p, const struct wc_variant *v, size_t g,
                           struct wc_error *err) {
    const struct wc_winclip *o = &v->winclip;
    p->request.want |= WC_WANT_IMAGE;
    WC_TRY(want_windows(&p->request, o->window, o->n_windows, g, err));
    p->crops = o->multi_crop > p->crops ? o->multi_crop : p->crops;
    if (v->shot == 0)
        return WC_OK;
    WC_TRY(want_windows(&p->request, o->reference_window, o->n_reference_windows, g, err));
    p->request.want |= want_patch(o->reference_patch);
    p->reference.want |=
        want_patch(o->reference_patch) | (o->n_reference_windows > 0 ? WC_WANT_WINDOWS : 0u);
    p->shifted = p->shifted || o->reference_shifted;
    p->max_shot = v->shot > p->max_shot ? v->shot : p->max_shot;
    return WC_OK;
}

static enum wc_err add_variant(struct wc_plan *p, const struct wc_variant *v, size_t g,
                               struct wc_error *err) {
    WC_TRY(WC_GROW(&p->variant, &p->cap_variants, p->n_variants + 1, "plan", err));
    WC_TRY(require(p, v, g, err));
    struct wc_variant *to = &p->variant[p->n_variants];
    *to = *v;
    WC_TRY(share_recipe(p, v->winclip.prompts, v->winclip.text_average, &to->i_recipe, err));
    p->n_variants++;
    return WC_OK;
}

// Shots and seeds of one method and preset. Without references the seed changes nothing: shot 0 is
// one variant.
static enum wc_err add_shots(const struct wc_config *c, struct wc_variant *v, size_t g,
                             struct wc_plan *p, struct wc_error *err) {
    for (size_t i = 0; i < c->shots.n; i++)
        for (size_t j = 0; j < c->seeds.n; j++) {
            v->shot = c->shots.item[i];
            v->seed = c->seeds.item[j];
            v->i_seed = j;
            if (v->shot == 0 && j > 0)
                break;
            WC_TRY(add_variant(p, v, g, err));
        }
    return WC_OK;
}

static enum wc_err fill(const struct wc_config *c, size_t g, struct wc_plan *p,
                        struct wc_error *err) {
    for (size_t i = 0; i < c->methods.n; i++) {
        const struct wc_method_entry *entry = &c->methods.item[i];
        struct wc_variant v = {0};
        WC_TRY(find_method(entry->name, &v.method, err));
        struct wc_winclip_switches set;
        wc_winclip_merge(&c->winclip, &entry->winclip, &set);
        for (size_t j = 0; j < c->presets.n; j++) {
            snprintf(v.preset, sizeof v.preset, "%s%s%s", c->presets.item[j],
                     entry->label ? "+" : "", entry->label ? entry->label : "");
            WC_TRY(wc_winclip_resolve(c->presets.item[j], &set, &v.winclip, err));
            WC_TRY(add_shots(c, &v, g, p, err));
        }
    }
    if (p->n_variants == 0)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "nothing to do: method, preset, shots and seeds must not be empty");
    p->reference.n_scales = p->request.n_scales;
    memcpy(p->reference.window, p->request.window, sizeof p->reference.window);
    return WC_OK;
}

enum wc_err wc_plan_new(const struct wc_config *config, size_t g, struct wc_plan *out,
                        struct wc_error *err) {
    struct wc_plan p = {.seeds = config->seeds.item, .n_seeds = config->seeds.n};
    enum wc_err rc = fill(config, g, &p, err);
    if (rc != WC_OK) {
        wc_plan_release(&p);
        return rc;
    }
    *out = p;
    return WC_OK;
}

void wc_plan_release(struct wc_plan *plan) {
    wc_free(plan->variant);
    wc_free(plan->recipe);
    *plan = (struct wc_plan){0};
}
