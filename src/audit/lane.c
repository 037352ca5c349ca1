/* SPDX-License-Identifier: MIT */
#include "audit/lane.h"

#include <assert.h>

#include "base/processor.h"
#include "base/step.h"

#define REVOKED UINT64_C(1)
#define NO_RECORD UINT64_MAX

_Static_assert(HF_LANE_RECORD_BYTES_MAX <= 4096, "the smallest lane holds any record");

/* Room for one record behind each ring's end, and the next ring on a cache line of its own. */
static size_t ring_stride(uint64_t lane_bytes)
{
    size_t slack = (HF_LANE_RECORD_BYTES_MAX + HF_CACHE_LINE - 1) / HF_CACHE_LINE * HF_CACHE_LINE;
    return (size_t)lane_bytes + slack;
}

enum hf_status hf_lanes_init(struct hf_lanes *lanes, const struct hf_allocator *allocator,
    uint32_t lane_bytes, uint64_t first_number)
{
    assert(lane_bytes >= 4096 && (lane_bytes & (lane_bytes - 1)) == 0);
    size_t stride = ring_stride(lane_bytes);
    lanes->memory = hf_allocate(allocator, stride * HF_AUDIT_LANES, HF_CACHE_LINE);
    if (!lanes->memory)
        return HF_NO_MEMORY;
    lanes->lane_bytes = lane_bytes;
    lanes->sequence = first_number;
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++) {
        lanes->lanes[i].ring = lanes->memory + i * stride;
        lanes->next[i] = NO_RECORD;
    }
    return HF_OK;
}

void hf_lanes_fini(struct hf_lanes *lanes, const struct hf_allocator *allocator)
{
    hf_release(
        allocator, lanes->memory, ring_stride(lanes->lane_bytes) * HF_AUDIT_LANES, HF_CACHE_LINE);
    lanes->memory = NULL;
}

static uint64_t record_bytes(uint64_t body_bytes)
{
    return (sizeof(struct hf_record) + body_bytes + 7) & ~UINT64_C(7);
}

static struct hf_record *record_at(
    const struct hf_lanes *lanes, const struct hf_lane *lane, uint64_t position)
{
    return (struct hf_record *)(void *)(lane->ring + (position & (lanes->lane_bytes - 1)));
}

/* P2 to P4. */
static bool take_lane(const struct hf_lanes *lanes, struct hf_lane *lane, uint64_t announced,
    uint64_t bytes, struct hf_reservation *reservation)
{
    uint64_t nobody = 0;
    if (hf_load_relaxed(&lane->owner) != nobody || !hf_cas_seq(&lane->owner, &nobody, announced))
        return false;
    uint64_t tail = hf_load_seq(&lane->tail);
    if (tail & REVOKED) {
        tail &= ~REVOKED;
        hf_store_seq(&lane->tail, tail);
    }
    if (tail + bytes - hf_load_acquire(&lane->head) > lanes->lane_bytes) {
        hf_store_release(&lane->owner, 0);
        return false;
    }
    reservation->lane = lane;
    reservation->tail = tail;
    reservation->tail_next = tail + bytes;
    reservation->record = record_at(lanes, lane, tail);
    return true;
}

/* Producers on different processors begin at different lanes, so that they seldom meet. */
bool hf_lanes_reserve(struct hf_lanes *lanes, size_t body_bytes, struct hf_reservation *reservation)
{
    assert(body_bytes > 0 && body_bytes <= HF_RECORD_BODY_BYTES_MAX);
    uint64_t bytes = record_bytes(body_bytes);
    uint32_t home = hf_processor_index();
#ifdef HF_MUTANT_AUDIT_NO_ANNOUNCE
    uint64_t announced = UINT64_MAX;
#else
    uint64_t announced = hf_load_relaxed(&lanes->sequence) + 1;
#endif
    hf_step(HF_STEP_AUDIT_LOADED);
    for (uint32_t i = 0; i < HF_AUDIT_LANES; i++) {
        struct hf_lane *lane = &lanes->lanes[(home + i) % HF_AUDIT_LANES];
        if (!take_lane(lanes, lane, announced, bytes, reservation))
            continue;
        hf_step(HF_STEP_AUDIT_ANNOUNCED);
        reservation->record->number = hf_add_seq(&lanes->sequence, 1);
        reservation->record->body_bytes = body_bytes;
        hf_step(HF_STEP_AUDIT_NUMBERED);
        return true;
    }
    return false;
}

