/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/guard.h>

#include "support/counting_allocator.h"
#include "support/guard_fixture.h"

/* Making, refusing and freeing guards. */

static void expect_refused(const struct hf_guard_options *options, const char *field)
{
    struct hf_error error = {0};
    struct hf_guard *guard = (struct hf_guard *)&error;
    assert_int_equal(hf_guard_new(&guard, options, &error), HF_INVALID);
    assert_null(guard);
    assert_int_equal(error.count, 1);
    if (strncmp(hf_error_text(&error), field, strlen(field)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", hf_error_text(&error), field);
    assert_int_equal(hf_guard_new(&guard, options, NULL), HF_INVALID);
}

static void a_wrong_option_is_named_with_its_value(void **state)
{
    (void)state;
    char long_name[HF_GUARD_NAME_BYTES_MAX + 2];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const struct hf_retry_options retry = {.attempts_max = HF_RETRY_UNLIMITED};
    const struct hf_allocator no_release = {.allocate = hf_allocator_libc()->allocate};
    const struct hf_allocator no_allocate = {.release = hf_allocator_libc()->release};

    expect_refused(NULL, "options: NULL");
    expect_refused(&(struct hf_guard_options){.name = ""}, "name: \"\"");
    expect_refused(&(struct hf_guard_options){.name = long_name}, "name: \"xxx");
    expect_refused(&(struct hf_guard_options){.name = "a\nb"}, "name: byte 1");
    expect_refused(&(struct hf_guard_options){.name = "\xc3\xa4"}, "name: byte 0");
    expect_refused(&(struct hf_guard_options){.audit_events = 65}, "audit_events: 65");
    expect_refused(&(struct hf_guard_options){.audit_events = 128}, "audit_events: 128");
    expect_refused(&(struct hf_guard_options){.audit_keys = (enum hf_guard_audit_keys)3},
        "audit_keys: 3 is not on the list");
    expect_refused(&(struct hf_guard_options){.retry = &retry}, "");
    expect_refused(&(struct hf_guard_options){.allocator = &no_release}, "allocator.release");
    expect_refused(&(struct hf_guard_options){.allocator = &no_allocate}, "allocator.allocate");
    assert_int_equal(hf_guard_new(NULL, &(struct hf_guard_options){0}, NULL), HF_INVALID);
}

static void names_of_1_to_64_bytes_are_taken(void **state)
{
    (void)state;
    char name[HF_GUARD_NAME_BYTES_MAX + 1] = {0};
    for (size_t length = 1; length <= HF_GUARD_NAME_BYTES_MAX; length++) {
        name[length - 1] = (char)(' ' + length);
        struct hf_guard *guard;
        const struct hf_guard_options options = {.name = name};
        assert_int_equal(hf_guard_new(&guard, &options, NULL), HF_OK);
        hf_guard_free(guard);
    }
    hf_guard_free(NULL);
}

/* Makes a guard whose n-th allocation, those of its registry included, fails. True if there were
 * fewer. */
static bool made_with_failing_allocation(struct guard_fixture *fixture, uint64_t n)
{
    struct counting_allocator counting = {.fail_at = 0};
    struct hf_allocator allocator = counting_allocator(&counting);
    struct hf_metrics *metrics;
    const struct hf_metrics_options options = {.allocator = &allocator};
    assert_int_equal(hf_metrics_new(&metrics, &options, NULL), HF_OK);
    counting.fail_at = counting.requests + n;
    fixture->options.allocator = &allocator;
    fixture->options.metrics = metrics;
    struct hf_error error = {0};
    struct hf_guard *guard;
    enum hf_status status = hf_guard_new(&guard, &fixture->options, &error);
    bool failed = counting.requests >= counting.fail_at;
    assert_int_equal(status, failed ? HF_NO_MEMORY : HF_OK);
    assert_int_equal(guard == NULL, failed);
    assert_int_equal(error.count > 0, failed);
    hf_guard_free(guard);
    /* The registry does not ask a guard that is not there. */
    assert_true(hf_metrics_write(metrics, NULL, 0) < SIZE_MAX);
    hf_metrics_free(metrics);
    assert_int_equal(counting.live, 0);
    return !failed;
}

static void every_failing_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_breaker(&fixture, &(struct hf_breaker_options){.seed = 1});
    uint64_t n = 1;
    while (!made_with_failing_allocation(&fixture, n))
        n++;
    assert_true(n > 20);
    fixture_end(&fixture);
}

static void a_full_registry_refuses_the_guard(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_breaker(&fixture, &(struct hf_breaker_options){.seed = 1});
    enum hf_status status = HF_FULL;
    for (uint32_t members = 1; status == HF_FULL; members++) {
        struct hf_metrics *metrics;
        const struct hf_metrics_options options = {.members_max = members};
        assert_int_equal(hf_metrics_new(&metrics, &options, NULL), HF_OK);
        fixture.options.metrics = metrics;
        struct hf_guard *guard;
        struct hf_error error = {0};
        status = hf_guard_new(&guard, &fixture.options, &error);
        assert_true(status == HF_OK || status == HF_FULL);
        assert_int_equal(guard == NULL, status == HF_FULL);
        assert_int_equal(error.count > 0, status == HF_FULL);
        hf_guard_free(guard);
        hf_metrics_free(metrics);
        assert_true(members < 100);
    }
    fixture_end(&fixture);
}

/* The first guard's gauge would be confused with the second's. Once it is gone, its name is free.
 */
static void two_guards_of_one_name_cannot_both_show_their_breaker(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    fixture_add_breaker(&fixture, &(struct hf_breaker_options){.seed = 1});
    struct hf_metrics *metrics;
    assert_int_equal(hf_metrics_new(&metrics, NULL, NULL), HF_OK);
    fixture.options.metrics = metrics;
    fixture_make(&fixture);
    struct hf_guard *second;
    struct hf_error error = {0};
    assert_int_equal(hf_guard_new(&second, &fixture.options, &error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "holdfast_guard_breaker_state"));
    hf_guard_free(fixture.guard);
    char text[16384];
    assert_in_range(hf_metrics_write(metrics, text, sizeof(text)), 1, sizeof(text) - 1);
    assert_null(strstr(text, "holdfast_guard_breaker_state"));
    fixture_make(&fixture);
    assert_in_range(hf_metrics_write(metrics, text, sizeof(text)), 1, sizeof(text) - 1);
    assert_non_null(strstr(text, "\nholdfast_guard_breaker_state{guard=\"default\"} 0\n"));
    fixture_end(&fixture);
    hf_metrics_free(metrics);
}

static void without_a_breaker_no_state_is_shown(void **state)
{
    (void)state;
    struct guard_fixture fixture;
    fixture_start(&fixture);
    struct hf_metrics *metrics;
    assert_int_equal(hf_metrics_new(&metrics, NULL, NULL), HF_OK);
    fixture.options.metrics = metrics;
    fixture.options.name = "a\"b";
    fixture_make(&fixture);
    char text[16384];
    assert_in_range(hf_metrics_write(metrics, text, sizeof(text)), 1, sizeof(text) - 1);
    assert_null(strstr(text, "holdfast_guard_breaker_state"));
    assert_non_null(strstr(text, "\nholdfast_guard_retries_total{guard=\"a\\\"b\"} 0\n"));
    fixture_end(&fixture);
    hf_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_option_is_named_with_its_value),
        cmocka_unit_test(names_of_1_to_64_bytes_are_taken),
        cmocka_unit_test(every_failing_allocation_leaves_nothing_behind),
        cmocka_unit_test(a_full_registry_refuses_the_guard),
        cmocka_unit_test(two_guards_of_one_name_cannot_both_show_their_breaker),
        cmocka_unit_test(without_a_breaker_no_state_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
