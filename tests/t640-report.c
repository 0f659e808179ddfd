// Reports: report.json reads back to the same bytes, what is no report is refused by name, every
// format keeps hostile names as names, merged parts equal the whole, intervals of means.
#include "report/compare.h"
#include "report/read.h"

#include "base/alloc.h"
#include "base/io.h"
#include "eval/bootstrap.h"
#include "test.h"

#define EXAMPLE "tests/data/report/example.json"

static char *example;
static size_t n_example;

static struct wc_report parse(const char *text, size_t n) {
    struct wc_report r = {0};
    struct wc_error err = {0};
    if (wc_report_parse("test", text, n, "/nowhere", &r, &err) != WC_OK)
        test_ok(false, "parse: %s", err.text);
    return r;
}

static struct wc_buf write_as(const struct wc_report *r, const char *format) {
    struct wc_buf out = {0};
    struct wc_error err = {0};
    if (wc_report_format_find(format)->write(r, &out, &err) != WC_OK)
        test_ok(false, "%s: %s", format, err.text);
    return out;
}

static void check_round_trip(void) {
    struct wc_report r = parse(example, n_example);
    struct wc_buf out = write_as(&r, "json");
    test_ok(out.n == n_example && memcmp(out.data, example, n_example) == 0,
            "report.json reads back to the same bytes");
    test_ok(r.n_categories == 3 && r.n_images == 18 && r.n_variants == 3 && r.n_curves == 3 &&
                r.n_pictures == 1 && r.n_failures == 1 && r.n_defects == 9,
            "all lists of the schema's example");
    test_ok(isnan(r.score[2 * 18 + 4]) && !isnan(r.score[4]), "a failed image has no score");
    test_ok(isnan(r.row[26].value) || isnan(r.row[66].value), "null is an undefined figure");
    wc_buf_release(&out);
    wc_report_release(&r);
}

// The example with one text replaced by another.
static enum wc_err parse_with(const char *from, const char *to, struct wc_error *err) {
    struct wc_buf text = {0};
    struct wc_report r = {0};
    const char *at = strstr(example, from);
    if (!at) {
        test_ok(false, "the example has no %s", from);
        return WC_OK;
    }
    wc_buf_add(&text, example, (size_t)(at - example));
    wc_buf_puts(&text, to);
    wc_buf_puts(&text, at + strlen(from));
    enum wc_err rc = wc_report_parse("bad.json", wc_buf_str(&text), text.n, NULL, &r, err);
    wc_buf_release(&text);
    wc_report_release(&r);
    return rc;
}

static void check_bad(void) {
    static const struct {
        const char *from, *to, *fault, *says;
    } bad[] = {
        {"\"winclip-mpi/report\"", "\"other\"", "schema", "other"},
        {"\"schema_version\": 1", "\"schema_version\": 2", "version", "version 2"},
        {"\"schema_version\": 1", "\"schema_version\": \"1\"", "version", "reads up to 1"},
        {"\"run_id\": \"", "\"run_ix\": \"", "schema", "run_id"},
        {"\"weights_sha256\": \"", "\"weights_sha256\": \"ab", "schema", "weights_sha256"},
        {"\"shot\": 0", "\"shot\": -1", "schema", "shot"},
        {"\"value\": 0.", "\"value\": \"x\", \"y\": 0.", "schema", "results[0]: \"value\""},
        {"\"label\": 0", "\"label\": 2", "schema", "images[0]: \"label\""},
        {"\"variant\": 0, \"fpr\"", "\"variant\": 3, \"fpr\"", "schema", "variant"},
        {"\"fpr\": [0,", "\"fpr\": [", "schema", "tpr"},
        {"{\"image\": 3, ", "{\"image\": 18, ", "schema", "pictures[0]"},
        {"\"why\": \"worst\"", "\"why\": \"nice\"", "schema", "why"},
        {"\"scores\": [\n    [", "\"scores\": [\n    [1, ", "schema", "scores[0]"},
        {"\"scores\": [", "\"scores\": 1, \"z\": [", "schema", "a list"},
        {"\"failures\": [", "\"failures\": [{}, ", "schema", "failures[0]"},
        {"\"categories\": [", "\"categories\": [[], ", "schema", "categories[0]"},
        {"\"provenance\": {", "\"provenance\": ", "json-syntax", "byte"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wc_error err = {0};
        enum wc_err rc = parse_with(bad[i].from, bad[i].to, &err);
        if (!test_ok(rc == WC_ERR_DATA && err.fault && strcmp(err.fault, bad[i].fault) == 0 &&
                         strstr(err.text, bad[i].says) && strstr(err.text, "bad.json"),
                     "%s instead of %s is refused", bad[i].to, bad[i].from))
            test_note("code %d, fault %s: %s", (int)rc, err.fault ? err.fault : "", err.text);
    }
    struct wc_error err = {0};
    test_ok(parse_with("\"schema\":", "\"later\": {\"x\": [1]}, \"schema\":", &err) == WC_OK,
            "a member of a later program is passed over");
}

// What each format must and must not hold of the example's names.
static void check_names(void) {
    static const struct {
        const char *format, *has, *lacks;
    } names[] = {
        {"text", "<script>alert(1)</script>?| `x`", "\xe2\x80\xae"},
        {"text", "FAILED =cmd|' /C calc'!A0/test/<b>bad</b>/004.png: broken",
         "alert(1)</script>\n"},
        {"csv", "folder,\"'=cmd|' /C calc'!A0\",winclip,paper", ",=cmd"},
        {"latex", "a\\_b \\& 50\\% \\$x\\$ \\{y\\} \\textbackslash{}input\\{z\\} \\#1", "\\input{"},
        {"latex", "\\toprule", "a_b & 50\\%"},
        {"markdown", "=cmd\\|' /C calc'\\!A0 |", "<script>"},
        {"markdown", "\\[l\\](u)", "<b>"},
    };
    struct wc_report r = parse(example, n_example);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct wc_buf out = write_as(&r, names[i].format);
        test_ok(strstr(wc_buf_str(&out), names[i].has) && !strstr(wc_buf_str(&out), names[i].lacks),
                "%s: names stay names: %s", names[i].format, names[i].has);
        wc_buf_release(&out);
    }
    wc_report_release(&r);
}

