/*
 * Prompt sets: states x templates from a YAML file (prompts/winclip.yaml), for one object name.
 *
 *     name: winclip                   # for reports; default: the file's name
 *     states: {normal: ["{}", "flawless {}", ...], abnormal: ["damaged {}", ...]}
 *     templates: ["a cropped photo of the {}.", ...]
 *     template_lists: {t22: [...], t21: [...]}   # instead of templates: several lists by name
 *     default_list: t22               # the one taken for NULL; default: the first
 *     period: keep                    # keep | add | strip: the final period of every template
 *     objects: {pcb1: "printed circuit board"}   # category -> object name; default: "_" read as a
 *                                                # space
 *     overrides:                      # task-specific words of one category
 *       pcb1: {states: {abnormal: [...]},        # instead of the set's own states
 *              extra_states: {abnormal: [...]}}  # after them
 *
 * Every state and template holds "{}" exactly once: a template's place is for the state, a state's
 * for the object. A set with `templates` has one list, which serves whatever name is asked for;
 * with `template_lists` an unknown name is an error. Prompts come state-major: all templates of
 * state 1, then of state 2.
 *
 * Errors: WC_ERR_CONFIG with file, line, column. A set is immutable, so all functions are
 * thread-safe.
 */
#ifndef WC_TEXT_PROMPTS_H
#define WC_TEXT_PROMPTS_H

#include "base/err.h"
#include "base/str.h"

struct wc_prompts;

// NULL path, or "builtin:winclip", "builtin:clip_ac", "builtin:imagenet80": embedded.
enum wc_err wc_prompts_read(const char *path, struct wc_prompts **out, struct wc_error *err);
void wc_prompts_free(struct wc_prompts **p);

const char *wc_prompts_name(const struct wc_prompts *p);

// Hex, of the canonical content: neither the file's layout, nor the order of keys, nor the set's
// name changes it.
const char *wc_prompts_sha256(const struct wc_prompts *p);

// The list of every set that holds the states alone, without a template (paper, table 3).
#define WC_PROMPTS_BARE "bare"

// Is there a template list of that name? NULL and sets with one nameless list: always.
enum wc_err wc_prompts_check_list(const struct wc_prompts *p, const char *list,
                                  struct wc_error *err);

// Object name of a category: the set's own, else the category with "_" read as a space. Into *name
// (wc_free()).
enum wc_err wc_prompts_object(const struct wc_prompts *p, const char *category, char **name,
                              struct wc_error *err);

// All prompts for an object; `category` picks overrides and may be NULL, `list` picks the templates
// (NULL: the set's default list). Lists are appended to; after a failure they hold a part.
enum wc_err wc_prompts_expand(const struct wc_prompts *p, const char *list, const char *category,
                              const char *object, struct wc_strlist *normal,
                              struct wc_strlist *abnormal, struct wc_error *err);

#endif
