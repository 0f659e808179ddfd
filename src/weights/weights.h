/*
 * Weight files: named tensors in files mapped read-only.
 *
 * wc_weights_open() sniffs the format from the content and asks the format table
 * (weights/formats.c): safetensors, PyTorch's zip, TorchScript and old pickle files, an index of
 * shards (*.index.json); a folder (a model's, or a hub cache's models--NAME) stands for the
 * preferred file in it. Whatever the file calls its tensors (module. prefixes, Hugging Face
 * transformers' CLIPModel), after opening the names and shapes are open_clip's. Tensors are used in
 * place; those that are not row-major or had to be joined or transposed are copied once, at
 * opening, and the set owns the copies.
 *
 * Nothing in a file is trusted: every length is checked before use, pickles are interpreted as data
 * by an allow-list (weights/pickle.h) and nothing is executed. Errors are WC_ERR_DATA with a fault
 * word: empty, not-found, not-a-file, unknown-format, git-lfs-pointer, html-page, unsupported,
 * truncated, bad-header, bad-offsets, size-mismatch, bad-shape, unsupported-dtype, duplicate-key,
 * non-finite, missing-tensor, unexpected-tensor, missing-storage, missing-shard, bad-archive,
 * bad-entry-name, bad-checksum, compressed, bad-pickle, forbidden-global. A set without tensors is
 * missing-tensor, one in which a CLIP weight is of an integer type unsupported-dtype; whether the
 * tensors make up a model is the model layer's question. A set is immutable after opening and may
 * be read by any number of threads.
 */
#ifndef WC_WEIGHTS_WEIGHTS_H
#define WC_WEIGHTS_WEIGHTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WC_MAX_DIMS 8

enum wc_dtype {
    WC_F32,
    WC_F16,
    WC_BF16,
    WC_F64,
    WC_I64,
    WC_I32,
    WC_I16,
    WC_I8,
    WC_U8,
    WC_BOOL,
    WC_N_DTYPES
};

size_t wc_dtype_size(enum wc_dtype dtype);      // bytes of one element
const char *wc_dtype_name(enum wc_dtype dtype); // safetensors' name: "F32", "BF16", ...

struct wc_tensor_info {
    const char *name;
    enum wc_dtype dtype;
    size_t n_dims;
    size_t dim[WC_MAX_DIMS];
    size_t n_elements;
    const unsigned char *data; // row-major, little-endian, in the mapping or a copy of the set; not
                               // necessarily aligned
    size_t n_bytes;
};

struct wc_weights;

// The name of the weights that are part of the program: a safetensors file like any other
// (src/demo). A file that is called so is named by "./demo".
#define WC_WEIGHTS_DEMO "demo"

enum wc_err wc_weights_open(const char *path, struct wc_weights **out, struct wc_error *err);
void wc_weights_free(struct wc_weights **weights);

const char *wc_weights_path(const struct wc_weights *weights);
// "safetensors", "torch-zip", "torchscript", "torch-legacy" or "sharded".
const char *wc_weights_format(const struct wc_weights *weights);
// Who named the tensors and laid out the file: "openai-torchscript", "open_clip", "huggingface" or
// "unknown" (no CLIP names at all). The activation follows from "openai-torchscript" (QuickGELU)
// alone; for the others a configuration or a known hash must say it, since OpenAI's weights are
// also passed on under open_clip's and Hugging Face's names.
const char *wc_weights_origin(const struct wc_weights *weights);
// Text of an open_clip or Hugging Face configuration: from the metadata ("open_clip_config"), else
// beside the file (NAME.json, open_clip_config.json, config.json, model.json). NULL: none. It is
// JSON with model_cfg, vision_cfg or vision_config, no more is checked; in a folder of several
// models it may be another one's: take heads and activation from it, check sizes against the
// tensors.
const char *wc_weights_config_json(const struct wc_weights *weights);
// The file that the text is from; NULL: from the metadata, or there is none.
const char *wc_weights_config_path(const struct wc_weights *weights);
// SHA-256 of the file's bytes in hex (of a sharded set: of index and shards, one after the other);
// reads the whole file (seconds for a gigabyte), so it is asked for, not automatic.
enum wc_err wc_weights_sha256(const struct wc_weights *weights, char hex[65], struct wc_error *err);

// A published file by its SHA-256 (64 lower-case hex digits): which model, which training, which
// activation. NULL: not a known one.
struct wc_known_weights {
    const char *sha256;   // all 64 digits, or the first 8 where no more was published
    const char *arch;     // "ViT-B-16-plus-240"
    const char *training; // "laion400m_e31", "openai"
    bool quick_gelu;
};
const struct wc_known_weights *wc_weights_known(const char *sha256);

size_t wc_weights_n_tensors(const struct wc_weights *weights);
const struct wc_tensor_info *wc_weights_at(const struct wc_weights *weights,
                                           size_t i); // sorted by name
const struct wc_tensor_info *wc_weights_find(const struct wc_weights *weights,
                                             const char *name); // NULL: absent
const char *wc_weights_meta(const struct wc_weights *weights,
                            const char *key); // __metadata__ entry; NULL: absent. OpenAI's files:
                                              // input_resolution, context_length, vocab_size

// The tensor as float32 in out[n_elements] (f16 and bf16 are widened exactly, f64 rounded). NaN or
// infinity is the fault "non-finite" and names file, tensor and index. `path` is used in messages.
enum wc_err wc_tensor_to_f32(const char *path, const struct wc_tensor_info *t, float *out,
                             struct wc_error *err);

// The same check of the values alone.
enum wc_err wc_tensor_check_finite(const char *path, const struct wc_tensor_info *t,
                                   struct wc_error *err);

// Elements [at, at + n) of a floating tensor as `to` (WC_F32, WC_F16 or WC_BF16) into out, rounded
// once to nearest even. Faults: "non-finite"; "out-of-range", naming the tensor, for a value that
// rounds beyond the largest of the type.
enum wc_err wc_tensor_narrow(const char *path, const struct wc_tensor_info *t, size_t at, size_t n,
                             enum wc_dtype to, void *out, struct wc_error *err);

// Checks a shape: fault "bad-shape", text with tensor, found and needed shape and `needed_by`
// ("ViT-B-16-plus-240").
enum wc_err wc_tensor_check_shape(const char *path, const struct wc_tensor_info *t, size_t n_dims,
                                  const size_t *dim, const char *needed_by, struct wc_error *err);

// "[896,640]" into text[n].
void wc_shape_text(size_t n_dims, const size_t *dim, char *text, size_t n);

/*
 * Writing safetensors: metadata and declarations of all tensors, then the data in the order
 * declared, each tensor in one piece or several (which do not reach into the next tensor); the file
 * appears under its name at commit only. Misuse (a name twice, too much or too little data) is
 * WC_ERR_BUG. A writer belongs to one thread.
 */
struct wc_st_writer;
enum wc_err wc_st_writer_new(const char *path, struct wc_st_writer **out, struct wc_error *err);
enum wc_err wc_st_writer_meta(struct wc_st_writer *w, const char *key, const char *value,
                              struct wc_error *err);
enum wc_err wc_st_writer_declare(struct wc_st_writer *w, const char *name, enum wc_dtype dtype,
                                 size_t n_dims, const size_t *dim, struct wc_error *err);
enum wc_err wc_st_writer_data(struct wc_st_writer *w, const void *data, size_t n_bytes,
                              struct wc_error *err);
enum wc_err wc_st_writer_commit(struct wc_st_writer *w, struct wc_error *err);
void wc_st_writer_free(struct wc_st_writer **w); // discards what was not committed

#endif
