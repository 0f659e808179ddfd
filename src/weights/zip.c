#include "weights/zip.h"

#include "base/alloc.h"
#include "weights/format.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LOCAL_SIGNATURE 0x04034b50u
#define CENTRAL_SIGNATURE 0x02014b50u
#define END_SIGNATURE 0x06054b50u
#define END64_SIGNATURE 0x06064b50u
#define LOCATOR64_SIGNATURE 0x07064b50u
#define N_LOCAL 30   // bytes of the fixed parts
#define N_CENTRAL 46 //
#define N_END 22
#define N_END64 56
#define N_LOCATOR64 20
#define MAX_COMMENT 65535u

#define FLAG_ENCRYPTED 0x2041u // bits 0, 6, 13: encryption of data or directory
#define METHOD_STORED 0

// The directory, as the records at the file's end declare it; checked to lie in the file.
struct directory {
    size_t offset, n_bytes;
    uint64_t n_entries;
};

static enum wc_err bad(const char *path, struct wc_error *err, const char *what) {
    return WC_FAULT(err, WC_ERR_DATA, "bad-archive", "%s: damaged ZIP archive: %s", path, what);
}

// The end record, sought backwards over a comment that must reach to the end of the file.
static bool find_end(const struct wc_map *map, size_t *at) {
    if (map->n_bytes < N_END)
        return false;
    size_t last = map->n_bytes - N_END;
    for (size_t back = 0; back <= MAX_COMMENT && back <= last; back++) {
        const unsigned char *p = map->data + (last - back);
        if (wc_le32(p) == END_SIGNATURE && wc_le16(p + 20) == back) {
            *at = last - back;
            return true;
        }
    }
    return false;
}

// zip64: a locator right before the end record says where the larger record is.
static enum wc_err read_end64(const char *path, const struct wc_map *map, size_t end,
                              struct directory *d, size_t *limit, struct wc_error *err) {
    if (end < N_LOCATOR64 || wc_le32(map->data + end - N_LOCATOR64) != LOCATOR64_SIGNATURE)
        return bad(path, err, "its end record refers to a zip64 record that is not there");
    uint64_t at = wc_le64(map->data + end - N_LOCATOR64 + 8);
    if (at > end - N_LOCATOR64 || end - N_LOCATOR64 - at < N_END64 ||
        wc_le32(map->data + at) != END64_SIGNATURE)
        return bad(path, err, "its zip64 end record lies outside the file");
    const unsigned char *p = map->data + at;
    uint64_t n_bytes = wc_le64(p + 40), offset = wc_le64(p + 48);
    if (offset > at || n_bytes > at - offset)
        return bad(path, err, "its central directory lies outside the file");
    d->n_entries = wc_le64(p + 32);
    d->offset = (size_t)offset;
    d->n_bytes = (size_t)n_bytes;
    *limit = (size_t)at;
    return WC_OK;
}

static enum wc_err find_directory(const char *path, const struct wc_map *map, struct directory *d,
                                  struct wc_error *err) {
    size_t end, limit;
    if (!find_end(map, &end))
        return WC_FAULT(err, WC_ERR_DATA, "truncated",
                        "%s: a ZIP archive without its central directory: the file was cut off, "
                        "get it again",
                        path);
    const unsigned char *p = map->data + end;
    if (wc_le16(p + 4) != 0 || wc_le16(p + 6) != 0 || wc_le16(p + 8) != wc_le16(p + 10))
        return WC_FAULT(err, WC_ERR_DATA, "unsupported",
                        "%s: a ZIP archive in several volumes; PyTorch writes one", path);
    d->n_entries = wc_le16(p + 10);
    d->n_bytes = wc_le32(p + 12);
    d->offset = wc_le32(p + 16);
    limit = end;
    if (d->n_entries == 0xFFFF || d->n_bytes == 0xFFFFFFFFu || d->offset == 0xFFFFFFFFu)
        WC_TRY(read_end64(path, map, end, d, &limit, err));
    if (d->offset > limit || d->n_bytes > limit - d->offset)
        return bad(path, err, "its central directory lies outside the file");
    if (d->n_entries == 0)
        return bad(path, err, "it is empty; a checkpoint has a data.pkl");
    if (d->n_entries > d->n_bytes / N_CENTRAL)
        return bad(path, err, "it declares more entries than its central directory has room for");
    return WC_OK;
}

// Could the name leave the folder that an archive is unpacked in, or mislead a reader?
static bool is_good_name(const char *name, size_t n) {
    size_t n_part = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7F || c == '\\' || c == ':')
            return false;
        if (c != '/') {
            n_part++;
            continue;
        }
        if (n_part == 0 || (n_part <= 2 && memcmp(name + i - n_part, "..", n_part) == 0))
            return false;
        n_part = 0;
    }
    // A name that ends in a slash is a folder's.
    return n > 0 && (n_part == 0 || n_part > 2 || memcmp(name + n - n_part, "..", n_part) != 0);
}

