/*
 * VisA (Zou et al., ECCV 2022): the tree as published, split by split_csv/1cls.csv,
 *
 *     ROOT/candle/Data/Images/Normal/0000.JPG      ROOT/candle/Data/Images/Anomaly/000.JPG
 *     ROOT/candle/Data/Masks/Anomaly/000.png       ROOT/split_csv/1cls.csv
 *
 * or the tree that its authors' script makes of it, which is like MVTec AD's with the defect "bad";
 * ROOT may be that tree's top or its folder 1cls.
 */
#include "dataset/layout.h"

#include "base/alloc.h"
#include "base/io.h"

static enum wc_err list_raw(const char *file, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err) {
    struct wc_ds_split split = {
        .file = file, .root = options->root, .below_category = true, .bad = "bad"};
    return wc_ds_list_split(&split, options, out, err);
}

enum wc_err wc_ds_list_visa(const void *tree, const struct wc_dataset_options *options,
                            struct wc_dataset *out, struct wc_error *err) {
    char *file = NULL, *prepared = NULL;
    enum wc_err rc = wc_ds_join3(&file, options->root, "split_csv", "1cls.csv", err);
    if (rc == WC_OK)
        rc = wc_ds_join(&prepared, options->root, "1cls", err);
    if (rc == WC_OK && wc_io_exists(file))
        rc = list_raw(file, options, out, err);
    else if (rc == WC_OK && wc_ds_has_dir(options->root, "split_csv"))
        rc = WC_FAULT(err, WC_ERR_DATA, "not-found", "%s: no such file; is the data set complete?",
                      file);
    else if (rc == WC_OK)
        rc = wc_ds_list_tree_at(tree, wc_io_is_dir(prepared) ? prepared : options->root, options,
                                out, err);
    wc_free(file);
    wc_free(prepared);
    return rc;
}
