// config: defaults, every kind of value, variables, paths, --set, the configurations that ship.
#include "config-test.h"

#include "config/options.h"

#include <unistd.h>

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool read_ok(const char *text, const char *const *sets, struct wc_config *c) {
    struct wc_error err;
    enum wc_err rc = read_config(text, sets, c, &err);
    if (rc != WC_OK)
        test_note("%s", err.text);
    return rc == WC_OK;
}

static void test_defaults(void) {
    struct wc_config c;
    struct wc_error err = {0};
    test_ok(wc_config_init(&c, &err) == WC_OK, "defaults");
    test_ok(!c.dataset.root && c.dataset.categories.n == 0 && !c.output && !c.prompts,
            "nothing where a default is nothing");
    test_ok(c.methods.n == 1 && strcmp(c.methods.item[0].name, "winclip") == 0 &&
                !c.methods.item[0].label && c.methods.item[0].variants.n == 0 &&
                isnan(c.methods.item[0].winclip.tau) &&
                c.methods.item[0].winclip.prompts == WC_FROM_PRESET && c.presets.n == 1 &&
                strcmp(c.presets.item[0], "paper") == 0,
            "winclip as in the paper");
    test_ok(c.shots.n == 1 && c.shots.item[0] == 0 && c.seeds.n == 1 && c.seeds.item[0] == 0,
            "zero-shot, seed 0");
    test_ok(isnan(c.winclip.tau) && c.winclip.prompts == WC_FROM_PRESET &&
                c.winclip.multi_crop == WC_FROM_PRESET && c.winclip.windows.n == 0,
            "switches are the preset's");
    test_ok(c.preprocess.tiling == 0 && !c.preprocess.exif_apply && c.evaluation.size == 0 &&
                c.threads == 0,
            "tiles, no EXIF, native size, threads auto");
    test_ok(c.features == WC_FEATURES_KEEP && !c.features_dir && c.features_max_mb == 20000,
            "features are kept, up to 20 GB");
    test_str(c.references, "random", "references are drawn");
    test_near(c.evaluation.fpr_limit.item[0], 0.3, 0, "AUPRO up to 0.3");
    test_str(c.isa, "auto", "isa auto");
    wc_config_release(&c);
    wc_config_release(&c);
    test_ok(!c.isa && !c.methods.item, "release leaves zeroes and may be repeated");
}

static const char full[] = "dataset:\n"
                           "  name: folder\n"
                           "  root: data/cloth\n"
                           "  categories: [b, a]\n"
                           "  normal: good\n"
                           "  anomalous: [bad, 'very bad']\n"
                           "  references: first\n"
                           "  masks: masks\n"
                           "  object: \"metal nut\"\n"
                           "model:\n"
                           "  weights: ../m.safetensors\n"
                           "  arch: ViT-B-16-plus-240\n"
                           "  json: ./m.json\n"
                           "  bpe: /abs/bpe.txt.gz\n"
                           "  activation: quickgelu\n"
                           "  precision: bf16\n"
                           "method: [winclip, clip_ac]\n"
                           "preset: [caoyunkang, paper]\n"
                           "winclip: {tau: 0.05, text_average: normalized_each, prompts: t22np,\n"
                           "  probability: normal, aggregation: arithmetic_inverse,\n"
                           "  scale_fusion: inverse_mean, image_scale: 1, windows: [2, 3],\n"
                           "  reference_patch: post, reference_aggregation: arithmetic,\n"
                           "  map_fusion: parallel, map_zero: half, image_score: map_max,\n"
                           "  multi_crop: ten, few_shot_score: reference, crop_average: score,\n"
                           "  reference_windows: [3], reference_shifted: true}\n"
                           "prompts: p.yaml\n"
                           "shots: [0, 1, 4]\n"
                           "seeds: 7\n"
                           "references: ../refs.csv\n"
                           "preprocess: {tiling: center_crop, exif: apply, max_pixels: 1000}\n"
                           "evaluation: {size: 240, fpr_limit: 0.05, tolerance: 1e-4}\n"
                           "output: out/x\n"
                           "save_maps: f16\n"
                           "features: temporary\n"
                           "features_dir: tmp/f\n"
                           "features_max_mb: 5\n"
                           "threads: 12\n"
                           "isa: avx2\n"
                           "gemm: onednn\n"
                           "on_bad_image: skip\n"
                           "journal: {sync_s: 2.5}\n"
                           "allow_singleton: true\n";

