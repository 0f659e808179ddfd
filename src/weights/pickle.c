#include "weights/pickle.h"

#include "base/alloc.h"
#include "weights/format.h"
#include "weights/pickle_globals.h"

#include <string.h>

#define MAX_PICKLE (64u << 20) // bytes; the pickle of a large training checkpoint has a few million
#define MAX_PROTOCOL 5
#define MARK (UINT32_MAX - 1) // on the stack only
#define FREE_VALUES 1024      // besides one for each two bytes

struct machine {
    const struct wc_pk_options *options;
    const unsigned char *bytes;
    size_t n, at; // at: of the next byte
    size_t op_at; // of the opcode being interpreted
    const char *op_name;
    uint32_t *stack;
    size_t n_stack, cap_stack;
    uint32_t *memo; // value + 1; 0: not stored
    size_t n_memo, cap_memo, n_memoised;
    struct wc_pickle *p;
    uint32_t none, no, yes, empty_tuple; // shared constants
    bool stopped;
    struct wc_error *err;
};

// An opcode's argument, read and checked to lie in the bytes.
struct arg {
    uint64_t u;
    int64_t i;
    double f;
    uint32_t text, n; // range of bytes
    uint32_t text2, n2;
};

static enum wc_err bad(struct machine *m, const char *what) {
    return WC_FAULT(m->err, WC_ERR_DATA, "bad-pickle", "%s: %s, byte %zu, %s: %s", m->options->path,
                    m->options->what, m->op_at, m->op_name, what);
}

static enum wc_err cut(struct machine *m) {
    return WC_FAULT(m->err, WC_ERR_DATA, m->options->cut_fault,
                    "%s: %s, byte %zu, %s: the pickle ends early, at byte %zu; get the file again",
                    m->options->path, m->options->what, m->op_at, m->op_name, m->n);
}

static enum wc_err new_value(struct machine *m, struct wc_pk_value v, uint32_t *i) {
    struct wc_pickle *p = m->p;
    if (p->n_values >= FREE_VALUES + m->at / 2)
        return bad(m, "more objects than a checkpoint of this size can have");
    WC_TRY(WC_GROW(&p->value, &p->cap_values, p->n_values + 1, "pickle: values", m->err));
    p->value[p->n_values] = v;
    *i = (uint32_t)p->n_values++;
    return WC_OK;
}

static enum wc_err push(struct machine *m, uint32_t i) {
    WC_TRY(WC_GROW(&m->stack, &m->cap_stack, m->n_stack + 1, "pickle: stack", m->err));
    m->stack[m->n_stack++] = i;
    return WC_OK;
}

static enum wc_err push_new(struct machine *m, struct wc_pk_value v) {
    uint32_t i = 0;
    WC_TRY(new_value(m, v, &i));
    return push(m, i);
}

static enum wc_err pop(struct machine *m, uint32_t *i) {
    if (m->n_stack == 0 || m->stack[m->n_stack - 1] == MARK)
        return bad(m, "needs a value, the stack has none");
    *i = m->stack[--m->n_stack];
    return WC_OK;
}

// Stack height right above the topmost mark.
static enum wc_err find_mark(struct machine *m, size_t *above) {
    for (size_t i = m->n_stack; i > 0; i--) {
        if (m->stack[i - 1] == MARK) {
            *above = i;
            return WC_OK;
        }
    }
    return bad(m, "needs a mark, the stack has none");
}

static enum wc_err append(struct machine *m, uint32_t container, uint32_t value) {
    struct wc_pickle *p = m->p;
    WC_TRY(WC_GROW(&p->cell, &p->cap_cells, p->n_cells + 1, "pickle: cells", m->err));
    uint32_t i = (uint32_t)p->n_cells++;
    p->cell[i] = (struct wc_pk_cell){value, WC_PK_NO_VALUE};
    struct wc_pk_value *v = &p->value[container];
    if (v->n++ == 0)
        v->u.cells.head = i;
    else
        p->cell[v->u.cells.tail].next = i;
    v->u.cells.tail = i;
    return WC_OK;
}

