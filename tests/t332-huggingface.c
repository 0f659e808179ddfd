// Folders and hub caches: the preferred file, the configuration beside it; Hugging Face's names.
#include "weights_golden.h"

#include <stdint.h>
#include <unistd.h>

#define ENTRY(name, dtype, shape, begin, end)                                                      \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end   \
    "]}"

static char root[512];

static const char *in_root(const char *name) {
    static char path[4][1200];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof(path[0]), "%s/%s", root, name);
    return p;
}

static void put(const char *name, const void *bytes, size_t n) {
    struct wc_error err = {.code = WC_OK};
    char *dir = wc_path_dir(in_root(name));
    if (wc_io_mkdirs(dir, &err) != WC_OK ||
        wc_io_write_atomic(in_root(name), bytes, n, &err) != WC_OK)
        test_note("%s", err.text);
    wc_free(dir);
}

static void put_text(const char *name, const char *text) {
    put(name, text, strlen(text));
}

// A safetensors file with one tensor of one float.
static void put_one(const char *name, const char *tensor, float value) {
    struct wc_buf b = {0};
    char header[256];
    int n = snprintf(header, sizeof(header),
                     "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],"
                     "\"data_offsets\":[0,4]}}",
                     tensor);
    wc_buf_add(&b, (char[8]){(char)n}, 8);
    wc_buf_puts(&b, header);
    wc_buf_add(&b, &value, 4);
    put(name, b.data, b.n);
    wc_buf_release(&b);
}

// Opens and returns the first tensor's first float; NAN when it fails.
static float first_float(const char *path, struct wc_error *err) {
    struct wc_weights *w = NULL;
    float v = NAN;
    if (wc_weights_open(path, &w, err) != WC_OK)
        return NAN;
    if (wc_tensor_to_f32(path, wc_weights_at(w, 0), &v, err) != WC_OK)
        v = NAN;
    wc_weights_free(&w);
    return v;
}

static void test_folders(void) {
    struct wc_error err = {.code = WC_OK};
    put_one("plain/model.safetensors", "visual.proj", 1);
    put_text("plain/README.md", "text");
    test_near((double)first_float(in_root("plain"), &err), 1, 0, "model.safetensors of a folder");
    put_one("plain/open_clip_model.safetensors", "visual.proj", 2);
    test_near((double)first_float(in_root("plain"), &err), 2, 0, "open_clip's file is preferred");
    put_one("only/epoch_31.safetensors", "visual.proj", 3);
    test_near((double)first_float(in_root("only"), &err), 3, 0, "the only weight file");
    put_one("only/epoch_32.safetensors", "visual.proj", 4);
    test_bad(in_root("only"), "not-a-file", "only");
    wc_io_mkdirs(in_root("empty"), &err);
    test_bad(in_root("empty"), "not-a-file", "folder");

    const char *cache = "models--laion--CLIP";
    char name[256];
    snprintf(name, sizeof(name), "%s/blobs/b1", cache);
    put_one(name, "visual.proj", 5);
    snprintf(name, sizeof(name), "%s/snapshots/abc1/config.json", cache);
    put_text(name, "{\"vision_cfg\":{},\"embed_dim\":4}");
    snprintf(name, sizeof(name), "%s/snapshots/abc1/model.safetensors", cache);
    unlink(in_root(name));
    if (symlink("../../blobs/b1", in_root(name)) != 0)
        test_note("symlink failed");
    test_near((double)first_float(in_root(cache), &err), 5, 0, "the only snapshot of a hub cache");
    struct wc_weights *w = NULL;
    if (test_ok(wc_weights_open(in_root(cache), &w, &err) == WC_OK, "hub cache opens")) {
        test_str(wc_weights_config_json(w), "{\"vision_cfg\":{},\"embed_dim\":4}",
                 "its snapshot's configuration");
        test_ok(wc_str_ends(wc_weights_config_path(w), "/snapshots/abc1/config.json"),
                "and where it is");
    }
    wc_weights_free(&w);
    snprintf(name, sizeof(name), "%s/snapshots/abc2/model.safetensors", cache);
    put_one(name, "visual.proj", 6);
    test_bad(in_root(cache), "not-a-file", "2 snapshots");
    snprintf(name, sizeof(name), "%s/refs/main", cache);
    put_text(name, "abc2\n");
    test_near((double)first_float(in_root(cache), &err), 6, 0, "the snapshot of refs/main");
    put_text(name, "../../plain");
    test_bad(in_root(cache), "not-a-file", "snapshots");
    snprintf(name, sizeof(name), "%s/snapshots/abc1", cache);
    test_near((double)first_float(in_root(name), &err), 5, 0, "a snapshot by its own path");
}

