#include "weights/pickle_globals.h"

#include <string.h>

// Names from PyTorch's torch/serialization.py, torch/_utils.py and torch/jit/_pickle.py.
static const struct wc_pk_global globals[] = {
    {"collections", "OrderedDict", WC_ROLE_ORDERED, 0},
    {"torch._utils", "_rebuild_tensor_v2", WC_ROLE_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor", WC_ROLE_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", WC_ROLE_PARAMETER, 0},
    {"torch._utils", "_rebuild_parameter_with_state", WC_ROLE_PARAMETER, 0},
    {"torch.nn.parameter", "Parameter", WC_ROLE_PARAMETER, 0},
    {"torch", "Size", WC_ROLE_SIZE, 0},
    {"torch", "device", WC_ROLE_DEVICE, 0},
    {"torch", "FloatStorage", WC_ROLE_STORAGE, WC_F32},
    {"torch", "HalfStorage", WC_ROLE_STORAGE, WC_F16},
    {"torch", "BFloat16Storage", WC_ROLE_STORAGE, WC_BF16},
    {"torch", "DoubleStorage", WC_ROLE_STORAGE, WC_F64},
    {"torch", "LongStorage", WC_ROLE_STORAGE, WC_I64},
    {"torch", "IntStorage", WC_ROLE_STORAGE, WC_I32},
    {"torch", "ShortStorage", WC_ROLE_STORAGE, WC_I16},
    {"torch", "CharStorage", WC_ROLE_STORAGE, WC_I8},
    {"torch", "ByteStorage", WC_ROLE_STORAGE, WC_U8},
    {"torch", "BoolStorage", WC_ROLE_STORAGE, WC_BOOL},
    {"torch.cuda", "FloatStorage", WC_ROLE_STORAGE, WC_F32},
    {"torch.cuda", "HalfStorage", WC_ROLE_STORAGE, WC_F16},
    {"torch.cuda", "BFloat16Storage", WC_ROLE_STORAGE, WC_BF16},
    {"torch.cuda", "DoubleStorage", WC_ROLE_STORAGE, WC_F64},
    {"torch.cuda", "LongStorage", WC_ROLE_STORAGE, WC_I64},
    {"torch.cuda", "IntStorage", WC_ROLE_STORAGE, WC_I32},
    {"torch", "ComplexFloatStorage", WC_ROLE_UNREAD, 0},
    {"torch", "ComplexDoubleStorage", WC_ROLE_UNREAD, 0},
    {"torch", "QInt8Storage", WC_ROLE_UNREAD, 0},
    {"torch", "QUInt8Storage", WC_ROLE_UNREAD, 0},
    {"torch", "QInt32Storage", WC_ROLE_UNREAD, 0},
    {"torch", "QUInt4x2Storage", WC_ROLE_UNREAD, 0},
    {"torch", "QUInt2x4Storage", WC_ROLE_UNREAD, 0},
    {"torch.storage", "UntypedStorage", WC_ROLE_UNREAD, 0},
    {"torch._utils", "_rebuild_qtensor", WC_ROLE_UNREAD, 0},
    {"torch._utils", "_rebuild_tensor_v3", WC_ROLE_UNREAD, 0}, // types newer than the storages
    {"torch", "float32", WC_ROLE_DTYPE, 0},
    {"torch", "float16", WC_ROLE_DTYPE, 0},
    {"torch", "bfloat16", WC_ROLE_DTYPE, 0},
    {"torch", "float64", WC_ROLE_DTYPE, 0},
    {"torch", "int64", WC_ROLE_DTYPE, 0},
    {"torch", "int32", WC_ROLE_DTYPE, 0},
    {"torch.jit._pickle", "build_intlist", WC_ROLE_FIRST, 0},
    {"torch.jit._pickle", "build_doublelist", WC_ROLE_FIRST, 0},
    {"torch.jit._pickle", "build_boollist", WC_ROLE_FIRST, 0},
    {"torch.jit._pickle", "build_tensorlist", WC_ROLE_FIRST, 0},
    {"torch.jit._pickle", "restore_type_tag", WC_ROLE_FIRST, 0},
    {"__torch__", NULL, WC_ROLE_CLASS, 0}, // any name; only where classes are allowed
};
#define N_GLOBALS (sizeof(globals) / sizeof(*globals))

const struct wc_pk_global *wc_pk_global(size_t i) {
    return i < N_GLOBALS ? &globals[i] : NULL;
}

static bool same(const char *text, size_t n, const char *s) {
    return strlen(s) == n && memcmp(text, s, n) == 0;
}

int wc_pk_find_global(const char *module, size_t n_module, const char *name, size_t n_name,
                      bool classes) {
    for (size_t i = 0; i < N_GLOBALS; i++) {
        const struct wc_pk_global *g = &globals[i];
        size_t n = strlen(g->module);
        bool is_class = g->role == WC_ROLE_CLASS;
        if (is_class && classes && n_module > n && memcmp(module, g->module, n) == 0 &&
            module[n] == '.') // a class of a nested module: __torch__.torch.nn.modules...
            return (int)i;
        if (same(module, n_module, g->module) && (is_class ? classes : same(name, n_name, g->name)))
            return (int)i;
    }
    return -1;
}
