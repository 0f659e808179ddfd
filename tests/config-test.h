// What the tests of config share: a file in the scratch folder, and a config read from it.
#ifndef WC_TESTS_CONFIG_TEST_H
#define WC_TESTS_CONFIG_TEST_H

#include "base/alloc.h"
#include "base/io.h"
#include "base/str.h"
#include "config/config.h"

#include "test.h"

// The least that a configuration must hold.
#define MINIMAL "dataset: {name: mvtec, root: /d}\nmodel: {weights: demo}\n"

__attribute__((unused)) static const char *scratch(void) {
    const char *tmp = getenv("WC_TEST_TMP");
    return tmp ? tmp : "build/tmp";
}

// Path of a file of that name with that text; the caller's (wc_free()).
__attribute__((unused)) static char *write_config(const char *name, const char *text) {
    struct wc_error err = {0};
    char *path = wc_path_join(scratch(), name);
    char *dir = wc_path_dir(path);
    if (wc_io_mkdirs(dir, &err) != WC_OK ||
        wc_io_write_atomic(path, text, strlen(text), &err) != WC_OK)
        test_note("%s", err.text);
    wc_free(dir);
    return path;
}

// Reads `text` as t.yaml in the scratch folder, then the sets up to a NULL. *c needs a release even
// after a failure.
__attribute__((unused)) static enum wc_err read_config(const char *text, const char *const *sets,
                                                       struct wc_config *c, struct wc_error *err) {
    *err = (struct wc_error){0};
    struct wc_strlist list = {0};
    for (; sets && *sets; sets++)
        wc_strlist_add(&list, *sets, err);
    char *path = write_config("t.yaml", text);
    enum wc_err rc = wc_config_init(c, err);
    if (rc == WC_OK)
        rc = wc_config_read(path, &list, c, err);
    wc_free(path);
    wc_strlist_release(&list);
    return rc;
}

#endif
