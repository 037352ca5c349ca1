/* SPDX-License-Identifier: MIT */
#include <holdfast/sim_memory.h>

#include "base/atomic.h"

/*
 * In front of each piece, so that release can tell what was asked for. Shared words are changed by
 * sequentially consistent additions: this is for tests, where exact counts are worth more than
 * speed.
 */
struct label {
    size_t size_bytes;
    size_t alignment;
};

#define LABEL_BYTES 32

_Static_assert(sizeof(struct label) <= LABEL_BYTES, "the label fits before the piece");

/* The piece keeps its alignment, since this is a multiple of it. */
static size_t front_bytes(size_t alignment)
{
    return alignment > LABEL_BYTES ? alignment : LABEL_BYTES;
}

/* Enough for the label, too. */
static size_t whole_alignment(size_t alignment)
{
    return alignment > sizeof(uint64_t) ? alignment : sizeof(uint64_t);
}

void hf_sim_memory_init(struct hf_sim_memory *memory, const struct hf_sim_memory_options *options)
{
    if (!memory)
        return;
    *memory = (struct hf_sim_memory){.source = *hf_allocator_libc()};
    if (!options)
        return;
    memory->fail_at = options->fail_at;
    memory->fail_for = options->fail_for;
    memory->bytes_max = options->bytes_max;
    if (options->allocator)
        memory->source = *options->allocator;
}

static bool is_to_fail(const struct hf_sim_memory *memory, uint64_t request)
{
    if (memory->fail_at == 0 || request < memory->fail_at)
        return false;
    return memory->fail_for == 0 || request - memory->fail_at < memory->fail_for;
}

/* Claims the bytes before they are there, so that two threads cannot both take the last ones. */
static bool claim_bytes(struct hf_sim_memory *memory, uint64_t size_bytes)
{
    uint64_t live_bytes = hf_load_seq(&memory->live_bytes);
    do {
        if (size_bytes > UINT64_MAX - live_bytes)
            return false;
        if (memory->bytes_max != 0 && live_bytes + size_bytes > memory->bytes_max)
            return false;
    } while (!hf_cas_seq(&memory->live_bytes, &live_bytes, live_bytes + size_bytes));
    hf_max_seq(&memory->peak_bytes, live_bytes + size_bytes);
    return true;
}

static void *allocate_labelled(struct hf_sim_memory *memory, size_t size_bytes, size_t alignment)
{
    size_t front = front_bytes(alignment);
    if (size_bytes > SIZE_MAX - front)
        return NULL;
    char *whole = hf_allocate(&memory->source, front + size_bytes, whole_alignment(alignment));
    if (!whole)
        return NULL;
    char *piece = whole + front;
    *(struct label *)(void *)(piece - LABEL_BYTES) = (struct label){size_bytes, alignment};
    return piece;
}

static void *sim_allocate(void *context, size_t size_bytes, size_t alignment)
{
    struct hf_sim_memory *memory = context;
    if (!memory)
        return NULL;
    uint64_t request = hf_add_seq(&memory->requests, 1) + 1;
    void *piece = NULL;
    if (!is_to_fail(memory, request) && claim_bytes(memory, size_bytes)) {
        piece = allocate_labelled(memory, size_bytes, alignment);
        if (!piece)
            hf_add_seq(&memory->live_bytes, 0 - (uint64_t)size_bytes);
    }
    if (piece)
        hf_add_seq(&memory->live_count, 1);
    else
        hf_add_seq(&memory->refused, 1);
    return piece;
}

/* Released as it was allocated, whatever the caller says: its mistake is counted, not repeated. */
static void sim_release(void *context, void *piece, size_t size_bytes, size_t alignment)
{
    struct hf_sim_memory *memory = context;
    if (!memory || !piece)
        return;
    struct label label = *(struct label *)(void *)((char *)piece - LABEL_BYTES);
    if (label.size_bytes != size_bytes || label.alignment != alignment)
        hf_add_seq(&memory->mismatched, 1);
    size_t front = front_bytes(label.alignment);
    hf_release(&memory->source, (char *)piece - front, front + label.size_bytes,
        whole_alignment(label.alignment));
    hf_add_seq(&memory->live_bytes, 0 - label.size_bytes);
    hf_add_seq(&memory->live_count, UINT64_MAX);
}

struct hf_allocator hf_sim_memory_allocator(struct hf_sim_memory *memory)
{
    return (struct hf_allocator){memory, sim_allocate, sim_release};
}

struct hf_sim_memory_statistics hf_sim_memory_statistics(const struct hf_sim_memory *memory)
{
    if (!memory)
        return (struct hf_sim_memory_statistics){0};
    return (struct hf_sim_memory_statistics){
        .requests = hf_load_seq(&memory->requests),
        .refused = hf_load_seq(&memory->refused),
        .live_count = hf_load_seq(&memory->live_count),
        .live_bytes = hf_load_seq(&memory->live_bytes),
        .peak_bytes = hf_load_seq(&memory->peak_bytes),
        .mismatched = hf_load_seq(&memory->mismatched),
    };
}