// Moves what lies at stack[from..] into a container.
static enum wc_err collect(struct machine *m, uint32_t container, size_t from) {
    for (size_t i = from; i < m->n_stack; i++) {
        if (m->stack[i] == MARK)
            return bad(m, "needs values, there is a mark between them");
        WC_TRY(append(m, container, m->stack[i]));
    }
    m->n_stack = from;
    return WC_OK;
}

static enum wc_err push_container(struct machine *m, enum wc_pk_type type, size_t from) {
    uint32_t i = 0;
    if (type == WC_PK_TUPLE && from == m->n_stack)
        return push(m, m->empty_tuple);
    WC_TRY(new_value(m, (struct wc_pk_value){.type = type}, &i));
    WC_TRY(collect(m, i, from));
    return push(m, i);
}

// ---- opcodes

static enum wc_err op_proto(struct machine *m, const struct arg *a) {
    return a->u <= MAX_PROTOCOL ? WC_OK : bad(m, "protocol above 5; save it again with torch.save");
}

static enum wc_err op_frame(struct machine *m, const struct arg *a) {
    return a->u <= m->n - m->at ? WC_OK : cut(m);
}

static enum wc_err op_stop(struct machine *m, const struct arg *a) {
    (void)a;
    WC_TRY(pop(m, &m->p->root));
    if (m->n_stack != 0)
        return bad(m, "values are left on the stack");
    m->stopped = true;
    return WC_OK;
}

static enum wc_err op_mark(struct machine *m, const struct arg *a) {
    (void)a;
    return push(m, MARK);
}

static enum wc_err op_pop(struct machine *m, const struct arg *a) {
    (void)a;
    if (m->n_stack == 0)
        return bad(m, "the stack is empty");
    m->n_stack--; // also a mark, as in Python
    return WC_OK;
}

static enum wc_err op_pop_mark(struct machine *m, const struct arg *a) {
    (void)a;
    size_t above = 0;
    WC_TRY(find_mark(m, &above));
    m->n_stack = above - 1;
    return WC_OK;
}

static enum wc_err op_dup(struct machine *m, const struct arg *a) {
    (void)a;
    uint32_t i = 0;
    WC_TRY(pop(m, &i));
    WC_TRY(push(m, i));
    return push(m, i);
}

static enum wc_err op_none(struct machine *m, const struct arg *a) {
    (void)a;
    return push(m, m->none);
}

static enum wc_err op_true(struct machine *m, const struct arg *a) {
    (void)a;
    return push(m, m->yes);
}

static enum wc_err op_false(struct machine *m, const struct arg *a) {
    (void)a;
    return push(m, m->no);
}

static enum wc_err op_int(struct machine *m, const struct arg *a) {
    return push_new(m, (struct wc_pk_value){.type = WC_PK_INT, .u.i = a->i});
}

static enum wc_err op_float(struct machine *m, const struct arg *a) {
    return push_new(m, (struct wc_pk_value){.type = WC_PK_FLOAT, .u.f = a->f});
}

// LONG1, LONG4: two's complement, little-endian.
static enum wc_err op_long(struct machine *m, const struct arg *a) {
    const unsigned char *p = m->bytes + a->text;
    if (a->n > 8)
        return push_new(m,
                        (struct wc_pk_value){.type = WC_PK_BIGINT, .n = a->n, .u.text = a->text});
    uint64_t u = a->n > 0 && p[a->n - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = a->n; i > 0; i--)
        u = u << 8 | p[i - 1];
    int64_t v;
    memcpy(&v, &u, sizeof(v));
    return push_new(m, (struct wc_pk_value){.type = WC_PK_INT, .u.i = v});
}

static enum wc_err op_str(struct machine *m, const struct arg *a) {
    return push_new(m, (struct wc_pk_value){.type = WC_PK_STR, .n = a->n, .u.text = a->text});
}

static enum wc_err op_bytes(struct machine *m, const struct arg *a) {
    return push_new(m, (struct wc_pk_value){.type = WC_PK_BYTES, .n = a->n, .u.text = a->text});
}

static enum wc_err op_empty_list(struct machine *m, const struct arg *a) {
    (void)a;
    return push_new(m, (struct wc_pk_value){.type = WC_PK_LIST});
}

