/*
 * Architectures: sizes of CLIP's image and text towers, as a table and as deduced from a weight
 * file.
 *
 * The names are open_clip's. A file of other sizes is `custom`: everything but the number of heads
 * and the activation can be read off the tensors; heads come from an open_clip configuration, else
 * width / 64 (every published CLIP ViT but H-14 and g-14 has 64-wide heads).
 */
#ifndef WC_MODEL_ARCH_H
#define WC_MODEL_ARCH_H

#include "base/err.h"
#include "base/str.h"
#include "weights/weights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wc_family { WC_VIT, WC_RESNET };
enum wc_activation { WC_ACTIVATION_AUTO, WC_GELU, WC_QUICKGELU };

struct wc_arch {
    const char *name;
    enum wc_family family;
    size_t embed;     // e: width of the shared embedding
    size_t image_px;  // side of the input
    size_t patch_px;  // ViT: side of a patch; ResNet: total stride (32)
    size_t width;     // d of the image tower (ResNet: of the stem)
    size_t layers;    // ViT: transformer blocks
    size_t heads;     // ViT: in blocks; ResNet: in the attention pool
    size_t mlp;       // hidden size of a block's MLP
    size_t stages[4]; // ResNet: blocks a stage
    size_t context;   // text: positions
    size_t vocab;
    size_t text_width, text_layers, text_heads, text_mlp;
};

// The table's entry, or NULL. *n receives the count of wc_arch_names().
const struct wc_arch *wc_arch_find(const char *name);
const char *const *wc_arch_names(size_t *n);

// Sizes read off the tensors. `json` is an open_clip configuration's text for the heads, or NULL.
// `name` is that of the table's entry of the same sizes, else "custom". Faults: missing-tensor,
// bad-shape, bad-header (json).
enum wc_err wc_arch_deduce(const struct wc_weights *weights, const char *json, struct wc_arch *out,
                           struct wc_error *err);
// Sizes from an open_clip configuration alone (for `model random`). `file` is used in messages.
enum wc_err wc_arch_from_json(const char *file, const char *json, size_t n, struct wc_arch *out,
                              struct wc_error *err);

// Side g of the grid of patches; ResNet: of the final feature map's cells.
size_t wc_arch_grid(const struct wc_arch *arch);
// Width d of a patch token: a transformer's tokens keep the tower's width; a residual network's
// cells have 32 times the stem's (four stages that double it, and bottlenecks that widen by 4).
size_t wc_arch_token_width(const struct wc_arch *arch);

// Every float tensor of an architecture: open_clip's names and shapes, in a fixed order.
struct wc_tensor_spec {
    char name[96];
    size_t n_dims;
    size_t dim[4];
};
enum wc_err wc_arch_tensors(const struct wc_arch *arch, struct wc_tensor_spec **spec, size_t *n,
                            struct wc_error *err);

size_t wc_tensor_spec_elements(const struct wc_tensor_spec *spec);

// An open_clip configuration ({"model_cfg": ...}) of the architecture; reading it back gives the
// same sizes and heads.
void wc_arch_to_json(const struct wc_arch *arch, enum wc_activation activation, struct wc_buf *out);

// Same sizes (names and heads aside)?
bool wc_arch_same_sizes(const struct wc_arch *a, const struct wc_arch *b);

#endif
