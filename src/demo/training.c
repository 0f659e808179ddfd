#include "demo/painters.h"

// The composites "surface" and "part" stand last of their group: training draws them most often.
const struct category wc_demo_train[] = {
    {"weave", wc_demo_weave, true, true},          {"twill", wc_demo_twill, true, true},
    {"tiles", wc_demo_tiles, true, true},          {"brushed", wc_demo_brushed, true, true},
    {"gravel", wc_demo_gravel, true, false},       {"marble", wc_demo_marble, true, false},
    {"concrete", wc_demo_concrete, true, false},   {"knit", wc_demo_knit, true, true},
    {"ribbed", wc_demo_ribbed, true, true},        {"perforated", wc_demo_perforated, true, true},
    {"paper", wc_demo_paper, true, false},         {"honeycomb", wc_demo_honeycomb, true, true},
    {"foam", wc_demo_foam, true, false},           {"granite", wc_demo_granite, true, false},
    {"plate", wc_demo_plate, true, true},          {"planks", wc_demo_planks, true, true},
    {"surface", wc_demo_surface, true, true},      {"washer", wc_demo_washer, false, false},
    {"button", wc_demo_button, false, false},      {"coin", wc_demo_coin, false, false},
    {"connector", wc_demo_connector, false, true}, {"donut", wc_demo_donut, false, false},
    {"bearing", wc_demo_bearing, false, false},    {"battery", wc_demo_battery, false, true},
    {"lens", wc_demo_lens, false, false},          {"acorn", wc_demo_acorn, false, false},
    {"plug", wc_demo_plug, false, true},           {"capsule", wc_demo_capsule, false, true},
    {"gear", wc_demo_gear, false, false},          {"brick", wc_demo_brick, false, true},
    {"bolt", wc_demo_bolt, false, false},          {"tray", wc_demo_tray, false, true},
    {"part", wc_demo_part, false, true},
};
const size_t wc_demo_n_train = sizeof wc_demo_train / sizeof *wc_demo_train;