static enum wc_err op_empty_dict(struct machine *m, const struct arg *a) {
    (void)a;
    return push_new(m, (struct wc_pk_value){.type = WC_PK_DICT});
}

static enum wc_err op_empty_tuple(struct machine *m, const struct arg *a) {
    (void)a;
    return push(m, m->empty_tuple);
}

static enum wc_err from_mark(struct machine *m, enum wc_pk_type type) {
    size_t above = 0;
    WC_TRY(find_mark(m, &above));
    if (type == WC_PK_DICT && (m->n_stack - above) % 2 != 0)
        return bad(m, "a key without a value");
    // The mark's place is taken by the first member; shift it out.
    memmove(m->stack + above - 1, m->stack + above, (m->n_stack - above) * sizeof(*m->stack));
    m->n_stack--;
    return push_container(m, type, above - 1);
}

static enum wc_err op_tuple(struct machine *m, const struct arg *a) {
    (void)a;
    return from_mark(m, WC_PK_TUPLE);
}

static enum wc_err op_list(struct machine *m, const struct arg *a) {
    (void)a;
    return from_mark(m, WC_PK_LIST);
}

static enum wc_err op_dict(struct machine *m, const struct arg *a) {
    (void)a;
    return from_mark(m, WC_PK_DICT);
}

static enum wc_err tuple_of(struct machine *m, size_t n) {
    if (m->n_stack < n)
        return bad(m, "needs more values than the stack has");
    return push_container(m, WC_PK_TUPLE, m->n_stack - n);
}

static enum wc_err op_tuple1(struct machine *m, const struct arg *a) {
    (void)a;
    return tuple_of(m, 1);
}

static enum wc_err op_tuple2(struct machine *m, const struct arg *a) {
    (void)a;
    return tuple_of(m, 2);
}

static enum wc_err op_tuple3(struct machine *m, const struct arg *a) {
    (void)a;
    return tuple_of(m, 3);
}

// stack[from..] go into the container below `at` entries from the top of what remains.
static enum wc_err add_members(struct machine *m, enum wc_pk_type type, size_t from, size_t below) {
    if (below == 0 || m->stack[below - 1] == MARK)
        return bad(m, "there is no container to fill");
    uint32_t container = m->stack[below - 1];
    enum wc_pk_type found = m->p->value[container].type;
    if (found != type)
        return bad(m, type == WC_PK_DICT ? "fills something that is not a dict"
                                         : "fills something that is not a list");
    if (type == WC_PK_DICT && (m->n_stack - from) % 2 != 0)
        return bad(m, "a key without a value");
    WC_TRY(collect(m, container, from));
    m->n_stack = below;
    return WC_OK;
}

static enum wc_err op_append(struct machine *m, const struct arg *a) {
    (void)a;
    if (m->n_stack < 2)
        return bad(m, "needs a list and a value");
    return add_members(m, WC_PK_LIST, m->n_stack - 1, m->n_stack - 1);
}

static enum wc_err op_setitem(struct machine *m, const struct arg *a) {
    (void)a;
    if (m->n_stack < 3)
        return bad(m, "needs a dict, a key and a value");
    return add_members(m, WC_PK_DICT, m->n_stack - 2, m->n_stack - 2);
}

static enum wc_err op_appends(struct machine *m, const struct arg *a) {
    (void)a;
    size_t above = 0;
    WC_TRY(find_mark(m, &above));
    return add_members(m, WC_PK_LIST, above, above - 1);
}

static enum wc_err op_setitems(struct machine *m, const struct arg *a) {
    (void)a;
    size_t above = 0;
    WC_TRY(find_mark(m, &above));
    return add_members(m, WC_PK_DICT, above, above - 1);
}

static enum wc_err put(struct machine *m, uint64_t index) {
    if (m->n_stack == 0 || m->stack[m->n_stack - 1] == MARK)
        return bad(m, "there is no value to remember");
    // Picklers count up, so that an index is never above the bytes before it.
    if (index > m->at)
        return bad(m, "a memo index that no pickler writes");
    WC_TRY(WC_GROW(&m->memo, &m->cap_memo, (size_t)index + 1, "pickle: memo", m->err));
    if (index >= m->n_memo)
        m->n_memo = (size_t)index + 1;
    m->memo[index] = m->stack[m->n_stack - 1] + 1;
    m->n_memoised++;
    return WC_OK;
}

