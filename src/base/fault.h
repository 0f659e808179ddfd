/*
 * Fault injection: makes the n-th allocation or file call fail, so that tests can sweep every
 * failure.
 *
 * Armed by wc_fault_arm() in tests or by the environment variable WC_FAULT=KIND:N[:persist][:HOW]
 * read by wc_fault_init() (kinds: alloc, open, read, write, fsync, close, rename, map). HOW is eio,
 * enospc, eintr, short, kill or torn; default: EIO, for write ENOSPC. Costs one relaxed atomic load
 * when not armed.
 */
#ifndef WC_BASE_FAULT_H
#define WC_BASE_FAULT_H

#include <stdbool.h>

enum wc_fault_kind {
    WC_FAULT_ALLOC,
    WC_FAULT_OPEN,
    WC_FAULT_READ,
    WC_FAULT_WRITE,
    WC_FAULT_FSYNC,
    WC_FAULT_CLOSE,
    WC_FAULT_RENAME,
    WC_FAULT_MAP,
    WC_FAULT_N_KINDS
};

// The n-th call of that kind from now on (1 is the next) fails; with `persist` so do all after it.
// n == 0 disarms.
void wc_fault_arm(enum wc_fault_kind kind, unsigned long n, bool persist);

/*
 * In which way calls fail: an errno, 0 (the kind's usual one) or WC_FAULT_SHORT. EINTR and short
 * counts are no errors: the caller must get the same as without them. Holds until the next
 * wc_fault_reset().
 */
#define WC_FAULT_SHORT (-1) // reads and writes do half of what was asked, at least a byte
#define WC_FAULT_KILL (-2)  // the process ends there as by SIGKILL, with the call not made
#define WC_FAULT_TORN (-3)  // a write does half, the next call of the kind ends the process
void wc_fault_how(int how);

// Disarms every kind and forgets the counts.
void wc_fault_reset(void);

// Arms from $WC_FAULT; false when the variable's text is not understood.
bool wc_fault_init(void);

// Called at each point: true when this call must fail.
bool wc_fault_hit(enum wc_fault_kind kind);
// The same for calls of the operating system: 0 (go on), an errno, or WC_FAULT_SHORT.
int wc_fault_errno(enum wc_fault_kind kind, int usual);

// Calls of that kind since it was armed or reset.
unsigned long wc_fault_count(enum wc_fault_kind kind);

// Blocks of memory taken less those given back, while armed: what lies between arming and this call
// and releases all that it took leaves 0. wc_alloc() and wc_free() count.
long wc_fault_live(void);
void wc_fault_live_add(long n);

#endif
