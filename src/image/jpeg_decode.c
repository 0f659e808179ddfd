/*
 * JPEG (ITU-T T.81) through libjpeg-turbo, with its default decoding (islow DCT, fancy upsampling),
 * which is Pillow's.
 *
 * The library reports through setjmp; its warnings are about damaged data and are errors here.
 */
#include "image/codec.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum {
    MARKER_APP1 = JPEG_APP0 + 1,
    MAX_SCANS = 100, // encoders write 10 to 30; each costs a pass over the picture
    // Arithmetic coding has no useful lower bound on a block's bits, so this one is a policy: 1024
    // blocks a byte, as much as deflate's ratio lets pass.
    ARITHMETIC_BLOCKS_PER_BIT = 128,
};

// One decoding; every pointer that a longjmp must not lose lives here.
struct job {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr handler;
    struct jpeg_source_mgr reader;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    const struct image_source *source;
    struct raster *raster;
    struct image_header header;
    struct wc_error *err;
    enum wc_err rc;
};

static bool match(const unsigned char *bytes, size_t n_bytes) {
    return n_bytes >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8 &&
           (n_bytes == 2 || bytes[2] == 0xff);
}

// What libjpeg's codes mean to a user; any other error is damaged data.
static const struct {
    int code;
    const char *fault;
} FAULTS[] = {
    {JERR_ARITH_NOTIMPL, "unsupported"},   {JERR_BAD_COMPONENT_ID, "bad-header"},
    {JERR_BAD_LENGTH, "bad-header"},       {JERR_BAD_PRECISION, "unsupported"},
    {JERR_BAD_SAMPLING, "bad-header"},     {JERR_CCIR601_NOTIMPL, "unsupported"},
    {JERR_COMPONENT_COUNT, "unsupported"}, {JERR_CONVERSION_NOTIMPL, "unsupported"},
    {JERR_EMPTY_IMAGE, "bad-header"},      {JERR_FRACT_SAMPLE_NOTIMPL, "unsupported"},
    {JERR_IMAGE_TOO_BIG, "too-large"},     {JERR_INPUT_EMPTY, "truncated"},
    {JERR_INPUT_EOF, "truncated"},         {JERR_NOTIMPL, "unsupported"},
    {JERR_NO_IMAGE, "truncated"},          {JERR_SOF_DUPLICATE, "bad-header"},
    {JERR_SOF_NO_SOS, "truncated"},        {JERR_SOF_UNSUPPORTED, "unsupported"},
    {JERR_SOS_NO_SOF, "bad-header"},       {JERR_UNKNOWN_MARKER, "corrupt-data"},
    {JERR_WIDTH_OVERFLOW, "too-large"},    {JWRN_JPEG_EOF, "truncated"},
    {JWRN_NOT_SEQUENTIAL, "bad-header"},
};

static const char *fault_of(int code) {
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
        if (FAULTS[i].code == code)
            return FAULTS[i].fault;
    return "corrupt-data";
}

static _Noreturn void leave(j_common_ptr c) {
    struct job *job = c->client_data;
    longjmp(job->leave, 1);
}

static void on_error(j_common_ptr c) {
    struct job *job = c->client_data;
    int code = c->err->msg_code;
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    if (code == JERR_OUT_OF_MEMORY)
        job->rc = WC_FAIL(job->err, WC_ERR_NOMEM, "%s: JPEG: %s", job->source->name, text);
    else
        job->rc = WC_FAULT(job->err, WC_ERR_DATA, fault_of(code), "%s: JPEG: %s", job->source->name,
                           text);
    leave(c);
}

// Level -1 is a warning. Two of them do not concern the pixels: versions of JFIF, and an Adobe
// transform that is not known (taken as YCbCr, as by Pillow).
static void on_message(j_common_ptr c, int level) {
    int code = c->err->msg_code;
    if (level < 0 && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM)
        on_error(c);
}

static void on_output(j_common_ptr c) {
    (void)c;
}

static void start_reading(j_decompress_ptr c) {
    (void)c;
}

