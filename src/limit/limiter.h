/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_LIMITER_H
#define HF_LIMIT_LIMITER_H

#include <holdfast/limiter.h>

#include "base/clock_word.h"
#include "base/key_hash.h"
#include "base/table.h"
#include "limit/decision.h"

/* What each call of the keyed limiter, in whatever file it stands, has to know. */
struct hf_limiter {
    /* Read by every request, written by none. */
    struct hf_gcra gcra;
    const uint64_t *plain_clock; /* Where the clock can be read, and the hash is the fast one.
                                    NULL: one of them has to be called. */
    struct hf_clock clock;       /* now_ns is not NULL. */
    enum hf_full_policy full_policy;
    struct hf_key_hash hash;
    struct hf_quota quota;
    struct hf_attachment *attachment;      /* NULL: the table is in memory of its own. */
    struct hf_table table;                 /* Its written words have a cache line of their own, */
    _Alignas(HF_CACHE_LINE) uint64_t full; /* as have these. */
    uint64_t admitted_uncounted;
    _Alignas(HF_CACHE_LINE) uint64_t denying; /* See hf_limiter_locate. */
};

/* Checks the options and fills in all but the table. HF_INVALID; HF_IO: no seed to be had. */
HF_MUST_USE enum hf_status hf_limiter_configure(
    struct hf_limiter *limiter, const struct hf_limiter_options *options, struct hf_error *error);

/* The table's shape that a configured limiter wants. */
struct hf_table_shape hf_limiter_shape(
    const struct hf_limiter *limiter, const struct hf_limiter_options *options);

/* The name of the argument that is wrong, NULL if none is. */
static inline const char *hf_limiter_wrong_argument(
    const struct hf_limiter *limiter, struct hf_bytes key)
{
    if (!limiter)
        return "limiter";
    if (key.size == 0 || key.size > HF_KEY_BYTES_MAX)
        return "key.size";
    if (!key.data)
        return "key.data";
    return NULL;
}

/* The limiter's time, without a detour through hf_clock_now_ns. */
static inline uint64_t hf_limiter_now_ns(const struct hf_limiter *limiter)
{
    return limiter->clock.now_ns(limiter->clock.context);
}

/*
 * Starts to fetch the home of a key with this hash. An admission writes to the line, and it is half
 * of the traffic between processors to fetch it for that at once. But a key that is denied again
 * and again is only read, and its line must be everybody's: so from a denial on lines are fetched
 * for reading, until a new key comes. `denying` is a hint about that, and rarely changes.
 */
__attribute__((always_inline)) static inline struct hf_table_key hf_limiter_place(
    const struct hf_limiter *limiter, struct hf_hash128 hash)
{
    struct hf_table_key place = hf_table_place(&limiter->table, hash);
    if (hf_unlikely(hf_load_relaxed(&limiter->denying)))
        hf_prefetch_to_read(place.home);
    else
        hf_prefetch_to_write(place.home);
    return place;
}

/* Hashes a key and starts to fetch its line. */
__attribute__((always_inline)) static inline struct hf_table_key hf_limiter_locate(
    const struct hf_limiter *limiter, struct hf_bytes key)
{
    return hf_limiter_place(limiter, hf_key_hash_of(&limiter->hash, key.data, key.size));
}

/* Writes only what is not there yet, so that the word stays everybody's. */
static inline void hf_limiter_note_denying(struct hf_limiter *limiter, uint64_t denying)
{
    if (hf_load_relaxed(&limiter->denying) != denying)
        hf_store_relaxed(&limiter->denying, denying);
}

/* Whose quota is asked for, which one that is, and when: the arguments of a call, checked. */
struct hf_limiter_subject {
    struct hf_table_key key;
    const struct hf_gcra *gcra;
    uint64_t now_ns;
    const struct hf_clock *clock; /* What now_ns was read from. NULL: a caller's word. */
};

/*
 * For the calls that are less hurried than a check. quota: NULL means the limiter's own. clock:
 * read for the time; NULL: now_ns. Returns the name of the argument that is wrong, NULL if none is.
 */
const char *hf_limiter_subject(struct hf_limiter_subject *subject, const struct hf_limiter *limiter,
    struct hf_bytes key, const struct hf_gcra *quota, const struct hf_clock *clock,
    uint64_t now_ns);

