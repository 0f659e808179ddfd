/*
 * Log lines on stderr: `2026-01-02T03:04:05Z r12 node7 WARN text`.
 *
 * Silent until cli sets it up, once, before threads start; ranks other than 0 print WARN and up
 * unless verbose. Thread-safe (one write per line).
 */
#ifndef WC_BASE_LOG_H
#define WC_BASE_LOG_H

enum wc_log_level { WC_LOG_DEBUG, WC_LOG_INFO, WC_LOG_WARN, WC_LOG_ERROR, WC_LOG_SILENT };

void wc_log_init(enum wc_log_level level, int rank); // rank -1: not under MPI
enum wc_log_level wc_log_level(void);
void wc_log(enum wc_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define WC_DEBUG(...) wc_log(WC_LOG_DEBUG, __VA_ARGS__)
#define WC_INFO(...) wc_log(WC_LOG_INFO, __VA_ARGS__)
#define WC_WARN(...) wc_log(WC_LOG_WARN, __VA_ARGS__)

// Progress: replaces the current line on a terminal, a plain line otherwise. NULL ends the line.
void wc_log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Monotonic seconds.
double wc_clock_s(void);

// Seconds of processor time that this process has used: what a phase costs on a shared machine.
double wc_cpu_s(void);

#endif
