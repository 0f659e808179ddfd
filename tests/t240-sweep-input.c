// Every reader of what the user gives, while memory and files fail: pictures, masks, data sets,
// configurations, prompts, the tokenizer. (tests/sweep.h says what is asked of each.)
#include "sweep.h"

#include "base/json.h"
#include "base/yaml.h"
#include "config/config.h"
#include "dataset/csv.h"
#include "dataset/dataset.h"
#include "image/image.h"
#include "text/prompts.h"
#include "text/tokenizer.h"

#include <sys/stat.h>

#define GOOD "tests/golden/decode/good/"

/* Pictures. */

static enum wc_err picture(const char *path, struct wc_error *err) {
    struct wc_image image = {0};
    const struct wc_image_options o = {.exif_apply = true};
    WC_TRY(wc_image_read(path, &o, &image, err));
    sweep_result(image.rgb, image.width_px * image.height_px * 3);
    wc_image_release(&image);
    return WC_OK;
}

static enum wc_err size_of(const char *path, struct wc_error *err) {
    size_t size[2];
    WC_TRY(wc_image_read_size(path, NULL, &size[0], &size[1], err));
    sweep_result(size, sizeof size);
    return WC_OK;
}

static enum wc_err mask(const char *path, struct wc_error *err) {
    struct wc_mask m = {0};
    WC_TRY(wc_mask_read(path, &m, err));
    sweep_result(m.value, m.width_px * m.height_px);
    wc_mask_release(&m);
    return WC_OK;
}

static enum wc_err write_picture(const char *name, struct wc_error *err) {
    struct wc_image image = {0};
    WC_TRY(wc_image_new(40, 30, &image, err));
    for (size_t i = 0; i < 3600; i++)
        image.rgb[i] = (uint8_t)(i * 7);
    enum wc_err rc = wc_image_write_png(sweep_path(name), &image, err);
    wc_image_release(&image);
    return rc;
}

/* Data sets. */

static enum wc_err csv(const char *name, struct wc_error *err) {
    struct wc_csv c = {0};
    WC_TRY(wc_csv_read(sweep_path(name), &c, err));
    for (size_t r = 0; r < c.n_rows; r++)
        for (size_t k = 0; k < c.n_columns; k++)
            sweep_text(wc_csv_at(&c, r, k));
    wc_csv_release(&c);
    return WC_OK;
}

// Layout and root in one text: "mvtec:FOLDER".
static enum wc_err listing(const char *what, struct wc_error *err) {
    struct wc_dataset d = {0}, again = {0};
    struct wc_buf packed = {0};
    char name[64];
    size_t n = strcspn(what, ":");
    snprintf(name, sizeof name, "%.*s", (int)n, what);
    const char *root = what[n + 1] == '/' || strncmp(what + n + 1, "tests", 5) == 0
                           ? what + n + 1
                           : sweep_path(what + n + 1);
    struct wc_dataset_options o = {.name = name, .root = root};
    WC_TRY(wc_dataset_list(&o, &d, err));
    enum wc_err rc = wc_dataset_pack(&d, &packed, err);
    if (rc == WC_OK)
        rc = wc_dataset_unpack(packed.data, packed.n, &again, err);
    for (size_t i = 0; rc == WC_OK && i < again.n_categories; i++)
        for (size_t k = 0; k < again.category[i].n_items; k++)
            sweep_text(again.category[i].item[k].image);
    wc_buf_release(&packed);
    wc_dataset_release(&d);
    wc_dataset_release(&again);
    return rc;
}

/* Texts. */

