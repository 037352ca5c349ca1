/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/limiter.h>
#include <holdfast/random.h>

/*
 * The plainest request (a key of 16 bytes, one cell, no decision wanted, the fast hash, a manual
 * clock) has a way of its own through the code. Here it is compared with the common ones.
 */

#define KEYS_MAX 100
#define ROUNDS 200000

struct number_key {
    uint64_t words[2];
};

static struct hf_bytes key_of(const struct number_key *key)
{
    return hf_bytes(key, sizeof(*key));
}

static uint64_t called_now_ns(void *context)
{
    const struct hf_manual_clock *manual = context;
    return manual->now_ns;
}

static struct hf_limiter *limiter_full(
    enum hf_hash_kind hash, struct hf_clock clock, enum hf_full_policy policy)
{
    static const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    const struct hf_limiter_options options = {
        .quota = hf_quota_with_burst(hf_quota_per_second(10), 3),
        .keys_max = KEYS_MAX,
        .full_policy = policy,
        .hash = hash,
        .seed = &seed,
        .clock = clock,
    };
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static struct hf_limiter *limiter_by(enum hf_hash_kind hash, struct hf_clock clock)
{
    return limiter_full(hash, clock, HF_FULL_DENY);
}

static void a_plain_request_is_decided_like_any_other(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, HF_SECONDS(1000));
    struct hf_clock called = {.now_ns = called_now_ns, .context = &manual};
    struct hf_limiter *limiters[] = {
        limiter_by(HF_HASH_FAST, hf_manual_clock(&manual)),
        limiter_by(HF_HASH_FAST, called),
        limiter_by(HF_HASH_SIPHASH, hf_manual_clock(&manual)),
        limiter_by(HF_HASH_FAST, hf_manual_clock(&manual)),
    };
    struct hf_splitmix splitmix = {.state = 7};
    struct hf_random random = hf_splitmix_random(&splitmix);
    uint64_t counts[2] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct number_key key = {{hf_random_below(&random, KEYS_MAX), 1}};
        hf_manual_clock_advance(&manual, hf_random_below(&random, HF_MS(2)));
        enum hf_status plain = hf_limiter_check(limiters[0], key_of(&key), 1, NULL);
        struct hf_decision decision;
        assert_int_equal(hf_limiter_check(limiters[1], key_of(&key), 1, NULL), plain);
        assert_int_equal(hf_limiter_check(limiters[2], key_of(&key), 1, NULL), plain);
        assert_int_equal(hf_limiter_check(limiters[3], key_of(&key), 1, &decision), plain);
        assert_true(plain == HF_OK || plain == HF_DENIED);
        counts[plain == HF_DENIED]++;
    }
    assert_true(counts[0] > ROUNDS / 10 && counts[1] > ROUNDS / 10);
    for (size_t i = 0; i < 4; i++)
        hf_limiter_free(limiters[i]);
}

/* The one limiter is asked plainly, the other not; both count the same. */
static void a_plain_request_finds_no_room_like_any_other(void **state)
{
    (void)state;
    const enum hf_full_policy policies[] = {HF_FULL_DENY, HF_FULL_ADMIT};
    const enum hf_status without_room[] = {HF_FULL, HF_OK};
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, HF_SECONDS(1000));
    struct hf_clock called = {.now_ns = called_now_ns, .context = &manual};
    for (size_t i = 0; i < 2; i++) {
        struct hf_limiter *plain =
            limiter_full(HF_HASH_FAST, hf_manual_clock(&manual), policies[i]);
        struct hf_limiter *other = limiter_full(HF_HASH_FAST, called, policies[i]);
        enum hf_status last = HF_OK;
        for (uint64_t key = 0; key < 100 * KEYS_MAX; key++) {
            struct number_key number = {{key, 1}};
            last = hf_limiter_check(plain, key_of(&number), 1, NULL);
            assert_int_equal(hf_limiter_check(other, key_of(&number), 1, NULL), last);
        }
        assert_int_equal(last, without_room[i]);
        struct hf_limiter_statistics one, two;
        assert_int_equal(hf_limiter_statistics(plain, &one), HF_OK);
        assert_int_equal(hf_limiter_statistics(other, &two), HF_OK);
        assert_true(one.full > 0 && one.full == two.full);
        assert_int_equal(one.admitted_uncounted, two.admitted_uncounted);
        hf_limiter_free(plain);
        hf_limiter_free(other);
    }
}

static void a_plain_request_with_wrong_arguments_is_refused(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, HF_TIME_MAX_NS);
    const struct number_key key = {{1, 2}};
    const enum hf_hash_kind kinds[] = {HF_HASH_SIPHASH, HF_HASH_FAST};
    for (size_t i = 0; i < 2; i++) {
        hf_manual_clock_init(&manual, HF_TIME_MAX_NS);
        struct hf_limiter *limiter = limiter_by(kinds[i], hf_manual_clock(&manual));
        assert_int_equal(hf_limiter_check(NULL, key_of(&key), 1, NULL), HF_INVALID);
        assert_int_equal(hf_limiter_check(limiter, hf_bytes(NULL, 16), 1, NULL), HF_INVALID);
        assert_int_equal(hf_limiter_check(limiter, key_of(&key), 1, NULL), HF_OK);
        hf_manual_clock_advance(&manual, 1);
        assert_int_equal(hf_limiter_check(limiter, key_of(&key), 1, NULL), HF_INVALID);
        struct hf_limiter_statistics statistics;
        assert_int_equal(hf_limiter_statistics(limiter, &statistics), HF_OK);
        assert_int_equal(statistics.inserted, 1);
        hf_limiter_free(limiter);
    }
}

static void a_manual_clock_without_a_word_reads_zero(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_by(HF_HASH_FAST, hf_manual_clock(NULL));
    const struct number_key key = {{1, 2}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            hf_limiter_check(limiter, key_of(&key), 1, NULL), i < 3 ? HF_OK : HF_DENIED);
    hf_limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_decided_like_any_other),
        cmocka_unit_test(a_plain_request_finds_no_room_like_any_other),
        cmocka_unit_test(a_plain_request_with_wrong_arguments_is_refused),
        cmocka_unit_test(a_manual_clock_without_a_word_reads_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
