/*
 * Configuration: YAML and `--set` into one struct, driven by one option table (config/options.h).
 *
 * Rules: unknown keys are errors with line, column and the nearest known key; ${ENV} is expanded in
 * strings (unset: an error that names the variable, unless --set replaces the value); "$${" is a
 * literal "${"; paths are relative to the configuration file, also in --set, and absolute once
 * read, except `output` and `features_dir`, which are relative to the current directory. An empty
 * value is the default.
 * Errors are WC_ERR_CONFIG, `file:line:column: key "x": ...`, with the faults of base/yaml.h's
 * reader and unknown-key, missing-key, duplicate-key, duplicate, type, conflict, variable.
 * Not thread-safe: it reads the environment.
 */
#ifndef WC_CONFIG_CONFIG_H
#define WC_CONFIG_CONFIG_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_yaml; // base/yaml.h

#define WC_MAX_LIST 64
#define WC_MAX_METHODS 256 // entries of `method`

struct wc_int_list {
    size_t n;
    int64_t item[WC_MAX_LIST];
};

#define WC_MAX_REALS 8

struct wc_real_list {
    size_t n;
    double item[WC_MAX_REALS];
};

// Enumerated switches; the names are in the option table and in --help.
enum wc_on_bad_image { WC_BAD_IMAGE_FAIL, WC_BAD_IMAGE_SKIP }; // score the rest; exit code 4, or 0
enum wc_save_maps { WC_MAPS_NONE, WC_MAPS_PNG, WC_MAPS_OVERLAY, WC_MAPS_F16 };
#define WC_MAPS_OF_ALL 0
#define WC_MAPS_OF_FAILURES 1000000 // images on the wrong side of the F1-max threshold
enum wc_keep_features { WC_FEATURES_KEEP, WC_FEATURES_TEMPORARY };

/*
 * Switches of WinCLIP (design, section 4). A preset sets them all; a key under `winclip:` changes
 * one. A switch that the configuration leaves to the preset has the value WC_FROM_PRESET (enums),
 * NaN (floats).
 */
#define WC_FROM_PRESET (-1)
struct wc_winclip_switches {
    double tau;       // softmax temperature
    int text_average; // enum wc_text_average: raw | normalized_each
    int prompts;      // enum wc_prompt_list: t22 | t21 | t22np (see method/winclip.h)
    int probability;  // enum: abnormal | normal
    int aggregation;  // windows to patches, zero-shot: harmonic | arithmetic | arithmetic_inverse
    int scale_fusion; // across scales: harmonic | arithmetic | inverse_mean
    int image_scale;  // 0 | 1: the image score takes part in the map
    struct wc_int_list windows; // window sides; n == 0: from preset; one 0: no windows
    int reference_patch;        // none | pre | post | proj: which patch tokens stand for F^P
    struct wc_int_list reference_windows; // sides of the reference association, as windows
    int reference_aggregation;            // harmonic | arithmetic
    int reference_shifted; // 0 | 1: the first 3x3 window meets the 2x2 bank (caoyunkang)
    int map_fusion;        // k > 0: mean | sum | harmonic | parallel
    int map_zero;          // k = 0: full | half
    int image_score;       // softmax | map_max
    int few_shot_score;    // both (equation 6) | text | reference
    int multi_crop;        // none | five | ten
    int crop_average;      // embedding | score
};

/*
 * One entry of `method`: a name, or a map of `name`, `as`, `variants`, `preset`, `shots`,
 * `prompt_set` and any key of the section `winclip`. No two entries have the same name and the same
 * label.
 */
struct wc_method_entry {
    char *name;
    char *label;                // `as`: up to 32 of a-z, 0-9, "_", "-", ".", "+"; NULL: none
    struct wc_strlist variants; // names; empty: all of the method's
    struct wc_strlist presets;  // names; empty: the configuration's
    struct wc_int_list shots;   // n == 0: the configuration's
    char *prompt_set;           // path; NULL: the configuration's `prompts`
    struct wc_winclip_switches winclip; // those that the entry sets itself
};

struct wc_method_list {
    struct wc_method_entry *item;
    size_t n, cap;
};

// What `over` leaves to the preset is `base`'s. *out may be either of them. Thread-safe.
void wc_winclip_merge(const struct wc_winclip_switches *base,
                      const struct wc_winclip_switches *over, struct wc_winclip_switches *out);

