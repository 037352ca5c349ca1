/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <holdfast/curl.h>
#include <holdfast/mhd.h>

#include "adapters/curl_fixture.h"

static void a_transfer_that_works_is_one_try(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 200, .body = "hello"}};
    struct hf_guard_report report;
    play(fixture, steps, 1);
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_int_equal(report.retry.attempts, 1);
    assert_outcome(report.retry.outcome, HF_SUCCESS, 200, 0);
    assert_string_equal(fixture->body, "hello");
    assert_int_equal(fixture->rewinds, 0);
    assert_int_equal(fixture->script.taken, 1);
}

static void failures_of_the_server_are_tried_again(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 500, .body = "sorry"},
        {.status = 502, .body = "so sorry"}, {200, 0, 0, "hello"}};
    struct hf_guard_report report;
    play(fixture, steps, LENGTH(steps));
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_int_equal(report.retry.attempts, 3);
    assert_outcome(report.retry.causes[0], HF_TRANSIENT, 500, 0);
    assert_outcome(report.retry.causes[1], HF_TRANSIENT, 502, 0);
    assert_int_equal(report.retry.delayed_ns, HF_MS(300));
    assert_string_equal(fixture->body, "hello");
    assert_int_equal(fixture->rewinds, 2);
}

static void without_a_rewind_all_bodies_are_written(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 500, .body = "sorry "}, {200, 0, 0, "hello"}};
    play(fixture, steps, LENGTH(steps));
    assert_int_equal(hf_curl_perform(fixture->guard, NULL, fixture->easy, NULL, NULL), HF_OK);
    assert_string_equal(fixture->body, "sorry hello");
}

static void tries_are_used_up(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 503}};
    struct hf_guard_report report;
    play(fixture, steps, 1);
    assert_int_equal(perform(fixture, NULL, &report), HF_EXHAUSTED);
    assert_int_equal(report.retry.attempts, 3);
    assert_int_equal(fixture->script.taken, 3);
}

static void a_request_that_must_not_be_repeated_is_one_try(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 500}, {.status = 200}};
    const struct hf_guard_request request = {.retry_never = true};
    struct hf_guard_report report;
    play(fixture, steps, 2);
    curl_easy_setopt(fixture->easy, CURLOPT_POSTFIELDS, "pay");
    assert_int_not_equal(perform(fixture, &request, &report), HF_OK);
    assert_int_equal(fixture->script.taken, 1);
    assert_string_equal(fixture->script.method, "POST");
}

static void a_post_is_sent_whole_each_time(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 0}, {.status = 500}, {.status = 201}};
    struct hf_guard_report report;
    play(fixture, steps, LENGTH(steps));
    curl_easy_setopt(fixture->easy, CURLOPT_POSTFIELDS, "pay");
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_outcome(report.retry.outcome, HF_SUCCESS, 201, 0);
}

static void the_servers_wish_to_be_left_alone_is_kept(void **state)
{
    const struct step firsts[] = {
        {429, "Retry-After", "7", NULL},
        {503, "retry-after", "7", NULL},
        {429, "RateLimit", "\"default\";r=0;t=7", NULL},
        {429, "RateLimit", "limit=10, remaining=0, reset=7", NULL},
    };
    struct fixture *fixture = *state;
    for (size_t index = 0; index < LENGTH(firsts); index++) {
        const struct step steps[] = {firsts[index], {.status = 200}};
        struct hf_guard_report report;
        uint64_t before_ns = fixture->clock.now_ns;
        fixture->script.taken = 0;
        play(fixture, steps, 2);
        assert_int_equal(perform(fixture, NULL, &report), HF_OK);
        assert_int_equal(report.retry.causes[0].retry_after_ns, HF_SECONDS(7));
        assert_int_equal(report.retry.delayed_ns, HF_SECONDS(7));
        assert_true(fixture->clock.now_ns - before_ns >= HF_SECONDS(7));
    }
}

static void a_date_far_off_ends_the_tries(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{503, "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT", NULL}};
    struct hf_guard_report report;
    play(fixture, steps, 1);
    assert_int_equal(perform(fixture, NULL, &report), HF_EXHAUSTED);
    assert_int_equal(report.retry.attempts, 1);
    assert_int_equal(report.retry.stop, HF_RETRY_AFTER);
    assert_int_equal(report.retry.outcome.retry_after_ns, HF_TIME_MAX_NS);
}

