/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guard_model.h"

/* Limits. */

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long until the cell has so many; the cost is at most its burst. */
static uint64_t cell_wait_ns(const struct model_cell *cell, uint64_t cost, uint64_t now_ns)
{
    uint64_t fits_ns = max_u64(cell->tat_ns, now_ns) + cost * cell->interval_ns;
    uint64_t latest_ns = now_ns + cell->burst * cell->interval_ns;
    return fits_ns > latest_ns ? fits_ns - latest_ns : 0;
}

uint64_t model_cell_remaining(const struct model_cell *cell, uint64_t now_ns)
{
    uint64_t count = cell->burst;
    while (count > 0 && cell_wait_ns(cell, count, now_ns) > 0)
        count--;
    return count;
}

static struct hf_decision decision_of(
    const struct model_cell *cell, enum hf_reason reason, uint64_t retry_after_ns, uint64_t now_ns)
{
    return (struct hf_decision){
        .reason = reason,
        .limit = cell->burst,
        .remaining = model_cell_remaining(cell, now_ns),
        .retry_after_ns = retry_after_ns,
    };
}

static enum hf_status model_denied(struct model_expected *expected, const struct model_cell *cell,
    enum hf_status status, enum hf_reason reason, uint64_t retry_after_ns, uint64_t now_ns)
{
    expected->decision = decision_of(cell, reason, retry_after_ns, now_ns);
    if (status == HF_DENIED)
        expected->retry_after_ns = retry_after_ns;
    return status;
}

static enum hf_status model_limits(
    struct model_world *world, const struct model_asked *asked, struct model_expected *expected)
{
    uint64_t now_ns = world->now_ns;
    uint64_t cost = asked->request.cost ? asked->request.cost : 1;
    bool keyed = world->fixture.limiter && asked->key < MODEL_KEYS;
    struct model_cell *key = keyed ? &world->keys[asked->key] : NULL;
    struct model_cell *gate = world->fixture.options.gate ? &world->gate : NULL;
    if (key && cost > key->burst)
        return model_denied(expected, key, HF_NEVER, HF_REASON_NEVER, UINT64_MAX, now_ns);
    if (gate && cost > gate->burst)
        return model_denied(expected, gate, HF_NEVER, HF_REASON_NEVER, UINT64_MAX, now_ns);
    uint64_t key_wait_ns = key ? cell_wait_ns(key, cost, now_ns) : 0;
    uint64_t gate_wait_ns = gate ? cell_wait_ns(gate, cost, now_ns) : 0;
    if (key_wait_ns > 0 && key_wait_ns >= gate_wait_ns)
        return model_denied(expected, key, HF_DENIED, HF_REASON_KEY, key_wait_ns, now_ns);
    if (gate_wait_ns > 0)
        return model_denied(expected, gate, HF_DENIED, HF_REASON_GLOBAL, gate_wait_ns, now_ns);
    if (gate) {
        gate->tat_ns = max_u64(gate->tat_ns, now_ns) + cost * gate->interval_ns;
        expected->decision = decision_of(gate, HF_REASON_NONE, 0, now_ns);
    }
    if (key) {
        key->tat_ns = max_u64(key->tat_ns, now_ns) + cost * key->interval_ns;
        expected->decision = decision_of(key, HF_REASON_NONE, 0, now_ns);
    }
    return HF_OK;
}

/* Tries. */

struct clocks {
    uint64_t start_ns;
    uint64_t deadline_ns; /* UINT64_MAX: none. */
    uint64_t last_try_ns; /* No try begins at it or after. UINT64_MAX: no such time. */
};

static bool model_may_wait(
    const struct model_world *world, const struct clocks *clocks, uint64_t wait_ns)
{
    uint64_t then_ns = world->now_ns + wait_ns;
    return world->fixture.options.wait_while_open && clocks->deadline_ns != UINT64_MAX &&
           then_ns < clocks->deadline_ns && then_ns < clocks->last_try_ns;
}

static void model_wait(struct model_world *world, uint64_t wait_ns, struct model_expected *expected)
{
    world->now_ns += wait_ns;
    expected->delayed_ns += wait_ns;
}

/* HF_OK or HF_OPEN. */
static enum hf_status model_enter(struct model_world *world, const struct clocks *clocks,
    struct hf_permit *permit, struct model_expected *expected)
{
    uint64_t wait_ns;
    while (world->breaker &&
           hf_breaker_enter(world->breaker, world->now_ns, permit, &wait_ns, NULL) != HF_OK) {
        expected->retry_after_ns = wait_ns;
        uint64_t ask_ns = wait_ns ? wait_ns : HF_GUARD_POLL_NS;
        if (!model_may_wait(world, clocks, ask_ns))
            return HF_OPEN;
        model_wait(world, ask_ns, expected);
    }
    expected->retry_after_ns = 0;
    return HF_OK;
}

