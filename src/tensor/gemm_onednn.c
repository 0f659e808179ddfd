/*
 * oneDNN 2.x and 3.x: matmul with weights in the library's blocked layout; strided and non-constant
 * matrices through its sgemm.
 *
 * The blocked products of 2.6 take rows without gaps only; others fall to a reference
 * implementation that is a hundred times slower. So gaps are closed by copies here, which cost
 * little beside a product, and float32 shapes that still have no better implementation go through
 * sgemm.
 *
 * The library parallelises by OpenMP; it is held to one thread by the calling thread's setting
 * during each call. Scratch memory belongs to the calling thread, because the library's own may be
 * used only by the thread that made the primitive.
 */
#include "tensor/gemm_backend.h"

#include "base/alloc.h"
#include "tensor/kernels.h"
#include "tensor/thread_scratch.h"

#include <assert.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

// The C API changed at 3.0: memory descriptors became handles, and a primitive is described by one
// call instead of two.
#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t layout_view;

static dnnl_status_t layout_init(layout *md, dnnl_data_type_t type, const dnnl_dims_t dims,
                                 const dnnl_dims_t strides) {
    if (strides)
        return dnnl_memory_desc_create_with_strides(md, 2, dims, type, strides);
    return dnnl_memory_desc_create_with_tag(md, 2, dims, type, dnnl_format_tag_any);
}
static layout_view layout_of(const layout *md) {
    return *md;
}
static void layout_release(layout *md) {
    if (*md)
        dnnl_memory_desc_destroy(*md);
}
static size_t layout_bytes(layout_view md) {
    return md ? dnnl_memory_desc_get_size(md) : 0;
}
static dnnl_status_t describe(dnnl_primitive_desc_t *pd, layout_view a, layout_view b,
                              layout_view bias, layout_view out, const_dnnl_primitive_attr_t attr,
                              dnnl_engine_t engine) {
    return dnnl_matmul_primitive_desc_create(pd, engine, a, b, bias, out, attr);
}
static dnnl_status_t append_sum(dnnl_post_ops_t post) {
    return dnnl_post_ops_append_sum(post, 1.0F, 0, dnnl_data_type_undef);
}

#else

typedef dnnl_memory_desc_t layout;
typedef const dnnl_memory_desc_t *layout_view;

static dnnl_status_t layout_init(layout *md, dnnl_data_type_t type, const dnnl_dims_t dims,
                                 const dnnl_dims_t strides) {
    if (strides)
        return dnnl_memory_desc_init_by_strides(md, 2, dims, type, strides);
    return dnnl_memory_desc_init_by_tag(md, 2, dims, type, dnnl_format_tag_any);
}
static layout_view layout_of(const layout *md) {
    return md;
}
static void layout_release(layout *md) {
    (void)md;
}
static size_t layout_bytes(layout_view md) {
    return md ? dnnl_memory_desc_get_size(md) : 0;
}
static dnnl_status_t describe(dnnl_primitive_desc_t *pd, layout_view a, layout_view b,
                              layout_view bias, layout_view out, const_dnnl_primitive_attr_t attr,
                              dnnl_engine_t engine) {
    dnnl_matmul_desc_t d;
    dnnl_status_t rc = dnnl_matmul_desc_init(&d, a, b, bias, out);
    return rc != dnnl_success ? rc : dnnl_primitive_desc_create(pd, &d, attr, engine, NULL);
}
static dnnl_status_t append_sum(dnnl_post_ops_t post) {
    return dnnl_post_ops_append_sum(post, 1.0F);
}

#endif

enum { N_CACHED = 16, M_USUAL = 256 };

// The types of a product, in the order of enum wc_precision.
static const struct {
    dnnl_data_type_t a, b, out;
} types[] = {
    {dnnl_f32, dnnl_f32, dnnl_f32}, {dnnl_bf16, dnnl_bf16, dnnl_f32}, {dnnl_u8, dnnl_s8, dnnl_s32}};

// A primitive for one number of rows.
struct shape {
    size_t m;
    bool bias, add;
};
struct entry {
    struct shape shape;
    bool slow; // the reference implementation
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t pd; // owns the layouts
};

