/* SPDX-License-Identifier: MIT */
#ifndef HF_AUDIT_LANE_H
#define HF_AUDIT_LANE_H

/*
 * Lanes: rings of bytes through which any number of producers hand numbered records to one writer,
 * such that the writer knows of every number whether its record is there, will still come, or never
 * will. Nobody waits for anybody.
 *
 *     struct hf_reservation reservation;                      // a producer
 *     if (hf_lanes_reserve(lanes, body_bytes, &reservation)) {
 *         memcpy(reservation.record->body, body, body_bytes);
 *         kept = hf_lanes_commit(&reservation, time_ns);
 *     } else {
 *         hf_lanes_skip(lanes);                               // a number without a record
 *     }
 *
 *     bound = hf_lanes_observe(lanes, now_ns);                // the writer
 *     while ((record = hf_lanes_first(lanes, bound)))
 *         ..., hf_lanes_take(lanes);
 *     hf_lanes_release(lanes);
 *
 * All numbers below bound are accounted for then: each was the number of a record in the loop, now
 * or in an earlier one, or its record never comes.
 *
 * The protocol
 *
 * Shared words: `sequence`, the next number; in each lane `owner`, 0 or an announced number plus 1;
 * `tail` and `head`, the positions up to which the ring was filled and emptied, multiples of 8 that
 * only grow; bit 0 of tail says that the writer has revoked the lane. A producer
 *
 *     P1  loads sequence: b
 *     P2  swaps owner from 0 to b + 1 (seq): the lane is its own, and b is announced
 *     P3  loads tail (seq); if the lane is revoked, stores it without the bit (seq)
 *     P4  if there is no room, gives the lane back as in P8
 *     P5  adds 1 to sequence (seq): its number n
 *     P6  copies the record into the ring
 *     P7  swaps tail from what P3 left there to the end of the record (seq); if that fails,
 *         the lane was revoked, and the record is not published
 *     P8  stores owner 0 (release)
 *
 * A producer that finds no lane does P5 alone. The writer
 *
 *     W1  loads sequence (seq): h
 *     W2  of every lane loads owner, then tail (both seq); bound is the least of h and the numbers
 *         announced in lanes that are not revoked
 *
 * and takes the records with numbers below bound that stand before the tails of W2, the least
 * number first. An owner word that stays the same for HF_AUDIT_STALL_NS marks a producer that was
 * stopped: the writer swaps the lane's tail, as loaded, for the same with bit 0 (seq).
 *
 * The proof
 *
 * All accesses named seq have one order, S, that agrees with what each thread does and sees;
 * "before" means in S. tail is changed by accesses of that kind only.
 *
 * 1. b <= n: one thread's accesses to one word, sequence, which only grows.
 *
 * 2. The records of a lane ascend. P2 reads what the P8 of the lane's last owner wrote, so that
 *    one's P5 happened before this one's.
 *
 * 3. If n < bound, n's record stands before the tail of W2, or it is never published.
 *    n < h, so P5 is before W1, hence P2 and P3 are before W2. So W2 finds in owner either b + 1 as
 *    P2 stored it, or something later.
 *    Later: it comes from this producer's P8 or from one that began after that, so P7 happened
 *    before W2 loaded tail, and W2 finds the record published if ever it was.
 *    b + 1: as bound > n >= b, the announcement was passed over, so W2 found the revoking bit. What
 *    P3 left in tail has no such bit (between P3's load and store only the writer could change
 * tail, and it leaves a tail with the bit alone) and is before W2. From then on until the lane's
 * next owner tail changes at most twice: the writer sets the bit, and P7 succeeds. If the bit came
 *    first, P7 fails, for it expects what P3 left. If P7 came first, the record is there.
 *    A number that P5 took without a lane has no record.
 *
 * 4. So the writer may write what it finds in order of number, and name in a gap what is missing
 *    below bound: no record turns up late, and the producer of each learns the truth: P7 succeeded
 *    exactly if the record will be written.
 *
 * 5. The bound moves on. A producer holds it back from P2 to P8 only, or until it is revoked; to
 *    revoke a lane wrongly (say, because the writer's clock jumped) costs at most one record, which
 *    is named. The lane of a stopped producer stays taken, the other lanes serve all others.
 *
 * 6. A ring's bytes change hands by tail (P7 to W2) and by head (stored with release once records
 *    were copied out, loaded with acquire in P4). Reservations never wrap: a ring has room for one
 *    record behind its end, and the next record's position is taken modulo the ring as if the part
 *    behind the end had been at its beginning, where bytes therefore lie idle.
 */