static void test_configuration(void) {
    struct wc_error err = {.code = WC_OK};
    struct wc_weights *w = NULL;
    put_one("conf/m.safetensors", "visual.proj", 1);
    test_ok(wc_weights_open(in_root("conf/m.safetensors"), &w, &err) == WC_OK &&
                !wc_weights_config_json(w) && !wc_weights_config_path(w),
            "no configuration");
    test_str(wc_weights_origin(w), "open_clip", "origin by the names");
    wc_weights_free(&w);
    put_text("conf/config.json", "{\"vision_cfg\":1}");
    put_text("conf/open_clip_config.json", "{\"model_cfg\":2}");
    test_ok(wc_weights_open(in_root("conf/m.safetensors"), &w, &err) == WC_OK, "opens");
    test_str(wc_weights_config_json(w), "{\"model_cfg\":2}", "open_clip's configuration first");
    wc_weights_free(&w);
    put_text("conf/m.json", "{\"vision_cfg\":3}");
    test_ok(wc_weights_open(in_root("conf/m.safetensors"), &w, &err) == WC_OK, "opens");
    test_str(wc_weights_config_json(w), "{\"vision_cfg\":3}", "the file's own before all others");
    wc_weights_free(&w);
    put_text("conf/m.json", "{\"scheduler\":3}");
    put_text("conf/open_clip_config.json", "{\"model_cfg\":");
    test_ok(wc_weights_open(in_root("conf/m.safetensors"), &w, &err) == WC_OK, "opens");
    test_str(wc_weights_config_json(w), "{\"vision_cfg\":1}", "what is no configuration is passed");
    wc_weights_free(&w);

    put_one("other/m.safetensors", "scores", 1);
    test_ok(wc_weights_open(in_root("other/m.safetensors"), &w, &err) == WC_OK, "opens");
    test_str(wc_weights_origin(w), "unknown", "no CLIP names: unknown origin");
    wc_weights_free(&w);

    test_ok(wc_weights_open(GOLDEN "hf", &w, &err) == WC_OK, "hf opens");
    test_ok(w && wc_weights_config_json(w) && strstr(wc_weights_config_json(w), "\"hidden_act\"") &&
                wc_str_ends(wc_weights_config_path(w), "hf/config.json"),
            "Hugging Face's configuration");
    wc_weights_free(&w);
}

static void test_metadata_config(void) {
    struct wc_error err = {.code = WC_OK};
    struct wc_weights *w = NULL;
    struct wc_st_writer *writer = NULL;
    float value = 1;
    const char *path = in_root("conf/meta.safetensors");
    test_ok(wc_st_writer_new(path, &writer, &err) == WC_OK &&
                wc_st_writer_meta(writer, "open_clip_config", "{\"model_cfg\":{}}", &err) ==
                    WC_OK &&
                wc_st_writer_declare(writer, "visual.proj", WC_F32, 0, NULL, &err) == WC_OK &&
                wc_st_writer_data(writer, &value, 4, &err) == WC_OK &&
                wc_st_writer_commit(writer, &err) == WC_OK,
            "a file with its configuration in the metadata");
    wc_st_writer_free(&writer);
    test_ok(wc_weights_open(path, &w, &err) == WC_OK, "opens");
    test_str(wc_weights_config_json(w), "{\"model_cfg\":{}}", "metadata before the folder");
    test_ok(w && !wc_weights_config_path(w), "and no path");
    wc_weights_free(&w);
}

#define QKV(part, dtype, shape, begin, end)                                                        \
    ENTRY("vision_model.encoder.layers.3.self_attn." part "_proj.weight", dtype, shape, begin, end)

