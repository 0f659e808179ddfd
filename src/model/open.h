/*
 * Private to model: from a weight file to a model: do its tensors make up the architecture, and
 * which activation are they for?
 */
#ifndef WC_MODEL_OPEN_H
#define WC_MODEL_OPEN_H

#include "model/model.h"

// What is known about a model before its tensors are taken.
struct wc_model_source {
    const struct wc_weights *weights; // NULL: random weights
    const char *origin;               // for messages: the path, or random:ARCH:SEED
    const char *sha256;               // of the file, or NULL when it was not asked for
    const char *json;                 // a configuration that is this model's, or NULL
    const char *json_path;            // where it is from; NULL: the file's metadata
};

// Do the file's tensors make up the list? All shapes first, then missing tensors, then tensors of a
// CLIP that have no place in it. `needed_by` is used in messages. Faults: bad-shape,
// missing-tensor, unexpected-tensor. logit_scale may be missing (WinCLIP has its own temperature).
enum wc_err wc_model_check_tensors(const struct wc_weights *weights,
                                   const struct wc_tensor_spec *spec, size_t n,
                                   const char *needed_by, struct wc_error *err);
// Are all values of the listed tensors finite? Fault: non-finite.
enum wc_err wc_model_check_values(const struct wc_weights *weights,
                                  const struct wc_tensor_spec *spec, size_t n,
                                  struct wc_error *err);

// Chooses the activation: `asked`, else what the source says, in this order: TorchScript origin
// (QuickGELU), metadata, the hash of a published file, the configuration. Published weights of
// equal shapes differ in it, so that a guess would be silently wrong: where nothing decides it is
// WC_ERR_CONFIG. `arch` is the table's name of the sizes.
enum wc_err wc_model_choose_activation(const struct wc_model_source *source,
                                       enum wc_activation asked, const char *arch,
                                       enum wc_activation *out, char *reason, size_t n_reason,
                                       struct wc_error *err);
// Would the file's hash count for it?
bool wc_model_needs_hash(const struct wc_model_source *source, enum wc_activation asked,
                         const char *arch);

// Position embeddings in (1 + g_in^2, d), a class token (or mean) and a grid, for a grid of side
// g_out: out (1 + g_out^2, d).
enum wc_err wc_model_resize_positions(size_t g_in, size_t g_out, size_t d, const float *in,
                                      float *out, struct wc_error *err);

#endif
