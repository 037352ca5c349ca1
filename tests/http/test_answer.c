/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/http.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define PROBLEM "{\"type\":\"https://iana.org/assignments/http-problem-types#"

static struct hf_http_answer answer_of(const struct hf_http_answer_options *options,
    enum hf_status status, const struct hf_decision *decision, uint64_t retry_after_ns)
{
    struct hf_http_answer answer;
    memset(&answer, 0x55, sizeof(answer));
    assert_int_equal(hf_http_answer(options, status, decision, retry_after_ns, &answer), HF_OK);
    assert_true(answer.fields_count <= HF_HTTP_FIELDS_MAX);
    assert_int_equal(strlen(answer.body), answer.body_bytes);
    return answer;
}

/* NULL: the answer has no such field. */
static const char *field_of(const struct hf_http_answer *answer, const char *name)
{
    const char *value = NULL;
    for (size_t index = 0; index < answer->fields_count; index++) {
        if (strcmp(answer->fields[index].name, name) != 0)
            continue;
        assert_null(value); /* No field twice. */
        value = answer->fields[index].value;
    }
    return value;
}

static void assert_field(
    const struct hf_http_answer *answer, const char *name, const char *expected)
{
    const char *value = field_of(answer, name);
    if (!expected)
        assert_null(value);
    else
        assert_string_equal(value ? value : "(none)", expected);
}

/* 50 a second, bursts of 100: a cell is 20 ms, all of them 2 s. */
static struct hf_http_answer_options fifty_a_second(enum hf_http_dialect dialect)
{
    return (struct hf_http_answer_options){
        .dialect = dialect,
        .quota = hf_quota_with_burst(hf_quota_per_second(50), 100),
    };
}

static struct hf_decision left(uint64_t remaining, uint64_t reset_after_ns)
{
    return (struct hf_decision){
        .limit = 100, .remaining = remaining, .reset_after_ns = reset_after_ns};
}

static struct hf_decision denied_for(uint64_t retry_after_ns)
{
    struct hf_decision decision = left(0, HF_SECONDS(2));
    decision.reason = HF_REASON_KEY;
    decision.retry_after_ns = retry_after_ns;
    return decision;
}

static void an_allowed_request_is_told_what_is_left(void **state)
{
    (void)state;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    struct hf_decision decision = left(99, HF_MS(20));
    struct hf_http_answer answer = answer_of(&options, HF_OK, &decision, 0);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.body_bytes, 0);
    assert_int_equal(answer.fields_count, 2);
    assert_field(&answer, "RateLimit-Policy", "\"default\";q=100;w=2");
    assert_field(&answer, "RateLimit", "\"default\";r=99;t=2");
    decision = left(50, HF_SECONDS(1));
    answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit", "\"default\";r=50;t=1");
    decision = left(0, HF_MS(1990));
    answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit", "\"default\";r=0;t=1");
}

static void with_nothing_left_the_window_ends_with_the_next_cell(void **state)
{
    (void)state;
    struct hf_http_answer_options options = {.quota = hf_quota_per(10, HF_SECONDS(100))};
    struct hf_decision decision = {.limit = 10, .remaining = 0, .reset_after_ns = HF_SECONDS(97)};
    struct hf_http_answer answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit", "\"default\";r=0;t=7");
    decision.reset_after_ns = HF_SECONDS(90) + 1;
    answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit", "\"default\";r=0;t=1");
}

static void policies_have_the_name_given(void **state)
{
    (void)state;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    struct hf_decision decision = denied_for(HF_MS(20));
    options.policy = "per-key_1.x";
    struct hf_http_answer answer = answer_of(&options, HF_DENIED, &decision, 0);
    assert_field(&answer, "RateLimit-Policy", "\"per-key_1.x\";q=100;w=2");
    assert_field(&answer, "RateLimit", "\"per-key_1.x\";r=0;t=1");
    assert_non_null(strstr(answer.body, "\"violated-policies\":[\"per-key_1.x\"]"));
}