// Tables fit the screen; the lines of provenance and failures may be longer.
static void check_width(void) {
    struct wc_report r = parse(example, n_example);
    struct wc_buf out = write_as(&r, "text");
    size_t widest = 0, n_lines = 0;
    const char *end = strstr(wc_buf_str(&out), "\nfolder: 18 images");
    for (const char *p = wc_buf_str(&out), *next; end && p < end; p = next + 1, n_lines++) {
        size_t n = 0;
        next = strchr(p, '\n');
        for (const char *c = p; c < next; c++)
            n += ((unsigned char)*c & 0xc0) != 0x80;
        widest = n > widest ? n : widest;
    }
    test_ok(n_lines > 30 && widest <= 100, "tables of report.txt fit 100 columns (%zu)", widest);
    wc_buf_release(&out);
    wc_report_release(&r);
}

// Every provenance line is in every format.
static void check_provenance(void) {
    static const char *const format[] = {"text", "latex", "markdown", "json"};
    static const char *const line[] = {"0123456789abcdef", "abababababababab", "avx2", "f32",
                                       "openblas",         "winclip",          "gelu", "paper",
                                       "ViT-B-16-plus-240"};
    struct wc_report r = parse(example, n_example);
    for (size_t f = 0; f < sizeof format / sizeof *format; f++) {
        struct wc_buf out = write_as(&r, format[f]);
        bool all = strstr(wc_buf_str(&out), "tau=0.05") || strstr(wc_buf_str(&out), "tau\\=0.05");
        for (size_t i = 0; i < sizeof line / sizeof *line; i++)
            all = all && strstr(wc_buf_str(&out), line[i]);
        test_ok(all, "%s: provenance", format[f]);
        wc_buf_release(&out);
    }
    wc_report_release(&r);
}

// The example cut down to one category, as a part of a job array would be.
static struct wc_report part(size_t category) {
    struct wc_report r = parse(example, n_example);
    const char *name = r.category[category].name;
    size_t n = 0, n_images = 0, n_all = r.n_images;
    for (size_t i = 0; i < r.n_rows; i++)
        if (strcmp(r.row[i].category, name) == 0 || strcmp(r.row[i].category, "mean") == 0)
            r.row[n++] = r.row[i];
    r.n_rows = n;
    for (size_t v = 0; v < r.n_variants; v++)
        for (size_t i = 0; i < n_all; i++)
            if (strcmp(r.image[i].category, name) == 0)
                r.score[n_images++] = r.score[v * n_all + i];
    n = 0;
    for (size_t i = 0; i < n_all; i++)
        if (strcmp(r.image[i].category, name) == 0)
            r.image[n++] = r.image[i];
    r.n_images = n;
    r.category[0] = r.category[category];
    r.n_categories = 1;
    r.provenance.n_images = n;
    r.provenance.n_failed = category == 0;
    for (size_t i = 0; i < r.n_failures; i++)
        wc_free(r.failure[i].text);
    r.n_failures = 0;
    r.n_pictures = 0;
    return r;
}

static struct wc_report_set set_of(size_t n, const size_t *category) {
    struct wc_report_set s = {.n = n};
    struct wc_error err = {0};
    if (WC_NEW(&s.item, n, "", &err) != WC_OK || WC_NEW(&s.name, n, "", &err) != WC_OK)
        exit(1);
    for (size_t i = 0; i < n; i++) {
        s.item[i] = part(category[i]);
        s.name[i] = wc_sprintf("part%zu", i);
    }
    return s;
}

