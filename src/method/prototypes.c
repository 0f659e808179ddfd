#include "method/prototypes.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

static double length(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

enum wc_err wc_prototype_mean(const float *embedding, size_t n, size_t e,
                              enum wc_text_average average, float *out, struct wc_error *err) {
    double *sum;
    WC_TRY(WC_NEW(&sum, e, "prototype", err));
    for (size_t i = 0; i < n; i++) {
        const float *row = embedding + i * e;
        double scale = average == WC_AVERAGE_NORMALIZED_EACH ? 1 / length(row, e) : 1;
        for (size_t j = 0; j < e; j++)
            sum[j] += (double)row[j] * scale;
    }
    double norm = 0;
    for (size_t j = 0; j < e; j++)
        norm += sum[j] * sum[j];
    for (size_t j = 0; j < e; j++) // the mean's direction is the sum's
        out[j] = (float)(norm > 0 ? sum[j] / sqrt(norm) : 0);
    wc_free(sum);
    return WC_OK;
}

enum wc_err wc_embed_texts(const struct wc_model *model, struct wc_workspace *w,
                           const struct wc_tokenizer *tokenizer, const struct wc_strlist *texts,
                           float *out, struct wc_error *err) {
    size_t context = wc_model_arch(model)->context;
    int32_t *ids = NULL;
    size_t *n_ids = NULL;
    enum wc_err rc = WC_OK;
    if (wc_tokenizer_vocab_size(tokenizer) > wc_model_arch(model)->vocab)
        return WC_FAIL(
            err, WC_ERR_CONFIG,
            "the tokenizer has %zu tokens, the model's vocabulary %zu; set model.bpe to the model's merges file",
            wc_tokenizer_vocab_size(tokenizer), wc_model_arch(model)->vocab);
    if ((rc = WC_NEW(&ids, texts->n * context, "token ids", err)) != WC_OK ||
        (rc = WC_NEW(&n_ids, texts->n, "token ids", err)) != WC_OK)
        goto out;
    for (size_t i = 0; i < texts->n && rc == WC_OK; i++)
        rc = wc_tokenize(tokenizer, texts->item[i], strlen(texts->item[i]), context,
                         ids + i * context, &n_ids[i], err);
    if (rc == WC_OK)
        rc = wc_encode_text(model, w, ids, n_ids, texts->n, out, err);
out:
    wc_free(ids);
    wc_free(n_ids);
    return rc;
}

enum wc_err wc_prompt_sets_open(const char *path, const struct wc_recipe *recipe, size_t n_recipes,
                                struct wc_prompt_sets *out, struct wc_error *err) {
    const char *const from[WC_N_PROMPT_SOURCES] = {path, "builtin:clip_ac", "builtin:imagenet80"};
    struct wc_prompt_sets sets = {0};
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < WC_N_PROMPT_SOURCES && rc == WC_OK; i++)
        rc = wc_prompts_read(from[i], &sets.set[i], err);
    for (size_t i = 0; i < n_recipes && rc == WC_OK; i++) {
        struct wc_prompts **set = &sets.set[recipe[i].source];
        if (!*set)
            rc = wc_prompts_read(recipe[i].file, set, err);
        if (rc == WC_OK)
            rc = wc_prompts_check_list(*set, recipe[i].list, err);
    }
    if (rc != WC_OK) {
        wc_prompt_sets_release(&sets);
        return rc;
    }
    *out = sets;
    return WC_OK;
}

void wc_prompt_sets_release(struct wc_prompt_sets *sets) {
    for (size_t i = 0; i < WC_MAX_PROMPT_SETS; i++)
        wc_prompts_free(&sets->set[i]);
}

// One recipe: out (2, e).
static enum wc_err one_recipe(const struct wc_model *model, struct wc_workspace *w,
                              const struct wc_tokenizer *tokenizer, const struct wc_strlist side[2],
                              enum wc_text_average average, float *out, struct wc_error *err) {
    size_t e = wc_model_arch(model)->embed;
    struct wc_strlist all = {0};
    float *embedding = NULL;
    enum wc_err rc = WC_OK;
    for (size_t s = 0; s < 2 && rc == WC_OK; s++)
        for (size_t i = 0; i < side[s].n && rc == WC_OK; i++)
            rc = wc_strlist_add(&all, side[s].item[i], err);
    if (rc == WC_OK)
        rc = WC_NEW(&embedding, all.n * e, "text embeddings", err);
    if (rc == WC_OK)
        rc = wc_embed_texts(model, w, tokenizer, &all, embedding, err);
    if (rc == WC_OK)
        rc = wc_prototype_mean(embedding, side[0].n, e, average, out, err);
    if (rc == WC_OK)
        rc = wc_prototype_mean(embedding + side[0].n * e, side[1].n, e, average, out + e, err);
    wc_strlist_release(&all);
    wc_free(embedding);
    return rc;
}

enum wc_err wc_prototypes(const struct wc_model *model, struct wc_workspace *w,
                          const struct wc_tokenizer *tokenizer,
                          const struct wc_prompt_sets *prompts, const struct wc_recipe *recipe,
                          size_t n_recipes, const char *category, const char *object, float *out,
                          struct wc_error *err) {
    size_t e = wc_model_arch(model)->embed;
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < n_recipes && rc == WC_OK; i++) {
        struct wc_strlist side[2] = {{0}, {0}};
        rc = wc_prompts_expand(prompts->set[recipe[i].source], recipe[i].list, category, object,
                               &side[0], &side[1], err);
        if (rc == WC_OK)
            rc = one_recipe(model, w, tokenizer, side, recipe[i].average, out + i * 2 * e, err);
        wc_strlist_release(&side[0]);
        wc_strlist_release(&side[1]);
    }
    return rc;
}
