#include "method/plan.h"

#include "base/alloc.h"
#include "method/classic.h"
#include "model/backbone.h"

#include <stdio.h>
#include <string.h>

#define MAX_METHODS 16

static enum wc_err find_method(const char *name, const struct wc_method **out,
                               struct wc_error *err) {
    const char *names[MAX_METHODS];
    size_t n;
    const struct wc_method *table = wc_method_table(&n), *m = wc_method_find(name);
    for (size_t i = 0; i < n && i < MAX_METHODS; i++)
        names[i] = table[i].name;
    if (!m) {
        const char *near = wc_str_nearest(name, names, n < MAX_METHODS ? n : MAX_METHODS);
        return WC_FAIL(
            err, WC_ERR_CONFIG, "method \"%s\": unknown%s%s", name, near ? "; did you mean " : "",
            near
                ? near
                : "; known are winclip, clip_ac, patch_token, tiling, maskclip, transmm, spade, padim, patchcore, patchcore_vit_hidden, patchcore_vit_last");
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
static enum wc_err share_recipe(struct wc_plan *p, const struct wc_recipe *r, size_t *index,
                                struct wc_error *err) {
    for (size_t i = 0; i < p->n_recipes; i++)
        if (p->recipe[i].source == r->source && strcmp(p->recipe[i].list, r->list) == 0 &&
            p->recipe[i].average == r->average) {
            *index = i;
            return WC_OK;
        }
    WC_TRY(WC_GROW(&p->recipe, &p->cap_recipes, p->n_recipes + 1, "plan", err));
    p->recipe[p->n_recipes] = *r;
    *index = p->n_recipes++;
    return WC_OK;
}

static enum wc_err add_windows(struct wc_request *r, const size_t *window, size_t n, size_t g,
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
    }
    return WC_OK;
}

static unsigned want_patch(enum wc_patch_kind kind) {
    static const unsigned want[WC_N_PATCH_KINDS] = {0, WC_WANT_PATCH, WC_WANT_PATCH_POST,
                                                    WC_WANT_PATCH_PROJ};
    return want[kind];
}

// What the map of a variant needs of the encoder.
static enum wc_err require_dense(struct wc_plan *p, const struct wc_variant *v, size_t g,
                                 struct wc_error *err) {
    const struct wc_winclip *o = &v->winclip;
    switch (v->dense) {
    case WC_DENSE_NONE:
        return WC_OK;
    case WC_DENSE_WINDOWS:
        p->request.want |= o->n_windows > 0 ? WC_WANT_WINDOWS : 0u;
        return add_windows(&p->request, o->window, o->n_windows, g, err);
    case WC_DENSE_TILES:
        p->tiles = true;
        return add_windows(&p->request, o->window, o->n_windows, g, err);
    case WC_DENSE_PATCH:
        p->request.want |= WC_WANT_PATCH_PROJ;
        return WC_OK;
    case WC_DENSE_PATCH_PLAIN:
        p->request.want |= WC_WANT_PATCH_PLAIN;
        return WC_OK;
    case WC_DENSE_VALUE:
        p->request.want |= WC_WANT_VALUE;
        return WC_OK;
    case WC_DENSE_VALUE_MLP:
        p->request.want |= WC_WANT_VALUE_MLP;
        return WC_OK;
    case WC_DENSE_RELEVANCE:
    case WC_DENSE_RELEVANCE_LAST:
        p->request.want |= WC_WANT_TRACE;
        return WC_OK;
    case WC_DENSE_CLASSIC:
        p->request.backbone_want |= v->method->classic->want;
        p->reference.backbone_want |= v->method->classic->want;
        p->request.want |= v->method->classic->clip_want;
        p->reference.want |= v->method->classic->clip_want;
        return WC_OK;
    }
    return WC_OK;
}

// Adds what a variant needs to the requests. Query and reference share one list of sides, in one
// order.
static enum wc_err require(struct wc_plan *p, const struct wc_variant *v, size_t g,
                           struct wc_error *err) {
    const struct wc_winclip *o = &v->winclip;
    p->max_shot = v->shot > p->max_shot ? v->shot : p->max_shot;
    WC_TRY(require_dense(p, v, g, err));
    if (v->dense == WC_DENSE_CLASSIC)
        return WC_OK;
    p->request.want |= WC_WANT_IMAGE;
    p->crops = o->multi_crop > p->crops ? o->multi_crop : p->crops;
    if (v->shot == 0)
        return WC_OK;
    WC_TRY(add_windows(&p->request, o->reference_window, o->n_reference_windows, g, err));
    unsigned windows = o->n_reference_windows > 0 ? WC_WANT_WINDOWS : 0u;
    p->request.want |= want_patch(o->reference_patch) | windows;
    p->reference.want |= want_patch(o->reference_patch) | windows;
    p->shifted = p->shifted || o->reference_shifted;
    return WC_OK;
}

static bool reads_backbone(const struct wc_variant *v) {
    return v->method->classic && v->method->classic->want != 0;
}

static enum wc_err add_variant(struct wc_plan *p, const struct wc_variant *v, size_t g,
                               struct wc_error *err) {
    WC_TRY(WC_GROW(&p->variant, &p->cap_variants, p->n_variants + 1, "plan", err));
    WC_TRY(require(p, v, g, err));
    struct wc_variant *to = &p->variant[p->n_variants];
    *to = *v;
    to->n_levels = v->method->classic ? v->method->classic->n_levels : 1;
    for (size_t i = 0; i < to->n_levels; i++)
        to->side[i] = reads_backbone(v) ? 0 : g; // a backbone's: wc_plan_attach()
    WC_TRY(share_recipe(p, &v->recipe, &to->i_recipe, err));
    p->n_variants++;
    return WC_OK;
}

// Shots and seeds of one method and preset. Without references the seed changes nothing: shot 0 is
// one variant.
static enum wc_err add_shots(const struct wc_config *c, const struct wc_method_entry *entry,
                             struct wc_variant *v, size_t g, struct wc_plan *p,
                             struct wc_error *err) {
    const struct wc_int_list *shots = entry->shots.n > 0 ? &entry->shots : &c->shots;
    if (!v->method->few_shot) {
        v->shot = 0;
        v->seed = c->seeds.item[0];
        return add_variant(p, v, g, err);
    }
    size_t before = p->n_variants;
    for (size_t i = 0; i < shots->n; i++)
        for (size_t j = 0; j < c->seeds.n; j++) {
            v->shot = shots->item[i];
            v->seed = c->seeds.item[j];
            v->i_seed = j;
            if (v->shot == 0 && (j > 0 || v->method->classic))
                break;
            WC_TRY(add_variant(p, v, g, err));
        }
    if (p->n_variants == before)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "method %s: it needs normal references; give `shots` above 0",
                       v->method->name);
    return WC_OK;
}

