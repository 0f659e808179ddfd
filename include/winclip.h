/*
 * libwinclip: WinCLIP and WinCLIP+ (Jeong et al., CVPR 2023) on the pictures of your own program.
 *
 *     winclip_model *model;
 *     winclip_scorer *scorer;
 *     winclip_prototypes *nut;
 *     double score;
 *     if (winclip_model_open("clip.safetensors", NULL, &model) != WINCLIP_OK)
 *         fail(winclip_model_error(model));
 *     if (winclip_scorer_new(model, NULL, &scorer) != WINCLIP_OK ||
 *         winclip_prototypes_new(scorer, "metal nut", NULL, &nut) != WINCLIP_OK ||
 *         winclip_score_rgb8(scorer, nut, NULL, rgb, width, height, 3 * width, &score, map, width,
 *                            height) != WINCLIP_OK)
 *         fail(winclip_scorer_error(scorer));
 *
 * Compile with `pkg-config --cflags --libs winclip` (static: `--static`). The program `winclip-mpi
 * score` is made of these functions. There is no MPI in the library; it prints nothing, never calls
 * exit, and catches no signals.
 *
 * Handles. A model holds the weights; a scorer the working memory, the settings and the text of the
 * last error; prototypes are an object's two text directions; a bank is the features of normal
 * reference pictures. Free in any order, but a model outlives what was made with it. Every _free()
 * takes NULL.
 *
 * Threads. A scorer belongs to one thread at a time. Model, prototypes and a bank that nobody adds
 * to are constant and may be used by any number of scorers at once; a bank that grows belongs to
 * one thread. Functions on distinct scorers run in parallel. A scorer works with OpenMP threads of
 * its own (setting `threads`).
 *
 * Process-wide are two choices, made once when the first model is opened: the instruction set of
 * the kernels ($WC_ISA, default the best that the processor has) and the library of matrix products
 * (oneDNN where built with it, else OpenBLAS; OpenBLAS is set to one thread, also for others that
 * use it in this process).
 *
 * Results are a function of picture, model, settings, object and bank, never of the number of
 * threads, or of what was scored before.
 *
 * Settings are texts "KEY=VALUE" in an array that ends with NULL (or NULL: all defaults), with the
 * keys of a configuration (`man winclip-mpi`) that concern one picture:
 *     for a model    model.arch, model.json, model.bpe, model.activation, model.precision
 *     for a scorer   preset (paper, accurate, anomalib, caoyunkang), winclip.* (single switches),
 *                    prompts (a file), preprocess.tiling, preprocess.exif, preprocess.max_pixels,
 *                    threads
 * Paths in them are relative to the current directory, and ${NAME} is the environment's.
 *
 * Pictures are 8-bit RGB, row-major: rgb[y * stride_bytes + 3 * x + c], stride_bytes >= 3 * width.
 */
#ifndef WINCLIP_H
#define WINCLIP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WINCLIP_VERSION_MAJOR 0
#define WINCLIP_VERSION_MINOR 1

#if defined(__GNUC__)
#define WINCLIP_API __attribute__((visibility("default")))
#else
#define WINCLIP_API
#endif

/* What every fallible function returns. On failure outputs are untouched, unless said otherwise. */
enum winclip_status {
    WINCLIP_OK = 0,
    WINCLIP_ERROR_USAGE = 2,  /* an argument is wrong, or handles do not belong together */
    WINCLIP_ERROR_CONFIG = 3, /* a setting is wrong */
    WINCLIP_ERROR_DATA = 4,   /* a file or picture is missing, damaged, or of another model */
    WINCLIP_ERROR_IO = 5,     /* reading or writing failed in the operating system */
    WINCLIP_ERROR_NOMEM = 6,  /* out of memory */
    WINCLIP_ERROR_BUG = 70    /* a broken promise inside the library */
};

typedef struct winclip_model winclip_model;
typedef struct winclip_scorer winclip_scorer;
typedef struct winclip_prototypes winclip_prototypes;
typedef struct winclip_bank winclip_bank;

/* "0.1.0". Thread-safe, as all functions without a handle. */
WINCLIP_API const char *winclip_version(void);

/* ---- Model */

/*
 * Opens weights: safetensors, PyTorch or TorchScript file, a transformers folder, a hub cache
 * folder, "random:ARCH[:SEED]", or "demo": a tiny model that is part of the library, trained on
 * procedural pictures only. The file is mapped read-only, so that processes share it.
 * *out is a handle on failure too, so that winclip_model_error() can say why (free it); it is NULL
 * only when memory is out. May be called by several threads at once.
 */
WINCLIP_API enum winclip_status winclip_model_open(const char *weights, const char *const *settings,
                                                   winclip_model **out);
WINCLIP_API void winclip_model_free(winclip_model *model);

/* Why opening failed, "" when it did not; the text lives as long as the handle. NULL: "out of
 * memory". */
WINCLIP_API const char *winclip_model_error(const winclip_model *model);

/* "ViT-B-16-plus-240". The text lives as long as the model. */
WINCLIP_API const char *winclip_model_arch(const winclip_model *model);
/* g: a picture's score map comes from grids of g x g patches. 0 for a model that is not open. */
WINCLIP_API size_t winclip_model_grid(const winclip_model *model);
/* Side of the model's square input in pixels. */
WINCLIP_API size_t winclip_model_input_px(const winclip_model *model);
/* Length of an embedding. */
WINCLIP_API size_t winclip_model_embedding(const winclip_model *model);

/* ---- Scorer */

