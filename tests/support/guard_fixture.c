/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/guard_fixture.h"

void fixture_start(struct guard_fixture *fixture)
{
    *fixture = (struct guard_fixture){.limiter = NULL};
    hf_manual_clock_init(&fixture->manual, FIXTURE_START_NS);
    fixture->options.clock = hf_manual_clock(&fixture->manual);
}

void fixture_add_limiter(struct guard_fixture *fixture, struct hf_quota quota)
{
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    const struct hf_limiter_options options = {
        .quota = quota,
        .seed = &seed,
        .clock = hf_manual_clock(&fixture->manual),
    };
    assert_int_equal(hf_limiter_new(&fixture->limiter, &options, NULL), HF_OK);
    fixture->options.limiter = fixture->limiter;
}

void fixture_add_gate(struct guard_fixture *fixture, struct hf_quota quota)
{
    assert_int_equal(hf_gate_init(&fixture->gate, &quota, NULL), HF_OK);
    fixture->options.gate = &fixture->gate;
}

void fixture_add_breaker(struct guard_fixture *fixture, const struct hf_breaker_options *options)
{
    assert_int_equal(hf_breaker_new(&fixture->breaker, options, NULL), HF_OK);
    fixture->options.breaker = fixture->breaker;
}

void fixture_make(struct guard_fixture *fixture)
{
    struct hf_error error = {0};
    if (hf_guard_new(&fixture->guard, &fixture->options, &error) != HF_OK)
        fail_msg("hf_guard_new: %s", hf_error_text(&error));
}

void fixture_end(struct guard_fixture *fixture)
{
    hf_guard_free(fixture->guard);
    hf_breaker_free(fixture->breaker);
    hf_limiter_free(fixture->limiter);
}

uint64_t fixture_key_remaining(struct guard_fixture *fixture, const char *key)
{
    struct hf_decision decision;
    enum hf_status status = hf_limiter_check_at(
        fixture->limiter, fixture_key(key), 0, fixture->manual.now_ns, &decision);
    assert_true(status == HF_OK || status == HF_DENIED);
    return decision.remaining;
}

uint64_t fixture_gate_remaining(struct guard_fixture *fixture)
{
    struct hf_decision decision;
    enum hf_status status = hf_gate_check(&fixture->gate, 0, fixture->manual.now_ns, &decision);
    assert_true(status == HF_OK || status == HF_DENIED);
    return decision.remaining;
}

struct hf_bytes fixture_key(const char *text)
{
    return hf_bytes(text, strlen(text));
}
