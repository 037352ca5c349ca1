/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <holdfast/curl.h>
#include <holdfast/mhd.h>

#include "adapters/curl_fixture.h"
#include "support/scripted_upstream.h"

static void a_no_is_neither_repeated_nor_held_against_the_server(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 404}};
    struct hf_breaker_snapshot snapshot;
    struct hf_guard_report report;
    play(fixture, steps, 1);
    for (unsigned time = 0; time < 10; time++) {
        assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
        assert_outcome(report.retry.outcome, HF_IGNORED, 404, 0);
        assert_int_equal(report.retry.attempts, 1);
    }
    assert_int_equal(
        hf_breaker_snapshot(fixture->breaker, fixture->clock.now_ns, &snapshot), HF_OK);
    assert_int_equal(snapshot.state, HF_BREAKER_CLOSED);
    assert_int_equal(snapshot.consecutive_failures, 0);
}

static void what_the_server_cannot_do_is_not_repeated(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 501}};
    struct hf_guard_report report;
    play(fixture, steps, 1);
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_PERMANENT, 501, 0);
}

static void failing_on_error_is_classified_by_the_status_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{503, "Retry-After", "2", NULL}, {.status = 404}};
    struct hf_guard_report report;
    play(fixture, steps, 2);
    curl_easy_setopt(fixture->easy, CURLOPT_FAILONERROR, 1L);
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.causes[0], HF_TRANSIENT, 503, HF_SECONDS(2));
    assert_outcome(report.retry.outcome, HF_IGNORED, 404, 0);
}

static size_t refuse_body(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)size, (void)count, (void)context;
    return 0;
}

static int abort_at_once(
    void *context, curl_off_t total, curl_off_t done, curl_off_t to_send, curl_off_t sent)
{
    (void)context, (void)total, (void)done, (void)to_send, (void)sent;
    return 1;
}

static void what_the_callers_callbacks_end_says_nothing_about_the_server(void **state)
{
    struct fixture *fixture = *state;
    const struct step steps[] = {{.status = 200, .body = "hello"}};
    struct hf_guard_report report;
    play(fixture, steps, 1);
    curl_easy_setopt(fixture->easy, CURLOPT_WRITEFUNCTION, refuse_body);
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -CURLE_WRITE_ERROR, 0);
    curl_easy_setopt(fixture->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(fixture->easy, CURLOPT_XFERINFOFUNCTION, abort_at_once);
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -CURLE_ABORTED_BY_CALLBACK, 0);
}

static void a_wrong_request_is_the_callers_mistake(void **state)
{
    struct fixture *fixture = *state;
    struct hf_guard_report report;
    curl_easy_setopt(fixture->easy, CURLOPT_URL, "http://[::1");
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -CURLE_URL_MALFORMAT, 0);
    curl_easy_setopt(fixture->easy, CURLOPT_URL, "nonsense://127.0.0.1/");
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -CURLE_UNSUPPORTED_PROTOCOL, 0);
}

static const struct upstream_answer nonsense[] = {
    {"/bytes", "\001\002 rubbish\r\n\r\n", 0, UPSTREAM_CLOSE},
    {"/version", "HTTP/7.3 200 OK\r\n\r\n", 0, UPSTREAM_CLOSE},
    {"/status", "HTTP/1.1 2000 OK\r\n\r\n", 0, UPSTREAM_CLOSE},
    {"/length", "HTTP/1.1 200 OK\r\nContent-Length: zz\r\n\r\n", 0, UPSTREAM_CLOSE},
    {"/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0, UPSTREAM_CLOSE},
    {"/away", "HTTP/1.1 302 Found\r\nLocation: nonsense://x/\r\nContent-Length: 0\r\n\r\n", 0,
        UPSTREAM_CLOSE},
    {NULL, NULL, 0, UPSTREAM_KEEP},
};

static enum hf_status perform_at(struct fixture *fixture, const struct scripted_upstream *upstream,
    const char *path, struct hf_guard_report *report)
{
    char url[128];
    snprintf(url, sizeof(url), "%s%s", upstream->url, path);
    curl_easy_setopt(fixture->easy, CURLOPT_URL, url);
    return perform(fixture, NULL, report);
}

static void answers_that_are_not_http_are_held_against_the_server(void **state)
{
    struct fixture *fixture = *state;
    struct scripted_upstream *upstream = upstream_start(nonsense);
    struct hf_guard_report report;
    /* Three tries each, so the third path sees the eighth failure. */
    static const char *const paths[] = {"/bytes", "/version", "/status"};
    for (size_t index = 0; index < LENGTH(paths); index++) {
        (void)perform_at(fixture, upstream, paths[index], &report);
        assert_outcome(
            report.retry.causes[0], HF_TRANSIENT, -(int32_t)CURLE_UNSUPPORTED_PROTOCOL, 0);
    }
    assert_int_equal(perform_at(fixture, upstream, "/", &report), HF_OPEN);
    upstream_stop(upstream);
}

static void so_are_lengths_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    struct scripted_upstream *upstream = upstream_start(nonsense);
    struct hf_guard_report report;
    assert_int_equal(perform_at(fixture, upstream, "/length", &report), HF_EXHAUSTED);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -(int32_t)CURLE_WEIRD_SERVER_REPLY, 0);
    assert_int_equal(perform_at(fixture, upstream, "/chunk", &report), HF_EXHAUSTED);
    assert_outcome(report.retry.outcome, HF_TRANSIENT, -(int32_t)CURLE_RECV_ERROR, 0);
    upstream_stop(upstream);
}

