/* SPDX-License-Identifier: MIT */
#ifndef HF_BREAKER_WORD_H
#define HF_BREAKER_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/breaker.h>

/*
 * The breaker's whole state in 64 bits, by state:
 *
 *     closed     00 | generation:44 | 0:2         | consecutive failures:16
 *     open       01 | openings in a row:10 | deadline:52, in steps of 1,024 ns
 *     half-open  10 | generation:44 | openings in a row:10 | successes:8
 *
 * An open breaker has given out nothing that could come back, so it needs no generation, and its
 * deadline fits at the precision that our clocks have. Openings stop counting at 1,023: by then any
 * growth worth having has reached its cap.
 */
#define HF_WORD_GENERATION_BITS 44
#define HF_WORD_GENERATION_MASK ((UINT64_C(1) << HF_WORD_GENERATION_BITS) - 1)
#define HF_WORD_GENERATION_SHIFT 18
#define HF_WORD_STATE_SHIFT 62
#define HF_WORD_FAILURES_MASK UINT64_C(0xffff)
#define HF_WORD_SUCCESSES_MASK UINT64_C(0xff)
#define HF_WORD_SUCCESSES_BITS 8
#define HF_WORD_OPENINGS_MASK UINT64_C(0x3ff)
#define HF_WORD_DEADLINE_BITS 52
#define HF_WORD_DEADLINE_MASK ((UINT64_C(1) << HF_WORD_DEADLINE_BITS) - 1)
#define HF_WORD_STEP_BITS 10

_Static_assert(
    2 + HF_WORD_GENERATION_BITS + HF_WORD_GENERATION_SHIFT == 64, "closed and half-open");
_Static_assert(2 + 10 + HF_WORD_DEADLINE_BITS == 64, "open");
_Static_assert(HF_BREAKER_CLOSED == 0, "a closed word without failures is its generation, shifted");

static inline enum hf_breaker_state hf_word_state(uint64_t word)
{
    return (enum hf_breaker_state)(word >> HF_WORD_STATE_SHIFT);
}

static inline uint64_t hf_word_closed(uint64_t generation)
{
    return generation << HF_WORD_GENERATION_SHIFT;
}

static inline uint64_t hf_word_half_open(uint64_t generation, uint64_t openings)
{
    return (uint64_t)HF_BREAKER_HALF_OPEN << HF_WORD_STATE_SHIFT |
           generation << HF_WORD_GENERATION_SHIFT | openings << HF_WORD_SUCCESSES_BITS;
}

/*
 * Open until the first step after until_ns: later than until_ns, and by at most one step. The
 * largest sum of a time and a delay would need one step more than there are; the deadline
 * saturates.
 */
static inline uint64_t hf_word_open(uint64_t openings, uint64_t until_ns)
{
    uint64_t deadline = (until_ns >> HF_WORD_STEP_BITS) + 1;
    if (deadline > HF_WORD_DEADLINE_MASK)
        deadline = HF_WORD_DEADLINE_MASK;
    return (uint64_t)HF_BREAKER_OPEN << HF_WORD_STATE_SHIFT | openings << HF_WORD_DEADLINE_BITS |
           deadline;
}

/* Of a closed or half-open word. */
static inline uint64_t hf_word_generation(uint64_t word)
{
    return word >> HF_WORD_GENERATION_SHIFT & HF_WORD_GENERATION_MASK;
}

/* Whether the word shows that state, closed or half-open, in that generation. */
static inline bool hf_word_is(uint64_t word, enum hf_breaker_state state, uint64_t generation)
{
    return hf_word_state(word) == state && hf_word_generation(word) == generation;
}

/* Of a closed word. */
static inline uint32_t hf_word_failures(uint64_t word)
{
    return (uint32_t)(word & HF_WORD_FAILURES_MASK);
}

/* Of a half-open word. */
static inline uint32_t hf_word_successes(uint64_t word)
{
    return (uint32_t)(word & HF_WORD_SUCCESSES_MASK);
}

/* Of an open word. */
static inline uint64_t hf_word_deadline_ns(uint64_t word)
{
    return (word & HF_WORD_DEADLINE_MASK) << HF_WORD_STEP_BITS;
}

/* Of any word. */
static inline uint64_t hf_word_openings(uint64_t word)
{
    switch (hf_word_state(word)) {
    case HF_BREAKER_OPEN:
        return word >> HF_WORD_DEADLINE_BITS & HF_WORD_OPENINGS_MASK;
    case HF_BREAKER_HALF_OPEN:
        return word >> HF_WORD_SUCCESSES_BITS & HF_WORD_OPENINGS_MASK;
    case HF_BREAKER_CLOSED:
        break;
    }
    return 0;
}

#endif