/* attachment.c: table time at a reading of the clock that a limiter in a file was opened with. */
uint64_t hf_attachment_at(struct hf_attachment *attachment, uint64_t clock_ns);

/* Table time when the clock that the limiter was made with reads now_ns. */
static inline uint64_t hf_limiter_table_ns(const struct hf_limiter *limiter, uint64_t now_ns)
{
    return limiter->attachment ? hf_attachment_at(limiter->attachment, now_ns) : now_ns;
}

/* The clock of a limiter that may be NULL: it reads table time. */
static inline const struct hf_clock *hf_limiter_clock(const struct hf_limiter *limiter)
{
    return limiter ? &limiter->clock : NULL;
}

/*
 * What vouches for table time where a caller's clock has been read: that clock itself, but for a
 * limiter in a file only its own, which that one must be then, and otherwise NULL.
 */
const struct hf_clock *hf_limiter_clock_like(
    const struct hf_limiter *limiter, const struct hf_clock *clock);

static inline struct hf_table_request hf_limiter_asked(
    const struct hf_limiter_subject *subject, uint64_t charge_ns)
{
    struct hf_table_request request = {
        subject->key, charge_ns, subject->gcra->tolerance_ns, subject->now_ns, subject->clock};
    return request;
}

/* hf_limiter_peek_at with its arguments checked. */
enum hf_status hf_limiter_look(struct hf_limiter *limiter, const struct hf_limiter_subject *subject,
    uint64_t cost, struct hf_decision *decision);

/*
 * Answers whatever was not admitted: HF_TABLE_DENIED or HF_TABLE_FULL. charge_ns: what was asked
 * for, by gcra. counts: it was to be charged, so that a lack of room is one for the statistics.
 */
enum hf_status hf_limiter_refuse(struct hf_limiter *limiter, const struct hf_gcra *gcra,
    uint64_t charge_ns, bool counts, struct hf_table_answer answer, struct hf_decision *decision);

/*
 * lower.c: gives back what was charged: all of it, or, with the arrival time that the charge led to
 * in until_ns, but for the part that has passed, so that it is as if it had not been charged.
 */
void hf_limiter_give_back(struct hf_limiter *limiter, const struct hf_limiter_subject *subject,
    uint64_t charge_ns, uint64_t until_ns);

/*
 * Decides what the first look at a key's home line cannot: new and displaced keys, costs that are 0
 * or above the burst, slots that change under one's eyes. Told all in registers, as far as they
 * go, so that whoever gets by without it needs no memory for its sake.
 */
__attribute__((noinline)) enum hf_status hf_limiter_settle(struct hf_limiter *limiter,
    const struct hf_gcra *gcra, struct hf_table_key key, uint64_t cost, uint64_t now_ns,
    const struct hf_clock *clock, struct hf_decision *decision);

/*
 * Asks for cost cells of gcra's quota at now_ns <= HF_TIME_MAX_NS. clock: what now_ns was read
 * from, NULL for a caller's word. Inline for the reason that hf_table_look is.
 */
__attribute__((always_inline)) static inline enum hf_status hf_limiter_decide(
    struct hf_limiter *limiter, const struct hf_gcra *gcra, struct hf_table_key key, uint64_t cost,
    uint64_t now_ns, const struct hf_clock *clock, struct hf_decision *decision)
{
    if (hf_likely(cost == 1 || cost - 1 < gcra->burst)) { /* 0 wraps. */
        struct hf_table_request request = {
            key, cost * gcra->interval_ns, gcra->tolerance_ns, now_ns, clock};
        struct hf_table_answer answer = hf_table_look(request);
        if (hf_likely(answer.verdict == HF_TABLE_ADMITTED)) {
            if (hf_likely(!decision)) /* Filling it in takes a jump anyway. */
                return HF_OK;
            return hf_decision_admitted(decision, gcra, now_ns, answer.tat_ns);
        }
        if (answer.verdict == HF_TABLE_DENIED) {
            hf_limiter_note_denying(limiter, 1);
            return decision ? hf_decision_denied(decision, gcra, now_ns, answer.tat_ns,
                                  request.charge_ns, HF_REASON_KEY)
                            : HF_DENIED;
        }
    }
    return hf_limiter_settle(limiter, gcra, key, cost, now_ns, clock, decision);
}

#endif
