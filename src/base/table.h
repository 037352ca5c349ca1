/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_TABLE_H
#define HF_BASE_TABLE_H

#include <stddef.h>

#include <holdfast/allocator.h>
#include <holdfast/clock.h>
#include <holdfast/hash.h>

#include "base/atomic.h"
#include "base/likely.h"
#include "base/multiply.h"
#include "base/name_search.h"
#include "base/prefetch.h"
#include "base/step.h"

/*
 * A keyed table of arrival times, without locks and without pointers. Each key owns one slot: a
 * name of 54 bits and the theoretical arrival time (TAT) of the generic cell rate algorithm. A key
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
/* 48 of the hash and one that is always set, so that no name is 0. */
#define HF_TABLE_FINGERPRINT_BITS 49
/* How far a slot is from its key's home has 5 bits in its name. */
#define HF_TABLE_PATH_LINES_MAX 32
#define HF_TABLE_TOLERANCE_MAX_NS (UINT64_C(1) << 60)
/* 4 TiB of lines, so that sizes fit 64 bits with room to spare. */
#define HF_TABLE_HOMES_MAX (UINT64_C(1) << 36)
/* Owners of slots in a table that processes share: 1 to this. */
#define HF_TABLE_OWNER_MAX 255

struct hf_table_line {
    union {
        struct {
            uint64_t names[HF_TABLE_LINE_SLOTS];
            uint64_t times[HF_TABLE_LINE_SLOTS];
        };
        uint64_t words[2 * HF_TABLE_LINE_SLOTS]; /* The same: first the names, then the times. */
    };
};

_Static_assert(sizeof(struct hf_table_line) == HF_CACHE_LINE, "a line is one cache line");

/* What belongs to the whole table; written where keys are inserted, never by a known key. */
struct hf_table_shared {
    _Alignas(HF_CACHE_LINE) uint64_t horizon; /* No evicted key's time was later than this. */
    uint64_t inserted;                        /* Keys given a slot. */
};

/* What must be the same for all who use one table. */
struct hf_table_shape {
    uint64_t homes;      /* Lines that are home to keys: 1 to HF_TABLE_HOMES_MAX. */
    uint32_t path_lines; /* Lines in which a key may live: 1 to HF_TABLE_PATH_LINES_MAX. */
    uint64_t unit_ns;    /* The largest tolerance that is meant to be used: 1 to
                            HF_TABLE_TOLERANCE_MAX_NS. By larger ones TATs can be lowered less
                            far. */
};

/*
 * One process's view of a table. Read by every request, written by none. Beyond is_dead and its
 * context, which may be set between hf_table_attach and the first request, fields are private.
 */
struct hf_table {
    struct hf_table_line *lines;
    uint64_t homes;
    struct hf_table_shared *shared;
    uint64_t unit_ns;
    uint32_t path_lines;
    uint32_t owner; /* 0: nobody else's process uses the table. */
    /* Whether an owner is dead, and no thread of it can come back. NULL: nobody dies. */
    bool (*is_dead)(void *context, uint32_t owner);
    void *is_dead_context;
    struct hf_allocator allocator; /* hf_table_init's. */
};