// Sizes and offset that the central header leaves to the zip64 extra field (id 1), in this order.
static bool read_extra64(const unsigned char *extra, size_t n, uint64_t *n_bytes,
                         uint64_t *n_packed, uint64_t *offset) {
    uint64_t *wanted[3];
    size_t n_wanted = 0;
    if (*n_bytes == 0xFFFFFFFFu)
        wanted[n_wanted++] = n_bytes;
    if (*n_packed == 0xFFFFFFFFu)
        wanted[n_wanted++] = n_packed;
    if (*offset == 0xFFFFFFFFu)
        wanted[n_wanted++] = offset;
    if (n_wanted == 0)
        return true;
    while (n >= 4) {
        size_t id = wc_le16(extra), n_field = wc_le16(extra + 2);
        if (n_field > n - 4)
            return false;
        if (id == 1) {
            if (n_field < 8 * n_wanted)
                return false;
            for (size_t i = 0; i < n_wanted; i++)
                *wanted[i] = wc_le64(extra + 4 + 8 * i);
            return true;
        }
        extra += 4 + n_field;
        n -= 4 + n_field;
    }
    return false;
}

// The local header must repeat the name; data follow it, before the directory.
static bool read_local(const struct wc_map *map, size_t limit, uint64_t offset,
                       struct wc_zip_entry *e) {
    if (offset > limit || limit - offset < N_LOCAL)
        return false;
    const unsigned char *p = map->data + offset;
    size_t left = limit - (size_t)offset - N_LOCAL;
    size_t n_name = wc_le16(p + 26), n_extra = wc_le16(p + 28);
    if (wc_le32(p) != LOCAL_SIGNATURE || n_name != e->n_name || n_name + n_extra > left ||
        memcmp(p + N_LOCAL, e->name, n_name) != 0 || wc_le16(p + 8) != e->method)
        return false;
    e->data = p + N_LOCAL + n_name + n_extra;
    return e->n_packed <= left - n_name - n_extra;
}

// One central header at p (`left` bytes to the directory's end); *n_used receives its length.
static enum wc_err read_central(const char *path, const struct wc_map *map,
                                const struct directory *d, const unsigned char *p, size_t left,
                                size_t *n_used, struct wc_zip_entry *e, struct wc_error *err) {
    if (left < N_CENTRAL || wc_le32(p) != CENTRAL_SIGNATURE)
        return bad(path, err, "its central directory ends early or has a damaged entry");
    size_t n_name = wc_le16(p + 28), n_extra = wc_le16(p + 30), n_comment = wc_le16(p + 32);
    if (n_name + n_extra + n_comment > left - N_CENTRAL)
        return bad(path, err, "an entry of its central directory ends after the directory");
    *n_used = N_CENTRAL + n_name + n_extra + n_comment;
    e->name = (const char *)p + N_CENTRAL;
    e->n_name = n_name;
    e->method = wc_le16(p + 10);
    e->crc = wc_le32(p + 16);
    if (!is_good_name(e->name, n_name))
        return WC_FAULT(err, WC_ERR_DATA, "bad-entry-name",
                        "%s: ZIP entry \"%.*s\": the name would lead out of the archive's folder; "
                        "PyTorch writes none such, do not trust this file",
                        path, (int)(n_name < 200 ? n_name : 200), e->name);
    if (wc_le16(p + 8) & FLAG_ENCRYPTED)
        return WC_FAULT(err, WC_ERR_DATA, "unsupported", "%s: ZIP entry \"%.*s\" is encrypted",
                        path, (int)n_name, e->name);
    uint64_t n_packed = wc_le32(p + 20), n_bytes = wc_le32(p + 24), offset = wc_le32(p + 42);
    if (!read_extra64(p + N_CENTRAL + n_name, n_extra, &n_bytes, &n_packed, &offset))
        return bad(path, err, "an entry lacks its zip64 sizes");
    e->n_bytes = (size_t)n_bytes;
    e->n_packed = (size_t)n_packed;
    if (!read_local(map, d->offset, offset, e))
        return WC_FAULT(err, WC_ERR_DATA, "bad-archive",
                        "%s: damaged ZIP archive: entry \"%.*s\" (%llu bytes at %llu) is not where "
                        "the directory says or lies outside the file",
                        path, (int)n_name, e->name, (unsigned long long)n_packed,
                        (unsigned long long)offset);
    return WC_OK;
}

static int compare_names(const char *a, size_t n_a, const char *b, size_t n_b) {
    int c = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return c ? c : (n_a > n_b) - (n_a < n_b);
}

