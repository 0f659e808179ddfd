/*
 * Files: the only place that opens, reads, maps, writes or renames one.
 *
 * Every call handles EINTR and short counts, refuses what is not a regular file (a directory, FIFO
 * or device: fault "not-a-file", no hang), and can be made to fail (base/fault.h). Errors name the
 * path and the system's reason. Missing input files are WC_ERR_DATA with the fault "not-found";
 * failures of the operating system are WC_ERR_IO. Thread-safe.
 */
#ifndef WC_BASE_IO_H
#define WC_BASE_IO_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The whole file into memory with a NUL after it (not counted); fails with fault "too-large" above
// max_bytes. Release with wc_free().
enum wc_err wc_io_read_file(const char *path, size_t max_bytes, unsigned char **bytes,
                            size_t *n_bytes, struct wc_error *err);

// A file mapped read-only and shared. An empty file gives data NULL and n_bytes 0.
struct wc_map {
    const unsigned char *data;
    size_t n_bytes;
    bool built_in; // part of the program, not of a file: nothing to unmap
};
enum wc_err wc_io_map(const char *path, struct wc_map *map, struct wc_error *err);
void wc_map_release(struct wc_map *map);

// Replaces `path` as a whole: a temporary file beside it, write, fsync, close, rename, fsync of the
// folder. Nothing appears under the final name unless all succeeded; the temporary file is removed
// on failure.
enum wc_err wc_io_write_atomic(const char *path, const void *bytes, size_t n_bytes,
                               struct wc_error *err);
// The file `name` of a folder, in the same way.
enum wc_err wc_io_write_in(const char *folder, const char *name, const void *bytes, size_t n_bytes,
                           struct wc_error *err);

// Creates `path` with this content unless it exists: *made tells. It appears whole or not at all,
// and of several processes on any hosts exactly one makes it (link() of a complete file, which NFS
// and Lustre keep atomic; where there are no hard links, O_EXCL). Takes no file lock.
enum wc_err wc_io_create_new(const char *path, const void *bytes, size_t n_bytes, bool *made,
                             struct wc_error *err);
enum wc_err wc_io_remove(const char *path, struct wc_error *err); // no such file is fine

// Up to cap - 1 bytes of a file whose size is not known beforehand (/proc), NUL-terminated.
enum wc_err wc_io_read_text(const char *path, char *text, size_t cap, struct wc_error *err);

// A file that is written in pieces and appears under its name only at commit.
struct wc_file {
    int fd; // 0 when closed (zeroed struct)
    char *path;
    char *temp;
};
enum wc_err wc_file_create(struct wc_file *f, const char *path, struct wc_error *err);
enum wc_err wc_file_write(struct wc_file *f, const void *bytes, size_t n_bytes,
                          struct wc_error *err);
enum wc_err wc_file_commit(struct wc_file *f, struct wc_error *err);
void wc_file_discard(struct wc_file *f); // also after commit; removes an uncommitted file

// A second name for a file, or, across file systems, a copy of it. An existing `to` is left as it
// is.
enum wc_err wc_io_link_or_copy(const char *from, const char *to, struct wc_error *err);

// Removes the oldest files of a folder (not its folders) until the rest is at most max_bytes.
enum wc_err wc_io_trim_folder(const char *path, uint64_t max_bytes, struct wc_error *err);

// Append-only files (journals). `size` receives the size at opening.
enum wc_err wc_io_open_append(const char *path, int *fd, uint64_t *size, struct wc_error *err);
enum wc_err wc_io_append(int fd, const char *path, const void *bytes, size_t n_bytes,
                         struct wc_error *err);
enum wc_err wc_io_size(int fd, const char *path, uint64_t *size, struct wc_error *err);
enum wc_err wc_io_truncate(int fd, const char *path, uint64_t size, struct wc_error *err);
enum wc_err wc_io_fsync(int fd, const char *path, struct wc_error *err);
enum wc_err wc_io_close(int fd, const char *path, struct wc_error *err);

enum wc_err wc_io_mkdirs(const char *path, struct wc_error *err); // as mkdir -p
enum wc_err wc_io_fsync_dir(const char *path, struct wc_error *err);

// Names in a folder without "." and "..", sorted by bytes; hidden names are left out unless
// `hidden`.
enum wc_err wc_io_list(const char *path, bool hidden, struct wc_strlist *names,
                       struct wc_error *err);

// What a path names (links are followed). false: nothing, or it cannot be asked.
struct wc_io_info {
    bool is_file, is_dir;
    uint64_t n_bytes, device, inode;
    int64_t modified_ns;
};
bool wc_io_stat(const char *path, struct wc_io_info *info);
bool wc_io_is_file(const char *path); // follows links
bool wc_io_is_dir(const char *path);
bool wc_io_exists(const char *path);

#endif
