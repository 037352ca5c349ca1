/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <pthread.h>

#include <holdfast/curl.h>
#include <holdfast/mhd.h>

#include "adapters/mhd_fixture.h"
#include "support/counting_allocator.h"

static void a_quota_is_answered_and_then_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const limits[BURST] = {
        "\"each\";r=2;t=20", "\"each\";r=1;t=10", "\"each\";r=0;t=10"};
    struct reply reply;
    for (unsigned request = 0; request < BURST; request++) {
        reply = ask(fixture);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.limit, limits[request]);
        assert_string_equal(reply.policy, "\"each\";q=3;w=30");
        assert_string_equal(reply.retry_after, "");
        assert_string_equal(reply.body, "hello");
    }
    hf_manual_clock_advance(&fixture->clock, HF_MS(2500));
    reply = ask(fixture);
    assert_int_equal(reply.status, 429);
    assert_string_equal(reply.retry_after, "8");
    assert_string_equal(reply.limit, "\"each\";r=0;t=8");
    assert_string_equal(reply.policy, "\"each\";q=3;w=30");
    assert_string_equal(reply.type, "application/problem+json");
    assert_non_null(strstr(reply.body, "\"status\":429"));
    assert_non_null(strstr(reply.body, "\"violated-policies\":[\"each\"]"));
    hf_manual_clock_advance(&fixture->clock, HF_SECONDS(8));
    assert_int_equal(ask(fixture).status, 200);
}

static void a_head_request_is_refused_without_a_body(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned request = 0; request < BURST; request++)
        assert_int_equal(ask(fixture).status, 200);
    struct reply reply = ask_with(fixture, "HEAD", NULL, NULL);
    assert_int_equal(reply.status, 429);
    assert_string_equal(reply.retry_after, "10");
    assert_int_equal(reply.body_bytes, 0);
}

static void bodies_can_be_refused_before_and_after_they_were_read(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned round = 0; round < 2; round++) {
        fixture->at_first_call = round == 0;
        for (unsigned request = 0; request < BURST; request++)
            assert_int_equal(ask_with(fixture, NULL, NULL, "some body").status, 200);
        assert_int_equal(ask_with(fixture, NULL, NULL, "some body").status, 429);
        hf_manual_clock_advance(&fixture->clock, HF_SECONDS(100));
    }
}

/* Connections made for ten requests of one client, of which the last seven are refused. */
static unsigned count_connections(struct fixture *fixture)
{
    struct reply reply = {.code = CURLE_OK};
    CURL *easy = new_easy(fixture, &reply);
    unsigned count = 0;
    for (unsigned request = 0; request < 10; request++) {
        long connections;
        reply.body_bytes = 0;
        assert_int_equal(curl_easy_perform(easy), CURLE_OK);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
        curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
        assert_int_equal(reply.status, request < BURST ? 200 : 429);
        count += (unsigned)connections;
    }
    curl_easy_cleanup(easy);
    return count;
}

static void connections_outlive_a_refusal_but_not_one_at_the_first_call(void **state)
{
    struct fixture *fixture = *state;
    fixture->at_first_call = false;
    assert_int_equal(count_connections(fixture), 1);
    fixture->at_first_call = true;
    hf_manual_clock_advance(&fixture->clock, HF_SECONDS(100));
    assert_int_equal(count_connections(fixture), 7); /* Each refusal but the last cost one. */
}

