/*
 * WinCLIP and WinCLIP+ (Jeong et al., CVPR 2023), equation by equation.
 *
 * Pure functions from features to scores: no files, no model, no state. `g` is the side of the
 * patch grid, `k` that of a window in patches, (g - k + 1)^2 windows lie at every valid position in
 * row-major order.
 *
 * A switch is named for what the public implementations do differently; a preset is one row of the
 * table in winclip_presets.c and sets them all. Enum values are indices into the choices of the
 * option table (config/options.c).
 */
#ifndef WC_METHOD_WINCLIP_H
#define WC_METHOD_WINCLIP_H

#include "base/err.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum wc_text_average { WC_AVERAGE_RAW, WC_AVERAGE_NORMALIZED_EACH };
enum wc_probability { WC_P_ABNORMAL, WC_P_NORMAL };
enum wc_aggregation { WC_AGG_HARMONIC, WC_AGG_ARITHMETIC, WC_AGG_ARITHMETIC_INVERSE };
enum wc_scale_fusion { WC_SCALES_HARMONIC, WC_SCALES_ARITHMETIC, WC_SCALES_INVERSE_MEAN };
enum wc_patch_kind { WC_PATCH_NONE, WC_PATCH_PRE, WC_PATCH_POST, WC_PATCH_PROJ, WC_N_PATCH_KINDS };
enum wc_map_fusion { WC_FUSE_MEAN, WC_FUSE_SUM, WC_FUSE_HARMONIC, WC_FUSE_PARALLEL };
enum wc_map_zero { WC_ZERO_FULL, WC_ZERO_HALF };
enum wc_image_score { WC_SCORE_SOFTMAX, WC_SCORE_MAP_MAX };
enum wc_few_shot_score { WC_FEW_BOTH, WC_FEW_TEXT, WC_FEW_REFERENCE };
enum wc_multi_crop { WC_CROP_NONE, WC_CROP_FIVE, WC_CROP_TEN };
enum wc_crop_average { WC_CROP_EMBEDDING, WC_CROP_SCORE };

#define WC_WINCLIP_MAX_WINDOWS 4

struct wc_winclip {
    double tau;          // temperature of eq. 1
    const char *prompts; // template list of the prompt set: "t22", "t21", "t22np"
    enum wc_text_average
        text_average;                // prototype: mean of raw embeddings, or of unit ones; then L2
    enum wc_probability probability; // what eq. 1 gives for a window: p(abnormal), or p(normal)
    enum wc_aggregation aggregation; // windows to patches, eq. 3
    enum wc_scale_fusion scale_fusion; // across scales
    bool image_scale;                  // the image's own score is one of the scales
    size_t n_windows;                  // zero-shot window sides
    size_t window[WC_WINCLIP_MAX_WINDOWS];
    enum wc_patch_kind reference_patch; // which patch tokens are F^P of eq. 4
    size_t n_reference_windows;         // window sides of the reference association
    size_t reference_window[WC_WINCLIP_MAX_WINDOWS];
    enum wc_aggregation reference_aggregation;
    bool reference_shifted;        // caoyunkang: the first 3x3 window meets the 2x2 bank
    enum wc_map_fusion map_fusion; // M_0 with M_W, k > 0
    enum wc_map_zero map_zero;     // k = 0
    enum wc_image_score image_score;
    enum wc_few_shot_score few_shot_score; // eq. 6, or one of its halves
    enum wc_multi_crop multi_crop;
    enum wc_crop_average crop_average;
};

// The switches of a preset, then those that the configuration sets itself. Errors: WC_ERR_CONFIG,
// unknown preset or a combination that means nothing.
enum wc_err wc_winclip_resolve(const char *preset, const struct wc_winclip_switches *set,
                               struct wc_winclip *out, struct wc_error *err);
const char *const *wc_winclip_preset_names(size_t *n);

// Eq. 1 for n unit embeddings f (n, e) and unit prototypes (2, e; normal, abnormal): s (n).
// Computed as 1 / (1 + exp((c_n - c_a) / tau)), finite for every tau.
void wc_winclip_probability(const struct wc_winclip *o, const float *f, size_t n, size_t e,
                            const float *prototype, double *s);

// One-class CLIP-AC (table 3a): minus the cosine of the image to the normal prompt.
double wc_one_class_score(const float *image, const float *prototype, size_t e);

// Eq. 3: scores of windows -> patches (g, g). HARMONIC n / sum(1/s), ARITHMETIC mean(s),
// ARITHMETIC_INVERSE mean(1/s) over the 1 to k^2 windows that cover a patch.
void wc_winclip_to_patches(const double *s, size_t g, size_t k, enum wc_aggregation how,
                           double *map);

// M_0: the scales' maps (n_maps, g, g) and, with image_scale, the image's score -> map (g, g).
void wc_winclip_fuse_scales(const struct wc_winclip *o, const double *maps, size_t n_maps,
                            double image, size_t g, double *m0);

// The final map from M_0 and, for k > 0, M_W (NULL for k = 0): grid (g, g).
void wc_winclip_fuse(const struct wc_winclip *o, const double *m0, const double *mw, size_t g,
                     float *grid);

// The image score. z: eq. 1 of the image. Eq. 6 for k > 0: (z + max M_W) / 2. `upsampled`: scratch
// of WC_MAP_MAX_SIDE^2 floats, used by WC_SCORE_MAP_MAX alone.
#define WC_MAP_MAX_SIDE 400 // where caoyunkang takes the maximum of the map
double wc_winclip_image_score(const struct wc_winclip *o, double z, const double *mw,
                              const float *grid, size_t g, float *upsampled);

#endif
