/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "base/atomic.h"
#include "scale.h"
#include "support/counting_allocator.h"
#include "support/gcra_oracle.h"

static struct hf_limiter *limiter_with(struct hf_limiter_options options)
{
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static struct hf_limiter *limiter_for(struct hf_quota quota)
{
    return limiter_with((struct hf_limiter_options){.quota = quota, .keys_max = 100});
}

static struct hf_bytes number_key(const uint64_t *number)
{
    return hf_bytes(number, sizeof(*number));
}

static enum hf_status ask(struct hf_limiter *limiter, uint64_t key, uint64_t cost, uint64_t now_ns)
{
    return hf_limiter_check_at(limiter, number_key(&key), cost, now_ns, NULL);
}

static struct hf_limiter_statistics statistics_of(const struct hf_limiter *limiter)
{
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(limiter, &statistics), HF_OK);
    return statistics;
}

static void assert_refused(struct hf_limiter_options options, const char *text)
{
    struct hf_limiter *limiter = (struct hf_limiter *)&options;
    struct hf_error error = {0};
    assert_int_equal(hf_limiter_new(&limiter, &options, &error), HF_INVALID);
    assert_null(limiter);
    assert_string_equal(hf_error_text(&error), text);
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_INVALID);
}

static void wrong_options_are_named_with_their_value(void **state)
{
    (void)state;
    struct hf_quota quota = hf_quota_per_second(1);
    struct hf_allocator half = *hf_allocator_libc();
    assert_refused((struct hf_limiter_options){0}, "quota.count: 0 is too small (at least 1)");
    assert_refused((struct hf_limiter_options){.quota = quota, .keys_max = (UINT64_C(1) << 32) + 1},
        "keys_max: 4294967297 is too large (at most 4294967296)");
    assert_refused(
        (struct hf_limiter_options){.quota = quota, .full_policy = (enum hf_full_policy)2},
        "full_policy: 2 is not one (0 or 1)");
    assert_refused((struct hf_limiter_options){.quota = quota, .hash = (enum hf_hash_kind)7},
        "hash: 7 is not one (0 or 1)");
    half.release = NULL;
    assert_refused(
        (struct hf_limiter_options){.quota = quota, .allocator = &half}, "allocator.release: NULL");
    half.allocate = NULL;
    assert_refused((struct hf_limiter_options){.quota = quota, .allocator = &half},
        "allocator.allocate: NULL");

    struct hf_limiter *limiter;
    struct hf_error error = {0};
    assert_int_equal(hf_limiter_new(&limiter, NULL, &error), HF_INVALID);
    assert_null(limiter);
    assert_string_equal(hf_error_text(&error), "options: NULL");
    assert_int_equal(hf_limiter_new(NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "limiter: NULL");
    hf_limiter_free(NULL);
}

static void no_allocation_that_fails_is_forgotten(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        struct hf_limiter_options options = {
            .quota = hf_quota_per_second(1),
            .allocator = &allocator,
        };
        struct hf_limiter *limiter;
        struct hf_error error = {0};
        enum hf_status status = hf_limiter_new(&limiter, &options, &error);
        if (status == HF_OK) {
            assert_int_equal(statistics_of(limiter).memory_bytes, counting.live_bytes);
            hf_limiter_free(limiter);
            assert_int_equal(counting.live, 0);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(status, HF_NO_MEMORY);
        assert_int_equal(error.count, 1);
        assert_null(limiter);
        assert_int_equal(counting.live, 0);
    }
}

static void assert_invalid(
    struct hf_limiter *limiter, struct hf_bytes key, uint64_t now_ns, const char *argument)
{
    struct hf_decision decision;
    memset(&decision, 0xff, sizeof(decision));
    assert_int_equal(hf_limiter_check_at(limiter, key, 1, now_ns, &decision), HF_INVALID);
    assert_int_equal(decision.reason, HF_REASON_INVALID);
    assert_string_equal(decision.argument, argument);
    assert_int_equal(decision.limit, 0);
    assert_int_equal(hf_limiter_check_at(limiter, key, 1, now_ns, NULL), HF_INVALID);
}

static void wrong_arguments_are_named_and_touch_nothing(void **state)
{
    (void)state;
    static const char large[HF_KEY_BYTES_MAX + 1];
    struct hf_limiter *limiter = limiter_for(hf_quota_per_second(1));
    assert_invalid(NULL, hf_bytes("a", 1), 0, "limiter");
    assert_invalid(limiter, hf_bytes(NULL, 1), 0, "key.data");
    assert_invalid(limiter, hf_bytes(NULL, 0), 0, "key.size");
    assert_invalid(limiter, hf_bytes("a", 0), 0, "key.size");
    assert_invalid(limiter, hf_bytes(large, HF_KEY_BYTES_MAX + 1), 0, "key.size");
    assert_invalid(limiter, hf_bytes(large, SIZE_MAX), 0, "key.size");
    assert_invalid(limiter, hf_bytes("a", 1), HF_TIME_MAX_NS + 1, "now_ns");
    assert_invalid(limiter, hf_bytes("a", 1), UINT64_MAX, "now_ns");
    assert_int_equal(hf_limiter_check(NULL, hf_bytes("a", 1), 1, NULL), HF_INVALID);
    assert_int_equal(statistics_of(limiter).inserted, 0);
    struct hf_limiter_statistics statistics;
    struct hf_quota quota;
    assert_int_equal(hf_limiter_statistics(NULL, &statistics), HF_INVALID);
    assert_int_equal(hf_limiter_statistics(limiter, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_quota(NULL, &quota), HF_INVALID);
    assert_int_equal(hf_limiter_quota(limiter, NULL), HF_INVALID);
    hf_limiter_free(limiter);
}

static void keys_of_any_bytes_up_to_64_kib_have_their_own_quota(void **state)
{
    (void)state;
    static char large[HF_KEY_BYTES_MAX];
    const enum hf_hash_kind kinds[] = {HF_HASH_SIPHASH, HF_HASH_FAST};
    for (size_t i = 0; i < 2; i++) {
        struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
            .quota = hf_quota_per_second(1), .keys_max = 2000, .hash = kinds[i]});
        for (size_t size = 1; size <= HF_KEY_BYTES_MAX; size += 1 + size / 2) {
            struct hf_bytes key = hf_bytes(large, size);
            assert_int_equal(hf_limiter_check_at(limiter, key, 1, 0, NULL), HF_OK);
            assert_int_equal(hf_limiter_check_at(limiter, key, 1, 0, NULL), HF_DENIED);
        }
        struct hf_bytes key = hf_bytes(large, HF_KEY_BYTES_MAX);
        assert_int_equal(hf_limiter_check_at(limiter, key, 1, 0, NULL), HF_OK);
        large[HF_KEY_BYTES_MAX - 1] = 1;
        assert_int_equal(hf_limiter_check_at(limiter, key, 1, 0, NULL), HF_OK);
        large[HF_KEY_BYTES_MAX - 1] = 0;
        assert_int_equal(hf_limiter_check_at(limiter, key, 1, 0, NULL), HF_DENIED);
        hf_limiter_free(limiter);
    }
}

