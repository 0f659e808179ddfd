#include "text/embed.h"

WC_EMBED(wc_prompts_yaml, "prompts/winclip.yaml");