// The source of an entry's own prompt set; entries of one file share it.
static enum wc_err own_prompts(struct wc_plan *p, const char *file, struct wc_recipe *r,
                               struct wc_error *err) {
    size_t i = WC_N_PROMPT_SOURCES;
    while (i < p->n_prompt_sets && strcmp(p->prompt_file[i], file) != 0)
        i++;
    if (i == WC_MAX_PROMPT_SETS)
        return WC_FAIL(err, WC_ERR_CONFIG, "method: more than %d different files in prompt_set",
                       WC_MAX_PROMPT_SETS - WC_N_PROMPT_SOURCES);
    p->prompt_file[i] = file;
    p->n_prompt_sets = i == p->n_prompt_sets ? i + 1 : p->n_prompt_sets;
    r->source = (unsigned)i;
    r->file = file;
    return WC_OK;
}

// A variant of preset `preset` with the entry's switches on top of the configuration's.
static enum wc_err start_variant(const struct wc_config *c, const struct wc_method_entry *entry,
                                 const char *preset, struct wc_plan *p, struct wc_variant *v,
                                 struct wc_error *err) {
    struct wc_winclip_switches s;
    wc_winclip_merge(&c->winclip, &entry->winclip, &s);
    WC_TRY(wc_winclip_resolve(preset, &s, &v->winclip, err));
    v->recipe = (struct wc_recipe){WC_PROMPTS_CONFIGURED, NULL, v->winclip.prompts,
                                   v->winclip.text_average};
    return entry->prompt_set ? own_prompts(p, entry->prompt_set, &v->recipe, err) : WC_OK;
}

static const struct wc_strlist *presets_of(const struct wc_config *c,
                                           const struct wc_method_entry *entry) {
    return entry->presets.n > 0 ? &entry->presets : &c->presets;
}

static void name_variant(struct wc_variant *v, const char *name, const char *label) {
    snprintf(v->preset, sizeof v->preset, "%.38s%s%.38s", name, label ? "+" : "",
             label ? label : "");
}

static enum wc_err add_presets(const struct wc_config *c, const struct wc_method_entry *entry,
                               const struct wc_method *m, size_t g, struct wc_plan *p,
                               struct wc_error *err) {
    if (entry->variants.n > 0)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "method %s: it has no variants of its own; `preset` and switches change it",
                       m->name);
    const struct wc_strlist *presets = presets_of(c, entry);
    size_t n = m->presets ? presets->n : 1;
    for (size_t i = 0; i < n; i++) {
        struct wc_variant v = {.method = m};
        WC_TRY(start_variant(c, entry, presets->item[i], p, &v, err));
        name_variant(&v, presets->item[i], entry->label);
        m->configure(NULL, &v);
        WC_TRY(add_shots(c, entry, &v, g, p, err));
    }
    return WC_OK;
}