static void triples_tell_the_same_in_three_fields(void **state)
{
    (void)state;
    const struct {
        enum hf_http_dialect dialect;
        const char *names[3];
    } cases[] = {
        {HF_HTTP_DIALECT_TRIPLE, {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}},
        {HF_HTTP_DIALECT_X_TRIPLE,
            {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}},
    };
    for (size_t index = 0; index < LENGTH(cases); index++) {
        struct hf_http_answer_options options = fifty_a_second(cases[index].dialect);
        struct hf_decision decision = left(60, HF_MS(800));
        struct hf_http_answer answer = answer_of(&options, HF_OK, &decision, 0);
        assert_int_equal(answer.fields_count, 3);
        assert_field(&answer, cases[index].names[0], "100");
        assert_field(&answer, cases[index].names[1], "60");
        assert_field(&answer, cases[index].names[2], "2");
        decision = denied_for(HF_MS(3001));
        answer = answer_of(&options, HF_DENIED, &decision, 0);
        assert_int_equal(answer.fields_count, 5);
        assert_field(&answer, cases[index].names[1], "0");
        assert_field(&answer, cases[index].names[2], "4");
        assert_field(&answer, "Retry-After", "4");
    }
}

static void without_a_dialect_only_retry_after_is_told(void **state)
{
    (void)state;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_NONE);
    struct hf_decision decision = left(60, HF_MS(800));
    assert_int_equal(answer_of(&options, HF_OK, &decision, 0).fields_count, 0);
    decision = denied_for(1);
    struct hf_http_answer answer = answer_of(&options, HF_DENIED, &decision, 0);
    assert_int_equal(answer.fields_count, 2);
    assert_field(&answer, "Retry-After", "1");
    assert_field(&answer, "Content-Type", "application/problem+json");
}

static void every_status_has_its_answer(void **state)
{
    (void)state;
    const struct {
        enum hf_status status;
        unsigned http_status;
        const char *retry_after; /* With 1.5 s known; NULL: none. */
        const char *at_least;    /* With nothing known. */
        bool limits;
        const char *body;
    } cases[] = {
        {HF_DENIED, 429, "2", "1", true,
            PROBLEM "quota-exceeded\",\"title\":\"Quota exceeded\",\"status\":429,\"detail\":\"The "
                    "quota is used up for now.\",\"violated-policies\":[\"default\"]}\n"},
        {HF_NEVER, 429, NULL, NULL, true,
            PROBLEM "quota-exceeded\",\"title\":\"Quota exceeded\",\"status\":429,\"detail\":\"The "
                    "request costs more than the quota ever holds: waiting does not help.\","
                    "\"violated-policies\":[\"default\"]}\n"},
        {HF_FULL, 503, "2", "1", false,
            PROBLEM "temporary-reduced-capacity\",\"title\":\"Temporary reduced capacity\","
                    "\"status\":503,\"detail\":\"There are more clients than can be told apart at "
                    "once.\"}\n"},
        {HF_OPEN, 503, "2", "1", false,
            PROBLEM "temporary-reduced-capacity\",\"title\":\"Temporary reduced capacity\","
                    "\"status\":503,\"detail\":\"What answers this request has failed too often "
                    "and is left alone for a while.\"}\n"},
        {HF_CLOSED, 503, "2", NULL, false,
            "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
            "\"detail\":\"The server is shutting down.\"}\n"},
        {HF_TIMEOUT, 504, NULL, NULL, true,
            "{\"type\":\"about:blank\",\"title\":\"Gateway Timeout\",\"status\":504,"
            "\"detail\":\"What answers this request took too long.\"}\n"},
        {HF_FAILED, 502, NULL, NULL, true,
            "{\"type\":\"about:blank\",\"title\":\"Bad Gateway\",\"status\":502,"
            "\"detail\":\"What answers this request has failed.\"}\n"},
        {HF_EXHAUSTED, 502, NULL, NULL, true,
            "{\"type\":\"about:blank\",\"title\":\"Bad Gateway\",\"status\":502,"
            "\"detail\":\"What answers this request has failed.\"}\n"},
        {HF_MALFORMED, 400, NULL, NULL, true,
            "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
            "\"detail\":\"A field of the request is too long.\"}\n"},
        {HF_INVALID, 500, NULL, NULL, true,
            "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
            "\"detail\":\"The server made a mistake.\"}\n"},
    };
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    for (size_t index = 0; index < LENGTH(cases); index++) {
        struct hf_decision decision = left(60, HF_MS(800));
        struct hf_http_answer answer =
            answer_of(&options, cases[index].status, &decision, HF_MS(1500));
        assert_int_equal(answer.status, cases[index].http_status);
        assert_string_equal(answer.body, cases[index].body);
        assert_field(&answer, "Content-Type", "application/problem+json");
        assert_field(&answer, "Retry-After", cases[index].retry_after);
        assert_field(&answer, "RateLimit", cases[index].limits ? "\"default\";r=60;t=2" : NULL);
        answer = answer_of(&options, cases[index].status, NULL, 0);
        assert_int_equal(answer.status, cases[index].http_status);
        assert_string_equal(answer.body, cases[index].body);
        assert_field(&answer, "Retry-After", cases[index].at_least);
        assert_field(&answer, "RateLimit", NULL);
        assert_field(&answer, "RateLimit-Policy", "\"default\";q=100;w=2");
    }
}