static enum wc_err op_put(struct machine *m, const struct arg *a) {
    return put(m, a->u);
}

static enum wc_err op_memoize(struct machine *m, const struct arg *a) {
    (void)a;
    return put(m, m->n_memoised);
}

static enum wc_err op_get(struct machine *m, const struct arg *a) {
    if (a->u >= m->n_memo || m->memo[a->u] == 0)
        return bad(m, "refers to a memo entry that was never stored");
    return push(m, m->memo[a->u] - 1);
}

// A name in a message: at most 100 bytes, nothing that could disturb a terminal.
static void printable(const struct machine *m, uint32_t text, uint32_t n, char out[101]) {
    size_t k = n < 100 ? n : 100;
    for (size_t i = 0; i < k; i++) {
        unsigned char c = m->bytes[text + i];
        out[i] = c >= 0x20 && c < 0x7F ? (char)c : '?';
    }
    out[k] = 0;
}

static enum wc_err push_global(struct machine *m, const struct arg *a) {
    const char *text = (const char *)m->bytes;
    int i =
        wc_pk_find_global(text + a->text, a->n, text + a->text2, a->n2, m->options->allow_classes);
    if (i >= 0)
        return push_new(m, (struct wc_pk_value){.type = WC_PK_GLOBAL, .u.global = (uint32_t)i});
    char module[101], name[101];
    printable(m, a->text, a->n, module);
    printable(m, a->text2, a->n2, name);
    return WC_FAULT(m->err, WC_ERR_DATA, "forbidden-global",
                    "%s: %s asks for %s.%s, which is not tensor data and was not run; do not trust "
                    "this file, or save only its state_dict",
                    m->options->path, m->options->what, module, name);
}

static enum wc_err op_global(struct machine *m, const struct arg *a) {
    return push_global(m, a);
}

// INST is GLOBAL and a call in one; what it may name is the same, but no torch file has it.
static enum wc_err op_inst(struct machine *m, const struct arg *a) {
    WC_TRY(push_global(m, a));
    return bad(m, "this opcode is not written by PyTorch");
}

static enum wc_err op_stack_global(struct machine *m, const struct arg *a) {
    (void)a;
    uint32_t module = 0, name = 0;
    WC_TRY(pop(m, &name));
    WC_TRY(pop(m, &module));
    const struct wc_pk_value *v = &m->p->value[module], *w = &m->p->value[name];
    if (v->type != WC_PK_STR || w->type != WC_PK_STR)
        return bad(m, "module and name must be strings");
    struct arg both = {.text = v->u.text, .n = v->n, .text2 = w->u.text, .n2 = w->n};
    return push_global(m, &both);
}

static enum wc_err rebuild_parameter(struct machine *m, uint32_t args) {
    uint32_t tensor = WC_PK_NO_VALUE;
    if (m->p->value[args].n == 0 || (tensor = m->p->cell[m->p->value[args].u.cells.head].value,
                                     m->p->value[tensor].type != WC_PK_TENSOR))
        return bad(m, "a parameter must be made from a tensor");
    return push(m, tensor);
}

// The "call" of a known global.
static enum wc_err call(struct machine *m, const struct wc_pk_global *g, uint32_t args) {
    const struct wc_pickle *p = m->p;
    size_t n = p->value[args].n;
    uint32_t first = n > 0 ? p->cell[p->value[args].u.cells.head].value : WC_PK_NO_VALUE;
    switch (g->role) {
    case WC_ROLE_ORDERED:
        if (n != 0)
            return bad(m, "OrderedDict with arguments");
        return push_new(m, (struct wc_pk_value){.type = WC_PK_DICT});
    case WC_ROLE_TENSOR:
        if (n < 4 || n > 7 || p->value[first].type != WC_PK_STORAGE)
            return bad(m, "a tensor must be made from storage, offset, shape and strides");
        return push_new(m, (struct wc_pk_value){.type = WC_PK_TENSOR, .u.a = args});
    case WC_ROLE_PARAMETER:
        return rebuild_parameter(m, args);
    case WC_ROLE_FIRST:
    case WC_ROLE_SIZE:
        return n > 0 ? push(m, first) : bad(m, "needs an argument");
    case WC_ROLE_DEVICE:
        return push(m, m->none);
    case WC_ROLE_CLASS:
        return push_new(m, (struct wc_pk_value){.type = WC_PK_OBJECT, .u.a = WC_PK_NO_VALUE});
    case WC_ROLE_UNREAD:
        return WC_FAULT(m->err, WC_ERR_DATA, "unsupported-dtype",
                        "%s: %s uses %s.%s; only plain float tensors can be read", m->options->path,
                        m->options->what, g->module, g->name);
    case WC_ROLE_STORAGE:
    case WC_ROLE_DTYPE:
        break;
    }
    return bad(m, "calls something that cannot be called");
}

