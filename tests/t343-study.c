// config: studies; which runs a file stands for, what each is made of, and what is refused.
#include "config-test.h"

#include "config/study.h"

#define SET                                                                                        \
    "set: {"                                                                                       \
    "dataset: {name: mvtec, root: /d}, model.weights: demo}\n"

static enum wc_err read_study(const char *text, const char *const *sets, const char *only,
                              struct wc_study *s, struct wc_error *err) {
    struct wc_strlist list = {0}, patterns = {0};
    *err = (struct wc_error){0};
    *s = (struct wc_study){0};
    for (; sets && *sets; sets++)
        wc_strlist_add(&list, *sets, err);
    if (only)
        wc_strlist_add(&patterns, only, err);
    char *path = write_config("study.yaml", text);
    enum wc_err rc = wc_study_read(path, &list, &patterns, s, err);
    wc_free(path);
    wc_strlist_release(&list);
    wc_strlist_release(&patterns);
    return rc;
}

/* Which runs. */

static const struct {
    const char *text, *only, *wanted; // names, each with a space behind
} names[] = {
    {SET "runs: [a, b]\n", NULL, "a b "},
    {SET "runs: [a, {name: b}, {name: c, set: {}}]\n", NULL, "a b c "},
    {SET "matrix: {m: {x: {}, y: {}}}\n", NULL, "x y "},
    {SET "matrix: {m: {x: {}, y: {}}, n: {1: {}, 2: {}, 3: }}\nruns: [a]\n", NULL,
     "a-x-1 a-x-2 a-x-3 a-y-1 a-y-2 a-y-3 "},
    {SET "matrix: {m: {x: {}, y: {}}, n: {1: {}, 2: {}}}\n"
         "runs: [{name: a, matrix: {n: }}, {name: b, matrix: {m: y}}, {name: c, matrix: {}},\n"
         "       {name: d, matrix: {n: [2, 1], m: [x]}}]\n",
     NULL, "a-1 a-2 b-y c d-x-2 d-x-1 "},
    {SET "matrix: {m: {x: {}, y: {}}}\nruns: [a, b]\n", "b-*", "b-x b-y "},
    {SET "matrix: {m: {x: {}, y: {model.weights: \"${WC_NOT_SET}\"}}}\n", "x", "x "},
    {SET "matrix: {m: {x: {}}}\nruns:\n", NULL, "x "},
};

static void check_names(void) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct wc_study s;
        struct wc_error err;
        struct wc_buf found = {0};
        enum wc_err rc = read_study(names[i].text, NULL, names[i].only, &s, &err);
        for (size_t k = 0; k < s.n; k++)
            wc_buf_printf(&found, "%s ", s.run[k].name);
        if (rc != WC_OK)
            test_note("%s", err.text);
        test_str(wc_buf_str(&found), names[i].wanted, names[i].wanted);
        wc_buf_release(&found);
        wc_study_release(&s);
    }
}

/* What each is made of. */

static void check_layers(void) {
    static const char text[] =
        "output: out/${WC_STUDY_TEST:-here}\n"
        "set: {dataset: {name: mvtec, root: sub/data}, threads: 2, seeds: [7], shots: [1]}\n"
        "matrix:\n"
        "  model:\n"
        "    one: {model: {weights: w/one.bin}, shots: [2], journal.sync_s: 5}\n"
        "runs:\n"
        "  - {name: a, config: sub/base.yaml, set: {shots: [3], evaluation: {size: 64}}}\n";
    static const char base[] = "dataset: {name: visa, root: own, object: thing}\n"
                               "model: {weights: base.bin, arch: RN50}\nseeds: [5]\nthreads: 9\n"
                               "shots: [9]\noutput: elsewhere\nprompts: p.yaml\n";
    static const char *const sets[] = {"seeds=[1, 2]", NULL};
    static const char *const outputs[] = {"output=there", "threads=3", NULL};
    struct wc_study s;
    struct wc_error err;
    char *path = write_config("sub/base.yaml", base);
    test_ok(read_study(text, sets, NULL, &s, &err) == WC_OK && s.n == 1, "layers: %s", err.text);
    if (s.n == 1) {
        const struct wc_config *c = &s.run[0].config;
        test_str(s.run[0].name, "a-one", "layers: name");
        test_str(c->output, "out/here/a-one", "layers: each run below the study's folder");
        test_ok(c->shots.n == 1 && c->shots.item[0] == 3, "the run's own set is above the axes");
        test_ok(c->journal_sync_s > 4 && c->evaluation.size == 64, "axes and set join");
        test_ok(c->threads == 2, "the study's set is above the configuration");
        test_ok(c->seeds.n == 2, "--set is above all");
        test_str(c->dataset.name, "mvtec", "a section's keys are replaced one by one");
        test_str(c->dataset.object, "thing", "and stay where nothing replaces them");
        test_str(c->model.arch, "RN50", "also those of the configuration");
        test_ok(wc_str_ends(c->dataset.root, "/sub/data") && c->dataset.root[0] == '/' &&
                    !strstr(c->dataset.root, "sub/sub"),
                "the study's paths start from its folder: %s", c->dataset.root);
        test_ok(wc_str_ends(c->model.weights, "/w/one.bin"), "an axis's too: %s", c->model.weights);
        test_ok(wc_str_ends(c->prompts, "/sub/p.yaml"), "the configuration's from its own: %s",
                c->prompts);
    }
    wc_study_release(&s);
    test_ok(read_study(text, outputs, NULL, &s, &err) == WC_OK && s.n == 1 &&
                strcmp(s.run[0].config.output, "there/a-one") == 0 && s.run[0].config.threads == 3,
            "--set output= moves the study");
    wc_study_release(&s);
    test_ok(read_study(SET "runs: [a]\n", NULL, NULL, &s, &err) == WC_OK &&
                strcmp(s.output, "runs/study") == 0,
            "the folder of a study without output");
    wc_study_release(&s);
    test_ok(read_study(MINIMAL "output: x/y\n", NULL, NULL, &s, &err) == WC_OK && s.n == 1 &&
                !s.run[0].name && !s.output && strcmp(s.run[0].config.output, "x/y") == 0,
            "a configuration is one run without a name");
    wc_study_release(&s);
    wc_free(path);
}