static void all_other_statuses_are_the_servers_mistake(void **state)
{
    (void)state;
    struct hf_http_answer_options options = {.dialect = HF_HTTP_DIALECT_DRAFT};
    const enum hf_status statuses[] = {HF_AGAIN, HF_CANCELLED, HF_NOT_FOUND, HF_NO_MEMORY, HF_IO,
        HF_UNSUPPORTED, HF_LOST, HF_STATUS_COUNT, (enum hf_status) - 1};
    for (size_t index = 0; index < LENGTH(statuses); index++)
        assert_int_equal(answer_of(&options, statuses[index], NULL, 0).status, 500);
}

static void never_is_told_no_time_to_come_again(void **state)
{
    (void)state;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    struct hf_decision decision = left(100, 0);
    decision.reason = HF_REASON_NEVER;
    decision.retry_after_ns = UINT64_MAX;
    struct hf_http_answer answer = answer_of(&options, HF_NEVER, &decision, UINT64_MAX);
    assert_field(&answer, "Retry-After", NULL);
    assert_field(&answer, "RateLimit", "\"default\";r=100;t=2");
    /* Not what a limiter says, but never to be read as 584 years either. */
    answer = answer_of(&options, HF_DENIED, &decision, 0);
    assert_field(&answer, "Retry-After", "1");
}

static void retry_after_is_the_later_of_the_two_times_known(void **state)
{
    (void)state;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    struct hf_decision decision = denied_for(HF_SECONDS(3));
    struct hf_http_answer answer = answer_of(&options, HF_DENIED, &decision, HF_SECONDS(5));
    assert_field(&answer, "Retry-After", "5");
    assert_field(&answer, "RateLimit", "\"default\";r=0;t=5");
    answer = answer_of(&options, HF_DENIED, &decision, HF_SECONDS(2));
    assert_field(&answer, "Retry-After", "3");
    answer = answer_of(&options, HF_OPEN, NULL, UINT64_MAX);
    assert_field(&answer, "Retry-After", "18446744074");
}

static void a_limit_of_all_keys_keeps_its_size_to_itself(void **state)
{
    (void)state;
    struct hf_decision decision = denied_for(HF_SECONDS(3));
    decision.reason = HF_REASON_GLOBAL;
    decision.limit = 100000;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    struct hf_http_answer answer = answer_of(&options, HF_DENIED, &decision, 0);
    assert_field(&answer, "RateLimit", "\"global\";r=0;t=3");
    assert_field(&answer, "RateLimit-Policy", "\"default\";q=100;w=2");
    assert_non_null(strstr(answer.body, "\"violated-policies\":[\"global\"]"));
    options.dialect = HF_HTTP_DIALECT_TRIPLE;
    answer = answer_of(&options, HF_DENIED, &decision, 0);
    assert_int_equal(answer.fields_count, 2);
    assert_field(&answer, "Retry-After", "3");
}

static void a_limit_that_the_quota_does_not_describe_is_told_by_its_reset(void **state)
{
    (void)state;
    struct hf_http_answer_options options = fifty_a_second(HF_HTTP_DIALECT_DRAFT);
    struct hf_decision decision = {.limit = 7, .remaining = 3, .reset_after_ns = HF_SECONDS(40)};
    struct hf_http_answer answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit", "\"default\";r=3;t=40");
    options.quota = (struct hf_quota){0};
    answer = answer_of(&options, HF_OK, &decision, 0);
    assert_int_equal(answer.fields_count, 1);
    decision.reset_after_ns = 0;
    answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit", "\"default\";r=3;t=1");
    decision.limit = 0; /* No limit was asked. */
    assert_int_equal(answer_of(&options, HF_OK, &decision, 0).fields_count, 0);
}

static void no_number_has_more_than_fifteen_digits(void **state)
{
    (void)state;
    struct hf_http_answer_options options = {.quota = {10000000, HF_SECONDS(1), UINT64_C(1) << 53}};
    struct hf_decision decision = {
        .limit = UINT64_MAX, .remaining = UINT64_MAX, .reset_after_ns = UINT64_MAX};
    struct hf_http_answer answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "RateLimit-Policy", "\"default\";q=999999999999999;w=900719926");
    assert_field(&answer, "RateLimit", "\"default\";r=999999999999999;t=18446744074");
    options.dialect = HF_HTTP_DIALECT_X_TRIPLE;
    answer = answer_of(&options, HF_OK, &decision, 0);
    assert_field(&answer, "X-RateLimit-Limit", "999999999999999");
}

