// config: what is refused, with place, key and cure. Each text is one fault.
#include "config-test.h"

#define BODY(text) MINIMAL text
// MINIMAL is two lines: what follows begins in line 3.

static const struct {
    const char *text, *set; // a file, and one --set or NULL
    const char *fault, *message;
} cases[] = {
    // the YAML itself; base/yaml's own cases are in t031
    {"dataset:\n\tname: mvtec\n", NULL, "tab", "t.yaml:2:1: a tab"},
    {"dataset: {name: mvtec\n", NULL, "unclosed", "t.yaml:2:1: "},
    {"dataset:\n  name: mvtec\n root: /d\n", NULL, "indentation", "t.yaml:3:2: "},
    {"dataset: name: mvtec\n", NULL, "syntax", "t.yaml:1:14: "},
    {BODY("shots: [0]\nshots: [1]\n"), NULL, "duplicate-key",
     "t.yaml:4:1: key \"shots\": given twice, first in line 3"},
    {BODY("shots: &s [0]\nseeds: *s\n"), NULL, "anchor", "t.yaml:3:8: "},
    {BODY("seeds: *s\n"), NULL, "alias", "t.yaml:3:8: "},
    {BODY("threads: !!int 4\n"), NULL, "tag", "t.yaml:3:10: "},
    {BODY("---\nthreads: 4\n"), NULL, "several-documents", "t.yaml:3:1: "},
    {BODY("output: \xFF\n"), NULL, "not-utf8", "t.yaml:3:9: "},
    {BODY("output: \x02\n"), NULL, "control-character", "t.yaml:3:9: "},
    {BODY("output: \"a\\0b\"\n"), NULL, "control-character", "t.yaml:3:9: "},
    {BODY("shots: [[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]\n"), NULL, "depth", "t.yaml:3:23: "},
    {"- dataset\n", NULL, "type", "t.yaml:1:1: found a list"},
    {"dataset\n", NULL, "type", "t.yaml:1:1: found a text"},
    {"{dataset}: 1\n", NULL, "key", "t.yaml:1:1: "},

    // keys
    {BODY("evaluation:\n  siez: 240\n"), NULL, "unknown-key",
     "t.yaml:4:3: key \"evaluation.siez\": unknown; did you mean \"evaluation.size\"?"},
    {BODY("size: 240\n"), NULL, "unknown-key", "did you mean \"evaluation.size\"?"},
    {BODY("datset: {}\n"), NULL, "unknown-key",
     "t.yaml:3:1: key \"datset\": unknown; did you mean "
     "\"dataset\"?"},
    {BODY("evaluation: {xyzxyz: 1}\n"), NULL, "unknown-key",
     "key \"evaluation.xyzxyz\": unknown; known are size, fpr_limit, tolerance, exact_pixels"},
    {BODY("xyzxyzxyz: 1\n"), NULL, "unknown-key", "known are dataset, model, method"},
    {BODY("threads: {n: 4}\n"), NULL, "type",
     "t.yaml:3:10: key \"threads\": found a map, expected a "
     "whole number from 0 to 4096, or auto"},
    {BODY("winclip: paper\n"), NULL, "type",
     "t.yaml:3:10: key \"winclip\": found a text, expected the keys tau, "},
    {"dataset: {name: mvtec}\nmodel: {weights: demo}\n", NULL, "missing-key",
     "t.yaml: key \"dataset.root\": missing"},
    {"model: {weights: demo}\n", NULL, "missing-key", "key \"dataset.name\": missing"},
    {"dataset: {name: mvtec, root: /d}\n", NULL, "missing-key",
     "key \"model.weights\": missing; add it to the file or use --set model.weights="},
    {"", NULL, "missing-key", "key \"dataset.name\": missing"},
    {BODY("method: [{tau: 1}]\n"), NULL, "type",
     "t.yaml:3:10: key \"method\": an entry without "
     "\"name\""},
    {BODY("method: [{name: winclip, tua: 1}]\n"), NULL, "unknown-key",
     "t.yaml:3:26: key \"method.tua\": unknown; did you mean \"tau\"?"},
    {BODY("method:\n- name: winclip\n  varants: a\n"), NULL, "unknown-key",
     "t.yaml:5:3: key \"method.varants\": unknown; did you mean \"variants\"?"},
    {BODY("method: [{name: winclip, xyzxyz: 1}]\n"), NULL, "unknown-key",
     "known are name, as, variants, preset, shots, prompt_set, tau, text_average, "},
    {BODY("method: {name: }\n"), NULL, "type", "t.yaml:3:9: key \"method\": an entry without"},
    {BODY("method: [{name: winclip, tau: 1, tau: 2}]\n"), NULL, "duplicate-key",
     "t.yaml:3:34: key \"tau\": given twice"},
    {BODY("method: [winclip, {name: clip_ac}, winclip]\n"), NULL, "duplicate",
     "t.yaml:3:36: key \"method\": \"winclip\" is listed twice; give each an `as:` label"},
    {BODY("method: [winclip, {name: winclip, tau: 1}]\n"), NULL, "duplicate",
     "t.yaml:3:19: key \"method\": \"winclip\" is listed twice; give each an `as:` label"},
    {BODY("method: [{name: winclip, as: a}, {name: winclip, as: a}]\n"), NULL, "duplicate",
     "t.yaml:3:34: key \"method\": \"winclip\" is listed twice as \"a\"; give each an `as:` label "
     "of its own"},

    // values
    {BODY("shots: many\n"), NULL, "type",
     "t.yaml:3:8: key \"shots\": found \"many\", expected a "
     "whole number or a list of them, from 0 to 1000000"},
    {BODY("shots: [1, -1]\n"), NULL, "type", "t.yaml:3:12: key \"shots\": found \"-1\""},
    {BODY("shots: [1.5]\n"), NULL, "type", "found \"1.5\""},
    {BODY("shots: [0x10]\n"), NULL, "type", "found \"0x10\""},
    {BODY("shots: [1, [2]]\n"), NULL, "type", "t.yaml:3:12: key \"shots\": found a list"},
    {BODY("shots: [1, ]\nseeds: [~]\n"), NULL, "type", "key \"seeds\": found an empty value"},
    {BODY("shots: []\n"), NULL, "type", "an empty list"},
    {BODY("shots: [1, 1]\n"), NULL, "duplicate", "t.yaml:3:12: key \"shots\": 1 is listed twice"},
    {BODY("seeds: [99999999999999999999]\n"), NULL, "type", "found \"99999999999999999999\""},
    {BODY("seeds: [9007199254740992]\n"), NULL, "type", "found \"9007199254740992\""},
    {BODY("threads: \"4\"\n"), NULL, "type", "found \"4\" in quotes"},
    {BODY("threads: 4097\n"), NULL, "type", "found \"4097\""},
    {BODY("evaluation: {fpr_limit: 30%}\n"), NULL, "type",
     "found \"30%\", expected a number or a list of them, from "},
    {BODY("evaluation: {fpr_limit: 1.5}\n"), NULL, "type", "found \"1.5\""},
    {BODY("winclip: {tau: .nan}\n"), NULL, "type", "found \".nan\""},
    {BODY("winclip: {tau: 0}\n"), NULL, "type", "key \"winclip.tau\": found \"0\""},
    {BODY("winclip: {aggregation: harmnic}\n"), NULL, "type", "did you mean \"harmonic\"?"},
    {BODY("winclip: {windows: [65]}\n"), NULL, "type", "key \"winclip.windows\": found \"65\""},
    {BODY("preset: papr\n"), NULL, "type",
     "expected one or a list of paper | accurate | anomalib | "
     "caoyunkang; did you mean \"paper\"?"},
    {BODY("preset: [paper, paper]\n"), NULL, "duplicate", "\"paper\" is listed twice"},
    {BODY("method: [winclip, Win-CLIP]\n"), NULL, "type",
     "t.yaml:3:19: key \"method\": found "
     "\"Win-CLIP\", expected a name"},
    {BODY("method: [winclip, [clip_ac]]\n"), NULL, "type",
     "t.yaml:3:19: key \"method\": found a list"},
    {BODY("method: []\n"), NULL, "type", "an empty list"},
    {BODY("method: {name: Win-CLIP}\n"), NULL, "type",
     "t.yaml:3:16: key \"method.name\": found \"Win-CLIP\", expected a name"},
    {BODY("method: {name: winclip, as: a b}\n"), NULL, "type",
     "t.yaml:3:29: key \"method.as\": found \"a b\", expected a label"},
    {BODY("method: {name: winclip, as: +a}\n"), NULL, "type", "key \"method.as\": found \"+a\""},
    {BODY("method: {name: winclip, as: 'null'}\n"), NULL, "type", "found \"null\", expected a "},
    {BODY("method: {name: winclip, as: a23456789012345678901234567890123}\n"), NULL, "type",
     "at most 32"},
    {BODY("method: {name: winclip, variants: []}\n"), NULL, "type",
     "key \"method.variants\": an empty list"},
    {BODY("method: {name: winclip, variants: [a, a]}\n"), NULL, "duplicate",
     "t.yaml:3:39: key \"method.variants\": \"a\" is listed twice"},
    {BODY("method: {name: winclip, tau: 0}\n"), NULL, "type",
     "t.yaml:3:30: key \"method.tau\": found \"0\", expected a number from 0.0001 to 1000"},
    {BODY("method: {name: winclip, windows: [1, 65]}\n"), NULL, "type",
     "t.yaml:3:38: key \"method.windows\": found \"65\""},
    {BODY("method: {name: winclip, aggregation: harmnic}\n"), NULL, "type",
     "did you mean \"harmonic\"?"},
    {BODY("method: {name: winclip, tau: \"${WC_T_NONE}\"}\n"), NULL, "variable",
     "t.yaml:3:30: key \"method.tau\": environment variable WC_T_NONE is not set; export it, or "
     "use --set method=..."},
    {BODY("references: [first]\n"), NULL, "type",
     "t.yaml:3:13: key \"references\": found a list, expected a path, or random | first"},
    {BODY("features: none\n"), NULL, "type", "expected keep | temporary"},
    {BODY("features_max_mb: -1\n"), NULL, "type", "found \"-1\""},
    {BODY("allow_singleton: yes\n"), NULL, "type", "found \"yes\", expected false | true"},
    {BODY("preprocess: {exif: true}\n"), NULL, "type", "expected ignore | apply"},
    {BODY("isa: avx\n"), NULL, "type",
     "expected auto | scalar | avx2 | avx512; did you mean "
     "\"avx2\"?"},
    {"dataset: {name: mvtec, root: /d, categories: [all, a]}\nmodel: {weights: demo}\n", NULL,
     "type", "\"all\" stands alone"},
    {"dataset: {name: mvtec, root: /d, normal: good}\nmodel: {weights: demo}\n", NULL, "conflict",
     "t.yaml:1:42: key \"dataset.normal\": only for the layout \"folder\""},
    {"dataset: {name: MVTec AD, root: /d}\n", NULL, "type", "t.yaml:1:17: key \"dataset.name\""},

    // variables
    {"dataset: {name: mvtec}\nmodel:\n  weights: ${WC_T_NONE}\n", NULL, "variable",
     "t.yaml:3:12: key \"model.weights\": environment variable WC_T_NONE is not set"},
    {BODY("output: ${WC_T_NONE\n"), NULL, "variable", "no closing \"}\""},
    {BODY("output: ${}\n"), NULL, "variable", "write ${NAME} or ${NAME:-default}"},
    {BODY("output: ${1A}\n"), NULL, "variable", "\"${1A}\" is no variable"},
    {BODY("output: ${WC_T_NONE-x}\n"), NULL, "variable", "write ${NAME} or ${NAME:-default}"},
    {BODY("output: \"${WC_T_NONE:-${HOME}}\"\n"), NULL, "variable", "defaults are plain text"},
    {BODY("output: ${WC_T_LATIN1}\n"), NULL, "not-utf8", "WC_T_LATIN1 is not UTF-8"},
    {BODY("output: ${WC_T_LONG}${WC_T_LONG}\n"), NULL, "too-large", "more than 65536 bytes"},

    // --set
    {MINIMAL, "shots", "syntax", "--set \"shots\": expected key=value"},
    {MINIMAL, "=1", "syntax", "expected key=value"},
    {MINIMAL, "shots=[1", "unclosed", "in --set shots=..."},
    {MINIMAL, "shots=x", "type", "--set:1:1: key \"shots\": found \"x\""},
    {MINIMAL, "evaluation.siez=1", "unknown-key", "did you mean \"evaluation.size\"?"},
    {MINIMAL, "winclip={tau: 1, tau: 2}", "duplicate-key", "--set:1:10: key \"tau\": given twice"},
    {MINIMAL, "method=[winclip, winclip]", "duplicate", "--set:1:11: key \"method\": "},
    {MINIMAL, "method.tau=1", "unknown-key", "did you mean \"winclip.tau\"?"},
    {MINIMAL, "winclip=1", "type", "--set:1:1: key \"winclip\": found a text"},
    {MINIMAL, "model.weights=", "missing-key", "key \"model.weights\": missing"},
    {MINIMAL, "dataset.root=*x", "alias", "--set:1:1: "},
};