static void schemes_that_are_none_are_not_held_against_it(void **state)
{
    struct fixture *fixture = *state;
    struct scripted_upstream *upstream = upstream_start(nonsense);
    struct hf_guard_report report;
    curl_easy_setopt(fixture->easy, CURLOPT_FOLLOWLOCATION, 1L);
    assert_int_equal(perform_at(fixture, upstream, "/away", &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -(int32_t)CURLE_UNSUPPORTED_PROTOCOL, 0);
    /* What the handle's transfer before brought is none of this one's. */
    (void)perform_at(fixture, upstream, "/bytes", &report);
    curl_easy_setopt(fixture->easy, CURLOPT_URL, "nonsense://127.0.0.1/");
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -(int32_t)CURLE_UNSUPPORTED_PROTOCOL, 0);
    upstream_stop(upstream);
}

static void other_protocols_succeed_without_a_status(void **state)
{
    struct fixture *fixture = *state;
    struct hf_guard_report report;
    curl_easy_setopt(fixture->easy, CURLOPT_URL, "file:///dev/null");
    assert_int_equal(perform(fixture, NULL, &report), HF_OK);
    assert_outcome(report.retry.outcome, HF_SUCCESS, 0, 0);
    curl_easy_setopt(fixture->easy, CURLOPT_URL, "file:///nonexistent/file");
    assert_int_equal(perform(fixture, NULL, &report), HF_FAILED);
    assert_outcome(report.retry.outcome, HF_IGNORED, -CURLE_FILE_COULDNT_READ_FILE, 0);
}

static void every_curl_code_has_its_kind(void **state)
{
    struct fixture *fixture = *state;
    const CURLcode transient[] = {CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_CONNECT, CURLE_WEIRD_SERVER_REPLY, CURLE_FTP_ACCEPT_TIMEOUT, CURLE_HTTP2,
        CURLE_PARTIAL_FILE, CURLE_OUT_OF_MEMORY, CURLE_OPERATION_TIMEDOUT, CURLE_SSL_CONNECT_ERROR,
        CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND,
        CURLE_SSL_SHUTDOWN_FAILED, CURLE_AGAIN, CURLE_NO_CONNECTION_AVAILABLE, CURLE_HTTP2_STREAM,
        CURLE_HTTP3, CURLE_QUIC_CONNECT_ERROR, CURLE_PROXY};
    const CURLcode ignored[] = {CURLE_UNSUPPORTED_PROTOCOL, CURLE_FAILED_INIT, CURLE_URL_MALFORMAT,
        CURLE_NOT_BUILT_IN, CURLE_REMOTE_ACCESS_DENIED, CURLE_WRITE_ERROR, CURLE_READ_ERROR,
        CURLE_FILE_COULDNT_READ_FILE, CURLE_ABORTED_BY_CALLBACK, CURLE_BAD_FUNCTION_ARGUMENT,
        CURLE_INTERFACE_FAILED, CURLE_UNKNOWN_OPTION, CURLE_SETOPT_OPTION_SYNTAX,
        CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
        CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED, CURLE_LOGIN_DENIED, CURLE_SSL_CACERT_BADFILE,
        CURLE_REMOTE_FILE_NOT_FOUND, CURLE_SSL_CRL_BADFILE, CURLE_RECURSIVE_API_CALL,
        CURLE_AUTH_ERROR};
    enum hf_outcome_kind kinds[CURL_LAST];
    for (unsigned code = 0; code < CURL_LAST; code++)
        kinds[code] = HF_PERMANENT;
    kinds[CURLE_OK] = HF_SUCCESS; /* No transfer, so no HTTP. */
    for (size_t index = 0; index < LENGTH(transient); index++)
        kinds[transient[index]] = HF_TRANSIENT;
    for (size_t index = 0; index < LENGTH(ignored); index++)
        kinds[ignored[index]] = HF_IGNORED;
    for (unsigned code = 0; code < CURL_LAST; code++)
        assert_outcome(
            hf_curl_outcome(fixture->easy, (CURLcode)code), kinds[code], -(int32_t)code, 0);
    assert_int_equal(kinds[CURLE_PEER_FAILED_VERIFICATION], HF_PERMANENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_no_is_neither_repeated_nor_held_against_the_server),
        TEST(what_the_server_cannot_do_is_not_repeated),
        TEST(failing_on_error_is_classified_by_the_status_all_the_same),
        TEST(what_the_callers_callbacks_end_says_nothing_about_the_server),
        TEST(a_wrong_request_is_the_callers_mistake),
        TEST(answers_that_are_not_http_are_held_against_the_server),
        TEST(so_are_lengths_that_are_none),
        TEST(schemes_that_are_none_are_not_held_against_it),
        TEST(other_protocols_succeed_without_a_status),
        TEST(every_curl_code_has_its_kind),
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
