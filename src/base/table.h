/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_TABLE_H
#define HF_BASE_TABLE_H

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/hash.h>

#include "base/atomic.h"
#include "base/multiply.h"
#include "base/step.h"

/*
 * A keyed table of arrival times, without locks and without pointers. Each key owns one slot: a
 * name of 60 bits and the theoretical arrival time (TAT) of the generic cell rate algorithm. A key
 * whose TAT has passed is the same as a key never seen, so its slot is anybody's: nothing is ever
 * swept, freed or resized. table.c holds the protocol and its proof.
 *
 *     struct hf_table_request request = {.charge_ns = ..., .tolerance_ns = ...};
 *     request.key = hf_table_locate(&table, hash);
 *     request.now_ns = hf_clock_now_ns(clock);
 *     if (hf_table_charge(&table, request).verdict == HF_TABLE_ADMITTED) ...
 *
 * locate only prefetches the key's line, so that reading a clock or hashing the next key between
 * the two calls hides the memory's latency.
 */

#define HF_TABLE_LINE_SLOTS 4
#define HF_TABLE_FINGERPRINT_BITS 48
/* How far a slot is from its key's home has 4 bits in its name. */
#define HF_TABLE_PATH_LINES_MAX 16
/* Keeps arrival times, for any now up to HF_TIME_MAX_NS, below 2^62. */
#define HF_TABLE_TOLERANCE_MAX_NS (UINT64_C(1) << 60)
/* 4 TiB of lines, so that sizes fit 64 bits with room to spare. */
#define HF_TABLE_HOMES_MAX (UINT64_C(1) << 36)

struct hf_table_line {
    uint64_t names[HF_TABLE_LINE_SLOTS];
    uint64_t times[HF_TABLE_LINE_SLOTS];
};

_Static_assert(sizeof(struct hf_table_line) == HF_CACHE_LINE, "a line is one cache line");

struct hf_table {
    struct hf_table_line *lines;
    uint64_t homes;      /* Lines that keys call home; path_lines - 1 more follow. */
    uint32_t path_lines; /* Lines in which a key may live, from its home on. */
    struct hf_allocator allocator;
    /* Written by insertions only, hence apart from the words above that every request reads. */
    _Alignas(HF_CACHE_LINE) uint64_t horizon; /* No evicted key's time was later than this. */
    uint64_t inserted;                        /* Keys given a slot. */
};

enum hf_table_verdict {
    HF_TABLE_ADMITTED, /* Charged (or, for a peek, would have been). */
    HF_TABLE_DENIED,   /* Too early; nothing written that anybody can notice. */
    HF_TABLE_FULL,     /* A new key, and each slot on its path is a live key's. */
    HF_TABLE_AGAIN,    /* Never told to callers, like the next: the slot changed, look again. */
    HF_TABLE_ABSENT,   /* The key has no committed slot. */
};

/* A key: its home line and its name there. */
struct hf_table_key {
    struct hf_table_line *home;
    uint64_t fingerprint;
};

struct hf_table_request {
    struct hf_table_key key;
    uint64_t charge_ns;           /* Cost times interval: 1 to tolerance_ns. */
    uint64_t tolerance_ns;        /* Burst times interval: at most HF_TABLE_TOLERANCE_MAX_NS. */
    uint64_t now_ns;              /* At most HF_TIME_MAX_NS. */
    const struct hf_clock *clock; /* What now_ns was read from, and is again where a key is
                                     inserted. Borrowed. NULL: now_ns is a caller's word. */
};

struct hf_table_answer {
    enum hf_table_verdict verdict;
    uint64_t now_ns; /* The time decided against: the request's, or a later one of its clock. */
    uint64_t tat_ns; /* At least now_ns. Admitted or denied: the key's TAT as it stands after.
                        Full: when the first slot on the path comes free. */
};

/*
 * Makes an empty table of 1 to HF_TABLE_HOMES_MAX lines that are home to keys, for paths of 1 to
 * HF_TABLE_PATH_LINES_MAX lines. allocator: NULL means libc's. HF_NO_MEMORY: error names the size.
 */
HF_MUST_USE enum hf_status hf_table_init(struct hf_table *table, uint64_t homes,
    uint32_t path_lines, const struct hf_allocator *allocator, struct hf_error *error);

/* Gives the memory back. No call may be under way. */
void hf_table_fini(struct hf_table *table);

/* Slots in the table. */
uint64_t hf_table_slots(const struct hf_table *table);

/* The answer that hf_table_charge would give; charges and inserts nothing. Lock-free. */
struct hf_table_answer hf_table_peek(
    struct hf_table *table, const struct hf_table_request *request);

/* hf_table_charge without the short cut. */
struct hf_table_answer hf_table_search(
    struct hf_table *table, const struct hf_table_request *request);

/*
 * Finds the key's home by multiplication and shift, so that the number of lines need not be a power
 * of two, and starts to fetch it. Home and fingerprint come from different halves of the hash.
 */
