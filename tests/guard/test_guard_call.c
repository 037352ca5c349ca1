/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "support/guard_fixture.h"
#include "support/scripted_call.h"

/* Each way a call can end, but for the breaker's. */

static enum hf_status call(struct guard_fixture *fixture, const struct hf_guard_request *request,
    struct scripted_call *scripted, struct hf_guard_report *report)
{
    scripted->clock = &fixture->manual;
    enum hf_status status = hf_guard_call(fixture->guard, request, scripted_call, scripted, report);
    if (report)
        assert_int_equal(report->status, status);
    return status;
}

static void without_patterns_the_function_is_just_called(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_OK);
    assert_int_equal(scripted.made, 1);
    assert_int_equal(scripted.told[0].number, 1);
    assert_true(scripted.told[0].timeout_ns == UINT64_MAX);
    assert_int_equal(report.retry.attempts, 1);
    assert_int_equal(report.retry.stop, HF_RETRY_SUCCEEDED);
    assert_int_equal(report.retry.causes_count, 0);
    assert_int_equal(report.decision.limit, 0);
    assert_int_equal(report.retry_after_ns, 0);
    assert_null(report.argument);
    assert_int_equal(call(&fixture, NULL, &scripted, NULL), HF_OK);
    fixture_end(&fixture);
}

static void wrong_arguments_are_named(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    char byte = 'k';
    const struct {
        struct hf_guard_request request;
        const char *argument;
    } wrong[] = {
        {{.key = {NULL, 1}}, "key.data"},
        {{.key = {&byte, HF_KEY_BYTES_MAX + 1}}, "key.size"},
        {{.timeout_ns = HF_TIME_MAX_NS + 1}, "timeout_ns"},
        {{.timeout_ns = UINT64_MAX}, "timeout_ns"},
    };
    for (size_t index = 0; index < sizeof(wrong) / sizeof(wrong[0]); index++) {
        assert_int_equal(call(&fixture, &wrong[index].request, &scripted, &report), HF_INVALID);
        assert_string_equal(report.argument, wrong[index].argument);
        assert_int_equal(call(&fixture, &wrong[index].request, &scripted, NULL), HF_INVALID);
    }
    assert_int_equal(hf_guard_call(NULL, NULL, scripted_call, &scripted, &report), HF_INVALID);
    assert_string_equal(report.argument, "guard");
    assert_int_equal(hf_guard_call(fixture.guard, NULL, NULL, NULL, &report), HF_INVALID);
    assert_string_equal(report.argument, "fn");
    assert_int_equal(hf_guard_call(NULL, NULL, NULL, NULL, NULL), HF_INVALID);
    assert_int_equal(scripted.made, 0);
    fixture_end(&fixture);
}

static uint64_t requests_that_ended(struct hf_metrics *metrics, const char *result)
{
    const struct hf_label labels[] = {{"guard", "default"}, {"result", result}};
    struct hf_counter *counter = NULL;
    assert_int_equal(hf_metrics_counter(metrics, "holdfast_guard_requests_total", "Found.", labels,
                         2, &counter, NULL),
        HF_OK);
    return hf_counter_value(counter);
}

static void a_clock_past_the_end_of_time_ends_the_call(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_breaker(&fixture, &(struct hf_breaker_options){.seed = 1});
    struct hf_metrics *metrics = NULL;
    assert_int_equal(hf_metrics_new(&metrics, NULL, NULL), HF_OK);
    fixture.options.metrics = metrics;
    fixture_make(&fixture);
    const struct scripted_try for_ever = {hf_success(), HF_TIME_MAX_NS};
    struct scripted_call scripted = {.script = &for_ever, .script_count = 1};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_INVALID);
    assert_string_equal(report.argument, "clock");
    assert_int_equal(scripted.made, 1);
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_INVALID);
    assert_string_equal(report.argument, "clock");
    assert_int_equal(scripted.made, 1);
    assert_int_equal(requests_that_ended(metrics, "invalid"), 2);
    assert_int_equal(requests_that_ended(metrics, "cancelled"), 0);
    fixture_end(&fixture);
    hf_metrics_free(metrics);
}

