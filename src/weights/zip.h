/*
 * ZIP archives as PyTorch writes them: private to src/weights.
 *
 * Entries are read through the central directory, in place in the mapping; only stored ones can be
 * read. Everything that is declared is checked against the file before use: the directory's place
 * and entry count, zip64 fields, names, local headers, ranges that overlap, and on reading the
 * CRC-32. Format: PKWARE APPNOTE.TXT 6.3.9, sections 4.3 and 4.5.3.
 */
#ifndef WC_WEIGHTS_ZIP_H
#define WC_WEIGHTS_ZIP_H

#include "base/io.h"

#include <stdbool.h>
#include <stdint.h>

struct wc_zip_entry {
    const char *name; // in the mapping, not NUL-terminated
    size_t n_name;
    uint16_t method; // 0: stored
    uint32_t crc;
    size_t n_bytes;            // as declared
    size_t n_packed;           // in the archive
    const unsigned char *data; // n_packed bytes
    bool checked;              // its CRC-32 was compared
};

struct wc_zip {
    const char *path;           // of the caller, for messages
    struct wc_zip_entry *entry; // sorted by name
    size_t n_entries;
};

// Reads the directory. Faults: "truncated", "bad-archive", "bad-entry-name", "duplicate-key",
// "unsupported" (encrypted, several disks). `path` and the mapping must outlive `zip`.
enum wc_err wc_zip_open(struct wc_zip *zip, const char *path, const struct wc_map *map,
                        struct wc_error *err);
void wc_zip_release(struct wc_zip *zip);

// The entry `folder`/`name` (each with its length); NULL: absent.
struct wc_zip_entry *wc_zip_find(const struct wc_zip *zip, const char *folder, size_t n_folder,
                                 const char *name, size_t n_name);

// Checks that the entry's bytes can be used as they lie there. Faults: "compressed", "bad-archive",
// "bad-checksum". The checksum is computed once an entry.
enum wc_err wc_zip_check(const struct wc_zip *zip, struct wc_zip_entry *entry,
                         struct wc_error *err);

#endif