#include <holdfast/allocator.h>
#include <holdfast/audit.h>

#include "audit/record.h"
#include "base/atomic.h"

/* What stands before a body in a ring. */
struct hf_record {
    uint64_t number;
    uint64_t time_ns;
    uint64_t body_bytes;
    char body[];
};

#define HF_LANE_RECORD_BYTES_MAX ((sizeof(struct hf_record) + HF_RECORD_BODY_BYTES_MAX + 7) / 8 * 8)

struct hf_lane {
    _Alignas(HF_CACHE_LINE) uint64_t owner;
    uint64_t tail;
    unsigned char *ring;
    _Alignas(HF_CACHE_LINE) uint64_t head;
};

/* What the writer alone knows of a lane. */
struct hf_lane_reader {
    uint64_t taken;    /* Position up to which records were taken. */
    uint64_t tail;     /* As of the latest observe. */
    uint64_t released; /* What head says. */
    uint64_t owner;    /* As of the latest observe, */
    uint64_t since_ns; /* and since when it has been the same. */
};

struct hf_lanes {
    _Alignas(HF_CACHE_LINE) uint64_t sequence;
    _Alignas(HF_CACHE_LINE) uint64_t lane_bytes;
    unsigned char *memory;
    struct hf_lane lanes[HF_AUDIT_LANES];
    struct hf_lane_reader readers[HF_AUDIT_LANES];
    uint64_t next[HF_AUDIT_LANES]; /* Number of the lane's first record; UINT64_MAX: none seen. */
    unsigned first;                /* The lane that hf_lanes_first chose. */
};

struct hf_reservation {
    struct hf_lane *lane;
    struct hf_record *record;
    uint64_t tail;
    uint64_t tail_next;
};

/* Zeroed memory in; numbers begin with first_number. HF_NO_MEMORY, or HF_OK: fini then. */
enum hf_status hf_lanes_init(struct hf_lanes *lanes, const struct hf_allocator *allocator,
    uint32_t lane_bytes, uint64_t first_number);
void hf_lanes_fini(struct hf_lanes *lanes, const struct hf_allocator *allocator);

/*
 * P1 to P5: room for a body of 1 to HF_RECORD_BODY_BYTES_MAX bytes in some lane, and a number.
 * False: all lanes are taken or full, and no number was taken. True: fill record->body, then commit
 * soon.
 */
bool hf_lanes_reserve(
    struct hf_lanes *lanes, size_t body_bytes, struct hf_reservation *reservation);

/* P7 and P8. False: the writer went on without this record, and its number is one of a gap. */
bool hf_lanes_commit(struct hf_reservation *reservation, uint64_t time_ns);

/* P5 alone: takes a number for a record that is dropped. */
void hf_lanes_skip(struct hf_lanes *lanes);

/* The calls below are the writer's alone. */

/* W1 and W2; revokes lanes that were stopped. Gives the bound. */
uint64_t hf_lanes_observe(struct hf_lanes *lanes, uint64_t now_ns);

/* The record of the least number below bound, or NULL. Stays until released. */
const struct hf_record *hf_lanes_first(struct hf_lanes *lanes, uint64_t bound);

/* Takes the record that hf_lanes_first gave last. */
void hf_lanes_take(struct hf_lanes *lanes);

/* Gives the room of all records taken back to producers. */
void hf_lanes_release(struct hf_lanes *lanes);

#endif