static void test_values(void) {
    struct wc_config c;
    if (!test_ok(read_ok(full, NULL, &c), "every key with a value"))
        return;
    test_str(c.dataset.object, "metal nut", "a text");
    test_ok(c.dataset.categories.n == 2 && strcmp(c.dataset.categories.item[0], "b") == 0,
            "a list keeps its order");
    test_ok(c.dataset.normal.n == 1 && c.dataset.anomalous.n == 2 &&
                strcmp(c.dataset.anomalous.item[1], "very bad") == 0,
            "one text is a list of one");
    test_str(c.model.bpe, "/abs/bpe.txt.gz", "an absolute path");
    test_ok(c.model.activation == 2 && c.model.precision == 1, "model enums");
    const struct wc_winclip_switches *w = &c.winclip;
    test_ok(w->tau == 0.05 && w->text_average == 1 && w->prompts == 2 && w->probability == 1 &&
                w->aggregation == 2 && w->scale_fusion == 2 && w->image_scale == 1 &&
                w->windows.n == 2 && w->windows.item[1] == 3,
            "zero-shot switches");
    test_ok(w->reference_patch == 2 && w->reference_aggregation == 1 && w->map_fusion == 3 &&
                w->reference_windows.n == 1 && w->reference_windows.item[0] == 3 &&
                w->reference_shifted == 1 && w->few_shot_score == 2 && w->crop_average == 1 &&
                w->map_zero == 1 && w->image_score == 1 && w->multi_crop == 2,
            "few-shot switches");
    test_ok(c.shots.n == 3 && c.shots.item[2] == 4 && c.seeds.n == 1 && c.seeds.item[0] == 7,
            "lists of numbers");
    test_ok(c.preprocess.tiling == 1 && c.preprocess.exif_apply && c.preprocess.max_pixels == 1000,
            "preprocessing; center_crop is shortest_crop");
    test_ok(c.evaluation.size == 240 && c.evaluation.fpr_limit.n == 1 &&
                c.evaluation.fpr_limit.item[0] == 0.05 && c.evaluation.tolerance == 1e-4,
            "evaluation");
    test_str(c.output, "out/x", "output stays relative to the current directory");
    test_ok(c.save_maps == 3 && c.threads == 12 && c.on_bad_image == WC_BAD_IMAGE_SKIP &&
                c.journal_sync_s == 2.5 && c.allow_singleton,
            "the run's keys");
    test_ok(c.features == WC_FEATURES_TEMPORARY && c.features_max_mb == 5, "features");
    test_str(c.features_dir, "tmp/f", "their folder stays relative to the current directory");
    wc_config_release(&c);
}

static void test_paths(void) {
    struct wc_config c;
    char *dir = realpath(scratch(), NULL), *parent = dir ? wc_path_dir(dir) : NULL;
    if (!test_ok(read_ok(full, NULL, &c) && dir && parent, "paths are read"))
        return;
    char *root = wc_path_join(dir, "data/cloth"), *weights = wc_path_join(parent, "m.safetensors"),
         *json = wc_path_join(dir, "m.json");
    test_str(c.dataset.root, root, "a relative path starts from the file's folder");
    test_str(c.model.weights, weights, "so does one that goes up");
    test_str(c.model.json, json, "\"./\" is dropped");
    test_ok(wc_str_starts(c.references, parent) && wc_str_ends(c.references, "/refs.csv"),
            "references are a path, absolute once read");
    test_ok(strcmp(c.dataset.masks, "masks") == 0 &&
                strcmp(c.dataset.references.item[0], "first") == 0,
            "masks and references are the data set's, below root");
    wc_config_release(&c);
    wc_free(root);
    wc_free(weights);
    wc_free(json);
    wc_free(parent);
    free(dir);

    static const char *const kept[] = {"demo", "random:ViT-B-16", "random:ViT-B-16-plus-240:7"};
    for (size_t i = 0; i < 3; i++) {
        char set[64];
        snprintf(set, sizeof(set), "model.weights=%s", kept[i]);
        test_ok(read_ok(MINIMAL, SETS(set), &c), "weights %s", kept[i]);
        test_str(c.model.weights, kept[i], "are no path");
        wc_config_release(&c);
    }
    static const char *const words[] = {"random", "first"};
    for (size_t i = 0; i < 2; i++) {
        char set[64];
        snprintf(set, sizeof(set), "references=%s", words[i]);
        test_ok(read_ok(MINIMAL, SETS(set), &c), "references %s", words[i]);
        test_str(c.references, words[i], "is a word, no path");
        wc_config_release(&c);
    }
    test_ok(read_ok(MINIMAL, SETS("references=./first"), &c) && c.references[0] == '/',
            "./first is a path");
    wc_config_release(&c);
    test_ok(read_ok(MINIMAL, NULL, &c), "no output");
    test_str(c.output, "runs/t", "output is named after the file");
    wc_config_release(&c);
}

