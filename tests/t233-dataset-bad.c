// Hostile trees: nothing hangs, crashes or leaks; every fault has its name.
#include "fixture.h"

#include "base/fault.h"

static const struct wc_dataset_options mvtec = {.name = "mvtec"};

static void links(void) {
    fixture_begin("bad-loops");
    fixture_files("x/test/good/0.png x/test/bad/1.png x/ground_truth/bad/1_mask.png");
    test_ok(symlink(".", fixture_path("self")) == 0 && symlink("..", fixture_path("up")) == 0 &&
                symlink("loop", fixture_path("loop")) == 0 &&
                symlink("../x", fixture_path("x/again")) == 0,
            "links that go round");
    static const char wanted[] = "x masks\n x test/bad/1.png bad ground_truth/bad/1_mask.png\n"
                                 " . test/good/0.png good\n";
    fixture_expect(mvtec, NULL, wanted, "link loops among the categories do not hang");
    symlink("..", fixture_path("x/test/round"));
    fixture_refuse(mvtec, "bad-layout", "x/test/round");
    unlink(fixture_path("x/test/round"));
    symlink("b.png", fixture_path("x/test/good/a.png"));
    symlink("a.png", fixture_path("x/test/good/b.png"));
    fixture_refuse(mvtec, "not-found", "x/test/good/a.png");
    unlink(fixture_path("x/test/good/a.png"));
    fixture_refuse(mvtec, "not-found", "x/test/good/b.png|leads nowhere");
    unlink(fixture_path("x/test/good/b.png"));
    symlink("../bad/1.png", fixture_path("x/test/good/c.png"));
    fixture_expect(mvtec, NULL,
                   "x masks\n x test/bad/1.png bad ground_truth/bad/1_mask.png\n"
                   " . test/good/0.png good\n . test/good/c.png good\n",
                   "links to files are files");
}

static void specials(void) {
    fixture_begin("bad-fifo");
    fixture_files("x/test/good/0.png");
    test_ok(mkfifo(fixture_path("x/test/good/1.png"), 0600) == 0, "a FIFO");
    fixture_refuse(mvtec, "not-a-file", "x/test/good/1.png");
    unlink(fixture_path("x/test/good/1.png"));
    fixture_dir("x/test/good/2.png");
    fixture_refuse(mvtec, "not-a-file", "x/test/good/2.png");
    rmdir(fixture_path("x/test/good/2.png"));
    symlink("/dev/zero", fixture_path("x/test/good/3.png"));
    fixture_refuse(mvtec, "not-a-file", "x/test/good/3.png");
    unlink(fixture_path("x/test/good/3.png"));
    fixture_files("x/test/bad/0.png");
    fixture_dir("x/ground_truth/bad");
    mkfifo(fixture_path("x/ground_truth/bad/0_mask.png"), 0600);
    fixture_refuse(mvtec, "not-a-file", "ground_truth/bad/0_mask.png");
    struct wc_dataset_options options = mvtec;
    options.root = "/dev/null";
    fixture_refuse(options, "not-found", "/dev/null");
}

static void names(void) {
    fixture_begin("bad-names");
    char longest[256];
    memset(longest, 'n', 255);
    memcpy(longest + 251, ".png", 5);
    const char *const name[] = {"a b.png",      "\"q\".png", "'.png",  "a\nb.png", "\xC3\xA9.png",
                                "\xFF\xFE.png", "=1+1.png",  "%s.png", "-rf.png",  longest};
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        char path[512];
        snprintf(path, sizeof(path), "a \"category\"\n/test/bad %%n/%s", name[i]);
        fixture_text(path, "");
    }
    struct wc_dataset d = {0};
    struct wc_error err = {0};
    struct wc_dataset_options options = mvtec;
    options.root = fixture_root;
    test_ok(wc_dataset_list(&options, &d, &err) == WC_OK, "names of all kinds");
    test_ok(d.n_categories == 1 && d.category[0].n_items == 10, "each is listed");
    test_str(d.n_categories ? d.category[0].name : NULL, "a \"category\"\n", "as it is");
    bool sorted = d.n_categories == 1;
    for (size_t i = 1; sorted && i < d.category[0].n_items; i++)
        sorted = strcmp(d.category[0].item[i - 1].image, d.category[0].item[i].image) < 0;
    test_ok(sorted, "sorted by bytes");
    wc_dataset_release(&d);
    fixture_dir("a \"category\"\n/ground_truth/bad %n");
    fixture_refuse(mvtec, "missing-mask", "category\"\\x0a|(10)|%s.png|5 more");
    fixture_begin("bad-names-message");
    fixture_text("x/test/bad/a\n\x1b.png/0.png", "");
    options.root = fixture_root;
    test_ok(wc_dataset_list(&options, &d, &err) != WC_OK && !strpbrk(err.text, "\n\x1b") &&
                strstr(err.text, "a??.png"),
            "messages hold no control characters");
}

