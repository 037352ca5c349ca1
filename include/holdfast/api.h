/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_API_H
#define HOLDFAST_API_H

/*
 * What every declaration shares: visibility, must-use results, borrowed bytes, durations.
 *
 * House rules that hold for every header of this library, unless a declaration says otherwise:
 * - A pointer argument must not be NULL unless its comment says what NULL means; NULL elsewhere
 *   gives HF_INVALID, with the argument's name where the call has a place for it.
 * - Outputs are written only when the comment says so; a failed constructor leaves its output NULL.
 * - Options are structs whose zero value is the documented default; they are copied in, so the
 *   caller's copy may go away when the call returns. What an option points to is borrowed.
 * - Times are nanoseconds in uint64_t, named ..._ns.
 * - A function may have the name of the struct that it makes or fills, as POSIX' stat has: in C++
 *   too, write `struct` before the names of structs.
 */

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define HF_API __attribute__((visibility("default")))
#define HF_MUST_USE __attribute__((warn_unused_result))
#define HF_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define HF_API
#define HF_MUST_USE
#define HF_PRINTF(text, first)
#endif

/* Around a function that has a struct's name: to g++ -Wshadow it hides a constructor. */
#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
#define HF_NAMESAKE_BEGIN                                                                          \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")
#define HF_NAMESAKE_END _Pragma("GCC diagnostic pop")
#else
#define HF_NAMESAKE_BEGIN
#define HF_NAMESAKE_END
#endif

/* Durations in nanoseconds from smaller numbers: HF_MS(100), HF_SECONDS(5). No overflow check. */
#define HF_US(n) ((uint64_t)(n)*UINT64_C(1000))
#define HF_MS(n) ((uint64_t)(n)*UINT64_C(1000000))
#define HF_SECONDS(n) ((uint64_t)(n)*UINT64_C(1000000000))

/*
 * The largest time and the largest duration that any call accepts: 2^61 - 1 ns, 73 years. A
 * larger now_ns gives HF_INVALID and changes nothing, so that sums of two never wrap.
 */
#define HF_TIME_MAX_NS ((UINT64_C(1) << 61) - 1)

/* Bytes of somebody else, borrowed for the length of the call. data may be NULL if size is 0. */
struct hf_bytes {
    const void *data;
    size_t size;
};

/* Makes a struct hf_bytes. Pure. */
HF_NAMESAKE_BEGIN
static inline struct hf_bytes hf_bytes(const void *data, size_t size)
{
    struct hf_bytes bytes;
    bytes.data = data;
    bytes.size = size;
    return bytes;
}
HF_NAMESAKE_END

#endif
