/*
 * Small data sets for tests: empty files are enough, as a listing does not decode. Everything lies
 * under $WC_TEST_TMP/NAME, which is emptied first.
 */
#ifndef WC_TESTS_FIXTURE_H
#define WC_TESTS_FIXTURE_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 // nftw(); so this is a test's first include
#endif

#include "test.h"

#include "base/io.h"
#include "dataset/dataset.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char fixture_root[2048];

static int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

// Path below the fixture, in one of a few static buffers.
__attribute__((unused)) static const char *fixture_path(const char *rel) {
    static char buffer[8][12288];
    static int next;
    char *b = buffer[next = (next + 1) % 8];
    snprintf(b, sizeof(buffer[0]), "%s/%s", fixture_root, rel);
    return b;
}

__attribute__((unused)) static void fixture_dir(const char *rel) {
    struct wc_error err;
    if (wc_io_mkdirs(fixture_path(rel), &err) != WC_OK)
        printf("Bail out! %s\n", err.text);
}

// Starts an empty fixture.
__attribute__((unused)) static void fixture_begin(const char *name) {
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(fixture_root, sizeof(fixture_root), "%s/%s", tmp ? tmp : "build/tmp", name);
    nftw(fixture_root, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    fixture_dir("");
}

__attribute__((unused)) static void fixture_bytes(const char *rel, const void *bytes, size_t n) {
    char dir[8192];
    snprintf(dir, sizeof(dir), "%s", rel);
    char *slash = strrchr(dir, '/');
    if (slash) {
        *slash = '\0';
        fixture_dir(dir);
    }
    FILE *f = fopen(fixture_path(rel), "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        printf("Bail out! cannot write %s\n", rel);
}

__attribute__((unused)) static void fixture_text(const char *rel, const char *text) {
    fixture_bytes(rel, text, strlen(text));
}

// Empty files, named in one text and separated by spaces.
__attribute__((unused)) static void fixture_files(const char *names) {
    char copy[8192];
    snprintf(copy, sizeof(copy), "%s", names);
    for (char *save = NULL, *s = strtok_r(copy, " \n", &save); s; s = strtok_r(NULL, " \n", &save))
        fixture_text(s, "");
}

// The listing in one text, for comparison: a line a category and a line an image, paths relative to
// the category's folder.
__attribute__((unused)) static const char *fixture_print(const struct wc_dataset *d) {
    static char text[16384];
    size_t at = 0;
#define PUT(...)                                                                                   \
    at += (size_t)snprintf(text + at, at < sizeof(text) ? sizeof(text) - at : 0, __VA_ARGS__)
    for (size_t i = 0; i < d->n_categories; i++) {
        const struct wc_category *c = &d->category[i];
        PUT("%s%s\n", c->name, c->has_masks ? " masks" : "");
        for (size_t k = 0; k < c->n_train; k++)
            PUT(" - %s\n", c->train[k].image);
        for (size_t k = 0; k < c->n_items; k++) {
            const struct wc_item *item = &c->item[k];
            PUT(" %c %s %s", "?.x"[item->label + 1], item -> image, item -> defect);
            for (size_t m = 0; m < item->masks.n; m++)
                PUT(" %s", item->masks.item[m] + strlen(c->folder) + 1);
            PUT("\n");
        }
    }
#undef PUT
    return text;
}

// Lists the fixture (or `below` it) and compares with `wanted`.
__attribute__((unused)) static void fixture_expect(struct wc_dataset_options options,
                                                   const char *below, const char *wanted,
                                                   const char *name) {
    struct wc_dataset d = {0};
    struct wc_error err = {0};
    if (below || !options.root)
        options.root = *(below ? below : "") ? fixture_path(below) : fixture_root;
    if (wc_dataset_list(&options, &d, &err) != WC_OK) {
        test_ok(false, "%s", name);
        test_note("%s: %s", err.fault ? err.fault : "-", err.text);
        return;
    }
    test_str(fixture_print(&d), wanted, name);
    wc_dataset_release(&d);
}

// Lists the fixture, which must fail with that fault and a text that holds each of `parts`
// (separated by '|').
__attribute__((unused)) static void fixture_refuse(struct wc_dataset_options options,
                                                   const char *fault, const char *parts) {
    struct wc_dataset d = {0};
    struct wc_error err = {0};
    char copy[2048];
    bool named = true;
    if (!options.root)
        options.root = fixture_root;
    enum wc_err rc = wc_dataset_list(&options, &d, &err);
    snprintf(copy, sizeof(copy), "%s", parts);
    for (char *save = NULL, *s = strtok_r(copy, "|", &save); s; s = strtok_r(NULL, "|", &save))
        named = named && strstr(err.text, s);
    bool same = fault ? err.fault && strcmp(err.fault, fault) == 0 : !err.fault;
    if (!test_ok(rc != WC_OK && same && named && !d.category, "%s: names %s", fault ? fault : "-",
                 parts))
        test_note("code %d, fault %s: %s", (int)rc, err.fault ? err.fault : "-", err.text);
    wc_dataset_release(&d);
}

#endif
