/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "base/atomic.h"
#include "scale.h"
#include "support/gcra_oracle.h"

/* A manual clock that remembers how it was slept on. */
struct bed {
    struct hf_manual_clock manual;
    uint64_t sleeps;
    uint64_t last_ns;
};

static uint64_t bed_now_ns(void *context)
{
    const struct hf_clock clock = hf_manual_clock(&((struct bed *)context)->manual);
    return hf_clock_now_ns(&clock);
}

static void bed_sleep_ns(void *context, uint64_t duration_ns)
{
    struct bed *bed = context;
    hf_manual_clock_advance(&bed->manual, duration_ns);
    bed->sleeps++;
    bed->last_ns = duration_ns;
}

static struct hf_limiter *limiter_on(struct bed *bed, struct hf_quota quota)
{
    hf_manual_clock_init(&bed->manual, HF_SECONDS(1));
    bed->sleeps = 0;
    bed->last_ns = 0;
    const struct hf_limiter_options options = {
        .quota = quota,
        .keys_max = 1,
        .clock = {.now_ns = bed_now_ns, .sleep_ns = bed_sleep_ns, .context = bed},
    };
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static struct hf_bytes text(const char *key)
{
    return hf_bytes(key, strlen(key));
}

static enum hf_status reserve(
    struct hf_limiter *limiter, uint64_t cost, uint64_t wait_max_ns, uint64_t *wait_ns)
{
    return hf_limiter_reserve(limiter, text("k"), cost, NULL, wait_max_ns, wait_ns, NULL);
}

static void those_who_reserve_get_moments_of_their_own_in_order(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_second(10));
    uint64_t wait_ns = 0;
    assert_int_equal(reserve(limiter, 10, 0, &wait_ns), HF_OK);
    assert_int_equal(wait_ns, 0);
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(reserve(limiter, 1, HF_SECONDS(1), &wait_ns), HF_OK);
        assert_int_equal(wait_ns, i * HF_MS(100));
    }
    assert_int_equal(reserve(limiter, 3, HF_SECONDS(1), &wait_ns), HF_OK);
    assert_int_equal(wait_ns, HF_MS(800));
    struct hf_decision decision;
    assert_int_equal(hf_limiter_check(limiter, text("k"), 1, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(900)); /* Behind the queue. */
    hf_limiter_free(limiter);
}

static void a_longer_wait_than_allowed_is_denied_until_the_moment_named(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_second(10));
    uint64_t wait_ns = 77;
    assert_int_equal(reserve(limiter, 10, 0, &wait_ns), HF_OK);
    wait_ns = 77;
    struct hf_decision decision;
    assert_int_equal(
        hf_limiter_reserve(limiter, text("k"), 3, NULL, HF_MS(250), &wait_ns, &decision),
        HF_DENIED);
    assert_int_equal(wait_ns, 77);
    assert_int_equal(decision.reason, HF_REASON_KEY);
    assert_int_equal(decision.limit, 10);
    assert_int_equal(decision.remaining, 0);
    assert_int_equal(decision.retry_after_ns, HF_MS(50));
    hf_manual_clock_advance(&bed.manual, HF_MS(50) - 1);
    assert_int_equal(reserve(limiter, 3, HF_MS(250), &wait_ns), HF_DENIED);
    hf_manual_clock_advance(&bed.manual, 1);
    assert_int_equal(reserve(limiter, 3, HF_MS(250), &wait_ns), HF_OK);
    assert_int_equal(wait_ns, HF_MS(250));
    hf_limiter_free(limiter);
}

static void a_reservation_that_is_given_back_is_there_for_others(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_second(10));
    uint64_t wait_ns = 0;
    assert_int_equal(reserve(limiter, 10, 0, &wait_ns), HF_OK);
    assert_int_equal(reserve(limiter, 5, HF_SECONDS(1), &wait_ns), HF_OK);
    assert_int_equal(hf_limiter_refund(limiter, text("k"), 5, NULL), HF_OK);
    assert_int_equal(reserve(limiter, 1, HF_SECONDS(1), &wait_ns), HF_OK);
    assert_int_equal(wait_ns, HF_MS(100));
    hf_limiter_free(limiter);
}

