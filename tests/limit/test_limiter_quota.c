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
#include <holdfast/random.h>

#include "base/atomic.h"
#include "scale.h"

/* Quotas of a call, and everything that gives cells back. */

static struct hf_limiter *limiter_with(struct hf_limiter_options options)
{
    struct hf_limiter *limiter;
    options.keys_max = 100;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static struct hf_limiter *limiter_for(struct hf_quota quota)
{
    return limiter_with((struct hf_limiter_options){.quota = quota});
}

static struct hf_gcra made(struct hf_quota quota)
{
    struct hf_gcra gcra;
    assert_int_equal(hf_gcra_init(&gcra, &quota, NULL), HF_OK);
    return gcra;
}

static struct hf_bytes text(const char *key)
{
    return hf_bytes(key, strlen(key));
}

static uint64_t left(
    struct hf_limiter *limiter, const char *key, const struct hf_gcra *quota, uint64_t now_ns)
{
    struct hf_decision decision;
    (void)!hf_limiter_peek_at(limiter, text(key), 1, quota, now_ns, &decision);
    return decision.remaining;
}

static void keys_may_have_quotas_of_their_own(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_minute(2));
    const struct hf_gcra pro = made(hf_quota_per_minute(5));
    struct hf_decision decision;
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(
            hf_limiter_check_with_at(limiter, text("pro"), 1, &pro, 0, &decision), HF_OK);
        assert_int_equal(decision.limit, 5);
        assert_int_equal(decision.remaining, 4 - i);
        enum hf_status status = hf_limiter_check_with_at(limiter, text("free"), 1, NULL, 0, NULL);
        assert_int_equal(status, i < 2 ? HF_OK : HF_DENIED);
    }
    assert_int_equal(
        hf_limiter_check_with_at(limiter, text("pro"), 1, &pro, 0, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_SECONDS(12));
    assert_int_equal(
        hf_limiter_check_with_at(limiter, text("pro"), 6, &pro, 0, &decision), HF_NEVER);
    hf_limiter_free(limiter);
}

static void two_quotas_on_one_key_add_up_and_neither_forgives_the_other(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_minute(60));
    const struct hf_gcra slow = made(hf_quota_per_hour(60)); /* A cell a minute. */
    assert_int_equal(hf_limiter_check_with_at(limiter, text("k"), 3, &slow, 0, NULL), HF_OK);
    struct hf_decision decision;
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 1, 0, &decision), HF_DENIED);
    assert_int_equal(decision.remaining, 0);
    assert_int_equal(decision.reset_after_ns, HF_SECONDS(180));
    assert_int_equal(decision.retry_after_ns, HF_SECONDS(121));
    assert_int_equal(left(limiter, "k", &slow, 0), 57);
    hf_limiter_free(limiter);
}

static void a_refund_gives_back_what_was_charged_up_to_the_burst(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_minute(10));
    uint64_t now_ns = HF_SECONDS(7);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 10, now_ns, NULL), HF_OK);
    assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 4, NULL, now_ns), HF_OK);
    assert_int_equal(left(limiter, "k", NULL, now_ns), 4);
    assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 0, NULL, now_ns), HF_OK);
    assert_int_equal(left(limiter, "k", NULL, now_ns), 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 10, NULL, now_ns), HF_OK);
    assert_int_equal(left(limiter, "k", NULL, now_ns), 10);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 10, now_ns, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 1, now_ns, NULL), HF_DENIED);
    hf_limiter_free(limiter);
}

static void a_refund_for_a_key_that_is_gone_or_never_was_changes_nothing(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_second(2));
    assert_int_equal(hf_limiter_refund_at(limiter, text("never"), 2, NULL, 0), HF_OK);
    assert_int_equal(left(limiter, "never", NULL, 0), 2);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 2, 0, NULL), HF_OK);
    uint64_t later_ns = HF_SECONDS(100);
    assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 2, NULL, later_ns), HF_OK);
    assert_int_equal(left(limiter, "k", NULL, later_ns), 2);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 2, later_ns, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 1, later_ns, NULL), HF_DENIED);
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(limiter, &statistics), HF_OK);
    assert_int_equal(statistics.full, 0);
    hf_limiter_free(limiter);
}

