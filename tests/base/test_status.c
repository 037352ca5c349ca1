/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/status.h>

static void ok_is_zero_and_the_only_ok_kind(void **state)
{
    (void)state;
    assert_int_equal(HF_OK, 0);
    assert_int_equal(hf_status_kind(HF_OK), HF_KIND_OK);
    for (int status = 1; status < HF_STATUS_COUNT; status++)
        assert_int_not_equal(hf_status_kind((enum hf_status)status), HF_KIND_OK);
}

static void every_status_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int one = 0; one < HF_STATUS_COUNT; one++) {
        const char *text = hf_status_str((enum hf_status)one);
        assert_non_null(text);
        assert_true(strlen(text) > 0);
        for (int other = 0; other < one; other++)
            assert_string_not_equal(text, hf_status_str((enum hf_status)other));
    }
}

static void kinds_say_what_a_caller_should_do(void **state)
{
    (void)state;
    assert_int_equal(hf_status_kind(HF_INVALID), HF_KIND_MISUSE);
    assert_int_equal(hf_status_kind(HF_DENIED), HF_KIND_REFUSED);
    assert_int_equal(hf_status_kind(HF_NOT_FOUND), HF_KIND_REFUSED);
    assert_int_equal(hf_status_kind(HF_FAILED), HF_KIND_ENVIRONMENT);
    assert_int_equal(hf_status_kind(HF_LOST), HF_KIND_ENVIRONMENT);
}

static void numbers_off_the_list_are_answered(void **state)
{
    (void)state;
    const int strangers[] = {HF_STATUS_COUNT, HF_STATUS_COUNT + 1, 1000, INT32_MAX, -1, INT32_MIN};
    for (size_t index = 0; index < sizeof(strangers) / sizeof(strangers[0]); index++) {
        enum hf_status status = (enum hf_status)strangers[index];
        assert_string_equal(hf_status_str(status), "unknown status");
        assert_int_equal(hf_status_kind(status), HF_KIND_MISUSE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ok_is_zero_and_the_only_ok_kind),
        cmocka_unit_test(every_status_has_a_text_of_its_own),
        cmocka_unit_test(kinds_say_what_a_caller_should_do),
        cmocka_unit_test(numbers_off_the_list_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
