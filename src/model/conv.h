/*
 * Private to model: convolutional networks as a flat list of steps from feature map to feature map,
 * shared by CLIP's residual towers (resnet.c) and plain residual backbones (backbone.c).
 *
 * Maps lie in a workspace, channels last. Batch normalisation is folded into the convolutions when
 * a model is opened.
 */
#ifndef WC_MODEL_CONV_H
#define WC_MODEL_CONV_H

#include "model/tower.h"

// Channels below which a product is not cut further (conv.c says why).
#define WC_CONV_BLOCK 128

// A convolution and the batch normalisation behind it. Padding keeps the side: (side - 1) / 2.
struct wc_conv {
    char name[40], norm[40];                // "layer1.0.conv1", "layer1.0.bn1"
    size_t n, c;                            // channels out, in
    size_t side, stride;                    // of the kernel (odd); 1 or 2
    const float *kernel;                    // (n, c, side, side) as stored; NULL once it is folded
    const float *gamma, *beta, *mean, *var; // (n); likewise
    const float *weight;                    // (n, side, side, c), folded
    const float *bias;                      // (n)
    size_t n_blocks;                        // of output channels, as conv.c cuts them
    struct wc_linear *block;                // (n_blocks) their weights, without a bias
};

// One step: from one of the workspace's maps (side, side, c) to another.
struct wc_conv_step {
    // Called by all threads of a team; `pixels` (3, side, side) is read by the first step.
    void (*run)(const struct wc_conv_step *step, struct wc_workspace *w, const float *pixels);
    const struct wc_conv *conv; // NULL: a step without weights
    size_t from, to;            // indices of maps
    size_t side, c;             // of the map that is read
    size_t out_side;            // of the map that is written
    bool add, relu;             // convolution: add to what stands in `to`; end with a ReLU
};

struct wc_conv_list {
    struct wc_conv *conv;
    size_t n_convs;
    struct wc_conv_step *step;
    size_t n_steps;
};

enum wc_err wc_conv_list_init(struct wc_conv_list *l, size_t n_convs, size_t n_steps,
                              struct wc_error *err);
void wc_conv_list_release(struct wc_conv_list *l);

// Building: a convolution named `prefix``name` with its normalisation `prefix``norm`. `step` has
// from, to, side, add and relu; the rest is filled in. The lists must have room.
void wc_conv_add(struct wc_conv_list *l, const char *prefix, const char *name, const char *norm,
                 struct wc_conv shape, struct wc_conv_step step);
// Pixels (3, side, side) to (side, side, 3); means of 2 x 2 pixels; maxima of 3 x 3 pixels at every
// second one, outside counts as minus infinity.
void wc_conv_add_pixels(struct wc_conv_list *l, size_t to, size_t side);
void wc_conv_add_halve(struct wc_conv_list *l, size_t from, size_t to, size_t side, size_t c);
void wc_conv_add_maxpool(struct wc_conv_list *l, size_t from, size_t to, size_t side, size_t c);

// Gives a tensor its place by name; false: it is no convolution's.
bool wc_conv_place(struct wc_conv_list *l, const char *name, const float *data);
// gamma (conv(x) - mean) / sqrt(var + eps) + beta as one convolution with a bias, for all; the
// kernels' channels move last, as in the maps. `prefix` stands before the names in messages.
// Faults: non-finite.
enum wc_err wc_conv_fold(struct wc_model *m, const char *prefix, struct wc_conv_list *l,
                         struct wc_error *err);

// The layers to pack, to out, where it is not NULL; their count.
size_t wc_conv_linears(const struct wc_conv_list *l, struct wc_linear **out);

// Floats of a thread's scratch for gathered neighbourhoods; and of the maps.
size_t wc_conv_gather_f32(const struct wc_conv_list *l);
void wc_conv_maps(const struct wc_conv_list *l, struct wc_workspace *w,
                  struct wc_array array[WC_CONV_MAPS]);
// Multiply-adds of steps [0, n_steps).
double wc_conv_mul_adds(const struct wc_conv_list *l, size_t n_steps);

// Runs steps [first, end).
void wc_conv_run(const struct wc_conv_list *l, size_t first, size_t end, struct wc_workspace *w,
                 const float *pixels);

#endif