static int by_name(const void *a, const void *b) {
    const struct wc_zip_entry *x = a, *y = b;
    return compare_names(x->name, x->n_name, y->name, y->n_name);
}

static int by_place(const void *a, const void *b) {
    const struct wc_zip_entry *x = a, *y = b;
    return (x->data > y->data) - (x->data < y->data);
}

static enum wc_err read_directory(struct wc_zip *zip, const struct wc_map *map,
                                  const struct directory *d, struct wc_error *err) {
    const unsigned char *p = map->data + d->offset;
    size_t left = d->n_bytes;
    for (size_t i = 0; i < zip->n_entries; i++) {
        size_t n_used = 0;
        WC_TRY(read_central(zip->path, map, d, p, left, &n_used, &zip->entry[i], err));
        p += n_used;
        left -= n_used;
    }
    if (left != 0)
        return bad(zip->path, err, "its central directory has more entries than it declares");
    qsort(zip->entry, zip->n_entries, sizeof(*zip->entry), by_place);
    for (size_t i = 1; i < zip->n_entries; i++) {
        const struct wc_zip_entry *e = &zip->entry[i];
        // Between two entries' data there is at least the second one's header.
        if ((size_t)(e->data - e[-1].data) < e[-1].n_packed + N_LOCAL + e->n_name)
            return bad(zip->path, err, "two entries overlap");
    }
    qsort(zip->entry, zip->n_entries, sizeof(*zip->entry), by_name);
    for (size_t i = 1; i < zip->n_entries; i++)
        if (by_name(&zip->entry[i - 1], &zip->entry[i]) == 0)
            return WC_FAULT(err, WC_ERR_DATA, "duplicate-key",
                            "%s: damaged ZIP archive: two entries are named \"%.*s\"", zip->path,
                            (int)zip->entry[i].n_name, zip->entry[i].name);
    return WC_OK;
}

enum wc_err wc_zip_open(struct wc_zip *zip, const char *path, const struct wc_map *map,
                        struct wc_error *err) {
    struct directory d = {0};
    struct wc_zip z = {.path = path};
    WC_TRY(find_directory(path, map, &d, err));
    z.n_entries = (size_t)d.n_entries;
    WC_TRY(WC_NEW(&z.entry, z.n_entries, "ZIP directory", err));
    enum wc_err rc = read_directory(&z, map, &d, err);
    if (rc != WC_OK) {
        wc_zip_release(&z);
        return rc;
    }
    *zip = z;
    return WC_OK;
}

void wc_zip_release(struct wc_zip *zip) {
    wc_free(zip->entry);
    *zip = (struct wc_zip){0};
}

// Compares an entry's name with folder/name.
static int compare_joined(const struct wc_zip_entry *e, const char *folder, size_t n_folder,
                          const char *name, size_t n_name) {
    int c = memcmp(e->name, folder, e->n_name < n_folder ? e->n_name : n_folder);
    if (c || e->n_name <= n_folder)
        return c ? c : -1;
    if (e->name[n_folder] != '/')
        return (unsigned char)e->name[n_folder] < '/' ? -1 : 1;
    return compare_names(e->name + n_folder + 1, e->n_name - n_folder - 1, name, n_name);
}

struct wc_zip_entry *wc_zip_find(const struct wc_zip *zip, const char *folder, size_t n_folder,
                                 const char *name, size_t n_name) {
    size_t low = 0, high = zip->n_entries;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = compare_joined(&zip->entry[mid], folder, n_folder, name, n_name);
        if (c == 0)
            return &zip->entry[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

enum wc_err wc_zip_check(const struct wc_zip *zip, struct wc_zip_entry *entry,
                         struct wc_error *err) {
    int n_name = (int)entry->n_name;
    if (entry->checked)
        return WC_OK;
    if (entry->method != METHOD_STORED)
        return WC_FAULT(err, WC_ERR_DATA, "compressed",
                        "%s: ZIP entry \"%.*s\" is compressed, which PyTorch never does to "
                        "weights; unpack it and save it again with torch.save",
                        zip->path, n_name, entry->name);
    if (entry->n_bytes != entry->n_packed)
        return WC_FAULT(err, WC_ERR_DATA, "bad-archive",
                        "%s: damaged ZIP archive: entry \"%.*s\" is stored, but its two sizes "
                        "differ (%zu, %zu)",
                        zip->path, n_name, entry->name, entry->n_bytes, entry->n_packed);
    uint32_t crc = (uint32_t)crc32_z(0, entry->data, entry->n_bytes);
    if (crc != entry->crc)
        return WC_FAULT(err, WC_ERR_DATA, "bad-checksum",
                        "%s: ZIP entry \"%.*s\": CRC-32 %08x, its directory says %08x; the file is "
                        "damaged, get it again",
                        zip->path, n_name, entry->name, crc, entry->crc);
    entry->checked = true;
    return WC_OK;
}
