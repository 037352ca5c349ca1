/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/retry.h>

static struct hf_retry_policy made(struct hf_retry_options options)
{
    struct hf_retry_policy policy;
    assert_int_equal(hf_retry_policy_init(&policy, &options, NULL), HF_OK);
    return policy;
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct hf_retry_policy policy;
    assert_int_equal(hf_retry_policy_init(&policy, NULL, NULL), HF_OK);
    assert_int_equal(policy.options.attempts_max, 3);
    assert_int_equal(policy.options.elapsed_max_ns, 0);
    assert_int_equal(policy.options.attempt_timeout_ns, 0);
    assert_int_equal(policy.options.retry_after_max_ns, HF_SECONDS(60));
    assert_int_equal(policy.options.delay.base_ns, HF_MS(100));
    assert_int_equal(policy.options.delay.delay_max_ns, HF_SECONDS(20));
}

static void the_options_of_a_policy_make_the_same_policy(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .attempts_max = HF_RETRY_UNLIMITED, .elapsed_max_ns = 5, .attempt_timeout_ns = 7});
    struct hf_retry_policy again = made(policy.options);
    assert_memory_equal(&policy, &again, sizeof(policy));
}

static void assert_refused(struct hf_retry_options options, const char *text)
{
    struct hf_error error = {0};
    struct hf_retry_policy policy;
    struct hf_retry_policy untouched;
    memset(&policy, 0x5a, sizeof(policy));
    memset(&untouched, 0x5a, sizeof(untouched));
    assert_int_equal(hf_retry_policy_init(&policy, &options, &error), HF_INVALID);
    assert_memory_equal(&policy, &untouched, sizeof(policy));
    assert_string_equal(hf_error_text(&error), text);
    assert_int_equal(hf_retry_policy_init(&policy, &options, NULL), HF_INVALID);
}

static void bad_options_are_refused_by_name_and_value(void **state)
{
    (void)state;
    assert_refused((struct hf_retry_options){.elapsed_max_ns = HF_TIME_MAX_NS + 1},
        "elapsed_max_ns: 2305843009213693952 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_retry_options){.attempt_timeout_ns = UINT64_MAX},
        "attempt_timeout_ns: 18446744073709551615 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_retry_options){.retry_after_max_ns = UINT64_MAX},
        "retry_after_max_ns: 18446744073709551615 is too large (at most 2305843009213693951)");
    assert_refused((struct hf_retry_options){.attempts_max = HF_RETRY_UNLIMITED},
        "attempts_max: unlimited, and elapsed_max_ns: 0 sets no limit either");
    assert_refused((struct hf_retry_options){.delay.factor = 0.5},
        "delay.factor: 0.5 is out of range (1 to 1000)");
    struct hf_error error = {0};
    assert_int_equal(hf_retry_policy_init(NULL, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "policy: NULL");
}

static void the_largest_times_are_accepted(void **state)
{
    (void)state;
    struct hf_retry_policy policy = made((struct hf_retry_options){
        .elapsed_max_ns = HF_TIME_MAX_NS,
        .attempt_timeout_ns = HF_TIME_MAX_NS,
        .retry_after_max_ns = HF_TIME_MAX_NS,
    });
    assert_true(policy.options.retry_after_max_ns == HF_TIME_MAX_NS);
}

static void every_reason_to_stop_has_a_name(void **state)
{
    (void)state;
    const char *const names[] = {"going", "succeeded", "permanent", "ignored", "attempts",
        "elapsed", "retry-after", "stopped"};
    for (size_t stop = 0; stop < sizeof(names) / sizeof(names[0]); stop++)
        assert_string_equal(hf_retry_stop_str((enum hf_retry_stop)stop), names[stop]);
    assert_string_equal(hf_retry_stop_str((enum hf_retry_stop)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(the_options_of_a_policy_make_the_same_policy),
        cmocka_unit_test(bad_options_are_refused_by_name_and_value),
        cmocka_unit_test(the_largest_times_are_accepted),
        cmocka_unit_test(every_reason_to_stop_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
