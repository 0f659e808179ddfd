// winclip-mpi bench: how near to this machine's limit the program runs, and where the time goes.
#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/bench_simulate.h"
#include "cli/commands.h"
#include "cli/speed.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

double wc_speed_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum wc_err wc_speed_row(struct wc_speed *s, const char *section, const char *name,
                         struct wc_error *err) {
    WC_TRY(WC_GROW(&s->row, &s->cap_rows, s->n_rows + 1, "bench", err));
    struct wc_speed_row *row = &s->row[s->n_rows++];
    *row = (struct wc_speed_row){.section = section};
    snprintf(row->name, sizeof row->name, "%s", name);
    WC_INFO("%s: %s", section, name);
    return WC_OK;
}

void wc_speed_value(struct wc_speed *s, const char *key, double value, const char *unit) {
    struct wc_speed_row *row = &s->row[s->n_rows - 1];
    if (row->n == WC_SPEED_VALUES)
        return;
    row->value[row->n].key = key;
    row->value[row->n].unit = unit;
    row->value[row->n++].value = value;
}

/* The machine. */

// "model name" of /proc/cpuinfo; empty elsewhere.
static void cpu_name(char *out, size_t n) {
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    *out = '\0';
    while (f && !*out && fgets(line, sizeof line, f)) {
        char *colon = strstr(line, "model name") == line ? strchr(line, ':') : NULL;
        if (colon)
            snprintf(out, n, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (f)
        fclose(f);
}

static enum wc_err memory(struct wc_speed *s, struct wc_error *err) {
    struct rusage usage;
    for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
        struct wc_workspace *w = NULL;
        if (!s->model[p])
            continue;
        WC_TRY(wc_workspace_new(s->model[p], 1, NULL, NULL, &w, err));
        WC_TRY(wc_speed_row(s, "memory", wc_precision_name((enum wc_precision)p), err));
        wc_speed_value(s, "packed_mb", (double)wc_model_packed_bytes(s->model[p], NULL) / 1e6,
                       "MB packed weights");
        wc_speed_value(s, "thread_mb", (double)wc_workspace_bytes(w) / 1e6, "MB a thread");
        wc_speed_value(s, "converted_mb", (double)wc_model_private_bytes(s->model[p]) / 1e6,
                       "MB weights that no file holds as float32");
        wc_workspace_free(&w);
    }
    getrusage(RUSAGE_SELF, &usage);
    WC_TRY(wc_speed_row(s, "memory", "bench itself, all models", err));
    wc_speed_value(s, "peak_mb", (double)usage.ru_maxrss * 1024 / 1e6, "MB at most");
    return WC_OK;
}

/* Printing. */

static void print_text(const struct wc_speed *s, const char *cpu) {
    const char *section = "";
    printf("%s, %u thread%s; kernels %s, matrix products %s\n", cpu, s->n_threads,
           s->n_threads == 1 ? "" : "s", wc_isa_name(wc_kernels()->isa), wc_gemm_description());
    printf("%s, %.0f GFLOP an image; the least of %zu\n", s->weights, 1e-9 * s->flop, s->n_repeats);
    for (const struct wc_speed_row *row = s->row; row < s->row + s->n_rows; row++) {
        if (strcmp(row->section, section) != 0)
            printf("\n%s\n", row->section);
        section = row->section;
        printf("  %-34s", row->name);
        for (size_t i = 0; i < row->n; i++)
            printf("%s%9.4g %s", i > 0 ? "  " : "", row->value[i].value, row->value[i].unit);
        printf("\n");
    }
}

static void add_text(struct wc_buf *b, const char *before, const char *key, const char *text) {
    wc_buf_printf(b, "%s\"%s\": ", before, key);
    wc_json_quote(b, text);
}

static enum wc_err print_json(const struct wc_speed *s, const char *cpu, struct wc_error *err) {
    struct wc_buf b = {0};
    add_text(&b, "{", "cpu", cpu);
    add_text(&b, ", ", "isa", wc_isa_name(wc_kernels()->isa));
    add_text(&b, ", ", "gemm", wc_gemm_description());
    add_text(&b, ", ", "model", s->weights);
    wc_buf_printf(&b, ", \"threads\": %u, \"repeats\": %zu, \"gflop\": %.9g,\n \"rows\": [",
                  s->n_threads, s->n_repeats, 1e-9 * s->flop);
    for (const struct wc_speed_row *row = s->row; row < s->row + s->n_rows; row++) {
        add_text(&b, row > s->row ? ",\n  {" : "\n  {", "section", row->section);
        add_text(&b, ", ", "name", row->name);
        for (size_t i = 0; i < row->n; i++)
            wc_buf_printf(&b, ", \"%s\": %.9g", row->value[i].key, row->value[i].value);
        wc_buf_printf(&b, "}");
    }
    wc_buf_printf(&b, "\n]}\n");
    enum wc_err rc = wc_buf_check(&b, "bench", err);
    if (rc == WC_OK)
        fputs(wc_buf_str(&b), stdout);
    wc_buf_release(&b);
    return rc;
}

/* The command. */

static enum wc_err parse_precisions(const char *text, struct wc_speed *s, struct wc_error *err) {
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ","), i = 0;
        bool all = n == 3 && strncmp(p, "all", n) == 0;
        while (i < WC_N_PRECISIONS && (strlen(wc_precision_name((enum wc_precision)i)) != n ||
                                       strncmp(p, wc_precision_name((enum wc_precision)i), n) != 0))
            i++;
        if (!all && i == WC_N_PRECISIONS)
            return WC_FAIL(err, WC_ERR_USAGE,
                           "bench: --precision \"%s\": f32, bf16 or int8, several with commas, or "
                           "all",
                           text);
        for (size_t j = 0; j < WC_N_PRECISIONS; j++)
            s->wanted[j] = s->wanted[j] || all || i == j;
        p += n + (p[n] == ',');
    }
    return WC_OK;
}

