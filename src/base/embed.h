/*
 * Files that are part of the program: put into an object by the assembler (.incbin, path relative
 * to the repository's root, where make runs), so that no generated copy is needed.
 *
 * A source that holds one says WC_EMBED(name, "path"); a header declares
 * `extern const unsigned char name[], name_end[];`. A NUL byte, not counted, follows the bytes.
 */
#ifndef WC_BASE_EMBED_H
#define WC_BASE_EMBED_H

#include <stddef.h>
#include <stdint.h>

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
