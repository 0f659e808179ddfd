/*
 * Trans-MM (Chefer, Gur and Wolf, ICCV 2021, section 3.1): how much each patch of a vision
 * transformer weighs for a logit, from the attention maps A and their gradients.
 *
 *     R = I, then for each block in order: R += mean over heads of max(grad A * A, 0) R   (eq. 5,
 * 6)
 *
 * and the relevance of patch j is R[0, j] of the class token's row. The logit is that of the
 * abnormal against the normal prompt, (cos(f, abnormal) - cos(f, normal)) / tau with f the image
 * embedding.
 *
 * The backward pass is written out for this tower and repeats each block's forward part from the
 * trace, so that it needs the memory of one block. R's first row is built from the last block to
 * the first, in the order in which the gradients come.
 */
#ifndef WC_MODEL_RELEVANCE_H
#define WC_MODEL_RELEVANCE_H

#include "model/model.h"

struct wc_relevance;

// Scratch for one caller. WC_ERR_CONFIG: the model's image tower is no vision transformer.
enum wc_err wc_relevance_new(const struct wc_model *model, struct wc_relevance **out,
                             struct wc_error *err);
void wc_relevance_free(struct wc_relevance **r);
size_t wc_relevance_bytes(const struct wc_relevance *r);

/*
 * trace: of wc_encode_image() (WC_WANT_TRACE). prototype (2, e): unit rows, normal and abnormal.
 * all (g * g): over all blocks; last (g * g): of the last block alone; either may be NULL. gradient
 * (1 + g * g, d), which may be NULL, receives the logit's derivative by the first block's input.
 * Returns the logit.
 */
double wc_relevance_run(struct wc_relevance *r, const float *trace, const float *prototype,
                        double tau, float *all, float *last, float *gradient);

#endif