static void failing_answers_open_the_breaker(void **state)
{
    struct fixture *fixture = *state;
    make_endpoint(fixture, HF_HTTP_KEY_HEADER);
    fixture->status = 500;
    struct reply reply = ask_as(fixture, "X-Api-Key: a");
    assert_int_equal(reply.status, 500);
    assert_string_equal(reply.limit, "\"each\";r=2;t=20");
    assert_int_equal(ask_as(fixture, "X-Api-Key: b").status, 500);
    reply = ask_as(fixture, "X-Api-Key: c");
    assert_int_equal(reply.status, 503);
    int retry_after_s = atoi(reply.retry_after); /* A breaker may round up its time, so may we. */
    assert_in_range(retry_after_s, 5, 6);
    assert_string_equal(reply.limit, "");
    assert_non_null(strstr(reply.body, "temporary-reduced-capacity"));
    hf_manual_clock_advance(&fixture->clock, HF_SECONDS(retry_after_s));
    fixture->status = 200;
    assert_int_equal(ask_as(fixture, "X-Api-Key: d").status, 200);
    assert_int_equal(ask_as(fixture, "X-Api-Key: e").status, 200);
}

static void refusals_by_the_endpoint_itself_are_no_failures(void **state)
{
    struct fixture *fixture = *state;
    struct hf_breaker_snapshot snapshot;
    fixture->status = 404;
    for (unsigned request = 0; request < BURST; request++)
        assert_int_equal(ask(fixture).status, 404);
    assert_int_equal(hf_breaker_snapshot(fixture->breaker, START_NS, &snapshot), HF_OK);
    assert_int_equal(snapshot.state, HF_BREAKER_CLOSED);
    assert_int_equal(snapshot.consecutive_failures, 0);
}

static void a_cancelled_request_counts_for_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct hf_breaker_snapshot snapshot;
    fixture->status = 500;
    assert_int_equal(ask(fixture).status, 500);
    fixture->status = 0;
    assert_int_equal(ask(fixture).code, CURLE_GOT_NOTHING);
    assert_int_equal(hf_breaker_snapshot(fixture->breaker, START_NS, &snapshot), HF_OK);
    assert_int_equal(snapshot.state, HF_BREAKER_CLOSED);
    assert_int_equal(snapshot.consecutive_failures, 1);
}

#define THREADS 4
#define REQUESTS 25

struct client {
    pthread_t thread;
    const struct fixture *fixture;
    unsigned answered; /* 200 */
    unsigned refused;  /* 429 */
};

static void *ask_many(void *context)
{
    struct client *client = context;
    struct reply reply = {.code = CURLE_OK};
    CURL *easy = new_easy(client->fixture, &reply);
    for (unsigned request = 0; request < REQUESTS; request++) {
        reply.body_bytes = 0;
        if (curl_easy_perform(easy) != CURLE_OK)
            continue;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
        client->answered += reply.status == 200;
        client->refused += reply.status == 429;
    }
    curl_easy_cleanup(easy);
    return NULL;
}

static void many_clients_of_one_key_get_its_quota_exactly(void **state)
{
    struct fixture *fixture = *state;
    const unsigned burst = THREADS * REQUESTS / 2;
    struct client clients[THREADS];
    unsigned answered = 0;
    unsigned refused = 0;
    free_guard(fixture);
    make_guard(fixture, hf_quota_with_burst(hf_quota_per_hour(1), burst));
    make_endpoint(fixture, HF_HTTP_KEY_GLOBAL);
    for (unsigned index = 0; index < THREADS; index++) {
        clients[index] = (struct client){.fixture = fixture};
        assert_int_equal(
            pthread_create(&clients[index].thread, NULL, ask_many, &clients[index]), 0);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        assert_int_equal(pthread_join(clients[index].thread, NULL), 0);
        answered += clients[index].answered;
        refused += clients[index].refused;
    }
    assert_int_equal(answered, burst);
    assert_int_equal(refused, THREADS * REQUESTS - burst);
}

static void assert_not_made(struct hf_mhd_options options, const char *text)
{
    struct hf_mhd *endpoint = (struct hf_mhd *)&options;
    struct hf_error error = {0};
    assert_int_equal(hf_mhd_new(&endpoint, &options, &error), HF_INVALID);
    assert_null(endpoint);
    assert_non_null(strstr(hf_error_text(&error), text));
}

