// Malformed splits: each is refused with its line and what was expected there.
#include "fixture.h"

#include "base/alloc.h"
#include "dataset/csv.h"

static const struct {
    const char *name, *message; // message NULL: it is read
    const char *text;
    size_t n;
} texts[] = {
#define T(name, message, text)                                                                     \
    { name, message, text, sizeof(text) - 1 }
    T("a byte order mark, CRLF and an empty line", NULL,
      "\xEF\xBB\xBF"
      "a,b\r\n\r\n1,2\r\n"),
    T("a field with everything in it", NULL, "a,b\n\"x,\"\"y\"\"\n\",2\n"),
    T("no line end at the end", NULL, "a,b\n1,2"),
    T("nothing", ":1: no rows", ""),
    T("a byte order mark alone", ":1: no rows", "\xEF\xBB\xBF"),
    T("line ends alone", ": no rows", "\n\n\r\n"),
    T("a header alone", ":2: no rows", "a,b\n"),
    T("a field too few", ":3: 1 fields, the header has 2", "a,b\n1,2\n3\n"),
    T("a field too many", ":2: 3 fields, the header has 2", "a,b\n1,2,3\n"),
    T("a comma at the end", ":2: 3 fields, the header has 2", "a,b\n1,2,\n"),
    T("semicolons", ":2: 2 fields, the header has 1", "a;b\n1;2,3\n"),
    T("a quote that does not end", ":4: a quoted field does not end", "a,b\n1,\"2\n3,4\n"),
    T("a quote that does not end, in the header", "a quoted field does not end", "\"a,b\n1,2\n"),
    T("text behind a quote", ":2: text behind the closing quote", "a,b\n\"1\"x,2\n"),
    T("a quote inside a field", ":2: a quote inside a field", "a,b\n1\"2,3\n"),
    T("a space before a quote", ":2: a quote inside a field", "a,b\n1, \"2\"\n"),
    T("a carriage return alone", ":1: a carriage return without", "a,b\r1,2\r"),
    T("a NUL byte", ":2: a NUL byte", "a,b\n1,\0\n"),
    T("a NUL byte in quotes", ":2: a NUL byte", "a,b\n1,\"\0\"\n"),
    T("UTF-16", ":1: a NUL byte",
      "\xFF\xFE"
      "a\0,\0b\0\n\0"),
    T("a column twice", "two columns are called \"A\"", "a,b,A\n1,2,3\n"),
    T("65 columns", ":1: more than 64 columns",
      ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n"),
};

static void check_texts(void) {
    size_t n_bad = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct wc_csv csv = {0};
        struct wc_error err = {0};
        char *text = wc_alloc(texts[i].n + 1, 1);
        memcpy(text, texts[i].text, texts[i].n);
        enum wc_err rc = wc_csv_parse("s.csv", text, texts[i].n, &csv, &err);
        bool good = texts[i].message
                        ? rc == WC_ERR_DATA && err.fault && strcmp(err.fault, "bad-split") == 0 &&
                              strstr(err.text, texts[i].message) && !csv.text
                        : rc == WC_OK && csv.n_rows == 1 && csv.n_columns == 2;
        if (!test_ok(good, "%s", texts[i].name))
            test_note("code %d, %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
        n_bad += texts[i].message != NULL;
        wc_csv_release(&csv);
    }
    test_note("count: %zu malformed CSV texts", n_bad);
}

// Tables that are well-formed and wrong.
static const struct {
    const char *name, *fault, *parts, *text;
} splits[] = {
    {"no column of images", "bad-split", "s.csv", "category,split,label\nx,test,good\n"},
    {"an unknown label", "bad-split", "s.csv:2",
     "category,split,image,label\nx,test,0.png,perhaps\n"},
    {"an unknown split", "bad-split", "s.csv:2", "category,split,image,label\nx,tset,0.png,good\n"},
    {"no picture's name", "bad-path", "s.csv:2", "category,split,image,label\nx,test,,good\n"},
    {"no category's name", "bad-path", "s.csv:2", "category,split,image,label\n,test,0.png,good\n"},
    {"a picture that is not there", "not-found", "9.png",
     "category,split,image,label\nx,test,9.png,good\n"},
    {"a picture above the root", "bad-path", "s.csv:2",
     "category,split,image,label\nx,test,../0.png,good\n"},
    {"a picture above the root, further on", "bad-path", "s.csv:2",
     "category,split,image,label\nx,test,a/../../0.png,good\n"},
    {"an absolute path", "bad-path", "s.csv:2",
     "category,split,image,label\nx,test,/etc/passwd,good\n"},
    {"a mask above the root", "bad-path", "s.csv:2",
     "category,split,image,label,mask\nx,test,0.png,bad,../m.png\n"},
    {"a category above the root", "bad-path", "s.csv:2",
     "category,split,image,label\n../x,test,0.png,good\n"},
    {"a category called ..", "bad-path", "s.csv:2",
     "category,split,image,label\n..,test,0.png,good\n"},
    {"a picture twice", "duplicate", "0.png",
     "category,split,image,label\nx,test,0.png,good\nx,test,0.png,good\n"},
    {"a picture with two labels", "duplicate", "0.png",
     "category,split,image,label\nx,test,0.png,good\nx,test,0.png,bad\n"},
    {"a picture in train and test", "bad-split", "0.png",
     "category,split,image,label\nx,train,0.png,good\nx,test,0.png,good\n"},
    {"a folder for a picture", "not-a-file", "d.png",
     "category,split,image,label\nx,test,d.png,good\n"},
    {"a FIFO for a picture", "not-a-file", "f.png",
     "category,split,image,label\nx,test,f.png,good\n"},
    {"a device for a picture", "not-a-file", "z.png",
     "category,split,image,label\nx,test,z.png,good\n"},
    {"a link to itself", "not-found", "l.png", "category,split,image,label\nx,test,l.png,good\n"},
    {"a TIFF", "bad-split", "t.tif", "category,split,image,label\nx,test,t.tif,good\n"},
};

static void check_splits(void) {
    fixture_begin("csv-malformed");
    fixture_files("0.png 1.png m.png t.tif");
    fixture_dir("d.png");
    mkfifo(fixture_path("f.png"), 0600);
    symlink("/dev/zero", fixture_path("z.png"));
    symlink("l.png", fixture_path("l.png"));
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        const struct wc_dataset_options o = {.name = "csv"};
        fixture_text("s.csv", splits[i].text);
        test_note("%s", splits[i].name);
        fixture_refuse(o, splits[i].fault, splits[i].parts);
    }
    test_note("count: %zu wrong splits", sizeof splits / sizeof *splits);
}