static void everything_fits_at_its_longest(void **state)
{
    (void)state;
    char policy[HF_HTTP_POLICY_BYTES_MAX + 1] = "";
    memset(policy, 'p', HF_HTTP_POLICY_BYTES_MAX);
    struct hf_http_answer_options options = {
        .quota = {10000000, HF_SECONDS(1), UINT64_C(1) << 53}, .policy = policy};
    struct hf_decision decision = {.reason = HF_REASON_KEY,
        .limit = UINT64_MAX,
        .remaining = UINT64_MAX,
        .retry_after_ns = UINT64_MAX - 1,
        .reset_after_ns = UINT64_MAX};
    for (int status = HF_OK; status <= HF_STATUS_COUNT; status++) {
        struct hf_http_answer answer = answer_of(&options, (enum hf_status)status, &decision, 0);
        for (size_t index = 0; index < answer.fields_count; index++)
            assert_true(strlen(answer.fields[index].value) + 1 < sizeof(answer.fields->value));
        assert_true(answer.body_bytes + 1 < sizeof(answer.body));
        if (answer.status != 0)
            assert_string_equal(answer.body + answer.body_bytes - 2, "}\n");
    }
}

static void assert_refused(struct hf_http_answer_options options, const char *text)
{
    struct hf_error error = {0};
    struct hf_http_answer answer;
    memset(&answer, 1, sizeof(answer));
    struct hf_http_answer before = answer;
    assert_int_equal(hf_http_answer_options_check(&options, &error), HF_INVALID);
    assert_int_equal(error.count, 1);
    if (!strstr(hf_error_text(&error), text))
        fail_msg("\"%s\" lacks \"%s\"", hf_error_text(&error), text);
    assert_int_equal(hf_http_answer(&options, HF_OK, NULL, 0, &answer), HF_INVALID);
    assert_memory_equal(&answer, &before, sizeof(answer));
}

static void bad_options_are_named(void **state)
{
    (void)state;
    char policy[HF_HTTP_POLICY_BYTES_MAX + 2] = "";
    memset(policy, 'p', HF_HTTP_POLICY_BYTES_MAX + 1);
    assert_refused(
        (struct hf_http_answer_options){.dialect = (enum hf_http_dialect)4}, "answer.dialect: 4");
    assert_refused((struct hf_http_answer_options){.dialect = (enum hf_http_dialect) - 1},
        "answer.dialect: -1");
    assert_refused((struct hf_http_answer_options){.policy = ""}, "answer.policy: \"\"");
    assert_refused((struct hf_http_answer_options){.policy = "a\"b"}, "answer.policy: \"a\"b\"");
    assert_refused((struct hf_http_answer_options){.policy = policy}, "answer.policy: \"ppp");
    assert_refused((struct hf_http_answer_options){.quota.count = 1}, "quota.period_ns: 0");
}

static void null_is_invalid(void **state)
{
    (void)state;
    struct hf_http_answer_options options = {.dialect = HF_HTTP_DIALECT_DRAFT};
    struct hf_http_answer answer;
    struct hf_error error = {0};
    assert_int_equal(hf_http_answer(NULL, HF_OK, NULL, 0, &answer), HF_INVALID);
    assert_int_equal(hf_http_answer(&options, HF_OK, NULL, 0, NULL), HF_INVALID);
    assert_int_equal(hf_http_answer_options_check(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "answer: NULL");
    assert_int_equal(hf_http_answer_options_check(&options, &error), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allowed_request_is_told_what_is_left),
        cmocka_unit_test(with_nothing_left_the_window_ends_with_the_next_cell),
        cmocka_unit_test(policies_have_the_name_given),
        cmocka_unit_test(triples_tell_the_same_in_three_fields),
        cmocka_unit_test(without_a_dialect_only_retry_after_is_told),
        cmocka_unit_test(every_status_has_its_answer),
        cmocka_unit_test(all_other_statuses_are_the_servers_mistake),
        cmocka_unit_test(never_is_told_no_time_to_come_again),
        cmocka_unit_test(retry_after_is_the_later_of_the_two_times_known),
        cmocka_unit_test(a_limit_of_all_keys_keeps_its_size_to_itself),
        cmocka_unit_test(a_limit_that_the_quota_does_not_describe_is_told_by_its_reset),
        cmocka_unit_test(no_number_has_more_than_fifteen_digits),
        cmocka_unit_test(everything_fits_at_its_longest),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(null_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
