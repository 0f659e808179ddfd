#include "cli/time_limit.h"

#include "base/log.h"
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FIELDS = 3 };

bool wc_time_limit_parse(const char *text, double *seconds) {
    char copy[64], *at = copy;
    uint64_t days = 0, field[MAX_FIELDS], total = 0;
    size_t n = 0;
    if (strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    char *dash = strchr(copy, '-');
    if (dash) {
        *dash = '\0';
        if (!wc_parse_u64(copy, &days) || days > 10000)
            return false;
        at = dash + 1;
    }
    for (char *colon = at; colon && n < MAX_FIELDS; at = colon + 1) {
        colon = strchr(at, ':');
        if (colon)
            *colon = '\0';
        if (!wc_parse_u64(at, &field[n]) || field[n] > 1000000000 || (n > 0 && field[n] > 59))
            return false;
        n++;
        if (!colon)
            break;
        if (n == MAX_FIELDS)
            return false;
    }
    if (dash && n != MAX_FIELDS)
        return false;
    for (size_t i = 0; i < n; i++)
        total = total * 60 + field[i];
    *seconds = (double)days * 86400 + (double)total;
    return true;
}

enum wc_err wc_time_limit_deadline(const char *text, double *deadline_s, struct wc_error *err) {
    const char *end = getenv("SLURM_JOB_END_TIME");
    double limit = 0;
    uint64_t end_s;
    if (text && !wc_time_limit_parse(text, &limit))
        return WC_FAIL(err, WC_ERR_USAGE,
                       "run: --time-limit \"%s\": seconds or [D-]HH:MM:SS are needed", text);
    if (!text && end && wc_parse_u64(end, &end_s))
        limit = (double)end_s - (double)time(NULL) > 1 ? (double)end_s - (double)time(NULL) : 1;
    double reserve = limit / 20 < 1 ? 1 : limit / 20 > 60 ? 60 : limit / 20;
    // A limit shorter than its reserve is over at once; the clock's zero means none.
    *deadline_s = limit > 0 ? wc_clock_s() + (limit - reserve) + 1e-3 : 0;
    return WC_OK;
}
