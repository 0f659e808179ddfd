/*
 * CLIP's byte-level BPE tokenizer, exactly (open_clip's SimpleTokenizer with clean="lower", without
 * ftfy).
 *
 * Steps: HTML unescape twice, strip and collapse Unicode white space, full Unicode lower case,
 * split by CLIP's pattern, byte-level BPE. The texts that only ftfy would change are a documented
 * difference (README). The published merges are embedded; a file with fewer merges gives a smaller
 * vocabulary: ids 0..255 bytes, 256..511 bytes at a word's end, 512.. merges, then SOT, EOT.
 * Immutable after opening, thread-safe.
 */
#ifndef WC_TEXT_TOKENIZER_H
#define WC_TEXT_TOKENIZER_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct wc_tokenizer;

// `bpe_path`: a merges file, plain or gzip, NULL for the embedded one, "builtin:N" for the first N
// of it: a version line, then one merge of two known symbols a line; at most 48,894 merges count.
// WC_ERR_DATA faults: "bad-merges", "bad-gzip", "too-large" (16 MiB, stored or unpacked),
// "not-found".
enum wc_err wc_tokenizer_new(const char *bpe_path, struct wc_tokenizer **out, struct wc_error *err);
void wc_tokenizer_free(struct wc_tokenizer **t);

size_t wc_tokenizer_vocab_size(const struct wc_tokenizer *t); // 49,408 for the embedded merges
int32_t wc_tokenizer_sot(const struct wc_tokenizer *t);
int32_t wc_tokenizer_eot(const struct wc_tokenizer *t);

// Ids of text[0..n) from SOT to EOT, no padding, at most `context` (77, at least 2): a longer text
// is cut and its last id is EOT. ids has room for `context`; *n_ids receives the count. A NUL byte
// is a character. Bytes that are not UTF-8 are WC_ERR_DATA (fault "bad-utf8"), as is a text above
// 16 MiB
// ("too-large"); after a failure the content of ids is undefined and *n_ids is untouched.
enum wc_err wc_tokenize(const struct wc_tokenizer *t, const char *text, size_t n, size_t context,
                        int32_t *ids, size_t *n_ids, struct wc_error *err);

#endif
