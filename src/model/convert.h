/*
 * A model's weights as one safetensors file under open_clip's names, whatever file they come from.
 */
#ifndef WC_MODEL_CONVERT_H
#define WC_MODEL_CONVERT_H

#include "model/model.h"

// Writes the tensors of `model` (opened from a file, possibly just inspected) to `path`, as
// `dtype`: F32, F16 or BF16, rounded once to nearest even; WC_N_DTYPES keeps each tensor's type
// (float64 becomes float32). The metadata says what is known: configuration, activation, merges
// file, and the source with its hash. Nothing appears under `path` unless all succeeded. Faults:
// "out-of-range" names the tensor that the type cannot hold.
enum wc_err wc_model_convert(const struct wc_model *model, enum wc_dtype dtype, const char *path,
                             struct wc_error *err);

#endif
