/*
 * Memory that belongs to the calling thread until it ends: for temporaries of matrix products whose
 * size only the library that multiplies knows. It grows to the largest request and stays.
 */
#ifndef WC_TENSOR_THREAD_SCRATCH_H
#define WC_TENSOR_THREAD_SCRATCH_H

#include <stddef.h>

// Independent pieces of memory of one thread.
enum wc_scratch_use {
    WC_SCRATCH_LIBRARY,
    WC_SCRATCH_DENSE_INPUT,
    WC_SCRATCH_DENSE_OUTPUT,
    WC_SCRATCH_INPUT,
    WC_SCRATCH_OUTPUT,
    WC_N_SCRATCH_USES
};

// At least n bytes, 64-byte aligned, of any content, valid until the thread's next call for the
// same use; NULL when memory is out.
void *wc_thread_scratch(enum wc_scratch_use use, size_t n_bytes);

#endif
