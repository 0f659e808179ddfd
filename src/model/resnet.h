/*
 * Private to model, and to its tests: CLIP's residual image towers ("ModifiedResNet", Radford et
 * al. 2021, section 2.4, and their released code).
 *
 * A stem of three convolutions and a pool, four stages of bottlenecks whose strides are average
 * pools (Zhang 2019's anti-aliasing), and an attention pool in place of the global average.
 */
#ifndef WC_MODEL_RESNET_H
#define WC_MODEL_RESNET_H

#include "model/conv.h"

enum wc_resnet_stage { WC_RESNET_STEM, WC_RESNET_LAYER1, WC_RESNET_LAYER4 = 4, WC_RESNET_STAGES };

struct wc_resnet {
    size_t image_px, g, d, embed;
    struct wc_conv_list list;
    struct {
        size_t n_steps, map, side, c; // steps up to its end; its output
    } stage[WC_RESNET_STAGES];
    struct wc_tower pool;           // sizes of the attention pool: no blocks
    const float *pos;               // (1 + g * g, d)
    struct wc_linear q, k, v, proj; // d -> d, proj: d -> e
    float *pos_qkv;                 // (1 + g * g, 3 d)  q, k, v of the positions, biases included
};

// Runs the stages first to last, where the workspace holds the output of the one before, and gives
// the output of the last, (side * side, c), which lies in the workspace.
const float *wc_resnet_run(const struct wc_model *m, struct wc_workspace *w, const float *pixels,
                           enum wc_resnet_stage first, enum wc_resnet_stage last, size_t *side,
                           size_t *c);

#endif
