/* SPDX-License-Identifier: MIT */
#ifndef HF_LIMIT_LIMITS_H
#define HF_LIMIT_LIMITS_H

#include <holdfast/limits.h>

#include "limit/limiter.h"

/* One part of a request, and what it says. */
struct hf_limits_answer {
    struct hf_gate *gate;
    struct hf_limiter *limiter;
    struct hf_limiter_subject subject; /* For a gate: without a key. */
    uint64_t cost;
    uint64_t until_ns; /* Charged: the arrival time that this led to. 0: nothing was. */
    enum hf_status status;
    struct hf_decision decision;
};

/* A request. answers[0 .. count - 1] in the order of the parts; order: that of charging. */
struct hf_limits_request {
    uint32_t count;
    uint32_t told; /* The answer that is the request's. */
    uint8_t order[HF_LIMITS_PARTS_MAX];
    struct hf_limits_answer answers[HF_LIMITS_PARTS_MAX];
};

/*
 * hf_limits_check_at, or hf_limits_peek_at if not charging, with all that there is to know: all
 * answers are filled in, but for HF_INVALID, of which only the one told is. clock: what now_ns is
 * to be read from, NULL for a caller's word.
 */
enum hf_status hf_limits_ask(struct hf_limits_request *request, const struct hf_limits *limits,
    struct hf_bytes key, uint64_t cost, const struct hf_clock *clock, uint64_t now_ns,
    bool charging);

#endif