static void a_redirects_fields_are_not_taken_for_the_last_answers(void **state)
{
    struct fixture *fixture = *state;
    struct script *script = &fixture->script;
    const struct step steps[] = {{302, "Location", "/there", NULL}, {.status = 503},
        {302, "Location", "/there", NULL}, {.status = 200}};
    struct hf_guard_report report;
    play(fixture, steps, LENGTH(steps));
    curl_easy_setopt(fixture->easy, CURLOPT_FOLLOWLOCATION, 1L);
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_int_equal(script->taken, 4);
    assert_outcome(report.retry.causes[0], HF_TRANSIENT, 503, 0);

    /* And an answer's not for those of the transfer after it. */
    const struct step later[] = {{503, "Retry-After", "7", NULL}, {.status = 503}, {.status = 200}};
    script->taken = 0;
    play(fixture, later, LENGTH(later));
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_outcome(report.retry.causes[0], HF_TRANSIENT, 503, HF_SECONDS(7));
    assert_outcome(report.retry.causes[1], HF_TRANSIENT, 503, 0);
}

static void resets_and_closed_connections_are_tried_again(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 0}, {.status = 1}, {.status = 200}};
    struct hf_guard_report report;
    play(fixture, steps, LENGTH(steps));
    /* libcurl itself repeats a request once that dies on a connection it had used before. */
    curl_easy_setopt(fixture->easy, CURLOPT_FORBID_REUSE, 1L);
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_int_equal(report.retry.attempts, 3);
    assert_outcome(report.retry.causes[0], HF_TRANSIENT, -CURLE_RECV_ERROR, 0);
    assert_outcome(report.retry.causes[1], HF_TRANSIENT, -CURLE_GOT_NOTHING, 0);
}

static void a_server_that_hangs_costs_a_try_its_time_limit(void **state)
{
    struct fixture *fixture = *state;
    const struct hf_retry_options retry = {.attempts_max = 2, .attempt_timeout_ns = HF_MS(20) - 1};
    struct hf_guard_report report;
    hf_guard_free(fixture->guard);
    hf_breaker_free(fixture->breaker);
    make_guard(fixture, &retry);
    int fd = silent_socket(fixture, true);
    assert_int_equal(perform(fixture, NULL, &report), HF_EXHAUSTED);
    assert_int_equal(report.retry.attempts, 2);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -CURLE_OPERATION_TIMEDOUT, 0);

    /* However long or short, the limit that libcurl is given is one. */
    const struct hf_guard_request brief = {.timeout_ns = 1, .retry_never = true};
    assert_int_not_equal(perform(fixture, &brief, &report), HF_OK);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -CURLE_OPERATION_TIMEDOUT, 0);
    close(fd);
}

/* Ends a transfer once it has taken longer than the limit that ought to be gone. */
static int abort_after_the_limit(
    void *context, curl_off_t total, curl_off_t done, curl_off_t to_send, curl_off_t sent)
{
    const uint64_t *limit_ns = context;
    (void)total, (void)done, (void)to_send, (void)sent;
    return hf_clock_now_ns(NULL) > *limit_ns;
}

static void the_time_limit_is_taken_off_the_handle_again(void **state)
{
    struct fixture *fixture = *state;
    const struct hf_guard_request request = {.timeout_ns = HF_MS(20), .retry_never = true};
    struct hf_guard_report report;
    int fd = silent_socket(fixture, true);
    assert_int_not_equal(perform(fixture, &request, &report), HF_OK);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -CURLE_OPERATION_TIMEDOUT, 0);
    uint64_t limit_ns = hf_clock_now_ns(NULL) + HF_MS(40);
    curl_easy_setopt(fixture->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(fixture->easy, CURLOPT_XFERINFOFUNCTION, abort_after_the_limit);
    curl_easy_setopt(fixture->easy, CURLOPT_XFERINFODATA, &limit_ns);
    assert_int_equal(curl_easy_perform(fixture->easy), CURLE_ABORTED_BY_CALLBACK);
    close(fd);
}

static void a_long_time_limit_is_cut_to_what_libcurl_takes(void **state)
{
    struct fixture *fixture = *state;
    const struct hf_guard_request request = {.timeout_ns = HF_TIME_MAX_NS / 2};
    const struct step steps[] = {{.status = 200}};
    play(fixture, steps, 1);
    assert_int_equal(perform(fixture, &request, NULL), HF_OK);
}

