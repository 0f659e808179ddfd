/*
 * Private to model: the transformer that both towers share, and the towers' weights.
 */
#ifndef WC_MODEL_TOWER_H
#define WC_MODEL_TOWER_H

#include "model/model.h"
#include "tensor/tensor.h"

struct wc_linear {
    size_t n, k; // out = in (m, k) * weight (n, k)^T + bias (n)
    const float *weight;
    const float *bias; // NULL: none
};

struct wc_norm {
    const float *weight, *bias; // (d)
};

struct wc_block {
    struct wc_norm ln_1, ln_2;
    struct wc_linear qkv, out, fc, proj;
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
    float *x;     // (rows, d)      residual stream
    float *y;     // (rows, d)      normalised input, attention output's projection
    float *qkv;   // (rows, 3 d)
    float *att;   // (rows, d)
    float *mlp;   // (rows, mlp)
    float *small; // attention of long sequences
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

// out (m, n; stride ld_out) = linear(in (m, k; stride ld_in)), bias included.
void wc_linear_run(const struct wc_linear *l, size_t m, const float *in, size_t ld_in, float *out,
                   size_t ld_out);

struct wc_vit {
    struct wc_tower tower;
    size_t g, patch_px, image_px, embed;
    const float *conv; // (d, 3 * patch_px^2)
    const float *cls;  // (d)
    const float *pos;  // (1 + g * g, d)
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

struct wc_model {
    struct wc_arch arch;
    enum wc_activation activation;
    char activation_reason[160];
    struct wc_weights *weights; // NULL for random weights
    char *origin;               // path, or "random:ARCH:SEED"
    char *bpe;
    char sha256[65]; // of the file, when opening needed it; else empty
    float logit_scale;
    struct wc_vit vit;
    struct wc_text_tower text;
    float **copy; // converted or generated tensors
    size_t n_copies, cap_copies;
    size_t private_bytes;
    uint64_t seed;
};

struct wc_workspace {
    unsigned n_threads;
    struct wc_arena *arena;     // (n_threads)
    float *embed;               // (1 + g * g, d)      tokens of the whole image after ln_pre
    float *embed_qkv;           // (1 + g * g, 3 d)    their first block's q, k, v
    float *patches;             // (g * g, 3 * patch_px^2)
    struct wc_scratch *scratch; // (n_threads)
    struct wc_arena shared;
    void (*progress)(void *);
    void *progress_data;
    uint64_t n_images;
    size_t n_bytes;
};

// Whether every value is finite; -1, or the first index that is not.
long wc_first_non_finite(const float *x, size_t n);

#endif
