// PyTorch's files before the zip format: four pickles and raw storages, without checksums.
#include "fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_weights(fuzz_file(bytes, n, ""));
    return 0;
}