static void every_allowed_time_works_as_the_first(void **state)
{
    (void)state;
    const uint64_t times[] = {0, 1, HF_SECONDS(1), HF_TIME_MAX_NS - 1, HF_TIME_MAX_NS};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct hf_limiter *limiter = limiter_for((struct hf_quota){1, UINT64_C(1) << 58, 4});
        assert_int_equal(ask(limiter, 1, 4, times[i]), HF_OK);
        assert_int_equal(ask(limiter, 1, 1, times[i]), HF_DENIED);
        assert_int_equal(ask(limiter, 1, 1, 0), HF_DENIED);
        assert_int_equal(ask(limiter, 2, 5, times[i]), HF_NEVER);
        assert_int_equal(ask(limiter, 2, UINT64_MAX, times[i]), HF_NEVER);
        hf_limiter_free(limiter);
    }
}

static void never_and_peek_charge_nothing_and_tell_what_is_left(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for((struct hf_quota){10, HF_SECONDS(1), 5});
    struct hf_decision decision;
    uint64_t key = 1;
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 6, 0, &decision), HF_NEVER);
    assert_int_equal(decision.remaining, 5);
    assert_int_equal(decision.retry_after_ns, UINT64_MAX);
    assert_int_equal(statistics_of(limiter).inserted, 0);
    assert_int_equal(ask(limiter, key, 3, 0), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 6, 0, &decision), HF_NEVER);
    assert_int_equal(decision.remaining, 2);
    assert_int_equal(decision.reset_after_ns, HF_MS(300));
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 0, 0, &decision), HF_OK);
    assert_int_equal(decision.remaining, 2);
    assert_int_equal(ask(limiter, key, 2, 0), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 0, 0, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(100));
    assert_int_equal(ask(limiter, 2, 0, 0), HF_OK);
    assert_int_equal(statistics_of(limiter).inserted, 1);
    hf_limiter_free(limiter);
}