static void a_change_of_quota_keeps_the_cells_owed_in_both_directions(void **state)
{
    (void)state;
    const struct hf_gcra slow = made(hf_quota_per_hour(10));
    const struct hf_gcra fast = made(hf_quota_with_burst(hf_quota_per_second(1000), 100));
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_hour(10), .fill_max_ns = HF_SECONDS(3600)});
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 10, 0, NULL), HF_OK);
    assert_int_equal(left(limiter, "k", &fast, 0), 0); /* An hour of debt, at whatever rate. */
    assert_int_equal(hf_limiter_requota_at(limiter, text("k"), NULL, &fast, 0), HF_OK);
    assert_int_equal(left(limiter, "k", &fast, 0), 90);
    assert_int_equal(left(limiter, "k", &fast, HF_MS(5)), 95);
    assert_int_equal(hf_limiter_requota_at(limiter, text("k"), &fast, &slow, 0), HF_OK);
    assert_int_equal(left(limiter, "k", NULL, 0), 0);
    assert_int_equal(left(limiter, "k", NULL, HF_SECONDS(360)), 1);
    hf_limiter_free(limiter);
}

static void no_change_of_quota_leaves_more_owed_than_the_new_burst(void **state)
{
    (void)state;
    const struct hf_gcra small = made(hf_quota_with_burst(hf_quota_per_second(10), 2));
    struct hf_limiter *limiter = limiter_for(hf_quota_per_second(10));
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 10, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_requota_at(limiter, text("k"), NULL, &small, 0), HF_OK);
    struct hf_decision decision;
    assert_int_equal(
        hf_limiter_check_with_at(limiter, text("k"), 1, &small, 0, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(100));
    hf_limiter_free(limiter);
}

static void a_trim_cuts_every_key_to_what_the_quota_allows_and_no_further(void **state)
{
    (void)state;
    const struct hf_gcra slow = made(hf_quota_per_hour(10));
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_second(10), .fill_max_ns = HF_SECONDS(3600)});
    for (char key = 'a'; key <= 'z'; key++)
        assert_int_equal(
            hf_limiter_check_with_at(limiter, hf_bytes(&key, 1), 10, &slow, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, text("little"), 3, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_trim_at(limiter, NULL, 0), HF_OK);
    for (char key = 'a'; key <= 'z'; key++) {
        const char name[2] = {key, 0};
        assert_int_equal(left(limiter, name, NULL, 0), 0);
        assert_int_equal(left(limiter, name, NULL, HF_MS(300)), 3);
    }
    assert_int_equal(left(limiter, "little", NULL, 0), 7);
    hf_limiter_free(limiter);
}

static void a_reset_forgets_one_key_and_no_other(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_hour(4));
    assert_int_equal(hf_limiter_check_at(limiter, text("a"), 4, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, text("b"), 4, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_reset_at(limiter, text("a"), 0), HF_OK);
    assert_int_equal(left(limiter, "a", NULL, 0), 4);
    assert_int_equal(left(limiter, "b", NULL, 0), 0);
    hf_limiter_free(limiter);
}

static void without_room_to_lower_less_is_given_back_and_never_more(void **state)
{
    (void)state;
    const struct hf_gcra year = made(hf_quota_per(10, HF_SECONDS(365 * 86400)));
    struct hf_limiter *limiter = limiter_for(hf_quota_per_second(10)); /* fill_max_ns: a second. */
    assert_int_equal(hf_limiter_check_with_at(limiter, text("k"), 10, &year, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 5, &year, 0), HF_OK);
    assert_in_range(left(limiter, "k", &year, 0), 0, 5);
    assert_int_equal(hf_limiter_reset_at(limiter, text("k"), 0), HF_OK);
    assert_in_range(left(limiter, "k", &year, 0), 0, 10);
    hf_limiter_free(limiter);
}

