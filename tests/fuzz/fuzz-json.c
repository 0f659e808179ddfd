// JSON: model configurations (open_clip's and Hugging Face's) and indexes of shards.
#include "fuzz/weights.h"

#include "base/json.h"
#include "base/str.h"

static void check_config(const uint8_t *bytes, size_t n) {
    struct wc_arch_config c = {.activation = WC_ACTIVATION_AUTO}, again = c;
    struct wc_error err = {.code = WC_OK};
    struct wc_buf b = {0};
    enum wc_err rc = wc_arch_config_read("input", (const char *)bytes, n, &c, &err);
    fuzz_data_error(rc, &err);
    if (rc != WC_OK)
        return;
    wc_arch_to_json(&c.arch, c.activation, &b);
    rc = wc_arch_config_read("again", wc_buf_str(&b), b.n, &again, &err);
    bool same = rc == WC_OK && wc_arch_same_sizes(&c.arch, &again.arch) &&
                c.arch.heads == again.arch.heads && c.arch.text_heads == again.arch.text_heads &&
                c.activation == again.activation;
    fuzz_require(same, "a configuration that is written and read again is the same", &err);
    wc_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    check_config(bytes, n);
    fuzz_weights(fuzz_file(bytes, n, ".index.json"));
    return 0;
}
