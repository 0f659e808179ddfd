// The pickle interpreter alone; the first bit of the input says whether TorchScript's classes are
// allowed.
#include "fuzz/fuzz.h"

#include "weights/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct wc_pickle p = {0};
    struct wc_error err = {.code = WC_OK};
    if (n == 0)
        return 0;
    const struct wc_pk_options o = {.path = "input",
                                    .what = "data.pkl",
                                    .cut_fault = "truncated",
                                    .allow_classes = bytes[0] & 1};
    enum wc_err rc = wc_pickle_run(&o, bytes + 1, n - 1, &p, &err);
    fuzz_data_error(rc, &err);
    if (rc == WC_OK) {
        fuzz_require(p.n_used <= n - 1 && p.root < p.n_values, "a root among the values", NULL);
        wc_pickle_release(&p);
    }
    return 0;
}