static void a_key_over_its_quota_is_denied(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_per_second(2));
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    const struct hf_guard_request alice = {.key = fixture_key("alice")};
    const struct hf_guard_request bob = {.key = fixture_key("bob")};
    assert_int_equal(call(&fixture, &alice, &scripted, &report), HF_OK);
    assert_int_equal(report.decision.limit, 2);
    assert_int_equal(report.decision.remaining, 1);
    assert_int_equal(call(&fixture, &alice, &scripted, &report), HF_OK);
    assert_int_equal(call(&fixture, &alice, &scripted, &report), HF_DENIED);
    assert_int_equal(report.decision.reason, HF_REASON_KEY);
    assert_int_equal(report.retry_after_ns, HF_MS(500));
    assert_int_equal(report.retry.attempts, 0);
    assert_int_equal(report.retry.stop, HF_RETRY_STOPPED);
    assert_int_equal(scripted.made, 2);
    assert_int_equal(call(&fixture, &bob, &scripted, &report), HF_OK);
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_OK); /* no key, no limiter */
    assert_int_equal(report.decision.limit, 0);
    fixture_end(&fixture);
}

static void a_key_is_limited_by_the_quota_of_its_request(void **state)
{
    (void)state;
    for (int gated = 0; gated < 2; gated++) {
        const struct hf_quota quota = hf_quota_per_second(3);
        const struct hf_gcra unmade = {.burst = 0};
        struct hf_gcra pro;
        assert_int_equal(hf_gcra_init(&pro, &quota, NULL), HF_OK);
        struct guard_fixture fixture;
        fixture_start(&fixture);
        fixture_add_limiter(&fixture, hf_quota_per_second(1));
        if (gated)
            fixture_add_gate(&fixture, hf_quota_per_second(10));
        fixture_make(&fixture);
        struct scripted_call scripted = {.made = 0};
        struct hf_guard_report report;
        struct hf_guard_request request = {.key = fixture_key("alice"), .quota = &pro};
        for (uint64_t left = 3; left-- > 0;) {
            assert_int_equal(call(&fixture, &request, &scripted, &report), HF_OK);
            assert_int_equal(report.decision.limit, 3);
            assert_int_equal(report.decision.remaining, left);
        }
        assert_int_equal(call(&fixture, &request, &scripted, &report), HF_DENIED);
        assert_int_equal(report.decision.reason, HF_REASON_KEY);
        request.quota = &unmade;
        assert_int_equal(call(&fixture, &request, &scripted, &report), HF_INVALID);
        assert_string_equal(report.argument, "quota");
        request = (struct hf_guard_request){.key = fixture_key("bob")};
        assert_int_equal(call(&fixture, &request, &scripted, &report), HF_OK);
        assert_int_equal(report.decision.limit, 1);
        fixture_end(&fixture);
    }
}

static void all_keys_together_over_the_gates_quota_are_denied(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_gate(&fixture, hf_quota_per_second(4));
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    const struct hf_guard_request three = {.key = fixture_key("alice"), .cost = 3};
    assert_int_equal(call(&fixture, &three, &scripted, &report), HF_OK);
    assert_int_equal(report.decision.remaining, 1);
    assert_int_equal(call(&fixture, &three, &scripted, &report), HF_DENIED);
    assert_int_equal(report.decision.reason, HF_REASON_GLOBAL);
    assert_int_equal(report.retry_after_ns, HF_MS(500));
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_OK);
    assert_int_equal(scripted.made, 2);
    fixture_end(&fixture);
}

