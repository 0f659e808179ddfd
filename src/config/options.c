#include "config/options.h"

#include "base/str.h"
#include "config/config.h"

#include <string.h>

#define LIST(...) ((const struct wc_choice[]){__VA_ARGS__, {NULL, 0}})
#define AT(field) offsetof(struct wc_config, field)

#define HASHED WC_OPTION_HASHED
#define REQUIRED WC_OPTION_REQUIRED
#define LATER WC_OPTION_LATER

// 2^53 - 1: every integer up to it is a double and its neighbours are too, so range checks are
// exact.
#define MAX_EXACT 9007199254740991.0

static const struct wc_choice booleans[] = {
    {"false", 0}, {"true", 1}, {"False", 0}, {"True", 1}, {"FALSE", 0}, {"TRUE", 1}, {NULL, 0},
};

// The values are those of the enums that struct wc_config names: positions in its comments.
static const struct wc_option table[] = {
    {"dataset", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "The images."},
    {"dataset.name", WC_OPTION_NAME, HASHED | REQUIRED, AT(dataset.name), "null", NULL, 0, 0,
     "Layout of the data set: mvtec, visa, btad, mpdd, dagm, folder, csv, ..."},
    {"dataset.root", WC_OPTION_PATH, HASHED | REQUIRED, AT(dataset.root), "null", NULL, 0, 0,
     "Folder that holds the data set."},
    {"dataset.categories", WC_OPTION_TEXTS, HASHED, AT(dataset.categories), "all", LIST({"all", 0}),
     0, 0, "Categories to score."},
    {"dataset.normal", WC_OPTION_TEXTS, HASHED, AT(dataset.normal), "[]", NULL, 0, 0,
     "Layout folder: folders with normal test images, below root."},
    {"dataset.anomalous", WC_OPTION_TEXTS, HASHED, AT(dataset.anomalous), "[]", NULL, 0, 0,
     "Layout folder: folders with anomalous test images, below root."},
    {"dataset.references", WC_OPTION_TEXTS, HASHED, AT(dataset.references), "[]", NULL, 0, 0,
     "Layout folder: folders with the normal images that references come from, below root."},
    {"dataset.masks", WC_OPTION_TEXT, HASHED, AT(dataset.masks), "null", NULL, 0, 0,
     "Layout folder: folder with the masks, below root; empty: no pixel metrics."},
    {"dataset.object", WC_OPTION_TEXT, HASHED, AT(dataset.object), "null", NULL, 0, 0,
     "Object name in the prompts; empty: named by prompt set or category."},

    {"model", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "The CLIP model."},
    {"model.weights", WC_OPTION_WEIGHTS, HASHED | REQUIRED, AT(model.weights), "null", NULL, 0, 0,
     "Weight file, or random:ARCH[:SEED], or demo."},
    {"model.arch", WC_OPTION_TEXT, HASHED, AT(model.arch), "auto", NULL, 0, 0,
     "Architecture, such as ViT-B-16-plus-240; auto: deduced from the file."},
    {"model.json", WC_OPTION_PATH, HASHED, AT(model.json), "null", NULL, 0, 0,
     "open_clip configuration of a custom architecture."},
    {"model.bpe", WC_OPTION_PATH, HASHED, AT(model.bpe), "null", NULL, 0, 0,
     "BPE merges of the tokenizer; empty: CLIP's own, built in."},
    {"model.activation", WC_OPTION_CHOICE, HASHED, AT(model.activation), "auto",
     LIST({"auto", 0}, {"gelu", 1}, {"quickgelu", 2}), 0, 0, "Activation of the transformers."},
    {"model.interpolate", WC_OPTION_COUNT, HASHED, AT(model.interpolate), "none", LIST({"none", 0}),
     0, 4096, "Input size in pixels to interpolate the position embeddings for."},
    {"model.precision", WC_OPTION_CHOICE, HASHED, AT(model.precision), "f32",
     LIST({"f32", 0}, {"bf16", 1}, {"int8", 2}), 0, 0, "Arithmetic of the image encoder."},

    {"method", WC_OPTION_METHODS, HASHED, AT(methods), "winclip", NULL, 0, 0,
     "Methods; entries may differ in switches: {name: winclip, as: hot, tau: 0.05}."},
    {"preset", WC_OPTION_NAMES, HASHED, AT(presets), "paper",
     LIST({"paper", 0}, {"accurate", 1}, {"anomalib", 2}, {"caoyunkang", 3}), 0, 0,
     "Whose reading of the paper sets the switches below winclip."},

    {"winclip", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0,
     "Switches of WinCLIP in every entry of method; one that is not set (null) is the preset's."},
    {"winclip.tau", WC_OPTION_REAL, HASHED, AT(winclip.tau), "null", NULL, 1e-4, 1000,
     "Softmax temperature."},
    {"winclip.text_average", WC_OPTION_CHOICE, HASHED, AT(winclip.text_average), "null",
     LIST({"raw", 0}, {"normalized_each", 1}), 0, 0, "Mean of the prompts' embeddings."},
    {"winclip.prompts", WC_OPTION_CHOICE, HASHED, AT(winclip.prompts), "null",
     LIST({"t22", 0}, {"t21", 1}, {"t22np", 2}), 0, 0,
     "Templates: 22 with a final period, 21 with a duplicate, 22 without a period."},
    {"winclip.probability", WC_OPTION_CHOICE, HASHED, AT(winclip.probability), "null",
     LIST({"abnormal", 0}, {"normal", 1}), 0, 0, "The part of the softmax that is averaged."},
    {"winclip.aggregation", WC_OPTION_CHOICE, HASHED, AT(winclip.aggregation), "null",
     LIST({"harmonic", 0}, {"arithmetic", 1}, {"arithmetic_inverse", 2}), 0, 0,
     "Windows to patches, zero-shot (equation 3)."},
    {"winclip.scale_fusion", WC_OPTION_CHOICE, HASHED, AT(winclip.scale_fusion), "null",
     LIST({"harmonic", 0}, {"arithmetic", 1}, {"inverse_mean", 2}), 0, 0, "Across scales."},
    {"winclip.image_scale", WC_OPTION_CHOICE, HASHED, AT(winclip.image_scale), "null",
     LIST({"0", 0}, {"1", 1}, {"false", 0}, {"true", 1}), 0, 0,
     "Does the image's score take part in the map?"},
    {"winclip.windows", WC_OPTION_INTEGERS, HASHED, AT(winclip.windows), "null", NULL, 0, 64,
     "Window sides in patches; [0]: none."},
    {"winclip.reference_patch", WC_OPTION_CHOICE, HASHED, AT(winclip.reference_patch), "null",
     LIST({"none", 0}, {"pre", 1}, {"post", 2}, {"proj", 3}), 0, 0,
     "Reference patch tokens: before or after ln_post, or projected."},
    {"winclip.reference_windows", WC_OPTION_INTEGERS, HASHED, AT(winclip.reference_windows), "null",
     NULL, 0, 64, "Window sides compared with the references; [0]: none."},
    {"winclip.reference_aggregation", WC_OPTION_CHOICE, HASHED, AT(winclip.reference_aggregation),
     "null", LIST({"harmonic", 0}, {"arithmetic", 1}), 0, 0,
     "Windows to patches, reference association."},
    {"winclip.reference_shifted", WC_OPTION_CHOICE, HASHED, AT(winclip.reference_shifted), "null",
     LIST({"0", 0}, {"1", 1}, {"false", 0}, {"true", 1}), 0, 0,
     "First 3x3 window against the 2x2 bank (caoyunkang's code)."},
    {"winclip.map_fusion", WC_OPTION_CHOICE, HASHED, AT(winclip.map_fusion), "null",
     LIST({"mean", 0}, {"sum", 1}, {"harmonic", 2}, {"parallel", 3}), 0, 0,
     "Text map with reference map, few-shot."},
    {"winclip.map_zero", WC_OPTION_CHOICE, HASHED, AT(winclip.map_zero), "null",
     LIST({"full", 0}, {"half", 1}), 0, 0, "Text map, zero-shot: as it is or halved."},
    {"winclip.image_score", WC_OPTION_CHOICE, HASHED, AT(winclip.image_score), "null",
     LIST({"softmax", 0}, {"map_max", 1}), 0, 0,
     "Image score: of the image, or the map's maximum."},
    {"winclip.few_shot_score", WC_OPTION_CHOICE, HASHED, AT(winclip.few_shot_score), "null",
     LIST({"both", 0}, {"text", 1}, {"reference", 2}), 0, 0,
     "Few-shot image score: equation 6, or one of its halves."},
    {"winclip.multi_crop", WC_OPTION_CHOICE, HASHED, AT(winclip.multi_crop), "null",
     LIST({"none", 0}, {"five", 1}, {"ten", 2}), 0, 0, "Crops that the image score averages."},
    {"winclip.crop_average", WC_OPTION_CHOICE, HASHED, AT(winclip.crop_average), "null",
     LIST({"embedding", 0}, {"score", 1}), 0, 0, "What is averaged over the crops."},

    {"backbone", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0,
     "The ImageNet network of patchcore, padim and spade."},
    {"backbone.weights", WC_OPTION_WEIGHTS, HASHED | LATER, AT(backbone.weights), "null", NULL, 0,
     0, "Weight file in torchvision's or timm's names, or random:NAME[:SEED]."},
    {"backbone.arch", WC_OPTION_TEXT, HASHED | LATER, AT(backbone.arch), "auto", NULL, 0, 0,
     "Network, such as wide_resnet50_2; auto: deduced from the file."},
    {"patchcore", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "Options of PatchCore."},
    {"patchcore.coreset", WC_OPTION_REAL, HASHED | LATER, AT(patchcore.coreset), "0.1", NULL, 1e-6,
     1, "Part of the normal patches that the greedy coreset keeps."},
    {"patchcore.projection", WC_OPTION_COUNT, HASHED | LATER, AT(patchcore.projection), "128", NULL,
     0, 65536, "Dimensions of the random projection while it is chosen; 0: none."},
    {"patchcore.neighbours", WC_OPTION_COUNT, HASHED | LATER, AT(patchcore.neighbours), "9", NULL,
     1, 65536, "Neighbours that weigh the image score (equation 7); 1: none."},
    {"padim", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "Options of PaDiM."},
    {"padim.dimensions", WC_OPTION_COUNT, HASHED | LATER, AT(padim.dimensions), "auto",
     LIST({"auto", 0}), 0, 65535,
     "Random subset of the features; auto: 100, or 550 of bottleneck networks."},
    {"padim.epsilon", WC_OPTION_REAL, HASHED | LATER, AT(padim.epsilon), "0.01", NULL, 1e-9, 1e9,
     "Added to the covariance's diagonal."},
    {"spade", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "Options of SPADE."},
    {"spade.neighbours", WC_OPTION_COUNT, HASHED | LATER, AT(spade.neighbours), "50", NULL, 1,
     65536, "Nearest normal images that a picture is compared with."},

    {"prompts", WC_OPTION_PATH, HASHED, AT(prompts), "null", NULL, 0, 0,
     "Prompt set; empty: the paper's, built in."},
    {"shots", WC_OPTION_INTEGERS, HASHED, AT(shots), "[0]", NULL, 0, 1e6,
     "Numbers of normal reference images, all in one pass; 0: zero-shot."},
    {"seeds", WC_OPTION_INTEGERS, HASHED, AT(seeds), "[0]", NULL, 0, MAX_EXACT,
     "Seeds of the draws of reference images."},
    {"references", WC_OPTION_PATH, HASHED, AT(references), "random",
     LIST({"random", 0}, {"first", 1}), 0, 0,
     "From where: drawn by seed, first by name, or a CSV or folder of them."},

    {"preprocess", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0,
     "From pictures to the model's input."},
    {"preprocess.tiling", WC_OPTION_CHOICE, HASHED, AT(preprocess.tiling), "tiles",
     LIST({"tiles", 0}, {"shortest_crop", 1}, {"squash", 2}, {"center_crop", 1}), 0, 0,
     "Pictures that are not square: tiles, centre crop, or squashed."},
    {"preprocess.exif", WC_OPTION_BOOL, HASHED, AT(preprocess.exif_apply), "ignore",
     LIST({"ignore", 0}, {"apply", 1}), 0, 0, "The orientation that a camera noted in a JPEG."},
    {"preprocess.max_pixels", WC_OPTION_COUNT, HASHED, AT(preprocess.max_pixels), "auto",
     LIST({"auto", 0}), 0, 1099511627776.0,
     "Larger pictures are refused; auto: the decoder's limit."},

    {"evaluation", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "Metrics."},
    {"evaluation.size", WC_OPTION_COUNT, HASHED, AT(evaluation.size), "native", LIST({"native", 0}),
     0, 65536, "Side of the maps that are scored; native: the mask's size."},
    {"evaluation.fpr_limit", WC_OPTION_REALS, HASHED, AT(evaluation.fpr_limit), "0.3", NULL, 1e-6,
     1, "False positive rates up to which AUPRO integrates, all in one pass."},
    {"evaluation.tolerance", WC_OPTION_REAL, HASHED, AT(evaluation.tolerance), "1e-06", NULL, 1e-12,
     1, "Largest certified error of a pixel metric."},
    {"evaluation.exact_pixels", WC_OPTION_COUNT, HASHED | LATER, AT(evaluation.exact_pixels),
     "2000000", NULL, 0, 1e8,
     "Categories of at most so many pixels are sorted; others go by histograms."},

    {"output", WC_OPTION_PATH, WC_OPTION_OUTPUT, AT(output), "null", NULL, 0, 0,
     "Run directory, from the current directory; empty: runs/<name of the file>."},
    {"save_maps", WC_OPTION_CHOICE, 0, AT(save_maps), "none",
     LIST({"none", WC_MAPS_NONE}, {"png", WC_MAPS_PNG}, {"overlay", WC_MAPS_OVERLAY},
          {"f16", WC_MAPS_F16}),
     0, 0, "Heat maps to write, at the pictures' own size, into the run directory's maps/."},
    {"save_maps_of", WC_OPTION_COUNT, 0, AT(save_maps_of), "all",
     LIST({"all", WC_MAPS_OF_ALL}, {"failures", WC_MAPS_OF_FAILURES}), 1, 999999,
     "Of which images: all, misjudged ones, or the N highest scores of each category."},
    {"bootstrap", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0,
     "Confidence intervals of the image metrics, by resampling the images."},
    {"bootstrap.replicates", WC_OPTION_COUNT, 0, AT(bootstrap.replicates), "0", NULL, 0, 1e6,
     "How often the images are drawn again; 0: no intervals."},
    {"bootstrap.level", WC_OPTION_REAL, 0, AT(bootstrap.level), "0.95", NULL, 0.001, 0.999,
     "What the intervals cover."},
    {"bootstrap.seed", WC_OPTION_COUNT, 0, AT(bootstrap.seed), "0", NULL, 0, MAX_EXACT,
     "Seed of these draws."},
    {"features", WC_OPTION_CHOICE, 0, AT(features), "keep",
     LIST({"keep", WC_FEATURES_KEEP}, {"temporary", WC_FEATURES_TEMPORARY}), 0, 0,
     "Features of the reference images: kept for later runs, or removed after the run."},
    {"features_dir", WC_OPTION_PATH, WC_OPTION_OUTPUT, AT(features_dir), "null", NULL, 0, 0,
     "Folder of these features, from the current directory; empty: in the run directory."},
    {"features_max_mb", WC_OPTION_COUNT, 0, AT(features_max_mb), "20000", NULL, 0, 1e9,
     "Megabytes (1e6 bytes) that these features may take."},
    {"threads", WC_OPTION_COUNT, 0, AT(threads), "auto", LIST({"auto", 0}), 0, 4096,
     "Threads of each rank."},
    {"isa", WC_OPTION_TEXT, 0, AT(isa), "auto",
     LIST({"auto", 0}, {"scalar", 1}, {"avx2", 2}, {"avx512", 3}), 0, 0,
     "Instruction set of the kernels."},
    {"gemm", WC_OPTION_NAME, 0, AT(gemm), "auto", NULL, 0, 0,
     "Matrix product library: auto, openblas or onednn."},
    {"on_bad_image", WC_OPTION_CHOICE, 0, AT(on_bad_image), "fail",
     LIST({"fail", WC_BAD_IMAGE_FAIL}, {"skip", WC_BAD_IMAGE_SKIP}), 0, 0,
     "The rest is scored; then exit code 4 (fail) or 0 (skip)."},
    {"journal", WC_OPTION_SECTION, 0, 0, NULL, NULL, 0, 0, "The record of finished images."},
    {"journal.sync_s", WC_OPTION_REAL, 0, AT(journal_sync_s), "30", NULL, 0, 86400,
     "Seconds between syncs of the journal: the work that a power cut can cost."},
    {"allow_singleton", WC_OPTION_BOOL, 0, AT(allow_singleton), "false", booleans, 0, 0,
     "Run although Slurm started several tasks of which MPI sees one."},
};