// The same file by another way from another folder: the same struct.
static void test_current_directory(void) {
    struct wc_config a, b;
    struct wc_error err = {0};
    char *path = write_config("sub/t.yaml", full);
    char home[4096];
    bool ok = getcwd(home, sizeof(home)) && wc_config_init(&a, &err) == WC_OK &&
              wc_config_init(&b, &err) == WC_OK && wc_config_read(path, NULL, &a, &err) == WC_OK;
    ok = ok && chdir(scratch()) == 0 &&
         wc_config_read("sub/../sub/./t.yaml", NULL, &b, &err) == WC_OK;
    ok = chdir(home) == 0 && ok;
    test_ok(ok && strcmp(a.dataset.root, b.dataset.root) == 0 &&
                strcmp(a.model.weights, b.model.weights) == 0,
            "paths do not depend on where the program was started");
    wc_config_release(&a);
    wc_config_release(&b);
    wc_free(path);
}

static void test_variables(void) {
    setenv("WC_T_ROOT", "/data/x", 1);
    setenv("WC_T_EMPTY", "", 1);
    setenv("WC_T_N", "8", 1);
    setenv("WC_T_ODD", "a: [b] # ${WC_T_ROOT}", 1);
    unsetenv("WC_T_NONE");
    struct wc_config c;
    bool ok = read_ok("dataset: {name: mvtec, root: \"${WC_T_ROOT}/y\", object: '${WC_T_ODD}'}\n"
                      "model:\n"
                      "  weights: ${WC_T_NONE:-demo}\n"
                      "  arch: ${WC_T_EMPTY:-ViT-B-16}\n"
                      "  bpe: ${WC_T_EMPTY}\n"
                      "threads: ${WC_T_N}\n"
                      "evaluation: {size: \"${WC_T_N}0\"}\n"
                      "preset: ['${WC_T_NONE:-accurate}']\n"
                      "gemm: a$b\n",
                      SETS("gemm=auto"), &c);
    if (!test_ok(ok, "variables"))
        return;
    test_str(c.dataset.root, "/data/x/y", "a variable inside a path");
    test_str(c.dataset.object, "a: [b] # ${WC_T_ROOT}",
             "a value is text, not YAML, and not again "
             "expanded");
    test_str(c.model.weights, "demo", "a default for an unset variable");
    test_str(c.model.arch, "ViT-B-16", "a default for an empty variable");
    test_ok(!c.model.bpe, "an empty value is the default");
    test_ok(c.threads == 8 && c.evaluation.size == 80, "numbers, with and without quotes");
    test_str(c.presets.item[0], "accurate", "in a list");
    wc_config_release(&c);

    ok =
        read_ok(MINIMAL, SETS("dataset.object=$HOME $${X} a$", "dataset.categories=${C:-all}"), &c);
    test_ok(ok && c.dataset.categories.n == 0, "a word from a variable's default");
    test_str(c.dataset.object, "$HOME ${X} a$", "only ${...} is a variable; $${ is a literal ${");
    wc_config_release(&c);

    ok = read_ok("dataset: {name: mvtec, root: \"${WC_T_NONE}\"}\nmodel: {weights: demo}\n",
                 SETS("dataset.root=/d"), &c);
    test_ok(ok, "a variable that --set makes unneeded need not be set");
    wc_config_release(&c);
}

