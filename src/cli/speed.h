/*
 * What `winclip-mpi bench` measures, as rows of named values that are printed as text or JSON.
 *
 * One thread is timed by its processor time, which other programs on the machine disturb least;
 * several by the clock. Everything is the least of n_repeats, and what is compared takes turns.
 */
#ifndef WC_CLI_SPEED_H
#define WC_CLI_SPEED_H

#include "model/model.h"

#define WC_SPEED_VALUES 6
struct wc_speed_row {
    const char *section; // a literal
    char name[80];
    size_t n;
    struct {
        const char *key, *unit; // of JSON; behind the value in text, may be ""
        double value;
    } value[WC_SPEED_VALUES];
};

struct wc_speed {
    const char *weights;
    unsigned n_threads;
    size_t n_repeats;
    bool wanted[WC_N_PRECISIONS];
    struct wc_model *model[WC_N_PRECISIONS]; // NULL: not wanted, or not to be had
    struct wc_request request;               // zero-shot WinCLIP
    double flop;                             // of it
    double rate[WC_N_PRECISIONS];            // best GEMM, flop/s of one thread
    double encode_s[WC_N_PRECISIONS];        // one thread
    double encode_f32_s;
    struct wc_speed_row *row;
    size_t n_rows, cap_rows;
};

// The calling thread's processor time.
double wc_speed_clock(void);

// Appends a row; then values to the last one.
enum wc_err wc_speed_row(struct wc_speed *s, const char *section, const char *name,
                         struct wc_error *err);
void wc_speed_value(struct wc_speed *s, const char *key, double value, const char *unit);

// The parts, in this order: matrix products at the model's shapes; the encoder, its phases, threads
// and accuracy; decode, resize, association, map, evaluation and text.
enum wc_err wc_speed_gemm(struct wc_speed *s, struct wc_error *err);
enum wc_err wc_speed_encoder(struct wc_speed *s, struct wc_error *err);
enum wc_err wc_speed_pipeline(struct wc_speed *s, struct wc_error *err);
enum wc_err wc_speed_text(struct wc_speed *s, struct wc_error *err);

#endif
