/*
 * Private to src/demo: the painters of the training categories, in textures.c and objects.c.
 */
#ifndef WC_DEMO_PAINTERS_H
#define WC_DEMO_PAINTERS_H

#include "demo/shape.h"

painter wc_demo_weave, wc_demo_twill, wc_demo_tiles, wc_demo_brushed, wc_demo_gravel,
    wc_demo_marble, wc_demo_concrete, wc_demo_knit, wc_demo_ribbed, wc_demo_perforated,
    wc_demo_paper, wc_demo_honeycomb, wc_demo_foam, wc_demo_granite, wc_demo_plate, wc_demo_planks,
    wc_demo_surface;
painter wc_demo_washer, wc_demo_button, wc_demo_coin, wc_demo_connector, wc_demo_donut,
    wc_demo_bearing, wc_demo_battery, wc_demo_lens, wc_demo_acorn, wc_demo_plug, wc_demo_capsule,
    wc_demo_gear, wc_demo_brick, wc_demo_bolt, wc_demo_tray, wc_demo_part;

#endif
