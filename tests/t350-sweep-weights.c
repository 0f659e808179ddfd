// Weight files of every format, models, banks and scores, while memory and files fail.
#include "sweep.h"
#include "winclip.h"

#include "model/model.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"
#include "weights/weights.h"

#include <sys/stat.h>

#define GOLDEN "tests/golden/weights/"
#define SAMPLE "tests/data/sample/"

/* Files. */

static enum wc_err weights(const char *path, struct wc_error *err) {
    struct wc_weights *w = NULL;
    WC_TRY(wc_weights_open(path, &w, err));
    enum wc_err rc = WC_OK;
    sweep_text(wc_weights_format(w));
    sweep_text(wc_weights_origin(w));
    sweep_text(wc_weights_config_json(w)); // a configuration that cannot be read is not "none"
    for (size_t i = 0; i < wc_weights_n_tensors(w) && rc == WC_OK; i++) {
        const struct wc_tensor_info *t = wc_weights_at(w, i);
        sweep_text(t->name);
        sweep_result(t->data, t->n_bytes);
    }
    char hex[65];
    rc = wc_weights_sha256(w, hex, err);
    wc_weights_free(&w);
    return rc;
}

static enum wc_err write_weights(const char *name, struct wc_error *err) {
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    const size_t dim[2] = {2, 3};
    struct wc_st_writer *w = NULL;
    WC_TRY(wc_st_writer_new(sweep_path(name), &w, err));
    enum wc_err rc = wc_st_writer_meta(w, "key", "value", err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "a", WC_F32, 2, dim, err);
    if (rc == WC_OK)
        rc = wc_st_writer_declare(w, "b", WC_F32, 1, dim, err);
    if (rc == WC_OK)
        rc = wc_st_writer_data(w, data, sizeof data, err);
    if (rc == WC_OK)
        rc = wc_st_writer_data(w, data, 8, err);
    if (rc == WC_OK)
        rc = wc_st_writer_commit(w, err);
    wc_st_writer_free(&w);
    return rc;
}

/* Models. */

static enum wc_err model(const char *path, struct wc_error *err) {
    struct wc_model *m = NULL;
    const struct wc_model_options o = {.weights = path, .arch = "auto"};
    char text[512];
    WC_TRY(wc_model_open(&o, &m, err));
    wc_model_describe(m, text, sizeof text);
    sweep_text(text);
    wc_model_free(&m);
    return WC_OK;
}

static enum wc_err inspect(const char *path, struct wc_error *err) {
    struct wc_model *m = NULL;
    const struct wc_model_options o = {.weights = path, .arch = "auto", .inspect = true};
    WC_TRY(wc_model_open(&o, &m, err));
    wc_model_free(&m);
    return WC_OK;
}

/* The library, whose text of an error is the program's. */

static const char *const model_settings[] = {"model.bpe=" SAMPLE "bpe.txt.gz", NULL};
static const char *const settings[] = {"threads=1", NULL};
static winclip_model *shared_model;
static winclip_scorer *shared_scorer;
static winclip_prototypes *shared_prototypes;
static winclip_bank *shared_bank;

static enum wc_err said(enum winclip_status status, const winclip_scorer *s, struct wc_error *err) {
    return status == WINCLIP_OK ? WC_OK
                                : WC_FAIL(err, (enum wc_err)status, "%s", winclip_scorer_error(s));
}

static enum wc_err open_model(const char *path, struct wc_error *err) {
    winclip_model *m = NULL;
    enum wc_err rc = (enum wc_err)winclip_model_open(path, model_settings, &m);
    if (rc != WC_OK)
        WC_FAIL(err, rc, "%s", winclip_model_error(m));
    sweep_text(rc == WC_OK ? winclip_model_arch(m) : "");
    winclip_model_free(m);
    return rc;
}

static enum wc_err new_scorer(const char *object, struct wc_error *err) {
    winclip_scorer *s = NULL;
    winclip_prototypes *p = NULL;
    enum winclip_status status = winclip_scorer_new(shared_model, settings, &s);
    if (status == WINCLIP_OK)
        status = winclip_prototypes_new(s, object, NULL, &p);
    enum wc_err rc = said(status, s, err);
    winclip_prototypes_free(p);
    winclip_scorer_free(s);
    return rc;
}

static enum wc_err score(const char *path, struct wc_error *err) {
    unsigned char *rgb = NULL;
    size_t w = 0, h = 0;
    double value = 0;
    float map[100] = {0};
    winclip_scorer *s = shared_scorer;
    enum winclip_status status = winclip_read_image(s, path, &rgb, &w, &h);
    if (status == WINCLIP_OK)
        status = winclip_score_rgb8(s, shared_prototypes, shared_bank, rgb, w, h, 3 * w, &value,
                                    map, 10, 10);
    sweep_result(&value, sizeof value);
    sweep_result(map, sizeof map);
    winclip_pixels_free(rgb);
    return said(status, s, err);
}