static void test_names(void) {
    static const float data[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct wc_error err = {.code = WC_OK};
    struct wc_weights *w = NULL;
    const char *path = scratch_safetensors(
        "t332-qkv.safetensors",
        "{" QKV("v", "F32", "[1,2]", "0", "8") "," QKV("q", "F32", "[1,2]", "8", "16") "," QKV(
            "k", "F32", "[1,2]", "16",
            "24") "," ENTRY("visual_projection.weight", "F32", "[2,3]", "24",
                            "48") "," ENTRY("vision_model.embeddings.position_ids", "I64", "[1,2]",
                                            "48", "64") "}",
        data, 64);
    if (!test_ok(wc_weights_open(path, &w, &err) == WC_OK, "a piece of a Hugging Face file"))
        test_note("%s", err.text);
    const float joined[6] = {3, 4, 5, 6, 1, 2}, turned[6] = {7, 10, 8, 11, 9, 12};
    const struct wc_tensor_info *t =
        w ? wc_weights_find(w, "visual.transformer.resblocks.3.attn.in_proj_weight") : NULL;
    test_ok(t && t->n_dims == 2 && t->dim[0] == 3 && t->dim[1] == 2 &&
                memcmp(t->data, joined, sizeof(joined)) == 0,
            "q, k and v are joined in this order");
    t = w ? wc_weights_find(w, "visual.proj") : NULL;
    test_ok(t && t->dim[0] == 3 && t->dim[1] == 2 && memcmp(t->data, turned, sizeof(turned)) == 0,
            "the projection is transposed");
    test_ok(w && wc_weights_n_tensors(w) == 2, "nothing else is left");
    wc_weights_free(&w);

    test_bad(scratch_safetensors(
                 "t332-noq.safetensors",
                 "{" QKV("v", "F32", "[1,2]", "0", "8") "," QKV("k", "F32", "[1,2]", "8", "16") "}",
                 data, 16),
             "missing-tensor", "query projection");
    test_bad(scratch_safetensors(
                 "t332-nok.safetensors",
                 "{" QKV("v", "F32", "[1,2]", "0", "8") "," QKV("q", "F32", "[1,2]", "8", "16") "}",
                 data, 16),
             "missing-tensor", "key projection");
    test_bad(scratch_safetensors(
                 "t332-types.safetensors",
                 "{" QKV("v", "F32", "[1,2]", "0", "8") "," QKV(
                     "q", "F32", "[1,2]", "8", "16") "," QKV("k", "F16", "[1,2]", "16", "20") "}",
                 data, 20),
             "unsupported-dtype", "k_proj");
    test_bad(scratch_safetensors(
                 "t332-shapes.safetensors",
                 "{" QKV("v", "F32", "[1,2]", "0", "8") "," QKV(
                     "q", "F32", "[1,2]", "8", "16") "," QKV("k", "F32", "[1,3]", "16", "28") "}",
                 data, 28),
             "bad-shape", "k_proj");
    test_bad(
        scratch_safetensors("t332-flat.safetensors",
                            "{" ENTRY("text_projection.weight", "F32", "[4]", "0", "16") "," ENTRY(
                                "text_model.final_layer_norm.bias", "F32", "[0]", "16", "16") "}",
                            data, 16),
        "bad-shape", "text_projection");
    test_bad(
        scratch_safetensors("t332-collide.safetensors",
                            "{" ENTRY("ln_final.bias", "F32", "[4]", "0", "16") "," ENTRY(
                                "text_model.final_layer_norm.bias", "F32", "[0]", "16", "16") "}",
                            data, 16),
        "duplicate-key", "ln_final.bias");

    path = scratch_safetensors(
        "t332-custom.safetensors",
        "{" ENTRY("module.text.token_embedding.weight", "F32", "[1,2]", "0",
                  "8") "," ENTRY("module.visual.proj", "F32", "[1,2]", "8", "16") "}",
        data, 16);
    test_ok(wc_weights_open(path, &w, &err) == WC_OK &&
                wc_weights_find(w, "token_embedding.weight") && wc_weights_find(w, "visual.proj"),
            "text. and module. are taken off");
    wc_weights_free(&w);
}

static void test_shards(void) {
    struct wc_error err = {.code = WC_OK};
    put_one("shards/a.safetensors", "visual.proj", 1);
    put_one("shards/b.safetensors", "text_projection", 2);
    put_text("shards/good.index.json", "{\"weight_map\":{\"visual.proj\":\"a.safetensors\","
                                       "\"text_projection\":\"b.safetensors\"}}");
    test_near((double)first_float(in_root("shards/good.index.json"), &err), 2, 0, "two shards");
    put_text("shards/self.index.json", "{\"weight_map\":{\"visual.proj\":\"self.index.json\"}}");
    test_bad(in_root("shards/self.index.json"), "bad-header", "index");
    put_text("shards/hidden.index.json", "{\"weight_map\":{\"visual.proj\":\".x\"}}");
    test_bad(in_root("shards/hidden.index.json"), "bad-entry-name", "visual.proj");
    put_text("shards/up.index.json", "{\"weight_map\":{\"visual.proj\":\"../plain/m\"}}");
    test_bad(in_root("shards/up.index.json"), "bad-entry-name", "visual.proj");
    put_text("shards/number.index.json", "{\"weight_map\":{\"visual.proj\":7}}");
    test_bad(in_root("shards/number.index.json"), "bad-header", "visual.proj");
    put_text("shards/none.index.json", "{\"weight_map\":{}}");
    test_bad(in_root("shards/none.index.json"), "missing-tensor", "empty");
    put_text("shards/twice.index.json", "{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}");
    test_bad(in_root("shards/twice.index.json"), "duplicate-key", "");
    put_one("shards/c.safetensors", "visual.proj", 3);
    put_text("shards/both.index.json", "{\"weight_map\":{\"visual.proj\":\"a.safetensors\","
                                       "\"x\":\"c.safetensors\"}}");
    test_bad(in_root("shards/both.index.json"), "duplicate-key", "visual.proj");
    put_text("shards/dir.index.json", "{\"weight_map\":{\"visual.proj\":\"sub\"}}");
    wc_io_mkdirs(in_root("shards/sub"), &err);
    test_bad(in_root("shards/dir.index.json"), "not-a-file", "sub");
    put_text("shards/config.json", "{\"vision_cfg\":{}}");
    test_bad(in_root("shards/config.json"), "unknown-format", "JSON");
}

static void remove_root(void) {
    char command[1100];
    snprintf(command, sizeof(command), "rm -rf -- '%s'", root);
    if (system(command) != 0)
        test_note("%s failed", command);
}

int main(void) {
    snprintf(root, sizeof(root), "%s", scratch("t332"));
    remove_root(); // of an earlier run
    test_folders();
    test_configuration();
    test_metadata_config();
    test_names();
    test_shards();
    remove_root();
    return test_done();
}
