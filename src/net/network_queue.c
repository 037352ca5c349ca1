/* SPDX-License-Identifier: MIT */

#include "net/network_queue.h"

#define EVENTS_BYTES (HF_NETWORK_EVENTS_MAX * sizeof(struct hf_network_event))
#define CLOSED UINT64_C(1) /* No address of a command. */

enum hf_status hf_network_queue_init(
    struct hf_network_queue *queue, const struct hf_allocator *allocator)
{
    *queue = (struct hf_network_queue){.allocator = *allocator};
    queue->events = hf_allocate(allocator, EVENTS_BYTES, _Alignof(struct hf_network_event));
    return queue->events ? HF_OK : HF_NO_MEMORY;
}

void hf_network_queue_fini(struct hf_network_queue *queue)
{
    struct hf_network_command *command = hf_network_queue_commands(queue, true);
    while (command) {
        struct hf_network_command *next = command->next;
        hf_network_command_free(queue, command);
        command = next;
    }
    hf_release(&queue->allocator, queue->events, EVENTS_BYTES, _Alignof(struct hf_network_event));
    queue->events = NULL;
}

/* How many may wait for one more of the kind to be put behind them. */
static uint64_t share_of(enum hf_network_event_kind kind)
{
    if (kind == HF_NETWORK_STOPPED)
        return HF_NETWORK_EVENTS_MAX;
    return kind == HF_NETWORK_REFUSED ? HF_NETWORK_EVENTS_MAX / 2 : HF_NETWORK_EVENTS_MAX - 1;
}

void hf_network_queue_put(struct hf_network_queue *queue, const struct hf_network_event *event)
{
    uint64_t written = queue->written;
    if (written - hf_load_acquire(&queue->read) >= share_of(event->kind)) {
        queue->missed++;
        return;
    }
    struct hf_network_event *slot = &queue->events[written % HF_NETWORK_EVENTS_MAX];
    *slot = *event;
    slot->missed = queue->missed;
    queue->missed = 0;
    hf_store_release(&queue->written, written + 1);
}

bool hf_network_queue_take(struct hf_network_queue *queue, struct hf_network_event *event)
{
    uint64_t read = queue->read;
    if (hf_load_acquire(&queue->written) == read)
        return false;
    *event = queue->events[read % HF_NETWORK_EVENTS_MAX];
    hf_store_release(&queue->read, read + 1);
    return true;
}

enum hf_status hf_network_queue_push(
    struct hf_network_queue *queue, const struct hf_network_command *command)
{
    if (hf_add_relaxed(&queue->commands_count, 1) >= HF_NETWORK_COMMANDS_MAX) {
        hf_add_relaxed(&queue->commands_count, UINT64_MAX);
        return HF_FULL;
    }
    struct hf_network_command *copy =
        hf_allocate(&queue->allocator, sizeof *copy, _Alignof(struct hf_network_command));
    if (!copy) {
        hf_add_relaxed(&queue->commands_count, UINT64_MAX);
        return HF_NO_MEMORY;
    }
    *copy = *command;
    uint64_t newest = hf_load_relaxed(&queue->commands);
    do {
        if (newest == CLOSED) {
            hf_network_command_free(queue, copy);
            return HF_CLOSED;
        }
        copy->next = (struct hf_network_command *)(uintptr_t)newest;
    } while (!hf_cas_acq_rel(&queue->commands, &newest, (uint64_t)(uintptr_t)copy));
    return HF_OK;
}

struct hf_network_command *hf_network_queue_commands(struct hf_network_queue *queue, bool last)
{
    uint64_t left = last ? CLOSED : 0;
    uint64_t newest = hf_load_relaxed(&queue->commands);
    while (newest != CLOSED && newest != left && !hf_cas_acq_rel(&queue->commands, &newest, left))
        ;
    if (newest == CLOSED)
        return NULL;
    struct hf_network_command *oldest = NULL;
    struct hf_network_command *command = (struct hf_network_command *)(uintptr_t)newest;
    while (command) {
        struct hf_network_command *next = command->next;
        command->next = oldest;
        oldest = command;
        command = next;
    }
    return oldest;
}

void hf_network_command_free(struct hf_network_queue *queue, struct hf_network_command *command)
{
    hf_add_relaxed(&queue->commands_count, UINT64_MAX);
    hf_release(&queue->allocator, command, sizeof *command, _Alignof(struct hf_network_command));
}
