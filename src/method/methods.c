// The table of methods: every system of the paper's tables has its row; one that is not available
// says so when it is asked for.
#include "method/plan.h"

#include "method/classic.h"
#include "text/prompts.h"

#include <stdio.h>
#include <string.h>

static void configure_winclip(const char *name, struct wc_variant *v) {
    (void)name;
    v->dense = WC_DENSE_WINDOWS;
}

// CLIP-AC and the steps of table 3, all on the whole image.
static const char *const clip_ac_variants[] = {"one_class", "two_class",  "imagenet80", "states",
                                               "prompts",   "multi_crop", NULL};

static void configure_clip_ac(const char *name, struct wc_variant *v) {
    v->dense = WC_DENSE_NONE;
    v->winclip.multi_crop = WC_CROP_NONE;
    v->winclip.image_score = WC_SCORE_SOFTMAX;
    if (strcmp(name, "one_class") == 0 || strcmp(name, "two_class") == 0) {
        v->one_class = strcmp(name, "one_class") == 0;
        v->recipe.source = WC_PROMPTS_CLIP_AC;
    } else if (strcmp(name, "imagenet80") == 0) {
        v->recipe.source = WC_PROMPTS_IMAGENET80;
    } else if (strcmp(name, "states") == 0) {
        v->recipe.list = WC_PROMPTS_BARE;
    } else if (strcmp(name, "multi_crop") == 0) {
        v->winclip.multi_crop = WC_CROP_TEN;
    }
}

static const char *const patch_token_variants[] = {"ln_post", "plain", NULL};

// A patch is its own window; no other scale takes part in the map.
static void patches_alone(struct wc_variant *v) {
    v->winclip.n_windows = 1;
    v->winclip.window[0] = 1;
    v->winclip.image_scale = false;
}

// Table 8, "Patch-token".
static void configure_patch_token(const char *name, struct wc_variant *v) {
    v->dense = strcmp(name, "plain") == 0 ? WC_DENSE_PATCH_PLAIN : WC_DENSE_PATCH;
    patches_alone(v);
}

// Table 4, "MaskCLIP". The paper does not say how the value path ends in a ViT: as MaskCLIP's
// published backbone has it (residual and MLP kept), or the value projection alone. The image
// score, which the table leaves out, is CLIP's own.
static const char *const maskclip_variants[] = {"residual_mlp", "value_only", NULL};

static void configure_maskclip(const char *name, struct wc_variant *v) {
    v->dense = strcmp(name, "value_only") == 0 ? WC_DENSE_VALUE : WC_DENSE_VALUE_MLP;
    patches_alone(v);
}

static void configure_tiling(const char *name, struct wc_variant *v) {
    (void)name;
    v->dense = WC_DENSE_TILES;
}

// Table 4, "Trans-MM": the authors' notebook for CLIP reads the last block alone, their paper all
// of them. The map is the relevance as it is, without the stretch to 0..1 that pictures get.
static const char *const transmm_variants[] = {"all_blocks", "last_block", NULL};

static void configure_transmm(const char *name, struct wc_variant *v) {
    v->dense = strcmp(name, "last_block") == 0 ? WC_DENSE_RELEVANCE_LAST : WC_DENSE_RELEVANCE;
}

// SPADE, PaDiM, PatchCore: nothing of CLIP takes part.
static void configure_classic(const char *name, struct wc_variant *v) {
    (void)name;
    v->dense = WC_DENSE_CLASSIC;
    snprintf(v->preset, sizeof v->preset, "backbone%s",
             strchr(v->preset, '+') ? strchr(v->preset, '+') : "");
}

// PatchCore on CLIP's own tokens.
static void configure_patchcore_vit(const char *name, struct wc_variant *v) {
    (void)name;
    v->dense = WC_DENSE_CLASSIC;
    snprintf(v->preset, sizeof v->preset, "clip%s",
             strchr(v->preset, '+') ? strchr(v->preset, '+') : "");
}

static const struct wc_method methods[] = {
    {.name = "winclip",
     .help = "windows of CLIP with prompt ensembles, zero-shot and few-normal-shot (WinCLIP+)",
     .available = true,
     .few_shot = true,
     .presets = true,
     .configure = configure_winclip},
    {.name = "clip_ac",
     .help = "CLIP on the whole image, from one prompt to the full ensemble with crops (table 3)",
     .available = true,
     .variants = clip_ac_variants,
     .configure = configure_clip_ac},
    {.name = "patch_token",
     .help = "the last layer's patch tokens against the prototypes (table 8)",
     .available = true,
     .variants = patch_token_variants,
     .configure = configure_patch_token},
    {.name = "tiling",
     .help = "image tiles through the whole encoder (table 8); hundreds of passes an image",
     .available = true,
     .configure = configure_tiling},
    {.name = "maskclip",
     .help = "the last block's value path against the prototypes (MaskCLIP, table 4)",
     .available = true,
     .variants = maskclip_variants,
     .configure = configure_maskclip},
    {.name = "transmm",
     .help = "gradient-weighted attention of a vision transformer (Trans-MM, table 4)",
     .available = true,
     .variants = transmm_variants,
     .configure = configure_transmm},
    {.name = "spade",
     .help = "SPADE: nearest images, then a pyramid of nearest cells; needs a backbone",
     .available = true,
     .few_shot = true,
     .configure = configure_classic,
     .classic = &wc_spade},
    {.name = "padim",
     .help = "PaDiM: a Gaussian a position; needs a backbone",
     .available = true,
     .few_shot = true,
     .configure = configure_classic,
     .classic = &wc_padim},
    {.name = "patchcore",
     .help = "PatchCore: nearest of a coreset of patches; needs a backbone",
     .available = true,
     .few_shot = true,
     .configure = configure_classic,
     .classic = &wc_patchcore},
    {.name = "patchcore_vit_hidden",
     .help = "PatchCore on CLIP's tokens after blocks 6 and 9 of 12 (supplement, table 8)",
     .available = true,
     .few_shot = true,
     .configure = configure_patchcore_vit,
     .classic = &wc_patchcore_vit_hidden},
    {.name = "patchcore_vit_last",
     .help = "PatchCore on CLIP's tokens after the last block (supplement, table 8)",
     .available = true,
     .few_shot = true,
     .configure = configure_patchcore_vit,
     .classic = &wc_patchcore_vit_last},
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