static void a_cost_above_a_burst_is_never_let_through(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_per_second(5));
    fixture_add_gate(&fixture, hf_quota_per_second(8));
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    struct hf_guard_request request = {.key = fixture_key("alice"), .cost = 6};
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_NEVER);
    assert_int_equal(report.decision.reason, HF_REASON_NEVER);
    assert_int_equal(report.decision.limit, 5);
    assert_int_equal(report.retry_after_ns, 0);
    request.cost = UINT64_MAX;
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_NEVER);
    request.key = hf_bytes(NULL, 0);
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_NEVER);
    assert_int_equal(report.decision.limit, 8);
    assert_int_equal(fixture_key_remaining(&fixture, "alice"), 5);
    assert_int_equal(fixture_gate_remaining(&fixture), 8);
    assert_int_equal(scripted.made, 0);
    fixture_end(&fixture);
}

/* Nobody is sent away with a time to come again who could never be let through. */
static void a_cost_above_the_gates_burst_is_never_even_while_the_key_is_denied(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_limiter(&fixture, hf_quota_per_second(5));
    fixture_add_gate(&fixture, hf_quota_per_second(3));
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    struct hf_guard_request request = {.key = fixture_key("alice"), .cost = 3};
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_OK);
    request.cost = 4;
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_NEVER);
    assert_int_equal(report.decision.limit, 3);
    assert_int_equal(report.retry_after_ns, 0);
    fixture_end(&fixture);
}

static void a_full_table_is_told_from_a_denial(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    const struct hf_limiter_options options = {
        .quota = hf_quota_per_hour(1),
        .keys_max = 1,
        .seed = &seed,
    };
    assert_int_equal(hf_limiter_new(&fixture.limiter, &options, NULL), HF_OK);
    fixture.options.limiter = fixture.limiter;
    fixture_add_gate(&fixture, hf_quota_per_second(1000));
    fixture_make(&fixture);
    struct scripted_call scripted = {.made = 0};
    struct hf_guard_report report;
    uint32_t number = 0;
    struct hf_guard_request request = {.key = {&number, sizeof(number)}};
    enum hf_status status;
    do {
        number++;
        status = call(&fixture, &request, &scripted, &report);
    } while (status == HF_OK && number < 500);
    assert_int_equal(status, HF_FULL);
    assert_int_equal(report.decision.reason, HF_REASON_FULL);
    assert_int_equal(scripted.made, number - 1);
    assert_int_equal(fixture_gate_remaining(&fixture), 1000 - (number - 1));
    assert_true(report.retry_after_ns > 0);
    fixture_end(&fixture);
}

static void failures_are_tried_again_until_one_works(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    const struct hf_retry_options retry = {
        .attempts_max = 4,
        .delay = {.jitter = HF_JITTER_NONE, .base_ns = HF_MS(10)},
        .attempt_timeout_ns = HF_MS(70),
    };
    fixture.options.retry = &retry;
    fixture_make(&fixture);
    const struct scripted_try script[] = {{hf_transient(11), HF_MS(1)},
        {hf_transient_after(12, HF_MS(50)), 0}, {hf_success(), HF_MS(3)}};
    struct scripted_call scripted = {.script = script, .script_count = 3};
    struct hf_guard_report report;
    const struct hf_guard_request request = {.timeout_ns = HF_MS(100)};
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_OK);
    assert_int_equal(scripted.made, 3);
    assert_int_equal(scripted.told[1].at_ns, FIXTURE_START_NS + HF_MS(11));
    assert_int_equal(scripted.told[2].at_ns, FIXTURE_START_NS + HF_MS(61));
    assert_int_equal(scripted.told[0].timeout_ns, HF_MS(70));
    assert_int_equal(scripted.told[2].timeout_ns, HF_MS(39));
    assert_int_equal(scripted.told[2].number, 3);
    assert_int_equal(report.retry.attempts, 3);
    assert_int_equal(report.retry.delayed_ns, HF_MS(60));
    assert_int_equal(report.retry.elapsed_ns, HF_MS(64));
    assert_int_equal(report.retry.causes_count, 2);
    assert_int_equal(report.retry.causes[0].code, 11);
    assert_int_equal(report.retry.causes[1].code, 12);
    fixture_end(&fixture);
}

