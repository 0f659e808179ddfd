// Prompt sets: the built-in ensemble, every set in prompts/, the YAML format and its errors.
#include "base/alloc.h"
#include "base/fault.h"
#include "base/io.h"
#include "test.h"
#include "text/prompts.h"

struct lists {
    struct wc_strlist normal, abnormal;
};

static void release(struct lists *l) {
    wc_strlist_release(&l->normal);
    wc_strlist_release(&l->abnormal);
}

static bool expands(const struct wc_prompts *p, const char *list, const char *category,
                    const char *object, struct lists *l) {
    struct wc_error err = {0};
    release(l);
    if (wc_prompts_expand(p, list, category, object, &l->normal, &l->abnormal, &err) == WC_OK)
        return true;
    test_note("%s", err.text);
    return false;
}

static const char *scratch(const char *name, const char *text) {
    static char path[512];
    const char *dir = getenv("WC_TEST_TMP");
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "build/tmp", name);
    wc_io_mkdirs(dir ? dir : "build/tmp", NULL);
    if (wc_io_write_atomic(path, text, strlen(text), NULL) != WC_OK)
        test_note("cannot write %s", path);
    return path;
}

static struct wc_prompts *from_text(const char *text, struct wc_error *err) {
    struct wc_prompts *p = NULL;
    wc_prompts_read(scratch("t310.yaml", text), &p, err);
    return p;
}

// ---- the WinCLIP ensemble

struct count {
    const char *list;
    size_t n_normal, n_abnormal;
    const char *second, *ninth; // normal prompts 1 and 8 (from 0) of "metal nut"
};

static const struct count counts[] = {
    {NULL, 154, 88, "a cropped photo of a metal nut.", "a jpeg corrupted photo of a metal nut."},
    {"t22", 154, 88, "a cropped photo of a metal nut.", "a jpeg corrupted photo of a metal nut."},
    {"t21", 147, 84, "a close-up photo of a metal nut.",
     "a jpeg corrupted photo of the metal nut."},
    {"t22np", 154, 88, "a cropped photo of a metal nut", "a jpeg corrupted photo of a metal nut"},
};

static void builtin(void) {
    struct wc_prompts *p = NULL, *file = NULL;
    struct wc_error err = {0};
    struct lists l = {0};
    if (!test_ok(wc_prompts_read(NULL, &p, &err) == WC_OK, "built-in set"))
        return test_note("%s", err.text);
    test_str(wc_prompts_name(p), "winclip", "its name");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const struct count *c = &counts[i];
        const char *name = c->list ? c->list : "default";
        if (!test_ok(expands(p, c->list, "metal_nut", "metal nut", &l), "%s expands", name))
            continue;
        test_ok(l.normal.n == c->n_normal && l.abnormal.n == c->n_abnormal,
                "%s: %zu and %zu prompts", name, l.normal.n, l.abnormal.n);
        test_str(l.normal.item[1], c->second, name);
        test_str(l.normal.item[8], c->ninth, name);
    }
    expands(p, "t21", NULL, "bottle", &l);
    test_str(l.normal.item[7], l.normal.item[8], "t21 holds one template twice");
    test_str(l.normal.item[21], "a cropped photo of the flawless bottle.",
             "state-major: state 2 after all templates");
    test_str(l.abnormal.item[83], "a photo of a bottle with damage for anomaly detection.",
             "the last one");
    test_ok(wc_prompts_check_list(p, "t21", &err) == WC_OK, "t21 is a list");
    test_ok(wc_prompts_check_list(p, "t23", &err) == WC_ERR_CONFIG && strstr(err.text, "t22np"),
            "t23 is not: %s", err.text);
    test_ok(wc_prompts_expand(p, "t23", NULL, "x", &l.normal, &l.abnormal, &err) == WC_ERR_CONFIG,
            "nor expanded");
    test_ok(wc_prompts_read("prompts/winclip.yaml", &file, &err) == WC_OK,
            "the same from its file");
    test_str(wc_prompts_sha256(file), wc_prompts_sha256(p), "same content, same hash");
    test_ok(strlen(wc_prompts_sha256(p)) == 64, "SHA-256 in hex");
    release(&l);
    wc_prompts_free(&file);
    wc_prompts_free(&p);
}

// ---- the other sets

struct set {
    const char *file, *category, *object;
    size_t n_normal, n_abnormal;
    const char *first, *last; // normal, abnormal
};

