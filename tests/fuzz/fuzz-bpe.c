// Texts through the embedded tokenizer, and the same bytes as a merges file.
#include "fuzz/fuzz.h"

#include "text/tokenizer.h"

static void tokenize(const struct wc_tokenizer *t, const uint8_t *bytes, size_t n) {
    struct wc_error err = {.code = WC_OK};
    int32_t ids[77];
    size_t n_ids = 0;
    enum wc_err rc = wc_tokenize(t, (const char *)bytes, n, 77, ids, &n_ids, &err);
    fuzz_data_error(rc, &err);
    if (rc != WC_OK)
        return;
    bool good = n_ids >= 2 && n_ids <= 77 && ids[0] == wc_tokenizer_sot(t) &&
                ids[n_ids - 1] == wc_tokenizer_eot(t);
    for (size_t i = 0; i < n_ids; i++)
        good = good && ids[i] >= 0 && (size_t)ids[i] < wc_tokenizer_vocab_size(t);
    fuzz_require(good, "ids of the vocabulary, from SOT to EOT", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static struct wc_tokenizer *embedded; // lives as long as the process
    struct wc_tokenizer *own = NULL;
    struct wc_error err = {.code = WC_OK};
    if (!embedded)
        fuzz_require(wc_tokenizer_new(NULL, &embedded, &err) == WC_OK, "embedded merges", &err);
    tokenize(embedded, bytes, n);
    enum wc_err rc = wc_tokenizer_new(fuzz_file(bytes, n, ""), &own, &err);
    fuzz_data_error(rc, &err);
    if (rc == WC_OK)
        tokenize(own, bytes, n);
    wc_tokenizer_free(&own);
    return 0;
}
