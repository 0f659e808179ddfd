/*
 * The demo's photos as a data set in MVTec AD's layout:
 *
 *     DIR/dataset.json                       what this is: split, seed, numbers
 *     DIR/metal_nut_1/train/good/000.png     and test/good/, test/crack/, ...
 *     DIR/metal_nut_1/ground_truth/crack/000_mask.png
 *
 * One folder a product: metal_nut_1, metal_nut_2, ...; photos of one product differ in place, turn,
 * grain, light, blur and noise. The same numbers give the same pixels on every machine.
 */
#ifndef WC_DEMO_DATASET_H
#define WC_DEMO_DATASET_H

#include "base/err.h"
#include "base/str.h"
#include "demo/generator.h"

struct wc_demo_set {
    enum wc_demo_split split;
    uint64_t seed;
    size_t n_products;   // of each category
    size_t per_category; // of each product: so many for reference, so many good and so many damaged
                         // ones to test
};

const char *wc_demo_split_name(enum wc_demo_split split); // "train", "held-out"

// Makes DIR and writes its dataset.json. A folder that holds another data set, or anything else, is
// WC_ERR_DATA; the same data set is gone on with.
enum wc_err wc_demo_begin(const struct wc_demo_set *set, const char *dir, struct wc_error *err);

// Writes the photos that are not there yet, part i_part of n_parts, with OpenMP's threads. Parts
// may be written at the same time by several processes.
enum wc_err wc_demo_write(const struct wc_demo_set *set, const char *dir, size_t i_part,
                          size_t n_parts, struct wc_error *err);

// The n_products * categories folders: name, category and whether it is a texture.
size_t wc_demo_n_folders(const struct wc_demo_set *set);
void wc_demo_folder(const struct wc_demo_set *set, size_t i, char *name, size_t n_name,
                    size_t *category);

// Pixel AUROC of a "map" that knows no picture: the nearer the centre, the more anomalous. What a
// pixel AUROC has to beat on objects, which lie in the middle.
enum wc_err wc_demo_centre_auroc(const struct wc_demo_set *set, size_t i_folder, double *auroc,
                                 struct wc_error *err);

#endif
