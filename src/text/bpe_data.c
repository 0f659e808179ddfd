#include "text/embed.h"

// CLIP's merges, unchanged (MIT licence, see NOTICE).
WC_EMBED(wc_bpe_gz, "prompts/bpe_simple_vocab_16e6.txt.gz");
