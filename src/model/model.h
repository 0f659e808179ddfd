/*
 * CLIP models: an image tower and a text tower with one embedding space.
 *
 * Call order: wc_gemm_init(), wc_kernels_init(), wc_model_open(); then wc_workspace_new() for each
 * encoding thread team, wc_encode_image() and wc_encode_text() as often as wanted. An open model is
 * immutable and may be shared by threads; a workspace belongs to one caller at a time. Embeddings
 * come out raw (not normalised).
 *
 * The text tower, layer norms, softmax, residual streams and the ends of the image tower (patch
 * embedding, projection, attention pool) are float32 in every precision.
 *
 * Results depend on the model and the input alone, never on the number of threads: the work of one
 * image is cut into fixed chunks and threads take whole chunks.
 */
#ifndef WC_MODEL_MODEL_H
#define WC_MODEL_MODEL_H

#include "base/err.h"
#include "model/arch.h"
#include "tensor/gemm.h"
#include "weights/weights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_model;

struct wc_model_options {
    const char *weights; // a file, a folder or hub cache that holds one, random:ARCH[:SEED],
                         // or demo: part of the program
    const char
        *arch; // "auto", a name of the table: the file must have its sizes, or "custom": as deduced
    const char *json; // the model's configuration, whose sizes the file must have; NULL: what is
                      // in the file's metadata or beside it counts where its sizes are the file's
    enum wc_activation activation;
    enum wc_precision precision; // of the image tower's layers; f32 needs nothing of the processor
    bool share_packed; // packed layers once for all processes of a node (base/shared.h), if it can
    size_t interpolate_px; // input size to interpolate the position embeddings for; 0: the file's
    bool inspect; // check the whole file and prepare nothing: heads or activation that nothing
                  // decides are no errors then, and nothing can be encoded
};

// Maps the file, checks every tensor's shape and prepares the towers. Errors: WC_ERR_DATA with the
// faults of weights/weights.h; WC_ERR_CONFIG for an unknown architecture, and where nothing decides
// heads or activation.
enum wc_err wc_model_open(const struct wc_model_options *options, struct wc_model **out,
                          struct wc_error *err);
void wc_model_free(struct wc_model **model);

const struct wc_arch *wc_model_arch(const struct wc_model *model);
enum wc_activation
wc_model_activation(const struct wc_model *model); // auto only when inspected and undecided
const char *
wc_model_activation_reason(const struct wc_model *model); // "configuration", "file metadata", ...
// For the log: "FILE: ViT-B-16, 320 px (positions interpolated), gelu (configuration F.json)".
void wc_model_describe(const struct wc_model *model, char *text, size_t n);
const char *
wc_model_bpe(const struct wc_model *model); // merges file named in the metadata, or NULL
// n_wide of n_layers packed layers (NULL: not asked for) are kept wider than int8 by calibration.
enum wc_precision wc_model_precision(const struct wc_model *model, size_t *n_wide,
                                     size_t *n_layers);
// Layer i of those that are packed: out (m, n) of in (m, k). false: there are fewer.
bool wc_model_layer(const struct wc_model *model, size_t i, size_t *n, size_t *k);
float wc_model_logit_scale(const struct wc_model *model); // as stored: the logarithm; NaN: absent
const struct wc_weights *wc_model_weights(const struct wc_model *model); // NULL for random:
// Names the weights in run ids and reports: the file's SHA-256, or of the text "random:ARCH:SEED".
enum wc_err wc_model_hash(const struct wc_model *model, char hex[65], struct wc_error *err);
// Bytes of weights that this process holds privately (converted, generated or folded copies; what
// is used in a mapped file counts 0).
size_t wc_model_private_bytes(const struct wc_model *model);
// Bytes of the image tower's layers in the form that they are multiplied in; 0 where that is as
// stored. *shared (NULL: not asked for): they are memory that the node's processes share.
size_t wc_model_packed_bytes(const struct wc_model *model, bool *shared);

// CLIP's input normalisation of RGB in 0..1 (Radford et al. 2021, released code).
extern const float wc_clip_mean[3], wc_clip_std[3];

#define WC_MAX_SCALES 4 // window sides asked for at once

/*
 * What a caller wants from an image. A residual network's patches are the cells of its final
 * feature map (stride 32); a window of them is pooled by the attention pool, whose query is the
 * mean of the window's cells and whose positions are those of the full grid (WinCLIP, appendix B).
 */
