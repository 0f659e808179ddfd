// Everything before the first image: list, model, plan, who this run is, and its folder.
#include "sched/layout.h"
#include "sched/state.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "method/reference_file.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum wc_err wc_state_path(const struct wc_state *s, const char *name, char **out,
                          struct wc_error *err) {
    return wc_path_in(s->config->output, name, out, err);
}

/* The list. */

static enum wc_err list_dataset(struct wc_state *s, struct wc_error *err) {
    const struct wc_config *c = s->config;
    const struct wc_dataset_options o = {.name = c->dataset.name,
                                         .root = c->dataset.root,
                                         .categories = &c->dataset.categories,
                                         .normal = &c->dataset.normal,
                                         .anomalous = &c->dataset.anomalous,
                                         .references = &c->dataset.references,
                                         .masks = c->dataset.masks,
                                         .object = c->dataset.object};
    struct wc_buf packed = {0};
    enum wc_err rc = WC_OK;
    if (s->comm.rank == 0) {
        rc = wc_dataset_list(&o, &s->dataset, err);
        if (rc == WC_OK)
            rc = wc_dataset_pack(&s->dataset, &packed, err);
    }
    rc = wc_agree(&s->comm, rc, err);
    if (rc == WC_OK)
        rc = wc_bcast_buf(&s->comm, &packed, err);
    if (rc == WC_OK && s->comm.rank != 0)
        rc = wc_dataset_unpack(packed.data, packed.n, &s->dataset, err);
    wc_buf_release(&packed);
    return wc_agree(&s->comm, rc, err);
}

static enum wc_err list_units(struct wc_state *s, struct wc_error *err) {
    for (size_t c = 0; c < s->dataset.n_categories; c++)
        s->n_units += s->dataset.category[c].n_items;
    WC_TRY(WC_NEW(&s->unit, s->n_units, "units", err));
    size_t u = 0;
    for (size_t c = 0; c < s->dataset.n_categories; c++)
        for (size_t i = 0; i < s->dataset.category[c].n_items; i++)
            s->unit[u++] = (struct wc_unit){(uint32_t)c, (uint32_t)i};
    return WC_OK;
}

/* The machine. */

// Nodes of several kinds: all ranks take the least ISA, so that no result depends on where an image
// was scored.
static enum wc_err choose_isa(struct wc_state *s, struct wc_error *err) {
    const char *name = s->config->isa;
    if (strcmp(name, "auto") == 0 && !getenv("WC_ISA")) {
        int best = (int)wc_isa_best(), least;
        MPI_Allreduce(&best, &least, 1, MPI_INT, MPI_MIN, s->comm.comm);
        name = wc_isa_name((enum wc_isa)least);
    }
    return wc_agree(&s->comm, wc_kernels_init(name, err), err);
}

// 8-bit weights have as many bits as every rank's processor can sum.
static enum wc_err choose_gemm(struct wc_state *s, struct wc_error *err) {
    WC_TRY(wc_agree(&s->comm, wc_gemm_init(s->config->gemm, err), err));
    int most = wc_gemm_int8_most(), least;
    MPI_Allreduce(&most, &least, 1, MPI_INT, MPI_MIN, s->comm.comm);
    wc_gemm_limit_int8(least);
    return WC_OK;
}

/* The model and the texts. */

static enum wc_err open_model(struct wc_state *s, struct wc_error *err) {
    const struct wc_config *c = s->config;
    char text[512];
    int on_node = 1;
    MPI_Comm_size(s->comm.node, &on_node);
    s->bench->shared_node = on_node > 1;
    WC_TRY(wc_workbench_model(s->bench, c, err));
    s->model = s->bench->model;
    wc_model_describe(s->model, text, sizeof text);
    WC_INFO("model %s", text);
    s->arch = *wc_model_arch(s->model);
    snprintf(s->activation, sizeof s->activation, "%s",
             wc_model_activation(s->model) == WC_QUICKGELU ? "quickgelu" : "gelu");
    snprintf(s->activation_reason, sizeof s->activation_reason, "%s",
             wc_model_activation_reason(s->model));
    WC_TRY(wc_plan_new(c, wc_arch_grid(&s->arch), &s->plan, err));
    if (wc_plan_needs_backbone(&s->plan)) {
        WC_TRY(wc_workbench_backbone(s->bench, c, s->arch.image_px, err));
        s->backbone = s->bench->backbone;
        wc_plan_attach(&s->plan, s->backbone);
    }
    s->cells = wc_plan_cells(&s->plan);
    return WC_OK;
}