static enum wc_err op_reduce(struct machine *m, const struct arg *a) {
    (void)a;
    uint32_t args = 0, callee = 0;
    WC_TRY(pop(m, &args));
    WC_TRY(pop(m, &callee));
    const struct wc_pk_value *v = &m->p->value[callee];
    if (v->type != WC_PK_GLOBAL || m->p->value[args].type != WC_PK_TUPLE)
        return bad(m, "needs a known global and a tuple of arguments");
    return call(m, wc_pk_global(v->u.global), args);
}

static enum wc_err op_newobj(struct machine *m, const struct arg *a) {
    (void)a;
    uint32_t args = 0, callee = 0;
    WC_TRY(pop(m, &args));
    WC_TRY(pop(m, &callee));
    const struct wc_pk_value *v = &m->p->value[callee];
    if (v->type != WC_PK_GLOBAL || m->p->value[args].type != WC_PK_TUPLE)
        return bad(m, "needs a known class and a tuple of arguments");
    enum wc_pk_role role = wc_pk_global(v->u.global)->role;
    if (role != WC_ROLE_CLASS && role != WC_ROLE_ORDERED && role != WC_ROLE_SIZE)
        return bad(m, "makes an object of something that is not a class");
    return call(m, wc_pk_global(v->u.global), args);
}

// Attributes: a module's are what a TorchScript archive is about; those of an OrderedDict
// (state_dict()'s _metadata) are of no importance.
static enum wc_err op_build(struct machine *m, const struct arg *a) {
    (void)a;
    uint32_t state = 0, object = 0;
    WC_TRY(pop(m, &state));
    WC_TRY(pop(m, &object));
    struct wc_pk_value *v = &m->p->value[object];
    if (v->type == WC_PK_OBJECT)
        v->u.a = state;
    else if (v->type != WC_PK_DICT)
        return bad(m, "sets attributes of something that has none");
    return push(m, object);
}

static enum wc_err op_persid(struct machine *m, const struct arg *a) {
    (void)a;
    uint32_t id = 0, member[6];
    WC_TRY(pop(m, &id));
    // ("storage", class, key, device, n_elements[, view])
    if (!wc_pk_members(m->p, id, 5, 6, member) || !wc_pk_is_text(m->p, member[0], "storage") ||
        m->p->value[member[1]].type != WC_PK_GLOBAL)
        return bad(m, "a persistent id that is not a storage");
    return push_new(m, (struct wc_pk_value){.type = WC_PK_STORAGE, .u.a = id});
}

// How an opcode's argument is written.
enum arg_kind {
    ARG_NONE,
    ARG_U1,
    ARG_U2,
    ARG_I4,
    ARG_U4,
    ARG_U8,
    ARG_F8,     // big-endian
    ARG_TEXT1,  // length in 1 byte, then bytes
    ARG_TEXT4,  // unsigned length in 4 bytes
    ARG_TEXT4S, // signed length
    ARG_TEXT8,
    ARG_LINES // two lines
};

struct opcode {
    const char *name;
    enum arg_kind arg;
    enum wc_err (*run)(struct machine *m, const struct arg *a);
};

