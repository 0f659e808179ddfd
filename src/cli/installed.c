#include "cli/installed.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PATH_BYTES = 4096 };

// "/usr/local" of "/usr/local/bin/winclip-mpi"; "" where the system does not say.
static void find_prefix(char prefix[MAX_PATH_BYTES]) {
    ssize_t n = readlink("/proc/self/exe", prefix, MAX_PATH_BYTES - 1);
    prefix[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(prefix, '/');
        if (slash)
            *slash = '\0';
    }
}

// base/folder/name where that is a file, else NULL; `folder` may be "".
static char *try_file(const char *base, const char *folder, const char *name) {
    char *path = wc_sprintf("%s/%s%s%s", base, folder, *folder ? "/" : "", name);
    if (path && wc_io_is_file(path))
        return path;
    wc_free(path);
    return NULL;
}

enum wc_err wc_installed_find(const char *folder, const char *name, char **path,
                              struct wc_error *err) {
    const char *env = getenv("WINCLIP_SHARE"), *const in[] = {"", folder, "jobs"};
    char prefix[MAX_PATH_BYTES], share[MAX_PATH_BYTES + 32] = "", *found = NULL;
    *path = NULL;
    if (!name)
        return WC_OK;
    find_prefix(prefix);
    if (*prefix)
        strcat(strcpy(share, prefix), "/share/winclip-mpi");
    const char *const base[] = {env ? env : "", share, prefix};
    bool look = name[0] != '/' && !wc_io_exists(name);
    for (size_t b = 0; look && b < 3 && !found; b++)
        for (size_t i = 0; i < 3 && *base[b] && !found; i++)
            found = try_file(base[b], in[i], name);
    if (found)
        WC_INFO("%s: taken from %s", name, found);
    else if (!(found = wc_strdup(name)))
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", name);
    *path = found;
    return WC_OK;
}