static enum wc_err open_texts(struct wc_state *s, struct wc_error *err) {
    const struct wc_config *c = s->config;
    const char *bpe = c->model.bpe ? c->model.bpe : wc_model_bpe(s->model);
    WC_TRY(wc_tokenizer_new(bpe, &s->tokenizer, err));
    WC_TRY(wc_prompt_sets_open(c->prompts, s->plan.recipe, s->plan.n_recipes, &s->prompts, err));
    WC_TRY(WC_NEW(&s->object, s->dataset.n_categories, "object names", err));
    for (size_t i = 0; i < s->dataset.n_categories; i++) {
        const struct wc_category *category = &s->dataset.category[i];
        if (!category->object)
            WC_TRY(wc_prompts_object(s->prompts.set[WC_PROMPTS_CONFIGURED], category->name,
                                     &s->object[i], err));
        else if (!(s->object[i] = wc_strdup(category->object)))
            return WC_FAIL(err, WC_ERR_NOMEM, "object names: out of memory");
    }
    return WC_OK;
}

// Every rank makes the same draws from the same list; files that the user names are read by each.
static enum wc_err draw_references(struct wc_state *s, struct wc_error *err) {
    enum wc_err rc = WC_OK;
    if (wc_plan_has_references(&s->plan))
        rc = wc_draws_make(s->config, &s->dataset, &s->plan, &s->draws, err);
    return wc_agree(&s->comm, rc, err);
}

/* Who this run is. */

// What decides its figures, as text: a run directory of another identity is refused with the lines
// that differ.
static enum wc_err identity_text(struct wc_state *s, struct wc_buf *out, struct wc_error *err) {
    struct wc_buf list = {0}, draws = {0};
    char digest[65], drawn[65];
    WC_TRY(wc_config_dump(s->config, true, out, err));
    if (wc_plan_has_references(&s->plan))
        WC_TRY(wc_draws_csv(&s->draws, &s->dataset, &s->plan, &draws, err));
    wc_sha256_hex(wc_buf_str(&draws), draws.n, drawn);
    wc_buf_release(&draws);
    enum wc_err rc = wc_dataset_pack(&s->dataset, &list, err);
    if (rc == WC_OK) {
        wc_sha256_hex(list.data, list.n, digest);
        wc_buf_printf(
            out,
            "content:\n  weights_sha256: %s\n  prompts_sha256: %s\n  dataset_list_sha256: %s\n  references_sha256: %s\n",
            s->id.weights_sha256, s->id.prompts_sha256, digest, drawn);
        if (s->backbone)
            wc_buf_printf(out, "  backbone_sha256: %s\n", s->id.backbone_sha256);
        for (size_t i = WC_N_PROMPT_SOURCES; i < s->plan.n_prompt_sets; i++)
            wc_buf_printf(out, "  prompt_set_%zu_sha256: %s\n", i - WC_N_PROMPT_SOURCES,
                          wc_prompts_sha256(s->prompts.set[i]));
        rc = wc_buf_check(out, "identity", err);
    }
    wc_buf_release(&list);
    return rc;
}

static enum wc_err refuse_other_run(const char *path, const char *old, const char *new,
                                    struct wc_error *err) {
    struct wc_strlist lines = {0};
    struct wc_buf text = {0};
    WC_TRY(wc_config_diff(old, new, &lines, err));
    for (size_t i = 0; i < lines.n; i++)
        wc_buf_printf(&text, "%s%s", i > 0 ? "; " : "", lines.item[i]);
    enum wc_err rc =
        WC_FAULT(err, WC_ERR_CONFIG, "other-run",
                 "%s belongs to another run: %s; give another `output`, or --fresh to start over",
                 path, wc_buf_str(&text));
    wc_strlist_release(&lines);
    wc_buf_release(&text);
    return rc;
}