// The allow-list: what torch.save and torch.jit.save write with protocols 2 to 5. Rows that are
// absent are refused.
static const struct opcode opcodes[256] = {
    [0x80] = {"PROTO", ARG_U1, op_proto},
    [0x95] = {"FRAME", ARG_U8, op_frame},
    ['.'] = {"STOP", ARG_NONE, op_stop},
    ['('] = {"MARK", ARG_NONE, op_mark},
    ['0'] = {"POP", ARG_NONE, op_pop},
    ['1'] = {"POP_MARK", ARG_NONE, op_pop_mark},
    ['2'] = {"DUP", ARG_NONE, op_dup},
    ['N'] = {"NONE", ARG_NONE, op_none},
    [0x88] = {"NEWTRUE", ARG_NONE, op_true},
    [0x89] = {"NEWFALSE", ARG_NONE, op_false},
    ['J'] = {"BININT", ARG_I4, op_int},
    ['K'] = {"BININT1", ARG_U1, op_int},
    ['M'] = {"BININT2", ARG_U2, op_int},
    [0x8a] = {"LONG1", ARG_TEXT1, op_long},
    [0x8b] = {"LONG4", ARG_TEXT4S, op_long},
    ['G'] = {"BINFLOAT", ARG_F8, op_float},
    ['U'] = {"SHORT_BINSTRING", ARG_TEXT1, op_str},
    ['T'] = {"BINSTRING", ARG_TEXT4S, op_str},
    ['X'] = {"BINUNICODE", ARG_TEXT4, op_str},
    [0x8c] = {"SHORT_BINUNICODE", ARG_TEXT1, op_str},
    [0x8d] = {"BINUNICODE8", ARG_TEXT8, op_str},
    ['C'] = {"SHORT_BINBYTES", ARG_TEXT1, op_bytes},
    ['B'] = {"BINBYTES", ARG_TEXT4, op_bytes},
    [0x8e] = {"BINBYTES8", ARG_TEXT8, op_bytes},
    [']'] = {"EMPTY_LIST", ARG_NONE, op_empty_list},
    ['}'] = {"EMPTY_DICT", ARG_NONE, op_empty_dict},
    [')'] = {"EMPTY_TUPLE", ARG_NONE, op_empty_tuple},
    ['l'] = {"LIST", ARG_NONE, op_list},
    ['d'] = {"DICT", ARG_NONE, op_dict},
    ['t'] = {"TUPLE", ARG_NONE, op_tuple},
    [0x85] = {"TUPLE1", ARG_NONE, op_tuple1},
    [0x86] = {"TUPLE2", ARG_NONE, op_tuple2},
    [0x87] = {"TUPLE3", ARG_NONE, op_tuple3},
    ['a'] = {"APPEND", ARG_NONE, op_append},
    ['e'] = {"APPENDS", ARG_NONE, op_appends},
    ['s'] = {"SETITEM", ARG_NONE, op_setitem},
    ['u'] = {"SETITEMS", ARG_NONE, op_setitems},
    ['q'] = {"BINPUT", ARG_U1, op_put},
    ['r'] = {"LONG_BINPUT", ARG_U4, op_put},
    [0x94] = {"MEMOIZE", ARG_NONE, op_memoize},
    ['h'] = {"BINGET", ARG_U1, op_get},
    ['j'] = {"LONG_BINGET", ARG_U4, op_get},
    ['c'] = {"GLOBAL", ARG_LINES, op_global},
    [0x93] = {"STACK_GLOBAL", ARG_NONE, op_stack_global},
    ['i'] = {"INST", ARG_LINES, op_inst},
    ['R'] = {"REDUCE", ARG_NONE, op_reduce},
    [0x81] = {"NEWOBJ", ARG_NONE, op_newobj},
    ['b'] = {"BUILD", ARG_NONE, op_build},
    ['Q'] = {"BINPERSID", ARG_NONE, op_persid},
};

// ---- the machine

// A range of `length` bytes at m->at; moves past it.
static enum wc_err take_text(struct machine *m, uint64_t length, struct arg *a) {
    if (length > m->n - m->at)
        return cut(m);
    a->text = (uint32_t)m->at;
    a->n = (uint32_t)length;
    m->at += (size_t)length;
    return WC_OK;
}