static void test_sets(void) {
    struct wc_config c;
    bool ok = read_ok(MINIMAL "shots: [1]\nwinclip: {tau: 0.5, multi_crop: five}\n",
                      SETS("shots=[0,1]", "seeds=3", "seeds=4", "model.arch=a=b",
                           "output=", "winclip={tau: 2}", "dataset.categories=[x, y z]"),
                      &c);
    test_ok(ok && c.shots.n == 2 && c.seeds.item[0] == 4,
            "--set wins over the file, the last wins");
    test_ok(ok && c.winclip.tau == 2 && c.winclip.multi_crop == 1, "a section by --set adds to it");
    test_str(c.model.arch, "a=b", "a value may hold \"=\"");
    test_str(c.output, "runs/t", "an empty value is the default");
    test_ok(c.dataset.categories.n == 2 && strcmp(c.dataset.categories.item[1], "y z") == 0,
            "a list of texts");
    wc_config_release(&c);

    ok = read_ok(MINIMAL "winclip: {tau: 0.5, multi_crop: five}\n", SETS("winclip="), &c);
    test_ok(ok && isnan(c.winclip.tau) && c.winclip.multi_crop == WC_FROM_PRESET,
            "an empty section by --set is that section's defaults");
    wc_config_release(&c);

    struct wc_error err = {0};
    struct wc_strlist sets = {0};
    wc_strlist_add(&sets, "model.weights=demo", &err);
    ok = wc_config_init(&c, &err) == WC_OK && wc_config_read(NULL, &sets, &c, &err) == WC_OK;
    test_ok(ok && !c.output && !c.path && !c.dataset.root, "without a file nothing is required");
    wc_config_release(&c);
    wc_strlist_release(&sets);
}

static void test_methods(void) {
    struct wc_config c;
    bool ok = read_ok(MINIMAL "method:\n- clip_ac\n- name: winclip\n  tau: 0.05\n  windows: [2]\n"
                              "- {name: winclip, as: 2-hot.b+c, tau: 0.5, variants: [a, b]}\n"
                              "- {name: winclip, as: , variants: a}\n",
                      SETS("method="), &c);
    test_ok(ok && c.methods.n == 1, "--set method= is the default, and drops the file's entries");
    wc_config_release(&c);
    ok = read_ok(MINIMAL "method:\n- clip_ac\n- name: winclip\n  tau: 0.05\n  windows: [2]\n"
                         "- {name: winclip, as: 2-hot.b+c, tau: 0.5, variants: [a, b], "
                         "multi_crop: }\n"
                         "- {name: '${WC_T_METHOD:-padim}', as: , variants: a, image_scale: 0}\n"
                         "winclip: {tau: 0.7, multi_crop: ten}\n",
                 NULL, &c);
    if (!test_ok(ok && c.methods.n == 4, "method entries")) {
        wc_config_release(&c);
        return;
    }
    const struct wc_method_entry *e = c.methods.item;
    test_ok(strcmp(e[0].name, "clip_ac") == 0 && !e[0].label && isnan(e[0].winclip.tau) &&
                e[0].winclip.windows.n == 0,
            "a plain name sets nothing");
    test_ok(strcmp(e[1].name, "winclip") == 0 && !e[1].label && e[1].winclip.tau == 0.05 &&
                e[1].winclip.windows.n == 1 && e[1].winclip.windows.item[0] == 2 &&
                e[1].winclip.multi_crop == WC_FROM_PRESET,
            "an entry has its own switches only");
    test_str(e[2].label, "2-hot.b+c", "a label");
    test_ok(strcmp(e[2].name, "winclip") == 0 && e[2].winclip.tau == 0.5 && e[2].variants.n == 2 &&
                strcmp(e[2].variants.item[1], "b") == 0 &&
                e[2].winclip.multi_crop == WC_FROM_PRESET,
            "the same method again, with variants; an empty switch is the preset's");
    test_ok(strcmp(e[3].name, "padim") == 0 && !e[3].label && e[3].variants.n == 1 &&
                e[3].winclip.image_scale == 0,
            "a name by variable, no label, one variant");
    test_ok(c.winclip.tau == 0.7 && c.winclip.multi_crop == 2,
            "the section has none of the entries' switches");

    struct wc_winclip_switches set;
    wc_winclip_merge(&c.winclip, &e[1].winclip, &set);
    test_ok(set.tau == 0.05 && set.multi_crop == 2 && set.windows.n == 1 &&
                set.prompts == WC_FROM_PRESET && set.reference_windows.n == 0,
            "merged: the entry's switches win, the section's stay");
    set = c.winclip;
    wc_winclip_merge(&set, &e[3].winclip, &set);
    test_ok(set.tau == 0.7 && set.image_scale == 0, "merged in place, with a switch that is 0");
    wc_config_release(&c);

    ok = read_ok(MINIMAL "method: {name: winclip, tau: 0.05}\nwinclip: {tau: 2}\n", NULL, &c);
    test_ok(ok && c.methods.n == 1 && c.methods.item[0].winclip.tau == 0.05 && c.winclip.tau == 2,
            "one entry, beside the same key of the section");
    wc_config_release(&c);
    ok = read_ok(MINIMAL "method: [{name: winclip, tau: 0.05}, clip_ac]\n",
                 SETS("method={name: winclip, as: x}"), &c);
    test_ok(ok && c.methods.n == 1 && isnan(c.methods.item[0].winclip.tau),
            "--set replaces all entries and their switches");
    wc_config_release(&c);
}