// A precision that this machine lacks is named; it is an error when it was asked for by name.
static enum wc_err open_models(struct wc_speed *s, bool by_name, struct wc_error *err) {
    struct wc_error lacks = {0};
    for (size_t p = 0; p < WC_N_PRECISIONS; p++) {
        const struct wc_model_options o = {.weights = s->weights,
                                           .arch = "auto",
                                           .activation = WC_ACTIVATION_AUTO,
                                           .precision = (enum wc_precision)p};
        if (!s->wanted[p])
            continue;
        enum wc_err rc = wc_gemm_require((enum wc_precision)p, &lacks);
        if (rc != WC_OK && by_name)
            return WC_FAIL(err, rc, "%s", lacks.text);
        if (rc != WC_OK) {
            WC_WARN("%s", lacks.text);
            continue;
        }
        WC_TRY(wc_model_open(&o, &s->model[p], err));
    }
    return WC_OK;
}

static enum wc_err measure(struct wc_speed *s, const char *precisions, struct wc_error *err) {
    WC_TRY(parse_precisions(precisions, s, err));
    s->wanted[WC_PRECISION_F32] = true; // what the others are compared with
    WC_TRY(wc_kernels_init("auto", err));
    WC_TRY(wc_gemm_init("auto", err));
    WC_TRY(open_models(s, strcmp(precisions, "all") != 0, err));
    size_t g = wc_arch_grid(wc_model_arch(s->model[WC_PRECISION_F32]));
    s->request = (struct wc_request){.want = WC_WANT_IMAGE | WC_WANT_WINDOWS};
    for (size_t k = 2; k <= 3 && k <= g; k++)
        s->request.window[s->request.n_scales++] = k;
    s->flop = wc_image_flop(s->model[WC_PRECISION_F32], &s->request);
    WC_TRY(wc_speed_gemm(s, err));
    WC_TRY(wc_speed_encoder(s, err));
    WC_TRY(wc_speed_pipeline(s, err));
    WC_TRY(wc_speed_text(s, err));
    return memory(s, err);
}

static enum wc_err run(int argc, char **argv, struct wc_error *err) {
    const char *precisions = "all";
    struct wc_speed s = {.weights = "random:ViT-B-16-plus-240"};
    struct wc_strlist operands = {0}, simulate = {0};
    uint64_t threads = 0, repeats = 5;
    bool help, json = false;
    char cpu[128];
    const struct wc_arg args[] = {
        {"--model", 'm', WC_ARG_TEXT, &s.weights, "FILE",
         "weights, or random:ARCH; default: random:ViT-B-16-plus-240"},
        {"--precision", 0, WC_ARG_TEXT, &precisions, "LIST",
         "f32, bf16, int8, with commas; default: all that there are"},
        {"--threads", 0, WC_ARG_COUNT, &threads, "N", "most threads; default: all cores"},
        {"--repeat", 0, WC_ARG_COUNT, &repeats, "N", "take the least of N; default: 5"},
        {"--json", 0, WC_ARG_FLAG, &json, NULL, "print JSON"},
        {"--simulate", 0, WC_ARG_LIST, &simulate, "KEY=VALUE",
         "replay a run's images on other numbers of ranks instead; may be repeated"},
    };
    const size_t n_args = sizeof args / sizeof *args;
    enum wc_err rc = wc_args_parse(argc, argv, args, n_args, &operands, &help, err);
    s.n_threads = threads > 0 ? (unsigned)threads : (unsigned)omp_get_num_procs();
    s.n_repeats = repeats > 0 ? (size_t)repeats : 1;
    cpu_name(cpu, sizeof cpu);
    if (rc == WC_OK && help)
        wc_args_help(&wc_command_bench, args, n_args);
    else if (rc == WC_OK && operands.n > 0)
        rc = WC_FAIL(err, WC_ERR_USAGE, "bench: \"%s\": no operands are taken", operands.item[0]);
    else if (rc == WC_OK && simulate.n > 0)
        rc = wc_bench_simulate(&simulate, err);
    else if (rc == WC_OK && (rc = measure(&s, precisions, err)) == WC_OK) {
        if (json)
            rc = print_json(&s, cpu, err);
        else
            print_text(&s, cpu);
    }
    for (size_t p = 0; p < WC_N_PRECISIONS; p++)
        wc_model_free(&s.model[p]);
    wc_free(s.row);
    wc_strlist_release(&operands);
    wc_strlist_release(&simulate);
    return rc;
}

const struct wc_command wc_command_bench = {
    .name = "bench",
    .operands = "",
    .summary = "how fast this machine runs a model, and where the time goes",
    .details = "One thread is timed by its processor time, several by the clock; every figure is "
               "the least of --repeat.\n\n" WC_BENCH_SIMULATE_HELP,
    .run = run,
};
