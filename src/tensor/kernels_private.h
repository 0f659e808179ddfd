/*
 * The tables of the kernel files, chosen from by kernels.c alone. Those of x86-64 exist in builds
 * for it only.
 */
#ifndef WC_TENSOR_KERNELS_PRIVATE_H
#define WC_TENSOR_KERNELS_PRIVATE_H

#include "tensor/kernels.h"

extern const struct wc_kernels wc_kernels_scalar_table;
#if defined(__x86_64__)
extern const struct wc_kernels wc_kernels_avx2_table;
extern const struct wc_kernels wc_kernels_avx512_table;
#endif

#endif
