#include "config/values.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

// Longer than any path; a text that repeats a long variable must not grow without end.
enum { MAX_TEXT_BYTES = 65536 };

static size_t name_length(const char *s) {
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    if (!*s || !strchr(first, *s))
        return 0;
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
}

// One variable: s stands behind "${". Appends its value and sets *end behind its "}".
static enum wc_err expand_one(const struct wc_site *site, const struct wc_yaml *v, const char *s,
                              struct wc_buf *out, const char **end, struct wc_error *err) {
    size_t n = name_length(s);
    const char *close = strchr(s, '}');
    if (!close)
        return wc_site_fail(site, v, err, "variable", "\"${%.32s\" has no closing \"}\"", s);
    bool has_default = n > 0 && strncmp(s + n, ":-", 2) == 0;
    if (n == 0 || (s + n != close && !has_default))
        return wc_site_fail(site, v, err, "variable",
                            "\"${%.*s}\" is no variable; write ${NAME} or ${NAME:-default}, and "
                            "$${ for a literal ${",
                            (int)(close - s < 64 ? close - s : 64), s);
    const char *fallback = s + n + 2;
    size_t n_fallback = has_default ? (size_t)(close - fallback) : 0;
    for (size_t i = 0; i + 1 < n_fallback; i++) {
        if (fallback[i] == '$' && fallback[i + 1] == '{')
            return wc_site_fail(site, v, err, "variable",
                                "a variable inside the default of ${%.*s}; defaults are plain text",
                                (int)(n < 64 ? n : 64), s);
    }
    char *name = wc_strndup(s, n);
    if (!name)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", site->file);
    const char *value = getenv(name);
    enum wc_err rc = WC_OK;
    if (has_default && (!value || !*value))
        wc_buf_add(out, fallback, n_fallback);
    else if (!value)
        rc = wc_site_fail(site, v, err, "variable",
                          "environment variable %.64s is not set; export it, or use --set %s=...",
                          name, site->set_key ? site->set_key : site->key);
    else if (!wc_utf8_valid(value, strlen(value)))
        rc = wc_site_fail(site, v, err, "not-utf8",
                          "the value of environment variable %.64s is not UTF-8", name);
    else
        wc_buf_puts(out, value);
    wc_free(name);
    *end = close + 1;
    return rc;
}

enum wc_err wc_expand(const struct wc_site *site, const struct wc_yaml *v, const char *s,
                      char **out, bool *expanded, struct wc_error *err) {
    struct wc_buf text = {0};
    enum wc_err rc = WC_OK;
    bool any = false;
    while (*s && rc == WC_OK) {
        if (strncmp(s, "$${", 3) == 0) {
            wc_buf_puts(&text, "${");
            s += 3;
        } else if (strncmp(s, "${", 2) == 0) {
            rc = expand_one(site, v, s + 2, &text, &s, err);
            any = true;
        } else {
            size_t n = strcspn(s + 1, "$") + 1;
            wc_buf_add(&text, s, n);
            s += n;
        }
        if (rc == WC_OK && text.n > MAX_TEXT_BYTES)
            rc = wc_site_fail(site, v, err, "too-large", "a text of more than %d bytes",
                              MAX_TEXT_BYTES);
    }
    if (rc == WC_OK)
        rc = wc_buf_check(&text, "a configuration value", err);
    char *copy = NULL;
    if (rc == WC_OK && !(copy = wc_strdup(wc_buf_str(&text))))
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", site->file);
    wc_buf_release(&text);
    if (rc != WC_OK)
        return rc;
    *out = copy;
    *expanded = any;
    return WC_OK;
}

// Leading "." and ".." are taken off here, so that messages, dumps and the run's hash show one name
// of a file, whichever folder the program was started in. `dir` holds no links: its parent is the
// text before the last slash.
enum wc_err wc_resolve(const char *dir, const char *path, char **out, struct wc_error *err) {
    char *base = wc_strdup(path[0] == '/' ? "" : dir);
    if (!base)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    while (path[0] != '/') {
        size_t up = strncmp(path, "..", 2) == 0 && (path[2] == '/' || !path[2]);
        size_t here = !up && path[0] == '.' && (path[1] == '/' || !path[1]);
        if (!up && !here)
            break;
        char *slash = strrchr(base, '/');
        if (up && slash)
            slash[slash == base] = '\0'; // the parent of "/" is "/"
        path += up + 1;
        path += strspn(path, "/");
        if (!*path)
            break;
    }
    char *joined = *path ? wc_path_join(base, path) : wc_strdup(base);
    wc_free(base);
    if (!joined)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    *out = joined;
    return WC_OK;
}
