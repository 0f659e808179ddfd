// Presets: what the paper says and what three public implementations do, switch by switch.
#include "method/winclip.h"

#include "base/str.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    struct wc_winclip o;
} preset[] = {
    // Jeong et al., CVPR 2023; what the text leaves open is chosen as in
    // tests/golden/winclip/README.md.
    {"paper",
     {.tau = 0.07,
      .prompts = "t22",
      .text_average = WC_AVERAGE_NORMALIZED_EACH,
      .image_scale = true,
      .n_windows = 2,
      .window = {2, 3},
      .reference_patch = WC_PATCH_PRE,
      .n_reference_windows = 2,
      .reference_window = {2, 3},
      .map_fusion = WC_FUSE_SUM}},
    // github.com/zqhang/Accurate-WinCLIP-pytorch
    {"accurate",
     {.tau = 0.07,
      .prompts = "t21",
      .text_average = WC_AVERAGE_RAW,
      .image_scale = true,
      .n_windows = 2,
      .window = {2, 3},
      .reference_patch = WC_PATCH_PRE,
      .n_reference_windows = 2,
      .reference_window = {2, 3},
      .map_fusion = WC_FUSE_SUM}},
    // anomalib 2.x, models/image/winclip
    {"anomalib",
     {.tau = 0.07,
      .prompts = "t21",
      .text_average = WC_AVERAGE_RAW,
      .image_scale = true,
      .n_windows = 2,
      .window = {2, 3},
      .reference_patch = WC_PATCH_POST,
      .n_reference_windows = 2,
      .reference_window = {2, 3},
      .map_fusion = WC_FUSE_MEAN}},
    // github.com/caoyunkang/WinClip
    {"caoyunkang",
     {.tau = 0.01,
      .prompts = "t22np",
      .text_average = WC_AVERAGE_RAW,
      .probability = WC_P_NORMAL,
      .aggregation = WC_AGG_ARITHMETIC_INVERSE,
      .scale_fusion = WC_SCALES_INVERSE_MEAN,
      .image_scale = false,
      .n_windows = 2,
      .window = {2, 3},
      .reference_patch = WC_PATCH_NONE,
      .n_reference_windows = 2,
      .reference_window = {2, 3},
      .reference_aggregation = WC_AGG_ARITHMETIC,
      .reference_shifted = true,
      .map_fusion = WC_FUSE_PARALLEL,
      .map_zero = WC_ZERO_HALF,
      .image_score = WC_SCORE_MAP_MAX}},
};
#define N_PRESETS (sizeof preset / sizeof *preset)

const char *const *wc_winclip_preset_names(size_t *n) {
    static const char *const names[N_PRESETS] = {"paper", "accurate", "anomalib", "caoyunkang"};
    *n = N_PRESETS;
    return names;
}

static enum wc_err copy_windows(const char *key, const struct wc_int_list *list, size_t *n,
                                size_t *window, struct wc_error *err) {
    if (list->n > WC_WINCLIP_MAX_WINDOWS)
        return WC_FAIL(err, WC_ERR_CONFIG, "winclip.%s: %zu sides, at most %d are possible", key,
                       list->n, WC_WINCLIP_MAX_WINDOWS);
    for (size_t i = 0; i < list->n; i++) {
        if (list->item[i] < 0 || list->item[i] > 1000 || (list->item[i] == 0 && list->n > 1))
            return WC_FAIL(err, WC_ERR_CONFIG,
                           "winclip.%s: side %lld, from 1 patch to the grid's side is possible",
                           key, (long long)list->item[i]);
        window[i] = (size_t)list->item[i];
    }
    if (list->n > 0)
        *n = list->item[0] == 0 ? 0 : list->n; // [0]: no windows at all
    return WC_OK;
}

static void set(int value, void *to) {
    if (value != WC_FROM_PRESET)
        memcpy(to, &value, sizeof value);
}

enum wc_err wc_winclip_resolve(const char *name, const struct wc_winclip_switches *s,
                               struct wc_winclip *out, struct wc_error *err) {
    static const char *const lists[] = {"t22", "t21", "t22np"};
    size_t i = 0, n;
    while (i < N_PRESETS && strcmp(preset[i].name, name) != 0)
        i++;
    if (i == N_PRESETS) {
        const char *near = wc_str_nearest(name, wc_winclip_preset_names(&n), N_PRESETS);
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "preset \"%s\": unknown%s%s (paper, accurate, anomalib, caoyunkang)", name,
                       near ? "; did you mean " : "", near ? near : "");
    }
    struct wc_winclip o = preset[i].o;
    if (!isnan(s->tau))
        o.tau = s->tau;
    if (s->prompts != WC_FROM_PRESET)
        o.prompts = lists[s->prompts];
    _Static_assert(sizeof(enum wc_text_average) == sizeof(int),
                   "switches are ints in the configuration");
    set(s->text_average, &o.text_average);
    set(s->probability, &o.probability);
    set(s->aggregation, &o.aggregation);
    set(s->scale_fusion, &o.scale_fusion);
    set(s->reference_patch, &o.reference_patch);
    set(s->reference_aggregation, &o.reference_aggregation);
    set(s->map_fusion, &o.map_fusion);
    set(s->map_zero, &o.map_zero);
    set(s->image_score, &o.image_score);
    set(s->few_shot_score, &o.few_shot_score);
    set(s->multi_crop, &o.multi_crop);
    set(s->crop_average, &o.crop_average);
    if (s->image_scale != WC_FROM_PRESET)
        o.image_scale = s->image_scale != 0;
    if (s->reference_shifted != WC_FROM_PRESET)
        o.reference_shifted = s->reference_shifted != 0;
    WC_TRY(copy_windows("windows", &s->windows, &o.n_windows, o.window, err));
    WC_TRY(copy_windows("reference_windows", &s->reference_windows, &o.n_reference_windows,
                        o.reference_window, err));
    if (!(o.tau > 0))
        return WC_FAIL(err, WC_ERR_CONFIG, "winclip.tau: %g, a temperature above 0 is needed",
                       o.tau);
    if (o.n_windows == 0 && !o.image_scale)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "winclip: without windows and image_scale there is no map");
    bool inverse = o.aggregation == WC_AGG_ARITHMETIC_INVERSE,
         undone = o.scale_fusion == WC_SCALES_INVERSE_MEAN;
    if (inverse != undone)
        return WC_FAIL(
            err, WC_ERR_CONFIG,
            "winclip: aggregation arithmetic_inverse and scale_fusion inverse_mean only make sense together");
    if (o.reference_aggregation == WC_AGG_ARITHMETIC_INVERSE)
        return WC_FAIL(err, WC_ERR_CONFIG, "winclip.reference_aggregation: harmonic or arithmetic");
    if (o.reference_patch == WC_PATCH_NONE && o.n_reference_windows == 0)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "winclip: no reference_patch and no reference_windows: nothing to compare");
    *out = o;
    return WC_OK;
}