/* What is refused. */

static const struct {
    const char *text, *fault, *message;
} bad[] = {
    {SET "runs: [a]\nmethods: x\n", "unknown-key", "study.yaml:3:1: a study has no key methods"},
    {SET "runs: [a, b, a]\n", "duplicate", "study.yaml:2:14: two runs are called a"},
    {SET "matrix: {m: {x: {}}}\nruns: [{name: a, matrix: {k: x}}]\n", "unknown-key",
     "the matrix has no axis k"},
    {SET "matrix: {m: {x: {}}}\nruns: [{name: a, matrix: {m: y}}]\n", "unknown-key",
     "no such value in the matrix: y"},
    {SET "matrix: {m: {x: {}}}\nruns: [{name: a, matrix: {m: [x, [y]]}}]\n", "unknown-key",
     "no such value in the matrix: m"},
    {SET "matrix: {m: {x: {}}}\nruns: [{name: a, matrix: {m: []}}]\n", "type", "of the axis m"},
    {SET "matrix: {m: {x: {}}}\nruns: [{name: a, matrix: [m]}]\n", "type", "{axis: values}"},
    {SET "matrix: {m: [x]}\nruns: [a]\n", "type", "expected the values of the axis"},
    {SET "matrix: {m: {x: 3}}\nruns: [a]\n", "type", "keys of a configuration below x"},
    {SET "runs: [{nam: a}]\n", "unknown-key", "a study has no key nam"},
    {SET "runs: [[a]]\n", "type", "expected a name or"},
    {SET "runs: a\n", "type", "expected a list"},
    {SET "runs:\n", "missing-key", "a study needs runs or a matrix"},
    {SET "runs: [../a]\n", "type", "a name is up to 64"},
    {SET "runs: [features]\n", "type", "a name is up to 64"},
    {SET "runs: ['']\n", "type", "a name is up to 64"},
    {SET "runs: [{name: a, config: nowhere.yaml}]\n", "not-found", "nowhere.yaml"},
    {SET "runs: [{name: a, set: {tau: 1}}]\n", "unknown-key",
     "study.yaml:2:24: key \"tau\": unknown"},
    {"runs: [a]\n", "missing-key", "key \"dataset.name\": missing"},
    {SET "matrix: {m: {x: {model.weights: \"${WC_NOT_SET}\"}}}\n", "variable",
     "environment variable WC_NOT_SET is not set"},
    {SET "matrix: {m: {x: {isa: scalar}, y: {isa: auto}}}\n", "conflict",
     "isa and gemm must be the same"},
};

static void check_bad(void) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wc_study s;
        struct wc_error err;
        enum wc_err rc = read_study(bad[i].text, NULL, NULL, &s, &err);
        bool right = rc == WC_ERR_CONFIG && err.fault && strcmp(err.fault, bad[i].fault) == 0 &&
                     strstr(err.text, bad[i].message);
        if (!test_ok(right, "refused: %s", bad[i].message))
            test_note("%d [%s] %s", (int)rc, err.fault ? err.fault : "", err.text);
        test_ok(s.n == 0 && !s.run, "and nothing is left of it");
        wc_study_release(&s);
    }
}

static void check_many(void) {
    struct wc_buf text = {0};
    struct wc_study s;
    struct wc_error err;
    wc_buf_puts(&text, SET "matrix:\n");
    for (int a = 0; a < 3; a++) {
        wc_buf_printf(&text, "  axis%d: {", a);
        for (int v = 0; v < 11; v++)
            wc_buf_printf(&text, "%sv%d: {}", v ? ", " : "", v);
        wc_buf_puts(&text, "}\n");
    }
    test_ok(read_study(wc_buf_str(&text), NULL, NULL, &s, &err) == WC_ERR_CONFIG &&
                strcmp(err.fault, "too-many") == 0,
            "1331 runs are too many");
    wc_buf_release(&text);
    test_ok(read_study(SET "runs: [a]\n", NULL, "b", &s, &err) == WC_ERR_CONFIG &&
                strstr(err.text, "--only"),
            "--only that matches nothing");
    test_ok(read_study(MINIMAL, NULL, "a", &s, &err) == WC_ERR_CONFIG && strstr(err.text, "--only"),
            "--only of a configuration");
}

int main(void) {
    unsetenv("WC_STUDY_TEST");
    unsetenv("WC_NOT_SET");
    check_names();
    check_layers();
    check_bad();
    check_many();
    return test_done();
}