static struct hf_outcome model_try(struct model_world *world, const struct clocks *clocks,
    const struct hf_permit *permit, struct model_expected *expected)
{
    const struct scripted_try *line = &world->script[min_u64(expected->made, MODEL_SCRIPT - 1)];
    uint64_t timeout_ns = world->retry.attempt_timeout_ns;
    timeout_ns = timeout_ns ? timeout_ns : UINT64_MAX;
    if (clocks->last_try_ns != UINT64_MAX)
        timeout_ns = min_u64(timeout_ns, clocks->last_try_ns - world->now_ns);
    if (clocks->deadline_ns != UINT64_MAX)
        timeout_ns = min_u64(timeout_ns, clocks->deadline_ns - world->now_ns);
    expected->told[expected->made] = (struct scripted_told){
        .number = (uint32_t)expected->made + 1,
        .timeout_ns = timeout_ns,
        .at_ns = world->now_ns,
    };
    expected->made++;
    world->now_ns += line->takes_ns;
    if (world->breaker)
        hf_breaker_leave(world->breaker, permit, line->outcome.kind, world->now_ns, NULL);
    return line->outcome;
}

static enum hf_status model_exhausted(struct model_expected *expected, enum hf_retry_stop stop)
{
    expected->stop = stop;
    return HF_EXHAUSTED;
}

/* HF_AGAIN: has waited. */
static enum hf_status model_between(struct model_world *world, const struct model_asked *asked,
    const struct clocks *clocks, uint64_t retry_after_ns, struct model_expected *expected)
{
    const struct hf_retry_options *retry = &world->retry;
    uint32_t attempts_max = asked->request.retry_never ? 1 : retry->attempts_max;
    if (expected->made >= attempts_max)
        return model_exhausted(expected, HF_RETRY_ATTEMPTS);
    if (world->now_ns >= clocks->last_try_ns)
        return model_exhausted(expected, HF_RETRY_ELAPSED);
    if (retry_after_ns > retry->retry_after_max_ns ||
        world->now_ns + retry_after_ns >= clocks->last_try_ns)
        return model_exhausted(expected, HF_RETRY_AFTER);
    uint64_t wait_ns = retry->delay.base_ns;
    for (size_t doubled = 1; doubled < expected->made; doubled++)
        wait_ns = min_u64(2 * wait_ns, retry->delay.delay_max_ns);
    wait_ns = max_u64(wait_ns, retry_after_ns);
    if (world->now_ns + wait_ns >= clocks->last_try_ns)
        return model_exhausted(expected, HF_RETRY_ELAPSED);

    struct hf_breaker_snapshot snapshot = {.until_half_open_ns = 0};
    if (world->breaker)
        assert_int_equal(hf_breaker_snapshot(world->breaker, world->now_ns, &snapshot), HF_OK);
    if (snapshot.until_half_open_ns > wait_ns) {
        wait_ns = snapshot.until_half_open_ns;
        if (!model_may_wait(world, clocks, wait_ns)) {
            expected->retry_after_ns = wait_ns;
            return HF_OPEN;
        }
    }
    if (clocks->deadline_ns != UINT64_MAX && world->now_ns + wait_ns >= clocks->deadline_ns)
        return HF_TIMEOUT;
    model_wait(world, wait_ns, expected);
    return HF_AGAIN;
}

static enum hf_status model_tries(
    struct model_world *world, const struct model_asked *asked, struct model_expected *expected)
{
    struct clocks clocks = {world->now_ns, UINT64_MAX, UINT64_MAX};
    if (asked->request.timeout_ns)
        clocks.deadline_ns = world->now_ns + asked->request.timeout_ns;
    if (world->retry.elapsed_max_ns)
        clocks.last_try_ns = world->now_ns + world->retry.elapsed_max_ns;
    for (;;) {
        struct hf_permit permit;
        if (model_enter(world, &clocks, &permit, expected) != HF_OK)
            return HF_OPEN;
        struct hf_outcome outcome = model_try(world, &clocks, &permit, expected);
        if (outcome.kind != HF_TRANSIENT) {
            expected->stop = outcome.kind == HF_SUCCESS     ? HF_RETRY_SUCCEEDED
                             : outcome.kind == HF_PERMANENT ? HF_RETRY_PERMANENT
                                                            : HF_RETRY_IGNORED;
            return outcome.kind == HF_SUCCESS ? HF_OK : HF_FAILED;
        }
        enum hf_status status =
            model_between(world, asked, &clocks, outcome.retry_after_ns, expected);
        if (status != HF_AGAIN)
            return status;
    }
}

void model_call(
    struct model_world *world, const struct model_asked *asked, struct model_expected *expected)
{
    *expected = (struct model_expected){.stop = HF_RETRY_STOPPED};
    expected->status = model_limits(world, asked, expected);
    if (expected->status == HF_OK)
        expected->status = model_tries(world, asked, expected);
}
