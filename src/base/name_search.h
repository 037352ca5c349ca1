/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_NAME_SEARCH_H
#define HF_BASE_NAME_SEARCH_H

#include <stdint.h>

#include "base/atomic.h"

/*
 * Which of four names, the first on a cache line's beginning, is the one sought. The first shares
 * its word with something else, so 0 stands for none as well. A hint: others may be writing, and
 * whoever asks loads the name again by itself.
 *
 * No branches on what is found, since nobody could predict them. Where the compiler may use AVX2,
 * all four are compared at a time; such a load is no atomic one, which a hint can bear. The thread
 * sanitizer cannot know that and is shown the other form.
 */
#ifdef __SANITIZE_THREAD__
#define HF_NAMES_ONE_BY_ONE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HF_NAMES_ONE_BY_ONE 1
#endif
#endif

#if defined(__AVX2__) && !defined(HF_NAMES_ONE_BY_ONE)

#include <immintrin.h>

static inline uint32_t hf_name_search(const uint64_t names[4], uint64_t name)
{
    __m256i all = _mm256_load_si256((const __m256i *)(const void *)names);
    __m256i agree = _mm256_cmpeq_epi64(all, _mm256_set1_epi64x((int64_t)name));
    uint32_t mask = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(agree));
    return (uint32_t)__builtin_ctz(mask | 16) % 4;
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