struct packed {
    enum wc_precision type;
    size_t n, k;
    const void *b; // borrowed: float32, for the plain product when memory is out
    size_t ld_b;
    dnnl_primitive_desc_t keeper; // owns the layout of the weights
    layout_view weights_layout;
    void *blocked;        // the weights in it, the caller's memory
    pthread_mutex_t lock; // of the entries
    size_t n_entries;
    struct entry entries[N_CACHED];
};

// Set once by init() before threads start, kept until the process ends.
static dnnl_engine_t engine;

static bool has_isa(dnnl_cpu_isa_t isa) {
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)isa) == (unsigned)isa;
}

static const char *isa_name(void) {
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {{dnnl_cpu_isa_avx512_core_bf16, "AVX-512 bf16"},
                 {dnnl_cpu_isa_avx512_core, "AVX-512"},
                 {dnnl_cpu_isa_avx2, "AVX2"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has_isa(names[i].isa))
            return names[i].name;
    return "generic";
}

static enum wc_err init(char *description, size_t n_bytes, struct wc_error *err) {
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        return WC_FAIL(err, WC_ERR_CONFIG,
                       "gemm: onednn: no CPU engine; choose \"openblas\" instead");
    const dnnl_version_t *v = dnnl_version();
    snprintf(description, n_bytes, "oneDNN %d.%d.%d %s", v->major, v->minor, v->patch, isa_name());
    return WC_OK;
}

// Holds the library to one thread between these two.
static int enter_one_thread(void) {
    int n_threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return n_threads;
}
static void leave_one_thread(int n_threads) {
    omp_set_num_threads(n_threads);
}

static void sgemm(char trans_b, size_t m, size_t n, size_t k, const float *a, size_t ld_a,
                  const float *b, size_t ld_b, bool add, float *out, size_t ld_out) {
    int n_threads = enter_one_thread();
    dnnl_status_t rc = dnnl_sgemm('N', trans_b, (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, 1.0F,
                                  a, (dnnl_dim_t)ld_a, b, (dnnl_dim_t)ld_b, add ? 1.0F : 0.0F, out,
                                  (dnnl_dim_t)ld_out);
    leave_one_thread(n_threads);
    assert(rc == dnnl_success);
    (void)rc;
}

static void nt(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
               size_t ld_b, bool add, float *out, size_t ld_out) {
    sgemm('T', m, n, k, a, ld_a, b, ld_b, add, out, ld_out);
}

static void nn(size_t m, size_t n, size_t k, const float *a, size_t ld_a, const float *b,
               size_t ld_b, bool add, float *out, size_t ld_out) {
    sgemm('N', m, n, k, a, ld_a, b, ld_b, add, out, ld_out);
}

static dnnl_status_t matrix_layout(layout *md, dnnl_data_type_t type, size_t rows, size_t columns,
                                   size_t stride_row, size_t stride_column) {
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    const dnnl_dims_t strides = {(dnnl_dim_t)stride_row, (dnnl_dim_t)stride_column};
    return layout_init(md, type, dims, strides);
}

// Scratch from the caller; the old content of out added when asked.
static dnnl_status_t attributes(bool add, dnnl_primitive_attr_t *attr) {
    dnnl_status_t rc = dnnl_primitive_attr_create(attr);
    if (rc == dnnl_success)
        rc = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    dnnl_post_ops_t post = NULL;
    if (rc == dnnl_success && add)
        rc = dnnl_post_ops_create(&post);
    if (rc == dnnl_success && add)
        rc = append_sum(post);
    if (rc == dnnl_success && add)
        rc = dnnl_primitive_attr_set_post_ops(*attr, post);
    if (post)
        dnnl_post_ops_destroy(post);
    return rc;
}

// b^T (k, n) in the layout that the library likes best: with AVX-512 its own choice. Without, it
// takes plain rows, and those of n = 3,584 (7 times 2,048 bytes) cost it a quarter of its speed,
// while 896 and 2,688 did not: one cache line more between rows.
static dnnl_status_t usual_weight_layout(layout *md, enum wc_precision type, size_t n, size_t k) {
    const dnnl_dims_t dims = {(dnnl_dim_t)k, (dnnl_dim_t)n};
    if (type != WC_PRECISION_F32 || has_isa(dnnl_cpu_isa_avx512_core))
        return layout_init(md, types[type].b, dims, NULL);
    return matrix_layout(md, dnnl_f32, k, n, n + WC_ALIGN / sizeof(float), 1);
}

// weights: the packed layout, or NULL to let the library choose one.
static dnnl_status_t describe_product(enum wc_precision type, size_t n, size_t k,
                                      const struct shape *s, layout_view weights,
                                      dnnl_primitive_desc_t *pd) {
    layout a = {0}, b = {0}, bias = {0}, out = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t rc = attributes(s->add, &attr);
    if (rc == dnnl_success)
        rc = matrix_layout(&a, types[type].a, s->m, k, k, 1);
    if (rc == dnnl_success)
        rc = usual_weight_layout(&b, type, n, k);
    if (rc == dnnl_success)
        rc = matrix_layout(&bias, dnnl_f32, 1, n, n, 1);
    if (rc == dnnl_success)
        rc = matrix_layout(&out, types[type].out, s->m, n, n, 1);
    if (rc == dnnl_success)
        rc = describe(pd, layout_of(&a), weights ? weights : layout_of(&b),
                      s->bias ? layout_of(&bias) : NULL, layout_of(&out), attr, engine);
    layout_release(&a);
    layout_release(&b);
    layout_release(&bias);
    layout_release(&out);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return rc;
}

// Runs a primitive over memory given as (argument, layout, address).
struct argument {
    int name;
    layout_view layout;
    const void *at;
};
static dnnl_status_t run(dnnl_primitive_t primitive, size_t n, const struct argument *arguments) {
    dnnl_exec_arg_t args[5];
    dnnl_stream_t stream = NULL;
    size_t n_made = 0;
    assert(n <= sizeof args / sizeof *args);
    dnnl_status_t rc = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    for (; n_made < n && rc == dnnl_success; n_made++) {
        const struct argument *x = &arguments[n_made];
        args[n_made].arg = x->name;
        rc = dnnl_memory_create(&args[n_made].memory, x->layout, engine, (void *)(size_t)x->at);
        if (rc != dnnl_success)
            break;
    }
    if (rc == dnnl_success)
        rc = dnnl_primitive_execute(primitive, stream, (int)n, args);
    if (rc == dnnl_success)
        rc = dnnl_stream_wait(stream);
    while (n_made-- > 0)
        dnnl_memory_destroy(args[n_made].memory);
    if (stream)
        dnnl_stream_destroy(stream);
    return rc;
}

// Copies b (n, k) into the library's layout and type.
static dnnl_status_t reorder(struct packed *p) {
    layout from = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_status_t rc = matrix_layout(&from, p->type == WC_PRECISION_INT8 ? dnnl_s8 : dnnl_f32, p->k,
                                     p->n, 1, p->ld_b);
    if (rc == dnnl_success)
        rc = attributes(false, &attr);
    if (rc == dnnl_success)
        rc = dnnl_reorder_primitive_desc_create(&pd, layout_of(&from), engine, p->weights_layout,
                                                engine, attr);
    if (rc == dnnl_success)
        rc = dnnl_primitive_create(&primitive, pd);
    if (rc == dnnl_success) {
        layout_view scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
        void *bytes = wc_thread_scratch(WC_SCRATCH_LIBRARY, layout_bytes(scratch));
        const struct argument arguments[] = {{DNNL_ARG_FROM, layout_of(&from), p->b},
                                             {DNNL_ARG_TO, p->weights_layout, p->blocked},
                                             {DNNL_ARG_SCRATCHPAD, scratch, bytes}};
        rc = bytes ? run(primitive, 3, arguments) : dnnl_out_of_memory;
    }
    layout_release(&from);
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return rc;
}

static void unpack(void *packed) {
    struct packed *p = packed;
    for (size_t i = 0; i < p->n_entries; i++) {
        dnnl_primitive_destroy(p->entries[i].primitive);
        dnnl_primitive_desc_destroy(p->entries[i].pd);
    }
    if (p->keeper)
        dnnl_primitive_desc_destroy(p->keeper);
    pthread_mutex_destroy(&p->lock);
    wc_free(p);
}

// The product that decides the layout of a weight.
static dnnl_status_t describe_usual(enum wc_precision type, size_t n, size_t k,
                                    dnnl_primitive_desc_t *pd) {
    const struct shape usual = {.m = M_USUAL, .bias = type != WC_PRECISION_INT8};
    return describe_product(type, n, k, &usual, NULL, pd);
}

static enum wc_err failed(const char *what, size_t n, size_t k, dnnl_status_t rc,
                          struct wc_error *err) {
    return WC_FAIL(err, rc == dnnl_out_of_memory ? WC_ERR_NOMEM : WC_ERR_BUG,
                   "gemm: onednn: %s a weight of (%zu, %zu) failed with status %d; "
                   "\"openblas\" needs no packing",
                   what, n, k, (int)rc);
}

static enum wc_err packed_bytes(enum wc_precision type, size_t n, size_t k, size_t *bytes,
                                struct wc_error *err) {
    dnnl_primitive_desc_t pd = NULL;
    int n_threads = enter_one_thread();
    dnnl_status_t rc = describe_usual(type, n, k, &pd);
    leave_one_thread(n_threads);
    if (rc != dnnl_success)
        return failed("describing", n, k, rc, err);
    *bytes = layout_bytes(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    dnnl_primitive_desc_destroy(pd);
    return WC_OK;
}

static enum wc_err pack(enum wc_precision type, size_t n, size_t k, const void *b, size_t ld_b,
                        void *memory, bool fill, void **packed, struct wc_error *err) {
    struct packed *p = NULL;
    WC_TRY(WC_NEW(&p, 1, "packed weight", err));
    *p = (struct packed){.type = type, .n = n, .k = k, .b = b, .ld_b = ld_b, .blocked = memory};
    pthread_mutex_init(&p->lock, NULL);
    int n_threads = enter_one_thread();
    dnnl_status_t rc = describe_usual(type, n, k, &p->keeper);
    if (rc == dnnl_success) {
        p->weights_layout = dnnl_primitive_desc_query_md(p->keeper, dnnl_query_weights_md, 0);
        rc = fill ? reorder(p) : dnnl_success;
    }
    leave_one_thread(n_threads);
    if (rc != dnnl_success) {
        unpack(p);
        return failed("packing", n, k, rc, err);
    }
    *packed = p;
    return WC_OK;
}

static bool same_shape(const struct shape *x, const struct shape *y) {
    return x->m == y->m && x->bias == y->bias && x->add == y->add;
}

static dnnl_status_t make_entry(const struct packed *p, const struct shape *s, struct entry *e) {
    *e = (struct entry){.shape = *s};
    dnnl_status_t rc = describe_product(p->type, p->n, p->k, s, p->weights_layout, &e->pd);
    const char *name = "";
    if (rc == dnnl_success)
        rc = dnnl_primitive_desc_query(e->pd, dnnl_query_impl_info_str, 0, (void *)&name);
    e->slow = rc == dnnl_success && strncmp(name, "ref", 3) == 0;
    if (rc == dnnl_success)
        rc = dnnl_primitive_create(&e->primitive, e->pd);
    if (rc != dnnl_success && e->pd)
        dnnl_primitive_desc_destroy(e->pd);
    return rc;
}

// The primitive for a shape, made on its first use. *kept tells whether the weight owns it; else,
// when more shapes are in use than are cached, the caller destroys it.
static dnnl_status_t find_entry(struct packed *p, const struct shape *s, struct entry *e,
                                bool *kept) {
    dnnl_status_t rc = dnnl_success;
    size_t i = 0;
    pthread_mutex_lock(&p->lock);
    while (i < p->n_entries && !same_shape(&p->entries[i].shape, s))
        i++;
    *kept = i < N_CACHED;
    if (i == p->n_entries)
        rc = make_entry(p, s, e);
    else
        *e = p->entries[i];
    if (rc == dnnl_success && i == p->n_entries && *kept)
        p->entries[p->n_entries++] = *e;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static dnnl_status_t execute(const struct packed *p, const struct entry *e, const void *a,
                             const float *bias, void *out) {
    layout_view scratch = dnnl_primitive_desc_query_md(e->pd, dnnl_query_scratchpad_md, 0);
    void *bytes = wc_thread_scratch(WC_SCRATCH_LIBRARY, layout_bytes(scratch));
    const struct argument arguments[] = {
        {DNNL_ARG_SRC, dnnl_primitive_desc_query_md(e->pd, dnnl_query_src_md, 0), a},
        {DNNL_ARG_WEIGHTS, p->weights_layout, p->blocked},
        {DNNL_ARG_DST, dnnl_primitive_desc_query_md(e->pd, dnnl_query_dst_md, 0), out},
        {DNNL_ARG_SCRATCHPAD, scratch, bytes},
        {DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(e->pd, dnnl_query_weights_md, 1), bias},
    };
    return bytes ? run(e->primitive, bias ? 5 : 4, arguments) : dnnl_out_of_memory;
}

static size_t type_bytes(dnnl_data_type_t type) {
    return type == dnnl_u8 ? 1 : type == dnnl_bf16 ? 2 : 4;
}

// Copies m rows of n bytes between strides.
static void copy_rows(size_t m, size_t n, const void *from, size_t ld_from, void *to,
                      size_t ld_to) {
    for (size_t i = 0; i < m; i++)
        memcpy((unsigned char *)to + i * ld_to, (const unsigned char *)from + i * ld_from, n);
}

// The product through arrays without gaps.
static dnnl_status_t execute_dense(const struct packed *p, const struct entry *e, const void *a,
                                   size_t ld_a, const float *bias, void *out, size_t ld_out) {
    size_t size_a = type_bytes(types[p->type].a), size = type_bytes(types[p->type].out);
    size_t m = e->shape.m, row_a = p->k * size_a, row = p->n * size;
    const void *dense_a = a;
    void *dense = out;
    if (ld_a != p->k) {
        void *copy = wc_thread_scratch(WC_SCRATCH_DENSE_INPUT, m * row_a);
        if (!copy)
            return dnnl_out_of_memory;
        copy_rows(m, row_a, a, ld_a * size_a, copy, row_a);
        dense_a = copy;
    }
    if (ld_out != p->n) {
        dense = wc_thread_scratch(WC_SCRATCH_DENSE_OUTPUT, m * row);
        if (!dense)
            return dnnl_out_of_memory;
        if (e->shape.add)
            copy_rows(m, row, out, ld_out * size, dense, row);
    }
    dnnl_status_t rc = execute(p, e, dense_a, bias, dense);
    if (rc == dnnl_success && dense != out)
        copy_rows(m, row, dense, row, out, ld_out * size);
    return rc;
}

static bool packed_product(size_t m, const void *a, size_t ld_a, const void *packed,
                           const float *bias, bool add, void *out, size_t ld_out) {
    // Only the cache of primitives changes, under its lock.
    struct packed *p = (struct packed *)(size_t)packed;
    const struct shape s = {m, bias != NULL, add};
    struct entry e = {0};
    bool kept = false, f32 = p->type == WC_PRECISION_F32;
    int n_threads = enter_one_thread();
    dnnl_status_t rc = find_entry(p, &s, &e, &kept);
    bool plain = rc != dnnl_success || (f32 && e.slow);
    if (!plain)
        rc = execute_dense(p, &e, a, ld_a, bias, out, ld_out);
    if (e.primitive && !kept) {
        dnnl_primitive_destroy(e.primitive);
        dnnl_primitive_desc_destroy(e.pd);
    }
    leave_one_thread(n_threads);
    if (!plain && rc == dnnl_success)
        return true;
    // Memory may be out: nothing was computed yet.
    if (!f32)
        return false;
    nt(m, p->n, p->k, a, ld_a, p->b, p->ld_b, add, out, ld_out);
    if (bias)
        wc_kernels()->bias(m, p->n, out, ld_out, bias);
    return true;
}

// AVX-512 without bfloat16 instructions would emulate them at less than float32's speed.
static bool has(enum wc_precision type) {
    return type != WC_PRECISION_BF16 || has_isa(dnnl_cpu_isa_avx512_core_bf16);
}

// Without VNNI two products of 8 bits are added in 16 bits, with saturation: 2 * 255 * 64 fits.
static int int8_most(void) {
    return has_isa(dnnl_cpu_isa_avx512_core_vnni) ? 127 : 64;
}

const struct wc_gemm_backend wc_gemm_onednn = {
    .name = "onednn",
    .cure = "choose \"openblas\" or install a newer oneDNN",
    .init = init,
    .nt = nt,
    .nn = nn,
    .has = has,
    .int8_most = int8_most,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .unpack = unpack,
    .packed = packed_product,
};