// Fails the n-th call of a kind, for each n until none is left to fail. A listing that succeeds all
// the same must be the whole one.
static void sweep(const char *what, struct wc_dataset_options options, enum wc_fault_kind kind,
                  bool persist) {
    unsigned long n = 0, n_right = 0;
    char whole[4096];
    struct wc_dataset d = {0};
    struct wc_error err = {0};
    wc_dataset_list(&options, &d, &err);
    snprintf(whole, sizeof(whole), "%s", fixture_print(&d));
    wc_dataset_release(&d);
    for (bool fired = true; fired && n < 100000;) {
        wc_fault_arm(kind, ++n, persist);
        enum wc_err rc = wc_dataset_list(&options, &d, &err);
        fired = wc_fault_count(kind) >= n;
        wc_fault_reset();
        if (rc == WC_OK)
            n_right += strcmp(fixture_print(&d), whole) == 0;
        else
            n_right += rc == (kind == WC_FAULT_ALLOC ? WC_ERR_NOMEM : WC_ERR_IO) && err.text[0] &&
                       !d.category;
        wc_dataset_release(&d);
    }
    test_ok(n > 1 && n_right == n && *whole, "%s: the n-th call fails%s, n = 1..%lu", what,
            persist ? " and all after it" : "", n - 1);
}

static const struct {
    const char *name, *masks, *files, *table, *text;
} swept[] = {
    {"mvtec", NULL,
     "x/train/good/0.png x/test/good/0.png x/test/bad/1.png x/ground_truth/bad/1_mask.png", NULL,
     NULL},
    {"mvtec_loco", NULL, "x/test/bad/1.png x/ground_truth/bad/1/0.png", NULL, NULL},
    {"mvtec_ad2", NULL,
     "x/test_public/bad/1.png x/test_public/ground_truth/bad/1_mask.png x/test_private/2.png", NULL,
     NULL},
    {"dagm", NULL,
     "x/Train/0.PNG x/Train/Label/Labels.txt x/Test/1.PNG x/Test/2.PNG x/Test/Label/2_label.PNG",
     NULL, NULL},
    {"folder", "masks", "good/0.png bad/1.png masks/1.png references/2.png", NULL, NULL},
    {"folder", "masks", "a/good/0.png a/bad/1.png a/masks/bad/1.png", NULL, NULL},
    {"csv", NULL, "0.png 1.png m.png", "s.csv",
     "category,split,image,label,mask\nx,test,0.png,good,\nx,test,1.png,bad,m.png\n"},
    {"visa", NULL, "x/0.png x/1.png x/m.png", "split_csv/1cls.csv",
     "object,split,label,image,mask\nx,test,normal,x/0.png,\nx,test,anomaly,x/1.png,x/m.png\n"},
    {"real_iad", NULL, "realiad_512/x/0.png realiad_512/x/1.png realiad_512/x/m.png",
     "realiad_jsons/x.json",
     "{\"train\": [{\"anomaly_class\": \"OK\", \"image_path\": \"0.png\"}], \"test\": "
     "[{\"anomaly_class\": \"AK\", \"image_path\": \"1.png\", \"mask_path\": \"m.png\"}]}"},
};

static void sweeps(void) {
    static const enum wc_fault_kind kinds[] = {WC_FAULT_ALLOC, WC_FAULT_OPEN, WC_FAULT_READ};
    static const char *const kind_names[] = {"alloc", "open", "read"};
    char name[64];
    for (size_t i = 0; i < sizeof(swept) / sizeof(swept[0]); i++) {
        fixture_begin("bad-sweep");
        fixture_files(swept[i].files);
        if (swept[i].table)
            fixture_text(swept[i].table, swept[i].text);
        struct wc_dataset_options options = {.name = swept[i].name,
                                             .root = fixture_root,
                                             .masks = swept[i].masks,
                                             .object = "thing"};
        for (size_t k = 0; k < 6; k++) {
            if (kinds[k / 2] == WC_FAULT_READ && !swept[i].table) // a tree is not read
                continue;
            snprintf(name, sizeof(name), "%s %s", swept[i].name, kind_names[k / 2]);
            sweep(name, options, kinds[k / 2], k % 2);
        }
    }
}

// A split with a hundred thousand categories is read in the time of one.
static void many(void) {
    fixture_begin("bad-many");
    fixture_files("0.png");
    FILE *f = fopen(fixture_path("s.csv"), "w");
    if (!f)
        return;
    fputs("category,image\n", f);
    for (int i = 0; i < 100000; i++)
        fprintf(f, "c%d,0.png\n", i);
    fclose(f);
    struct wc_dataset d = {0};
    struct wc_error err = {0};
    struct wc_dataset_options options = {.name = "csv", .root = fixture_root};
    test_ok(wc_dataset_list(&options, &d, &err) == WC_OK && d.n_categories == 100000,
            "100,000 categories");
    wc_dataset_release(&d);
}

int main(void) {
    links();
    specials();
    names();
    sweeps();
    many();
    return test_done();
}
