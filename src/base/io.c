#include "base/io.h"

#include "base/alloc.h"
#include "base/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The system calls, each with its injection point and EINTR handled. */

// An injected failure; EINTR is injected where the system would give it, inside the loops. Once: a
// call that is interrupted for ever would hang, in truth too.
static bool fails(enum wc_fault_kind kind, int usual) {
    int number = wc_fault_errno(kind, usual);
    if (number <= 0)
        return false;
    errno = number;
    return true;
}

static int sys_open(const char *path, int flags, mode_t mode) {
    int fd;
    do
        fd = fails(WC_FAULT_OPEN, EIO) ? -1 : open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

// How much of n bytes to ask for; -1 with errno: nothing, fail.
static ssize_t portion(enum wc_fault_kind kind, size_t n, int usual) {
    int number = wc_fault_errno(kind, usual);
    if (number > 0) {
        errno = number;
        return -1;
    }
    return number == WC_FAULT_SHORT && n > 1 ? (ssize_t)(n / 2) : (ssize_t)n;
}

static ssize_t sys_read(int fd, void *p, size_t n) {
    ssize_t r;
    do {
        r = portion(WC_FAULT_READ, n, EIO);
        r = r < 0 ? r : read(fd, p, (size_t)r);
    } while (r < 0 && errno == EINTR);
    return r;
}

static ssize_t sys_write(int fd, const void *p, size_t n) {
    ssize_t r;
    do {
        r = portion(WC_FAULT_WRITE, n, ENOSPC);
        r = r < 0 ? r : write(fd, p, (size_t)r);
    } while (r < 0 && errno == EINTR);
    return r;
}

static int sys_fsync(int fd) {
    int r;
    do
        r = fails(WC_FAULT_FSYNC, EIO) ? -1 : fsync(fd);
    while (r < 0 && errno == EINTR);
    return r;
}

// POSIX leaves the descriptor's state open after EINTR; on Linux it is closed, so close is never
// repeated.
static int sys_close(int fd) {
    int r = close(fd);
    if (r == 0 && fails(WC_FAULT_CLOSE, EIO))
        r = -1;
    return r < 0 && errno == EINTR ? 0 : r;
}

static int sys_rename(const char *from, const char *to) {
    return fails(WC_FAULT_RENAME, EIO) ? -1 : rename(from, to);
}

// As a rename: it gives a complete file its final name.
static int sys_link(const char *from, const char *to) {
    return fails(WC_FAULT_RENAME, EIO) ? -1 : link(from, to);
}

static enum wc_err io_error(struct wc_error *err, const char *what, const char *path, int number) {
    const char *cure = number == ENOSPC   ? "; free space there and run the same command again"
                       : number == EACCES ? "; check the permissions of the file and its folders"
                       : number == EDQUOT ? "; the quota is used up"
                                          : "";
    return WC_FAIL(err, WC_ERR_IO, "%s: %s failed: %s%s", path, what, strerror(number), cure);
}

// Opens a regular file for reading; anything else is refused before it can block.
static enum wc_err open_regular(const char *path, int *fd, size_t *n_bytes, struct wc_error *err) {
    int f = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (f < 0 && (errno == ENOENT || errno == ENOTDIR))
        return WC_FAULT(err, WC_ERR_DATA, "not-found", "%s: no such file", path);
    if (f < 0 && (errno == ELOOP || errno == ENAMETOOLONG || errno == ENXIO))
        return WC_FAULT(err, WC_ERR_DATA, "not-a-file", "%s: cannot be opened: %s", path,
                        strerror(errno));
    if (f < 0)
        return io_error(err, "open", path, errno);
    struct stat st;
    if (fstat(f, &st) != 0) {
        enum wc_err rc = io_error(err, "fstat", path, errno);
        sys_close(f);
        return rc;
    }
    if (!S_ISREG(st.st_mode)) {
        sys_close(f);
        return WC_FAULT(err, WC_ERR_DATA, "not-a-file", "%s: is %s, a regular file is needed", path,
                        S_ISDIR(st.st_mode) ? "a folder" : "a device, pipe or socket");
    }
    *fd = f;
    *n_bytes = (size_t)st.st_size;
    return WC_OK;
}

static enum wc_err read_all(int fd, const char *path, unsigned char *p, size_t n,
                            struct wc_error *err) {
    size_t done = 0;
    while (done < n) {
        ssize_t r = sys_read(fd, p + done, n - done);
        if (r < 0)
            return io_error(err, "read", path, errno);
        if (r == 0)
            return WC_FAULT(err, WC_ERR_IO, "truncated",
                            "%s: shrank from %zu to %zu bytes while it was read", path, n, done);
        done += (size_t)r;
    }
    return WC_OK;
}

enum wc_err wc_io_read_file(const char *path, size_t max_bytes, unsigned char **bytes,
                            size_t *n_bytes, struct wc_error *err) {
    int fd;
    size_t n;
    unsigned char *p = NULL;
    WC_TRY(open_regular(path, &fd, &n, err));
    enum wc_err rc = WC_OK;
    if (n > max_bytes)
        rc = WC_FAULT(err, WC_ERR_DATA, "too-large", "%s: %zu bytes, at most %zu are read", path, n,
                      max_bytes);
    else
        rc = WC_NEW(&p, n + 1, path, err);
    if (rc == WC_OK)
        rc = read_all(fd, path, p, n, err);
    if (sys_close(fd) != 0 && rc == WC_OK)
        rc = io_error(err, "close", path, errno);
    if (rc != WC_OK) {
        wc_free(p);
        return rc;
    }
    *bytes = p;
    *n_bytes = n;
    return WC_OK;
}

enum wc_err wc_io_map(const char *path, struct wc_map *map, struct wc_error *err) {
    int fd;
    size_t n;
    WC_TRY(open_regular(path, &fd, &n, err));
    void *p = NULL;
    if (n > 0) {
        p = fails(WC_FAULT_MAP, ENOMEM) ? MAP_FAILED : mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) {
            enum wc_err rc = io_error(err, "mmap", path, errno);
            sys_close(fd);
            return rc;
        }
    }
    sys_close(fd); // read-only: nothing can be lost here
    *map = (struct wc_map){.data = p, .n_bytes = n};
    return WC_OK;
}