// Every key of the section can stand in an entry, with the same meaning.
static void test_entry_keys(void) {
    struct wc_config a, b;
    const char *section = strstr(full, "winclip: {");
    struct wc_buf text = {0};
    wc_buf_printf(&text, "%smethod: {name: winclip, %.*s\n", MINIMAL,
                  (int)(strchr(section, '}') + 1 - section - 10), section + 10);
    bool ok = read_ok(full, NULL, &a) && read_ok(wc_buf_str(&text), NULL, &b);
    if (test_ok(ok, "an entry with every key of the section"))
        test_ok(memcmp(&a.winclip, &b.methods.item[0].winclip, sizeof(a.winclip)) == 0,
                "has the section's values");
    wc_buf_release(&text);
    wc_config_release(&a);
    wc_config_release(&b);
}

static void test_forms(void) {
    struct wc_config c;
    test_ok(read_ok("\xEF\xBB\xBF"
                    "dataset:\r\n  name: mvtec\r\n  root: /d\r\nmodel:\r\n  weights: demo\r\n",
                    NULL, &c),
            "byte order mark and CRLF");
    test_str(c.dataset.root, "/d", "no CR in a value");
    wc_config_release(&c);
    test_ok(read_ok(MINIMAL "winclip:\nshots:\nthreads: ~\npreset: null\n", NULL, &c) &&
                c.shots.n == 1 && c.presets.n == 1,
            "empty values and sections are defaults");
    wc_config_release(&c);
}

static void test_shipped(void) {
    setenv("MVTEC_ROOT", "/data/mvtec", 1);
    setenv("VISA_ROOT", "/data/visa", 1);
    setenv("WINCLIP_WEIGHTS", "/models/m.safetensors", 1);
    static const struct {
        const char *path, *name, *root, *output;
    } files[] = {
        {"configs/sample.yaml", "mvtec", "/tests/data/sample", "runs/sample"},
        {"configs/textile.yaml", "folder", "/tests/data/textile", "runs/textile"},
        {"configs/mvtec.yaml", "mvtec", "/data/mvtec", "runs/mvtec"},
        {"configs/visa.yaml", "visa", "/data/visa", "runs/visa"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct wc_config c;
        struct wc_error err = {0};
        enum wc_err rc = wc_config_init(&c, &err);
        if (rc == WC_OK)
            rc = wc_config_read(files[i].path, NULL, &c, &err);
        if (test_ok(rc == WC_OK, "%s", files[i].path))
            test_ok(strcmp(c.dataset.name, files[i].name) == 0 &&
                        wc_str_ends(c.dataset.root, files[i].root) &&
                        strcmp(c.output, files[i].output) == 0,
                    "its layout, root and output");
        else
            test_note("%s", err.text);
        wc_config_release(&c);
    }
}

static void test_help(void) {
    struct wc_buf text = {0};
    struct wc_error err = {0};
    test_ok(wc_config_help(&text, &err) == WC_OK, "help");
    size_t n = 0, n_missing = 0;
    const struct wc_option *o = wc_options(&n);
    for (size_t i = 0; i < n; i++)
        n_missing += !strstr(wc_buf_str(&text), o[i].key) || !strstr(wc_buf_str(&text), o[i].help);
    test_ok(n > 40 && n_missing == 0, "help names all %zu keys", n);
    size_t longest = 0;
    for (const char *s = wc_buf_str(&text); *s; s += strcspn(s, "\n") + (strchr(s, '\n') != NULL))
        longest = strcspn(s, "\n") > longest ? strcspn(s, "\n") : longest;
    test_ok(longest <= 100, "no line of help is longer than 100 (%zu)", longest);
    wc_buf_release(&text);
}

int main(void) {
    test_defaults();
    test_values();
    test_paths();
    test_current_directory();
    test_variables();
    test_sets();
    test_methods();
    test_entry_keys();
    test_forms();
    test_shipped();
    test_help();
    return test_done();
}
