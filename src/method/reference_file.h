/*
 * Features of reference images in safetensors files: one image a file in a run's `features` folder,
 * or a bank of several (`winclip-mpi features --bank`), built once and used for months.
 *
 * Tensors PREFIXpatch, PREFIXpatch_post, PREFIXpatch_proj (n_tiles * cells, width) and
 * PREFIXwindowK (n_tiles * windows, e), unit rows; of a backbone PREFIXlayerI (n_tiles * cells,
 * channels) and PREFIXpooled (n_tiles, channels); PREFIXhidden (n_tiles * 3 * cells, width) as they
 * are; those that a request does not want are left out.
 * The metadata entry `key` says what the features depend on: program version of the layout, model,
 * arithmetic, preprocessing.
 */
#ifndef WC_METHOD_REFERENCE_FILE_H
#define WC_METHOD_REFERENCE_FILE_H

#include "method/scorer.h"
#include "weights/weights.h"

// What features depend on besides the picture: equal text, equal features.
enum wc_err wc_reference_key(const struct wc_model *model, const char *weights_sha256,
                             enum wc_tile_mode mode, bool exif_apply, const char *precision,
                             struct wc_buf *out, struct wc_error *err);

// Declares a reference's tensors, and gives their data; all declarations of a file come before all
// data.
enum wc_err wc_reference_declare(struct wc_st_writer *w, const char *prefix,
                                 const struct wc_model *model, const struct wc_request *request,
                                 size_t n_tiles, struct wc_error *err);
enum wc_err wc_reference_data(struct wc_st_writer *w, const struct wc_model *model,
                              const struct wc_request *request,
                              const struct wc_reference *reference, struct wc_error *err);

// One reference as a file of its own. `key` becomes its metadata.
enum wc_err wc_reference_write(const char *path, const char *key, const struct wc_model *model,
                               const struct wc_request *request,
                               const struct wc_reference *reference, struct wc_error *err);

// Points a view into an open file. Faults: missing-tensor, bad-shape, other-model (its key is not
// `key`; NULL: any).
enum wc_err wc_reference_view(const struct wc_weights *file, const char *prefix, const char *key,
                              const struct wc_model *model, const struct wc_request *request,
                              struct wc_reference *out, struct wc_error *err);

// How many references a bank holds (tensors "ref.0.", "ref.1.", ...); 0: it is no bank.
size_t wc_bank_size(const struct wc_weights *file);

#endif
