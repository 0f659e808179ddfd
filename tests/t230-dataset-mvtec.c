// MVTec AD's tree and the traps of copies of it.
#include "fixture.h"

static const struct wc_dataset_options mvtec = {.name = "mvtec"};

static void plain(void) {
    fixture_begin("mvtec-plain");
    fixture_files("bottle/train/good/001.png bottle/train/good/000.png bottle/test/good/000.png "
                  "bottle/test/crack/000.png bottle/test/crack/001.PNG bottle/test/a_b/000.jpeg "
                  "bottle/ground_truth/crack/000_mask.png bottle/ground_truth/crack/001_mask.png "
                  "bottle/ground_truth/a_b/000.png bottle/readme.txt bottle/test/license.txt "
                  "bottle/test/crack/Thumbs.db bottle/test/crack/.hidden.png "
                  "Capsule/train/good/1.JPG Capsule/test/good/1.BMP license.txt "
                  "docs/figure.png");
    static const char bottle[] = "bottle masks\n"
                                 " - train/good/000.png\n"
                                 " - train/good/001.png\n"
                                 " x test/a_b/000.jpeg a_b ground_truth/a_b/000.png\n"
                                 " x test/crack/000.png crack ground_truth/crack/000_mask.png\n"
                                 " x test/crack/001.PNG crack ground_truth/crack/001_mask.png\n"
                                 " . test/good/000.png good\n";
    static const char capsule[] = "Capsule\n - train/good/1.JPG\n . test/good/1.BMP good\n";
    char both[2048];
    snprintf(both, sizeof(both), "%s%s", capsule, bottle);
    fixture_expect(mvtec, NULL, both, "categories and images by bytes, both mask names");

    char *name[] = {"bottle"};
    struct wc_strlist one = {name, 1, 1};
    struct wc_dataset_options options = mvtec;
    options.categories = &one;
    fixture_expect(options, NULL, bottle, "one category");
    options.object = "glass bottle";
    struct wc_dataset d = {0};
    options.root = fixture_root;
    test_ok(wc_dataset_list(&options, &d, NULL) == WC_OK, "with an object's name");
    test_str(d.n_categories ? d.category[0].object : NULL, "glass bottle", "object");
    test_str(d.n_categories ? d.category[0].item[0].path : NULL,
             fixture_path("bottle/test/a_b/000.jpeg"), "the path opens the image");
    test_str(d.n_categories ? d.category[0].folder : NULL, fixture_path("bottle"), "folder");
    wc_dataset_release(&d);

    name[0] = "botle";
    fixture_refuse(options, "not-found", "botle|bottle");
    name[0] = "../bottle";
    fixture_refuse(options, "bad-path", "../bottle");
    char *twice[] = {"bottle", "bottle"};
    options.categories = &(struct wc_strlist){twice, 2, 2};
    fixture_refuse(options, "duplicate", "bottle");
    options = mvtec;
    options.root = fixture_path("bottle");
    fixture_refuse(options, "not-found", "one category");
}