/* Delays of a call that fails five times. */
static uint64_t jittered_ns(const struct hf_random *random)
{
    struct guard_fixture fixture;
    fixture_start(&fixture);
    const struct hf_retry_options retry = {.attempts_max = 5};
    fixture.options.retry = &retry;
    fixture.options.random = *random;
    fixture_make(&fixture);
    const struct scripted_try fails = {hf_transient(1), 0};
    struct scripted_call scripted = {.script = &fails, .script_count = 1};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_EXHAUSTED);
    fixture_end(&fixture);
    return report.retry.delayed_ns;
}

static void jitter_is_drawn_from_the_numbers_given(void **state)
{
    (void)state;
    struct hf_splitmix splitmix[3];
    uint64_t delayed_ns[3];
    for (size_t index = 0; index < 3; index++) {
        hf_splitmix_init(&splitmix[index], index / 2);
        const struct hf_random random = hf_splitmix_random(&splitmix[index]);
        delayed_ns[index] = jittered_ns(&random);
    }
    assert_int_equal(delayed_ns[0], delayed_ns[1]);
    assert_int_not_equal(delayed_ns[0], delayed_ns[2]);
    const struct hf_random none = {.next = NULL};
    assert_int_not_equal(jittered_ns(&none), jittered_ns(&none));
}

struct ending {
    struct scripted_try line; /* What every try comes to. */
    bool retry_never;
    uint64_t timeout_ns;
    enum hf_status status;
    enum hf_retry_stop stop;
    size_t made;
};

static void expect_ending(const struct hf_retry_options *retry, const struct ending *ending)
{
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture.options.retry = retry;
    fixture_make(&fixture);
    struct scripted_call scripted = {.script = &ending->line, .script_count = 1};
    struct hf_guard_report report;
    const struct hf_guard_request request = {
        .timeout_ns = ending->timeout_ns,
        .retry_never = ending->retry_never,
    };
    assert_int_equal(call(&fixture, &request, &scripted, &report), ending->status);
    assert_int_equal(report.retry.stop, ending->stop);
    assert_int_equal(scripted.made, ending->made);
    assert_int_equal(report.retry.attempts, ending->made);
    assert_int_equal(report.retry_after_ns, 0);
    uint64_t passed_ns = fixture.manual.now_ns - FIXTURE_START_NS;
    assert_int_equal(report.retry.delayed_ns, passed_ns - ending->made * ending->line.takes_ns);
    fixture_end(&fixture);
}

static void retries_end_where_policy_or_deadline_say(void **state)
{
    (void)state;
    const struct hf_retry_options retry = {
        .attempts_max = 3,
        .delay = {.growth = HF_GROWTH_FIXED, .jitter = HF_JITTER_NONE, .base_ns = HF_MS(10)},
        .elapsed_max_ns = HF_MS(100),
        .retry_after_max_ns = HF_MS(500),
    };
    const struct ending endings[] = {
        {{hf_permanent(1), 0}, false, 0, HF_FAILED, HF_RETRY_PERMANENT, 1},
        {{hf_ignored(1), 0}, false, 0, HF_FAILED, HF_RETRY_IGNORED, 1},
        {{hf_transient(1), 0}, false, 0, HF_EXHAUSTED, HF_RETRY_ATTEMPTS, 3},
        {{hf_transient(1), 0}, true, 0, HF_EXHAUSTED, HF_RETRY_ATTEMPTS, 1},
        {{hf_transient(1), HF_MS(60)}, false, 0, HF_EXHAUSTED, HF_RETRY_ELAPSED, 2},
        {{hf_transient(1), HF_MS(89)}, false, 0, HF_EXHAUSTED, HF_RETRY_ELAPSED, 2},
        {{hf_transient(1), HF_MS(90)}, false, 0, HF_EXHAUSTED, HF_RETRY_ELAPSED, 1},
        {{hf_transient(1), HF_MS(91)}, false, 0, HF_EXHAUSTED, HF_RETRY_ELAPSED, 1},
        {{hf_transient_after(1, HF_SECONDS(1)), 0}, false, 0, HF_EXHAUSTED, HF_RETRY_AFTER, 1},
        {{hf_transient(1), HF_MS(20)}, false, HF_MS(25), HF_TIMEOUT, HF_RETRY_STOPPED, 1},
        {{hf_transient(1), HF_MS(20)}, false, HF_MS(30), HF_TIMEOUT, HF_RETRY_STOPPED, 1},
        {{hf_transient(1), HF_MS(20)}, false, HF_MS(30) + 1, HF_TIMEOUT, HF_RETRY_STOPPED, 2},
        {{hf_success(), HF_MS(20)}, false, HF_MS(10), HF_OK, HF_RETRY_SUCCEEDED, 1},
    };
    for (size_t index = 0; index < sizeof(endings) / sizeof(endings[0]); index++)
        expect_ending(&retry, &endings[index]);
}

