// What of base the other tests leave: fault injection's own texts, error names, log lines, and the
// corners of base/io that only a strange file system shows.
#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[512], path[1024];

static const char *at(const char *name) {
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* WC_FAULT. */

static void fault_texts(void) {
    static const struct {
        const char *text;
        bool understood;
        int first, second; // of two reads
    } cases[] = {
        {"", true, 0, 0},
        {"read:1", true, EIO, 0},
        {"read:2", true, 0, EIO},
        {"read:1:persist", true, EIO, EIO},
        {"read:1:enospc", true, ENOSPC, 0},
        {"read:1:short:persist", true, WC_FAULT_SHORT, WC_FAULT_SHORT},
        {"read:1:persist:eintr", true, EINTR, EINTR},
        {"read:0", true, 0, 0},
        {"write:1", true, 0, 0},
        {"read", false, 0, 0},
        {"read:", false, 0, 0},
        {"read:x", false, 0, 0},
        {"read:1:", false, 0, 0},
        {"read:1:often", false, 0, 0},
        {"read:1:persist:", false, 0, 0},
        {"read:1persist", false, 0, 0},
        {"rea:1", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("WC_FAULT", cases[i].text, 1);
        wc_fault_reset();
        bool understood = wc_fault_init();
        int first = wc_fault_errno(WC_FAULT_READ, EIO), second = wc_fault_errno(WC_FAULT_READ, EIO);
        if (!test_ok(understood == cases[i].understood && first == cases[i].first &&
                         second == cases[i].second,
                     "WC_FAULT=%s", cases[i].text))
            test_note("%d %d", first, second);
    }
    unsetenv("WC_FAULT");
    test_ok(wc_fault_init(), "no WC_FAULT");
    wc_fault_reset();
    wc_fault_how(WC_FAULT_SHORT);
    wc_fault_arm(WC_FAULT_OPEN, 1, false);
    test_ok(wc_fault_errno(WC_FAULT_OPEN, EIO) == EIO, "an open cannot be short: it fails");
    wc_fault_reset();
}

/* Errors. */

static void errors(void) {
    static const enum wc_err codes[] = {WC_OK,     WC_ERR_USAGE, WC_ERR_CONFIG, WC_ERR_DATA,
                                        WC_ERR_IO, WC_ERR_NOMEM, WC_ERR_BUG,    WC_ERR_STOPPED};
    bool distinct = true;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        for (size_t k = 0; k < i; k++)
            distinct = distinct && strcmp(wc_err_name(codes[i]), wc_err_name(codes[k])) != 0;
    test_ok(distinct && *wc_err_name((enum wc_err)99), "each code has its word, no code none");
    test_ok(WC_FAIL(NULL, WC_ERR_IO, "%d", 1) == WC_ERR_IO, "an error that nobody wants to read");
    struct wc_error err = {0};
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    WC_FAIL(&err, WC_ERR_IO, "%s", long_text);
    test_ok(strlen(err.text) == sizeof err.text - 1, "a text that is too long is cut");
    WC_FAULT(&err, WC_ERR_DATA, "f", "a: %.20s", err.text);
    test_str(err.text, "a: xxxxxxxxxxxxxxxxxxxx", "a text may be put in front of itself");
}

/* The log: stderr goes to a file. */

static const char *logged(void (*say)(void)) {
    static char text[8192];
    int saved = dup(STDERR_FILENO), fd = open(at("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDERR_FILENO);
    say();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void say_levels(void) {
    WC_DEBUG("debug");
    WC_INFO("info");
    WC_WARN("warn");
    wc_log(WC_LOG_ERROR, "error");
    wc_log(WC_LOG_SILENT, "never");
}
static void say_control(void) {
    WC_WARN("%s", "a\nname\twith \x1b[31mcolour\x7f and \xC3\xA9");
}
static void say_long(void) {
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    WC_WARN("%s", text);
}
static void say_progress(void) {
    wc_log_progress("%d of %d", 1, 2);
    wc_log_progress(NULL);
}

static size_t n_lines(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void log_lines(void) {
    test_str(logged(say_levels), "", "a library is silent");
    static const struct {
        enum wc_log_level level;
        int rank;
        size_t n;
        const char *holds;
    } cases[] = {
        {WC_LOG_DEBUG, 0, 4, " r0 "},  {WC_LOG_INFO, 0, 3, " INFO info\n"},
        {WC_LOG_INFO, 3, 2, " r3 "},   {WC_LOG_DEBUG, 3, 4, " DEBUG debug\n"},
        {WC_LOG_ERROR, 0, 1, "error"}, {WC_LOG_INFO, -1, 3, "Z INFO info\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wc_log_init(cases[i].level, cases[i].rank);
        const char *text = logged(say_levels);
        test_ok(wc_log_level() == cases[i].level && n_lines(text) == cases[i].n &&
                    strstr(text, cases[i].holds) && text[4] == '-' && text[19] == 'Z',
                "level %d, rank %d: %zu lines", (int)cases[i].level, cases[i].rank, cases[i].n);
    }
    wc_log_init(WC_LOG_INFO, 0);
    test_ok(strstr(logged(say_control), "a?name?with ?[31mcolour? and \xC3\xA9\n"),
            "names cannot break or colour a line");
    test_ok(n_lines(logged(say_long)) == 1, "a long text is cut to one line");
    test_ok(strstr(logged(say_progress), "1 of 2\n"), "progress where there is no terminal");
    wc_log_init(WC_LOG_INFO, 2);
    test_str(logged(say_progress), "", "progress is rank 0's");
    wc_log_init(WC_LOG_SILENT, -1);
    test_ok(wc_clock_s() > 0 && wc_cpu_s() >= 0, "clocks");
}

/* Files. */

static bool holds(const char *name, const char *text) {
    char found[64];
    return wc_io_read_text(at(name), found, sizeof found, NULL) == WC_OK &&
           strcmp(found, text) == 0;
}

// A file system without hard links: link() says EPERM.
static void no_links(void) {
    bool made = false;
    static const struct {
        const char *name;
        enum wc_fault_kind kind;
        unsigned long n; // that call fails, besides each link
    } cases[] = {
        {"write", WC_FAULT_WRITE, 2}, {"fsync", WC_FAULT_FSYNC, 2}, {"close", WC_FAULT_CLOSE, 2}};
    unlink(at("made"));
    wc_fault_how(EPERM);
    wc_fault_arm(WC_FAULT_RENAME, 1, true);
    test_ok(wc_io_create_new(at("made"), "first", 5, &made, NULL) == WC_OK && made,
            "a new file without hard links");
    test_ok(wc_io_create_new(at("made"), "second", 6, &made, NULL) == WC_OK && !made, "made once");
    wc_fault_reset();
    test_ok(holds("made", "first"), "by the first");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wc_error err = {0};
        unlink(at("made"));
        wc_fault_how(EPERM);
        wc_fault_arm(WC_FAULT_RENAME, 1, true);
        wc_fault_arm(cases[i].kind, cases[i].n, false);
        test_ok(wc_io_create_new(at("made"), "first", 5, &made, &err) == WC_ERR_IO &&
                    strstr(err.text, "made"),
                "without hard links, %s fails: an error", cases[i].name);
        wc_fault_reset();
        test_ok(!wc_io_exists(at("made")), "and no file");
    }
    wc_fault_how(ENOSPC);
    wc_fault_arm(WC_FAULT_OPEN, 2, false);
    wc_fault_reset();
}

static void folders(void) {
    struct wc_error err = {0};
    struct wc_io_info info;
    struct wc_strlist names = {0};
    wc_io_write_atomic(at("file"), "x", 1, NULL);
    test_ok(wc_io_mkdirs(at("file"), &err) == WC_ERR_IO && strstr(err.text, "not a folder"),
            "a folder where a file is");
    test_ok(wc_io_mkdirs(at("file/below"), &err) == WC_ERR_IO && strstr(err.text, "mkdir"),
            "a folder below a file");
    test_ok(wc_io_stat(at("file"), &info) && info.is_file && info.n_bytes == 1 &&
                !wc_io_stat(at("none"), &info),
            "what a path names");
    test_ok(wc_io_list(at("none"), true, &names, &err) == WC_ERR_DATA, "listing no folder");
    test_ok(wc_io_list(at("file"), true, &names, &err) == WC_ERR_DATA, "listing a file");
    int fd;
    uint64_t size;
    test_ok(wc_io_open_append(dir, &fd, &size, &err) == WC_ERR_IO, "appending to a folder");
    test_ok(wc_io_open_append("/dev/null", &fd, &size, &err) == WC_ERR_IO && err.fault,
            "appending to a device");
    test_ok(wc_io_size(-1, "gone", &size, &err) == WC_ERR_IO && strstr(err.text, "gone"),
            "the size of what is not open");
    test_ok(wc_io_truncate(-1, "gone", 0, &err) == WC_ERR_IO, "cutting what is not open");
    test_ok(wc_io_remove(at("none"), &err) == WC_OK, "removing what is not there");
    test_ok(wc_io_remove(dir, &err) == WC_ERR_IO, "removing a folder as a file");
    char long_name[400];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    test_ok(wc_io_write_atomic(at(long_name), "x", 1, &err) == WC_ERR_IO,
            "a name longer than the system's");
    unsigned char *bytes;
    size_t n;
    test_ok(wc_io_read_file(at(long_name), 9, &bytes, &n, &err) == WC_ERR_DATA,
            "reading such a name");
}

static void json_corners(void) {
    static const char *const bad[] = {"\"",          "\"\\",      "\"\\u", "\"\\ud800\\u0041\"",
                                      "\"\\udc00\"", "\"\\ud800", "[\"a",  "{\"a\\"};
    size_t n_refused = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wc_json_doc *doc = NULL;
        n_refused +=
            wc_json_parse("t", bad[i], strlen(bad[i]), 8, &doc, NULL) == WC_ERR_DATA && !doc;
    }
    test_ok(n_refused == sizeof bad / sizeof *bad, "JSON strings that do not end, lone surrogates");
}

int main(void) {
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(dir, sizeof dir, "%s/t041", tmp ? tmp : "build/tmp");
    wc_io_mkdirs(dir, NULL);
    fault_texts();
    errors();
    log_lines();
    no_links();
    folders();
    json_corners();
    return test_done();
}