static void a_peek_answers_like_a_check_and_charges_nothing(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_second(5));
    struct hf_decision decision;
    assert_int_equal(hf_limiter_peek_at(limiter, text("k"), 0, NULL, 0, &decision), HF_OK);
    assert_int_equal(hf_limiter_peek_at(limiter, text("k"), 5, NULL, 0, &decision), HF_OK);
    assert_int_equal(decision.remaining, 5);
    struct hf_limiter_statistics statistics;
    assert_int_equal(hf_limiter_statistics(limiter, &statistics), HF_OK);
    assert_int_equal(statistics.inserted, 0);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 3, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_peek_at(limiter, text("k"), 2, NULL, 0, &decision), HF_OK);
    assert_int_equal(hf_limiter_peek_at(limiter, text("k"), 3, NULL, 0, &decision), HF_DENIED);
    assert_int_equal(decision.retry_after_ns, HF_MS(200));
    assert_int_equal(hf_limiter_peek_at(limiter, text("k"), 6, NULL, 0, &decision), HF_NEVER);
    hf_limiter_free(limiter);
}

/* Each call with one argument that is wrong. */
static void assert_all_invalid(struct hf_limiter *limiter, struct hf_bytes key,
    const struct hf_gcra *quota, uint64_t now_ns, const char *argument)
{
    struct hf_decision decision;
    assert_int_equal(
        hf_limiter_check_with_at(limiter, key, 1, quota, now_ns, &decision), HF_INVALID);
    assert_string_equal(decision.argument, argument);
    assert_int_equal(hf_limiter_check_with_at(limiter, key, 1, quota, now_ns, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_peek_at(limiter, key, 1, quota, now_ns, &decision), HF_INVALID);
    assert_string_equal(decision.argument, argument);
    assert_int_equal(hf_limiter_refund_at(limiter, key, 1, quota, now_ns), HF_INVALID);
    assert_int_equal(hf_limiter_requota_at(limiter, key, NULL, quota, now_ns), HF_INVALID);
    bool quota_is_wrong = strcmp(argument, "quota") == 0;
    enum hf_status reset = quota_is_wrong ? HF_OK : HF_INVALID;
    assert_int_equal(hf_limiter_reset_at(limiter, key, now_ns), reset);
    bool key_is_wrong = strncmp(argument, "key", 3) == 0;
    enum hf_status trim = key_is_wrong ? HF_OK : HF_INVALID;
    assert_int_equal(hf_limiter_trim_at(limiter, quota, now_ns), trim);
}

/* Also for the largest quotas there are: a cell is nine years, the burst 36. */
static void every_allowed_time_works_as_the_first(void **state)
{
    (void)state;
    const uint64_t times[] = {0, 1, HF_SECONDS(1), HF_TIME_MAX_NS - 1, HF_TIME_MAX_NS};
    const struct hf_gcra half = made((struct hf_quota){2, UINT64_C(1) << 58, 8});
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct hf_limiter *limiter = limiter_for((struct hf_quota){1, UINT64_C(1) << 58, 4});
        uint64_t now_ns = times[i];
        assert_int_equal(hf_limiter_check_at(limiter, text("k"), 4, now_ns, NULL), HF_OK);
        assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 3, NULL, now_ns), HF_OK);
        assert_int_equal(left(limiter, "k", NULL, now_ns), 3);
        assert_int_equal(hf_limiter_requota_at(limiter, text("k"), NULL, &half, now_ns), HF_OK);
        assert_int_equal(left(limiter, "k", &half, now_ns), 7);
        assert_int_equal(hf_limiter_requota_at(limiter, text("k"), &half, NULL, now_ns), HF_OK);
        assert_int_equal(left(limiter, "k", NULL, now_ns), 3);
        assert_int_equal(hf_limiter_trim_at(limiter, NULL, now_ns), HF_OK);
        assert_int_equal(left(limiter, "k", NULL, now_ns), 3);
        assert_int_equal(hf_limiter_reset_at(limiter, text("k"), now_ns), HF_OK);
        assert_int_equal(left(limiter, "k", NULL, now_ns), 4);
        assert_int_equal(hf_limiter_check_at(limiter, text("k"), 4, now_ns, NULL), HF_OK);
        assert_int_equal(hf_limiter_check_at(limiter, text("k"), 1, now_ns, NULL), HF_DENIED);
        hf_limiter_free(limiter);
    }
}

