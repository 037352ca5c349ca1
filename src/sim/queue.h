/* SPDX-License-Identifier: MIT */
#ifndef HF_SIM_QUEUE_H
#define HF_SIM_QUEUE_H

#include <stdbool.h>

#include <holdfast/sim.h>

/*
 * Events in order of time, those of equal times in the order in which they came: a binary heap of
 * slot numbers. A slot knows its place in the heap, so that an event can be taken out from the
 * middle.
 *
 * Numbers grow by one with each event and never return; a handle is good only while its slot holds
 * its number, so that a stale one can neither hit a later event nor be forged by reuse.
 */

struct hf_sim_slot {
    uint64_t at_ns;
    uint64_t number; /* 0: free. */
    hf_sim_function *function;
    void *context;
    uint32_t place; /* In the heap; in a free slot, the next free one. */
};

struct hf_sim_queue {
    struct hf_allocator allocator;
    struct hf_sim_slot *slots; /* capacity of them, touched only as far as ever used at once. */
    uint32_t *heap;
    uint32_t capacity;
    uint32_t count;
    uint32_t touched;   /* Slots that have ever been used. */
    uint32_t free_slot; /* Head of the list of free slots among those, NO_SLOT if none. */
    uint64_t last_number;
};

/* False: no memory, nothing to free. */
bool hf_sim_queue_init(
    struct hf_sim_queue *queue, uint32_t capacity, const struct hf_allocator *allocator);
void hf_sim_queue_fini(struct hf_sim_queue *queue);

/* False, and *event names none, if the queue is full. */
bool hf_sim_queue_add(struct hf_sim_queue *queue, uint64_t at_ns, hf_sim_function *function,
    void *context, struct hf_sim_event *event);

/* False if event names none that waits. */
bool hf_sim_queue_remove(struct hf_sim_queue *queue, struct hf_sim_event event);

/* The first event, NULL if none waits. Borrowed until the queue changes. */
const struct hf_sim_slot *hf_sim_queue_first(const struct hf_sim_queue *queue);

/* Takes the first event out. One must wait. */
struct hf_sim_slot hf_sim_queue_take(struct hf_sim_queue *queue);

#endif
