/*
 * Files that are part of the program (base/embed.h): the published merges and the default prompt
 * sets.
 */
#ifndef WC_TEXT_EMBED_H
#define WC_TEXT_EMBED_H

#include "base/embed.h"

extern const unsigned char wc_bpe_gz[], wc_bpe_gz_end[]; // gzip
// prompts/winclip.yaml, clip_ac.yaml, imagenet80.yaml
extern const unsigned char wc_prompts_yaml[], wc_prompts_yaml_end[];
extern const unsigned char wc_clip_ac_yaml[], wc_clip_ac_yaml_end[];
extern const unsigned char wc_imagenet80_yaml[], wc_imagenet80_yaml_end[];

#endif
