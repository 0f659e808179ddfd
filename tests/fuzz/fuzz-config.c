// Configurations: YAML and the option table. What is accepted survives being dumped and read again.
#include "fuzz/fuzz.h"

#include "config/config.h"

#include <string.h>

static void read_again(const struct wc_config *c) {
    struct wc_config again = {0};
    struct wc_buf a = {0}, b = {0};
    struct wc_error err = {.code = WC_OK};
    fuzz_require(wc_config_dump(c, false, &a, &err) == WC_OK, "a configuration can be dumped",
                 &err);
    const char *path = fuzz_file((const uint8_t *)wc_buf_str(&a), a.n, ".yaml");
    fuzz_require(wc_config_init(&again, &err) == WC_OK, "defaults", &err);
    enum wc_err rc = wc_config_read(path, NULL, &again, &err);
    fuzz_require(rc == WC_OK, "a dump can be read", &err);
    fuzz_require(wc_config_dump(&again, false, &b, &err) == WC_OK, "and dumped", &err);
    fuzz_require(strcmp(wc_buf_str(&a), wc_buf_str(&b)) == 0, "to the same text", NULL);
    wc_config_release(&again);
    wc_buf_release(&a);
    wc_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct wc_config c = {0};
    struct wc_error err = {.code = WC_OK};
    const char *path = fuzz_file(bytes, n, ".yaml");
    fuzz_require(wc_config_init(&c, &err) == WC_OK, "defaults", &err);
    enum wc_err rc = wc_config_read(path, NULL, &c, &err);
    fuzz_require(rc == WC_OK || (rc == WC_ERR_CONFIG && err.text[0]),
                 "neither accepted nor refused as a wrong configuration", &err);
    if (rc == WC_OK)
        read_again(&c);
    wc_config_release(&c);
    return 0;
}
