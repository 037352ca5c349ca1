/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "support/scripted_call.h"

/* A thread reads the clock, is stopped, and goes on when others have long been at later times. */

#define START_NS HF_SECONDS(100)
#define PLACES 64 /* Of the smallest table. */

struct late_clock {
    struct hf_limiter *limiter;
    int others;          /* Keys that the others use. */
    uint64_t stopped_ns; /* How long after its first reading the thread goes on. */
    uint32_t readings;
};

static void use_keys(const struct late_clock *late, char first, uint64_t now_ns)
{
    for (int key = 0; key < late->others; key++) {
        const char name[2] = {first, (char)key};
        assert_int_equal(
            hf_limiter_check_at(late->limiter, hf_bytes(name, sizeof(name)), 1, now_ns, NULL),
            HF_OK);
    }
}

/* Meanwhile the others take places and, once those have expired, the same again: keys are gone
 * whose time was later than the late thread's, and its own might have been one of them. */
static uint64_t late_now_ns(void *context)
{
    struct late_clock *late = context;
    if (late->readings++ > 0)
        return START_NS + late->stopped_ns;
    use_keys(late, 'a', START_NS + HF_SECONDS(1));
    use_keys(late, 'b', START_NS + HF_SECONDS(3));
    return START_NS;
}

struct late_guard {
    struct late_clock late;
    struct hf_guard *guard;
    struct hf_metrics *metrics;
};

static void late_begin(struct late_guard *made, int others, uint64_t stopped_ns)
{
    const struct hf_hash_seed seed = {{1, 2, 3, 4}};
    const struct hf_limiter_options limits = {
        .quota = hf_quota_per_second(1), .keys_max = 1, .seed = &seed};
    *made = (struct late_guard){.late = {.others = others, .stopped_ns = stopped_ns}};
    assert_int_equal(hf_limiter_new(&made->late.limiter, &limits, NULL), HF_OK);
    assert_int_equal(hf_metrics_new(&made->metrics, NULL, NULL), HF_OK);
    const struct hf_guard_options options = {
        .limiter = made->late.limiter,
        .metrics = made->metrics,
        .clock = {.now_ns = late_now_ns, .context = &made->late},
    };
    assert_int_equal(hf_guard_new(&made->guard, &options, NULL), HF_OK);
}

static void late_end(struct late_guard *made)
{
    hf_guard_free(made->guard);
    hf_metrics_free(made->metrics);
    hf_limiter_free(made->late.limiter);
}

static uint64_t requests(const struct late_guard *made, const char *result)
{
    const struct hf_label labels[] = {{"guard", "default"}, {"result", result}};
    struct hf_counter *counter = NULL;
    assert_int_equal(hf_metrics_counter(made->metrics, "holdfast_guard_requests_total", "Found.",
                         labels, 2, &counter, NULL),
        HF_OK);
    return hf_counter_value(counter);
}

static enum hf_status call(struct late_guard *made, struct hf_guard_report *report)
{
    struct scripted_call scripted = {.made = 0};
    const struct hf_guard_request request = {
        .key = hf_bytes("new", 3), .timeout_ns = HF_SECONDS(1)};
    enum hf_status status = hf_guard_call(made->guard, &request, scripted_call, &scripted, report);
    assert_int_equal(scripted.made, status == HF_OK);
    return status;
}

static void a_new_key_is_not_denied_for_the_time_its_thread_was_stopped(void **state)
{
    (void)state;
    struct late_guard made;
    struct hf_guard_report report;
    late_begin(&made, 1, HF_SECONDS(10));
    assert_int_equal(call(&made, &report), HF_OK);
    assert_int_equal(report.decision.remaining, 0);
    assert_int_equal(report.retry.elapsed_ns, 0);
    assert_int_equal(requests(&made, "ok"), 1);
    assert_int_equal(requests(&made, "denied"), 0);
    late_end(&made);
}

static void a_table_that_has_room_by_now_is_not_full(void **state)
{
    (void)state;
    struct late_guard made;
    late_begin(&made, PLACES, HF_SECONDS(10));
    assert_int_equal(call(&made, NULL), HF_OK);
    late_end(&made);
    late_begin(&made, PLACES, HF_SECONDS(3));
    assert_int_equal(call(&made, NULL), HF_FULL);
    assert_int_equal(requests(&made, "full"), 1);
    late_end(&made);
}

static void a_denial_that_still_holds_is_the_first_and_is_counted_once(void **state)
{
    (void)state;
    struct late_guard made;
    struct hf_guard_report report;
    late_begin(&made, 1, 1);
    assert_int_equal(call(&made, &report), HF_DENIED);
    assert_int_equal(report.decision.reason, HF_REASON_KEY);
    assert_true(report.retry_after_ns > 1);
    assert_int_equal(requests(&made, "denied"), 1);
    late_end(&made);
}

static void a_clock_that_ends_meanwhile_is_not_believed(void **state)
{
    (void)state;
    struct late_guard made;
    struct hf_guard_report report;
    late_begin(&made, 1, HF_TIME_MAX_NS);
    assert_int_equal(call(&made, &report), HF_DENIED);
    late_end(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_not_denied_for_the_time_its_thread_was_stopped),
        cmocka_unit_test(a_table_that_has_room_by_now_is_not_full),
        cmocka_unit_test(a_denial_that_still_holds_is_the_first_and_is_counted_once),
        cmocka_unit_test(a_clock_that_ends_meanwhile_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
