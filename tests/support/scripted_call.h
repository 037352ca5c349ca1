/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_SCRIPTED_CALL_H
#define HF_TESTS_SUPPORT_SCRIPTED_CALL_H

#include <holdfast/retry.h>

/*
 * A function to wrap whose tries go by a script: each takes its time on a manual clock and comes to
 * its outcome. The last line of the script goes for all further tries; none means success at once.
 * What every try was told is kept.
 */
struct scripted_try {
    struct hf_outcome outcome;
    uint64_t takes_ns;
};

#define SCRIPTED_TRIES_MAX 64

struct scripted_told {
    uint32_t number;
    uint64_t timeout_ns;
    uint64_t at_ns;
};

struct scripted_call {
    struct hf_manual_clock *clock; /* NULL: tries take no time. */
    const struct scripted_try *script;
    size_t script_count;
    size_t made; /* Tries made; the first SCRIPTED_TRIES_MAX are in told. */
    struct scripted_told told[SCRIPTED_TRIES_MAX];
};

/* The hf_call_fn; context is a struct scripted_call. */
struct hf_outcome scripted_call(void *context, const struct hf_attempt *attempt);

#endif