static const struct set sets[] = {
    {"prompts/clip_ac.yaml", "metal_nut", "metal nut", 1, 1, "normal metal nut",
     "anomalous metal nut"},
    {"prompts/imagenet80.yaml", "wood", "wood", 80, 80, "a bad photo of a normal wood.",
     "a tattoo of the anomalous wood."},
    {"prompts/visa_specific.yaml", "pcb2", "pcb2", 154, 242, "a cropped photo of the pcb2.",
     "a photo of a pcb2 with a missing part for anomaly detection."},
    {"prompts/visa_specific.yaml", "unknown_thing", "unknown thing", 154, 88,
     "a cropped photo of the unknown thing.",
     "a photo of a unknown thing with damage for anomaly detection."},
    {"prompts/mvtec_specific.yaml", "metal_nut", "metal nut", 154, 176,
     "a cropped photo of the metal nut.", "a photo of a stained metal nut for anomaly detection."},
};

static void other_sets(void) {
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const struct set *s = &sets[i];
        struct wc_prompts *p = NULL;
        struct wc_error err = {0};
        struct lists l = {0};
        char *object = NULL;
        if (!test_ok(wc_prompts_read(s->file, &p, &err) == WC_OK, "%s: read", s->file)) {
            test_note("%s", err.text);
            continue;
        }
        wc_prompts_object(p, s->category, &object, NULL);
        test_str(object, s->object, s->category);
        if (test_ok(expands(p, "t22", s->category, object, &l), "%s: t22 is served", s->file)) {
            test_ok(l.normal.n == s->n_normal && l.abnormal.n == s->n_abnormal,
                    "%s: %zu and %zu prompts", s->file, l.normal.n, l.abnormal.n);
            test_str(l.normal.item[0], s->first, s->file);
            test_str(l.abnormal.item[l.abnormal.n - 1], s->last, s->file);
        }
        wc_free(object);
        release(&l);
        wc_prompts_free(&p);
    }
}

// ---- the format

#define STATES "states: {normal: ['{}'], abnormal: ['bad {}']}\n"

static void format(void) {
    struct wc_error err = {0};
    struct lists l = {0};
    struct wc_prompts *p = from_text(
        STATES
        "templates: ['a {}', 'b {}.']\nperiod: add\n"
        "objects: {x_y: 'the {} thing'}\n"
        "overrides: {x_y: {states: {normal: ['n {}']}, extra_states: {abnormal: ['e {}']}}}\n",
        &err);
    char *object = NULL;
    if (!test_ok(p != NULL, "all keys"))
        return test_note("%s", err.text);
    test_str(wc_prompts_name(p), "t310.yaml", "a set without a name has its file's");
    wc_prompts_object(p, "x_y", &object, NULL);
    expands(p, "whatever", "x_y", object, &l);
    test_str(l.normal.item[0], "a n the {} thing.",
             "own object name, replaced states, period added, {} of an object stays");
    test_ok(l.normal.n == 2 && l.abnormal.n == 4, "one normal, two abnormal states");
    test_str(l.abnormal.item[1], "b bad the {} thing.", "period not doubled");
    test_str(l.abnormal.item[3], "b e the {} thing.", "extra state last");
    expands(p, NULL, NULL, "o", &l);
    test_str(l.normal.item[0], "a o.", "no category, no override");
    wc_free(object);
    wc_prompts_free(&p);
    p = from_text(STATES "templates: ['a {}', 'b {}.']\nperiod: strip\n", &err);
    expands(p, NULL, NULL, "o", &l);
    test_str(l.normal.item[1], "b o", "period stripped");
    wc_prompts_free(&p);
    release(&l);
}

static void hash(void) {
    static const struct {
        const char *a, *b;
        bool same;
        const char *what;
    } pair[] = {
        {STATES "templates: ['a {}']\n", "templates:\n- \"a {}\"\n" STATES, true,
         "layout and order of keys"},
        {STATES "templates: ['a {}']\n", "name: x\n" STATES "templates: ['a {}']\n", true, "name"},
        {STATES "templates: ['a {}']\n", STATES "templates: ['a {}.']\nperiod: strip\n", true,
         "period made the same"},
        {STATES "templates: ['a {}']\n", STATES "templates: ['a {}.']\n", false, "period"},
        {STATES "template_lists: {p: ['a {}'], q: ['b {}']}\ndefault_list: q\n",
         STATES "template_lists: {q: ['b {}'], p: ['a {}']}\n", true, "order of lists"},
        {STATES "template_lists: {p: ['a {}'], q: ['b {}']}\n",
         STATES "template_lists: {q: ['b {}'], p: ['a {}']}\n", false, "default list"},
        {STATES "templates: ['a {}', 'b {}']\n", STATES "templates: ['b {}', 'a {}']\n", false,
         "order of templates"},
        {STATES "templates: ['a {}']\n", STATES "templates: ['a {}']\nobjects: {a: b}\n", false,
         "object names"},
        {STATES "templates: ['a {}']\n",
         STATES "templates: ['a {}']\noverrides: {a: {states: {normal: ['{}']}}}\n", false,
         "overrides"},
    };
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct wc_error err = {0};
        struct wc_prompts *a = from_text(pair[i].a, &err), *b = from_text(pair[i].b, &err);
        bool same = a && b && strcmp(wc_prompts_sha256(a), wc_prompts_sha256(b)) == 0;
        test_ok(a && b && same == pair[i].same, "hash %s: %s", pair[i].same ? "ignores" : "sees",
                pair[i].what);
        wc_prompts_free(&a);
        wc_prompts_free(&b);
    }
}

