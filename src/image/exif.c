#include "image/codec.h"

// EXIF 2.3, 4.6.2: a TIFF header ("II" or "MM", 42, offset of IFD 0) and 12-byte entries.
enum { TIFF_HEADER_BYTES = 8, TIFF_ENTRY_BYTES = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

unsigned wc_exif_orientation(const unsigned char *tiff, size_t n_bytes) {
    if (n_bytes < TIFF_HEADER_BYTES || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M'))
        return 1;
    uint32_t (*u16)(const unsigned char *) = tiff[0] == 'M' ? be16 : le16;
    uint32_t (*u32)(const unsigned char *) = tiff[0] == 'M' ? be32 : le32;
    size_t at = u32(tiff + 4);
    if (u16(tiff + 2) != 42 || at > n_bytes || n_bytes - at < 2)
        return 1;
    size_t n_entries = u16(tiff + at);
    at += 2;
    for (size_t i = 0; i < n_entries && n_bytes - at >= TIFF_ENTRY_BYTES; i++) {
        const unsigned char *entry = tiff + at;
        at += TIFF_ENTRY_BYTES;
        if (u16(entry) != TAG_ORIENTATION)
            continue;
        unsigned value = u16(entry + 8);
        return u16(entry + 2) == TYPE_SHORT && value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}