/* A thousand requests for four keys a seed, against one oracle a key. */
static void every_decision_agrees_with_the_oracle(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < test_scaled(1000); seed++) {
        struct hf_splitmix random;
        hf_splitmix_init(&random, seed);
        struct hf_quota quota = random_quota(&random);
        struct hf_limiter *limiter = limiter_for(quota);
        struct gcra_oracle oracles[4];
        for (size_t i = 0; i < 4; i++)
            oracles[i] = gcra_oracle(&quota);
        uint64_t now_ns = random_any_size(&random, 61);
        for (int i = 0; i < 200; i++) {
            uint64_t key = hf_splitmix_next(&random) % 4;
            uint64_t cost = hf_splitmix_next(&random) % 4;
            if (i % 8 == 0)
                cost = random_any_size(&random, 64);
            struct hf_decision got;
            struct hf_decision expected;
            enum hf_status status =
                gcra_oracle_check(&oracles[key], cost, now_ns, HF_REASON_KEY, &expected);
            assert_int_equal(
                hf_limiter_check_at(limiter, number_key(&key), cost, now_ns, &got), status);
            assert_decisions_equal(&got, &expected);
            now_ns += random_any_size(&random, 40) % (2 * oracles[0].interval_ns);
            if (now_ns > HF_TIME_MAX_NS)
                now_ns = HF_TIME_MAX_NS;
        }
        hf_limiter_free(limiter);
    }
}

static void the_first_admission_after_a_denial_is_exactly_when_it_was_said(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, 5);
    for (size_t i = 0; i < test_scaled(5000); i++) {
        struct hf_quota quota = random_quota(&random);
        struct hf_limiter *limiter = limiter_for(quota);
        struct gcra_oracle oracle = gcra_oracle(&quota);
        uint64_t now_ns = random_any_size(&random, 59);
        uint64_t key = hf_splitmix_next(&random);
        uint64_t cost = 1 + hf_splitmix_next(&random) % oracle.burst;
        assert_int_equal(ask(limiter, key, oracle.burst, now_ns), HF_OK);
        struct hf_decision decision;
        assert_int_equal(
            hf_limiter_check_at(limiter, number_key(&key), cost, now_ns, &decision), HF_DENIED);
        assert_int_equal(ask(limiter, key, cost, now_ns + decision.retry_after_ns - 1), HF_DENIED);
        assert_int_equal(ask(limiter, key, cost, now_ns + decision.retry_after_ns), HF_OK);
        hf_limiter_free(limiter);
    }
}

/* Live keys until no new one finds room; how many that is depends on the hash. */
static uint64_t fill(struct hf_limiter *limiter)
{
    uint64_t count = 0;
    for (uint64_t key = 0; statistics_of(limiter).full == 0; key++)
        count += ask(limiter, key, 1, 0) == HF_OK;
    return count;
}