enum { N_OPTIONS = sizeof(table) / sizeof(table[0]) };

const struct wc_option *wc_options(size_t *n) {
    *n = N_OPTIONS;
    return table;
}

const struct wc_option *wc_option_find(const char *key) {
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    }
    return NULL;
}

static const char *leaf(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

static bool same_section(const char *a, const char *b) {
    size_t n = (size_t)(leaf(a) - a);
    return (size_t)(leaf(b) - b) == n && strncmp(a, b, n) == 0;
}

const char *wc_option_nearest(const char *key) {
    // The right word in the wrong section is the likeliest slip, then a misspelt one.
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(leaf(table[i].key), leaf(key)) == 0)
            return table[i].key;
    }
    // The whole key; in the same section a long common prefix must not make any two words alike.
    const char *names[N_OPTIONS];
    for (size_t i = 0; i < N_OPTIONS; i++)
        names[i] = table[i].key;
    const char *nearest = wc_str_nearest(key, names, N_OPTIONS),
               *word = nearest ? leaf(nearest) : "";
    if (nearest && (!same_section(nearest, key) || wc_str_nearest(leaf(key), &word, 1)))
        return nearest;

    // Misspelt and in the wrong section: "siz" for "evaluation.size".
    for (size_t i = 0; i < N_OPTIONS; i++)
        names[i] = leaf(table[i].key);
    nearest = wc_str_nearest(leaf(key), names, N_OPTIONS);
    for (size_t i = 0; nearest && i < N_OPTIONS; i++) {
        if (names[i] == nearest)
            return table[i].key;
    }
    return NULL;
}

const struct wc_choice *wc_choice_find(const struct wc_choice *choices, const char *name) {
    for (const struct wc_choice *c = choices; c && c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

const char *wc_choice_name(const struct wc_choice *choices, int value) {
    for (const struct wc_choice *c = choices; c && c->name; c++) {
        if (c->value == value)
            return c->name;
    }
    return NULL;
}
