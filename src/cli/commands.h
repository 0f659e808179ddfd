/*
 * The commands, one source a command; main.c has the table.
 */
#ifndef WC_CLI_COMMANDS_H
#define WC_CLI_COMMANDS_H

#include "cli/args.h"

extern const struct wc_command wc_command_run, wc_command_check, wc_command_bench,
    wc_command_features, wc_command_image, wc_command_metrics, wc_command_model, wc_command_prompts,
    wc_command_tokenize, wc_command_score, wc_command_report, wc_command_status, wc_command_demo,
    wc_command_help;

// main.c: all commands, in the order of the help.
const struct wc_command *const *wc_commands(size_t *n);
void wc_print_help(void);

// What is read at most; larger files are refused by name. The numbers are those of the modules'
// headers and sources.
#define WC_LIMITS_TEXT                                                                             \
    "pictures: 1e9 pixels (preprocess.max_pixels) and 4 GiB a file; "                              \
    "safetensors: a header of 100 MB, 8 levels; PyTorch: a pickle of 64 MiB, stored entries "      \
    "alone; configurations and prompts: 1 MiB of YAML, 16 levels; splits: 64 MiB, 64 columns; "    \
    "merges: 16 MiB unpacked; journals: 64 MiB a record"

#endif