static enum wc_err config(const char *path, struct wc_error *err) {
    struct wc_config c = {0};
    struct wc_buf dump = {0}, help = {0};
    struct wc_strlist diff = {0};
    enum wc_err rc = wc_config_init(&c, err);
    if (rc == WC_OK)
        rc = wc_config_read(path, NULL, &c, err);
    if (rc == WC_OK)
        rc = wc_config_dump(&c, false, &dump, err);
    if (rc == WC_OK)
        rc = wc_config_help(&help, err);
    if (rc == WC_OK)
        rc = wc_config_diff(wc_buf_str(&dump), "threads: 3\n", &diff, err);
    for (size_t i = 0; i < diff.n; i++)
        sweep_text(diff.item[i]);
    sweep_text(wc_buf_str(&dump));
    sweep_text(wc_buf_str(&help));
    wc_strlist_release(&diff);
    wc_buf_release(&help);
    wc_buf_release(&dump);
    wc_config_release(&c);
    return rc;
}

static void sweep_yaml(const struct wc_yaml *v) {
    sweep_text(v->key);
    sweep_text(v->text);
    for (const struct wc_yaml *c = v->child; c; c = c->next)
        sweep_yaml(c);
}

static enum wc_err yaml(const char *path, struct wc_error *err) {
    struct wc_yaml_doc *doc = NULL;
    WC_TRY(wc_yaml_read(path, &doc, err));
    sweep_yaml(wc_yaml_root(doc));
    wc_yaml_free(&doc);
    return WC_OK;
}

static enum wc_err json(const char *text, struct wc_error *err) {
    struct wc_json_doc *doc = NULL;
    WC_TRY(wc_json_parse("text", text, strlen(text), 16, &doc, err));
    sweep_result(&wc_json_root(doc)->n_children, sizeof(size_t));
    wc_json_free(&doc);
    return WC_OK;
}

static enum wc_err prompts(const char *path, struct wc_error *err) {
    struct wc_prompts *p = NULL;
    struct wc_strlist normal = {0}, abnormal = {0};
    char *object = NULL;
    WC_TRY(wc_prompts_read(path, &p, err));
    sweep_text(wc_prompts_sha256(p));
    enum wc_err rc = wc_prompts_object(p, "metal_nut", &object, err);
    if (rc == WC_OK)
        rc = wc_prompts_expand(p, WC_PROMPTS_BARE, "metal_nut", object, &normal, &abnormal, err);
    for (size_t i = 0; i < abnormal.n; i++)
        sweep_text(abnormal.item[i]);
    wc_free(object);
    wc_strlist_release(&normal);
    wc_strlist_release(&abnormal);
    wc_prompts_free(&p);
    return rc;
}

static enum wc_err tokenizer(const char *path, struct wc_error *err) {
    static const char text[] = "a cropped photo of the flawless &amp; metal nut, 12 caf\xC3\xA9s";
    struct wc_tokenizer *t = NULL;
    int32_t ids[77];
    size_t n = 0;
    WC_TRY(wc_tokenizer_new(path, &t, err));
    enum wc_err rc = wc_tokenize(t, text, sizeof text - 1, 77, ids, &n, err);
    sweep_result(ids, n * sizeof *ids);
    wc_tokenizer_free(&t);
    return rc;
}

static enum wc_err create_new(const char *name, struct wc_error *err) {
    bool made = false;
    enum wc_err rc = wc_io_create_new(sweep_path(name), "whole", 5, &made, err);
    sweep_result(&made, sizeof made);
    return rc;
}
static void no_file(const char *name) {
    remove(sweep_path(name));
}
// Whole or absent, and whole after a success.
static bool all_or_none(const char *name, bool is_ok) {
    char text[16] = "";
    FILE *f = fopen(sweep_path(name), "rb");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    return f ? n == 5 && memcmp(text, "whole", 5) == 0 : !is_ok;
}

static enum wc_err link_or_copy(const char *name, struct wc_error *err) {
    return wc_io_link_or_copy(GOOD "png_rgb8.png", sweep_path(name), err);
}
static bool copied(const char *name, bool is_ok) {
    uint64_t found = sweep_file(sweep_path(name));
    return found == sweep_file(GOOD "png_rgb8.png") || (found == 0 && !is_ok);
}

