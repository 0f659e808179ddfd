/*
 * Tensor names: whatever the file calls them, after opening they are open_clip's. Private to
 * src/weights.
 *
 * - `module.` (DistributedDataParallel) and `_orig_mod.` (torch.compile) before all names go;
 * - `text.` before the text tower's names (open_clip's CustomTextCLIP) goes;
 * - Hugging Face transformers' CLIPModel names are translated: q, k and v are joined, the two
 *   projections transposed (a linear layer's weight there, a matrix to multiply by here),
 *   position_ids dropped;
 * - the integers input_resolution, context_length, vocab_size of OpenAI's files become metadata.
 */
#ifndef WC_WEIGHTS_NAMING_H
#define WC_WEIGHTS_NAMING_H

#include "weights/set.h"

// Renames the tensors of a complete set and fills its origin. Faults: "missing-tensor" (a part of
// q, k, v), "bad-shape", "unsupported-dtype" (parts of different types), "duplicate-key".
enum wc_err wc_naming_apply(struct wc_weights *w, struct wc_error *err);

#endif
