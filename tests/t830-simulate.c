// The scheduler's simulator: nothing is lost, what costs nothing loses nothing, and the parts of
// the model do what they say.
#include "test.h"

#include "sched/simulate.h"

static const double alike[] = {1.0};
static const double uneven[] = {0.5, 1.0, 0.7, 3.0, 0.6, 0.9, 1.1};

static struct wc_simulated simulate(const struct wc_simulation *s) {
    struct wc_simulated r = {0};
    struct wc_error err = {0};
    if (wc_simulate(s, &r, &err) != WC_OK)
        test_ok(false, "%s", err.text);
    return r;
}

static void free_of_cost(void) {
    struct wc_simulation s = {
        .item_s = alike, .n_measured = 1, .n_items = 1000, .n_ranks = 1, .n_categories = 1};
    test_near(simulate(&s).efficiency, 1, 1e-12, "one rank, no cost: efficiency 1");
    s.n_ranks = 250;
    test_near(simulate(&s).wall_s, 4, 1e-12, "1000 items on 250 ranks: four each");
    s.n_ranks = 300;
    test_near(simulate(&s).wall_s, 4, 1e-12, "on 300: four still");
    test_near(simulate(&s).tail_s, 1, 1e-12, "and some stop one item earlier");
    s.n_ranks = 2000;
    test_near(simulate(&s).efficiency, 0.5, 1e-12, "twice as many ranks as items: half are idle");
}

static void conserved(void) {
    const size_t ranks[] = {1, 7, 64, 512, 513, 1024, 16384};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        const struct wc_simulation s = {.item_s = uneven,
                                        .n_measured = 7,
                                        .n_items = 700000,
                                        .n_ranks = ranks[i],
                                        .latency_s = 5e-6,
                                        .service_s = 1e-6,
                                        .n_categories = 12};
        struct wc_simulated r = simulate(&s);
        test_near(r.busy_s / 780000, 1, 1e-9, "the work of all items is done once");
        test_ok(r.efficiency > 0 && r.efficiency <= 1 && r.wall_s * (double)ranks[i] >= r.busy_s,
                "%zu ranks: no more than perfect", ranks[i]);
        if (ranks[i] > 512)
            test_ok(r.n_asked < s.n_items * 3 / 4,
                    "%zu ranks: rank 0 is asked less than once an item", ranks[i]);
    }
}

static void costs(void) {
    struct wc_simulation s = {.item_s = alike,
                              .n_measured = 1,
                              .n_items = 1000,
                              .n_ranks = 100,
                              .service_s = 0.01,
                              .n_categories = 1};
    struct wc_simulated r = simulate(&s);
    test_ok(r.wall_s > 10 && r.hand_out_s > 0.5, "a counter that is slow makes ranks wait");
    test_str(wc_simulated_limit(&s, &r), "hand-out", "and is named");
    s.service_s = 0;
    s.prototype_s = 5;
    r = simulate(&s);
    test_ok(r.wall_s >= 14.9, "nobody begins before the prototypes");
    test_str(wc_simulated_limit(&s, &r), "text prototypes of rank 0", "which are named");
    s.prototype_s = 0;
    s.reduce_bytes = 1e9;
    s.bandwidth = 1e9;
    r = simulate(&s);
    test_near(r.reduce_s, 7, 1e-9, "histograms go up a tree of seven steps");
    s.reduce_bytes = 0;
    s.slow_part = 0.5;
    s.slow_factor = 3;
    r = simulate(&s);
    test_near(r.slow_share, 0.25, 0.02, "ranks that take three times as long do a quarter");
}

static void refused(void) {
    struct wc_simulated r;
    const struct wc_simulation s = {.item_s = alike, .n_measured = 1, .n_items = 0, .n_ranks = 1};
    test_ok(wc_simulate(&s, &r, NULL) == WC_ERR_USAGE, "no items");
}

int main(void) {
    free_of_cost();
    conserved();
    costs();
    refused();
    return test_done();
}
