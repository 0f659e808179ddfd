// config: the effective dump reads back to the same struct; what is in the run's hash; differences.
#include "config-test.h"

#include "base/fault.h"
#include "base/hash.h"
#include "config/options.h"

// One value for each key that is not its default.
static const char *const others[] = {
    "dataset.name=folder",
    "dataset.root=/other",
    "dataset.categories=[b, 'null', 'all of it', \"\\xE4\\u2028\\x07\\\"\\\\ ${WC_T_DOLLAR}\"]",
    "dataset.normal=[good, '1']",
    "dataset.anomalous=['true']",
    "dataset.references=first",
    "dataset.masks='~'",
    "dataset.object=\"$${HOME} \\uFEFF \\x85\"",
    "model.weights=random:ViT-B-16:3",
    "model.arch=ViT-B-16",
    "model.json=/j.json",
    "model.bpe=/b.gz",
    "model.activation=gelu",
    "model.interpolate=336",
    "model.precision=int8",
    ("method=[clip_ac, {name: winclip, as: 2-hot.b+c, tau: 0.123456789012345678, windows: [2], "
     "image_scale: 0, variants: [b, a]}, {name: winclip, prompts: t22}, {name: padim, as: null}]"),
    "preset=[anomalib, accurate]",
    "winclip.tau=0.07",
    "winclip.text_average=raw",
    "winclip.prompts=t21",
    "winclip.probability=abnormal",
    "winclip.aggregation=arithmetic",
    "winclip.scale_fusion=arithmetic",
    "winclip.image_scale=false",
    "winclip.windows=[3, 2]",
    "winclip.reference_patch=pre",
    "winclip.reference_windows=[3]",
    "winclip.reference_aggregation=harmonic",
    "winclip.reference_shifted=true",
    "winclip.map_fusion=sum",
    "winclip.map_zero=full",
    "winclip.image_score=softmax",
    "winclip.few_shot_score=text",
    "winclip.multi_crop=five",
    "winclip.crop_average=score",
    "backbone.weights=random:resnet18",
    "backbone.arch=resnet18",
    "patchcore.coreset=0.25",
    "patchcore.projection=0",
    "patchcore.neighbours=1",
    "padim.dimensions=7",
    "padim.epsilon=0.02",
    "spade.neighbours=3",
    "prompts=/p.yaml",
    "references=/r.csv",
    "features=temporary",
    "features_dir=f",
    "features_max_mb=1",
    "shots=[4, 0]",
    "seeds=[9007199254740991]",
    "preprocess.tiling=squash",
    "preprocess.exif=apply",
    "preprocess.max_pixels=1099511627776",
    "evaluation.size=1",
    "evaluation.fpr_limit=[0.1234567890123456789, 0.05]",
    "evaluation.exact_pixels=5",
    "evaluation.tolerance=3e-7",
    "output='runs/x: y'",
    "save_maps=overlay",
    "save_maps_of=failures",
    "bootstrap.replicates=10",
    "bootstrap.level=0.9",
    "bootstrap.seed=3",
    "threads=3",
    "isa=scalar",
    "gemm=openblas",
    "on_bad_image=skip",
    "journal.sync_s=0",
    "allow_singleton=True",
};
enum { N_OTHERS = sizeof(others) / sizeof(others[0]) };

static char *dump_of(const char *const *sets, bool for_hash) {
    struct wc_config c;
    struct wc_error err;
    struct wc_buf out = {0};
    char *text = NULL;
    if (read_config(MINIMAL, sets, &c, &err) == WC_OK &&
        wc_config_dump(&c, for_hash, &out, &err) == WC_OK)
        text = wc_strdup(wc_buf_str(&out));
    else
        test_note("%s", err.text);
    wc_buf_release(&out);
    wc_config_release(&c);
    return text;
}

