// Plain folders under any names, with and without masks.
#include "fixture.h"

static const struct wc_dataset_options folder = {.name = "folder"};

#define LIST(...)                                                                                  \
    (&(struct wc_strlist){(char *[]){__VA_ARGS__},                                                 \
                          sizeof((char *[]){__VA_ARGS__}) / sizeof(char *),                        \
                          sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)})

static void defaults(void) {
    fixture_begin("folder-textile");
    fixture_files("textile/nominal/2.jpg textile/nominal/1.jpg textile/local/1.jpg "
                  "textile/global/1.jpg textile/README.md textile/LICENSE");
    static const char textile[] = "textile\n x global/1.jpg global\n x local/1.jpg local\n"
                                  " . nominal/1.jpg good\n . nominal/2.jpg good\n";
    fixture_expect(folder, "textile", textile, "a normal folder: the others are kinds of defect");
    fixture_expect(folder, "textile/", textile, "a slash at the end of the root");
    fixture_expect(folder, NULL, textile, "the same as the only category of a set");

    struct wc_dataset_options options = folder;
    options.normal = LIST("nominal");
    options.anomalous = LIST("local");
    options.object = "woven cloth";
    fixture_expect(options, "textile",
                   "textile\n x local/1.jpg local\n . nominal/1.jpg good\n"
                   " . nominal/2.jpg good\n",
                   "folders that were named");
    options.references = LIST("nominal");
    fixture_expect(options, "textile",
                   "textile\n - nominal/1.jpg\n - nominal/2.jpg\n x local/1.jpg local\n"
                   " . nominal/1.jpg good\n . nominal/2.jpg good\n",
                   "references may be the normal folder");

    fixture_begin("folder-brain");
    fixture_files("yes/Y1.jpg yes/Y10.JPG \n no/1_no.jpeg no/N2.png yes/readme.txt");
    fixture_expect(folder, NULL,
                   "folder-brain\n . no/1_no.jpeg good\n . no/N2.png good\n x yes/Y1.jpg yes\n"
                   " x yes/Y10.JPG yes\n",
                   "yes and no");
    fixture_begin("folder-categories");
    fixture_files("gear/OK/1.png gear/NG/1.png nut/good/1.png nut/Scratch/1.png "
                  "nut/references/9.png docs/figure.png");
    fixture_expect(folder, NULL,
                   "gear\n x NG/1.png NG\n . OK/1.png good\n"
                   "nut\n - references/9.png\n x Scratch/1.png Scratch\n . good/1.png good\n",
                   "sub-folders are categories");
    options = folder;
    options.categories = LIST("nut");
    fixture_expect(options, NULL,
                   "nut\n - references/9.png\n x Scratch/1.png Scratch\n . good/1.png good\n",
                   "one of them");
    options.categories = LIST("bolt");
    fixture_refuse(options, "not-found", "bolt");
}

static void masks(void) {
    struct wc_dataset_options options = folder;
    options.masks = "masks";
    static const char wanted[] = "folder-masks masks\n x bad/1.png bad masks/1_mask.png\n"
                                 " x bad/2.jpg bad masks/2.png\n . good/3.png good\n";
    fixture_begin("folder-masks");
    fixture_files("good/3.png bad/1.png bad/2.jpg masks/1_mask.png masks/2.png");
    fixture_expect(options, NULL, wanted, "masks by stem, with and without _mask");
    fixture_files("masks/3_mask.png");
    fixture_expect(options, NULL, wanted, "a mask of a normal image says nothing");
    fixture_files("masks/4.png");
    fixture_refuse(options, "unmatched-mask", "masks/4.png");
    unlink(fixture_path("masks/2.png"));
    fixture_refuse(options, "unmatched-mask", "masks/4.png|bad/2.jpg");
    unlink(fixture_path("masks/4.png"));
    fixture_refuse(options, "missing-mask", "bad/2.jpg");
    options.masks = "gone";
    fixture_refuse(options, "not-found", "gone|dataset.masks");
    options.masks = "../masks";
    fixture_refuse(options, "bad-path", "../masks");

    options.masks = "truth";
    fixture_begin("folder-nested");
    fixture_files("good/1.png bent/1.png torn/1.png truth/bent/1_mask.png truth/torn/1.png "
                  "truth/good/1.png");
    fixture_expect(options, NULL,
                   "folder-nested masks\n x bent/1.png bent truth/bent/1_mask.png\n"
                   " . good/1.png good\n x torn/1.png torn truth/torn/1.png\n",
                   "masks in a folder for each defect");
    fixture_files("truth/gone/1.png truth/9.png");
    fixture_refuse(options, "unmatched-mask", "truth/gone/1.png|truth/9.png");
    options.masks = "masks";
    fixture_begin("folder-ambiguous");
    fixture_files("good/1.png bent/1.png torn/1.png masks/1.png");
    fixture_refuse(options, "duplicate", "1.png");
}

static void bad(void) {
    struct wc_dataset_options options = folder;
    fixture_begin("folder-unknown");
    fixture_files("left/1.png right/1.png");
    fixture_refuse(options, "not-found", "left, right|dataset.normal");
    options.normal = LIST("left");
    options.anomalous = LIST("wrong");
    fixture_refuse(options, "not-found", "wrong|dataset.anomalous");
    options.anomalous = LIST("left");
    fixture_refuse(options, "duplicate", "left");
    options.anomalous = LIST("../right");
    fixture_refuse(options, "bad-path", "../right");
    options.anomalous = LIST("/tmp");
    fixture_refuse(options, "bad-path", "/tmp");
    options.anomalous = LIST("right");
    options.references = LIST("none");
    fixture_refuse(options, "not-found", "none|dataset.references");

    fixture_begin("folder-empty");
    fixture_dir("good");
    fixture_dir("bad");
    fixture_refuse(folder, "empty-category", "folder-empty");
    fixture_begin("folder-nothing");
    fixture_refuse(folder, "not-found", "no folder at all");
    fixture_begin("folder-deep");
    fixture_files("good/lot1/1.png bad/1.png");
    fixture_refuse(folder, "bad-layout", "good/lot1");
    fixture_begin("folder-file");
    fixture_text("file", "");
    options = folder;
    options.root = fixture_path("file");
    fixture_refuse(options, "not-found", "file");
}

int main(void) {
    defaults();
    masks();
    bad();
    return test_done();
}
