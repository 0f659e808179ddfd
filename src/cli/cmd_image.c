// winclip-mpi image IN OUT.png: what the model would see.
#include "base/alloc.h"
#include "cli/commands.h"
#include "image/resize.h"
#include "image/tiles.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum wc_tile_mode mode;
} modes[] = {{"shortest_crop", WC_SHORTEST_CROP},
             {"center_crop", WC_SHORTEST_CROP},
             {"squash", WC_SQUASH},
             {"tiles", WC_TILES}};

// "240" or "320x240".
static bool parse_size(const char *text, uint64_t *width, uint64_t *height) {
    char left[32];
    const char *x = strchr(text, 'x');
    if (!x) {
        if (!wc_parse_u64(text, width))
            return false;
        *height = *width;
    } else {
        if ((size_t)(x - text) >= sizeof left)
            return false;
        snprintf(left, sizeof left, "%.*s", (int)(x - text), text);
        if (!wc_parse_u64(left, width) || !wc_parse_u64(x + 1, height))
            return false;
    }
    return *width > 0 && *height > 0 && *width <= 100000 && *height <= 100000;
}

// OUT.png -> OUT.3.png
static char *numbered(const char *path, size_t i) {
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (!dot || (slash && dot < slash))
        return wc_sprintf("%s.%zu", path, i);
    return wc_sprintf("%.*s.%zu%s", (int)(dot - path), path, i, dot);
}

static enum wc_err write_tiles(const struct wc_tiling *t, const struct wc_image *resized,
                               const char *out, bool several, struct wc_error *err) {
    for (size_t i = 0; i < t->n_tiles; i++) {
        struct wc_image tile = {0};
        char *path = several ? numbered(out, i) : wc_strdup(out);
        if (!path)
            return WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", out);
        enum wc_err rc = wc_tiling_cut(t, resized, i, &tile, err);
        if (rc == WC_OK)
            rc = wc_image_write_png(path, &tile, err);
        if (rc == WC_OK && several)
            printf("%s\t%zu\t%zu\n", path, t->left_px[i], t->top_px[i]);
        wc_image_release(&tile);
        wc_free(path);
        WC_TRY(rc);
    }
    return WC_OK;
}

static enum wc_err convert(const struct wc_image *in, const char *size, const char *mode,
                           const char *out, struct wc_error *err) {
    uint64_t width, height;
    struct wc_image resized = {0};
    struct wc_tiling t;
    size_t m = 0;
    if (!size)
        return wc_image_write_png(out, in, err);
    if (!parse_size(size, &width, &height))
        return WC_FAIL(err, WC_ERR_USAGE,
                       "image: --size \"%s\": N or WIDTHxHEIGHT, 1 to 100000 pixels", size);
    while (m < sizeof modes / sizeof *modes && strcmp(modes[m].name, mode) != 0)
        m++;
    if (m == sizeof modes / sizeof *modes)
        return WC_FAIL(err, WC_ERR_USAGE, "image: --mode \"%s\": shortest_crop, squash or tiles",
                       mode);
    enum wc_err rc;
    if (width != height || modes[m].mode == WC_SQUASH) {
        if (modes[m].mode != WC_SQUASH)
            return WC_FAIL(err, WC_ERR_USAGE, "image: --mode %s needs one size, not %s", mode,
                           size);
        rc = wc_image_resize(in, (size_t)width, (size_t)height, WC_FILTER_BICUBIC, &resized, err);
        if (rc == WC_OK)
            rc = wc_image_write_png(out, &resized, err);
    } else {
        rc = wc_tiling_plan(in->width_px, in->height_px, (size_t)width, modes[m].mode, &t, err);
        if (rc == WC_OK)
            rc = wc_tiling_resize(&t, in, &resized, err);
        if (rc == WC_OK)
            rc = write_tiles(&t, &resized, out, modes[m].mode == WC_TILES, err);
    }
    wc_image_release(&resized);
    return rc;
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    struct wc_strlist operands = {0};
    struct wc_image_options options = {0};
    struct wc_image in = {0};
    const char *size = NULL, *mode = NULL;
    uint64_t max_pixels = 0;
    bool help, exif = false;
    const struct wc_arg args[] = {
        {"--size", 0, WC_ARG_TEXT, &size, "N|WxH",
         "resize to the model's input size, bicubic; default: as decoded"},
        {"--mode", 0, WC_ARG_TEXT, &mode, "MODE",
         "shortest_crop (default for N), squash (for WxH), tiles"},
        {"--exif", 0, WC_ARG_FLAG, &exif, NULL, "turn the picture as its EXIF orientation says"},
        {"--max-pixels", 0, WC_ARG_COUNT, &max_pixels, "N", "refuse larger pictures (1e9)"},
    };
    enum wc_err rc = wc_args_parse(argc, argv, args, 4, &operands, &help, err);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_image, args, 4);
    if (rc != WC_OK || help)
        goto out;
    if (operands.n != 2) {
        rc = WC_FAIL(err, WC_ERR_USAGE,
                     "image: an input picture and an output file (.png) are needed");
        goto out;
    }
    options.exif_apply = exif;
    options.max_pixels = (size_t)max_pixels;
    if (!mode)
        mode = size && strchr(size, 'x') ? "squash" : "shortest_crop";
    rc = wc_image_read(operands.item[0], &options, &in, err);
    if (rc == WC_OK)
        rc = convert(&in, size, mode, operands.item[1], err);
out:
    wc_image_release(&in);
    wc_strlist_release(&operands);
    return rc;
}

const struct wc_command wc_command_image = {
    .name = "image",
    .operands = "IN OUT.png",
    .summary = "a picture as the model would see it",
    .details =
        "With --mode tiles the files are OUT.0.png, OUT.1.png, ...; their names and offsets are printed.\n",
    .run = run,
};
