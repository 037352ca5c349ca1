/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_GUARD_FIXTURE_H
#define HF_TESTS_SUPPORT_GUARD_FIXTURE_H

#include <holdfast/guard.h>

/*
 * A guard on a manual clock, put together piece by piece; every step must succeed (asserted).
 *
 *     struct guard_fixture fixture;
 *     fixture_start(&fixture);
 *     fixture_add_gate(&fixture, hf_quota_per_second(10));
 *     fixture.options.wait_while_open = true;
 *     fixture_make(&fixture);
 *     ...
 *     fixture_end(&fixture);
 */
struct guard_fixture {
    struct hf_manual_clock manual;
    struct hf_limiter *limiter;
    struct hf_gate gate;
    struct hf_breaker *breaker;
    struct hf_guard_options options;
    struct hf_guard *guard;
};

#define FIXTURE_START_NS HF_SECONDS(1000)

void fixture_start(struct guard_fixture *fixture);

void fixture_add_limiter(struct guard_fixture *fixture, struct hf_quota quota);
void fixture_add_gate(struct guard_fixture *fixture, struct hf_quota quota);
void fixture_add_breaker(struct guard_fixture *fixture, const struct hf_breaker_options *options);

/* Makes the guard of fixture->options. */
void fixture_make(struct guard_fixture *fixture);

void fixture_end(struct guard_fixture *fixture);

/* Cells that are there for the key, or in the gate, right now. */
uint64_t fixture_key_remaining(struct guard_fixture *fixture, const char *key);
uint64_t fixture_gate_remaining(struct guard_fixture *fixture);

struct hf_bytes fixture_key(const char *text);

#endif
