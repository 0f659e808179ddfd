/*
 * Private to model: the transformer that both towers share, the towers' weights, and the table of
 * image families. A new family of image towers is a row of that table.
 */
#ifndef WC_MODEL_TOWER_H
#define WC_MODEL_TOWER_H

#include "base/shared.h"
#include "model/model.h"
#include "tensor/gemm.h"
#include "tensor/tensor.h"

struct wc_linear_stats; // pack.h

struct wc_linear {
    size_t n, k; // out = in (m, k) * weight (n, k)^T + bias (n)
    const float *weight;
    const float *bias;             // NULL: none
    struct wc_gemm_weight *packed; // wc_model_pack() makes it; NULL: multiplied as stored
    struct wc_linear_stats *stats; // while the model is calibrated, else NULL
};

struct wc_norm {
    const float *weight, *bias; // (d)
};

struct wc_block {
    struct wc_norm ln_1, ln_2;
    struct wc_linear qkv, out, fc, proj;
    struct wc_linear q, kv; // parts of qkv, packed in its place where queries are needed of one
                            // token alone: in a last block
};

struct wc_tower {
    size_t d, heads, mlp, layers;
    enum wc_activation activation;
    bool causal;
    struct wc_block *block; // (layers)
};

#define WC_LN_EPS 1e-5f // torch.nn.LayerNorm's default, which CLIP keeps

// Rows that one chunk may have: the scratch arrays of a thread are this large. 256 rows keep a GEMM
// near its peak rate while a thread's scratch of ViT-B/16+ stays below 12 MB.
#define WC_CHUNK_ROWS 256

// Scratch of one thread.
struct wc_scratch {
    float *x;                // (rows, d)      residual stream
    float *y;                // (rows, d)      normalised input, attention output's projection
    float *qkv;              // (rows, 3 d)
    float *att;              // (rows, d)
    float *mlp;              // (rows, mlp)
    float *small;            // attention of long sequences
    float *gather;           // (rows, 9 c)    ResNet: neighbourhoods of a 3 x 3 convolution
    double (*clock_s)(void); // NULL: phases are not timed
    double phase_s[WC_N_PHASES];
};

// start = wc_phase_begin(s); ...; start = wc_phase_end(s, phase, start);
static inline double wc_phase_begin(const struct wc_scratch *s) {
    return s->clock_s ? s->clock_s() : 0.0;
}
static inline double wc_phase_end(struct wc_scratch *s, enum wc_phase phase, double start) {
    double now = wc_phase_begin(s);
    s->phase_s[phase] += now - start;
    return now;
}

// Sizes of a thread's scratch, in floats; x is also y's size.
struct wc_scratch_need {
    size_t x, qkv, att, mlp, small, gather;
};

// How many rows of scratch a tower with sequences of t tokens needs.
size_t wc_chunk_rows(size_t t);

// Which tokens the caller still needs after the last block.
enum wc_keep { WC_KEEP_ALL, WC_KEEP_FIRST, WC_KEEP_LAST };

/*
 * Runs blocks [0, layers) over n_seq sequences of t tokens in s->x (n_seq * t, d), in place. With
 * `qkv_ready`, s->qkv already holds the first block's q, k, v (shared between windows). With
 * WC_KEEP_FIRST or _LAST the last block computes only that token of each sequence; the other rows
 * of s->x are then meaningless.
 */
void wc_tower_run(const struct wc_tower *tower, size_t n_seq, size_t t, bool qkv_ready,
                  enum wc_keep keep, struct wc_scratch *s);

// Blocks [first, end) of it; `qkv_ready` is meant for the first of them, `keep` for the tower's
// last.
void wc_tower_run_blocks(const struct wc_tower *tower, size_t first, size_t end, size_t n_seq,
                         size_t t, bool qkv_ready, enum wc_keep keep, struct wc_scratch *s);

/*
 * The last block without its attention (MaskCLIP), of the n rows of s->x from `first` on:
 * v = out_proj(value(ln_1(x))), with_mlp: v + x, then + mlp(ln_2(.)). The result (n, d) is in
 * s->qkv; s->x stays as it is.
 */
void wc_tower_value_path(const struct wc_tower *tower, size_t first, size_t n, bool with_mlp,
                         struct wc_scratch *s);

// The attention of `n_seq` sequences of n_tokens in s->qkv; the first n_queries tokens' outputs to
// s->att (n_seq * n_queries, d).
void wc_tower_attention(const struct wc_tower *tower, size_t n_seq, size_t n_tokens,
                        size_t n_queries, struct wc_scratch *s);

// What a tower whose longest sequence has `longest` tokens needs.
struct wc_scratch_need wc_tower_need(const struct wc_tower *tower, size_t longest);

// Room for the blocks' weights, and the place of one of them: false when `name` is no block's.
enum wc_err wc_tower_new_blocks(struct wc_tower *tower, struct wc_error *err);
bool wc_tower_place(struct wc_tower *tower, const char *name, const float *data);

// Where a tensor of the list belongs in the model.
struct wc_slot {
    const char *name;
    const float **at;
};
bool wc_slot_put(const struct wc_slot *slot, size_t n, const char *name, const float *data);

// out (m, n; stride ld_out) = linear(in (m, k; stride ld_in)), bias included.
void wc_linear_run(const struct wc_linear *l, size_t m, const float *in, size_t ld_in, float *out,
                   size_t ld_out);
// The same, + out where `add`.
void wc_linear_add(const struct wc_linear *l, size_t m, const float *in, size_t ld_in, bool add,
                   float *out, size_t ld_out);

// The layers of a tower that wc_model_pack() packs, to out, where it is not NULL; their count.
// `first_only`: of the last block the first token alone is kept.
size_t wc_tower_linears(struct wc_tower *tower, bool first_only, struct wc_linear **out);

