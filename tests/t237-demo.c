// The demo's photos: the same bytes everywhere, disjoint splits, and a data set that the layout
// reads.
#include "test.h"

#include "base/hash.h"
#include "base/io.h"
#include "dataset/dataset.h"
#include "demo/dataset.h"

#include <unistd.h>

static struct wc_demo_photo photo, other;

// All categories with all defects and without, of one product.
static void hash_split(enum wc_demo_split split, char hex[65]) {
    struct wc_sha256 s;
    unsigned char digest[32];
    wc_sha256_init(&s);
    for (size_t c = 0; c < wc_demo_n_categories(split); c++) {
        for (size_t d = 0; d <= wc_demo_n_defects(split); d++) {
            size_t defect = d < wc_demo_n_defects(split) ? d : WC_DEMO_GOOD;
            wc_demo_render(split, c, 11, 5, defect, &photo, NULL);
            wc_sha256_add(&s, &photo, sizeof photo);
        }
    }
    wc_sha256_end(&s, digest);
    wc_hex(digest, sizeof digest, hex);
}

static void bytes(void) {
    char hex[65];
    hash_split(WC_DEMO_TRAIN, hex);
    test_str(hex, "6de3815400057f681ebd5f7c784a9388875cf617604a2317402a98304844e7a4",
             "training split: bytes");
    hash_split(WC_DEMO_HELD_OUT, hex);
    test_str(hex, "4efced2cbdcb0667dfa153569951258c667a10264e460253097aa027bfed4175",
             "held-out split: bytes");
}

static size_t count_kind(enum wc_demo_split split, bool texture) {
    size_t n = 0;
    for (size_t i = 0; i < wc_demo_n_categories(split); i++)
        n += wc_demo_is_texture(split, i) == texture;
    return n;
}

static void splits(void) {
    size_t shared = 0;
    for (size_t i = 0; i < wc_demo_n_categories(WC_DEMO_TRAIN); i++)
        for (size_t j = 0; j < wc_demo_n_categories(WC_DEMO_HELD_OUT); j++)
            shared += strcmp(wc_demo_category(WC_DEMO_TRAIN, i),
                             wc_demo_category(WC_DEMO_HELD_OUT, j)) == 0;
    test_ok(shared == 0, "no category is in both splits");
    for (size_t i = 0; i < wc_demo_n_defects(WC_DEMO_TRAIN); i++)
        for (size_t j = 0; j < wc_demo_n_defects(WC_DEMO_HELD_OUT); j++)
            shared +=
                strcmp(wc_demo_defect(WC_DEMO_TRAIN, i), wc_demo_defect(WC_DEMO_HELD_OUT, j)) == 0;
    test_ok(shared == 0, "no kind of defect is in both splits");
    test_ok(wc_demo_n_categories(WC_DEMO_TRAIN) >= 12 &&
                wc_demo_n_categories(WC_DEMO_HELD_OUT) >= 6,
            "at least 12 and 6 categories");
    test_ok(wc_demo_n_defects(WC_DEMO_TRAIN) >= 8 && wc_demo_n_defects(WC_DEMO_HELD_OUT) >= 3,
            "at least 8 and 3 kinds of defect");
    test_ok(count_kind(WC_DEMO_HELD_OUT, true) > 0 && count_kind(WC_DEMO_HELD_OUT, false) > 0 &&
                count_kind(WC_DEMO_TRAIN, true) > 0 && count_kind(WC_DEMO_TRAIN, false) > 0,
            "textures and objects in both");
}

// How far apart two photos are outside the mask and inside it, mean of 0..255 a channel.
static void differ(double mean[2]) {
    double sum[2] = {0, 0};
    size_t n[2] = {0, 0};
    for (size_t i = 0; i < 3 * (size_t)WC_DEMO_PIXELS; i++) {
        int in = other.mask[i / 3] != 0;
        sum[in] += abs(photo.rgb[i] - other.rgb[i]);
        n[in]++;
    }
    for (int k = 0; k < 2; k++)
        mean[k] = n[k] ? sum[k] / (double)n[k] : 0;
}

