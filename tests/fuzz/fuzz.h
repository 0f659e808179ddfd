/*
 * Fuzz targets: one small file a parser, each with libFuzzer's entry point.
 *
 * `make fuzz` runs them under libFuzzer; `make check` replays tests/fuzz/corpus/NAME (and golden
 * files of the kind) through replay.c, also under the sanitizers. A target accepts anything or
 * refuses it as its parser promises; everything else is a crash: fuzz_require().
 */
#ifndef WC_TESTS_FUZZ_FUZZ_H
#define WC_TESTS_FUZZ_FUZZ_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// libFuzzer calls it with each input.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

// The path of a file that holds the input, its name ending in `suffix` ("" or ".index.json"), until
// the next call. The file is in memory.
const char *fuzz_file(const uint8_t *bytes, size_t n, const char *suffix);

// Ends the process with a message unless `true_` holds.
void fuzz_require(bool true_, const char *what, const struct wc_error *err);

// Success, or bad data with a fault word and a text.
void fuzz_data_error(enum wc_err rc, const struct wc_error *err);

#endif
