#include "weights/embed.h"

WC_EMBED(wc_demo_weights, "src/weights/demo.safetensors");