void wc_map_release(struct wc_map *map) {
    if (map->data && !map->built_in)
        munmap((void *)(uintptr_t)map->data, map->n_bytes);
    *map = (struct wc_map){0};
}

enum wc_err wc_file_create(struct wc_file *f, const char *path, struct wc_error *err) {
    struct wc_file made = {0};
    char host[65] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    made.path = wc_strdup(path);
    // Beside it, since rename must stay in one file system; with the host, since two nodes that
    // share the folder may use one process number.
    made.temp = wc_sprintf("%s.tmp.%s.%ld", path, host, (long)getpid());
    if (!made.path || !made.temp) {
        wc_file_discard(&made);
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    }
    made.fd = sys_open(made.temp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (made.fd < 0) {
        enum wc_err rc = io_error(err, "create", made.temp, errno);
        made.fd = 0;
        wc_free(made.temp);
        made.temp = NULL;
        wc_file_discard(&made);
        return rc;
    }
    *f = made;
    return WC_OK;
}

static enum wc_err write_all(int fd, const char *path, const void *bytes, size_t n,
                             struct wc_error *err) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t r = sys_write(fd, p, n);
        if (r < 0)
            return io_error(err, "write", path, errno);
        p += r;
        n -= (size_t)r;
    }
    return WC_OK;
}

enum wc_err wc_file_write(struct wc_file *f, const void *bytes, size_t n_bytes,
                          struct wc_error *err) {
    return write_all(f->fd, f->temp, bytes, n_bytes, err);
}

enum wc_err wc_io_fsync_dir(const char *path, struct wc_error *err) {
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return io_error(err, "open", path, errno);
    // Some network file systems cannot sync a folder and say EINVAL; their rename is durable or
    // nothing is.
    enum wc_err rc = WC_OK;
    if (sys_fsync(fd) != 0 && errno != EINVAL)
        rc = io_error(err, "fsync", path, errno);
    sys_close(fd);
    return rc;
}

enum wc_err wc_file_commit(struct wc_file *f, struct wc_error *err) {
    if (sys_fsync(f->fd) != 0) // never retried: a failed fsync may have dropped the data
        return io_error(err, "fsync", f->temp, errno);
    int fd = f->fd;
    f->fd = 0;
    if (sys_close(fd) != 0)
        return io_error(err, "close", f->temp, errno);
    if (sys_rename(f->temp, f->path) != 0)
        return io_error(err, "rename", f->path, errno);
    wc_free(f->temp);
    f->temp = NULL;
    char *dir = wc_path_dir(f->path);
    if (!dir)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", f->path);
    enum wc_err rc = wc_io_fsync_dir(dir, err);
    wc_free(dir);
    return rc;
}

void wc_file_discard(struct wc_file *f) {
    if (f->fd > 0)
        close(f->fd);
    if (f->temp)
        unlink(f->temp);
    wc_free(f->path);
    wc_free(f->temp);
    *f = (struct wc_file){0};
}

enum wc_err wc_io_write_atomic(const char *path, const void *bytes, size_t n_bytes,
                               struct wc_error *err) {
    struct wc_file f = {0};
    WC_TRY(wc_file_create(&f, path, err));
    enum wc_err rc = wc_file_write(&f, bytes, n_bytes, err);
    if (rc == WC_OK)
        rc = wc_file_commit(&f, err);
    wc_file_discard(&f);
    return rc;
}

