/*
 * The globals that a pickle may name: private to the pickle interpreter.
 */
#ifndef WC_WEIGHTS_PICKLE_GLOBALS_H
#define WC_WEIGHTS_PICKLE_GLOBALS_H

#include "weights/weights.h"

#include <stdbool.h>
#include <stddef.h>

// What a global is to this program.
enum wc_pk_role {
    WC_ROLE_STORAGE,   // a storage class; dtype counts
    WC_ROLE_UNREAD,    // a storage class or element type that cannot be read
    WC_ROLE_DTYPE,     // torch.float16: a value of no importance
    WC_ROLE_ORDERED,   // OrderedDict: () -> dict
    WC_ROLE_TENSOR,    // _rebuild_tensor(_v2): arguments -> tensor
    WC_ROLE_PARAMETER, // _rebuild_parameter, Parameter: (tensor, ...) -> tensor
    WC_ROLE_FIRST,     // TorchScript's typed lists: (list, ...) -> list
    WC_ROLE_SIZE,      // torch.Size: (tuple) -> tuple
    WC_ROLE_DEVICE,    // torch.device: arguments -> none
    WC_ROLE_CLASS      // __torch__.*: arguments -> object
};

struct wc_pk_global {
    const char *module;
    const char *name; // NULL: any
    enum wc_pk_role role;
    enum wc_dtype dtype;
};

// Row of the table of globals; NULL: past its end.
const struct wc_pk_global *wc_pk_global(size_t i);

// The row of module.name (each with its length), or -1. `classes`: are TorchScript's classes
// allowed?
int wc_pk_find_global(const char *module, size_t n_module, const char *name, size_t n_name,
                      bool classes);

#endif
