#include "tensor/thread_scratch.h"

#include "base/alloc.h"

#include <pthread.h>

enum { STEP = 1 << 16 };

struct pieces {
    unsigned char *bytes[WC_N_SCRATCH_USES];
    size_t n_bytes[WC_N_SCRATCH_USES];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int key_error;

static void free_pieces(void *data) {
    struct pieces *p = data;
    for (size_t i = 0; i < WC_N_SCRATCH_USES; i++)
        wc_free(p->bytes[i]);
    wc_free(p);
}

static void make_key(void) {
    key_error = pthread_key_create(&key, free_pieces);
}

static struct pieces *pieces_of_thread(void) {
    pthread_once(&once, make_key);
    if (key_error)
        return NULL;
    struct pieces *p = pthread_getspecific(key);
    if (p)
        return p;
    p = wc_alloc(1, sizeof *p);
    if (p && pthread_setspecific(key, p) != 0) {
        wc_free(p);
        p = NULL;
    }
    return p;
}

void *wc_thread_scratch(enum wc_scratch_use use, size_t n) {
    struct pieces *p = pieces_of_thread();
    if (!p)
        return NULL;
    if (!p->bytes[use] || p->n_bytes[use] < n) {
        wc_free(p->bytes[use]);
        p->bytes[use] = wc_alloc(n + STEP, 1);
        p->n_bytes[use] = p->bytes[use] ? n + STEP : 0;
    }
    return p->bytes[use];
}