static void masks(void) {
    fixture_begin("mvtec-no-masks");
    fixture_files("x/test/good/0.png x/test/bad/1.png");
    fixture_expect(mvtec, NULL, "x\n x test/bad/1.png bad\n . test/good/0.png good\n",
                   "neither masks nor training images");

    fixture_begin("mvtec-habit");
    fixture_files("x/test/bad/a.png x/test/bad/a_mask.png x/ground_truth/bad/a.png "
                  "x/ground_truth/bad/a_mask.png y/test/bad/a.png y/test/bad/a_mask.png "
                  "y/ground_truth/bad/a_mask.png y/ground_truth/bad/a_mask_mask.png");
    fixture_expect(mvtec, NULL,
                   "x masks\n x test/bad/a.png bad ground_truth/bad/a.png\n"
                   " x test/bad/a_mask.png bad ground_truth/bad/a_mask.png\n"
                   "y masks\n x test/bad/a.png bad ground_truth/bad/a_mask.png\n"
                   " x test/bad/a_mask.png bad ground_truth/bad/a_mask_mask.png\n",
                   "images called _mask are paired as the folder's others");

    fixture_begin("mvtec-good-masks");
    fixture_files("x/test/good/0.png x/test/bad/1.png x/ground_truth/bad/1_mask.png "
                  "x/ground_truth/good/0_mask.png");
    fixture_expect(mvtec, NULL,
                   "x masks\n x test/bad/1.png bad ground_truth/bad/1_mask.png\n"
                   " . test/good/0.png good\n",
                   "normal images have no masks");

    fixture_begin("mvtec-unmatched");
    fixture_files("x/test/bad/1.png x/test/bad/2.png x/ground_truth/bad/1_mask.png "
                  "x/ground_truth/bad/3_mask.png x/ground_truth/gone/4_mask.png");
    fixture_refuse(mvtec, "unmatched-mask",
                   "\"x\"|ground_truth/bad/3_mask.png|ground_truth/gone/4_mask.png|test/bad/2.png");
    fixture_begin("mvtec-missing");
    fixture_files("x/test/bad/1.png x/test/bad/2.png x/ground_truth/bad/1_mask.png "
                  "x/test/other/9.png");
    fixture_refuse(mvtec, "missing-mask", "test/bad/2.png|test/other/9.png");
    fixture_begin("mvtec-emptied-masks");
    fixture_files("x/test/bad/1.png");
    fixture_dir("x/ground_truth/bad");
    fixture_refuse(mvtec, "missing-mask", "test/bad/1.png");
    fixture_begin("mvtec-many");
    for (int i = 0; i < 900; i++) {
        char name[64];
        snprintf(name, sizeof(name), "x/test/bad/%04d.png", i);
        fixture_files(name);
        snprintf(name, sizeof(name), "x/ground_truth/bad/m%04d.png", i);
        fixture_files(name);
    }
    fixture_refuse(mvtec, "unmatched-mask", "(900): ground_truth/bad/m0000.png|895 more|0004.png");

    fixture_begin("mvtec-two-masks");
    fixture_files("x/test/bad/1.png x/ground_truth/bad/1_mask.png x/ground_truth/bad/1_mask.bmp");
    fixture_refuse(mvtec, "duplicate", "1_mask.png|1_mask.bmp");
    fixture_begin("mvtec-two-images");
    fixture_files("x/test/bad/1.png x/test/bad/1.jpg x/ground_truth/bad/1_mask.png");
    fixture_refuse(mvtec, "duplicate", "test/bad/1.png");
    fixture_begin("mvtec-both-names");
    fixture_files("x/test/bad/1.png x/ground_truth/bad/1_mask.png x/ground_truth/bad/1.png");
    fixture_refuse(mvtec, "unmatched-mask", "ground_truth/bad/1.png");
    fixture_begin("mvtec-is-loco");
    fixture_files("x/test/bad/1.png x/ground_truth/bad/1/000.png");
    fixture_refuse(mvtec, "bad-layout", "mvtec_loco");
}

static void empty(void) {
    fixture_begin("mvtec-empty-test");
    fixture_files("x/train/good/0.png y/test/good/0.png");
    fixture_refuse(mvtec, "empty-category", "\"x\"");
    fixture_begin("mvtec-empty-folder");
    fixture_files("y/test/good/0.png");
    fixture_dir("x");
    fixture_refuse(mvtec, "empty-category", "\"x\"");
    fixture_begin("mvtec-only-text");
    fixture_files("x/test/good/readme.txt");
    fixture_refuse(mvtec, "empty-category", "\"x\"");
    fixture_begin("mvtec-nothing");
    fixture_refuse(mvtec, "not-found", "mvtec-nothing");
    struct wc_dataset_options options = mvtec;
    options.root = fixture_path("absent");
    fixture_refuse(options, "not-found", "absent");
    options.name = "mvtek";
    fixture_refuse(options, NULL, "mvtek|\"mvtec\"|visa");
}

static void layout(void) {
    fixture_begin("mvtec-stray-image");
    fixture_files("x/test/0.png");
    fixture_refuse(mvtec, "bad-layout", "test/0.png|test/good");
    fixture_begin("mvtec-nested");
    fixture_files("x/test/bad/lot1/0.png");
    fixture_refuse(mvtec, "bad-layout", "test/bad/lot1");
    fixture_begin("mvtec-tiff");
    fixture_files("x/test/bad/0.tif");
    fixture_refuse(mvtec, "bad-format", "0.tif|PNG");
    fixture_begin("mvtec-train-flat");
    fixture_files("x/test/bad/0.png x/train/0.png");
    fixture_refuse(mvtec, "bad-layout", "train/good");
}

int main(void) {
    plain();
    masks();
    empty();
    layout();
    return test_done();
}
