// CSV tables of data set splits.
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "dataset/csv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct wc_csv csv = {0};
    struct wc_error err = {.code = WC_OK};
    char *text = wc_alloc(n + 1, 1);
    if (!text)
        return 0;
    memcpy(text, bytes, n);
    enum wc_err rc = wc_csv_parse("input", text, n, &csv, &err);
    fuzz_data_error(rc, &err);
    size_t n_bytes = 0;
    for (size_t r = 0; rc == WC_OK && r < csv.n_rows; r++)
        for (size_t c = 0; c < csv.n_columns; c++)
            n_bytes += strlen(wc_csv_at(&csv, r, c));
    fuzz_require(n_bytes <= n, "fields hold no more than the text", NULL);
    wc_csv_release(&csv);
    return 0;
}