// The same in JSON (Real-IAD).
static void check_json(void) {
    static const struct {
        const char *name, *fault, *parts, *train, *test;
    } cases[] = {
        {"a picture above the root", "bad-path", "x.json|..", "",
         "{\"anomaly_class\": \"OK\", \"image_path\": \"../../0.png\"}"},
        {"an absolute picture", "bad-path", "x.json|absolute", "",
         "{\"anomaly_class\": \"OK\", \"image_path\": \"/etc/passwd\"}"},
        {"a mask above the root", "bad-path", "x.json|..", "",
         "{\"anomaly_class\": \"AK\", \"image_path\": \"0.png\", \"mask_path\": \"../m.png\"}"},
        {"a reference above the root", "bad-path", "x.json|..",
         "{\"anomaly_class\": \"OK\", \"image_path\": \"../0.png\"}",
         "{\"anomaly_class\": \"OK\", \"image_path\": \"0.png\"}"},
        {"no path", "bad-split", "x.json", "", "{\"anomaly_class\": \"OK\"}"},
        {"a path that is a number", "bad-split", "x.json", "",
         "{\"anomaly_class\": \"OK\", \"image_path\": 1}"},
        {"a path with a NUL", "bad-split", "x.json", "",
         "{\"anomaly_class\": \"OK\", \"image_path\": \"0.png\\u0000x\"}"},
        {"a list in place of an object", "bad-split", "x.json", "", "[]"},
        {"text that is no JSON", "json-syntax", "x.json", "", "{\"anomaly_class\": "},
    };
    fixture_begin("json-malformed");
    fixture_files("realiad_512/x/0.png realiad_512/x/m.png");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct wc_dataset_options o = {.name = "real_iad"};
        char text[1024];
        snprintf(text, sizeof text, "{\"train\": [%s], \"test\": [%s]}", cases[i].train,
                 cases[i].test);
        fixture_text("realiad_jsons/x.json", text);
        test_note("%s", cases[i].name);
        fixture_refuse(o, cases[i].fault, cases[i].parts);
    }
    test_note("count: %zu wrong JSON splits", sizeof cases / sizeof *cases);
}

int main(void) {
    check_texts();
    check_splits();
    check_json();
    return test_done();
}
