/*
 * 8-connected components of a mask (union-find over two rows' neighbours; holes stay holes).
 */
#ifndef WC_EVAL_COMPONENTS_H
#define WC_EVAL_COMPONENTS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

// label (h, w): 0 outside, 1..n inside, numbered by first pixel in row-major order; *n components.
enum wc_err wc_components(const uint8_t *mask, size_t h, size_t w, uint32_t *label, uint32_t *n,
                          struct wc_error *err);

#endif
