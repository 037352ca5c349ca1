/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_NETWORK_QUEUE_H
#define HF_NET_NETWORK_QUEUE_H

#include <holdfast/network.h>

#include "base/atomic.h"

/*
 * What goes between a network's thread and the application's, without locks.
 *
 * EVENTS: a ring with one writer and one reader. `written` and `read` count events for ever; the
 * writer owns the slots from written to read + MAX, the reader those from read to written.
 *
 *   writer                                   reader
 *   load read (acquire)                      load written (acquire)
 *   fill the slot                            copy the slot
 *   store written + 1 (release)              store read + 1 (release)
 *
 * Each side's release hands the slot over, the other's acquire takes it. What finds the ring full
 * is counted, and the next event says how many were missed. Strangers cause HF_NETWORK_REFUSED as
 * often as they like: it takes no more than half of the ring, so that they crowd out nothing but
 * each other. The last slot is kept for HF_NETWORK_STOPPED.
 *
 * COMMANDS: a stack that any thread pushes to and the network's thread empties as a whole. Since
 * nothing is ever popped alone, there is no ABA. How many wait is counted before a push, so that
 * their number stays within HF_NETWORK_COMMANDS_MAX. Who empties it for good leaves a mark in its
 * place, which each push sees and gives up at: what was pushed is either taken or refused.
 */

enum hf_network_command_kind {
    HF_COMMAND_DIAL,
    HF_COMMAND_OPEN,
    HF_COMMAND_CLOSE,
    HF_COMMAND_PING,
};

struct hf_network_command {
    struct hf_network_command *next;
    enum hf_network_command_kind kind;
    uint64_t number; /* Of a dial or a connection. */
    struct hf_multiaddr address;
    struct hf_peer_id peer;
    const char *protocol;
    void *stream_context;
};

struct hf_network_queue {
    struct hf_allocator allocator;
    struct hf_network_event *events; /* HF_NETWORK_EVENTS_MAX of them. */
    uint64_t missed;                 /* The writer's. */
    _Alignas(HF_CACHE_LINE) uint64_t written;
    _Alignas(HF_CACHE_LINE) uint64_t read;
    _Alignas(HF_CACHE_LINE) uint64_t commands; /* Address of the newest. */
    uint64_t commands_count;
};

HF_MUST_USE enum hf_status hf_network_queue_init(
    struct hf_network_queue *queue, const struct hf_allocator *allocator);
void hf_network_queue_fini(struct hf_network_queue *queue);

/* The writer's. */
void hf_network_queue_put(struct hf_network_queue *queue, const struct hf_network_event *event);

/* The reader's. False: there is none. */
bool hf_network_queue_take(struct hf_network_queue *queue, struct hf_network_event *event);

/* Copies a command. HF_FULL, HF_NO_MEMORY, HF_CLOSED. */
HF_MUST_USE enum hf_status hf_network_queue_push(
    struct hf_network_queue *queue, const struct hf_network_command *command);

/* All commands that wait, oldest first, to be freed one by one. NULL: none. With `last`, there will
 * be none any more. */
struct hf_network_command *hf_network_queue_commands(struct hf_network_queue *queue, bool last);
void hf_network_command_free(struct hf_network_queue *queue, struct hf_network_command *command);

#endif
