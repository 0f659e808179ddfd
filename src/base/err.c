#include "base/err.h"

#undef wc_fail
#undef wc_vfail

#include <stdio.h>
#include <string.h>

enum wc_err wc_vfail(struct wc_error *err, enum wc_err code, const char *fault, const char *fmt,
                     va_list ap) {
    if (!err)
        return code;
    char text[sizeof err->text]; // the arguments may point into err->text
    vsnprintf(text, sizeof text, fmt, ap);
    memcpy(err->text, text, sizeof text);
    err->code = code;
    err->fault = fault;
    return code;
}

enum wc_err wc_fail(struct wc_error *err, enum wc_err code, const char *fault, const char *fmt,
                    ...) {
    va_list ap;
    va_start(ap, fmt);
    wc_vfail(err, code, fault, fmt, ap);
    va_end(ap);
    return code;
}

const char *wc_err_name(enum wc_err code) {
    switch (code) {
    case WC_OK:
        return "ok";
    case WC_ERR_USAGE:
        return "usage";
    case WC_ERR_CONFIG:
        return "config";
    case WC_ERR_DATA:
        return "data";
    case WC_ERR_IO:
        return "io";
    case WC_ERR_NOMEM:
        return "memory";
    case WC_ERR_BUG:
        return "bug";
    case WC_ERR_STOPPED:
        return "stopped";
    }
    return "unknown";
}
