#include "text/embed.h"

WC_EMBED(wc_prompts_yaml, "prompts/winclip.yaml");
WC_EMBED(wc_clip_ac_yaml, "prompts/clip_ac.yaml");
WC_EMBED(wc_imagenet80_yaml, "prompts/imagenet80.yaml");