static void a_handles_own_time_limit_stays_where_tries_have_none(void **state)
{
    struct fixture *fixture = *state;
    struct hf_guard_report report;
    int fd = silent_socket(fixture, true);
    curl_easy_setopt(fixture->easy, CURLOPT_TIMEOUT_MS, 20L);
    assert_int_equal(perform(fixture, NULL, &report), HF_EXHAUSTED);
    assert_int_equal(report.retry.attempts, 3);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -CURLE_OPERATION_TIMEDOUT, 0);
    close(fd);
}

static void a_server_that_is_down_opens_the_breaker(void **state)
{
    struct fixture *fixture = *state;
    struct hf_guard_report report;
    int fd = silent_socket(fixture, false); /* Bound, so that nobody else takes the port. */
    assert_int_equal(perform(fixture, NULL, &report), HF_EXHAUSTED);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -CURLE_COULDNT_CONNECT, 0);
    assert_int_equal(perform(fixture, NULL, &report), HF_EXHAUSTED);
    assert_int_equal(perform(fixture, NULL, &report), HF_OPEN); /* The eighth try was its last. */
    assert_int_equal(report.retry.attempts, 2);
    assert_int_equal(perform(fixture, NULL, &report), HF_OPEN);
    assert_int_equal(report.retry.attempts, 0);
    assert_true(report.retry_after_ns > 0);
    close(fd);
}

static void null_is_invalid(void **state)
{
    struct fixture *fixture = *state;
    struct hf_guard_report report;
    assert_int_equal(hf_curl_perform(fixture->guard, NULL, NULL, NULL, &report), HF_INVALID);
    assert_int_equal(report.status, HF_INVALID);
    assert_string_equal(report.argument, "easy");
    assert_int_equal(hf_curl_perform(fixture->guard, NULL, NULL, NULL, NULL), HF_INVALID);
    assert_int_equal(hf_curl_perform(NULL, NULL, fixture->easy, NULL, &report), HF_INVALID);
    assert_string_equal(report.argument, "guard");
    assert_outcome(hf_curl_outcome(NULL, CURLE_OK), HF_IGNORED, -CURLE_BAD_FUNCTION_ARGUMENT, 0);
}

#define THREADS 4
#define TRANSFERS 25

static void *transfer_many(void *context)
{
    struct fixture *fixture = context;
    CURL *easy = new_easy(fixture);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    size_t failed = 0;
    for (unsigned transfer = 0; transfer < TRANSFERS; transfer++)
        failed += hf_curl_perform(fixture->guard, NULL, easy, NULL, NULL) != HF_OK;
    curl_easy_cleanup(easy);
    return failed == 0 ? fixture : NULL;
}

static void threads_share_a_guard(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 200}};
    pthread_t threads[THREADS];
    play(fixture, steps, 1);
    for (unsigned thread = 0; thread < THREADS; thread++)
        assert_int_equal(pthread_create(&threads[thread], NULL, transfer_many, fixture), 0);
    for (unsigned thread = 0; thread < THREADS; thread++) {
        void *worked;
        assert_int_equal(pthread_join(threads[thread], &worked), 0);
        assert_ptr_equal(worked, fixture);
    }
    assert_int_equal(fixture->script.taken, THREADS * TRANSFERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_transfer_that_works_is_one_try),
        TEST(failures_of_the_server_are_tried_again),
        TEST(without_a_rewind_all_bodies_are_written),
        TEST(tries_are_used_up),
        TEST(a_request_that_must_not_be_repeated_is_one_try),
        TEST(a_post_is_sent_whole_each_time),
        TEST(the_servers_wish_to_be_left_alone_is_kept),
        TEST(a_date_far_off_ends_the_tries),
        TEST(a_redirects_fields_are_not_taken_for_the_last_answers),
        TEST(resets_and_closed_connections_are_tried_again),
        TEST(a_server_that_hangs_costs_a_try_its_time_limit),
        TEST(the_time_limit_is_taken_off_the_handle_again),
        TEST(a_long_time_limit_is_cut_to_what_libcurl_takes),
        TEST(a_handles_own_time_limit_stays_where_tries_have_none),
        TEST(a_server_that_is_down_opens_the_breaker),
        TEST(null_is_invalid),
        TEST(threads_share_a_guard),
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
