#include "journal/lock_holder.h"

#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_LINE "winclip-mpi lock 1\n"

// The file's lines, `name: value`; a text field has a size, a number has none.
static const struct {
    const char *name;
    size_t member, size;
} fields[] = {
#define TEXT(name)                                                                                 \
    { #name, offsetof(struct wc_lock_holder, name), sizeof(((struct wc_lock_holder *)0)->name) }
#define NUMBER(name)                                                                               \
    { #name, offsetof(struct wc_lock_holder, name), 0 }
    TEXT(host),  NUMBER(pid),   NUMBER(start), TEXT(boot),         TEXT(pid_space),
    TEXT(since), TEXT(cluster), TEXT(job),     NUMBER(n_restarts),
#undef TEXT
#undef NUMBER
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

void wc_lock_holder_write(struct wc_buf *out, const struct wc_lock_holder *h) {
    wc_buf_puts(out, FIRST_LINE);
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *member = (const char *)h + fields[i].member;
        uint64_t number = 0;
        if (fields[i].size > 0) {
            wc_buf_printf(out, "%s: %s\n", fields[i].name, member);
            continue;
        }
        memcpy(&number, member, sizeof number);
        wc_buf_printf(out, "%s: %" PRIu64 "\n", fields[i].name, number);
    }
}

// One line's value into its field; unknown names are a newer program's and are passed over.
static bool set_field(struct wc_lock_holder *h, const char *name, const char *value) {
    for (size_t i = 0; i < N_FIELDS; i++) {
        char *member = (char *)h + fields[i].member;
        uint64_t number;
        if (strcmp(name, fields[i].name) != 0)
            continue;
        if (fields[i].size > 0) {
            if (strlen(value) >= fields[i].size)
                return false;
            strcpy(member, value);
            return true;
        }
        if (!wc_parse_u64(value, &number))
            return false;
        memcpy(member, &number, sizeof number);
        return true;
    }
    return true;
}

bool wc_lock_holder_parse(const char *text, size_t n_bytes, struct wc_lock_holder *h) {
    char copy[WC_LOCK_MAX_BYTES + 1];
    struct wc_lock_holder found = {0};
    size_t n_first = strlen(FIRST_LINE);
    if (n_bytes > WC_LOCK_MAX_BYTES || n_bytes < n_first || memcmp(text, FIRST_LINE, n_first) != 0)
        return false;
    // Its parts go to a terminal.
    for (size_t i = 0; i < n_bytes; i++)
        if (text[i] != '\n' && (text[i] < 0x20 || text[i] > 0x7e))
            return false;
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    for (char *line = copy + n_first, *next; *line; line = next) {
        char *end = strchr(line, '\n');
        char *colon = strstr(line, ": ");
        if (!end || !colon || colon > end)
            return false;
        next = end + 1;
        *end = *colon = '\0';
        if (!set_field(&found, line, colon + 2))
            return false;
    }
    if (!found.host[0] || found.pid == 0)
        return false;
    *h = found;
    return true;
}

// Copies printable text, cut to the room there is.
static void copy_text(char *out, size_t size, const char *text) {
    size_t n = 0;
    for (; text && *text && n < size - 1; text++)
        if (*text >= 0x20 && *text <= 0x7e)
            out[n++] = *text;
    out[n] = '\0';
}

// State letter and start time of a process: fields 3 and 22 of /proc/PID/stat (proc(5)). The name
// in field 2 may hold spaces and parentheses, so fields are counted after the last one. false:
// there is no such process, or no /proc.
static bool process_stat(uint64_t pid, char *state, uint64_t *start) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    if (wc_io_read_text(path, text, sizeof text, NULL) != WC_OK)
        return false;
    char *p = strrchr(text, ')');
    if (!p || p[1] != ' ' || !p[2])
        return false;
    *state = p[2];
    p++;
    for (int field = 3; field < 22; field++) {
        p = strchr(p + 1, ' ');
        if (!p)
            return false;
    }
    *start = strtoull(p + 1, NULL, 10);
    return true;
}

void wc_lock_self(struct wc_lock_holder *self) {
    struct wc_lock_holder h = {.pid = (uint64_t)getpid()};
    char text[256] = "", state;
    if (gethostname(text, sizeof text - 1) != 0 || !text[0])
        strcpy(text, "unknown");
    copy_text(h.host, sizeof h.host, text);
    process_stat(h.pid, &state, &h.start);
    if (wc_io_read_text("/proc/sys/kernel/random/boot_id", text, sizeof text, NULL) == WC_OK)
        copy_text(h.boot, sizeof h.boot, text);
    ssize_t n = readlink("/proc/self/ns/pid", text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    copy_text(h.pid_space, sizeof h.pid_space, text);
    copy_text(h.cluster, sizeof h.cluster, getenv("SLURM_CLUSTER_NAME"));
    copy_text(h.job, sizeof h.job, getenv("SLURM_JOB_ID"));
    const char *restarts = getenv("SLURM_RESTART_COUNT");
    if (restarts)
        wc_parse_u64(restarts, &h.n_restarts);
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(h.since, sizeof h.since, "%Y-%m-%dT%H:%M:%SZ", &utc);
    *self = h;
}

enum wc_lock_state wc_lock_holder_state(const struct wc_lock_holder *h,
                                        const struct wc_lock_holder *self) {
    if (h->job[0] && strcmp(h->job, self->job) == 0 && strcmp(h->cluster, self->cluster) == 0 &&
        h->n_restarts < self->n_restarts)
        return WC_LOCK_DEAD;
    // Two containers of one name see different processes under one number.
    if (strcmp(h->host, self->host) != 0 || strcmp(h->pid_space, self->pid_space) != 0)
        return WC_LOCK_UNKNOWN;
    if (h->boot[0] && self->boot[0] && strcmp(h->boot, self->boot) != 0) // many machines go by
        return strncmp(h->host, "localhost", 9) == 0 ? WC_LOCK_UNKNOWN : WC_LOCK_DEAD; // localhost
    if (h->pid > INT32_MAX || (kill((pid_t)h->pid, 0) != 0 && errno == ESRCH))
        return WC_LOCK_DEAD;
    char state;
    uint64_t start;
    if (!process_stat(h->pid, &state, &start))
        return WC_LOCK_ALIVE; // no /proc here, or it may not be read: kill() knows it
    if (state == 'Z' || state == 'X' || (h->start != 0 && h->start != start))
        return WC_LOCK_DEAD;
    return WC_LOCK_ALIVE;
}