static void bad_options_are_named(void **state)
{
    struct fixture *fixture = *state;
    assert_not_made((struct hf_mhd_options){0}, "guard: NULL");
    assert_not_made(
        (struct hf_mhd_options){.guard = fixture->guard, .key.kind = HF_HTTP_KEY_HEADER},
        "key.header: NULL");
    assert_not_made(
        (struct hf_mhd_options){.guard = fixture->guard, .answer.policy = ""}, "answer.policy");
}

static void memory_that_runs_out_is_reported_and_none_is_lost(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t n = 1;; n++) {
        struct counting_allocator counting = {.fail_at = n};
        struct hf_allocator allocator = counting_allocator(&counting);
        const struct hf_mhd_options options = {.guard = fixture->guard, .allocator = &allocator};
        struct hf_mhd *endpoint;
        enum hf_status status = hf_mhd_new(&endpoint, &options, NULL);
        assert_int_equal(status, counting.requests < n ? HF_OK : HF_NO_MEMORY);
        hf_mhd_free(endpoint);
        assert_int_equal(counting.live, 0);
        if (status == HF_OK)
            break;
    }
}

static void null_is_invalid(void **state)
{
    struct fixture *fixture = *state;
    const struct hf_mhd_options options = {.guard = fixture->guard};
    struct MHD_Connection *connection = (struct MHD_Connection *)fixture; /* Never looked at. */
    struct MHD_Response *response = (struct MHD_Response *)fixture;
    struct hf_mhd *made;
    struct hf_error error = {0};
    struct hf_mhd_run run;
    struct hf_http_answer answer = {.status = 0};
    enum MHD_Result result = MHD_YES;
    assert_int_equal(hf_mhd_new(NULL, &options, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "endpoint: NULL");
    assert_int_equal(hf_mhd_new(&made, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "options: NULL");
    assert_int_equal(hf_mhd_enter(NULL, connection, &run, &result), HF_INVALID);
    assert_int_equal(result, MHD_NO);
    assert_int_equal(hf_mhd_enter(fixture->endpoint, NULL, &run, &result), HF_INVALID);
    assert_int_equal(hf_mhd_enter(fixture->endpoint, connection, NULL, &result), HF_INVALID);
    assert_int_equal(hf_mhd_enter(fixture->endpoint, connection, &run, NULL), HF_INVALID);
    assert_int_equal(hf_mhd_leave(NULL, connection, &run, 200, response), MHD_NO);
    assert_int_equal(hf_mhd_leave(fixture->endpoint, NULL, &run, 200, response), MHD_NO);
    assert_int_equal(hf_mhd_leave(fixture->endpoint, connection, NULL, 200, response), MHD_NO);
    assert_int_equal(hf_mhd_leave(fixture->endpoint, connection, &run, 200, NULL), MHD_NO);
    hf_mhd_cancel(NULL, &run);
    hf_mhd_cancel(fixture->endpoint, NULL);
    hf_mhd_free(NULL);
    assert_int_equal(hf_mhd_peer(NULL).version, 0);
    assert_null(hf_mhd_message(NULL).field);
    assert_int_equal(hf_mhd_answer(NULL, &answer), MHD_NO);
    assert_int_equal(hf_mhd_answer(connection, NULL), MHD_NO);
    assert_int_equal(hf_mhd_answer(connection, &answer), MHD_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quota_is_answered_and_then_refused),
        TEST(a_head_request_is_refused_without_a_body),
        TEST(bodies_can_be_refused_before_and_after_they_were_read),
        TEST(connections_outlive_a_refusal_but_not_one_at_the_first_call),
        TEST(failing_answers_open_the_breaker),
        TEST(refusals_by_the_endpoint_itself_are_no_failures),
        TEST(a_cancelled_request_counts_for_nothing),
        TEST(many_clients_of_one_key_get_its_quota_exactly),
        TEST(bad_options_are_named),
        TEST(memory_that_runs_out_is_reported_and_none_is_lost),
        TEST(null_is_invalid),
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
