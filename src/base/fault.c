#include "base/fault.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[WC_FAULT_N_KINDS] = {"alloc", "open",  "read",   "write",
                                                         "fsync", "close", "rename", "map"};

// Process-wide by nature: the hook stands for the operating system. Everything else passes its
// state.
static atomic_bool armed;
static struct {
    atomic_ulong count, at;
    atomic_bool persist;
} point[WC_FAULT_N_KINDS];

void wc_fault_arm(enum wc_fault_kind kind, unsigned long n, bool persist) {
    atomic_store(&point[kind].count, 0);
    atomic_store(&point[kind].at, n);
    atomic_store(&point[kind].persist, persist);
    atomic_store(&armed, true);
}

void wc_fault_reset(void) {
    atomic_store(&armed, false);
    for (int k = 0; k < WC_FAULT_N_KINDS; k++) {
        atomic_store(&point[k].count, 0);
        atomic_store(&point[k].at, 0);
    }
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
        unsigned long at = strtoul(text + n + 1, &end, 10);
        bool persist = strcmp(end, ":persist") == 0;
        if (end == text + n + 1 || (*end && !persist))
            return false;
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
