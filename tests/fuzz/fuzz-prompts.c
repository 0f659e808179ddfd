// Prompt sets.
#include "fuzz/fuzz.h"

#include "text/prompts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct wc_prompts *p = NULL;
    struct wc_strlist normal = {0}, abnormal = {0};
    struct wc_error err = {.code = WC_OK};
    enum wc_err rc = wc_prompts_read(fuzz_file(bytes, n, ".yaml"), &p, &err);
    fuzz_require(rc == WC_OK || (rc == WC_ERR_CONFIG && err.text[0]),
                 "neither accepted nor refused as a wrong configuration", &err);
    if (rc == WC_OK) {
        rc = wc_prompts_expand(p, NULL, "pcb1", "metal nut", &normal, &abnormal, &err);
        fuzz_require(rc == WC_OK && normal.n > 0 && abnormal.n > 0, "a set has prompts", &err);
    }
    wc_strlist_release(&normal);
    wc_strlist_release(&abnormal);
    wc_prompts_free(&p);
    return 0;
}
