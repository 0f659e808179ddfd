// base/yaml: the tree that well-formed text gives.
#include "base/yaml.h"

#include "test.h"

static struct wc_yaml_doc *parse(const char *text) {
    struct wc_yaml_doc *doc = NULL;
    struct wc_error err = {0};
    if (wc_yaml_parse("t.yaml", text, strlen(text), &doc, &err) != WC_OK)
        test_note("%s", err.text);
    return doc;
}

static void test_tree(void) {
    struct wc_yaml_doc *doc = parse("# a comment\n"
                                    "dataset:\n"
                                    "  name: visa   # behind a value\n"
                                    "  list: [a, 'b c', \"d\\te\"]\n"
                                    "empty:\n"
                                    "block:\n"
                                    "- 1\n"
                                    "- x: 2\n"
                                    "last: 1\n");
    if (!test_ok(doc != NULL, "a tree is read"))
        return;
    const struct wc_yaml *root = wc_yaml_root(doc);
    test_str(wc_yaml_name(doc), "t.yaml", "the document knows its name");
    test_ok(root->type == WC_YAML_MAP && root->n_children == 4, "four keys");
    const struct wc_yaml *dataset = wc_yaml_get(root, "dataset");
    const struct wc_yaml *name = wc_yaml_get(dataset, "name");
    test_str(name ? name->text : NULL, "visa", "a nested value without its comment");
    test_ok(name && name->line == 3 && name->column == 9 && name->key_line == 3 &&
                name->key_column == 3,
            "line and column of key and value");
    const struct wc_yaml *list = wc_yaml_get(dataset, "list");
    test_ok(list && list->type == WC_YAML_LIST && list->n_children == 3, "a flow list");
    test_str(list->child->next->text, "b c", "single quotes");
    test_ok(!list->child->quoted && list->child->next->quoted, "quotes are remembered");
    test_str(list->child->next->next->text, "d\te", "double quotes with an escape");
    test_ok(!list->child->key && !list->child->next->next->next, "items have no key and an end");
    test_ok(wc_yaml_get(root, "empty")->type == WC_YAML_NULL, "an empty value is null");
    const struct wc_yaml *block = wc_yaml_get(root, "block");
    test_str(wc_yaml_get(block->child->next, "x")->text, "2", "a map in a block list");
    test_ok(!wc_yaml_get(block, "x") && !wc_yaml_get(name, "x") && !wc_yaml_get(root, "nothing"),
            "get() finds nothing where nothing is");
    wc_yaml_free(&doc);
    test_ok(doc == NULL, "free() nulls the pointer");
    wc_yaml_free(&doc);
}

static void test_text_forms(void) {
    struct wc_yaml_doc *doc = parse("text: |\n  two\n  lines\n");
    test_str(wc_yaml_get(wc_yaml_root(doc), "text")->text, "two\nlines\n", "a block scalar");
    test_ok(wc_yaml_get(wc_yaml_root(doc), "text")->quoted, "a block scalar is always a text");
    wc_yaml_free(&doc);

    doc = parse("\xEF\xBB\xBF"
                "a: 1\r\nb: 2\r\n");
    const struct wc_yaml *b = doc ? wc_yaml_get(wc_yaml_root(doc), "b") : NULL;
    test_ok(b && b->line == 2 && b->key_column == 1, "byte order mark and CRLF");
    test_str(b ? b->text : NULL, "2", "no CR in a value");
    test_ok(doc && wc_yaml_get(wc_yaml_root(doc), "a")->key_column == 1,
            "the byte order mark is no column");
    wc_yaml_free(&doc);

    doc = parse("name: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80 x: y\n");
    test_ok(doc == NULL, "a colon inside a plain value is refused");
    wc_yaml_free(&doc);
    doc = parse("{\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80: 1, b: 2}");
    b = doc ? wc_yaml_get(wc_yaml_root(doc), "b") : NULL;
    test_ok(b && b->key_column == 10, "columns count characters, not bytes");
    wc_yaml_free(&doc);

    doc = parse("---\na:\t1\n...\n");
    test_ok(doc && wc_yaml_get(wc_yaml_root(doc), "a"),
            "document marks, and a tab between key and value");
    wc_yaml_free(&doc);
}

static void test_empty(void) {
    static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct wc_yaml_doc *doc = parse(texts[i]);
        test_ok(doc && wc_yaml_root(doc)->type == WC_YAML_NULL, "empty document %zu is null", i);
        wc_yaml_free(&doc);
    }
    static const char *const nulls[] = {"~", "null", "Null", "NULL", ""};
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        char text[32];
        snprintf(text, sizeof(text), "a: %s", nulls[i]);
        struct wc_yaml_doc *doc = parse(text);
        test_ok(doc && wc_yaml_get(wc_yaml_root(doc), "a")->type == WC_YAML_NULL, "\"%s\" is null",
                nulls[i]);
        wc_yaml_free(&doc);
    }
    struct wc_yaml_doc *doc = parse("'null'");
    test_str(doc ? wc_yaml_root(doc)->text : NULL, "null", "a quoted null is a text");
    wc_yaml_free(&doc);
}

static void test_typed(void) {
    static const struct {
        const char *text;
        int is_bool; // -1: no, else its value
        bool is_int, is_float;
        double number;
    } cases[] = {
        {"true", 1, false, false, 0},
        {"False", 0, false, false, 0},
        {"TRUE", 1, false, false, 0},
        {"yes", -1, false, false, 0},
        {"on", -1, false, false, 0},
        {"tRue", -1, false, false, 0},
        {"0", -1, true, true, 0},
        {"12", -1, true, true, 12},
        {"-7", -1, true, true, -7},
        {"+3", -1, true, true, 3},
        {"010", -1, true, true, 10},
        {"0x10", -1, false, false, 0},
        {"0o7", -1, false, false, 0},
        {"1_000", -1, false, false, 0},
        {"1.5", -1, false, true, 1.5},
        {".5", -1, false, true, .5},
        {"5.", -1, false, true, 5},
        {"-1e-3", -1, false, true, -1e-3},
        {"+2.5E+2", -1, false, true, 250},
        {"1e", -1, false, false, 0},
        {".", -1, false, false, 0},
        {"-", -1, false, false, 0},
        {".inf", -1, false, false, 0},
        {".nan", -1, false, false, 0},
        {"inf", -1, false, false, 0},
        {"1e999", -1, false, false, 0},
        {"1.2.3", -1, false, false, 0},
        {"+-1", -1, false, false, 0},
        {"'1'", -1, false, false, 0},
        {"\"true\"", -1, false, false, 0},
        {"9223372036854775807", -1, true, true, 9223372036854775807.0},
        {"9223372036854775808", -1, false, true, 9223372036854775808.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wc_yaml_doc *doc = parse(cases[i].text);
        const struct wc_yaml *v = doc ? wc_yaml_root(doc) : NULL;
        bool b = false;
        int64_t n = 0;
        double x = 0;
        bool is_bool = wc_yaml_bool(v, &b), is_int = wc_yaml_i64(v, &n),
             is_float = wc_yaml_f64(v, &x);
        bool right = (is_bool ? b : -1) == cases[i].is_bool && is_int == cases[i].is_int &&
                     is_float == cases[i].is_float && x == cases[i].number &&
                     (!is_int || (double)n == cases[i].number);
        test_ok(right, "%s as boolean, integer and number", cases[i].text);
        wc_yaml_free(&doc);
    }
    bool b;
    test_ok(!wc_yaml_bool(NULL, &b), "an absent value has no type");
}

int main(void) {
    test_tree();
    test_text_forms();
    test_empty();
    test_typed();
    return test_done();
}
