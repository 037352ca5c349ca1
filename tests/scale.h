/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SCALE_H
#define HF_TESTS_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Where each step costs many times what it costs plainly, tests take fewer steps. */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HF_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HF_TEST_SANITIZED 1
#endif

/* True under a sanitizer that owns the memory, or under valgrind (which preloads its allocator). */
static inline bool test_is_instrumented(void)
{
#ifdef HF_TEST_SANITIZED
    return true;
#else
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
#endif
}

/* True where steps are dear: instrumented, or HF_TEST_SLOW is set (coverage counts each line). */
static inline bool test_is_slow(void)
{
    return test_is_instrumented() || getenv("HF_TEST_SLOW");
}

/* How many steps to take: `count`, or a twentieth where they are dear. */
static inline size_t test_scaled(size_t count)
{
    return test_is_slow() ? count / 20 + 1 : count;
}

#endif