static void waiting_sleeps_once_and_exactly_as_long_as_it_takes(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_second(10));
    struct hf_decision decision;
    for (int i = 0; i < 10; i++)
        assert_int_equal(hf_limiter_wait(limiter, text("k"), 1, NULL, &decision), HF_OK);
    assert_int_equal(bed.sleeps, 0);
    assert_int_equal(decision.remaining, 0);
    assert_int_equal(hf_limiter_wait(limiter, text("k"), 4, NULL, &decision), HF_OK);
    assert_int_equal(bed.sleeps, 1);
    assert_int_equal(bed.last_ns, HF_MS(400));
    assert_int_equal(decision.limit, 10);
    assert_int_equal(hf_limiter_check(limiter, text("k"), 1, NULL), HF_DENIED);
    hf_limiter_free(limiter);
}

static void waiting_by_the_quota_of_the_call_follows_that_one(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_second(10));
    struct hf_gcra slow;
    const struct hf_quota quota = hf_quota_per_second(2);
    assert_int_equal(hf_gcra_init(&slow, &quota, NULL), HF_OK);
    const struct hf_limiter_wait wait = {.quota = &slow};
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_limiter_wait(limiter, text("k"), 1, &wait, NULL), HF_OK);
    assert_int_equal(bed.sleeps, 1);
    assert_int_equal(bed.last_ns, HF_MS(500));
    hf_limiter_free(limiter);
}

static void jitter_only_adds_and_stays_within_the_longest_wait(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 1);
    const struct hf_random sources[] = {hf_splitmix_random(&splitmix), {.next = NULL}};
    uint64_t least_ns = UINT64_MAX;
    uint64_t most_ns = 0;
    for (size_t i = 0; i < test_scaled(4000); i++) {
        struct bed bed;
        struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_second(1));
        const struct hf_limiter_wait wait = {
            .wait_max_ns = HF_MS(1500), .jitter_ns = HF_MS(500), .random = sources[i % 2]};
        assert_int_equal(hf_limiter_wait(limiter, text("k"), 1, &wait, NULL), HF_OK);
        assert_int_equal(bed.sleeps, 0);
        assert_int_equal(hf_limiter_wait(limiter, text("k"), 1, &wait, NULL), HF_OK);
        assert_in_range(bed.last_ns, HF_SECONDS(1), HF_MS(1500));
        least_ns = bed.last_ns < least_ns ? bed.last_ns : least_ns;
        most_ns = bed.last_ns > most_ns ? bed.last_ns : most_ns;
        bed.sleeps = 0;
        hf_manual_clock_init(&bed.manual, HF_SECONDS(1));
        assert_int_equal(hf_limiter_wait(limiter, text("k"), 1, &wait, NULL), HF_DENIED);
        assert_int_equal(bed.sleeps, 0);
        hf_limiter_free(limiter);
    }
    assert_true(least_ns < HF_MS(1050));
    assert_true(most_ns > HF_MS(1450));
}

static void what_cannot_be_had_in_time_is_refused_without_sleeping(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_hour(4));
    struct hf_decision decision;
    assert_int_equal(hf_limiter_wait(limiter, text("k"), 5, NULL, &decision), HF_NEVER);
    assert_int_equal(decision.retry_after_ns, UINT64_MAX);
    assert_int_equal(decision.remaining, 4);
    assert_int_equal(hf_limiter_wait(limiter, text("k"), UINT64_MAX, NULL, NULL), HF_NEVER);
    assert_int_equal(hf_limiter_wait(limiter, text("k"), 4, NULL, &decision), HF_OK);
    assert_int_equal(hf_limiter_wait(limiter, text("k"), 1, NULL, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_SECONDS(900 - 60)); /* Then it is a minute. */
    enum hf_status status = HF_OK;
    for (uint64_t key = 0; status == HF_OK; key++)
        status = hf_limiter_wait(limiter, hf_bytes(&key, sizeof(key)), 1, NULL, &decision);
    assert_int_equal(status, HF_FULL);
    assert_int_equal(decision.reason, HF_REASON_FULL);
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(limiter, &statistics), HF_OK);
    assert_int_equal(statistics.full, 1);
    assert_int_equal(bed.sleeps, 0);
    hf_limiter_free(limiter);
}

