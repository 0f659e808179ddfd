#include "text/gunzip.h"

#include "base/alloc.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define FIRST_BYTES 65536u // of the output buffer, before it doubles

static enum wc_err bad(const char *name, const char *why, struct wc_error *err) {
    return WC_FAULT(err, WC_ERR_DATA, "bad-gzip", "%s: %s; is the file complete?", name, why);
}

// The members one after the other. *out keeps room for one byte more than what is in use, so that a
// full buffer is noticed only when there is more to come.
static enum wc_err inflate_all(z_stream *z, const char *name, size_t max_bytes, char **out,
                               size_t *cap, size_t *n_out, struct wc_error *err) {
    size_t used = 0;
    for (;;) {
        if (used > max_bytes)
            return WC_FAULT(err, WC_ERR_DATA, "too-large", "%s: unpacks to more than %zu bytes",
                            name, max_bytes);
        size_t room = max_bytes + 1 - used < FIRST_BYTES ? max_bytes + 1 - used : FIRST_BYTES;
        WC_TRY(WC_GROW(out, cap, used + room + 1, name, err));
        z->next_out = (unsigned char *)*out + used;
        z->avail_out = (uInt)room;
        int rc = inflate(z, Z_NO_FLUSH);
        used += room - z->avail_out;
        if (rc == Z_STREAM_END && z->avail_in == 0)
            break;
        if (rc == Z_STREAM_END)
            rc = inflateReset(z);
        if (rc == Z_MEM_ERROR)
            return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory while unpacking", name);
        if (rc != Z_OK)
            return bad(name,
                       rc == Z_BUF_ERROR ? "the gzip data end early"
                       : z->msg          ? z->msg
                                         : "damaged gzip data",
                       err);
    }
    if (used > max_bytes)
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "%s: unpacks to more than %zu bytes", name,
                        max_bytes);
    (*out)[used] = '\0';
    *n_out = used;
    return WC_OK;
}

enum wc_err wc_gunzip(const char *name, const unsigned char *bytes, size_t n, size_t max_bytes,
                      char **out, size_t *n_out, struct wc_error *err) {
    if (n > UINT_MAX)
        return WC_FAULT(err, WC_ERR_DATA, "too-large", "%s: %zu bytes of gzip data", name, n);
    z_stream z;
    memset(&z, 0, sizeof z);
    z.next_in = (z_const Bytef *)(uintptr_t)bytes; // zlib only reads it
    z.avail_in = (uInt)n;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) // 16: a gzip header is required
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory while unpacking", name);
    char *plain = NULL;
    size_t cap = 0;
    enum wc_err rc = inflate_all(&z, name, max_bytes, &plain, &cap, n_out, err);
    inflateEnd(&z);
    if (rc == WC_OK)
        *out = plain;
    else
        wc_free(plain);
    return rc;
}
