/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_RANDOM_H
#define HOLDFAST_RANDOM_H

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Randomness as an effect, for jitter and simulation; not for keys or secrets. A struct hf_random
 * whose next is NULL (the zero value) means, wherever options take one, a generator of the
 * object's own, seeded from the system.
 */
struct hf_random {
    uint64_t (*next)(void *context); /* 64 uniform bits. Thread-safe if its users share it. */
    void *context;
};

/*
 * SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014):
 * one atomic add and a mix, so threads may share one. The same seed gives the same numbers on one
 * thread. Caller-allocated, field private.
 */
struct hf_splitmix {
    uint64_t state;
};

/* Starts from a seed. Any seed is good, 0 too. */
HF_API void hf_splitmix_init(struct hf_splitmix *splitmix, uint64_t seed);

/* Starts from a seed that the system's getrandom gives. HF_IO if the system has none to give. */
HF_MUST_USE HF_API enum hf_status hf_splitmix_init_system(
    struct hf_splitmix *splitmix, struct hf_error *error);

/* The next 64 bits. Lock-free. NULL gives 0. */
HF_API uint64_t hf_splitmix_next(struct hf_splitmix *splitmix);

/* The random source that draws from splitmix, which is borrowed. */
HF_API struct hf_random hf_splitmix_random(struct hf_splitmix *splitmix);

/*
 * A number from 0 to bound - 1, without bias beyond 2^-64 (multiply-shift: Lemire, "Fast Random
 * Integer Generation in an Interval", 2019). bound 0 gives 0, and so does a random without `next`.
 */
HF_API uint64_t hf_random_below(const struct hf_random *random, uint64_t bound);

/*
 * Fills bytes from the operating system's generator, fit for secrets. HF_IO if it fails (there is
 * no fallback), with the bytes untouched in part or whole. HF_INVALID: bytes is NULL with a size.
 */
HF_MUST_USE HF_API enum hf_status hf_random_system_bytes(
    void *bytes, size_t size_bytes, struct hf_error *error);

#ifdef __cplusplus
}
#endif

#endif