static inline struct hf_table_key hf_table_locate(
    const struct hf_table *table, struct hf_hash128 hash)
{
    uint64_t fingerprint = hash.low >> (64 - HF_TABLE_FINGERPRINT_BITS);
    struct hf_table_key key = {
        &table->lines[hf_multiply(hash.high, table->homes).high],
        fingerprint | (fingerprint == 0), /* Name 0 is an empty slot's. */
    };
    /* For reading: denials of a hot key must be able to share its line. */
    __builtin_prefetch(key.home);
    return key;
}

/* The words of a slot; table.c explains them. */
#define HF_TABLE_PRIVATE (UINT64_C(1) << 63)
#define HF_TABLE_TENTATIVE (UINT64_C(1) << 62)
#define HF_TABLE_FLAGS (HF_TABLE_PRIVATE | HF_TABLE_TENTATIVE)
#define HF_TABLE_OVERFLOW_ONE (UINT64_C(1) << 52)
#define HF_TABLE_NAME_MASK (HF_TABLE_OVERFLOW_ONE - 1)

/*
 * A slot is taken over this long after it expired, and times in the table are this much ahead, so
 * that in a fresh table (all zero) every slot has expired at time 0. Claiming and publishing move a
 * TAT on by two, each bump by one; the margin keeps that in the past, where it cannot deny the new
 * key anything.
 */
#define HF_TABLE_MARGIN_NS 64

static inline bool hf_table_too_late(uint64_t next, uint64_t now, uint64_t tolerance)
{
#ifdef HF_MUTANT_TOLERANCE
    tolerance++;
#endif
    return next - now > tolerance;
}

static inline uint32_t hf_table_bears(
    const struct hf_table_line *line, uint32_t index, uint64_t name)
{
    return hf_load_relaxed(&line->names[index]) == name;
}

/*
 * The slot of a line that may bear the name. The caller looks at it again in any case, so slot 0,
 * which shares its word with overflow, also stands for none, and if two bear it the answer is off.
 * Sums, not branches: nobody could predict which slot it is.
 */
static inline uint32_t hf_table_guess(const struct hf_table_line *line, uint64_t name)
{
    return (hf_table_bears(line, 1, name) + 2 * hf_table_bears(line, 2, name) +
               3 * hf_table_bears(line, 3, name)) %
           HF_TABLE_LINE_SLOTS;
}

static inline struct hf_table_answer hf_table_answer(
    enum hf_table_verdict verdict, uint64_t now, uint64_t tat)
{
    struct hf_table_answer answer = {
        verdict, now - HF_TABLE_MARGIN_NS, (tat > now ? tat : now) - HF_TABLE_MARGIN_NS};
    return answer;
}

/*
 * Steps 2 to 4 of table.c for one slot, if it bears the name. now: the table's. HF_TABLE_ABSENT: it
 * is flagged, or bears another name.
 */
static inline struct hf_table_answer hf_table_decide(struct hf_table_line *line, uint32_t index,
    uint64_t name, const struct hf_table_request *request, uint64_t now, bool charging)
{
    uint64_t *word = &line->times[index];
    hf_step(HF_STEP_TABLE_FOUND);
    uint64_t time = hf_load_acquire(word);
    hf_step(HF_STEP_TABLE_LOADED);
    if ((hf_load_acquire(&line->names[index]) ^ name) & HF_TABLE_NAME_MASK)
        return hf_table_answer(HF_TABLE_ABSENT, now, now);
    uint64_t base = time > now ? time : now;
    uint64_t next = base + request->charge_ns;
    hf_step(HF_STEP_TABLE_CHARGING);
    if (hf_table_too_late(next, now, request->tolerance_ns)) {
        if (time & HF_TABLE_FLAGS)
            return hf_table_answer(HF_TABLE_ABSENT, now, now);
        bool same = hf_load_relaxed(word) == time;
        return hf_table_answer(same ? HF_TABLE_DENIED : HF_TABLE_AGAIN, now, base);
    }
    if (!charging) {
        bool same = hf_load_relaxed(word) == time;
        return hf_table_answer(same ? HF_TABLE_ADMITTED : HF_TABLE_AGAIN, now, base);
    }
    bool charged = hf_cas_acq_rel(word, &time, next);
    return hf_table_answer(charged ? HF_TABLE_ADMITTED : HF_TABLE_AGAIN, now, next);
}

/*
 * Asks for request.charge_ns. Lock-free. Inline, because nearly every key that is present stands in
 * its home line and is decided at the first look; fewer instructions between two keys let the
 * processor fetch more lines at a time.
 */
static inline struct hf_table_answer hf_table_charge(
    struct hf_table *table, struct hf_table_request request)
{
    struct hf_table_line *home = request.key.home;
    uint64_t name = request.key.fingerprint; /* Displacement 0. */
    struct hf_table_answer answer = hf_table_decide(home, hf_table_guess(home, name), name,
        &request, request.now_ns + HF_TABLE_MARGIN_NS, true);
    if (answer.verdict < HF_TABLE_AGAIN)
        return answer;
    struct hf_table_request copy = request; /* So that the original can stay in registers. */
    return hf_table_search(table, &copy);
}

#endif