enum wc_err wc_io_write_in(const char *folder, const char *name, const void *bytes, size_t n_bytes,
                           struct wc_error *err) {
    char *path = NULL;
    WC_TRY(wc_path_in(folder, name, &path, err));
    enum wc_err rc = wc_io_write_atomic(path, bytes, n_bytes, err);
    wc_free(path);
    return rc;
}

// Without hard links (FAT, some FUSE file systems) the content comes after the name: a crash
// between the two leaves a short file.
static enum wc_err create_exclusive(const char *path, const void *bytes, size_t n, bool *made,
                                    struct wc_error *err) {
    int fd = sys_open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    *made = fd >= 0;
    if (fd < 0)
        return errno == EEXIST ? WC_OK : io_error(err, "create", path, errno);
    enum wc_err rc = write_all(fd, path, bytes, n, err);
    if (rc == WC_OK && sys_fsync(fd) != 0)
        rc = io_error(err, "fsync", path, errno);
    if (sys_close(fd) != 0 && rc == WC_OK)
        rc = io_error(err, "close", path, errno);
    if (rc != WC_OK)
        unlink(path);
    return rc;
}

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum wc_err link_new(struct wc_file *f, const void *bytes, size_t n, bool *made,
                            struct wc_error *err) {
    int fd = f->fd;
    if (sys_fsync(fd) != 0)
        return io_error(err, "fsync", f->temp, errno);
    f->fd = 0;
    if (sys_close(fd) != 0)
        return io_error(err, "close", f->temp, errno);
    int failed = sys_link(f->temp, f->path) == 0 ? 0 : errno;
    // Over NFS a repeated request may fail although the first one, whose answer was lost, linked.
    *made = failed == 0 || same_file(f->temp, f->path);
    if (*made || failed == EEXIST)
        return WC_OK;
    if (failed == EPERM || failed == ENOSYS || failed == ENOTSUP || failed == EOPNOTSUPP)
        return create_exclusive(f->path, bytes, n, made, err);
    return io_error(err, "link", f->path, failed);
}

enum wc_err wc_io_create_new(const char *path, const void *bytes, size_t n_bytes, bool *made,
                             struct wc_error *err) {
    struct wc_file f = {0};
    bool is_made = false;
    WC_TRY(wc_file_create(&f, path, err));
    enum wc_err rc = wc_file_write(&f, bytes, n_bytes, err);
    if (rc == WC_OK)
        rc = link_new(&f, bytes, n_bytes, &is_made, err);
    wc_file_discard(&f);
    if (rc == WC_OK)
        *made = is_made;
    return rc;
}

enum wc_err wc_io_remove(const char *path, struct wc_error *err) {
    return unlink(path) == 0 || errno == ENOENT ? WC_OK : io_error(err, "unlink", path, errno);
}

enum wc_err wc_io_read_text(const char *path, char *text, size_t cap, struct wc_error *err) {
    int fd;
    size_t size, n = 0;
    WC_TRY(open_regular(path, &fd, &size, err));
    ssize_t r = 1;
    while (r > 0 && n < cap - 1) {
        r = sys_read(fd, text + n, cap - 1 - n);
        n += r > 0 ? (size_t)r : 0;
    }
    enum wc_err rc = r < 0 ? io_error(err, "read", path, errno) : WC_OK;
    sys_close(fd); // read-only: nothing can be lost here
    text[n] = '\0';
    return rc;
}

enum wc_err wc_io_size(int fd, const char *path, uint64_t *size, struct wc_error *err) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return io_error(err, "fstat", path, errno);
    *size = (uint64_t)st.st_size;
    return WC_OK;
}

enum wc_err wc_io_open_append(const char *path, int *fd, uint64_t *size, struct wc_error *err) {
    int f = sys_open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0644);
    struct stat st;
    if (f < 0)
        return io_error(err, "open", path, errno);
    if (fstat(f, &st) != 0 || !S_ISREG(st.st_mode)) {
        sys_close(f);
        return WC_FAULT(err, WC_ERR_IO, "not-a-file", "%s: is not a regular file", path);
    }
    *fd = f;
    *size = (uint64_t)st.st_size;
    return WC_OK;
}

enum wc_err wc_io_append(int fd, const char *path, const void *bytes, size_t n_bytes,
                         struct wc_error *err) {
    return write_all(fd, path, bytes, n_bytes, err);
}

enum wc_err wc_io_truncate(int fd, const char *path, uint64_t size, struct wc_error *err) {
    int r;
    do
        r = ftruncate(fd, (off_t)size);
    while (r != 0 && errno == EINTR);
    return r == 0 ? WC_OK : io_error(err, "truncate", path, errno);
}