enum wc_want {
    WC_WANT_IMAGE = 1,        // image embedding
    WC_WANT_WINDOWS = 2,      // an embedding a window, for each side in windows[]
    WC_WANT_PATCH = 4,        // ViT: tokens after the last block, before ln_post. ResNet: the cells
    WC_WANT_PATCH_POST = 8,   // ViT: after ln_post. ResNet: v_proj(cell + its position)
    WC_WANT_PATCH_PROJ = 16,  // ViT: after ln_post and projection. ResNet: c_proj of PATCH_POST
    WC_WANT_PATCH_PLAIN = 32, // ViT: projected without ln_post. ResNet: c_proj(v_proj(cell)), as in
                              // MaskCLIP (Zhou et al. 2022, section 3.2)
    // MaskCLIP's value path: the last block without its attention, then ln_post and projection.
    // With x the tokens before that block and v = out_proj(value(ln_1(x))):
    WC_WANT_VALUE = 64,      // ViT: v alone. ResNet: as WC_WANT_PATCH_PLAIN
    WC_WANT_VALUE_MLP = 128, // ViT: v + x, then + mlp(ln_2(.)). ResNet: as WC_WANT_VALUE
    // Backbones (model/backbone.h) alone; the others' outputs they do not have.
    WC_WANT_LAYER1 = 256,  // output of the first stage; of stage i: WC_WANT_LAYER(i)
    WC_WANT_POOLED = 4096, // mean of the last stage's cells
    // ViT alone: the tokens before each block, for a backward pass (model/relevance.h).
    WC_WANT_TRACE = 8192,
    // ViT alone: patch tokens after half of the blocks, after three quarters (6 and 9 of 12), and
    // after the last (PatchCore on CLIP; supplement, table 8).
    WC_WANT_HIDDEN = 16384,
};
#define WC_BACKBONE_LAYERS 4
#define WC_HIDDEN 3
#define WC_WANT_LAYER(i) ((unsigned)WC_WANT_LAYER1 << (i)) // i: 0 to 3
struct wc_request {
    unsigned want;
    size_t n_scales;
    size_t window[WC_MAX_SCALES]; // k: side in patches, 1 <= k <= grid
    // What is wanted of another model for the same tile; wc_encode_image() passes it over.
    unsigned backbone_want;
    const struct wc_model *backbone; // model/backbone.h; NULL: none
};

// Windows of side k on a g x g grid: (g - k + 1)^2, row-major, stride 1, valid positions only.
size_t wc_n_windows(size_t g, size_t k);

struct wc_features {
    float *image;                 // (e)
    float *window[WC_MAX_SCALES]; // (n_windows(k), e)
    float *patch;                 // (g * g, d), d = wc_arch_token_width()
    float *patch_post;            // (g * g, d)
    float *patch_proj;            // (g * g, e)
    float *patch_plain;           // (g * g, e)
    float *value;                 // (g * g, e)
    float *value_mlp;             // (g * g, e)
    float
        *layer[WC_BACKBONE_LAYERS]; // (side, side, channels) of wc_backbone_side() and _channels()
    float *pooled;                  // (channels of the last stage)
    float *trace;                   // (layers, 1 + g * g, d)
    float *hidden;                  // (WC_HIDDEN, g * g, d)
    float *block;                   // all arrays in one allocation
    size_t n_floats;
};
// Arrays for a request; those not asked for stay NULL.
enum wc_err wc_features_init(const struct wc_model *model, const struct wc_request *request,
                             struct wc_features *out, struct wc_error *err);
void wc_features_release(struct wc_features *f);

struct wc_workspace;
// Scratch memory for n_threads (0 is an error). `progress`, called between chunks by the calling
// thread only (a place to drive MPI), may be NULL.
enum wc_err wc_workspace_new(const struct wc_model *model, unsigned n_threads,
                             void (*progress)(void *), void *progress_data,
                             struct wc_workspace **out, struct wc_error *err);
void wc_workspace_free(struct wc_workspace **w);
size_t wc_workspace_bytes(const struct wc_workspace *w);
uint64_t
wc_workspace_n_images(const struct wc_workspace *w); // encoder passes so far (tests count them)

// Where an encoder's time goes, summed over threads: from wc_workspace_time_phases() on, which
// starts at 0, in seconds of `clock_s` (NULL: no more).
enum wc_phase {
    WC_PHASE_GEMM,
    WC_PHASE_ATTENTION,
    WC_PHASE_NORM,
    WC_PHASE_ACTIVATION,
    WC_N_PHASES
};
const char *wc_phase_name(enum wc_phase phase);
void wc_workspace_time_phases(struct wc_workspace *w, double (*clock_s)(void));
void wc_workspace_phases(const struct wc_workspace *w, double spent_s[WC_N_PHASES]);

// pixels (3, image_px, image_px), normalised. Non-finite results are WC_ERR_DATA (fault
// "non-finite").
enum wc_err wc_encode_image(const struct wc_model *model, struct wc_workspace *w,
                            const float *pixels, const struct wc_request *request,
                            struct wc_features *out, struct wc_error *err);

// Floating-point operations (a multiplication and an addition are two) of the matrix products with
// weights in one wc_encode_image(): its cost but for a few per cent.
double wc_image_flop(const struct wc_model *model, const struct wc_request *request);

// n texts of n_ids[i] ids each (ids (n, context), SOT first, EOT last) -> out (n, e). Equal texts
// are encoded once; the result for a text depends on this call's list alone.
enum wc_err wc_encode_text(const struct wc_model *model, struct wc_workspace *w, const int32_t *ids,
                           const size_t *n_ids, size_t n, float *out, struct wc_error *err);

#endif
