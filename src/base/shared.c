#include "base/shared.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "winclip-shared-"

enum { CONTENT_AT = 4096, DAMAGED_TRIES = 100 };

// At the start of the file; magic is written last.
struct header {
    char magic[8];
    uint64_t n_bytes;
    uint32_t crc;
    char key[65];
};
static const char magic[8] = "WCSHARE1";

static enum wc_err failed(const struct wc_shared *s, const char *what, struct wc_error *err) {
    return WC_FAIL(err, WC_ERR_IO, "%s: %s: %s", s->path, what, strerror(errno));
}

static const char *folder(void) {
    const char *tmp = getenv("TMPDIR");
    if (access("/dev/shm", W_OK | X_OK) == 0)
        return "/dev/shm";
    return tmp && *tmp ? tmp : "/tmp";
}

static int lock(int fd, int how) {
    int rc;
    while ((rc = flock(fd, how)) != 0 && errno == EINTR)
        ;
    return rc;
}

static void unmap(struct wc_shared *s) {
    if (s->file)
        munmap(s->file, CONTENT_AT + s->n_bytes);
    s->file = s->data = NULL;
}

static bool map(struct wc_shared *s, size_t n_bytes, int protection) {
    int fault = wc_fault_errno(WC_FAULT_MAP, ENOMEM);
    void *p = MAP_FAILED;
    errno = fault;
    if (!fault)
        p = mmap(NULL, CONTENT_AT + n_bytes, protection, MAP_SHARED, s->fd, 0);
    if (p == MAP_FAILED)
        return false;
    s->file = p;
    s->data = s->file + CONTENT_AT;
    s->n_bytes = n_bytes;
    return true;
}

