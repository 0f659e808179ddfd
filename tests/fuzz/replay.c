/*
 * Replays files through a fuzz target without libFuzzer: every file of the folders named at build
 * time (FUZZ_FOLDERS, separated by colons) or on the command line. A folder without files is a
 * failure, so that a corpus cannot vanish unnoticed.
 */
#include "fuzz/fuzz.h"
#include "test.h"

#include "base/alloc.h"
#include "base/io.h"

#define MAX_INPUT ((size_t)1 << 24)

static size_t replay_file(const char *path) {
    unsigned char *bytes;
    size_t n;
    if (!wc_io_is_file(path) || wc_io_read_file(path, MAX_INPUT, &bytes, &n, NULL) != WC_OK)
        return 0;
    // Exactly as long as the input: a reader that goes one byte too far is seen.
    uint8_t *exact = malloc(n > 0 ? n : 1);
    if (!exact)
        return 0;
    memcpy(exact, bytes, n);
    wc_free(bytes);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 1;
}

static void replay(const char *path) {
    struct wc_strlist names = {0};
    size_t n = 0;
    if (!wc_io_is_dir(path)) {
        test_ok(replay_file(path) == 1, "%s", path);
        return;
    }
    if (wc_io_list(path, true, &names, NULL) == WC_OK)
        for (size_t i = 0; i < names.n; i++) {
            char *file = wc_path_join(path, names.item[i]);
            n += file ? replay_file(file) : 0;
            wc_free(file);
        }
    wc_strlist_release(&names);
    test_ok(n > 0, "%s: %zu inputs", path, n);
}

int main(int argc, char **argv) {
    char folders[] = FUZZ_FOLDERS;
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    for (char *at = folders; argc == 1 && *at;) {
        size_t n = strcspn(at, ":");
        char *next = at + n + (at[n] == ':');
        at[n] = '\0';
        replay(at);
        at = next;
    }
    return test_done();
}