static const struct {
    const char *text, *says;
} wrong[] = {
    {"", "expected a map"},
    {"- a\n", "expected a map"},
    {"templates: ['{}']\n", "expected both normal and abnormal"},
    {"states: {normal: ['{}']}\ntemplates: ['{}']\n", "expected both normal and abnormal"},
    {STATES, "either templates or template_lists"},
    {STATES "templates: ['{}']\ntemplate_lists: {a: ['{}']}\n",
     "either templates or template_lists"},
    {STATES "templates: []\n", ":2:12: templates: expected a list"},
    {STATES "templates: '{}'\n", "expected a list"},
    {STATES "templates: ['a photo']\n", ":2:13: expected {} exactly once"},
    {STATES "templates: ['{} {}']\n", "exactly once"},
    {STATES "templates: [{}]\n", "without quotes"},
    {STATES "templates: ['{}']\ndefault_list: x\n", "goes with template_lists"},
    {STATES "template_lists: {}\n", "expected a map of names"},
    {STATES "template_lists: {a: ['{}']}\ndefault_list: b\n",
     ":3:15: no template list \"b\"; it has: a"},
    {STATES "templates: ['{}']\nperiod: maybe\n", "expected keep, add or strip"},
    {STATES "templates: ['{}']\nobjects: [a]\n", "object names"},
    {STATES "templates: ['{}']\nobjects: {a: [b]}\n", "expected a text"},
    {STATES "templates: ['{}']\noverrides: {a: {states: {norml: ['{}']}}}\n",
     "did you mean \"normal\""},
    {STATES "tempaltes: ['{}']\n", ":2:1: unknown key \"tempaltes\"; did you mean \"templates\""},
    {STATES "templates: ['{}']\ntemplates: ['{}']\n", ""},
    {STATES "templates: ['{}\n", ""},
};

static void errors(void) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct wc_error err = {0};
        struct wc_prompts *p = from_text(wrong[i].text, &err);
        test_ok(!p && err.code == WC_ERR_CONFIG && strstr(err.text, "t310.yaml:") &&
                    strstr(err.text, wrong[i].says),
                "refused: %s", err.text);
        wc_prompts_free(&p);
    }
    struct wc_error err = {0};
    struct wc_prompts *p = NULL;
    test_ok(wc_prompts_read("tests/no-such.yaml", &p, &err) != WC_OK && !p, "missing file: %s",
            err.text);
    // 300 states x 300 templates: 90,000 prompts a class
    struct wc_buf b = {0};
    for (int part = 0; part < 3; part++) {
        wc_buf_puts(&b, part == 0   ? "states: {normal: ["
                        : part == 1 ? "], abnormal: ["
                                    : "]}\ntemplates: [");
        for (int i = 0; i < 300; i++)
            wc_buf_printf(&b, "'%d {}',", i);
    }
    wc_buf_puts(&b, "]\n");
    p = from_text(wc_buf_str(&b), &err);
    test_ok(!p && strstr(err.text, "at most"), "too many prompts: %s", err.text);
    wc_buf_release(&b);
}

// Each allocation of reading and expanding fails in turn; nothing leaks (checked by the
// sanitizers).
static void no_memory(void) {
    bool all = true, done = false;
    unsigned long n = 0;
    for (; !done && n < 2000; n++) {
        struct wc_prompts *p = NULL;
        struct lists l = {0};
        struct wc_error err;
        wc_fault_arm(WC_FAULT_ALLOC, n + 1, false);
        enum wc_err rc = wc_prompts_read("prompts/clip_ac.yaml", &p, &err);
        if (rc == WC_OK)
            rc = wc_prompts_expand(p, NULL, "a", "a", &l.normal, &l.abnormal, &err);
        done = rc == WC_OK;
        all = all && (done || rc == WC_ERR_NOMEM);
        if (!done && rc != WC_ERR_NOMEM)
            test_note("allocation %lu: %s", n + 1, err.text);
        release(&l);
        wc_prompts_free(&p);
    }
    wc_fault_reset();
    test_ok(done && all && n > 10, "%lu allocations, each may fail", n - 1);
}

int main(void) {
    builtin();
    other_sets();
    format();
    hash();
    errors();
    no_memory();
    return test_done();
}