static void fail_truncated(j_common_ptr c) {
    struct job *job = c->client_data;
    job->rc = WC_FAULT(job->err, WC_ERR_DATA, "truncated",
                       "%s: JPEG ends after %zu bytes, before its end marker; copy the file again",
                       job->source->name, job->source->n_bytes);
    leave(c);
}

// All of the file was handed over at once, so a call for more means that it ended early.
static boolean read_more(j_decompress_ptr c) {
    fail_truncated((j_common_ptr)c);
    return FALSE;
}

static void skip(j_decompress_ptr c, long n) {
    if (n <= 0)
        return;
    if ((size_t)n > c->src->bytes_in_buffer)
        fail_truncated((j_common_ptr)c);
    c->src->next_input_byte += n;
    c->src->bytes_in_buffer -= (size_t)n;
}

static void on_progress(j_common_ptr c) {
    struct job *job = c->client_data;
    if (!c->is_decompressor || job->c.input_scan_number <= MAX_SCANS)
        return;
    job->rc = WC_FAULT(job->err, WC_ERR_DATA, "corrupt-data",
                       "%s: JPEG of more than %d scans; no encoder writes so many",
                       job->source->name, MAX_SCANS);
    leave(c);
}

static void open_job(struct job *job) {
    job->c.err = jpeg_std_error(&job->handler);
    job->handler.error_exit = on_error;
    job->handler.emit_message = on_message;
    job->handler.output_message = on_output;
    job->c.client_data = job;
    jpeg_create_decompress(&job->c); // keeps err and client_data
    job->progress.progress_monitor = on_progress;
    job->c.progress = &job->progress;
    job->reader = (struct jpeg_source_mgr){
        .next_input_byte = job->source->bytes,
        .bytes_in_buffer = job->source->n_bytes,
        .init_source = start_reading,
        .fill_input_buffer = read_more,
        .skip_input_data = skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = start_reading,
    };
    job->c.src = &job->reader;
    jpeg_save_markers(&job->c, MARKER_APP1, 0xffff);
}

static void fail_job(struct job *job, enum wc_err rc) {
    job->rc = rc;
    leave((j_common_ptr)&job->c);
}

static void do_header(struct job *job) {
    static const char EXIF[6] = "Exif\0";
    open_job(job);
    jpeg_read_header(&job->c, TRUE);
    job->header.width_px = job->c.image_width;
    job->header.height_px = job->c.image_height;
    job->header.orientation = 1;
    for (jpeg_saved_marker_ptr m = job->c.marker_list; m; m = m->next)
        if (m->data_length > sizeof EXIF && memcmp(m->data, EXIF, sizeof EXIF) == 0) {
            job->header.orientation =
                wc_exif_orientation(m->data + sizeof EXIF, m->data_length - sizeof EXIF);
            break;
        }
    enum wc_err rc =
        wc_codec_check_size(job->source, job->c.image_width, job->c.image_height, job->err);
    if (rc != WC_OK)
        fail_job(job, rc);
}

// Declared sizes cost nothing: memory is taken only for as many blocks as the file can hold, at one
// bit a block at least.
static void check_enough_data(struct job *job) {
    uint64_t n_blocks = 0;
    for (int i = 0; i < job->c.num_components; i++)
        n_blocks +=
            (uint64_t)job->c.comp_info[i].width_in_blocks * job->c.comp_info[i].height_in_blocks;
    uint64_t n_bits = 8 * (uint64_t)job->source->n_bytes;
    if (job->c.arith_code)
        n_bits *= ARITHMETIC_BLOCKS_PER_BIT;
    if (n_blocks > n_bits)
        fail_job(job, WC_FAULT(job->err, WC_ERR_DATA, "truncated",
                               "%s: JPEG of %u x %u pixels in a file of %zu bytes, which cannot "
                               "hold them",
                               job->source->name, job->c.image_width, job->c.image_height,
                               job->source->n_bytes));
}

// The library shows a component of which it never saw a scan as if it were gray.
static void check_all_scanned(struct job *job) {
    for (int i = 0; i < job->c.num_components; i++) {
        bool dc = !job->c.coef_bits || job->c.coef_bits[i][0] >= 0;
        if (!job->c.comp_info[i].quant_table || !dc)
            fail_job(job, WC_FAULT(job->err, WC_ERR_DATA, "truncated",
                                   "%s: JPEG: no scan has component %d of %d", job->source->name,
                                   i + 1, job->c.num_components));
    }
}

