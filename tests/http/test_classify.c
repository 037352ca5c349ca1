/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/http.h>

#include "http/message.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_NS HF_SECONDS(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

static bool is_transient(unsigned status)
{
    const unsigned transient[] = {408, 425, 429, 500, 502, 503, 504};
    for (size_t index = 0; index < LENGTH(transient); index++) {
        if (transient[index] == status)
            return true;
    }
    return false;
}

static void every_status_has_its_kind(void **state)
{
    (void)state;
    for (unsigned status = 0; status < 1000; status++) {
        enum hf_outcome_kind expected = status < 100   ? HF_PERMANENT
                                        : status < 400 ? HF_SUCCESS
                                        : status < 500 ? HF_IGNORED
                                                       : HF_PERMANENT;
        if (is_transient(status))
            expected = HF_TRANSIENT;
        struct hf_outcome outcome = hf_http_outcome(status, NULL, 0);
        assert_int_equal(outcome.kind, expected);
        assert_int_equal(outcome.code, status);
        assert_int_equal(outcome.retry_after_ns, 0);
    }
    assert_int_equal(hf_http_outcome(UINT32_MAX, NULL, 0).kind, HF_PERMANENT);
    assert_int_equal(hf_http_outcome(UINT32_MAX, NULL, 0).code, INT32_MAX);
}

static uint64_t wait_of(unsigned status, const struct test_field *fields, size_t count)
{
    struct test_message message = {.fields = fields, .count = count};
    struct hf_http_message response = test_http_message(&message);
    return hf_http_outcome(status, &response, NOW_NS).retry_after_ns;
}

static void retry_after_comes_before_what_ratelimit_tells(void **state)
{
    (void)state;
    struct test_field fields[] = {
        {"RateLimit", "\"a\";r=0;t=30", 0}, {"retry-after", "7", 0}, {"Retry-After", "8", 0}};
    assert_int_equal(wait_of(429, fields, 3), HF_SECONDS(7));
    assert_int_equal(wait_of(429, fields, 1), HF_SECONDS(30));
    fields[1].value = "Sun, 06 Nov 1994 08:49:47 GMT";
    assert_int_equal(wait_of(503, fields, 3), HF_SECONDS(10));
    fields[1].value = "0";
    assert_int_equal(wait_of(503, fields, 3), 0);
    fields[1].value = "soon";
    assert_int_equal(wait_of(503, fields, 3), HF_SECONDS(30));
}

static void a_limit_with_something_left_asks_for_no_wait(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"RateLimit", "\"a\";r=1;t=30", 0}};
    assert_int_equal(wait_of(429, fields, 1), 0);
    assert_int_equal(wait_of(429, NULL, 0), 0);
}

static void only_transient_answers_ask_for_a_wait(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"Retry-After", "7", 0}};
    for (unsigned status = 100; status < 600; status++)
        assert_int_equal(wait_of(status, fields, 1), is_transient(status) ? HF_SECONDS(7) : 0);
}

static void a_response_without_fields_is_classified_all_the_same(void **state)
{
    (void)state;
    struct hf_http_message response = {.field = NULL};
    assert_int_equal(hf_http_outcome(429, &response, 0).kind, HF_TRANSIENT);
}

static void idempotent_methods_are_those_of_the_standard(void **state)
{
    (void)state;
    const char *const yes[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    const char *const no[] = {"POST", "PATCH", "CONNECT", "get", "Get", "", "GE", "GETS", "HEAD "};
    for (size_t index = 0; index < LENGTH(yes); index++)
        assert_true(hf_http_method_idempotent(hf_bytes(yes[index], strlen(yes[index]))));
    for (size_t index = 0; index < LENGTH(no); index++)
        assert_false(hf_http_method_idempotent(hf_bytes(no[index], strlen(no[index]))));
    assert_false(hf_http_method_idempotent(hf_bytes(NULL, 0)));
    assert_false(hf_http_method_idempotent(hf_bytes("GET\0", 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_kind),
        cmocka_unit_test(retry_after_comes_before_what_ratelimit_tells),
        cmocka_unit_test(a_limit_with_something_left_asks_for_no_wait),
        cmocka_unit_test(only_transient_answers_ask_for_a_wait),
        cmocka_unit_test(a_response_without_fields_is_classified_all_the_same),
        cmocka_unit_test(idempotent_methods_are_those_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
