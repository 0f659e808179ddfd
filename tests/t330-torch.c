// PyTorch files of every kind: the same tensors as the safetensors file that they were made from.
#include "weights_golden.h"

#include "base/hash.h"

#include <stdint.h>

static struct wc_weights *open_golden(const char *name) {
    char path[256];
    struct wc_error err = {.code = WC_OK};
    struct wc_weights *w = NULL;
    snprintf(path, sizeof(path), GOLDEN "%s", name);
    if (!test_ok(wc_weights_open(path, &w, &err) == WC_OK, "%s opens", name))
        test_note("%s", err.text);
    return w;
}

// A tensor equals the reference's, byte by byte. A vocabulary cut to 1000 rows has rows 0..997 and
// the last two.
static bool same_tensor(const struct wc_tensor_info *a, const struct wc_tensor_info *full) {
    if (!full || a->dtype != full->dtype || a->n_dims != full->n_dims)
        return false;
    for (size_t i = 1; i < a->n_dims; i++)
        if (a->dim[i] != full->dim[i])
            return false;
    if (a->n_dims == 0 || a->dim[0] == full->dim[0])
        return a->n_bytes == full->n_bytes && memcmp(a->data, full->data, a->n_bytes) == 0;
    if (strcmp(a->name, "token_embedding.weight") != 0 || a->dim[0] != 1000 ||
        full->dim[0] != 49408)
        return false;
    size_t n_row = full->n_bytes / full->dim[0];
    return memcmp(a->data, full->data, 998 * n_row) == 0 &&
           memcmp(a->data + 998 * n_row, full->data + 49406 * n_row, 2 * n_row) == 0;
}

static void compare(const struct wc_weights *full, const char *name, const char *format,
                    const char *origin) {
    struct wc_weights *w = open_golden(name);
    if (!w)
        return;
    size_t n_wrong = 0, n = wc_weights_n_tensors(w);
    for (size_t i = 0; i < n; i++) {
        const struct wc_tensor_info *t = wc_weights_at(w, i);
        bool same = same_tensor(t, wc_weights_find(full, t->name));
        n_wrong += !same;
        if (!same)
            test_note("%s: \"%s\" differs", name, t->name);
    }
    test_ok(n_wrong == 0 && n == wc_weights_n_tensors(full), "%s: all %zu tensors are the same",
            name, n);
    test_str(wc_weights_format(w), format, "its format");
    test_str(wc_weights_origin(w), origin, "its origin");
    wc_weights_free(&w);
}

// Mixed types: each tensor equals the float32 one, or that rounded to float16.
static void test_torchscript(void) {
    struct wc_weights *full = open_golden("f32.safetensors"),
                      *half = open_golden("f16.safetensors"),
                      *w = open_golden("openai_torchscript.pt");
    size_t n_full = 0, n_half = 0, n = w ? wc_weights_n_tensors(w) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct wc_tensor_info *t = wc_weights_at(w, i);
        n_full += same_tensor(t, wc_weights_find(full, t->name));
        n_half += same_tensor(t, wc_weights_find(half, t->name));
    }
    test_ok(n > 0 && n_full + n_half == n && n == wc_weights_n_tensors(full) && n_full > 10 &&
                n_half > 10,
            "TorchScript: %zu tensors as in float32, %zu as in float16", n_full, n_half);
    if (w) {
        test_str(wc_weights_format(w), "torchscript", "TorchScript: format");
        test_str(wc_weights_origin(w), "openai-torchscript", "TorchScript: origin");
        test_str(wc_weights_meta(w, "input_resolution"), "60", "TorchScript: input_resolution");
        test_str(wc_weights_meta(w, "context_length"), "77", "TorchScript: context_length");
        test_str(wc_weights_meta(w, "vocab_size"), "49408", "TorchScript: vocab_size");
        char hex[65], by_file[65];
        test_ok(wc_weights_sha256(w, hex, NULL) == WC_OK &&
                    wc_sha256_file(GOLDEN "openai_torchscript.pt", by_file, NULL) == WC_OK &&
                    strcmp(hex, by_file) == 0,
                "SHA-256 is that of the file");
    }
    wc_weights_free(&full);
    wc_weights_free(&half);
    wc_weights_free(&w);
}

// Every allocation may fail: an error, no leak.
static void test_failures(const char *path) {
    size_t n_failed = 0;
    bool clean = true, reached_end = false;
    for (unsigned long i = 1; i < 5000 && !reached_end; i += 1 + i / 40) {
        struct wc_weights *w = NULL;
        struct wc_error err = {.code = WC_OK};
        wc_fault_arm(WC_FAULT_ALLOC, i, false);
        enum wc_err rc = wc_weights_open(path, &w, &err);
        reached_end = wc_fault_count(WC_FAULT_ALLOC) < i;
        wc_fault_reset();
        n_failed += rc != WC_OK;
        clean &= rc == WC_OK ? w != NULL : w == NULL && err.text[0];
        wc_weights_free(&w);
    }
    test_ok(clean && reached_end && n_failed > 0, "%s: %zu failed allocations, all clean",
            wc_path_base(path), n_failed);
}

int main(void) {
    struct wc_weights *f16 = open_golden("f16.safetensors");
    if (f16) {
        compare(f16, "bare_f16.pt", "torch-zip", "open_clip");
        compare(f16, "wrapped_module_f16.pt", "torch-zip", "open_clip");
        compare(f16, "checkpoint_f16_v1000.pt", "torch-zip", "open_clip");
        compare(f16, "legacy_f16_v1000.pt", "torch-legacy", "open_clip");
        compare(f16, "strided_f16_v1000.pt", "torch-zip", "open_clip");
        compare(f16, "parameters_f16_v1000.pt", "torch-zip", "open_clip");
        compare(f16, "hf", "safetensors", "huggingface");
        compare(f16, "hf/model.safetensors", "safetensors", "huggingface");
        compare(f16, "hf_v1000", "torch-zip", "huggingface");
        compare(f16, "hf_v1000/pytorch_model.bin", "torch-zip", "huggingface");
        compare(f16, "hf_v1000_sharded", "sharded", "huggingface");
        compare(f16, "hf_v1000_sharded/model.safetensors.index.json", "sharded", "huggingface");
    }
    wc_weights_free(&f16);
    test_torchscript();
    test_failures(GOLDEN "strided_f16_v1000.pt");
    test_failures(GOLDEN "legacy_f16_v1000.pt");
    test_failures(GOLDEN "openai_torchscript.pt");
    test_failures(GOLDEN "hf_v1000_sharded");
    test_failures(GOLDEN "hf_v1000");
    return test_done();
}
