/*
 * Text prototypes: the normal and the abnormal direction of an object in the embedding space.
 */
#ifndef WC_METHOD_PROTOTYPES_H
#define WC_METHOD_PROTOTYPES_H

#include "method/plan.h"
#include "text/prompts.h"
#include "text/tokenizer.h"

// The prompt sets that recipes name: the configuration's, and the built-in ones of CLIP-AC.
struct wc_prompt_sets {
    struct wc_prompts *set[WC_MAX_PROMPT_SETS]; // NULL: none
};
// `path` NULL: the paper's prompts. Checks that every recipe's list exists.
enum wc_err wc_prompt_sets_open(const char *path, const struct wc_recipe *recipe, size_t n_recipes,
                                struct wc_prompt_sets *out, struct wc_error *err);
void wc_prompt_sets_release(struct wc_prompt_sets *sets);

// out (n_recipes, 2, e): unit rows normal, abnormal for each recipe of the plan. `category` picks
// overrides of the prompt set and may be NULL.
enum wc_err wc_prototypes(const struct wc_model *model, struct wc_workspace *w,
                          const struct wc_tokenizer *tokenizer,
                          const struct wc_prompt_sets *prompts, const struct wc_recipe *recipe,
                          size_t n_recipes, const char *category, const char *object, float *out,
                          struct wc_error *err);

// Embeds texts: out (n, e), raw.
enum wc_err wc_embed_texts(const struct wc_model *model, struct wc_workspace *w,
                           const struct wc_tokenizer *tokenizer, const struct wc_strlist *texts,
                           float *out, struct wc_error *err);

// The mean of n embeddings (n, e) as `average` says, to unit length, in double.
enum wc_err wc_prototype_mean(const float *embedding, size_t n, size_t e,
                              enum wc_text_average average, float *out, struct wc_error *err);

#endif
