/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_NAME_SEARCH_H
#define HF_BASE_NAME_SEARCH_H

#include <stdint.h>

#include "base/atomic.h"

/*
 * Which of four names, the first on a cache line's beginning, is the one sought; any of them if
 * none is. A hint: others may be writing, and whoever asks loads the name again by itself.
 *
 * No branches on what is found, since nobody could predict them. x86-64 compares all four at a
 * time, by their lower halves, which nearly always tell names apart; such a load is no atomic one,
 * which a hint can bear. The thread sanitizer cannot know that and is shown the other form.
 */
#ifdef __SANITIZE_THREAD__
#define HF_NAMES_ONE_BY_ONE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HF_NAMES_ONE_BY_ONE 1
#endif
#endif

#if defined(__SSE2__) && !defined(HF_NAMES_ONE_BY_ONE)

#include <emmintrin.h>

/* The 8 stands for none, and makes it the last one. */
static inline uint32_t hf_name_search(const uint64_t names[4], uint64_t name)
{
    const float *words = (const float *)(const void *)names;
    __m128 halves = _mm_shuffle_ps(_mm_load_ps(words), _mm_load_ps(words + 4), 0x88);
    __m128i agree = _mm_cmpeq_epi32(_mm_castps_si128(halves), _mm_set1_epi32((int)(uint32_t)name));
    uint64_t mask = (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(agree));
    return (uint32_t)__builtin_ctzll(mask | 8);
}

#else

static inline uint32_t hf_name_is(const uint64_t *word, uint64_t name)
{
    return hf_load_relaxed(word) == name;
}

static inline uint32_t hf_name_search(const uint64_t names[4], uint64_t name)
{
    uint32_t last = hf_name_is(&names[3], name);
    return (hf_name_is(&names[1], name) | last) + 2 * (hf_name_is(&names[2], name) | last);
}

#endif

#endif