static enum wc_err add_reference(const char *path, struct wc_error *err) {
    winclip_bank *b = NULL;
    winclip_scorer *s = shared_scorer;
    enum winclip_status status = winclip_bank_new(s, &b);
    if (status == WINCLIP_OK)
        status = winclip_bank_add_file(s, b, path);
    enum wc_err rc = said(status, s, err);
    if (rc != WC_OK && b && winclip_bank_size(b) != 0)
        rc = WC_FAIL(err, WC_ERR_BUG, "the bank grew on failure");
    winclip_bank_free(b);
    return rc;
}

static enum wc_err save_bank(const char *name, struct wc_error *err) {
    return said(winclip_bank_save(shared_scorer, shared_bank, sweep_path(name)), shared_scorer,
                err);
}

static enum wc_err load_bank(const char *name, struct wc_error *err) {
    winclip_bank *b = NULL;
    enum wc_err rc =
        said(winclip_bank_load(shared_scorer, sweep_path(name), &b), shared_scorer, err);
    size_t n = winclip_bank_size(b);
    sweep_result(&n, sizeof n);
    winclip_bank_free(b);
    return rc;
}

#define CLOSES (1u << WC_FAULT_CLOSE) // a descriptor that was only read from loses nothing

static const struct sweep_subject files[] = {
    SWEEP("safetensors", weights, GOLDEN "micro_f16.safetensors", .harmless = CLOSES),
    SWEEP("safetensors beside its configuration", weights, GOLDEN "hf", .harmless = CLOSES),
    SWEEP("shards", weights, GOLDEN "hf_v1000_sharded", .harmless = CLOSES),
    SWEEP("PyTorch in a folder", weights, GOLDEN "hf_v1000", .harmless = CLOSES),
    SWEEP("PyTorch's zip", weights, GOLDEN "checkpoint_f16_v1000.pt", .harmless = CLOSES),
    SWEEP("PyTorch's zip with strides", weights, GOLDEN "strided_f16_v1000.pt", .harmless = CLOSES),
    SWEEP("PyTorch's old pickle", weights, GOLDEN "legacy_f16_v1000.pt", .harmless = CLOSES),
    SWEEP("TorchScript", weights, GOLDEN "openai_torchscript.pt", .harmless = CLOSES),
    SWEEP("writing safetensors", write_weights, "out.safetensors", .output = {"out.safetensors"},
          .harmless = CLOSES),
    SWEEP("a model", model, SAMPLE "model.safetensors", .harmless = CLOSES),
    SWEEP("a model inspected", inspect, GOLDEN "micro_f16.safetensors", .harmless = CLOSES),
    SWEEP("the library's model", open_model, SAMPLE "model.safetensors", .harmless = CLOSES),
};

static const struct sweep_subject handles[] = {
    SWEEP("scorer and prototypes", new_scorer, "metal nut", ),
    SWEEP("a score", score, SAMPLE "leather/test/contam/000.png", .harmless = CLOSES),
    SWEEP("a reference", add_reference, SAMPLE "leather/train/good/001.png", .harmless = CLOSES),
    SWEEP("saving a bank", save_bank, "saved.bank", .output = {"saved.bank"}, .harmless = CLOSES),
    SWEEP("loading a bank", load_bank, "whole.bank", .harmless = CLOSES),
};

int main(void) {
    sweep_begin("t350");
    wc_kernels_init("auto", NULL);
    wc_gemm_init("auto", NULL);
    sweep_all(files, sizeof files / sizeof *files);
    bool made =
        winclip_model_open(SAMPLE "model.safetensors", model_settings, &shared_model) ==
            WINCLIP_OK &&
        winclip_scorer_new(shared_model, settings, &shared_scorer) == WINCLIP_OK &&
        winclip_prototypes_new(shared_scorer, "leather", NULL, &shared_prototypes) == WINCLIP_OK &&
        winclip_bank_new(shared_scorer, &shared_bank) == WINCLIP_OK &&
        winclip_bank_add_file(shared_scorer, shared_bank, SAMPLE "leather/train/good/000.png") ==
            WINCLIP_OK &&
        winclip_bank_save(shared_scorer, shared_bank, sweep_path("whole.bank")) == WINCLIP_OK;
    // Once before: a scorer keeps its scratch.
    made = made && score(SAMPLE "leather/test/contam/000.png", NULL) == WC_OK;
    if (test_ok(made, "model, scorer, prototypes and a bank"))
        sweep_all(handles, sizeof handles / sizeof *handles);
    winclip_bank_free(shared_bank);
    winclip_prototypes_free(shared_prototypes);
    winclip_scorer_free(shared_scorer);
    winclip_model_free(shared_model);
    return sweep_done();
}