enum hf_table_verdict {
    HF_TABLE_ADMITTED, /* Charged (or, for a peek, would have been), or adjusted. */
    HF_TABLE_DENIED,   /* Too early; nothing written that anybody can notice. */
    HF_TABLE_FULL,     /* A new key, and each slot on its path is a live key's. */
    HF_TABLE_AGAIN,    /* Never told to callers: the slot has changed, look again. */
    HF_TABLE_ABSENT,   /* The key has no committed slot. Told by hf_table_adjust only. */
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
 * Takes time from a key (a refund, a reset, a larger quota) or gives it some (a smaller quota). The
 * key's debt is what its TAT is ahead of now: scaled, then less subtract_ns, then at most
 * ceiling_ns. Zeros reset the key: its TAT becomes now.
 */
struct hf_table_adjustment {
    struct hf_table_key key;
    uint64_t now_ns;              /* At most HF_TIME_MAX_NS. */
    const struct hf_clock *clock; /* Read again once the TAT is known, so that no charge in it was
                                     later. Borrowed. NULL: now_ns is a caller's word. */
    uint64_t multiply;            /* The debt is multiplied by multiply / divide, rounded up, */
    uint64_t divide;              /* and not scaled at all if divide is 0. */
    uint64_t subtract_ns;
    uint64_t until_ns;   /* What a charge to be taken back had made of the TAT: of subtract_ns only
                            what lies between now and this. 0: all of it. */
    uint64_t ceiling_ns; /* UINT64_MAX: none. */
};

/*
 * Makes an empty table in memory of its own. allocator: NULL means libc's. HF_NO_MEMORY: error
 * names the size.
 */
HF_MUST_USE enum hf_status hf_table_init(struct hf_table *table, const struct hf_table_shape *shape,
    const struct hf_allocator *allocator, struct hf_error *error);

/* Asks for huge pages for the memory of hf_table_init (base/huge_pages.h), before it is touched. */
void hf_table_prefer_huge_pages(const struct hf_table *table);

/* Gives the memory of hf_table_init back. No call may be under way. */
void hf_table_fini(struct hf_table *table);

/* Size of a table in bytes; SIZE_MAX, which no memory has, if the address space is too small. */
size_t hf_table_bytes(const struct hf_table_shape *shape);

/*
 * Uses hf_table_bytes(shape) of memory, aligned to HF_CACHE_LINE, as a table: all zero an empty
 * one, otherwise one of the same shape that others may be using now or have left. It holds no
 * pointers. Borrowed; nothing to free. owner: 1 to HF_TABLE_OWNER_MAX, this process's own while it
 * lives; 0 if no other process uses the table.
 */
void hf_table_attach(
    struct hf_table *table, const struct hf_table_shape *shape, void *memory, uint32_t owner);

/* Slots in the table. */
uint64_t hf_table_slots(const struct hf_table *table);

/* The answer that hf_table_charge would give; charges and inserts nothing. Lock-free. */
struct hf_table_answer hf_table_peek(
    struct hf_table *table, const struct hf_table_request *request);

/* hf_table_charge for a key that hf_table_look has not found. */
struct hf_table_answer hf_table_search(
    struct hf_table *table, const struct hf_table_request *request);

/*
 * Adjusts a key's TAT, lock-free. HF_TABLE_ADMITTED: tat_ns is what it is now, which is later than
 * asked for if that is more than two units below the key's high-water mark.
 * HF_TABLE_ABSENT: nothing to adjust.
 */
struct hf_table_answer hf_table_adjust(
    struct hf_table *table, const struct hf_table_adjustment *adjustment);

/* The same for each key in turn: TATs to at most now + ceiling_ns. Returns how many were later. */
uint64_t hf_table_trim(
    struct hf_table *table, uint64_t ceiling_ns, const struct hf_clock *clock, uint64_t now_ns);

/*
 * Frees the slots that dead owners left unfinished; returns how many. Others may use the table. An
 * owner's number may be given to another process only once this has returned with the former
 * owner known as dead.
 */
uint64_t hf_table_recover(
    struct hf_table *table, bool (*is_dead)(void *context, uint32_t owner), void *context);

/*
 * Makes a table sound that nobody else uses, whatever its slots hold: frees those that are
 * unfinished or that no key can have, and counts again which lines others lead beyond. Returns how
 * many slots it freed.
 */
uint64_t hf_table_recount(struct hf_table *table);

/*
 * Finds the key's home by multiplication and shift, so that the number of lines need not be a power
 * of two. Home and fingerprint come from different halves of the hash; key_hash.h makes them.
 */
static inline struct hf_table_key hf_table_place(
    const struct hf_table *table, struct hf_hash128 hash)
{
    const unsigned spare_bits = 64 - HF_TABLE_FINGERPRINT_BITS;
    struct hf_table_key key = {
        &table->lines[hf_multiply(hash.high, table->homes).high],
        (hash.low | UINT64_C(1) << spare_bits) >> spare_bits,
    };
    return key;
}

/* The same, and starts to fetch the home. */
static inline struct hf_table_key hf_table_locate(
    const struct hf_table *table, struct hf_hash128 hash)
{
    struct hf_table_key key = hf_table_place(table, hash);
    hf_prefetch_to_read(key.home);
    return key;
}

/* The words of a slot; table.c explains them. */
#define HF_TABLE_RANGE (UINT64_MAX / 5)
#define HF_TABLE_OVERFLOW_BITS 10
#define HF_TABLE_OVERFLOW_ONE (UINT64_C(1) << (64 - HF_TABLE_OVERFLOW_BITS))
#define HF_TABLE_NAME_MASK (HF_TABLE_OVERFLOW_ONE - 1)

/* What a claim, a publication and a bump add to a time, so that it keeps room for its owner. */
#define HF_TABLE_STEP_NS 256

/*
 * A slot is taken over this long after it expired, and times in the table are this much ahead, so
 * that in a fresh table (all zero) every slot has expired at time 0. Claiming and publishing move a
 * TAT on by two steps, each bump by one; the margin keeps that in the past, where it cannot deny
 * the new key anything.
 */
#define HF_TABLE_MARGIN_NS (64 * HF_TABLE_STEP_NS)

/*
 * Whether a charge on top of tat, or of now where that is later, would go beyond the tolerance. The
 * charge alone never does (hf_table_request), so nothing wraps.
 */
static inline bool hf_table_too_late(
    uint64_t tat, uint64_t now, const struct hf_table_request *request)
{
    uint64_t tolerance = request->tolerance_ns;
#ifdef HF_MUTANT_TOLERANCE
    tolerance++;
#endif
    return tat > now + (tolerance - request->charge_ns);
}

/* Whether a slot's first word bears the name, beside whatever overflow. */
static inline bool hf_table_is_name(uint64_t word, uint64_t name)
{
    return (word ^ name) << HF_TABLE_OVERFLOW_BITS == 0;
}

/* Whether a time is still what it was before the name was loaded, argument (b). */
static inline bool hf_table_stands(const uint64_t *word, uint64_t time)
{
#ifdef HF_MUTANT_STALE_DENIAL
    (void)word;
    (void)time;
    return true;
#else
    return hf_load_relaxed(word) == time;
#endif
}

/*
 * The slot of a line that may bear the name. The caller looks at it again in any case, so slot 0,
 * which shares its word with overflow, also stands for none.
 */
static inline uint32_t hf_table_guess(const struct hf_table_line *line, uint64_t name)
{
    return hf_name_search(line->names, name);
}

static inline struct hf_table_answer hf_table_answer(
    enum hf_table_verdict verdict, uint64_t now, uint64_t tat)
{
    struct hf_table_answer answer = {
        verdict, now - HF_TABLE_MARGIN_NS, (tat > now ? tat : now) - HF_TABLE_MARGIN_NS};
    return answer;
}

/*
 * Steps 2 to 4 of table.c for one slot, if it bears the name and its time is plain; where that is
 * not so, or no longer, HF_TABLE_ABSENT. now: the table's.
 */
__attribute__((always_inline)) static inline struct hf_table_answer hf_table_charge_plain(
    struct hf_table_line *line, uint32_t index, uint64_t name,
    const struct hf_table_request *request, uint64_t now)
{
    uint64_t *name_word = &line->words[index]; /* One address for both words. */
    uint64_t *word = name_word + HF_TABLE_LINE_SLOTS;
    hf_step(HF_STEP_TABLE_FOUND);
    uint64_t time = hf_load_acquire(word);
    for (;;) {
        hf_step(HF_STEP_TABLE_LOADED);
        uint64_t found = hf_load_acquire(name_word);
        if (hf_unlikely(hf_table_too_late(time, now, request))) {
            /* Mostly the same few keys: whether they share their word can be predicted. */
            bool named = hf_likely(found == name) || hf_table_is_name(found, name);
            bool plain = time < HF_TABLE_RANGE && named;
            if (plain)
                hf_step(HF_STEP_TABLE_CHARGING);
            if (hf_likely(plain) && hf_likely(hf_table_stands(word, time)))
                return hf_table_answer(HF_TABLE_DENIED, now, time);
            return hf_table_answer(HF_TABLE_ABSENT, now, now);
        }
        if (hf_unlikely(!hf_table_is_name(found, name)))
            return hf_table_answer(HF_TABLE_ABSENT, now, now);
        hf_step(HF_STEP_TABLE_CHARGING);
        uint64_t next = (time > now ? time : now) + request->charge_ns;
        if (hf_likely(hf_cas_acq_rel(word, &time, next)))
            return hf_table_answer(HF_TABLE_ADMITTED, now, next);
    }
}

/*
 * The first look at a key: nearly every key that is present stands in its home line and is decided
 * by it. A verdict that is neither admitted nor denied is none: hf_table_search has to be asked.
 * Inline, because fewer instructions between two keys let the processor fetch more lines at a time.
 */
__attribute__((always_inline)) static inline struct hf_table_answer hf_table_look(
    struct hf_table_request request)
{
    struct hf_table_line *home = request.key.home;
    uint64_t name = request.key.fingerprint; /* Displacement 0. */
    return hf_table_charge_plain(
        home, hf_table_guess(home, name), name, &request, request.now_ns + HF_TABLE_MARGIN_NS);
}

/* Asks for request.charge_ns. Lock-free. */
static inline struct hf_table_answer hf_table_charge(
    struct hf_table *table, struct hf_table_request request)
{
    struct hf_table_answer answer = hf_table_look(request);
    if (answer.verdict < HF_TABLE_FULL)
        return answer;
    struct hf_table_request copy = request; /* So that the original can stay in registers. */
    return hf_table_search(table, &copy);
}

#endif