static void test_long_key(void) {
    struct wc_buf text = {0};
    wc_buf_puts(&text, MINIMAL);
    for (int i = 0; i < 5000; i++)
        wc_buf_puts(&text, "shots");
    wc_buf_puts(&text, ": 1\n? evaluation\n: {");
    wc_buf_puts(&text, "a: 1}\n");
    struct wc_config c;
    struct wc_error err;
    enum wc_err rc = read_config(wc_buf_str(&text), NULL, &c, &err);
    test_ok(rc == WC_ERR_CONFIG && strlen(err.text) < 1000, "a key of 25000 bytes is refused");
    wc_config_release(&c);
    wc_buf_release(&text);
}

static void test_too_many(void) {
    struct wc_buf text = {0};
    wc_buf_puts(&text, MINIMAL "seeds: [0");
    for (int i = 1; i < WC_MAX_LIST; i++)
        wc_buf_printf(&text, ", %d", i);
    struct wc_buf more = {0};
    wc_buf_printf(&more, "%s, 64]\n", wc_buf_str(&text));
    wc_buf_puts(&text, "]\n");
    struct wc_config c;
    struct wc_error err;
    test_ok(read_config(wc_buf_str(&text), NULL, &c, &err) == WC_OK && c.seeds.n == WC_MAX_LIST,
            "a list of the greatest length");
    wc_config_release(&c);
    test_ok(read_config(wc_buf_str(&more), NULL, &c, &err) == WC_ERR_CONFIG &&
                strcmp(err.fault, "too-many") == 0,
            "one item more");
    wc_config_release(&c);
    wc_buf_release(&text);
    wc_buf_release(&more);
}