static enum wc_err remove_file(const char *path, struct wc_error *err) {
    return wc_io_exists(path) ? wc_io_remove(path, err) : WC_OK;
}

// --fresh: nothing of the earlier run stays.
static enum wc_err forget(const struct wc_state *s, struct wc_error *err) {
    static const char *const files[] = {"identity.yaml", "report.txt", "report.csv",
                                        "report.json",   "scores.csv", "references.csv"};
    struct wc_strlist names = {0};
    char *dir = NULL;
    enum wc_err rc = WC_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && rc == WC_OK; i++) {
        char *path = NULL;
        rc = wc_state_path(s, files[i], &path, err);
        if (rc == WC_OK)
            rc = remove_file(path, err);
        wc_free(path);
    }
    if (rc == WC_OK)
        rc = wc_state_path(s, "journal", &dir, err);
    if (rc == WC_OK && wc_io_is_dir(dir))
        rc = wc_io_list(dir, false, &names, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        char *path = wc_path_join(dir, names.item[i]);
        rc = path ? wc_io_remove(path, err) : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", dir);
        wc_free(path);
    }
    wc_strlist_release(&names);
    wc_free(dir);
    return rc;
}

static enum wc_err check_identity(const char *path, const char *text, struct wc_error *err) {
    unsigned char *old;
    size_t n;
    if (!wc_io_exists(path))
        return wc_io_write_atomic(path, text, strlen(text), err);
    WC_TRY(wc_io_read_file(path, (size_t)1 << 20, &old, &n, err));
    enum wc_err rc =
        strcmp((char *)old, text) == 0 ? WC_OK : refuse_other_run(path, (char *)old, text, err);
    wc_free(old);
    return rc;
}

static enum wc_err write_config(const struct wc_state *s, struct wc_error *err) {
    struct wc_buf text = {0};
    char *path = NULL;
    enum wc_err rc = wc_config_dump(s->config, false, &text, err);
    if (rc == WC_OK)
        rc = wc_state_path(s, "config.yaml", &path, err);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, wc_buf_str(&text), text.n, err);
    wc_buf_release(&text);
    wc_free(path);
    return rc;
}

// Rank 0: the run's folder, locked, of this identity.
static enum wc_err open_folder(struct wc_state *s, const char *identity, struct wc_error *err) {
    char *journal = NULL, *lock = NULL, *path = NULL;
    struct wc_lock_holder replaced = {0};
    enum wc_err rc = wc_state_path(s, "journal", &journal, err);
    if (rc == WC_OK)
        rc = wc_io_mkdirs(journal, err);
    if (rc == WC_OK)
        rc = wc_state_path(s, "lock", &lock, err);
    if (rc == WC_OK)
        rc = wc_lock_take(lock, &s->lock, &replaced, err);
    if (rc == WC_OK && replaced.host[0])
        WC_INFO("%s: took over from a run that ended on %s (process %llu)", lock, replaced.host,
                (unsigned long long)replaced.pid);
    if (rc == WC_OK && s->options->fresh)
        rc = forget(s, err);
    if (rc == WC_OK)
        rc = wc_state_path(s, "identity.yaml", &path, err);
    if (rc == WC_OK)
        rc = check_identity(path, identity, err);
    if (rc == WC_OK)
        rc = write_config(s, err);
    wc_free(journal);
    wc_free(lock);
    wc_free(path);
    return rc;
}

