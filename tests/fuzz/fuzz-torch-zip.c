// PyTorch's zip files (a changed byte of a storage fails its checksum: pickles have a target of
// their own).
#include "fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fuzz_weights(fuzz_file(bytes, n, ""));
    return 0;
}
