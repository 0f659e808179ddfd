// VisA as published (split_csv/1cls.csv) and as its authors' script prepares it.
#include "fixture.h"

#include "dataset/csv.h"

static const struct wc_dataset_options visa = {.name = "visa"};

#define HEADER "object,split,label,image,mask\n"
#define NORMAL "candle/Data/Images/Normal/"
#define BAD "candle/Data/Images/Anomaly/"
#define MASK "candle/Data/Masks/Anomaly/"

static void images(const char *name) {
    fixture_begin(name);
    fixture_files(NORMAL "0001.JPG " NORMAL "0000.JPG " NORMAL "0002.JPG " BAD "000.JPG " BAD
                         "001.JPG " MASK "000.png " MASK "001.png "
                         "pcb1/Data/Images/Normal/0000.JPG");
}

static void raw(void) {
    static const char candle[] = "candle masks\n"
                                 " - Data/Images/Normal/0000.JPG\n"
                                 " - Data/Images/Normal/0001.JPG\n"
                                 " x Data/Images/Anomaly/000.JPG bad Data/Masks/Anomaly/000.png\n"
                                 " x Data/Images/Anomaly/001.JPG bad Data/Masks/Anomaly/001.png\n"
                                 " . Data/Images/Normal/0002.JPG good\n";
    char both[1024];
    snprintf(both, sizeof(both), "%spcb1\n . Data/Images/Normal/0000.JPG good\n", candle);
    images("visa-raw");
    fixture_text("split_csv/1cls.csv", HEADER "candle,train,normal," NORMAL "0001.JPG,\n"
                                              "pcb1,test,normal,pcb1/Data/Images/Normal/0000.JPG,\n"
                                              "candle,test,anomaly," BAD "001.JPG," MASK "001.png\n"
                                              "candle,train,normal," NORMAL "0000.JPG,\n"
                                              "candle,test,anomaly," BAD "000.JPG," MASK "000.png\n"
                                              "candle,test,normal," NORMAL "0002.JPG,\n");
    fixture_expect(visa, NULL, both, "published tree");

    char *name[] = {"candle"};
    struct wc_dataset_options options = visa;
    options.categories = &(struct wc_strlist){name, 1, 1};
    fixture_expect(options, NULL, candle, "one category");
    name[0] = "candel";
    fixture_refuse(options, "not-found", "candel");

    // BOM, CRLF, quotes, other column order, no line break at the end
    fixture_text("split_csv/1cls.csv",
                 "\xEF\xBB\xBFmask,image,\"label\",split,object,extra\r\n"
                 ",\"" NORMAL "0001.JPG\",normal,train,candle,\"a, \"\"b\"\"\r\nc\"\r\n"
                 ",pcb1/Data/Images/Normal/0000.JPG,normal,test,pcb1,\r\n\r\n" MASK "001.png," BAD
                 "001.JPG,anomaly,test,\"candle\",\r\n"
                 "," NORMAL "0000.JPG,normal,train,candle,\r\n" MASK "000.png," BAD
                 "000.JPG,anomaly,test,candle,\r\n"
                 "," NORMAL "0002.JPG,normal,test,candle,");
    fixture_expect(visa, NULL, both, "the same split in other CSV");
}

// One line of a split that must be refused.
static void bad_line(const char *line, const char *fault, const char *parts) {
    char text[2048];
    snprintf(text, sizeof(text), HEADER "candle,test,normal," NORMAL "0000.JPG,\n%s", line);
    fixture_text("split_csv/1cls.csv", text);
    fixture_refuse(visa, fault, parts);
}