bool hf_lanes_commit(struct hf_reservation *reservation, uint64_t time_ns)
{
    struct hf_lane *lane = reservation->lane;
    reservation->record->time_ns = time_ns;
    hf_step(HF_STEP_AUDIT_COPIED);
    uint64_t expected = reservation->tail;
    bool published = hf_cas_seq(&lane->tail, &expected, reservation->tail_next);
    hf_step(HF_STEP_AUDIT_PUBLISHED);
    hf_store_release(&lane->owner, 0);
    return published;
}

void hf_lanes_skip(struct hf_lanes *lanes)
{
    hf_add_seq(&lanes->sequence, 1);
}

/* True if the same producer seems to have been inside for too long. */
static bool is_stalled(struct hf_lane_reader *reader, uint64_t owner, uint64_t now_ns)
{
    if (owner != reader->owner) {
        reader->owner = owner;
        reader->since_ns = now_ns;
    }
    return owner != 0 && now_ns - reader->since_ns >= HF_AUDIT_STALL_NS;
}

/* W2 for one lane; gives the number to which it holds the bound back. */
static uint64_t observe_lane(struct hf_lane *lane, struct hf_lane_reader *reader, uint64_t now_ns)
{
    uint64_t owner = hf_load_seq(&lane->owner);
    uint64_t tail = hf_load_seq(&lane->tail);
    if (is_stalled(reader, owner, now_ns) && !(tail & REVOKED)) {
        hf_step(HF_STEP_AUDIT_REVOKING);
        /* On failure tail is what was published meanwhile, and the next round sees to the lane. */
        if (hf_cas_seq(&lane->tail, &tail, tail | REVOKED))
            tail |= REVOKED;
    }
    reader->tail = tail & ~REVOKED;
    return owner != 0 && !(tail & REVOKED) ? owner - 1 : UINT64_MAX;
}

static void find_next(struct hf_lanes *lanes, unsigned index)
{
    const struct hf_lane_reader *reader = &lanes->readers[index];
    lanes->next[index] = reader->taken == reader->tail
                             ? NO_RECORD
                             : record_at(lanes, &lanes->lanes[index], reader->taken)->number;
}

uint64_t hf_lanes_observe(struct hf_lanes *lanes, uint64_t now_ns)
{
    uint64_t bound = hf_load_seq(&lanes->sequence);
    hf_step(HF_STEP_AUDIT_COUNTED);
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++) {
        uint64_t held = observe_lane(&lanes->lanes[i], &lanes->readers[i], now_ns);
        if (held < bound)
            bound = held;
        find_next(lanes, i);
    }
    hf_step(HF_STEP_AUDIT_DRAINING);
    return bound;
}

const struct hf_record *hf_lanes_first(struct hf_lanes *lanes, uint64_t bound)
{
    unsigned first = 0;
    for (unsigned i = 1; i < HF_AUDIT_LANES; i++) {
        if (lanes->next[i] < lanes->next[first])
            first = i;
    }
    lanes->first = first;
    if (lanes->next[first] >= bound)
        return NULL;
    return record_at(lanes, &lanes->lanes[first], lanes->readers[first].taken);
}

void hf_lanes_take(struct hf_lanes *lanes)
{
    unsigned first = lanes->first;
    struct hf_lane_reader *reader = &lanes->readers[first];
    assert(reader->taken < reader->tail);
    reader->taken +=
        record_bytes(record_at(lanes, &lanes->lanes[first], reader->taken)->body_bytes);
    find_next(lanes, first);
}

void hf_lanes_release(struct hf_lanes *lanes)
{
    for (unsigned i = 0; i < HF_AUDIT_LANES; i++) {
        struct hf_lane_reader *reader = &lanes->readers[i];
        if (reader->released == reader->taken)
            continue;
        reader->released = reader->taken;
        hf_store_release(&lanes->lanes[i].head, reader->taken);
    }
}
