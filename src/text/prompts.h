/*
 * Prompt sets: states x templates from a YAML file (prompts/winclip.yaml), for one object name.
 *
 *     name: winclip
 *     states:    {normal: ["{}", "flawless {}", ...], abnormal: ["damaged {}", ...]}
 *     templates: ["a cropped photo of the {}.", ...]
 *     period: keep                    # keep | add | strip: the final period of every template
 *     objects:   {pcb1: "printed circuit board", ...}     # category -> object name; default: "_"
 * read as a space overrides: {category: {states: {...}}}              # states of one category
 * (task-specific words)
 *
 * Prompts come state-major: all templates of state 1, then of state 2. Errors: WC_ERR_CONFIG with
 * file, line, column.
 */
#ifndef WC_TEXT_PROMPTS_H
#define WC_TEXT_PROMPTS_H

#include "base/err.h"
#include "base/str.h"

struct wc_prompts;

enum wc_err wc_prompts_read(const char *path, struct wc_prompts **out,
                            struct wc_error *err); // NULL path: built in
void wc_prompts_free(struct wc_prompts **p);

const char *wc_prompts_name(const struct wc_prompts *p);
const char *wc_prompts_sha256(
    const struct wc_prompts *p); // hex, of the canonical content (not the file's layout)

// Object name of a category: the set's own, else the category with "_" read as a space. Into *name
// (wc_free()).
enum wc_err wc_prompts_object(const struct wc_prompts *p, const char *category, char **name,
                              struct wc_error *err);

// All prompts for an object; `category` picks overrides and may be NULL. Lists are appended to.
enum wc_err wc_prompts_expand(const struct wc_prompts *p, const char *category, const char *object,
                              struct wc_strlist *normal, struct wc_strlist *abnormal,
                              struct wc_error *err);

#endif