/*
 * Working memory and settings for one thread. *out is a handle on failure too, as with
 * winclip_model_open().
 */
WINCLIP_API enum winclip_status
winclip_scorer_new(const winclip_model *model, const char *const *settings, winclip_scorer **out);
WINCLIP_API void winclip_scorer_free(winclip_scorer *scorer);

/* The text of the last failed call that was given this scorer, "" when the last one succeeded;
 * valid until the next call with it. NULL: "out of memory". */
WINCLIP_API const char *winclip_scorer_error(const winclip_scorer *scorer);

/* Name of the preset. Lives as long as the scorer. */
WINCLIP_API const char *winclip_scorer_preset(const winclip_scorer *scorer);

/* `progress(data)` is called by the calling thread between pieces of work (a few milliseconds
 * each), to keep a window or a message queue alive. NULL: nothing is called. It must not use the
 * scorer. */
WINCLIP_API void winclip_scorer_on_progress(winclip_scorer *scorer, void (*progress)(void *),
                                            void *data);

/* SHA-256 of the model's weights in hex: 64 digits and a NUL. Reads the whole file the first time.
 */
WINCLIP_API enum winclip_status winclip_weights_sha256(winclip_scorer *scorer, char hex[65]);

/* ---- An object's text prototypes */

/*
 * Encodes the prompts of an object ("metal nut", as the prompts should read). `category` picks a
 * prompt set's words for one category, and is the object's name when `object` is NULL; it may be
 * NULL otherwise. Takes as long as a few pictures; do it once an object.
 */
WINCLIP_API enum winclip_status winclip_prototypes_new(winclip_scorer *scorer, const char *object,
                                                       const char *category,
                                                       winclip_prototypes **out);
WINCLIP_API void winclip_prototypes_free(winclip_prototypes *prototypes);

/* ---- A bank of normal reference pictures (WinCLIP+) */

/*
 * An empty bank. Any number k >= 1 of pictures makes k-shot scores. A bank holds what any preset
 * compares, so it serves every scorer of the same model, tiling and orientation handling.
 */
WINCLIP_API enum winclip_status winclip_bank_new(winclip_scorer *scorer, winclip_bank **out);
WINCLIP_API void winclip_bank_free(winclip_bank *bank);
/* How many pictures it holds. */
WINCLIP_API size_t winclip_bank_size(const winclip_bank *bank);

/* Adds a picture. On failure the bank is as it was. */
WINCLIP_API enum winclip_status winclip_bank_add_rgb8(winclip_scorer *scorer, winclip_bank *bank,
                                                      const unsigned char *rgb, size_t width,
                                                      size_t height, size_t stride_bytes);
/* Adds a PNG, JPEG or BMP file; grey is taken as RGB. */
WINCLIP_API enum winclip_status winclip_bank_add_file(winclip_scorer *scorer, winclip_bank *bank,
                                                      const char *path);

/* Writes the bank as safetensors (as `winclip-mpi features --bank` does); the file appears whole or
 * not at all. */
WINCLIP_API enum winclip_status winclip_bank_save(winclip_scorer *scorer, const winclip_bank *bank,
                                                  const char *path);
/* Maps a saved bank. One of another model, tiling or arithmetic is WINCLIP_ERROR_DATA. */
WINCLIP_API enum winclip_status winclip_bank_load(winclip_scorer *scorer, const char *path,
                                                  winclip_bank **out);

/* ---- Scoring */

/*
 * Scores a picture. bank: NULL for zero-shot. *score: the image score, higher is more anomalous
 * (its range depends on the preset; 0 to 1 for `paper`). map (map_height, map_width), row-major:
 * the score map at the size that the caller wants, usually the picture's own; NULL: no map now, see
 * winclip_last_map(). Pixels that `preprocess.tiling=shortest_crop` cuts off are NaN.
 */
WINCLIP_API enum winclip_status
winclip_score_rgb8(winclip_scorer *scorer, const winclip_prototypes *prototypes,
                   const winclip_bank *bank, const unsigned char *rgb, size_t width, size_t height,
                   size_t stride_bytes, double *score, float *map, size_t map_width,
                   size_t map_height);

/* The map of the last picture that this scorer scored, at any size: map (height, width). */
WINCLIP_API enum winclip_status winclip_last_map(winclip_scorer *scorer, size_t width,
                                                 size_t height, float *map);

/*
 * The same before it is stretched: *grid (n_tiles, g, g), where a picture that is not square is cut
 * into several tiles. Owned by the scorer, valid until its next call.
 */
WINCLIP_API enum winclip_status winclip_last_grid(winclip_scorer *scorer, const float **grid,
                                                  size_t *n_tiles, size_t *g);

/* The values that a map can take with these settings, from *low to *high: a constant colour scale.
 * `few_shot`: not 0 with a bank. */
WINCLIP_API void winclip_map_range(const winclip_scorer *scorer, int few_shot, double *low,
                                   double *high);

/* ---- Picture files, for convenience */

/*
 * Decodes a PNG, JPEG or BMP file as the scorer's settings say: *rgb (height, width, 3), packed,
 * released with winclip_pixels_free(). Damaged and truncated files are WINCLIP_ERROR_DATA.
 */
WINCLIP_API enum winclip_status winclip_read_image(winclip_scorer *scorer, const char *path,
                                                   unsigned char **rgb, size_t *width,
                                                   size_t *height);
WINCLIP_API void winclip_pixels_free(unsigned char *rgb);

#ifdef __cplusplus
}
#endif

#endif
