// Pictures and masks: PNG, JPEG, BMP.
#include "fuzz/fuzz.h"

#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    // A limit on pixels keeps bombs cheap; that memory follows the data is another test's matter.
    const struct wc_image_options o = {.max_pixels = 1 << 16, .exif_apply = n % 2 == 1};
    struct wc_image image = {0};
    struct wc_mask mask = {0};
    struct wc_error err = {.code = WC_OK};
    size_t width, height;
    enum wc_err rc = wc_image_decode("input", bytes, n, &o, &image, &err);
    fuzz_data_error(rc, &err);
    const char *path = fuzz_file(bytes, n, "");
    if (rc == WC_OK) {
        rc = wc_image_read_size(path, &o, &width, &height, &err);
        fuzz_require(rc == WC_OK && width == image.width_px && height == image.height_px,
                     "the header's size is the picture's", &err);
        fuzz_data_error(wc_mask_read(path, &mask, &err), &err);
    }
    wc_image_release(&image);
    wc_mask_release(&mask);
    return 0;
}