static bool known_variant(const struct wc_method *m, const char *name) {
    for (size_t i = 0; m->variants[i]; i++)
        if (strcmp(m->variants[i], name) == 0)
            return true;
    return false;
}

static enum wc_err add_own_variants(const struct wc_config *c, const struct wc_method_entry *entry,
                                    const struct wc_method *m, size_t g, struct wc_plan *p,
                                    struct wc_error *err) {
    for (size_t i = 0; i < entry->variants.n; i++)
        if (!known_variant(m, entry->variants.item[i]))
            return WC_FAIL(err, WC_ERR_CONFIG,
                           "method %s: variant \"%s\" is unknown; the first is \"%s\"", m->name,
                           entry->variants.item[i], m->variants[0]);
    for (size_t i = 0; m->variants[i]; i++) {
        struct wc_variant v = {.method = m};
        if (entry->variants.n > 0 && !wc_strlist_has(&entry->variants, m->variants[i]))
            continue;
        WC_TRY(start_variant(c, entry, presets_of(c, entry)->item[0], p, &v, err));
        name_variant(&v, m->variants[i], entry->label);
        m->configure(m->variants[i], &v);
        WC_TRY(add_shots(c, entry, &v, g, p, err));
    }
    return WC_OK;
}

static enum wc_err fill(const struct wc_config *c, size_t g, struct wc_plan *p,
                        struct wc_error *err) {
    if (c->methods.n == 0 || c->presets.n == 0 || c->shots.n == 0 || c->seeds.n == 0)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "nothing to do: method, preset, shots and seeds must not be empty");
    for (size_t i = 0; i < c->methods.n; i++) {
        const struct wc_method_entry *entry = &c->methods.item[i];
        const struct wc_method *m = NULL;
        WC_TRY(find_method(entry->name, &m, err));
        WC_TRY(m->variants ? add_own_variants(c, entry, m, g, p, err)
                           : add_presets(c, entry, m, g, p, err));
    }
    if (wc_plan_needs_backbone(p) && !c->backbone.weights)
        return WC_FAIL(
            err, WC_ERR_CONFIG,
            "backbone.weights: missing; patchcore, padim and spade read an ImageNet "
            "network (the paper's is Wide-ResNet-50-2), in torchvision's or timm's names");
    p->reference.n_scales = p->request.n_scales;
    memcpy(p->reference.window, p->request.window, sizeof p->reference.window);
    return WC_OK;
}

enum wc_err wc_plan_new(const struct wc_config *config, size_t g, struct wc_plan *out,
                        struct wc_error *err) {
    struct wc_plan p = {.seeds = config->seeds.item,
                        .n_seeds = config->seeds.n,
                        .n_prompt_sets = WC_N_PROMPT_SOURCES,
                        .config = config};
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

bool wc_plan_needs_backbone(const struct wc_plan *plan) {
    return plan->request.backbone_want != 0;
}

void wc_plan_attach(struct wc_plan *plan, const struct wc_model *backbone) {
    plan->request.backbone = plan->reference.backbone = backbone;
    for (size_t i = 0; i < plan->n_variants; i++) {
        struct wc_variant *v = &plan->variant[i];
        const char *label = strchr(v->preset, '+');
        char name[sizeof v->preset];
        if (reads_backbone(v)) {
            snprintf(name, sizeof name, "%.38s%.39s", wc_model_arch(backbone)->name,
                     label ? label : "");
            memcpy(v->preset, name, sizeof name);
        }
        for (size_t l = 0; reads_backbone(v) && l < v->n_levels; l++)
            v->side[l] = wc_backbone_side(backbone, v->method->classic->first_stage + l);
    }
}

bool wc_plan_has_classics(const struct wc_plan *plan) {
    for (size_t i = 0; i < plan->n_variants; i++)
        if (plan->variant[i].method->classic)
            return true;
    return false;
}

bool wc_plan_has_references(const struct wc_plan *plan) {
    return plan->reference.want != 0 || plan->reference.backbone_want != 0;
}

size_t wc_variant_cells(const struct wc_variant *v) {
    size_t n = 0;
    for (size_t l = 0; l < v->n_levels; l++)
        n += v->side[l] * v->side[l];
    return n;
}

size_t wc_plan_cells_before(const struct wc_plan *plan, size_t v) {
    size_t n = 0;
    for (size_t i = 0; i < v; i++)
        n += wc_variant_cells(&plan->variant[i]);
    return n;
}

size_t wc_plan_cells(const struct wc_plan *plan) {
    return wc_plan_cells_before(plan, plan->n_variants);
}