// Pillow takes all CMYK as stored inverted: with inks c = 255 - C, k = 255 - K of the stored C, K,
// R = max(0, K - round(c K / 255)), rounded as t = x + 128, ((t >> 8) + t) >> 8.
static void cmyk_to_rgb(const uint8_t *cmyk, size_t n, uint8_t *rgb) {
    for (size_t i = 0; i < n; i++, cmyk += 4, rgb += 3)
        for (int j = 0; j < 3; j++) {
            int t = (255 - cmyk[j]) * cmyk[3] + 128;
            int v = cmyk[3] - (((t >> 8) + t) >> 8);
            rgb[j] = (uint8_t)(v < 0 ? 0 : v);
        }
}

static enum raster_layout choose_colours(struct job *job) {
    struct jpeg_decompress_struct *c = &job->c;
    switch (c->num_components) {
    case 1:
        c->out_color_space = JCS_GRAYSCALE;
        return RASTER_GRAY;
    case 3:
        c->out_color_space = JCS_RGB;
        return RASTER_RGB;
    case 4:
        c->out_color_space = JCS_CMYK;
        return RASTER_RGB;
    default:
        fail_job(job, WC_FAULT(job->err, WC_ERR_DATA, "unsupported",
                               "%s: JPEG of %d components, 1, 3 or 4 are known; save it as RGB",
                               job->source->name, c->num_components));
        return RASTER_GRAY;
    }
}

static void do_pixels(struct job *job) {
    struct jpeg_decompress_struct *c = &job->c;
    struct raster_format format = {.bits = 8, .layout = choose_colours(job)};
    check_enough_data(job);
    enum wc_err rc = raster_begin(job->raster, job->source->name, c->image_width, c->image_height,
                                  &format, job->err);
    if (rc != WC_OK)
        fail_job(job, rc);
    jpeg_start_decompress(c);
    check_all_scanned(job);
    // The library's pool frees both rows however this ends.
    size_t n = c->output_width;
    j_common_ptr common = (j_common_ptr)c;
    uint8_t *row = c->mem->alloc_large(common, JPOOL_IMAGE, 4 * n);
    uint8_t *rgb = c->num_components == 4 ? c->mem->alloc_large(common, JPOOL_IMAGE, 3 * n) : NULL;
    while (c->output_scanline < c->output_height) {
        size_t y = c->output_scanline;
        if (jpeg_read_scanlines(c, &row, 1) != 1)
            fail_truncated(common);
        if (rgb)
            cmyk_to_rgb(row, n, rgb);
        raster_put(job->raster, rgb ? rgb : row, n, y, 0, 1);
    }
    jpeg_finish_decompress(c); // reads on to the end marker
}

// Runs `work` with the library's long jumps caught.
static enum wc_err run(struct job *job, void (*work)(struct job *)) {
    if (setjmp(job->leave) == 0)
        work(job);
    jpeg_destroy_decompress(&job->c);
    return job->rc;
}

static void do_all(struct job *job) {
    do_header(job);
    do_pixels(job);
}

// On the heap: a jump must find it whole whatever the compiler kept in registers.
static enum wc_err run_new_job(const struct image_source *s, struct raster *raster,
                               void (*work)(struct job *), struct image_header *header,
                               struct wc_error *err) {
    struct job *job = NULL;
    WC_TRY(WC_NEW(&job, 1, "JPEG decoder", err));
    job->source = s;
    job->raster = raster;
    job->err = err;
    enum wc_err rc = run(job, work);
    if (rc == WC_OK)
        *header = job->header;
    wc_free(job);
    return rc;
}

static enum wc_err read_header(const struct image_source *s, struct image_header *out,
                               struct wc_error *err) {
    return run_new_job(s, NULL, do_header, out, err);
}

static enum wc_err decode(const struct image_source *s, struct raster *raster,
                          struct image_header *header, struct wc_error *err) {
    return run_new_job(s, raster, do_all, header, err);
}

const struct image_codec wc_codec_jpeg = {"JPEG", match, read_header, decode};
