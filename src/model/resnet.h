/*
 * Private to model, and to its tests: CLIP's residual image towers ("ModifiedResNet", Radford et
 * al. 2021, section 2.4, and their released code).
 *
 * A stem of three convolutions and a pool, four stages of bottlenecks whose strides are average
 * pools (Zhang 2019's anti-aliasing), and an attention pool in place of the global average. The
 * network is kept as a flat list of steps from feature map to feature map; batch normalisation is
 * folded into the convolutions when the model is opened.
 */
#ifndef WC_MODEL_RESNET_H
#define WC_MODEL_RESNET_H

#include "model/tower.h"

// A convolution and the batch normalisation behind it. Padding keeps the side: (side - 1) / 2.
struct wc_conv {
    char name[40], norm[40];                // "layer1.0.conv1", "layer1.0.bn1"
    size_t n, c;                            // channels out, in
    size_t side, stride;                    // of the kernel, 1 or 3
    const float *kernel;                    // (n, c, side, side) as stored; NULL once it is folded
    const float *gamma, *beta, *mean, *var; // (n); likewise
    const float *weight;                    // (n, side, side, c), folded
    const float *bias;                      // (n)
};

// One step: from one of the workspace's maps (side, side, c) to another.
struct wc_resnet_step {
    // Called by all threads of a team; `pixels` (3, image_px, image_px) is read by the first step.
    void (*run)(const struct wc_resnet_step *step, struct wc_workspace *w, const float *pixels);
    const struct wc_conv *conv; // NULL: a step without weights
    size_t from, to;            // indices of maps
    size_t side, c;             // of the map that is read
    bool add, relu;             // convolution: add to what stands in `to`; end with a ReLU
};

enum wc_resnet_stage { WC_RESNET_STEM, WC_RESNET_LAYER1, WC_RESNET_LAYER4 = 4, WC_RESNET_STAGES };

struct wc_resnet {
    size_t image_px, g, d, embed;
    struct wc_conv *conv;
    size_t n_convs;
    struct wc_resnet_step *step;
    size_t n_steps;
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
