/*
 * Plan: from a configuration to the list of variants that one encoder pass over an image must
 * serve.
 *
 * A variant is one (method, preset or method's own variant, shot, seed) and gives one row of every
 * report. Variants that need the same text prototypes share a recipe; the request is the union of
 * all features that any variant needs.
 */
#ifndef WC_METHOD_PLAN_H
#define WC_METHOD_PLAN_H

#include "config/config.h"
#include "method/winclip.h"
#include "model/model.h"

// Where the scores of the map come from.
enum wc_dense {
    WC_DENSE_NONE,        // no map: classification alone
    WC_DENSE_WINDOWS,     // windows through the encoder (WinCLIP, eq. 2)
    WC_DENSE_TILES,       // image tiles resized to the input, through the whole encoder (table 8)
    WC_DENSE_PATCH,       // the last block's patch tokens through ln_post and projection (table 8)
    WC_DENSE_PATCH_PLAIN, // the same without ln_post
    WC_DENSE_VALUE,       // the last block's value path alone (MaskCLIP, table 4)
    WC_DENSE_VALUE_MLP,   // the same with the block's residual and MLP
    WC_DENSE_RELEVANCE,   // gradient-weighted attention over all blocks (Trans-MM, table 4)
    WC_DENSE_RELEVANCE_LAST, // of the last block alone
    WC_DENSE_CLASSIC,        // a backbone's features (method/classic.h)
};

// Which prompt set a recipe reads.
enum wc_prompt_source {
    WC_PROMPTS_CONFIGURED,
    WC_PROMPTS_CLIP_AC,
    WC_PROMPTS_IMAGENET80,
    WC_N_PROMPT_SOURCES // and from here on the entries' own files (`prompt_set`)
};
#define WC_MAX_PROMPT_SETS (WC_N_PROMPT_SOURCES + 8)

// How prototypes are made of prompts.
struct wc_recipe {
    unsigned source;  // enum wc_prompt_source, or more
    const char *file; // of an entry's own prompt set; NULL: none
    const char *list; // template list of the set
    enum wc_text_average average;
};

struct wc_method;
struct wc_classic;

#define WC_MAX_LEVELS 3

struct wc_variant {
    const struct wc_method *method;
    char preset[80]; // as reports show it: "paper", "paper+label", or the method's own variant
    int64_t shot, seed;
    size_t i_seed; // row of the category's draws
    struct wc_recipe recipe;
    size_t i_recipe; // prototypes
    enum wc_dense dense;
    bool one_class; // image score: minus the cosine to the normal prompt
    struct wc_winclip winclip;
    // Grids a tile, one after the other in results: one of the model's side, or those of a
    // backbone's stages, whose mean is the map (method/finish.h).
    size_t n_levels, side[WC_MAX_LEVELS];
};

struct wc_plan {
    struct wc_variant *variant;
    size_t n_variants, cap_variants;
    struct wc_recipe *recipe;
    size_t n_recipes, cap_recipes;
    struct wc_request request;   // of a query tile
    struct wc_request reference; // of a reference tile; wc_plan_has_references()
    bool tiles;                  // some variant scores image tiles
    bool shifted;                // some variant compares the first 3x3 window with the 2x2 bank
    enum wc_multi_crop crops;    // the most that a variant asks for
    int64_t max_shot;
    const char *prompt_file[WC_MAX_PROMPT_SETS]; // of the sources that have one
    size_t n_prompt_sets;
    const int64_t *seeds; // of the configuration
    size_t n_seeds;
    const struct wc_config *config;
};

// One row of the table of methods (method/methods.c).
struct wc_method {
    const char *name;
    const char *help;
    bool available; // false: named by the paper's tables, not in this version
    bool few_shot;  // takes references
    bool presets;   // one variant a configured preset; else the first preset sets what the variants
                    // share
    const char *const *variants; // the method's own, NULL at the end; NULL: none
    // Completes a variant whose `winclip` holds preset and switches; `name` is one of `variants` or
    // NULL.
    void (*configure)(const char *name, struct wc_variant *v);
    const struct wc_classic *classic; // NULL: reads CLIP
};
const struct wc_method *wc_method_find(const char *name);
const struct wc_method *wc_method_table(size_t *n);

// All variants of a configuration for a model with a grid of side g. The plan points into `config`,
// which must outlive it. Errors: WC_ERR_CONFIG: unknown or unavailable method, unknown preset,
// window sides beyond the grid.
enum wc_err wc_plan_new(const struct wc_config *config, size_t g, struct wc_plan *out,
                        struct wc_error *err);
void wc_plan_release(struct wc_plan *plan);

// Some variant reads an ImageNet backbone: the caller opens it (config.backbone) for the model's
// input side and attaches it before a scorer is made. The backbone must outlive the plan.
bool wc_plan_needs_backbone(const struct wc_plan *plan);
void wc_plan_attach(struct wc_plan *plan, const struct wc_model *backbone);

// Some variant is one of the few-shot classics (method/classic.h).
bool wc_plan_has_classics(const struct wc_plan *plan);
bool wc_plan_has_references(const struct wc_plan *plan);

// Floats of a tile's grids: of one variant, of those before variant v, and of all.
size_t wc_variant_cells(const struct wc_variant *v);
size_t wc_plan_cells_before(const struct wc_plan *plan, size_t v);
size_t wc_plan_cells(const struct wc_plan *plan);

#endif