enum wc_err wc_io_fsync(int fd, const char *path, struct wc_error *err) {
    return sys_fsync(fd) == 0 ? WC_OK : io_error(err, "fsync", path, errno);
}

enum wc_err wc_io_close(int fd, const char *path, struct wc_error *err) {
    return sys_close(fd) == 0 ? WC_OK : io_error(err, "close", path, errno);
}

enum wc_err wc_io_mkdirs(const char *path, struct wc_error *err) {
    char *part = wc_strdup(path);
    if (!part)
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
    enum wc_err rc = WC_OK;
    for (char *p = part + 1; rc == WC_OK; p++) {
        bool end = *p == '\0';
        if (!end && *p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            rc = io_error(err, "mkdir", part, errno);
        if (end)
            break;
        *p = '/';
    }
    wc_free(part);
    if (rc == WC_OK && !wc_io_is_dir(path))
        rc = WC_FAIL(err, WC_ERR_IO, "%s: exists and is not a folder", path);
    return rc;
}

enum wc_err wc_io_list(const char *path, bool hidden, struct wc_strlist *names,
                       struct wc_error *err) {
    DIR *dir;
    do
        dir = fails(WC_FAULT_OPEN, EIO) ? NULL : opendir(path);
    while (!dir && errno == EINTR);
    if (!dir && (errno == ENOENT || errno == ENOTDIR))
        return WC_FAULT(err, WC_ERR_DATA, "not-found", "%s: no such folder", path);
    if (!dir)
        return io_error(err, "opendir", path, errno);
    struct wc_strlist list = {0};
    enum wc_err rc = WC_OK;
    while (rc == WC_OK) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno != 0)
                rc = io_error(err, "readdir", path, errno);
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (name[0] == '.' && !hidden))
            continue;
        rc = wc_strlist_add(&list, name, err);
    }
    closedir(dir);
    if (rc != WC_OK) {
        wc_strlist_release(&list);
        return rc;
    }
    wc_strlist_sort(&list);
    *names = list;
    return WC_OK;
}

bool wc_io_stat(const char *path, struct wc_io_info *info) {
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    *info = (struct wc_io_info){.is_file = S_ISREG(st.st_mode),
                                .is_dir = S_ISDIR(st.st_mode),
                                .n_bytes = (uint64_t)st.st_size,
                                .device = (uint64_t)st.st_dev,
                                .inode = (uint64_t)st.st_ino,
                                .modified_ns =
                                    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    return true;
}

bool wc_io_is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool wc_io_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool wc_io_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

enum wc_err wc_io_link_or_copy(const char *from, const char *to, struct wc_error *err) {
    struct wc_map map = {0};
    if (sys_link(from, to) == 0 || errno == EEXIST)
        return WC_OK;
    WC_TRY(wc_io_map(from, &map, err));
    enum wc_err rc = wc_io_write_atomic(to, map.data, map.n_bytes, err);
    wc_map_release(&map);
    return rc;
}

// A file of a folder, for trimming.
struct aged {
    char *path;
    uint64_t n_bytes;
    struct timespec when;
};

static int by_age(const void *a, const void *b) {
    const struct aged *x = a, *y = b;
    if (x->when.tv_sec != y->when.tv_sec)
        return x->when.tv_sec < y->when.tv_sec ? -1 : 1;
    if (x->when.tv_nsec != y->when.tv_nsec)
        return x->when.tv_nsec < y->when.tv_nsec ? -1 : 1;
    return strcmp(x->path, y->path);
}

enum wc_err wc_io_trim_folder(const char *path, uint64_t max_bytes, struct wc_error *err) {
    struct wc_strlist names = {0};
    struct aged *file = NULL;
    size_t n = 0;
    uint64_t total = 0;
    WC_TRY(wc_io_list(path, false, &names, err));
    enum wc_err rc = WC_NEW(&file, names.n, path, err);
    for (size_t i = 0; i < names.n && rc == WC_OK; i++) {
        struct stat st;
        char *full = wc_path_join(path, names.item[i]);
        if (!full)
            rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", path);
        else if (stat(full, &st) == 0 && S_ISREG(st.st_mode)) {
            file[n++] = (struct aged){full, (uint64_t)st.st_size, st.st_mtim};
            total += (uint64_t)st.st_size;
            continue;
        }
        wc_free(full);
    }
    if (n > 1)
        qsort(file, n, sizeof *file, by_age);
    for (size_t i = 0; i < n; i++) {
        if (rc == WC_OK && total > max_bytes) {
            rc = wc_io_remove(file[i].path, err);
            total -= file[i].n_bytes;
        }
        wc_free(file[i].path);
    }
    wc_free(file);
    wc_strlist_release(&names);
    return rc;
}
