// Settings of the library: the configuration's own reader, for the keys that concern one picture.
#include "winclip/handles.h"

#include <stdio.h>
#include <string.h>

enum winclip_status wc_handle_set(struct wc_handle_error *e, enum wc_err rc,
                                  const struct wc_error *err) {
    e->text[0] = '\0';
    e->error.code = rc;
    if (rc != WC_OK)
        snprintf(e->text, sizeof e->text, "%s%s%s%s", err->text[0] ? err->text : "failed",
                 err->fault ? " [" : "", err->fault ? err->fault : "", err->fault ? "]" : "");
    return (enum winclip_status)rc;
}

static bool is_allowed(const char *key, size_t n_key, const char *const *allowed) {
    for (size_t i = 0; allowed[i]; i++) {
        size_t n = strlen(allowed[i]);
        bool section = allowed[i][n - 1] == '.';
        if (strncmp(key, allowed[i], n) == 0 && (section ? n_key > n : n_key == n))
            return true;
    }
    return false;
}

enum wc_err wc_settings_read(const char *const *settings, const char *const *allowed,
                             struct wc_config *out, struct wc_error *err) {
    struct wc_strlist sets = {0};
    enum wc_err rc = WC_OK;
    for (size_t i = 0; settings && settings[i] && rc == WC_OK; i++) {
        size_t n_key = strcspn(settings[i], "=");
        if (!is_allowed(settings[i], n_key, allowed))
            rc = WC_FAIL(err, WC_ERR_CONFIG,
                         "setting \"%.*s\": not one of this handle's (%s, %s, ...)", (int)n_key,
                         settings[i], allowed[0], allowed[1]);
        else
            rc = wc_strlist_add(&sets, settings[i], err);
    }
    if (rc == WC_OK)
        rc = wc_config_init(out, err);
    if (rc == WC_OK)
        rc = wc_config_read(NULL, &sets, out, err);
    wc_strlist_release(&sets);
    return rc;
}
