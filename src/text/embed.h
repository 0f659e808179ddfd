/*
 * Files that are part of the program: the published merges and the default prompt set.
 *
 * They are put into the object by the assembler (.incbin, path relative to the repository's root,
 * where make runs), so that no generated copy of 1.3 MB is needed.
 */
#ifndef WC_TEXT_EMBED_H
#define WC_TEXT_EMBED_H

#include <stddef.h>
#include <stdint.h>

extern const unsigned char wc_bpe_gz[], wc_bpe_gz_end[]; // gzip
// prompts/winclip.yaml, clip_ac.yaml, imagenet80.yaml
extern const unsigned char wc_prompts_yaml[], wc_prompts_yaml_end[];
extern const unsigned char wc_clip_ac_yaml[], wc_clip_ac_yaml_end[];
extern const unsigned char wc_imagenet80_yaml[], wc_imagenet80_yaml_end[];

// The two labels are distinct objects to the compiler: subtract them as integers.
#define WC_EMBED_BYTES(name) ((size_t)((uintptr_t)name##_end - (uintptr_t)name))

// clang-format off
#define WC_EMBED(name, path)                                                                       \
    __asm__(".section .rodata\n"                                                                   \
            ".balign 64\n"                                                                         \
            ".globl " #name "\n"                                                                   \
            #name ":\n"                                                                            \
            ".incbin \"" path "\"\n"                                                               \
            ".globl " #name "_end\n"                                                               \
            #name "_end:\n"                                                                        \
            ".byte 0\n"                                                                            \
            ".previous\n")
// clang-format on

#endif