static void check_round_trip(const char *const *sets, const char *name) {
    char *first = dump_of(sets, false);
    if (!test_ok(first != NULL, "%s: dumped", name))
        return;
    // Read back from another folder: the dump stands in the run directory.
    char *path = write_config("sub/dump.yaml", first);
    struct wc_config c;
    struct wc_error err = {0};
    struct wc_buf second = {0};
    wc_config_init(&c, &err);
    enum wc_err rc = wc_config_read(path, NULL, &c, &err);
    if (rc == WC_OK)
        rc = wc_config_dump(&c, false, &second, &err);
    if (!test_ok(rc == WC_OK, "%s: read back", name))
        test_note("%s", err.text);
    test_str(wc_buf_str(&second), first, "to the same dump");
    wc_buf_release(&second);
    wc_config_release(&c);
    wc_free(path);
    wc_free(first);
}

static bool same_entry(const struct wc_method_entry *a, const struct wc_method_entry *b) {
    bool same = strcmp(a->name, b->name) == 0 && !a->label == !b->label &&
                (!a->label || strcmp(a->label, b->label) == 0) && a->variants.n == b->variants.n &&
                memcmp(&a->winclip, &b->winclip, sizeof(a->winclip)) == 0;
    for (size_t i = 0; same && i < a->variants.n; i++)
        same = strcmp(a->variants.item[i], b->variants.item[i]) == 0;
    return same;
}

// The same fields, not only the same text.
static void test_fields(void) {
    const char *sets[N_OTHERS + 1] = {NULL};
    memcpy(sets, others, sizeof(others));
    struct wc_config a, b;
    struct wc_error err;
    struct wc_buf text = {0};
    bool ok = read_config(MINIMAL, sets, &a, &err) == WC_OK &&
              wc_config_dump(&a, false, &text, &err) == WC_OK &&
              read_config(wc_buf_str(&text), NULL, &b, &err) == WC_OK;
    if (!test_ok(ok, "every key set, dumped, read back")) {
        test_note("%s", err.text);
        return;
    }
    test_ok(a.dataset.categories.n == 4 && b.dataset.categories.n == 4, "four categories");
    test_str(a.dataset.categories.item[3], "\xC3\xA4\xE2\x80\xA8\a\"\\ ${HOME}$", "odd characters");
    for (size_t i = 0; i < 4; i++)
        test_str(b.dataset.categories.item[i], a.dataset.categories.item[i], "and back");
    test_str(b.dataset.object, a.dataset.object, "object");
    test_str(b.dataset.object, "${HOME} \xEF\xBB\xBF \xC2\x85", "object has its odd characters");
    test_str(b.dataset.masks, "~", "a quoted ~ is a text");
    test_str(b.output, "runs/x: y", "output");
    test_ok(b.winclip.tau == 0.07 && b.evaluation.fpr_limit.item[0] == 0.1234567890123456789 &&
                b.evaluation.tolerance == 3e-7,
            "numbers to the last bit");
    test_ok(memcmp(&a.shots, &b.shots, sizeof(a.shots)) == 0 &&
                memcmp(&a.seeds, &b.seeds, sizeof(a.seeds)) == 0 &&
                memcmp(&a.preprocess, &b.preprocess, sizeof(a.preprocess)) == 0 &&
                memcmp(&a.winclip, &b.winclip, sizeof(a.winclip)) == 0,
            "lists, preprocessing and switches");
    test_ok(a.methods.n == 4 && b.methods.n == 4, "four method entries");
    size_t n_same = 0;
    for (size_t i = 0; i < a.methods.n && i < b.methods.n; i++)
        n_same += same_entry(&a.methods.item[i], &b.methods.item[i]);
    test_ok(n_same == 4, "the same entries");
    test_ok(strstr(wc_buf_str(&text),
                   "\nmethod: [clip_ac, {name: winclip, as: 2-hot.b+c, variants: [b, a], "
                   "tau: 0.12345678901234568, image_scale: 0, windows: [2]}, "
                   "{name: winclip, prompts: t22}, padim]\n") != NULL,
            "with their own keys only");
    test_str(b.references, "/r.csv", "references");
    test_str(b.features_dir, "f", "features_dir");
    wc_buf_release(&text);
    wc_config_release(&a);
    wc_config_release(&b);
}

