#define _GNU_SOURCE // memfd_create: a file without a place on disk
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char folder[64], link_name[128];

static void remove_folder(void) {
    if (link_name[0])
        unlink(link_name);
    rmdir(folder);
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

const char *fuzz_file(const uint8_t *bytes, size_t n, const char *suffix) {
    static int fd = -1;
    char target[64];
    if (fd < 0) {
        const char *tmp = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%.40s/winclip-fuzz-XXXXXX", tmp ? tmp : "/tmp");
        fd = memfd_create("input", 0);
        if (fd < 0 || !mkdtemp(folder))
            die("fuzz: a scratch file");
        atexit(remove_folder);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, n, 0) != (ssize_t)n)
        die("fuzz: writing the input");
    if (link_name[0])
        unlink(link_name);
    snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
    snprintf(link_name, sizeof link_name, "%s/input%s", folder, suffix);
    if (symlink(target, link_name) != 0)
        die("fuzz: naming the input");
    return link_name;
}

void fuzz_require(bool true_, const char *what, const struct wc_error *err) {
    if (true_)
        return;
    fprintf(stderr, "fuzz: %s (%d %s: %s)\n", what, err ? (int)err->code : 0,
            err && err->fault ? err->fault : "-", err ? err->text : "");
    abort();
}

void fuzz_data_error(enum wc_err rc, const struct wc_error *err) {
    fuzz_require(rc == WC_OK || (rc == WC_ERR_DATA && err->fault && err->text[0]),
                 "neither accepted nor refused as bad data with a fault", err);
}