static void assert_wait_invalid(
    struct hf_limiter *limiter, uint64_t cost, struct hf_limiter_wait wait, const char *argument)
{
    struct hf_decision decision;
    assert_int_equal(hf_limiter_wait(limiter, text("k"), cost, &wait, &decision), HF_INVALID);
    assert_string_equal(decision.argument, argument);
    assert_int_equal(hf_limiter_wait(limiter, text("k"), cost, &wait, NULL), HF_INVALID);
}

static void wrong_arguments_are_named_and_nobody_sleeps(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, hf_quota_per_hour(1));
    const struct hf_gcra unmade = {.burst = 0};
    struct hf_decision decision;
    uint64_t wait_ns = 77;
    assert_wait_invalid(NULL, 1, (struct hf_limiter_wait){.jitter_ns = 1}, "limiter");
    assert_wait_invalid(limiter, 0, (struct hf_limiter_wait){.jitter_ns = 1}, "cost");
    assert_wait_invalid(limiter, 1, (struct hf_limiter_wait){.quota = &unmade}, "quota");
    assert_wait_invalid(limiter, 1, (struct hf_limiter_wait){.wait_max_ns = HF_TIME_MAX_NS + 1},
        "wait.wait_max_ns");
    assert_wait_invalid(
        limiter, 1, (struct hf_limiter_wait){.jitter_ns = HF_SECONDS(60) + 1}, "wait.jitter_ns");
    assert_wait_invalid(limiter, 1,
        (struct hf_limiter_wait){.wait_max_ns = 1, .jitter_ns = UINT64_MAX}, "wait.jitter_ns");
    assert_int_equal(
        hf_limiter_reserve_at(limiter, text("k"), 0, NULL, 0, 0, &wait_ns, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "cost");
    assert_int_equal(hf_limiter_reserve_at(
                         limiter, text("k"), 1, NULL, HF_TIME_MAX_NS + 1, 0, &wait_ns, &decision),
        HF_INVALID);
    assert_string_equal(decision.argument, "wait_max_ns");
    assert_int_equal(
        hf_limiter_reserve_at(limiter, text("k"), 1, NULL, 0, 0, NULL, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "wait_ns");
    assert_int_equal(hf_limiter_reserve_at(
                         limiter, text("k"), 1, NULL, 0, HF_TIME_MAX_NS + 1, &wait_ns, &decision),
        HF_INVALID);
    assert_string_equal(decision.argument, "now_ns");
    assert_int_equal(
        hf_limiter_reserve(limiter, text(""), 1, NULL, 0, &wait_ns, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "key.size");
    assert_int_equal(wait_ns, 77);
    assert_int_equal(bed.sleeps, 0);
    assert_int_equal(hf_limiter_check(limiter, text("k"), 1, NULL), HF_OK);
    hf_limiter_free(limiter);
}

static void the_longest_waits_at_the_latest_times_work(void **state)
{
    (void)state;
    struct bed bed;
    struct hf_limiter *limiter = limiter_on(&bed, (struct hf_quota){1, UINT64_C(1) << 58, 2});
    uint64_t wait_ns = 0;
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(hf_limiter_reserve_at(limiter, text("k"), 1, NULL, HF_TIME_MAX_NS,
                             HF_TIME_MAX_NS, &wait_ns, NULL),
            HF_OK);
        assert_int_equal(wait_ns, i < 2 ? 0 : (i - 1) << 58);
    }
    assert_int_equal(hf_limiter_reserve_at(limiter, text("k"), 1, NULL, HF_TIME_MAX_NS,
                         HF_TIME_MAX_NS, &wait_ns, NULL),
        HF_DENIED);
    hf_limiter_free(limiter);
}

/* However requests come, who waits and who does not: by the times of use, the bound holds. */
static void no_stretch_of_times_of_use_has_more_than_the_quota(void **state)
{
    (void)state;
    enum { USES = 150 };
    typedef unsigned __int128 wide;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 8);
    const struct hf_random random = hf_splitmix_random(&splitmix);
    for (uint64_t round = 0; round < test_scaled(400); round++) {
        struct bed bed;
        struct hf_quota quota = {.count = 1 + hf_random_below(&random, 999),
            .period_ns = 1000000,
            .burst = 1 + hf_random_below(&random, 9)};
        struct hf_limiter *limiter = limiter_on(&bed, quota);
        uint64_t times[USES];
        uint64_t costs[USES];
        uint64_t now_ns = 0;
        size_t uses = 0;
        for (int i = 0; i < USES; i++) {
            now_ns += hf_random_below(&random, quota.period_ns / quota.count);
            uint64_t cost = 1 + hf_random_below(&random, quota.burst);
            uint64_t wait_max_ns = hf_random_below(&random, 3) * hf_random_below(&random, 100000);
            uint64_t wait_ns = 0;
            if (hf_limiter_reserve_at(
                    limiter, text("k"), cost, NULL, wait_max_ns, now_ns, &wait_ns, NULL) != HF_OK)
                continue;
            assert_true(wait_ns <= wait_max_ns);
            times[uses] = now_ns + wait_ns;
            costs[uses++] = cost;
            wide used = 0;
            for (size_t first = uses; first-- > 0;) {
                used += costs[first];
                assert_true(times[first] <= times[uses - 1]);
                assert_true(used * quota.period_ns <=
                            (wide)quota.burst * quota.period_ns +
                                (wide)quota.count * (times[uses - 1] - times[first]));
            }
        }
        hf_limiter_free(limiter);
    }
}

