/*
 * Private to sched: the networks that a rank works with, one CLIP model and one backbone at a time,
 * however many runs it serves. They stay open until another run asks for others.
 */
#ifndef WC_SCHED_WORKBENCH_H
#define WC_SCHED_WORKBENCH_H

#include "config/config.h"
#include "model/model.h"
#include "sched/queue.h"

struct wc_state;

struct wc_workbench {
    struct wc_model *model, *backbone;
    char *model_key, *backbone_key; // what they were opened from
    struct wc_state *entered;       // the run in hand, or NULL
    uint64_t n_passes;              // of the encoder, of runs that were left
    size_t n_opened;                // models, in all
    bool shared_node;               // other ranks are on this node: packed weights once for all
    struct wc_queue *queue;         // of the phase in hand, for MPI's progress between chunks
    void (*show)(void *);           // progress for people, between chunks; may be NULL
    void *show_data;
};

// The configuration's model, from $WINCLIP_STAGED_TO where that is a copy of it on this node's disk
// (slurm/common.sh made it and compared the bytes; $WINCLIP_STAGED_FROM is the model's path); its
// backbone for square inputs of image_px pixels. Not collective.
enum wc_err wc_workbench_model(struct wc_workbench *b, const struct wc_config *c,
                               struct wc_error *err);
enum wc_err wc_workbench_backbone(struct wc_workbench *b, const struct wc_config *c,
                                  size_t image_px, struct wc_error *err);

// The run in hand is this one from now on: its networks are open and it has a scorer. Leaving frees
// the scorer. Not collective.
enum wc_err wc_workbench_enter(struct wc_workbench *b, struct wc_state *s, struct wc_error *err);
void wc_workbench_leave(struct wc_workbench *b);

// Between chunks of work (`data` is a workbench).
void wc_workbench_between_chunks(void *data);

void wc_workbench_release(struct wc_workbench *b);

#endif