struct wc_vit {
    struct wc_tower tower;
    size_t g, patch_px, image_px, embed;
    struct wc_linear conv; // (d, 3 * patch_px^2)
    const float *cls;      // (d)
    const float *pos;      // (1 + g * g, d)
    struct wc_norm ln_pre, ln_post;
    const float *proj; // (d, e)
};

struct wc_text_tower {
    struct wc_tower tower;
    size_t context, vocab, embed;
    const float *token; // (vocab, d)
    const float *pos;   // (context, d)
    struct wc_norm ln_final;
    const float *proj; // (d, e)
};

struct wc_resnet;       // resnet.h
struct wc_backbone_net; // backbone.c

// Converted, generated or prepared weights of this process.
struct wc_copy {
    float *data;
    size_t n;
};

struct wc_model {
    struct wc_arch arch;
    const struct wc_image_family *family;
    enum wc_activation activation;
    char activation_reason[160];
    struct wc_weights *weights; // NULL for random weights
    char *origin;               // path, or "random:ARCH:SEED"
    char *bpe;
    bool interpolated; // positions: for a grid that is not the file's
    char sha256[65];   // of the file, when opening needed it; else empty
    float logit_scale;
    struct wc_vit vit;                // family WC_VIT
    struct wc_resnet *resnet;         // family WC_RESNET, else NULL
    struct wc_backbone_net *backbone; // a backbone's, else NULL
    struct wc_text_tower text;
    enum wc_precision precision;
    struct wc_linear **packed; // (n_packed) layers
    size_t n_packed;
    size_t n_wide;           // of them: those that calibration keeps wider than asked
    void *pack;              // their memory, where it is the model's own
    size_t packed_bytes;     // of it
    bool share;              // with the node's processes, where that can be had:
    struct wc_shared shared; // then they lie here
    struct wc_copy *copy;
    size_t n_copies, cap_copies;
    size_t private_bytes;
    uint64_t seed;
};

// Gives `data` (of n floats, from wc_alloc()) to the model, which frees it.
enum wc_err wc_model_keep(struct wc_model *m, float *data, size_t n, struct wc_error *err);
// A tensor of the model: in place where the file has it as aligned float32, else converted; or
// generated by the seed. `spec` was checked (wc_model_check_tensors()).
enum wc_err wc_model_file_tensor(struct wc_model *m, const struct wc_tensor_spec *spec,
                                 const float **out, struct wc_error *err);
enum wc_err wc_model_random_tensor(struct wc_model *m, const struct wc_tensor_spec *spec,
                                   const float **out, struct wc_error *err);
// Frees a private copy that is not needed any more; a tensor in a mapped file is left alone.
void wc_model_drop(struct wc_model *m, const float *data);

#define WC_CONV_MAPS 8

struct wc_workspace {
    unsigned n_threads;
    struct wc_arena *arena;     // (n_threads)
    struct wc_scratch *scratch; // (n_threads)
    struct wc_arena shared;
    // ViT.
    float *embed;     // (1 + g * g, d)      tokens of the whole image after ln_pre
    float *embed_qkv; // (1 + g * g, 3 d)    their first block's q, k, v
    float *patches;   // (g * g, 3 * patch_px^2)
    // Convolutional networks.
    float *map[WC_CONV_MAPS]; // feature maps; resnet.c and backbone.c say what lies where
    float *cells_qkv;         // (g * g, 3 d)        q, k, v of the cells without their positions
    void (*progress)(void *);
    void *progress_data;
    uint64_t n_images;
    size_t n_bytes;
};

// An array of a workspace's shared memory.
struct wc_array {
    float **at;
    size_t n;
};
#define WC_MAX_SHARED (WC_CONV_MAPS + 1)

// One kind of image tower. The last three functions run in order for each image: begin() outside,
// whole() and windows() inside a parallel loop over fixed chunks, each call with a scratch
// of its own.
struct wc_image_family {
    // Room for the weights; place() then gets each by its name after "visual." and returns false
    // for one it does not know; prepare(), which may be NULL, has all of them.
    enum wc_err (*lay_out)(struct wc_model *m, struct wc_error *err);
    bool (*place)(struct wc_model *m, const char *name, const float *data);
    enum wc_err (*prepare)(struct wc_model *m, struct wc_error *err);
    void (*release)(struct wc_model *m);
    // The layers to pack, to out, where it is not NULL; their count.
    size_t (*linears)(struct wc_model *m, struct wc_linear **out);
    // Scratch of a thread; and the shared arrays of a workspace, their count returned.
    struct wc_scratch_need (*need)(const struct wc_model *m);
    size_t (*shared)(const struct wc_model *m, struct wc_workspace *w,
                     struct wc_array array[WC_MAX_SHARED]);
    // wc_image_flop().
    double (*flop)(const struct wc_model *m, const struct wc_request *request);
    // What the whole image and all windows share.
    void (*begin)(const struct wc_model *m, struct wc_workspace *w, unsigned want,
                  const float *pixels);
    // Everything in `want` but the windows.
    void (*whole)(const struct wc_model *m, const struct wc_workspace *w, unsigned want,
                  struct wc_scratch *s, struct wc_features *out);
    // Windows [first, first + n) of side k, n * (1 + k * k) <= wc_chunk_rows(1 + k * k), to out
    // (n, e).
    void (*windows)(const struct wc_model *m, const struct wc_workspace *w, size_t k, size_t first,
                    size_t n, struct wc_scratch *s, float *out);
};
extern const struct wc_image_family wc_vit_family, wc_resnet_family, wc_backbone_family;

// Whether every value is finite; -1, or the first index that is not.
long wc_first_non_finite(const float *x, size_t n);

#endif