// Each key alone: the full dump always changes, the hashed one when the key is in the hash.
static void test_each_key(void) {
    static const char *const in_no_hash[] = {"features",
                                             "features_dir",
                                             "features_max_mb",
                                             "output",
                                             "save_maps",
                                             "save_maps_of",
                                             "bootstrap.replicates",
                                             "bootstrap.level",
                                             "bootstrap.seed",
                                             "threads",
                                             "isa",
                                             "gemm",
                                             "on_bad_image",
                                             "journal.sync_s",
                                             "allow_singleton"};
    // The base is "folder", so that its keys are possible.
    const char *base[] = {"dataset.name=folder", NULL, NULL};
    char *plain = dump_of(base, false), *hashed = dump_of(base, true);
    size_t n_options = 0, n_keys = 0;
    const struct wc_option *o = wc_options(&n_options);
    for (size_t i = 0; i < n_options; i++)
        n_keys += o[i].type != WC_OPTION_SECTION;
    test_ok(n_keys == N_OTHERS, "this test knows all %zu keys", n_keys);
    for (size_t i = 0; i < N_OTHERS; i++) {
        size_t n = strcspn(others[i], "=");
        char key[64];
        snprintf(key, sizeof(key), "%.*s", (int)n, others[i]);
        base[0] = "dataset.name=folder";
        base[1] = others[i];
        if (i == 0) {
            base[0] = "dataset.name=visa";
            base[1] = NULL;
        }
        char *p = dump_of(base, false), *h = dump_of(base, true);
        bool in_hash = true;
        for (size_t k = 0; k < sizeof(in_no_hash) / sizeof(in_no_hash[0]); k++)
            in_hash = in_hash && strcmp(in_no_hash[k], key) != 0;
        test_ok(p && h && strcmp(p, plain) != 0 && (strcmp(h, hashed) != 0) == in_hash,
                "%s is %s hash", key, in_hash ? "in the" : "in no");
        wc_free(p);
        wc_free(h);
        base[1] = NULL;
    }
    wc_free(plain);
    wc_free(hashed);
}

// A changed hash makes every unfinished run of a user start over: change it on purpose only.
static void test_hash_is_stable(void) {
    char *a = dump_of(NULL, true);
    char hex[65] = "";
    if (a)
        wc_sha256_hex(a, strlen(a), hex);
    test_str(hex, "1bcbb84f5b944b91d40615c09b8b0fc618da216ba20adf7d13308b5b8733a1f4",
             "the hash of the least configuration is what it was");
    // Layout, order of keys, comments and spellings of the same value are not in it.
    struct wc_config c;
    struct wc_error err;
    struct wc_buf b = {0};
    bool ok = read_config("# other layout\nmodel:\n    weights: 'demo'\nshots: 0\nevaluation: "
                          "{fpr_limit: 3.0e-1}\ndataset:\n  root: \"/d\"\n  name: mvtec\n"
                          "preset: [paper]\nthreads: 7\n",
                          NULL, &c, &err) == WC_OK &&
              wc_config_dump(&c, true, &b, &err) == WC_OK;
    test_ok(ok, "the same in another layout");
    test_str(wc_buf_str(&b), a, "has the same hashed dump");
    wc_buf_release(&b);
    wc_config_release(&c);
    wc_free(a);
}

