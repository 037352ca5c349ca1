/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/metrics.h>

#include "base/atomic.h"
#include "scale.h"
#include "support/counting_allocator.h"

/* Gauges that are asked, and what is asked, which may go away once they are forgotten. */

static int64_t read_word(void *context)
{
    return (int64_t)hf_load_relaxed(context);
}

static int64_t read_other(void *context)
{
    return -(int64_t)hf_load_relaxed(context);
}

static void ask(struct hf_metrics *metrics, const char *name, const char *value,
    int64_t (*read)(void *context), uint64_t *word)
{
    const struct hf_label label = {"which", value};
    assert_int_equal(
        hf_metrics_gauge_read(metrics, name, "Asked.", &label, 1, read, word, NULL), HF_OK);
}

static void assert_text(struct hf_metrics *metrics, const char *expected)
{
    char text[1024];
    assert_true(hf_metrics_write(metrics, text, sizeof(text)) < sizeof(text));
    assert_string_equal(text, expected);
}

#define HEAD(name) "# HELP " name " Asked.\n# TYPE " name " gauge\n"

static void exactly_the_gauges_of_read_and_context_go(void **state)
{
    (void)state;
    struct counting_allocator counting = {.fail_at = 0};
    struct hf_allocator allocator = counting_allocator(&counting);
    const struct hf_metrics_options options = {.allocator = &allocator};
    struct hf_metrics *metrics = NULL;
    assert_int_equal(hf_metrics_new(&metrics, &options, NULL), HF_OK);
    uint64_t one = 1;
    uint64_t two = 2;
    ask(metrics, "a", "one", read_word, &one);
    ask(metrics, "a", "two", read_word, &two);
    ask(metrics, "a", "other", read_other, &one);
    ask(metrics, "b", "one", read_word, &one);
    uint64_t live = counting.live;

    hf_metrics_gauge_forget(metrics, read_word, &one);
    assert_text(metrics, HEAD("a") "a{which=\"other\"} -1\na{which=\"two\"} 2\n");
    assert_true(counting.live < live);
    hf_metrics_gauge_forget(metrics, read_word, &one);
    hf_metrics_gauge_forget(metrics, read_other, &two);
    assert_text(metrics, HEAD("a") "a{which=\"other\"} -1\na{which=\"two\"} 2\n");
    hf_metrics_free(metrics);
    assert_int_equal(counting.live, 0);
}

static void a_forgotten_name_and_its_place_are_free_again(void **state)
{
    (void)state;
    const struct hf_metrics_options options = {.members_max = 1};
    struct hf_metrics *metrics = NULL;
    assert_int_equal(hf_metrics_new(&metrics, &options, NULL), HF_OK);
    uint64_t word = 7;
    ask(metrics, "a", "x", read_word, &word);
    struct hf_counter *counter = NULL;
    assert_int_equal(hf_metrics_counter(metrics, "a", "", NULL, 0, &counter, NULL), HF_INVALID);
    assert_int_equal(hf_metrics_counter(metrics, "b", "", NULL, 0, &counter, NULL), HF_FULL);
    hf_metrics_gauge_forget(metrics, read_word, &word);
    assert_text(metrics, "");
    assert_int_equal(hf_metrics_counter(metrics, "a", "", NULL, 0, &counter, NULL), HF_OK);
    hf_metrics_free(metrics);
}

static void gauges_that_are_set_stay(void **state)
{
    (void)state;
    struct hf_metrics *metrics = NULL;
    struct hf_gauge *gauge = NULL;
    assert_int_equal(hf_metrics_new(&metrics, NULL, NULL), HF_OK);
    assert_int_equal(hf_metrics_gauge(metrics, "a", "Asked.", NULL, 0, &gauge, NULL), HF_OK);
    hf_metrics_gauge_forget(metrics, NULL, NULL); /* As a gauge that is set has them. */
    hf_metrics_gauge_forget(NULL, read_word, NULL);
    assert_text(metrics, HEAD("a") "a 0\n");
    hf_metrics_free(metrics);
}

static void *write_for_a_while(void *context)
{
    char text[1024];
    for (size_t i = 0; i < test_scaled(20000); i++)
        (void)hf_metrics_write(context, text, sizeof(text));
    return NULL;
}

/* A word that is read after it was forgotten shows as a race to the thread sanitizer, and under the
 * address sanitizer as a use after its scope. */
static void once_it_returns_nobody_is_asked_any_more(void **state)
{
    (void)state;
    struct hf_metrics *metrics = NULL;
    assert_int_equal(hf_metrics_new(&metrics, NULL, NULL), HF_OK);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_for_a_while, metrics), 0);
    for (size_t i = 0; i < test_scaled(20000); i++) {
        uint64_t word = 1;
        ask(metrics, "a", "x", read_word, &word);
        hf_metrics_gauge_forget(metrics, read_word, &word);
        memset(&word, 0xff, sizeof(word));
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    hf_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_the_gauges_of_read_and_context_go),
        cmocka_unit_test(a_forgotten_name_and_its_place_are_free_again),
        cmocka_unit_test(gauges_that_are_set_stay),
        cmocka_unit_test(once_it_returns_nobody_is_asked_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