struct wc_config {
    char *path; // of the file, or NULL
    struct {
        // masks, normal, anomalous and references stay as written: they are names below root
        char *name, *root, *masks, *object;
        struct wc_strlist categories, normal, anomalous, references; // categories empty: all
    } dataset;
    struct {
        char *weights, *arch, *json,
            *bpe; // arch "auto"; json: an open_clip configuration; bpe: merges; both may be NULL
        int activation;       // enum: auto | gelu | quickgelu
        uint64_t interpolate; // input size to interpolate the positions for; 0: the file's own
        int precision;        // enum: f32 | bf16 | int8
    } model;
    struct {
        char *weights, *arch; // of ImageNet methods; NULL: none; arch "auto"
    } backbone;
    struct wc_method_list methods;
    struct wc_strlist presets;          // names
    struct wc_winclip_switches winclip; // of all methods; an entry's own switches win
    char *prompts;                      // path; NULL: the built-in set
    struct wc_int_list shots, seeds;
    char
        *references; // "random", "first" or the path of a CSV (category,seed,order,image) or folder
    // Options of the few-shot classics (method/patchcore.c, padim.c, spade.c).
    struct {
        double coreset;      // part of the patches that stays
        uint64_t projection; // dimensions while it is chosen; 0: all
        uint64_t neighbours; // of equation 7
    } patchcore;
    struct {
        uint64_t dimensions; // 0: by the backbone
        double epsilon;
    } padim;
    struct {
        uint64_t neighbours;
    } spade;
    struct {
        int tiling; // enum wc_tile_mode
        bool exif_apply;
        uint64_t max_pixels;
    } preprocess;
    struct {
        uint64_t size; // 0: native
        struct wc_real_list fpr_limit;
        double tolerance;      // of the certified bound
        uint64_t exact_pixels; // of a category, up to which there is no bound
    } evaluation;
    char *output;          // NULL only when no file was read: else runs/<its name without suffix>
    int save_maps;         // enum wc_save_maps
    uint64_t save_maps_of; // images a category, of the highest scores; or one of the two below
    struct {
        uint64_t replicates; // 0: no intervals
        double level;
        uint64_t seed;
    } bootstrap;
    int features;       // enum wc_keep_features: the references' features, after the run
    char *features_dir; // relative to the current directory; NULL: in the run directory
    uint64_t features_max_mb;
    uint64_t threads; // 0: auto
    char *isa, *gemm; // "auto" or a name
    int on_bad_image;
    double journal_sync_s;
    bool allow_singleton; // a Slurm job of several tasks in which MPI sees one rank
};

enum wc_err wc_config_init(struct wc_config *c, struct wc_error *err); // defaults
void wc_config_release(struct wc_config *c);                           // zeroed is fine

// Reads a file into a config that has its defaults, then applies `sets` ("key.path=value", YAML
// values) in order, then validates. `sets` may be NULL; so may `path`: then nothing is required and
// paths start from the current directory. After a failure c holds part of the values and can only
// be released.
enum wc_err wc_config_read(const char *path, const struct wc_strlist *sets, struct wc_config *c,
                           struct wc_error *err);

// The same from several layers, of which a later one's keys replace an earlier one's. The last
// one's path stands for the file: `--set` and the default of `output` go by it.
struct wc_config_layer {
    const char *path;          // a file, whose folder relative paths start from
    const struct wc_yaml *map; // the part of it that holds keys of a configuration; NULL: all
};
enum wc_err wc_config_read_layers(const struct wc_config_layer *layer, size_t n,
                                  const struct wc_strlist *sets, struct wc_config *c,
                                  struct wc_error *err);

// The effective configuration as YAML, every key with its value, in table order: reading it again
// gives the same struct. The same text with `for_hash` leaves out what cannot change a result
// (output, threads, ...), and keys that the table came to have later while they hold their
// defaults.
enum wc_err wc_config_dump(const struct wc_config *c, bool for_hash, struct wc_buf *out,
                           struct wc_error *err);

// Keys whose values differ between two dumps, as "key: a -> b" lines.
enum wc_err wc_config_diff(const char *dump_a, const char *dump_b, struct wc_strlist *out,
                           struct wc_error *err);

// "run" section of --help: every key, type, default, help.
enum wc_err wc_config_help(struct wc_buf *out, struct wc_error *err);

#endif