/* Whatever the times, nobody gets more than the burst at once, and nothing goes wrong. */
static void callers_who_lag_or_run_ahead_give_nobody_more_than_the_burst(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, 4);
    const struct hf_random random = hf_splitmix_random(&splitmix);
    const struct hf_gcra slow = made(hf_quota_with_burst(hf_quota_per_second(1), 5));
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_with_burst(hf_quota_per_second(10), 5), .fill_max_ns = HF_SECONDS(5)});
    for (size_t i = 0; i < test_scaled(100000); i++) {
        uint64_t now_ns = HF_SECONDS(100) + hf_random_below(&random, HF_SECONDS(8));
        const struct hf_gcra *quota = hf_random_below(&random, 2) ? &slow : NULL;
        struct hf_decision decision;
        uint64_t cost = 1 + hf_random_below(&random, 5);
        switch (hf_random_below(&random, 5)) {
        case 0:
            assert_int_equal(hf_limiter_refund_at(limiter, text("k"), cost, quota, now_ns), HF_OK);
            break;
        case 1:
            assert_int_equal(
                hf_limiter_requota_at(limiter, text("k"), quota, &slow, now_ns), HF_OK);
            break;
        case 2:
            assert_int_equal(hf_limiter_trim_at(limiter, quota, now_ns), HF_OK);
            break;
        default:
            (void)!hf_limiter_check_with_at(limiter, text("k"), cost, quota, now_ns, &decision);
            assert_in_range(decision.remaining, 0, 5);
            assert_true(decision.reset_after_ns <= HF_SECONDS(8 + 5));
        }
    }
    hf_limiter_free(limiter);
}

static void wrong_arguments_are_named_and_change_nothing(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_for(hf_quota_per_hour(3));
    const struct hf_gcra unmade = {.burst = 0};
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 2, 0, NULL), HF_OK);
    assert_all_invalid(NULL, text("k"), NULL, 0, "limiter");
    assert_all_invalid(limiter, text(""), NULL, 0, "key.size");
    assert_all_invalid(limiter, hf_bytes(NULL, 1), NULL, 0, "key.data");
    assert_all_invalid(limiter, text("k"), &unmade, 0, "quota");
    assert_all_invalid(limiter, text("k"), NULL, HF_TIME_MAX_NS + 1, "now_ns");
    assert_all_invalid(limiter, text("k"), NULL, UINT64_MAX, "now_ns");
    assert_int_equal(hf_limiter_reset_at(limiter, text("k"), 0), HF_OK);
    assert_int_equal(hf_limiter_check_at(limiter, text("k"), 2, 0, NULL), HF_OK);
    assert_int_equal(hf_limiter_refund_at(limiter, text("k"), 4, NULL, 0), HF_INVALID);
    assert_int_equal(hf_limiter_refund_at(limiter, text("k"), UINT64_MAX, NULL, 0), HF_INVALID);
    assert_int_equal(hf_limiter_requota_at(limiter, text("k"), &unmade, NULL, 0), HF_INVALID);
    assert_int_equal(left(limiter, "k", NULL, 0), 1);
    assert_int_equal(hf_limiter_reset_at(limiter, text("k"), HF_TIME_MAX_NS), HF_OK);
    hf_limiter_free(limiter);

    struct hf_error error = {0};
    const struct hf_limiter_options options = {
        .quota = hf_quota_per_hour(3), .fill_max_ns = (UINT64_C(1) << 60) + 1};
    assert_int_equal(hf_limiter_new(&limiter, &options, &error), HF_INVALID);
    assert_string_equal(
        hf_error_text(&error), "fill_max_ns: 1152921504606846977 is too large (at most 2^60)");
}