// Whole, of this key, undamaged: mapped then. *published: somebody has said so of it.
static bool is_ready(struct wc_shared *s, bool *published) {
    struct header h;
    struct stat st;
    *published = false;
    if (fstat(s->fd, &st) != 0 || st.st_size < CONTENT_AT ||
        pread(s->fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
        return false;
    *published = memcmp(h.magic, magic, sizeof magic) == 0;
    h.key[sizeof h.key - 1] = '\0';
    if (!*published || h.n_bytes != (uint64_t)st.st_size - CONTENT_AT ||
        strcmp(h.key, s->key) != 0 || !map(s, (size_t)h.n_bytes, PROT_READ))
        return false;
    s->ready = wc_crc32c(0, s->data, s->n_bytes) == h.crc;
    if (!s->ready)
        unmap(s);
    return s->ready;
}

static void nap(const struct wc_shared *s, int i) {
    // Processes that began together must not go on in step.
    const struct timespec t = {.tv_nsec = 1000000 + (getpid() + i + s->fd) % 7 * 700000};
    nanosleep(&t, NULL);
}

// The content, locked shared; or nothing yet, locked for the one that makes it (*gone: its last
// user has removed the file meanwhile). Nobody waits for the exclusive lock: users hold the shared
// one as long as they live, and whoever waits for a maker waits for that.
static enum wc_err find_or_claim(struct wc_shared *s, bool *gone, struct wc_error *err) {
    struct stat st;
    for (int i = 0;; i++) {
        bool published;
        if (lock(s->fd, LOCK_SH) != 0 || fstat(s->fd, &st) != 0)
            return failed(s, "lock", err);
        *gone = st.st_nlink == 0;
        if (*gone || is_ready(s, &published))
            return WC_OK;
        lock(s->fd, LOCK_UN);
        if (lock(s->fd, LOCK_EX | LOCK_NB) == 0) {
            *gone = fstat(s->fd, &st) != 0 || st.st_nlink == 0;
            if (!*gone && is_ready(s, &published) && lock(s->fd, LOCK_SH) != 0)
                return failed(s, "lock", err);
            return WC_OK;
        }
        if (published && i >= DAMAGED_TRIES) // in use: it cannot be made again before users leave
            return failed(s, "damaged and in use", err);
        nap(s, i);
    }
}

static enum wc_err open_once(struct wc_shared *s, bool *gone, struct wc_error *err) {
    struct stat st;
    int fault = wc_fault_errno(WC_FAULT_OPEN, EACCES);
    errno = fault;
    s->fd = fault ? -1 : open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->fd < 0)
        return failed(s, "open", err);
    if (fstat(s->fd, &st) != 0 || st.st_uid != geteuid() || !S_ISREG(st.st_mode)) {
        errno = EPERM;
        return failed(s, "not a file of this user", err);
    }
    return find_or_claim(s, gone, err);
}

enum wc_err wc_shared_open(const char *key, struct wc_shared *out, struct wc_error *err) {
    struct wc_shared s = {.fd = -1};
    enum wc_err rc = WC_OK;
    bool gone = true;
    wc_sha256_hex(key, strlen(key), s.key);
    s.path = wc_sprintf("%s/" PREFIX "%ld-%.32s", folder(), (long)geteuid(), s.key);
    if (!s.path)
        return WC_FAIL(err, WC_ERR_NOMEM, "shared memory: out of memory");
    while (gone && rc == WC_OK) {
        if (s.fd >= 0)
            close(s.fd);
        rc = open_once(&s, &gone, err);
    }
    *out = s;
    if (rc != WC_OK)
        wc_shared_release(out);
    return rc;
}

// Files of this user that nobody holds are left over from processes that were killed.
static void sweep(void) {
    struct wc_strlist names = {0};
    char *own = wc_sprintf(PREFIX "%ld-", (long)geteuid());
    if (own && wc_io_list(folder(), false, &names, NULL) == WC_OK)
        for (size_t i = 0; i < names.n; i++) {
            char *path = wc_path_join(folder(), names.item[i]);
            int fd = path && wc_str_starts(names.item[i], own)
                         ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                         : -1;
            if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                unlink(path);
            if (fd >= 0)
                close(fd);
            wc_free(path);
        }
    wc_strlist_release(&names);
    wc_free(own);
}

enum wc_err wc_shared_make(struct wc_shared *s, size_t n_bytes, struct wc_error *err) {
    sweep(); // ours is locked
    // Reserved, so that a full file system is an error here and no signal later.
    int fault = wc_fault_errno(WC_FAULT_WRITE, ENOSPC);
    errno = fault;
    if (!fault && ftruncate(s->fd, 0) == 0)
        errno = posix_fallocate(s->fd, 0, (off_t)(CONTENT_AT + n_bytes));
    if (errno != 0 || !map(s, n_bytes, PROT_READ | PROT_WRITE)) {
        enum wc_err rc = failed(s, "shared memory", err);
        wc_shared_release(s);
        return rc;
    }
    return WC_OK;
}

enum wc_err wc_shared_publish(struct wc_shared *s, struct wc_error *err) {
    struct header h = {.n_bytes = s->n_bytes, .crc = wc_crc32c(0, s->data, s->n_bytes)};
    memcpy(h.key, s->key, sizeof h.key);
    memcpy(s->file, &h, sizeof h);
    memcpy(s->file, magic, sizeof magic);
    if (mprotect(s->file, CONTENT_AT + s->n_bytes, PROT_READ) != 0 || lock(s->fd, LOCK_SH) != 0) {
        enum wc_err rc = failed(s, "publish", err);
        wc_shared_release(s);
        return rc;
    }
    s->ready = true;
    return WC_OK;
}

void wc_shared_release(struct wc_shared *s) {
    unmap(s);
    if (s->path && s->fd >= 0) {
        struct stat st;
        if (flock(s->fd, LOCK_EX | LOCK_NB) == 0 && fstat(s->fd, &st) == 0 && st.st_nlink > 0 &&
            st.st_uid == geteuid())
            unlink(s->path);
        close(s->fd);
    }
    wc_free(s->path);
    *s = (struct wc_shared){0};
}
