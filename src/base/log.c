#include "base/log.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// One log a process: set once before threads start.
static struct {
    enum wc_log_level level;
    int rank;
    char host[64];
    bool on_terminal;
    int progress_width; // of the unfinished progress line
} state = {.level = WC_LOG_SILENT,
           .rank = -1}; // a library prints nothing: wc_log_init() asks for a log

void wc_log_init(enum wc_log_level level, int rank) {
    state.level = level;
    state.rank = rank;
    state.on_terminal = isatty(STDERR_FILENO);
    if (gethostname(state.host, sizeof state.host - 1) != 0)
        strcpy(state.host, "?");
    char *dot = strchr(state.host, '.');
    if (dot)
        *dot = '\0';
}

enum wc_log_level wc_log_level(void) {
    return state.level;
}

double wc_clock_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double wc_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void put_line(const char *text) {
    fputs(text,
          stderr); // one call a line: stderr is unbuffered, so lines of ranks do not interleave
    fflush(stderr);
}

// "2026-01-02T03:04:05Z r12 node7 WARN " into text; its length.
static int prefix(char *text, size_t n, const char *level) {
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32];
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (state.rank < 0)
        return snprintf(text, n, "%s %s ", stamp, level);
    return snprintf(text, n, "%s r%d %s %s ", stamp, state.rank, state.host, level);
}

void wc_log(enum wc_log_level level, const char *fmt, ...) {
    static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    bool quiet_rank = state.rank > 0 && state.level > WC_LOG_DEBUG && level < WC_LOG_WARN;
    if (level >= WC_LOG_SILENT || level < state.level || quiet_rank)
        return;
    char line[2048];
    int n = prefix(line, sizeof line, names[level]);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    for (char *p = line + n; *p; p++) // names from outside must not break or colour a line
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    strcat(line, "\n");
    if (state.progress_width > 0) {
        wc_log_progress(NULL);
    }
    put_line(line);
}

void wc_log_progress(const char *fmt, ...) {
    if (state.level > WC_LOG_INFO || state.rank > 0)
        return;
    if (!fmt) {
        if (state.progress_width > 0)
            put_line("\n");
        state.progress_width = 0;
        return;
    }
    char text[256], line[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (state.on_terminal) {
        snprintf(line, sizeof line, "\r%-*s", state.progress_width, text);
        state.progress_width = (int)strlen(text);
    } else {
        int n = prefix(line, sizeof line, "INFO");
        snprintf(line + n, sizeof line - (size_t)n, "%s\n", text);
    }
    put_line(line);
}