static void bad_splits(void) {
    images("visa-bad");
    bad_line("candle,test,normal,../outside.JPG,\n", "bad-path", "1cls.csv:3|../outside.JPG");
    bad_line("candle,test,normal,candle/../../x.JPG,\n", "bad-path", "candle/../../x.JPG");
    bad_line("candle,test,normal,/etc/x.JPG,\n", "bad-path", "/etc/x.JPG");
    bad_line("candle,test,normal,candle/..,\n", "bad-path", "candle/..");
    bad_line("candle,test,normal,,\n", "bad-path", "1cls.csv:3");
    bad_line("candle,test,anomaly," BAD "000.JPG,../m.png\n", "bad-path", "../m.png");
    bad_line("candle,test,anomaly," BAD "000.JPG,/m.png\n", "bad-path", "/m.png");
    bad_line("../x,test,normal,../x/0.JPG,\n", "bad-path", "../x");
    bad_line("candle,test,normal,pcb1/Data/Images/Normal/0000.JPG,\n", "bad-split", "pcb1");
    bad_line("candle,test,normal," NORMAL "0009.JPG,\n", "not-found", "0009.JPG");
    bad_line("candle,test,anomaly," BAD "000.JPG," MASK "009.png\n", "not-found", "009.png");
    bad_line("candle,test,normal," NORMAL "0000.JPG,\n", "duplicate",
             "Data/Images/Normal/0000.JPG");
    bad_line("candle,train,normal," NORMAL "0000.JPG,\n", "bad-split", "train and in test");
    bad_line("candle,test,anomaly," BAD "000.JPG,\ncandle,test,anomaly," BAD "001.JPG," MASK
             "001.png\n",
             "missing-mask", "Data/Images/Anomaly/000.JPG");
    bad_line("candle,val,normal," NORMAL "0001.JPG,\n", "bad-split", "1cls.csv:3|val");
    bad_line("candle,test,maybe," NORMAL "0001.JPG,\n", "bad-split", "1cls.csv:3|maybe");
    bad_line("candle,test,normal,candle/split.txt,\n", "bad-split", "split.txt");
    bad_line("candle,test,normal\n", "bad-split", "1cls.csv:3|3 fields");
    bad_line("candle,test,normal,\"" NORMAL "0001.JPG,\n", "bad-split", "does not end");
    bad_line("candle,test,normal,\"" NORMAL "0001.JPG\"x,\n", "bad-split", "closing quote");
    bad_line("candle,test,normal," NORMAL "00\"01.JPG,\n", "bad-split", "1cls.csv:3|quote");
    bad_line("candle,test,normal," NORMAL "0001.JPG,\rcandle", "bad-split", "carriage return");
    bad_line("pcb1,train,normal,pcb1/Data/Images/Normal/0000.JPG,\n", "empty-category", "pcb1");
    fixture_text("split_csv/1cls.csv", HEADER);
    fixture_refuse(visa, "bad-split", "no rows");
    fixture_text("split_csv/1cls.csv", "");
    fixture_refuse(visa, "bad-split", "no rows");
    fixture_text("split_csv/1cls.csv", "object,split,label,image\ncandle,test,normal,x.png\n");
    fixture_refuse(visa, "bad-split", "mask");
    fixture_text("split_csv/1cls.csv", "object,split,label,image,mask,image\na,b,c,d,e,f\n");
    fixture_refuse(visa, "bad-split", "two columns|image");
    fixture_bytes("split_csv/1cls.csv", "o\0b\0j\0,\0", 8);
    fixture_refuse(visa, "bad-split", "NUL");
    char wide[512];
    memset(wide, ',', 100);
    snprintf(wide + 100, 8, "\n");
    fixture_text("split_csv/1cls.csv", wide);
    fixture_refuse(visa, "bad-split", "64 columns");
    unlink(fixture_path("split_csv/1cls.csv"));
    fixture_refuse(visa, "not-found", "split_csv/1cls.csv");
    mkfifo(fixture_path("split_csv/1cls.csv"), 0600);
    fixture_refuse(visa, "not-a-file", "split_csv/1cls.csv");
}

static void prepared(void) {
    static const char wanted[] = "candle masks\n"
                                 " - train/good/0000.JPG\n"
                                 " x test/bad/000.JPG bad ground_truth/bad/000.png\n"
                                 " . test/good/000.JPG good\n";
    fixture_begin("visa-prepared");
    fixture_files("1cls/candle/train/good/0000.JPG 1cls/candle/test/good/000.JPG "
                  "1cls/candle/test/bad/000.JPG 1cls/candle/ground_truth/bad/000.png");
    fixture_expect(visa, NULL, wanted, "prepared tree, from its top");
    fixture_expect(visa, "1cls", wanted, "prepared tree, from 1cls");
    fixture_begin("visa-none");
    fixture_dir("candle/Data");
    fixture_refuse(visa, "not-found", "visa-none");
}

// The counts that `check` compares with: sums known from the data sets' papers.
static void counts(void) {
    static const char *const names[] = {"mvtec", "visa"};
    static const uint64_t wanted[][3] = {{3629, 467, 1725}, {8659, 962, 2162}};
    static const char *const columns[] = {"train_normal", "test_normal", "test_total"};
    struct wc_csv csv = {0};
    struct wc_error err = {0};
    if (!test_ok(wc_csv_read("configs/published/dataset_counts.csv", &csv, &err) == WC_OK,
                 "published counts")) {
        test_note("%s", err.text);
        return;
    }
    size_t dataset = wc_csv_column(&csv, "dataset");
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 3; k++) {
            uint64_t sum = 0, n = 0;
            for (size_t row = 0; row < csv.n_rows; row++)
                if (strcmp(wc_csv_at(&csv, row, dataset), names[i]) == 0 &&
                    wc_parse_u64(wc_csv_at(&csv, row, wc_csv_column(&csv, columns[k])), &n))
                    sum += n;
            if (!test_ok(sum == wanted[i][k], "%s %s", names[i], columns[k]))
                test_note("found %llu", (unsigned long long)sum);
        }
    wc_csv_release(&csv);
}

int main(void) {
    counts();
    raw();
    bad_splits();
    prepared();
    return test_done();
}