static void test_too_many_methods(void) {
    struct wc_buf text = {0};
    wc_buf_puts(&text, MINIMAL "method: [winclip");
    for (int i = 1; i < WC_MAX_METHODS; i++)
        wc_buf_printf(&text, ", {name: winclip, as: %d}", i);
    struct wc_buf more = {0};
    wc_buf_printf(&more, "%s, clip_ac]\n", wc_buf_str(&text));
    wc_buf_puts(&text, "]\n");
    struct wc_config c;
    struct wc_error err;
    test_ok(read_config(wc_buf_str(&text), NULL, &c, &err) == WC_OK &&
                c.methods.n == WC_MAX_METHODS,
            "the most entries");
    wc_config_release(&c);
    test_ok(read_config(wc_buf_str(&more), NULL, &c, &err) == WC_ERR_CONFIG &&
                strcmp(err.fault, "too-many") == 0,
            "one entry more");
    wc_config_release(&c);
    wc_buf_release(&text);
    wc_buf_release(&more);
}

static void test_files(void) {
    struct wc_config c;
    struct wc_error err = {0};
    wc_config_init(&c, &err);
    test_ok(wc_config_read("tests/no-such.yaml", NULL, &c, &err) == WC_ERR_CONFIG &&
                strstr(err.text, "tests/no-such.yaml") && strcmp(err.fault, "not-found") == 0,
            "a missing file is named");
    test_ok(wc_config_read("tests", NULL, &c, &err) == WC_ERR_CONFIG, "a folder is no file");
    wc_config_release(&c);
}

int main(void) {
    unsetenv("WC_T_NONE");
    setenv("WC_T_LATIN1", "\xE9t\xE9", 1);
    char *long_value = wc_alloc(40001, 1);
    memset(long_value, 'x', 40000);
    setenv("WC_T_LONG", long_value, 1);
    wc_free(long_value);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wc_config c;
        struct wc_error err;
        const char *const sets[] = {cases[i].set, NULL};
        enum wc_err rc = read_config(cases[i].text, sets, &c, &err);
        bool right = rc == WC_ERR_CONFIG && err.code == rc && err.fault &&
                     strcmp(err.fault, cases[i].fault) == 0 && strstr(err.text, cases[i].message);
        if (!test_ok(right, "%s: %s", cases[i].fault, cases[i].message))
            test_note("case %zu: rc %d, fault %s: %s", i, (int)rc, err.fault ? err.fault : "(none)",
                      err.text);
        wc_config_release(&c);
    }
    test_note("count: %zu wrong configurations", sizeof(cases) / sizeof(cases[0]));
    test_long_key();
    test_too_many();
    test_too_many_methods();
    test_files();
    return test_done();
}
