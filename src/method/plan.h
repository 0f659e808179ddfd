/*
 * Plan: from a configuration to the list of variants that one encoder pass over an image must
 * serve.
 *
 * A variant is one (method, preset, shot, seed) and gives one row of every report. Variants that
 * need the same text prototypes share a recipe; the request is the union of all features that any
 * variant needs.
 */
#ifndef WC_METHOD_PLAN_H
#define WC_METHOD_PLAN_H

#include "config/config.h"
#include "method/winclip.h"
#include "model/model.h"

struct wc_method;

struct wc_variant {
    const struct wc_method *method;
    char preset[48];
    int64_t shot, seed;
    size_t i_seed;   // row of the category's draws
    size_t i_recipe; // prototypes
    struct wc_winclip winclip;
};

// How prototypes are made of prompts.
struct wc_recipe {
    const char *list; // template list of the prompt set
    enum wc_text_average average;
};

struct wc_plan {
    struct wc_variant *variant;
    size_t n_variants, cap_variants;
    struct wc_recipe *recipe;
    size_t n_recipes, cap_recipes;
    struct wc_request request;   // of a query tile
    struct wc_request reference; // of a reference tile; want 0: no variant has references
    bool shifted;                // some variant compares the first 3x3 window with the 2x2 bank
    enum wc_multi_crop crops;    // the most that a variant asks for
    int64_t max_shot;
    const int64_t *seeds; // of the configuration
    size_t n_seeds;
};

// One row of the table of methods.
struct wc_method {
    const char *name;
    const char *help;
    bool available; // false: named by the paper's tables, not in this version
    bool few_shot;  // takes references
    bool has_map;   // gives pixel scores
};
const struct wc_method *wc_method_find(const char *name);
const struct wc_method *wc_method_table(size_t *n);

// All variants of a configuration for a model with a grid of side g. The plan points into `config`,
// which must outlive it. Errors: WC_ERR_CONFIG: unknown or unavailable method, unknown preset,
// window sides beyond the grid.
enum wc_err wc_plan_new(const struct wc_config *config, size_t g, struct wc_plan *out,
                        struct wc_error *err);
void wc_plan_release(struct wc_plan *plan);

#endif
