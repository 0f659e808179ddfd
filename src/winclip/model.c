// The model handle, and the choices that hold for the whole process.
#include "winclip/handles.h"

#include "base/alloc.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <pthread.h>
#include <stdio.h>

// Kernels and matrix products are chosen once a process (tensor/kernels.h, tensor/gemm.h), however
// many threads open their first model at the same time.
static struct {
    pthread_once_t once;
    enum wc_err rc;
    struct wc_error err;
} process = {.once = PTHREAD_ONCE_INIT};

static void choose(void) {
    process.rc = wc_kernels_init("auto", &process.err);
    if (process.rc == WC_OK)
        process.rc = wc_gemm_init("auto", &process.err);
}

const char *winclip_version(void) {
    return WC_VERSION;
}

static enum wc_err open_model(winclip_model *m, const char *weights, const char *const *settings,
                              struct wc_error *err) {
    static const char *const allowed[] = {"model.arch",       "model.json",      "model.bpe",
                                          "model.activation", "model.precision", NULL};
    struct wc_model *model = NULL;
    if (!weights || !*weights)
        return WC_FAIL(err, WC_ERR_USAGE,
                       "no weights: a file, a folder, random:ARCH or demo is needed");
    pthread_once(&process.once, choose);
    if (process.rc != WC_OK)
        return WC_FAULT(err, process.rc, process.err.fault, "%s", process.err.text);
    WC_TRY(wc_settings_read(settings, allowed, &m->config, err));
    const struct wc_model_options o = {.weights = weights,
                                       .arch = m->config.model.arch,
                                       .json = m->config.model.json,
                                       .activation = (enum wc_activation)m->config.model.activation,
                                       .precision = (enum wc_precision)m->config.model.precision};
    WC_TRY(wc_model_open(&o, &model, err));
    const char *bpe = m->config.model.bpe ? m->config.model.bpe : wc_model_bpe(model);
    enum wc_err rc = wc_tokenizer_new(bpe, &m->tokenizer, err);
    if (rc != WC_OK) {
        wc_model_free(&model);
        return rc;
    }
    m->model = model;
    return WC_OK;
}

enum winclip_status winclip_model_open(const char *weights, const char *const *settings,
                                       winclip_model **out) {
    winclip_model *m = NULL;
    struct wc_error err = {0};
    *out = NULL;
    if (WC_NEW(&m, 1, "model", &err) != WC_OK)
        return WINCLIP_ERROR_NOMEM;
    *out = m;
    return wc_handle_set(&m->error, open_model(m, weights, settings, &err), &err);
}

void winclip_model_free(winclip_model *model) {
    if (!model)
        return;
    wc_tokenizer_free(&model->tokenizer);
    wc_model_free(&model->model);
    wc_config_release(&model->config);
    wc_free(model);
}

const char *winclip_model_error(const winclip_model *model) {
    return model ? model->error.text : "out of memory";
}

const char *winclip_model_arch(const winclip_model *model) {
    return model && model->model ? wc_model_arch(model->model)->name : "";
}

size_t winclip_model_grid(const winclip_model *model) {
    return model && model->model ? wc_arch_grid(wc_model_arch(model->model)) : 0;
}

size_t winclip_model_input_px(const winclip_model *model) {
    return model && model->model ? wc_model_arch(model->model)->image_px : 0;
}

size_t winclip_model_embedding(const winclip_model *model) {
    return model && model->model ? wc_model_arch(model->model)->embed : 0;
}
