/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_ATOMIC_H
#define HF_BASE_ATOMIC_H

/*
 * The only place that touches shared words. Words are plain integers, so that public structs
 * compile as C++; these functions go through compiler builtins, which the thread sanitizer sees (it
 * cannot see inline assembly). tests/base/test_atomic.c holds the litmus test.
 *
 * Names say the order: _relaxed, _acquire, _release, _seq (sequentially consistent). A
 * compare-and-swap updates *expected on failure and never fails spuriously.
 */

#include <stdbool.h>
#include <stdint.h>

#include <ck_pr.h>

#define HF_CACHE_LINE 64

static inline uint64_t hf_load_relaxed(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline uint64_t hf_load_acquire(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint64_t hf_load_seq(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void hf_store_relaxed(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void hf_store_release(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void hf_store_seq(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t hf_add_relaxed(uint64_t *word, uint64_t value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t hf_add_seq(uint64_t *word, uint64_t value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t hf_xor_release(uint64_t *word, uint64_t value)
{
    return __atomic_fetch_xor(word, value, __ATOMIC_RELEASE);
}

static inline bool hf_cas_relaxed(uint64_t *word, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(
        word, expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline bool hf_cas_acq_rel(uint64_t *word, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(
        word, expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline bool hf_cas_seq(uint64_t *word, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(
        word, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Raises *word to at least value. Returns once that holds. Lock-free. */
static inline void hf_max_seq(uint64_t *word, uint64_t value)
{
    uint64_t seen = hf_load_seq(word);
    while (seen < value && !hf_cas_seq(word, &seen, value))
        continue;
}

/* Tells the processor that this is a spin. */
static inline void hf_pause(void)
{
    ck_pr_stall();
}

#endif
