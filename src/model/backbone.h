/*
 * Backbones trained on ImageNet, for the methods that do not read CLIP: torchvision's residual
 * networks (He et al. 2016; Zagoruyko and Komodakis 2016), in torchvision's and timm's names.
 *
 * A backbone is a wc_model without a text tower: workspace, features and wc_encode_image() are
 * those of model.h, with the requests WC_WANT_LAYER() and WC_WANT_POOLED. It is fully
 * convolutional, so that it takes any input side. Sizes are read off the tensors; classifier
 * weights are passed over.
 */
#ifndef WC_MODEL_BACKBONE_H
#define WC_MODEL_BACKBONE_H

#include "model/model.h"

// Torchvision's normalisation of RGB in 0..1 for its ImageNet weights.
extern const float wc_imagenet_mean[3], wc_imagenet_std[3];

// Names of known sizes ("resnet18", "wide_resnet50_2", ...); *n receives their count.
const char *const *wc_backbone_names(size_t *n);

// Opens a weight file, or "random:NAME[:SEED]" (the generator of tests/golden/models/README.md,
// with "visual." before each name), for square inputs of image_px pixels. `arch`: NULL or "auto",
// or a name whose sizes the file must have. Errors: those of a weight file; WC_ERR_CONFIG, unknown
// name.
enum wc_err wc_backbone_open(const char *weights, const char *arch, size_t image_px,
                             struct wc_model **out, struct wc_error *err);

// Of the output of stage i (0 to 3); 0 for models that are no backbone.
size_t wc_backbone_side(const struct wc_model *model, size_t i);
size_t wc_backbone_channels(const struct wc_model *model, size_t i);
// Blocks of three convolutions (ResNet-50 and up)?
bool wc_backbone_bottleneck(const struct wc_model *model);
size_t wc_backbone_layer_f32(const struct wc_model *model, size_t i);

#endif
