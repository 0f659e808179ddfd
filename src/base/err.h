/*
 * Errors as values.
 *
 * A fallible function returns `enum wc_err` (0 is success), hands results out through pointers that
 * it leaves untouched on failure, and takes a `struct wc_error *` as its last parameter, which
 * receives the text that a user reads. The numbers are the program's exit codes.
 *
 *     WC_TRY(wc_io_read_file(path, cap, &bytes, &n_bytes, err));
 *     if (n_bytes < 8)
 *         return WC_FAULT(err, WC_ERR_DATA, "truncated", "%s: %zu bytes, a header needs 8", path,
 * n_bytes);
 *
 * A text names the object, what is wrong, what was expected and, where there is one, the cure. No
 * function in base prints or exits. Thread-safe: an error belongs to its caller.
 */
#ifndef WC_BASE_ERR_H
#define WC_BASE_ERR_H

#include <stdarg.h>

enum wc_err {
    WC_OK = 0,
    WC_ERR_USAGE = 2,    // the command line is wrong
    WC_ERR_CONFIG = 3,   // a configuration file or value is wrong
    WC_ERR_DATA = 4,     // data set, image or weights are missing or wrong
    WC_ERR_IO = 5,       // reading or writing failed in the operating system
    WC_ERR_NOMEM = 6,    // out of memory
    WC_ERR_BUG = 70,     // a broken promise inside the program
    WC_ERR_STOPPED = 75, // stopped early; the same command goes on
};

struct wc_error {
    enum wc_err code;
    const char
        *fault; // a fixed word for the kind of damage ("truncated", "bad-header", ...), or NULL
    char text[1024];
};

// Records code and text, with no fault word, and returns `code`. `err` may be NULL. Texts longer
// than the buffer are cut. Any of the arguments may point into err->text (so that a caller can
// prefix an error with its context).
enum wc_err wc_fail(struct wc_error *err, enum wc_err code, const char *fault, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
enum wc_err wc_vfail(struct wc_error *err, enum wc_err code, const char *fault, const char *fmt,
                     va_list ap) __attribute__((format(printf, 4, 0)));

// For analysers, which look into one source at a time: it does return `code`. (`make tidy analyze`)
#if defined(__clang_analyzer__) || defined(WC_ANALYSER)
static inline enum wc_err wc_fail_for_analyser(enum wc_err code, ...) {
    if (code == WC_OK)
        __builtin_unreachable();
    return code;
}
#define wc_fail(err, code, ...) wc_fail_for_analyser((code), (err), __VA_ARGS__)
#define wc_vfail(err, code, ...) wc_fail_for_analyser((code), (err), __VA_ARGS__)
#endif

#define WC_FAIL(err, code, ...) wc_fail((err), (code), NULL, __VA_ARGS__)
#define WC_FAULT(err, code, fault, ...) wc_fail((err), (code), (fault), __VA_ARGS__)

// Returns from the calling function when `expr` fails.
#define WC_TRY(expr)                                                                               \
    do {                                                                                           \
        enum wc_err wc_try_rc = (expr);                                                            \
        if (wc_try_rc != WC_OK)                                                                    \
            return wc_try_rc;                                                                      \
    } while (0)

// A word for a code: "config", "data", ... (never NULL).
const char *wc_err_name(enum wc_err code);

#endif
