/* SPDX-License-Identifier: MIT */
#include "sim/queue.h"

#include <assert.h>
#include <stdalign.h>

#define NO_SLOT UINT32_MAX

_Static_assert(HF_SIM_EVENTS_MAX < NO_SLOT, "slot numbers leave one value for none");

static size_t slots_bytes(const struct hf_sim_queue *queue)
{
    return queue->capacity * sizeof(*queue->slots);
}

static size_t heap_bytes(const struct hf_sim_queue *queue)
{
    return queue->capacity * sizeof(*queue->heap);
}

bool hf_sim_queue_init(
    struct hf_sim_queue *queue, uint32_t capacity, const struct hf_allocator *allocator)
{
    assert(capacity > 0 && capacity <= HF_SIM_EVENTS_MAX);
    *queue =
        (struct hf_sim_queue){.allocator = *allocator, .capacity = capacity, .free_slot = NO_SLOT};
    queue->slots = hf_allocate(allocator, slots_bytes(queue), alignof(struct hf_sim_slot));
    queue->heap = hf_allocate(allocator, heap_bytes(queue), alignof(uint32_t));
    if (queue->slots && queue->heap)
        return true;
    hf_sim_queue_fini(queue);
    return false;
}

void hf_sim_queue_fini(struct hf_sim_queue *queue)
{
    hf_release(&queue->allocator, queue->heap, heap_bytes(queue), alignof(uint32_t));
    hf_release(&queue->allocator, queue->slots, slots_bytes(queue), alignof(struct hf_sim_slot));
}

static bool comes_before(const struct hf_sim_queue *queue, uint32_t slot, uint32_t other)
{
    const struct hf_sim_slot *left = &queue->slots[slot];
    const struct hf_sim_slot *right = &queue->slots[other];
    if (left->at_ns != right->at_ns)
        return left->at_ns < right->at_ns;
    return left->number < right->number;
}

static void put(struct hf_sim_queue *queue, uint32_t place, uint32_t slot)
{
    queue->heap[place] = slot;
    queue->slots[slot].place = place;
}

static void sift_up(struct hf_sim_queue *queue, uint32_t place, uint32_t slot)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!comes_before(queue, slot, queue->heap[parent]))
            break;
        put(queue, place, queue->heap[parent]);
        place = parent;
    }
    put(queue, place, slot);
}

static void sift_down(struct hf_sim_queue *queue, uint32_t place, uint32_t slot)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= queue->count)
            break;
        if (child + 1 < queue->count &&
            comes_before(queue, queue->heap[child + 1], queue->heap[child]))
            child++;
        if (!comes_before(queue, queue->heap[child], slot))
            break;
        put(queue, place, queue->heap[child]);
        place = child;
    }
    put(queue, place, slot);
}

/* Freed slots first: memory is touched only as far as events ever waited at once. */
static uint32_t claim_slot(struct hf_sim_queue *queue)
{
    uint32_t slot = queue->free_slot;
    if (slot == NO_SLOT)
        return queue->touched++;
    queue->free_slot = queue->slots[slot].place;
    return slot;
}

bool hf_sim_queue_add(struct hf_sim_queue *queue, uint64_t at_ns, hf_sim_function *function,
    void *context, struct hf_sim_event *event)
{
    *event = (struct hf_sim_event){0};
    if (queue->count == queue->capacity)
        return false;
    uint32_t slot = claim_slot(queue);
    assert(queue->slots[slot].number == 0);
    queue->slots[slot] = (struct hf_sim_slot){
        .at_ns = at_ns, .number = ++queue->last_number, .function = function, .context = context};
    sift_up(queue, queue->count++, slot);
    *event = (struct hf_sim_event){queue->last_number, slot};
    return true;
}

/* The last one in the heap fills the gap, and may have to move either way from there. */
static void remove_slot(struct hf_sim_queue *queue, uint32_t slot)
{
    uint32_t place = queue->slots[slot].place;
    assert(queue->heap[place] == slot);
    uint32_t filler = queue->heap[--queue->count];
    if (filler != slot) {
        sift_down(queue, place, filler);
        sift_up(queue, queue->slots[filler].place, filler);
    }
    queue->slots[slot] = (struct hf_sim_slot){.place = queue->free_slot};
    queue->free_slot = slot;
}

bool hf_sim_queue_remove(struct hf_sim_queue *queue, struct hf_sim_event event)
{
    if (event.number == 0 || event.slot >= queue->touched)
        return false;
    if (queue->slots[event.slot].number != event.number)
        return false;
    remove_slot(queue, event.slot);
    return true;
}

const struct hf_sim_slot *hf_sim_queue_first(const struct hf_sim_queue *queue)
{
    return queue->count > 0 ? &queue->slots[queue->heap[0]] : NULL;
}

struct hf_sim_slot hf_sim_queue_take(struct hf_sim_queue *queue)
{
    assert(queue->count > 0);
    struct hf_sim_slot first = queue->slots[queue->heap[0]];
    remove_slot(queue, queue->heap[0]);
    return first;
}