static enum wc_err trim(const char *name, struct wc_error *err) {
    return wc_io_trim_folder(sweep_path(name), 10, err);
}
static void full_folder(const char *name) {
    char file[64];
    mkdir(sweep_path(name), 0700);
    for (int i = 0; i < 4; i++) {
        snprintf(file, sizeof file, "%s/%d", name, i);
        sweep_put(file, "0123456", 7);
    }
}

#define CLOSES (1u << WC_FAULT_CLOSE) // a descriptor that was only read from loses nothing
#define LINKS (1u << WC_FAULT_RENAME) // what cannot be linked is copied

static const struct sweep_subject subjects[] = {
    SWEEP("PNG", picture, GOOD "png_pal4_adam7.png", ),
    SWEEP("PNG of 16 bits", picture, GOOD "png_gray16_interlaced.png", ),
    SWEEP("JPEG", picture, GOOD "jpeg_420.jpg", ),
    SWEEP("progressive JPEG, turned", picture, GOOD "jpeg_exif_orientation6.jpg", ),
    SWEEP("JPEG of four colours", picture, GOOD "jpeg_ycck.jpg", ),
    SWEEP("BMP of 24 bits", picture, GOOD "bmp24_w17.bmp", ),
    SWEEP("BMP of 4 bits", picture, GOOD "bmp4_palette.bmp", ),
    SWEEP("size of a picture", size_of, GOOD "jpeg_420.jpg", .harmless = CLOSES),
    SWEEP("mask", mask, GOOD "png_pal4_adam7.png", ),
    SWEEP("JPEG mask", mask, GOOD "jpeg_gray.jpg", ),
    SWEEP("writing a PNG", write_picture, "out.png", .output = {"out.png"}, .harmless = CLOSES),
    SWEEP("CSV", csv, "split.csv", ),
    SWEEP("layout mvtec", listing, "mvtec:tests/data/sample", .harmless = CLOSES),
    SWEEP("layout csv", listing, "csv:tree", .harmless = CLOSES),
    SWEEP("layout folder", listing, "folder:tree", .harmless = CLOSES),
    SWEEP("configuration", config, "configs/sample.yaml", .harmless = CLOSES),
    SWEEP("YAML", yaml, "prompts/winclip.yaml", .harmless = CLOSES),
    SWEEP("JSON", json,
          "{\"a\": [1, {\"b\": \"\\u00e9\\ud83d\\ude00\"}, null, true, 1e9], \"c\": {}}", ),
    SWEEP("built-in prompts", prompts, NULL, ),
    SWEEP("prompts of a file", prompts, "prompts/clip_ac.yaml", .harmless = CLOSES),
    SWEEP("merges of a file", tokenizer, "tests/data/sample/bpe.txt.gz", .harmless = CLOSES),
    SWEEP("built-in merges", tokenizer, NULL, ),
    SWEEP("a file made once", create_new, "new", .prepare = no_file, .sound = all_or_none,
          .harmless = CLOSES),
    SWEEP("a second name", link_or_copy, "link", .prepare = no_file, .sound = copied,
          .harmless = CLOSES | LINKS),
    SWEEP("a folder trimmed", trim, "full", .prepare = full_folder, .harmless = CLOSES),
};

int main(void) {
    sweep_begin("t240");
    mkdir(sweep_path("tree"), 0700);
    mkdir(sweep_path("tree/good"), 0700);
    mkdir(sweep_path("tree/bad"), 0700);
    sweep_put("tree/good/0.png", "", 0);
    sweep_put("tree/good/1.png", "", 0);
    sweep_put("tree/bad/2.png", "", 0);
    sweep_put("split.csv", "a,b\n1,\"x,\"\"y\"\n2,z\n", 18);
    sweep_put("tree/s.csv",
              "category,split,image,label,mask\nx,test,good/0.png,good,\nx,test,bad/2.png,bad,\n",
              78);
    sweep_all(subjects, sizeof subjects / sizeof *subjects);
    return sweep_done();
}