static void test_diff(void) {
    char *a = dump_of(NULL, false),
         *b =
             dump_of(((const char *[]){others[5], "shots=[4, 0]", "winclip.tau=0.5", NULL}), false);
    struct wc_strlist lines = {0};
    struct wc_error err = {0};
    test_ok(wc_config_diff(a, b, &lines, &err) == WC_OK && lines.n == 3, "three differences");
    test_str(lines.n > 0 ? lines.item[0] : NULL, "dataset.references: [] -> [\"first\"]", "a text");
    test_str(lines.n > 1 ? lines.item[1] : NULL, "winclip.tau: null -> 0.5", "a number");
    test_str(lines.n > 2 ? lines.item[2] : NULL, "shots: [0] -> [4, 0]", "a list");
    wc_strlist_release(&lines);
    char *c = dump_of(((const char *[]){"method=[winclip, {name: winclip, as: hot, tau: 0.5, "
                                        "windows: [2, 3]}]",
                                        NULL}),
                      false),
         *d = dump_of(
             ((const char *[]){"method=[winclip, {name: winclip, as: hot, tau: 0.5}]", NULL}),
             false);
    test_ok(wc_config_diff(c, d, &lines, &err) == WC_OK && lines.n == 1, "entries differ");
    test_str(lines.n > 0 ? lines.item[0] : NULL,
             "method: [winclip, {name: winclip, as: hot, tau: 0.5, windows: [2, 3]}] -> "
             "[winclip, {name: winclip, as: hot, tau: 0.5}]",
             "maps inside lists");
    wc_strlist_release(&lines);
    wc_free(c);
    wc_free(d);
    test_ok(wc_config_diff(a, a, &lines, &err) == WC_OK && lines.n == 0, "no difference to itself");
    wc_strlist_release(&lines);
    test_ok(wc_config_diff("a: 1\nb: {c: 2}\n", "b: {d: 3}\na: 1\n", &lines, &err) == WC_OK &&
                lines.n == 2,
            "keys of other versions");
    test_str(lines.n > 0 ? lines.item[0] : NULL, "b.c: 2 -> (absent)", "a key that went");
    test_str(lines.n > 1 ? lines.item[1] : NULL, "b.d: (absent) -> 3", "a key that came");
    wc_strlist_release(&lines);
    test_ok(wc_config_diff("a: [", "a: 1", &lines, &err) == WC_ERR_CONFIG, "a broken dump");
    test_ok(wc_config_diff("[a]", "a: 1", &lines, &err) == WC_ERR_CONFIG, "no dump at all");
    wc_strlist_release(&lines);
    wc_free(a);
    wc_free(b);
}

// Whichever allocation fails while reading and dumping: reported, no leak, no crash.
static void test_memory(void) {
    const char *sets[N_OTHERS + 1] = {NULL};
    memcpy(sets, others, sizeof(others));
    struct wc_error err = {0};
    struct wc_strlist list = {0};
    for (size_t i = 0; i < N_OTHERS; i++)
        wc_strlist_add(&list, others[i], &err);
    char *path = write_config("t.yaml", MINIMAL);
    size_t n_wrong = 0;
    unsigned long n_calls = 0;
    enum wc_err rc = WC_ERR_NOMEM;
    while (rc != WC_OK && n_calls < 100000) {
        struct wc_config c = {0};
        struct wc_buf out = {0};
        wc_fault_arm(WC_FAULT_ALLOC, ++n_calls, false);
        rc = wc_config_init(&c, &err);
        if (rc == WC_OK)
            rc = wc_config_read(path, &list, &c, &err);
        if (rc == WC_OK)
            rc = wc_config_dump(&c, false, &out, &err);
        wc_fault_reset();
        n_wrong += rc != WC_OK && rc != WC_ERR_NOMEM;
        wc_buf_release(&out);
        wc_config_release(&c);
    }
    if (!test_ok(rc == WC_OK && n_wrong == 0 && n_calls > 100,
                 "each of %lu failing allocations is reported", n_calls))
        test_note("%zu others, the last: %s", n_wrong, err.text);
    wc_strlist_release(&list);
    wc_free(path);
}

int main(void) {
    setenv("WC_T_DOLLAR", "${HOME}$", 1);
    const char *sets[N_OTHERS + 1] = {NULL};
    memcpy(sets, others, sizeof(others));
    check_round_trip(NULL, "defaults");
    check_round_trip(sets, "all other values");
    test_fields();
    test_each_key();
    test_hash_is_stable();
    test_diff();
    test_memory();
    return test_done();
}
