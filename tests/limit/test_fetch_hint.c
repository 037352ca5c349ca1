/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limit/limiter.h"

static struct hf_limiter *limiter_with_burst(uint64_t burst)
{
    struct hf_limiter_options options = {
        .quota = hf_quota_with_burst(hf_quota_per_second(1), burst), .keys_max = 10};
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static enum hf_status ask(struct hf_limiter *limiter, const char *key)
{
    return hf_limiter_check_at(limiter, hf_bytes(key, 1), 1, HF_SECONDS(1), NULL);
}

static void lines_are_fetched_for_writing_until_a_key_is_denied(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_with_burst(2);
    assert_int_equal(ask(limiter, "a"), HF_OK);
    assert_int_equal(ask(limiter, "a"), HF_OK);
    assert_int_equal(limiter->denying, 0);
    assert_int_equal(ask(limiter, "a"), HF_DENIED);
    assert_int_equal(limiter->denying, 1);
    hf_limiter_free(limiter);
}

static void a_key_that_is_known_does_not_change_that_but_a_new_one_does(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_with_burst(2);
    assert_int_equal(ask(limiter, "b"), HF_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(limiter, "a"), HF_OK);
    assert_int_equal(ask(limiter, "a"), HF_DENIED);
    assert_int_equal(ask(limiter, "b"), HF_OK);
    assert_int_equal(limiter->denying, 1);
    assert_int_equal(ask(limiter, "c"), HF_OK);
    assert_int_equal(limiter->denying, 0);
    hf_limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_fetched_for_writing_until_a_key_is_denied),
        cmocka_unit_test(a_key_that_is_known_does_not_change_that_but_a_new_one_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
