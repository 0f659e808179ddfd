/*
 * Scores in order, shared by the exact metrics and the bootstrap. Private to eval.
 */
#ifndef WC_EVAL_SORTED_H
#define WC_EVAL_SORTED_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

// Sorts items by their upper 32 bits, ascending, stable. Returns where the result is: items or
// scratch (both (n)).
uint64_t *wc_sort_items(uint64_t *items, uint64_t *scratch, size_t n);

// items[i] = key of scores[i] << 32 | (labels[i] != 0); NaN or infinity is fault "non-finite".
enum wc_err wc_image_items(const float *scores, const uint8_t *labels, size_t n, uint64_t *items,
                           uint64_t *n_anomalous, struct wc_error *err);

#endif