static const struct wc_report_row *find(const struct wc_report *r, const char *category,
                                        const char *metric, int64_t shot, int64_t seed) {
    for (size_t i = 0; i < r->n_rows; i++)
        if (strcmp(r->row[i].category, category) == 0 && strcmp(r->row[i].metric, metric) == 0 &&
            r->row[i].shot == shot && r->row[i].seed == seed)
            return &r->row[i];
    return NULL;
}

static void check_merge(void) {
    struct wc_error err = {0};
    struct wc_report whole = parse(example, n_example);
    struct wc_report_set s = set_of(3, (const size_t[]){0, 1, 2});
    wc_strlist_add(&s.item[1].text, "avx512", &err);
    s.item[1].provenance.isa = s.item[1].text.item[s.item[1].text.n - 1];
    test_ok(wc_report_set_merge(&s, &err) == WC_OK && s.n == 1, "three parts become one report");
    bool same = s.item[0].n_rows == whole.n_rows && s.item[0].n_images == 18;
    for (size_t i = 0; i < whole.n_rows && same; i++) {
        const struct wc_report_row *a = &whole.row[i],
                                   *b = find(&s.item[0], a->category, a->metric, a->shot, a->seed);
        same = b && b->n_images == a->n_images &&
               (isnan(a->value) ? isnan(b->value) : fabs(a->value - b->value) < 1e-15);
    }
    test_ok(same, "its figures and means are those of the whole");
    bool scores = true;
    for (size_t i = 0; i < 3 * 18; i++)
        scores = scores && (isnan(whole.score[i]) ? isnan(s.item[0].score[i])
                                                  : whole.score[i] == s.item[0].score[i]);
    test_ok(scores, "its scores too");
    test_str(s.item[0].provenance.isa, "avx2, avx512", "both instruction sets are named");
    test_ok(s.item[0].provenance.n_failed == 1, "failures are added up");
    wc_report_set_release(&s);

    s = set_of(2, (const size_t[]){1, 1});
    test_ok(wc_report_set_merge(&s, &err) == WC_OK && s.n == 2,
            "runs over the same category stay apart");
    wc_report_set_release(&s);
    s = set_of(2, (const size_t[]){0, 1});
    s.item[1].provenance.presets = "accurate";
    test_ok(wc_report_set_merge(&s, &err) == WC_OK && s.n == 2, "other settings stay apart");
    wc_report_set_release(&s);
    s = set_of(2, (const size_t[]){0, 1});
    s.item[1].n_variants = 2;
    test_ok(wc_report_set_merge(&s, &err) == WC_OK && s.n == 2, "other variants stay apart");
    wc_report_set_release(&s);
    wc_report_release(&whole);
}

static void check_intervals(void) {
    struct wc_error err = {0};
    struct wc_report a = parse(example, n_example), b = parse(example, n_example);
    const struct wc_bootstrap_options o = {400, 0.9, 7}, other = {400, 0.9, 8};
    test_ok(wc_report_bootstrap(&a, &o, &err) == WC_OK, "intervals");
    const struct wc_report_row *mean = find(&a, "mean", "auroc", 0, 0),
                               *one = find(&a, a.category[1].name, "auroc", 0, 0),
                               *pixel = find(&a, "mean", "pixel_auroc", 0, 0);
    test_ok(mean && mean->low < mean->high && one->low < one->high && isnan(pixel->low),
            "categories and the mean have them, pixel figures have none");
    test_ok(mean->high - mean->low < one->high - one->low, "the mean's is narrower");
    double low = mean->low;
    wc_report_bootstrap(&b, &o, &err);
    test_ok(find(&b, "mean", "auroc", 0, 0)->low == low, "the same seed, the same interval");
    struct wc_buf out = write_as(&a, "json");
    struct wc_report c = parse(wc_buf_str(&out), out.n);
    test_ok(find(&c, "mean", "auroc", 0, 0)->low == low && c.provenance.bootstrap.seed == 7,
            "they read back");
    wc_buf_release(&out);
    wc_report_bootstrap(&b, &other, &err);
    test_ok(find(&b, "mean", "ap", 0, 0)->low != find(&a, "mean", "ap", 0, 0)->low,
            "another seed, another interval");
    wc_report_release(&a);
    wc_report_release(&b);
    wc_report_release(&c);
}

int main(void) {
    struct wc_error err = {0};
    unsigned char *bytes = NULL;
    if (wc_io_read_file(EXAMPLE, 1 << 20, &bytes, &n_example, &err) != WC_OK) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    example = (char *)bytes;
    check_round_trip();
    check_bad();
    check_names();
    check_width();
    check_provenance();
    check_merge();
    check_intervals();
    wc_free(bytes);
    return test_done();
}