static void a_full_table_denies_new_keys_until_the_moment_it_names(void **state)
{
    (void)state;
    struct hf_limiter *limiter =
        limiter_with((struct hf_limiter_options){.quota = hf_quota_per_second(1), .keys_max = 1});
    uint64_t count = fill(limiter);
    assert_int_equal(count, statistics_of(limiter).slots);
    struct hf_decision decision;
    uint64_t key = UINT64_MAX;
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 0, 0, &decision), HF_FULL);
    assert_int_equal(statistics_of(limiter).full, 1); /* A peek is no request. */
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 1, 0, &decision), HF_FULL);
    assert_int_equal(decision.reason, HF_REASON_FULL);
    assert_int_equal(decision.limit, 1);
    assert_int_equal(decision.remaining, 0);
    assert_int_equal(statistics_of(limiter).full, 2);
    assert_int_equal(statistics_of(limiter).admitted_uncounted, 0);
    assert_int_equal(statistics_of(limiter).inserted, count);
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 2, 0, &decision), HF_NEVER);
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 1, 0, &decision), HF_FULL);
    assert_int_equal(ask(limiter, key, 1, decision.retry_after_ns - 1), HF_FULL);
    assert_int_equal(ask(limiter, key, 1, decision.retry_after_ns), HF_OK);
    hf_limiter_free(limiter);
}

static void a_full_table_admits_new_keys_if_told_to_and_counts_them(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_second(3), .keys_max = 1, .full_policy = HF_FULL_ADMIT});
    uint64_t key;
    for (key = 0; statistics_of(limiter).full == 0; key++)
        assert_int_equal(ask(limiter, key, 3, 0), HF_OK);
    struct hf_decision decision;
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 2, 0, &decision), HF_OK);
    assert_true(decision.admitted_uncounted);
    assert_int_equal(decision.reason, HF_REASON_NONE);
    assert_int_equal(decision.remaining, 3);
    assert_int_equal(hf_limiter_check_at(limiter, number_key(&key), 0, 0, &decision), HF_OK);
    assert_true(decision.admitted_uncounted);
    assert_int_equal(ask(limiter, key, 4, 0), HF_NEVER);
    assert_int_equal(statistics_of(limiter).full, 2);
    assert_int_equal(statistics_of(limiter).admitted_uncounted, 2);
    assert_int_equal(ask(limiter, 0, 1, 0), HF_DENIED); /* Known keys are limited as ever. */
    hf_limiter_free(limiter);
}

static void as_many_keys_as_it_is_meant_for_find_room(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{5, 6, 7, 8}};
    uint64_t keys = test_scaled(300000);
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_hour(1), .keys_max = keys, .hash = HF_HASH_FAST, .seed = &seed});
    for (uint64_t key = 0; key < keys; key++)
        assert_int_equal(ask(limiter, key, 1, key), HF_OK);
    for (uint64_t key = 0; key < keys; key++)
        assert_int_equal(ask(limiter, key, 1, keys), HF_DENIED);
    struct hf_limiter_statistics statistics = statistics_of(limiter);
    assert_int_equal(statistics.inserted, keys);
    assert_int_equal(statistics.full, 0);
    assert_in_range(statistics.memory_bytes, 33 * keys, 34 * keys + 4096);
    hf_limiter_free(limiter);
}

/* By this seed some of these keys would find 16 lines full, from their home on. */
static void keys_far_from_home_find_room_too(void **state)
{
    (void)state;
    const struct hf_hash_seed seed = {{UINT64_C(0xc00917e5f74f3057), UINT64_C(0xd941dbbd304e9658),
        UINT64_C(0xcf6ab5fd7bf7d079), UINT64_C(0x9db371c6e5b49b64)}};
    const uint64_t keys = 100000;
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_hour(1), .keys_max = keys, .hash = HF_HASH_FAST, .seed = &seed});
    unsigned char key[16] = {0x20, 0x01, 0x0d, 0xb8};
    for (uint64_t number = 0; number < keys; number++) {
        for (int byte = 0; byte < 8; byte++)
            key[8 + byte] = (unsigned char)(number >> (8 * byte));
        struct hf_bytes bytes = hf_bytes(key, sizeof(key));
        assert_int_equal(hf_limiter_check_at(limiter, bytes, 1, 0, NULL), HF_OK);
    }
    hf_limiter_free(limiter);
}