/* Threads that wait for one key on a real clock: all are served, and none of them too early. */
#define THREADS 4
#define TURNS 10

struct queue {
    struct hf_limiter *limiter;
    uint64_t served;
};

static void *wait_in_turn(void *argument)
{
    struct queue *queue = argument;
    for (int i = 0; i < TURNS; i++)
        if (hf_limiter_wait(queue->limiter, text("k"), 1, NULL, NULL) == HF_OK)
            hf_add_relaxed(&queue->served, 1);
    return NULL;
}

static void all_who_wait_are_served_and_none_too_early(void **state)
{
    (void)state;
    struct queue queue = {.served = 0};
    const struct hf_limiter_options options = {
        .quota = hf_quota_with_burst(hf_quota_per_second(2000), 1)};
    assert_int_equal(hf_limiter_new(&queue.limiter, &options, NULL), HF_OK);
    pthread_t threads[THREADS];
    uint64_t start_ns = hf_clock_now_ns(NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in_turn, &queue), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    uint64_t elapsed_ns = hf_clock_now_ns(NULL) - start_ns;
    assert_int_equal(queue.served, THREADS * TURNS);
    assert_true(elapsed_ns >= (THREADS * TURNS - 1) * HF_US(500));
    hf_limiter_free(queue.limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_reserve_get_moments_of_their_own_in_order),
        cmocka_unit_test(a_longer_wait_than_allowed_is_denied_until_the_moment_named),
        cmocka_unit_test(a_reservation_that_is_given_back_is_there_for_others),
        cmocka_unit_test(waiting_sleeps_once_and_exactly_as_long_as_it_takes),
        cmocka_unit_test(waiting_by_the_quota_of_the_call_follows_that_one),
        cmocka_unit_test(jitter_only_adds_and_stays_within_the_longest_wait),
        cmocka_unit_test(what_cannot_be_had_in_time_is_refused_without_sleeping),
        cmocka_unit_test(wrong_arguments_are_named_and_nobody_sleeps),
        cmocka_unit_test(the_longest_waits_at_the_latest_times_work),
        cmocka_unit_test(no_stretch_of_times_of_use_has_more_than_the_quota),
        cmocka_unit_test(all_who_wait_are_served_and_none_too_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
