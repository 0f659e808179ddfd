/*
 * Private to sched: which normal images a run takes as references.
 *
 * For every category a list of distinct images and, for each seed, the order in which they are
 * drawn; shot k is the first k, so draws nest over shots. The configuration's `references` names
 * the source:
 *     random         Fisher-Yates over the category's training images (base/rng.h), stream =
 *                    FNV-1a 64 of the category's name
 *     first          the first k training images by name, for every seed
 *     FILE.csv       category,seed,order,image: the named images in that order; a seed without
 *                    rows takes the first seed's
 *     FOLDER         FOLDER/<category>/ (else FOLDER itself): its images by name, for every seed
 *     *.safetensors  banks (`features --bank`), for every seed; or a FOLDER that holds
 *                    <category>.safetensors
 */
#ifndef WC_SCHED_DRAWS_H
#define WC_SCHED_DRAWS_H

#include "config/config.h"
#include "dataset/dataset.h"
#include "method/plan.h"

struct wc_drawn {
    char *path;     // of the image, or of the bank
    char *image;    // as references.csv shows it: relative to the category's folder where it lies
                    // below it
    int64_t i_bank; // index in a bank; -1: an image
};

struct wc_draw {
    struct wc_drawn *image; // (n) distinct
    size_t n, cap;
    size_t *order; // (n_seeds, n_draw)
    size_t n_draw; // images a seed: the plan's largest shot
};

struct wc_draws {
    struct wc_draw *category; // (n_categories)
    size_t n_categories, n_seeds;
};

// Errors: WC_ERR_DATA or WC_ERR_CONFIG, more shots than images (the text says how many there are),
// files of the source.
enum wc_err wc_draws_make(const struct wc_config *config, const struct wc_dataset *dataset,
                          const struct wc_plan *plan, struct wc_draws *out, struct wc_error *err);
void wc_draws_release(struct wc_draws *d);

// references.csv: category,seed,order,image.
enum wc_err wc_draws_csv(const struct wc_draws *d, const struct wc_dataset *dataset,
                         const struct wc_plan *plan, struct wc_buf *out, struct wc_error *err);

#endif
