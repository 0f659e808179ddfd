/*
 * The demo's weights, part of the program (base/embed.h): src/weights/demo.safetensors.
 *
 * src/demo/training made them; their metadata say how, and name the merges "builtin:3000".
 */
#ifndef WC_WEIGHTS_EMBED_H
#define WC_WEIGHTS_EMBED_H

#include "base/embed.h"

extern const unsigned char wc_demo_weights[], wc_demo_weights_end[];

#endif