static void an_outcome_off_the_list_counts_as_permanent(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    const struct hf_retry_options retry = {.attempts_max = 3};
    fixture.options.retry = &retry;
    fixture_make(&fixture);
    const struct scripted_try strange = {hf_outcome((enum hf_outcome_kind)77, 5, 0), 0};
    struct scripted_call scripted = {.script = &strange, .script_count = 1};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_FAILED);
    assert_int_equal(report.retry.outcome.kind, HF_PERMANENT);
    assert_int_equal(report.retry.outcome.code, 5);
    fixture_end(&fixture);
}

/* A clock that counts how often it is looked at. */
static uint64_t counting_now_ns(void *context)
{
    uint64_t *looks = context;
    return HF_SECONDS(++*looks);
}

static void skip_sleep(void *context, uint64_t duration_ns)
{
    (void)context;
    (void)duration_ns;
}

static void the_clock_is_read_only_where_something_needs_it(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    const struct hf_retry_options retry = {.attempts_max = 3, .attempt_timeout_ns = HF_SECONDS(1)};
    uint64_t looks = 0;
    fixture.options.retry = &retry;
    fixture.options.clock = (struct hf_clock){counting_now_ns, skip_sleep, &looks};
    fixture_make(&fixture);
    const struct scripted_try script[] = {{hf_transient(0), 0}, {hf_success(), 0}};
    struct scripted_call scripted = {.script = script, .script_count = 2};
    struct hf_guard_report report;
    assert_int_equal(call(&fixture, NULL, &scripted, &report), HF_OK);
    assert_int_equal(report.retry.attempts, 2);
    assert_int_equal(looks, 0);
    assert_int_equal(report.retry.elapsed_ns, report.retry.delayed_ns);
    const struct hf_guard_request request = {.timeout_ns = HF_SECONDS(10)};
    assert_int_equal(call(&fixture, &request, &scripted, &report), HF_OK);
    assert_int_equal(looks, 2);
    assert_int_equal(report.retry.elapsed_ns, HF_SECONDS(1));
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_patterns_the_function_is_just_called),
        cmocka_unit_test(wrong_arguments_are_named),
        cmocka_unit_test(a_clock_past_the_end_of_time_ends_the_call),
        cmocka_unit_test(a_key_over_its_quota_is_denied),
        cmocka_unit_test(a_key_is_limited_by_the_quota_of_its_request),
        cmocka_unit_test(all_keys_together_over_the_gates_quota_are_denied),
        cmocka_unit_test(a_cost_above_a_burst_is_never_let_through),
        cmocka_unit_test(a_cost_above_the_gates_burst_is_never_even_while_the_key_is_denied),
        cmocka_unit_test(a_full_table_is_told_from_a_denial),
        cmocka_unit_test(failures_are_tried_again_until_one_works),
        cmocka_unit_test(jitter_is_drawn_from_the_numbers_given),
        cmocka_unit_test(retries_end_where_policy_or_deadline_say),
        cmocka_unit_test(an_outcome_off_the_list_counts_as_permanent),
        cmocka_unit_test(the_clock_is_read_only_where_something_needs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
