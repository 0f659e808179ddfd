/*
 * Private to src/winclip: what lies behind the handles of include/winclip.h.
 */
#ifndef WC_WINCLIP_HANDLES_H
#define WC_WINCLIP_HANDLES_H

#include "winclip.h"

#include "config/config.h"
#include "method/plan.h"
#include "method/prototypes.h"
#include "method/reference_file.h"
#include "method/scorer.h"
#include "model/model.h"
#include "text/tokenizer.h"

// The last error of a handle. Code WC_OK: none.
struct wc_handle_error {
    struct wc_error error;
    char text[1200]; // with the fault word
};
// Keeps what a call ended with, and returns it as the API's status.
enum winclip_status wc_handle_set(struct wc_handle_error *e, enum wc_err rc,
                                  const struct wc_error *err);

struct winclip_model {
    struct wc_config config; // the model's settings
    struct wc_model *model;  // NULL: not open
    struct wc_tokenizer *tokenizer;
    struct wc_handle_error error;
};

struct winclip_prototypes {
    const struct wc_model *model;
    struct wc_recipe recipe;
    char prompts_sha256[65];
    float *value; // (2, e): normal, abnormal
};

// Pictures of a bank are of two origins: encoded here, or mapped from a file.
struct winclip_bank {
    const struct wc_model *model;
    enum wc_tile_mode tile_mode;
    bool exif_apply;
    struct wc_request request; // kinds and window sides of every reference
    struct wc_reference_features *own;
    size_t n_own, cap_own;
    struct wc_reference *view; // (n)
    size_t n, cap;
    struct wc_weights *file; // or NULL
};

struct winclip_scorer {
    const struct wc_model *model; // NULL: not ready
    const struct wc_tokenizer *tokenizer;
    struct wc_config config; // the scorer's settings
    struct wc_plan plan;     // one variant
    struct wc_scorer *scorer;
    struct wc_prompt_sets prompts;
    enum wc_tile_mode tile_mode;
    unsigned want; // of references, by the variant; a bank wants all kinds
    char sha256[65];
    struct wc_reference *view; // a bank's references in the order of this plan's windows
    size_t *draw;
    size_t cap_view, cap_draw;
    struct wc_result result; // of the last picture; score NULL: none
    void (*progress)(void *);
    void *progress_data;
    struct wc_handle_error error;
};

#define WC_BANK_WANT (WC_WANT_WINDOWS | WC_WANT_PATCH | WC_WANT_PATCH_POST | WC_WANT_PATCH_PROJ)

// settings.c: reads "KEY=VALUE" texts into a configuration with defaults. `allowed`: keys, or
// prefixes that end with a dot, NULL at the end.
enum wc_err wc_settings_read(const char *const *settings, const char *const *allowed,
                             struct wc_config *out, struct wc_error *err);

// Is the scorer ready for a call? Forgets the last picture's result.
enum wc_err wc_scorer_begin(winclip_scorer *s, struct wc_error *err);

// A view of the caller's pixels as an image, copied to *copy (to be released) only when rows are
// not packed.
enum wc_err wc_pixels_view(const unsigned char *rgb, size_t width, size_t height,
                           size_t stride_bytes, struct wc_image *view, struct wc_image *copy,
                           struct wc_error *err);

// bank.c: points s->view at the bank's references, in the order of the scorer's windows.
enum wc_err wc_bank_point(winclip_scorer *s, const winclip_bank *bank, struct wc_error *err);

#endif
