/*
 * TAP for C tests: each check prints `ok N - name` or `not ok N - name`; test_done() prints the
 * plan.
 *
 *     int main(void) { test_ok(1 + 1 == 2, "arithmetic"); return test_done(); }
 */
#ifndef WC_TESTS_TEST_H
#define WC_TESTS_TEST_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_n, test_n_failed;

__attribute__((format(printf, 2, 3), unused)) static bool test_ok(bool pass, const char *fmt, ...) {
    va_list ap;
    printf("%sok %d - ", pass ? "" : "not ", ++test_n);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    test_n_failed += !pass;
    fflush(stdout);
    return pass;
}

__attribute__((format(printf, 1, 2), unused)) static void test_note(const char *fmt, ...) {
    va_list ap;
    fputs("# ", stdout);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

__attribute__((unused)) static bool test_str(const char *found, const char *wanted,
                                             const char *name) {
    bool same = found && wanted && strcmp(found, wanted) == 0;
    if (!test_ok(same, "%s", name))
        test_note("found \"%s\", wanted \"%s\"", found ? found : "(null)",
                  wanted ? wanted : "(null)");
    return same;
}

// |found - wanted| <= tolerance; two NaN are equal, one is not.
__attribute__((unused)) static bool test_near(double found, double wanted, double tolerance,
                                              const char *name) {
    bool same = isnan(wanted) ? isnan(found) : fabs(found - wanted) <= tolerance;
    if (!test_ok(same, "%s", name))
        test_note("found %.17g, wanted %.17g, off by %.3g, allowed %.3g", found, wanted,
                  found - wanted, tolerance);
    return same;
}

__attribute__((unused)) static void test_skip(const char *name, const char *why) {
    printf("ok %d - %s # SKIP %s\n", ++test_n, name, why);
}

__attribute__((unused)) static int test_done(void) {
    printf("1..%d\n", test_n);
    return test_n_failed ? 1 : 0;
}

#endif
