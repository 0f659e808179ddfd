// Writing JPEG into memory through libjpeg: small pictures for reports.
#include "image/image.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <setjmp.h>

struct job {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
    unsigned char *bytes; // libjpeg's
    unsigned long n_bytes;
};

static void on_error(j_common_ptr jpeg) {
    struct job *job = jpeg->client_data;
    jpeg->err->format_message(jpeg, job->message);
    longjmp(job->jump, 1);
}

static void on_message(j_common_ptr jpeg) {
    (void)jpeg;
}

// Runs under setjmp: owns nothing.
static void write_all(struct job *job, const struct wc_image *image, int quality) {
    jpeg_mem_dest(&job->jpeg, &job->bytes, &job->n_bytes);
    job->jpeg.image_width = (JDIMENSION)image->width_px;
    job->jpeg.image_height = (JDIMENSION)image->height_px;
    job->jpeg.input_components = 3;
    job->jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&job->jpeg);
    jpeg_set_quality(&job->jpeg, quality, TRUE);
    job->jpeg.optimize_coding = TRUE;
    jpeg_start_compress(&job->jpeg, TRUE);
    while (job->jpeg.next_scanline < job->jpeg.image_height) {
        JSAMPROW row = image->rgb + 3 * image->width_px * job->jpeg.next_scanline;
        jpeg_write_scanlines(&job->jpeg, &row, 1);
    }
    jpeg_finish_compress(&job->jpeg);
}

enum wc_err wc_image_encode_jpeg(const char *name, const struct wc_image *image, int quality,
                                 struct wc_buf *out, struct wc_error *err) {
    struct job job = {0};
    if (image->width_px == 0 || image->height_px == 0 || image->width_px > JPEG_MAX_DIMENSION ||
        image->height_px > JPEG_MAX_DIMENSION)
        return WC_FAIL(err, WC_ERR_USAGE, "%s: a JPEG of %zu x %zu pixels cannot be written", name,
                       image->width_px, image->height_px);
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = on_error;
    job.errors.output_message = on_message;
    if (setjmp(job.jump) == 0) {
        jpeg_create_compress(&job.jpeg);
        write_all(&job, image, quality);
    }
    jpeg_destroy_compress(&job.jpeg);
    if (!job.message[0])
        wc_buf_add(out, job.bytes, job.n_bytes);
    free(job.bytes); // of libjpeg
    if (job.message[0])
        return WC_FAIL(err, WC_ERR_NOMEM, "%s: JPEG could not be made: %s", name, job.message);
    return wc_buf_check(out, name, err);
}
