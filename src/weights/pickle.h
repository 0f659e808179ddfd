/*
 * Python pickles as data: private to src/weights.
 *
 * A pickle is a program for a small stack machine that can call any Python function. This
 * interpreter runs the opcodes that describe data and knows a fixed list of globals (storage types,
 * the functions that rebuild a tensor, OrderedDict); "calling" one of them yields a value of the
 * matching kind and nothing else. Every other global is the fault "forbidden-global", named in the
 * message; every other opcode is "bad-pickle". Nothing is ever executed.
 *
 * Values are numbers (indices into one table); strings stay in the pickle's bytes, which must
 * outlive the result. Memory is bounded by a small multiple of those bytes: no opcode makes more
 * than one value, values may be at most half as many as bytes, and no length in the pickle is
 * allocated by. Containers hold references, so that a value which contains itself, or a bomb of
 * nested references, costs nothing until someone walks it; walkers must bound their steps.
 *
 * Source: the comments of CPython's Lib/pickletools.py, protocol 5.
 */
#ifndef WC_WEIGHTS_PICKLE_H
#define WC_WEIGHTS_PICKLE_H

#include "base/err.h"
#include "weights/weights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wc_pk_type {
    WC_PK_NONE,
    WC_PK_BOOL,
    WC_PK_INT,
    WC_PK_BIGINT, // beyond 64 bits; text: two's complement, little-endian
    WC_PK_FLOAT,
    WC_PK_STR,
    WC_PK_BYTES,
    WC_PK_TUPLE,
    WC_PK_LIST,
    WC_PK_DICT, // its cells alternate between key and value
    WC_PK_GLOBAL,
    WC_PK_STORAGE, // a: its persistent id, a tuple
    WC_PK_TENSOR,  // a: the arguments of _rebuild_tensor_v2, a tuple
    WC_PK_OBJECT,  // a: its state (attributes), or WC_PK_NO_VALUE
    WC_PK_N_TYPES
};

#define WC_PK_NO_VALUE UINT32_MAX

struct wc_pk_value {
    enum wc_pk_type type;
    uint32_t n; // cells of a container, bytes of a text
    union {
        int64_t i;
        double f;
        struct {
            uint32_t head, tail; // containers: first and last cell
        } cells;
        uint32_t text;   // offset in the pickle
        uint32_t global; // row of the table of globals
        uint32_t a;
    } u;
};

struct wc_pk_cell {
    uint32_t value, next;
};

struct wc_pickle {
    const unsigned char *bytes;
    struct wc_pk_value *value;
    size_t n_values, cap_values;
    struct wc_pk_cell *cell;
    size_t n_cells, cap_cells;
    uint32_t root;
    size_t n_used; // bytes up to and with STOP
};

struct wc_pk_options {
    const char *path;      // for messages
    const char *what;      // likewise: "data.pkl"
    const char *cut_fault; // fault when the bytes end early
    bool allow_classes;    // TorchScript: __torch__.* classes become objects
};

// Interprets the pickle at bytes[0..n), which may be followed by other bytes.
enum wc_err wc_pickle_run(const struct wc_pk_options *options, const unsigned char *bytes, size_t n,
                          struct wc_pickle *out, struct wc_error *err);
void wc_pickle_release(struct wc_pickle *p);

const char *wc_pk_type_name(enum wc_pk_type type);
const struct wc_pk_value *wc_pk_value(const struct wc_pickle *p, uint32_t i);

// Text of a STR value (not NUL-terminated), or NULL; *n is its length.
const char *wc_pk_text(const struct wc_pickle *p, uint32_t i, size_t *n);
bool wc_pk_is_text(const struct wc_pickle *p, uint32_t i, const char *text);

// Walks a container: cell numbers from the first on; WC_PK_NO_VALUE ends.
uint32_t wc_pk_first(const struct wc_pickle *p, uint32_t container);
uint32_t wc_pk_next(const struct wc_pickle *p, uint32_t cell);

// The first `max` members of a tuple or list into member[]; false unless it has between `min` and
// `max` members.
bool wc_pk_members(const struct wc_pickle *p, uint32_t i, size_t min, size_t max, uint32_t *member);

// The value of a text key in a dict; WC_PK_NO_VALUE: absent.
uint32_t wc_pk_get(const struct wc_pickle *p, uint32_t dict, const char *key);

// Element type of a storage class (a GLOBAL value); false when it is another global. *known is
// false for types that this program cannot read (complex, quantised), whose name is then *name.
bool wc_pk_storage_type(const struct wc_pickle *p, uint32_t i, enum wc_dtype *dtype, bool *known,
                        const char **name);

#endif
