#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[WC_FAULT_N_KINDS] = {"alloc", "open",  "read",   "write",
                                                         "fsync", "close", "rename", "map"};

// Process-wide by nature: the hook stands for the operating system. Everything else passes its
// state.
static atomic_bool armed;
static atomic_int how_to_fail;
static atomic_long live;
static struct {
    atomic_ulong count, at;
    atomic_bool persist;
} point[WC_FAULT_N_KINDS];

void wc_fault_arm(enum wc_fault_kind kind, unsigned long n, bool persist) {
    atomic_store(&point[kind].count, 0);
    atomic_store(&point[kind].at, n);
    atomic_store(&point[kind].persist, persist);
    atomic_store(&live, 0);
    atomic_store(&armed, true);
}

void wc_fault_how(int how) {
    atomic_store(&how_to_fail, how);
}

void wc_fault_reset(void) {
    atomic_store(&armed, false);
    atomic_store(&how_to_fail, 0);
    for (int k = 0; k < WC_FAULT_N_KINDS; k++) {
        atomic_store(&point[k].count, 0);
        atomic_store(&point[k].at, 0);
    }
}

// ":persist" and ":HOW" behind the number, in any order.
static bool read_rest(const char *text, bool *persist, int *how) {
    static const struct {
        const char *name;
        int how;
    } hows[] = {{"eio", EIO},
                {"enospc", ENOSPC},
                {"eintr", EINTR},
                {"short", WC_FAULT_SHORT},
                {"kill", WC_FAULT_KILL},
                {"torn", WC_FAULT_TORN}};
    while (*text == ':') {
        size_t n = strcspn(++text, ":");
        bool known = n == 7 && strncmp(text, "persist", n) == 0;
        *persist = *persist || known;
        for (size_t i = 0; i < sizeof hows / sizeof *hows && !known; i++) {
            known = strlen(hows[i].name) == n && strncmp(text, hows[i].name, n) == 0;
            *how = known ? hows[i].how : *how;
        }
        if (!known)
            return false;
        text += n;
    }
    return *text == '\0';
}

bool wc_fault_init(void) {
    const char *text = getenv("WC_FAULT");
    if (!text || !*text)
        return true;
    for (int k = 0; k < WC_FAULT_N_KINDS; k++) {
        size_t n = strlen(kind_names[k]);
        if (strncmp(text, kind_names[k], n) != 0 || text[n] != ':')
            continue;
        char *end;
        bool persist = false;
        int how = 0;
        unsigned long at = strtoul(text + n + 1, &end, 10);
        if (end == text + n + 1 || !read_rest(end, &persist, &how))
            return false;
        wc_fault_how(how);
        wc_fault_arm((enum wc_fault_kind)k, at, persist);
        return true;
    }
    return false;
}

bool wc_fault_hit(enum wc_fault_kind kind) {
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return false;
    unsigned long n = atomic_fetch_add(&point[kind].count, 1) + 1;
    unsigned long at = atomic_load(&point[kind].at);
    return at != 0 && (n == at || (n > at && atomic_load(&point[kind].persist)));
}

unsigned long wc_fault_count(enum wc_fault_kind kind) {
    return atomic_load(&point[kind].count);
}

int wc_fault_errno(enum wc_fault_kind kind, int usual) {
    if (!wc_fault_hit(kind))
        return 0;
    int how = atomic_load(&how_to_fail);
    if (how == WC_FAULT_KILL)
        raise(SIGKILL);
    if (how == WC_FAULT_TORN) {
        atomic_store(&how_to_fail, WC_FAULT_KILL);
        atomic_fetch_add(&point[kind].at, 1);
        how = WC_FAULT_SHORT;
    }
    bool counts = kind == WC_FAULT_READ || kind == WC_FAULT_WRITE;
    return how == 0 || (how == WC_FAULT_SHORT && !counts) ? usual : how;
}

long wc_fault_live(void) {
    return atomic_load(&live);
}

void wc_fault_live_add(long n) {
    if (atomic_load_explicit(&armed, memory_order_relaxed))
        atomic_fetch_add(&live, n);
}