static void the_clock_decides_where_no_time_is_given(void **state)
{
    (void)state;
    struct hf_manual_clock manual;
    hf_manual_clock_init(&manual, HF_SECONDS(9));
    struct hf_limiter *limiter = limiter_with((struct hf_limiter_options){
        .quota = hf_quota_per_second(4), .clock = hf_manual_clock(&manual)});
    const struct hf_gcra two = made(hf_quota_per_second(2));
    assert_int_equal(hf_limiter_check_with(limiter, text("k"), 2, &two, NULL), HF_OK);
    assert_int_equal(hf_limiter_peek(limiter, text("k"), 1, &two, NULL), HF_DENIED);
    assert_int_equal(hf_limiter_requota(limiter, text("k"), &two, NULL), HF_OK);
    assert_int_equal(hf_limiter_peek(limiter, text("k"), 2, NULL, NULL), HF_OK);
    assert_int_equal(hf_limiter_refund(limiter, text("k"), 1, NULL), HF_OK);
    assert_int_equal(hf_limiter_peek(limiter, text("k"), 3, NULL, NULL), HF_OK);
    assert_int_equal(hf_limiter_reset(limiter, text("k")), HF_OK);
    assert_int_equal(hf_limiter_peek(limiter, text("k"), 4, NULL, NULL), HF_OK);
    assert_int_equal(hf_limiter_check(limiter, text("k"), 4, NULL), HF_OK);
    assert_int_equal(hf_limiter_trim(limiter, &two), HF_OK);
    assert_int_equal(hf_limiter_peek(limiter, text("k"), 1, NULL, NULL), HF_DENIED);
    hf_manual_clock_advance(&manual, HF_TIME_MAX_NS);
    struct hf_decision decision;
    assert_int_equal(hf_limiter_check_with(limiter, text("k"), 1, &two, &decision), HF_INVALID);
    assert_string_equal(decision.argument, "clock");
    assert_int_equal(hf_limiter_refund(limiter, text("k"), 1, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_trim(limiter, NULL), HF_INVALID);
    hf_limiter_free(limiter);
    assert_int_equal(hf_limiter_check_with(NULL, text("k"), 1, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_refund(NULL, text("k"), 1, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_requota(NULL, text("k"), NULL, NULL), HF_INVALID);
    assert_int_equal(hf_limiter_reset(NULL, text("k")), HF_INVALID);
    assert_int_equal(hf_limiter_trim(NULL, NULL), HF_INVALID);
}

/*
 * Threads that charge and give back what they have charged: at a time that stands still, what is
 * kept is exactly what is gone, and it was never more than the burst.
 */
#define THREADS 3
#define BURST 50

struct crowd {
    struct hf_limiter *limiter;
    uint64_t kept;
    uint64_t failures;
};

static void *charge_and_give_back(void *argument)
{
    struct crowd *crowd = argument;
    for (uint64_t i = 0; i < test_scaled(60000); i++) {
        uint64_t cost = 1 + i % 3;
        if (hf_limiter_check_at(crowd->limiter, text("k"), cost, HF_SECONDS(1), NULL) != HF_OK)
            continue;
        uint64_t kept = hf_add_relaxed(&crowd->kept, cost) + cost;
        if (kept > BURST)
            hf_add_relaxed(&crowd->failures, 1);
        hf_add_relaxed(&crowd->kept, 0 - cost);
        if (hf_limiter_refund_at(crowd->limiter, text("k"), cost, NULL, HF_SECONDS(1)) != HF_OK)
            hf_add_relaxed(&crowd->failures, 1);
    }
    return NULL;
}

static void threads_that_give_back_never_hold_more_than_the_burst(void **state)
{
    (void)state;
    struct crowd crowd = {.limiter = limiter_for(hf_quota_per_hour(BURST))};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, charge_and_give_back, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failures, 0);
    assert_int_equal(left(crowd.limiter, "k", NULL, HF_SECONDS(1)), BURST);
    hf_limiter_free(crowd.limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_may_have_quotas_of_their_own),
        cmocka_unit_test(two_quotas_on_one_key_add_up_and_neither_forgives_the_other),
        cmocka_unit_test(a_refund_gives_back_what_was_charged_up_to_the_burst),
        cmocka_unit_test(a_refund_for_a_key_that_is_gone_or_never_was_changes_nothing),
        cmocka_unit_test(a_change_of_quota_keeps_the_cells_owed_in_both_directions),
        cmocka_unit_test(no_change_of_quota_leaves_more_owed_than_the_new_burst),
        cmocka_unit_test(a_trim_cuts_every_key_to_what_the_quota_allows_and_no_further),
        cmocka_unit_test(a_reset_forgets_one_key_and_no_other),
        cmocka_unit_test(without_room_to_lower_less_is_given_back_and_never_more),
        cmocka_unit_test(a_peek_answers_like_a_check_and_charges_nothing),
        cmocka_unit_test(every_allowed_time_works_as_the_first),
        cmocka_unit_test(callers_who_lag_or_run_ahead_give_nobody_more_than_the_burst),
        cmocka_unit_test(wrong_arguments_are_named_and_change_nothing),
        cmocka_unit_test(the_clock_decides_where_no_time_is_given),
        cmocka_unit_test(threads_that_give_back_never_hold_more_than_the_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
