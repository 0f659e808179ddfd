// A listing survives its broadcast, and a damaged one is refused.
#include "fixture.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/hash.h"

static void list(struct wc_dataset *d) {
    fixture_begin("pack");
    fixture_files("can/train/good/0.png can/train/good/1.png can/test_public/good/0.png "
                  "can/test_public/bad/1.png can/test_public/ground_truth/bad/1_mask.png "
                  "can/test_private/9.png vial/test_public/good/0.png");
    struct wc_dataset_options options = {
        .name = "mvtec_ad2", .root = fixture_root, .object = "tin can"};
    struct wc_error err = {0};
    if (!test_ok(wc_dataset_list(&options, d, &err) == WC_OK, "a listing"))
        test_note("%s", err.text);
}

static void round_trip(const struct wc_dataset *d, const struct wc_buf *block) {
    struct wc_dataset back = {0};
    struct wc_error err = {0};
    char wanted[4096];
    snprintf(wanted, sizeof(wanted), "%s", fixture_print(d));
    test_ok(wc_dataset_unpack(block->data, block->n, &back, &err) == WC_OK, "unpacked");
    test_str(fixture_print(&back), wanted, "same categories, images and masks");
    test_str(back.name, d->name, "name");
    test_str(back.root, d->root, "root");
    test_str(back.category[0].object, "tin can", "object");
    test_str(back.category[0].item[0].path, d->category[0].item[0].path, "path");
    test_str(back.category[0].train[1].path, d->category[0].train[1].path, "training path");
    struct wc_buf again = {0};
    test_ok(wc_dataset_pack(&back, &again, &err) == WC_OK && again.n == block->n &&
                memcmp(again.data, block->data, block->n) == 0,
            "packed again: the same bytes");
    wc_buf_release(&again);
    wc_dataset_release(&back);
}

static void reseal(char *bytes, size_t n) {
    uint32_t crc = wc_crc32c(0, bytes, n - 4);
    for (int i = 0; i < 4; i++)
        bytes[n - 4 + (size_t)i] = (char)(crc >> (8 * i));
}

// Every byte changed, every length cut: with the CRC as it was, and with one that fits the damage.
static void damage(const struct wc_buf *block) {
    size_t n_refused = 0, n_kept = 0, n = block->n;
    char *copy = wc_alloc(n, 1);
    for (size_t i = 0; copy && i < n; i++) {
        struct wc_dataset out = {0};
        memcpy(copy, block->data, n);
        copy[i] = (char)(copy[i] ^ 0x81);
        n_refused += wc_dataset_unpack(copy, n, &out, NULL) != WC_OK && !out.category;
        reseal(copy, n);
        if (wc_dataset_unpack(copy, n, &out, NULL) == WC_OK) // a letter of a name, say
            n_kept++;
        wc_dataset_release(&out);
    }
    test_ok(n_refused == n, "a changed byte is refused, all %zu", n);
    test_ok(n_kept > 0 && n_kept < n, "with a CRC to match nothing breaks (%zu still read)",
            n_kept);
    n_refused = 0;
    for (size_t cut = 0; copy && cut < n; cut++) {
        struct wc_dataset out = {0};
        char *exact = wc_alloc(cut, 1); // so that a read past its end is seen
        if (!exact)
            break;
        memcpy(exact, block->data, cut);
        if (cut >= 4)
            reseal(exact, cut);
        n_refused += wc_dataset_unpack(exact, cut, &out, NULL) != WC_OK;
        wc_dataset_release(&out);
        wc_free(exact);
    }
    test_ok(n_refused == n, "a shorter block is refused, at all %zu lengths", n);
    wc_free(copy);
}

static void no_memory(const struct wc_dataset *d, const struct wc_buf *block) {
    struct wc_error err;
    bool named = true, done = false;
    unsigned long n = 0;
    while (!done && n < 10000) {
        struct wc_dataset out = {0};
        wc_fault_arm(WC_FAULT_ALLOC, ++n, false);
        enum wc_err rc = wc_dataset_unpack(block->data, block->n, &out, &err);
        wc_fault_reset();
        done = rc == WC_OK;
        named = named && (done || rc == WC_ERR_NOMEM);
        wc_dataset_release(&out);
    }
    test_ok(done && named && n > 10, "unpack: the n-th allocation fails, n = 1..%lu", n - 1);
    done = false;
    n = 0;
    while (!done && n < 10000) {
        struct wc_buf out = {0};
        wc_fault_arm(WC_FAULT_ALLOC, ++n, false);
        enum wc_err rc = wc_dataset_pack(d, &out, &err);
        wc_fault_reset();
        done = rc == WC_OK;
        named = named && (done || rc == WC_ERR_NOMEM);
        wc_buf_release(&out);
    }
    test_ok(done && named && n > 1, "pack: the n-th allocation fails, n = 1..%lu", n - 1);
}

int main(void) {
    struct wc_dataset d = {0};
    struct wc_buf block = {0};
    struct wc_error err = {0};
    list(&d);
    if (test_ok(wc_dataset_pack(&d, &block, &err) == WC_OK, "packed")) {
        round_trip(&d, &block);
        damage(&block);
        no_memory(&d, &block);
    }
    wc_buf_release(&block);
    wc_dataset_release(&d);
    return test_done();
}