static enum wc_err take_line(struct machine *m, uint32_t *text, uint32_t *n) {
    const unsigned char *p = m->bytes + m->at, *end = memchr(p, '\n', m->n - m->at);
    if (!end)
        return cut(m);
    *text = (uint32_t)m->at;
    *n = (uint32_t)(end - p);
    m->at += *n + (size_t)1;
    return WC_OK;
}

static enum wc_err take_arg(struct machine *m, enum arg_kind kind, struct arg *a) {
    // Bytes of the number, or of the length before a text.
    static const size_t widths[] = {
        [ARG_NONE] = 0,  [ARG_U1] = 1,     [ARG_U2] = 2,    [ARG_I4] = 4,
        [ARG_U4] = 4,    [ARG_U8] = 8,     [ARG_F8] = 8,    [ARG_TEXT1] = 1,
        [ARG_TEXT4] = 4, [ARG_TEXT4S] = 4, [ARG_TEXT8] = 8, [ARG_LINES] = 0};
    size_t width = widths[kind];
    if (width > m->n - m->at)
        return cut(m);
    const unsigned char *p = m->bytes + m->at;
    uint64_t swapped = 0;
    for (size_t i = 0; i < width; i++) {
        a->u |= (uint64_t)p[i] << (8 * i);
        swapped = swapped << 8 | p[i];
    }
    m->at += width;
    a->i = (int64_t)(a->u & INT64_MAX);
    if (kind == ARG_I4 || kind == ARG_TEXT4S)
        a->i = (int64_t)(int32_t)(uint32_t)a->u;
    switch (kind) {
    case ARG_F8:
        memcpy(&a->f, &swapped, sizeof(a->f));
        return WC_OK;
    case ARG_TEXT4S:
        if (a->i < 0)
            return bad(m, "a negative length");
        return take_text(m, a->u, a);
    case ARG_TEXT1:
    case ARG_TEXT4:
    case ARG_TEXT8:
        return take_text(m, a->u, a);
    case ARG_LINES:
        WC_TRY(take_line(m, &a->text, &a->n));
        return take_line(m, &a->text2, &a->n2);
    default:
        return WC_OK;
    }
}

static enum wc_err step(struct machine *m) {
    struct arg a = {0};
    m->op_at = m->at;
    m->op_name = "opcode";
    if (m->at >= m->n)
        return cut(m);
    const struct opcode *op = &opcodes[m->bytes[m->at]];
    if (!op->run)
        return WC_FAULT(m->err, WC_ERR_DATA, "bad-pickle",
                        "%s: %s, byte %zu: opcode 0x%02x is not one that PyTorch writes for "
                        "tensors; nothing was run",
                        m->options->path, m->options->what, m->at, m->bytes[m->at]);
    m->at++;
    m->op_name = op->name;
    WC_TRY(take_arg(m, op->arg, &a));
    return op->run(m, &a);
}

static enum wc_err run(struct machine *m) {
    WC_TRY(new_value(m, (struct wc_pk_value){.type = WC_PK_NONE}, &m->none));
    WC_TRY(new_value(m, (struct wc_pk_value){.type = WC_PK_BOOL, .u.i = 0}, &m->no));
    WC_TRY(new_value(m, (struct wc_pk_value){.type = WC_PK_BOOL, .u.i = 1}, &m->yes));
    WC_TRY(new_value(m, (struct wc_pk_value){.type = WC_PK_TUPLE}, &m->empty_tuple));
    while (!m->stopped)
        WC_TRY(step(m));
    return WC_OK;
}

enum wc_err wc_pickle_run(const struct wc_pk_options *options, const unsigned char *bytes, size_t n,
                          struct wc_pickle *out, struct wc_error *err) {
    struct wc_pickle p = {.bytes = bytes};
    struct machine m = {
        .options = options, .bytes = bytes, .op_name = "opcode", .p = &p, .err = err};
    // The rest of a larger file is not the pickle's.
    m.n = n < MAX_PICKLE ? n : MAX_PICKLE;
    enum wc_err rc = run(&m);
    wc_free(m.stack);
    wc_free(m.memo);
    if (rc != WC_OK) {
        wc_pickle_release(&p);
        return rc;
    }
    p.n_used = m.at;
    *out = p;
    return WC_OK;
}
