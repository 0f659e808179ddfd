// Study files: which runs they stand for. Neither accepted nor refused is a fault, and so is a run
// without a folder of its own.
#include "fuzz/fuzz.h"

#include "config/study.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct wc_study s = {0};
    struct wc_error err = {.code = WC_OK};
    const char *path = fuzz_file(bytes, n, ".yaml");
    enum wc_err rc = wc_study_read(path, NULL, NULL, &s, &err);
    fuzz_require(rc == WC_OK || (rc == WC_ERR_CONFIG && err.text[0]),
                 "neither accepted nor refused as a wrong configuration", &err);
    fuzz_require(rc != WC_OK || s.n > 0, "a study of no runs", NULL);
    for (size_t i = 0; i < s.n; i++)
        for (size_t k = 0; k < i; k++)
            fuzz_require(strcmp(s.run[i].config.output, s.run[k].config.output) != 0,
                         "two runs in one folder", NULL);
    wc_study_release(&s);
    return 0;
}
