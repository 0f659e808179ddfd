// Writing PNG: into memory through libpng, then to the disk as one atomic file.
#include "image/image.h"

#include "base/io.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>

struct job {
    png_structp png;
    png_infop info;
    struct wc_buf buf;
    char message[128];
};

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void on_error(png_structp png, png_const_charp text) {
    struct job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", text);
    png_longjmp(png, 1);
}

static void on_write(png_structp png, png_bytep bytes, png_size_t n) {
    struct job *job = png_get_io_ptr(png);
    wc_buf_add(&job->buf, bytes, n);
}

static void on_flush(png_structp png) {
    (void)png;
}

// Runs under setjmp: owns nothing.
static void write_all(struct job *job, const struct wc_image *image) {
    png_set_user_limits(job->png, INT32_MAX, INT32_MAX);
    png_set_write_fn(job->png, job, on_write, on_flush);
    png_set_IHDR(job->png, job->info, (png_uint_32)image->width_px, (png_uint_32)image->height_px,
                 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    for (size_t y = 0; y < image->height_px; y++)
        png_write_row(job->png, image->rgb + 3 * y * image->width_px);
    png_write_end(job->png, NULL);
}

static void encode(struct job *job, const struct wc_image *image) {
    job->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info)
        snprintf(job->message, sizeof job->message, "out of memory");
    else if (setjmp(png_jmpbuf(job->png)) == 0)
        write_all(job, image);
    png_destroy_write_struct(&job->png, &job->info);
}

enum wc_err wc_image_encode_png(const char *name, const struct wc_image *image, struct wc_buf *out,
                                struct wc_error *err) {
    if (image->width_px == 0 || image->height_px == 0 || image->width_px > INT32_MAX ||
        image->height_px > INT32_MAX)
        return WC_FAIL(err, WC_ERR_USAGE, "%s: a PNG of %zu x %zu pixels cannot be written", name,
                       image->width_px, image->height_px);
    struct job job = {0};
    encode(&job, image);
    enum wc_err rc = wc_buf_check(&job.buf, name, err);
    if (rc == WC_OK && job.message[0])
        rc = WC_FAIL(err, WC_ERR_NOMEM, "%s: PNG could not be made: %s", name, job.message);
    if (rc == WC_OK)
        wc_buf_add(out, job.buf.data, job.buf.n);
    wc_buf_release(&job.buf);
    return rc == WC_OK ? wc_buf_check(out, name, err) : rc;
}

enum wc_err wc_image_write_png(const char *path, const struct wc_image *image,
                               struct wc_error *err) {
    struct wc_buf bytes = {0};
    enum wc_err rc = wc_image_encode_png(path, image, &bytes, err);
    if (rc == WC_OK)
        rc = wc_io_write_atomic(path, bytes.data, bytes.n, err);
    wc_buf_release(&bytes);
    return rc;
}
