/*
 * The self-test of a matrix-product backend at start: some builds of OpenBLAS return wrong numbers
 * on processors newer than they are.
 */
#ifndef WC_TENSOR_GEMM_CHECK_H
#define WC_TENSOR_GEMM_CHECK_H

#include "tensor/gemm_backend.h"

// WC_ERR_CONFIG with the backend's cure when any product is not exact: in float32 the plain ones
// and packed ones, else those of weights packed in the precision. About 40 ms.
enum wc_err wc_gemm_check(const struct wc_gemm_backend *backend, enum wc_precision precision,
                          const char *description, struct wc_error *err);

#endif