static void the_clock_decides_where_no_time_is_given(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, HF_SECONDS(1));
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_second(1), .clock = hf_manual_clock(&manual)});
    struct hf_decision decision;
    assert_int_equal(hf_limiter_check(limiter, hf_bytes("k", 1), 1, &decision), HF_OK);
    hf_manual_clock_advance(&manual, HF_MS(400));
    assert_int_equal(hf_limiter_check(limiter, hf_bytes("k", 1), 1, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(600));
    hf_manual_clock_advance(&manual, decision.retry_after_ns);
    assert_int_equal(hf_limiter_check(limiter, hf_bytes("k", 1), 1, NULL), HF_OK);
    hf_manual_clock_init(&manual, UINT64_MAX);
    assert_int_equal(hf_limiter_check(limiter, hf_bytes("k", 1), 1, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "clock");
    hf_limiter_free(limiter);

    limiter = limiter_for(hf_quota_per_hour(1)); /* The machine's own. */
    assert_int_equal(hf_limiter_check(limiter, hf_bytes("k", 1), 1, NULL), HF_OK);
    assert_int_equal(hf_limiter_check(limiter, hf_bytes("k", 1), 1, NULL), HF_DENIED);
    hf_limiter_free(limiter);
}

static void the_quota_is_told_with_its_burst_filled_in(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_minute(30));
    struct hf_quota quota;
    assert_int_equal(hf_limiter_quota(limiter, &quota), HF_OK);
    assert_int_equal(quota.count, 30);
    assert_int_equal(quota.period_ns, HF_SECONDS(60));
    assert_int_equal(quota.burst, 30);
    hf_limiter_free(limiter);
}

/* Threads that share a true clock: never above burst + rate * time for any key, and close to it. */
#define THREADS 3
#define KEYS 5

struct crowd {
    struct hf_limiter *limiter;
    uint64_t asks;
    uint64_t admitted[KEYS];
};

static void *use_limiter(void *argument)
{
    struct crowd *crowd = argument;
    for (uint64_t i = 0; i < crowd->asks; i++) {
        uint64_t key = i % KEYS;
        if (hf_limiter_check(crowd->limiter, number_key(&key), 1, NULL) == HF_OK)
            hf_add_relaxed(&crowd->admitted[key], 1);
    }
    return NULL;
}

static void threads_together_get_what_the_quota_allows_and_no_more(void **state)
{
    (void)state;
    struct crowd crowd = {.asks = test_scaled(200000)};
    crowd.limiter = limiter_for((struct hf_quota){1000000, HF_SECONDS(1), 20});
    struct hf_clock clock = hf_clock_monotonic();
    pthread_t threads[THREADS];
    uint64_t start_ns = hf_clock_now_ns(&clock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_limiter, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    uint64_t elapsed_ns = hf_clock_now_ns(&clock) - start_ns;
    for (size_t key = 0; key < KEYS; key++)
        assert_in_range(crowd.admitted[key], 20, 20 + elapsed_ns / 1000);
    hf_limiter_free(crowd.limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_named_with_their_value),
        cmocka_unit_test(no_allocation_that_fails_is_forgotten),
        cmocka_unit_test(wrong_arguments_are_named_and_touch_nothing),
        cmocka_unit_test(keys_of_any_bytes_up_to_64_kib_have_their_own_quota),
        cmocka_unit_test(every_allowed_time_works_as_the_first),
        cmocka_unit_test(never_and_peek_charge_nothing_and_tell_what_is_left),
        cmocka_unit_test(every_decision_agrees_with_the_oracle),
        cmocka_unit_test(the_first_admission_after_a_denial_is_exactly_when_it_was_said),
        cmocka_unit_test(a_full_table_denies_new_keys_until_the_moment_it_names),
        cmocka_unit_test(a_full_table_admits_new_keys_if_told_to_and_counts_them),
        cmocka_unit_test(as_many_keys_as_it_is_meant_for_find_room),
        cmocka_unit_test(keys_far_from_home_find_room_too),
        cmocka_unit_test(the_clock_decides_where_no_time_is_given),
        cmocka_unit_test(the_quota_is_told_with_its_burst_filled_in),
        cmocka_unit_test(threads_together_get_what_the_quota_allows_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