// The damaged photo is the good one but for the mask, which lies on the part.
static void damage(enum wc_demo_split split) {
    size_t hidden = 0, off = 0, spread = 0, n = 0, n_mask = 0;
    for (size_t c = 0; c < wc_demo_n_categories(split); c++) {
        wc_demo_render(split, c, 3, 1, WC_DEMO_GOOD, &photo, NULL);
        for (size_t i = 0; i < WC_DEMO_PIXELS; i++)
            n_mask += photo.mask[i] != 0;
        for (size_t d = 0; d < wc_demo_n_defects(split); d++, n++) {
            double mean[2];
            size_t inside = 0, outside = 0;
            wc_demo_render(split, c, 3, 1, d, &other, NULL);
            differ(mean);
            hidden += mean[1] < 15;
            spread += mean[0] > 1;
            for (size_t i = 0; i < WC_DEMO_PIXELS; i++) {
                inside += other.mask[i] && other.part[i];
                outside += other.mask[i] && !other.part[i];
            }
            off += inside < 30 || outside > inside / 4;
        }
    }
    test_ok(n_mask == 0, "%s: good photos have an empty mask", wc_demo_split_name(split));
    // A few kinds cannot show on a few subjects: plain paper smeared. Training only.
    test_ok(hidden <= (split == WC_DEMO_TRAIN ? n / 100 : 0) && spread == 0,
            "%s: defects show (%zu of %zu do not), and nothing else changes",
            wc_demo_split_name(split), hidden, n);
    if (hidden || spread)
        test_note("%zu hardly show, %zu change more", hidden, spread);
    test_ok(off == 0, "%s: masks lie on the part", wc_demo_split_name(split));
}

static void varies(void) {
    size_t same = 0;
    for (size_t c = 0; c < wc_demo_n_categories(WC_DEMO_TRAIN); c++) {
        wc_demo_render(WC_DEMO_TRAIN, c, 3, 1, WC_DEMO_GOOD, &photo, NULL);
        wc_demo_render(WC_DEMO_TRAIN, c, 3, 2, WC_DEMO_GOOD, &other, NULL);
        same += memcmp(photo.rgb, other.rgb, sizeof photo.rgb) == 0;
        wc_demo_render(WC_DEMO_TRAIN, c, 4, 1, WC_DEMO_GOOD, &other, NULL);
        same += memcmp(photo.rgb, other.rgb, sizeof photo.rgb) == 0;
    }
    test_ok(same == 0, "photo and product seeds change the photo");
}

static bool listed(const char *dir, const struct wc_demo_set *set) {
    struct wc_dataset_options o = {.name = "mvtec", .root = dir};
    struct wc_dataset d = {0};
    struct wc_error err = {0};
    if (wc_dataset_list(&o, &d, &err) != WC_OK) {
        test_note("%s", err.text);
        return false;
    }
    bool good = d.n_categories == wc_demo_n_folders(set);
    for (size_t i = 0; i < d.n_categories; i++)
        good &= d.category[i].has_masks && d.category[i].n_train == set->per_category &&
                d.category[i].n_items == 2 * set->per_category;
    wc_dataset_release(&d);
    return good;
}

static void layout(void) {
    const char *tmp = getenv("WC_TEST_TMP");
    const struct wc_demo_set set = {WC_DEMO_HELD_OUT, 7, 2, 5};
    struct wc_demo_set another = set;
    struct wc_error err = {0};
    char dir[512], file[600], a[65], b[65];
    snprintf(dir, sizeof dir, "%s/t237-%ld", tmp ? tmp : "build/tmp", (long)getpid());
    snprintf(file, sizeof file, "%s/pill_2/test/thread/000.png", dir);
    bool written = wc_demo_begin(&set, dir, &err) == WC_OK &&
                   wc_demo_write(&set, dir, 1, 2, &err) == WC_OK &&
                   wc_demo_write(&set, dir, 0, 2, &err) == WC_OK;
    test_ok(written && listed(dir, &set), "written in two parts, mvtec lists it with its masks");
    test_note("%s", err.text);
    test_ok(wc_sha256_file(file, a, &err) == WC_OK && wc_io_remove(file, &err) == WC_OK &&
                wc_demo_begin(&set, dir, &err) == WC_OK &&
                wc_demo_write(&set, dir, 0, 1, &err) == WC_OK &&
                wc_sha256_file(file, b, &err) == WC_OK && strcmp(a, b) == 0,
            "the same data set is gone on with, to the same bytes");
    another.seed = 8;
    test_ok(wc_demo_begin(&another, dir, &err) == WC_ERR_DATA, "another one's folder is refused");
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    test_ok(system(command) == 0, "removed");
}

static void baseline(void) {
    const struct wc_demo_set set = {WC_DEMO_HELD_OUT, 7, 1, 4};
    double auroc = 0;
    enum wc_err rc = wc_demo_centre_auroc(&set, 3, &auroc, NULL);
    test_ok(rc == WC_OK && auroc > .5 && auroc < 1,
            "an object's centre is a better guess than chance: %.3f", auroc);
    wc_demo_centre_auroc(&set, 0, &auroc, NULL);
    test_ok(auroc > .2 && auroc < .8, "a texture's is not: %.3f", auroc);
}

int main(void) {
    bytes();
    splits();
    damage(WC_DEMO_TRAIN);
    damage(WC_DEMO_HELD_OUT);
    varies();
    layout();
    baseline();
    return test_done();
}
