// base/io: whole files, maps, atomic replacement, and every file call failing in turn.
#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/io.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[512], path[600];

static const char *at(const char *name) {
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static bool holds(const char *name, const char *text) {
    unsigned char *bytes;
    size_t n;
    if (wc_io_read_file(at(name), 1000, &bytes, &n, NULL) != WC_OK)
        return false;
    bool same = n == strlen(text) && memcmp(bytes, text, n) == 0 && bytes[n] == 0;
    wc_free(bytes);
    return same;
}

static void refused(void) {
    struct wc_error err = {0};
    unsigned char *bytes = NULL;
    size_t n = 0;
    test_ok(wc_io_read_file(at("none"), 10, &bytes, &n, &err) == WC_ERR_DATA,
            "a missing file is a data error");
    test_str(err.fault, "not-found", "fault of a missing file");
    test_ok(strstr(err.text, "none") != NULL, "and it is named");
    test_ok(wc_io_read_file(dir, 10, &bytes, &n, &err) == WC_ERR_DATA, "a folder is refused");
    test_str(err.fault, "not-a-file", "fault of a folder");
    if (mkfifo(at("fifo"), 0600) == 0) {
        test_ok(wc_io_read_file(at("fifo"), 10, &bytes, &n, &err) == WC_ERR_DATA,
                "a FIFO is refused without a hang");
        unlink(at("fifo"));
    }
    if (symlink("loop", at("loop")) == 0) {
        test_ok(wc_io_read_file(at("loop"), 10, &bytes, &n, &err) == WC_ERR_DATA,
                "a symlink loop is refused");
        unlink(at("loop"));
    }
    wc_io_write_atomic(at("big"), "0123456789", 10, NULL);
    test_ok(wc_io_read_file(at("big"), 9, &bytes, &n, &err) == WC_ERR_DATA, "too large");
    test_str(err.fault, "too-large", "fault of a large file");
}

// Fails call n of each kind until a pass is clean: the old content must stay until the new one is
// complete.
static void sweep(enum wc_fault_kind kind, const char *name) {
    unsigned long n = 1;
    bool sound = true;
    for (; n < 50; n++) {
        wc_fault_reset();
        if (wc_io_write_atomic(at("swept"), "old", 3, NULL) != WC_OK)
            sound = false;
        wc_fault_arm(kind, n, false);
        struct wc_error err = {0};
        enum wc_err rc = wc_io_write_atomic(at("swept"), "newer", 5, &err);
        bool hit = wc_fault_count(kind) >= n;
        wc_fault_reset();
        if (!hit)
            break;
        bool whole = holds("swept", "old") || holds("swept", "newer");
        // Closing the folder's descriptor loses nothing: only then may a failed call end in
        // success.
        bool named = (rc == WC_ERR_IO || rc == WC_ERR_NOMEM) && err.text[0];
        bool harmless = rc == WC_OK && kind == WC_FAULT_CLOSE && holds("swept", "newer");
        sound = sound && (named || harmless) && whole;
    }
    struct wc_strlist names = {0};
    wc_io_list(dir, true, &names, NULL);
    for (size_t i = 0; i < names.n; i++)
        sound = sound && !strstr(names.item[i], ".tmp.");
    wc_strlist_release(&names);
    test_ok(sound && n > 1, "atomic replacement with %s failing at each of %lu calls", name, n - 1);
}

int main(void) {
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(dir, sizeof dir, "%s/t020/a/b", tmp ? tmp : "build/tmp");
    struct wc_error err = {0};
    test_ok(wc_io_mkdirs(dir, &err) == WC_OK && wc_io_is_dir(dir), "folders are made");
    test_ok(wc_io_mkdirs(dir, &err) == WC_OK, "again is fine");
    test_ok(wc_io_write_atomic(at("x"), "hello", 5, &err) == WC_OK && holds("x", "hello"),
            "written and read");
    struct wc_map map = {0};
    test_ok(wc_io_map(at("x"), &map, &err) == WC_OK && map.n_bytes == 5 &&
                memcmp(map.data, "hello", 5) == 0,
            "mapped");
    wc_map_release(&map);
    wc_io_write_atomic(at("empty"), "", 0, &err);
    test_ok(wc_io_map(at("empty"), &map, &err) == WC_OK && map.n_bytes == 0 && !map.data,
            "an empty file maps to nothing");
    int fd;
    uint64_t size;
    unlink(at("log"));
    test_ok(wc_io_open_append(at("log"), &fd, &size, &err) == WC_OK && size == 0,
            "append-only file opened");
    test_ok(wc_io_append(fd, path, "abc", 3, &err) == WC_OK &&
                wc_io_append(fd, path, "def", 3, &err) == WC_OK &&
                wc_io_truncate(fd, path, 4, &err) == WC_OK &&
                wc_io_append(fd, path, "z", 1, &err) == WC_OK &&
                wc_io_fsync(fd, path, &err) == WC_OK && wc_io_close(fd, path, &err) == WC_OK &&
                holds("log", "abcdz"),
            "appended, cut, appended");
    refused();
    sweep(WC_FAULT_OPEN, "open");
    sweep(WC_FAULT_WRITE, "write");
    sweep(WC_FAULT_FSYNC, "fsync");
    sweep(WC_FAULT_CLOSE, "close");
    sweep(WC_FAULT_RENAME, "rename");
    sweep(WC_FAULT_ALLOC, "allocation");
    return test_done();
}