static enum wc_err identify(struct wc_state *s, struct wc_error *err) {
    struct wc_buf text = {0};
    enum wc_err rc = WC_OK;
    if (s->comm.rank == 0) {
        rc = open_texts(s, err);
        if (rc == WC_OK)
            rc = wc_model_hash(s->model, s->id.weights_sha256, err);
        if (rc == WC_OK && s->backbone)
            rc = wc_model_hash(s->backbone, s->id.backbone_sha256, err);
        if (rc == WC_OK) {
            const struct wc_prompts *set = s->prompts.set[WC_PROMPTS_CONFIGURED];
            snprintf(s->id.prompts_sha256, sizeof s->id.prompts_sha256, "%s",
                     wc_prompts_sha256(set));
            snprintf(s->id.prompts_name, sizeof s->id.prompts_name, "%s", wc_prompts_name(set));
            rc = identity_text(s, &text, err);
        }
        if (rc == WC_OK) {
            wc_sha256_hex(text.data, text.n, s->id.run_id);
            s->id.run_id[16] = '\0'; // 64 bits name a run
            rc = s->options->dry ? WC_OK : open_folder(s, wc_buf_str(&text), err);
        }
    }
    wc_buf_release(&text);
    WC_TRY(wc_agree(&s->comm, rc, err));
    MPI_Bcast(&s->id, (int)sizeof s->id, MPI_BYTE, 0, s->comm.comm);
    return WC_OK;
}

// What features of references depend on besides the picture. A backbone's depend on the input's
// side too, which is the model's.
static enum wc_err name_features(struct wc_state *s, struct wc_error *err) {
    const struct wc_config *c = s->config;
    WC_TRY(wc_reference_key(s->model, s->id.weights_sha256, (enum wc_tile_mode)c->preprocess.tiling,
                            c->preprocess.exif_apply, s->journal_header.precision,
                            &s->reference_key, err));
    if (s->backbone)
        wc_buf_printf(&s->reference_key, ", backbone %s at %zu", s->id.backbone_sha256,
                      s->arch.image_px);
    return wc_buf_check(&s->reference_key, "reference key", err);
}

static enum wc_err prepare(struct wc_state *s, struct wc_error *err) {
    WC_TRY(choose_isa(s, err));
    WC_TRY(choose_gemm(s, err));
    WC_TRY(list_dataset(s, err));
    WC_TRY(wc_agree(&s->comm, list_units(s, err), err));
    WC_TRY(wc_agree(&s->comm, open_model(s, err), err));
    WC_TRY(draw_references(s, err));
    WC_TRY(identify(s, err));
    s->n_threads = wc_layout_threads(&s->comm, s->config->threads);
    struct wc_journal_header *h = &s->journal_header;
    snprintf(h->run_id, sizeof h->run_id, "%s", s->id.run_id);
    snprintf(h->isa, sizeof h->isa, "%s", wc_isa_name(wc_kernels()->isa));
    snprintf(h->precision, sizeof h->precision, "%s",
             wc_precision_name((enum wc_precision)s->config->model.precision));
    snprintf(h->gemm, sizeof h->gemm, "%s", wc_gemm_backend());
    h->n_ranks = (uint32_t)s->comm.n_ranks;
    h->rank = (uint32_t)s->comm.rank;
    return wc_agree(&s->comm, name_features(s, err), err);
}

enum wc_err wc_state_prepare(struct wc_state *s, struct wc_error *err) {
    WC_TRY(wc_comm_init(&s->comm, err));
    enum wc_err rc = prepare(s, err);
    s->model = s->backbone = NULL; // the workbench's, which the next run may change
    return rc;
}

void wc_state_release(struct wc_state *s) {
    wc_state_unload_results(s);
    if (s->bench && s->bench->entered == s)
        wc_workbench_leave(s->bench);
    wc_state_release_references(s);
    for (size_t i = 0; s->object && i < s->dataset.n_categories; i++)
        wc_free(s->object[i]);
    wc_free(s->object);
    wc_free(s->prototype);
    wc_free(s->prototype_arrives);
    wc_prompt_sets_release(&s->prompts);
    wc_tokenizer_free(&s->tokenizer);
    wc_plan_release(&s->plan);
    wc_journal_close(&s->journal, NULL);
    wc_free(s->todo);
    wc_free(s->unit);
    wc_dataset_release(&s->dataset);
    if (s->lock)
        wc_lock_release(&s->lock, NULL);
    wc_comm_release(&s->comm);
}
