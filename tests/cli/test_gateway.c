/* SPDX-License-Identifier: MIT */
#include <holdfast/curl.h>
#include <holdfast/jemalloc.h>
#include <holdfast/mhd.h>

#include "cli/gateway_world.h"

static void trailers_of_an_answer_do_not_become_its_fields(void **state)
{
    (void)state;
    assert_true(says(get("/trailer"), 200));
    assert_false(has(world.reply.text, "evil"));
    assert_true(ends_with(world.reply.text, "\r\n\r\nabc"));
}

static void interim_answers_are_not_passed_on(void **state)
{
    (void)state;
    assert_true(says(get("/interim"), 200));
    assert_false(has(world.reply.text, "early"));
    assert_true(ends_with(world.reply.text, "\r\n\r\nhi"));
}

static void fields_of_an_answer_cannot_split_it(void **state)
{
    (void)state;
    assert_true(says(get("/hostile"), 200));
    assert_false(has(world.reply.text, "evil"));
    assert_false(has(world.reply.text, "X Space"));
    assert_false(has(world.reply.text, "X-Hop"));
    assert_false(has(world.reply.text, "Keep-Alive"));
    assert_true(has(world.reply.text, "X-Tab: a\tb\r\n"));
}

static void answers_that_are_none_get_502(void **state)
{
    (void)state;
    static const char *const paths[] = {"/switch", "/low", "/garbage", "/short", "/reset", "/dead"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_true(says(get(paths[i]), 502));
    assert_true(says(get("/"), 200));
}

static void they_open_the_breaker(void **state)
{
    (void)state;
    static const char *const paths[] = {"/switch", "/low", "/garbage", "/short", "/reset", "/dead"};
    struct gateway_options options = options_for(world.upstream->url);
    options.breaker.consecutive_failures = 2;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct gateway *first = world.gateway;
        assert_int_equal(gateway_start(&world.gateway, &options, NULL), HF_OK);
        assert_int_equal(gateway_stop(first, 0), HF_OK);
        assert_true(says(get(paths[i]), 502));
        uint64_t before = upstream_requests(world.upstream);
        assert_true(says(get("/"), 503));
        assert_int_equal(upstream_requests(world.upstream), before);
    }
}

static void bytes_after_an_answer_are_not_part_of_it(void **state)
{
    (void)state;
    assert_true(says(get("/long"), 200));
    assert_true(ends_with(world.reply.text, "\r\n\r\nabc"));
    assert_true(says(get("/"), 200));
    assert_true(ends_with(world.reply.text, "\r\n\r\nok\n"));
}

static void an_error_that_stays_is_passed_on(void **state)
{
    (void)state;
    assert_true(says(get("/error"), 500));
    assert_true(ends_with(world.reply.text, "\r\n\r\nno"));
    assert_int_equal(upstream_requests(world.upstream), 2);
}

static void methods_that_are_not_idempotent_reach_the_upstream_once(void **state)
{
    (void)state;
    assert_true(says(ask("POST", "/error", "Content-Length: 0\r\n\r\n"), 500));
    assert_int_equal(upstream_requests(world.upstream), 1);
    assert_true(says(ask("POST", "/dead", "Content-Length: 0\r\n\r\n"), 502));
    assert_int_equal(upstream_requests(world.upstream), 2);
}

/* The upstream reads the second request on its connection, and hangs up. */
static void a_kept_connection_that_dies_repeats_no_post(void **state)
{
    (void)state;
    uint64_t before;
    for (int i = 0; i < 8; i++) {
        assert_true(says(get("/once"), 200));
        before = upstream_requests(world.upstream);
        assert_true(says(ask("POST", "/once", "Content-Length: 0\r\n\r\n"), 200));
        assert_int_equal(upstream_requests(world.upstream), before + 1);
    }
}

static void answers_without_content_have_none(void **state)
{
    (void)state;
    assert_true(says(get("/none"), 204));
    assert_false(has(world.reply.text, "Content-Length"));
    assert_true(ends_with(world.reply.text, "\r\n\r\n"));
    assert_true(says(get("/same"), 304));
    assert_true(has(world.reply.text, "Content-Length: 77\r\n"));
    assert_true(ends_with(world.reply.text, "\r\n\r\n"));
    assert_true(says(get("/same-unknown"), 304));
    assert_false(has(world.reply.text, "chunked"));
    assert_true(ends_with(world.reply.text, "\r\n\r\n") &&
                !ends_with(world.reply.text, "0\r\n\r\n0\r\n\r\n"));
}

static void head_tells_the_length_that_the_upstream_told_or_none(void **state)
{
    (void)state;
    assert_true(says(ask("HEAD", "/head", "\r\n"), 200));
    assert_true(has(world.reply.text, "Content-Length: 12345\r\n"));
    assert_true(ends_with(world.reply.text, "\r\n\r\n"));
    assert_true(says(ask("HEAD", "/head-unknown", "\r\n"), 200));
    assert_false(has(world.reply.text, "Content-Length"));
    assert_false(has(world.reply.text, "chunked"));
    assert_ptr_equal(strstr(world.reply.text, "\r\n\r\n") + 4, world.reply.text + world.reply.size);
}

/* Asks with a malformed rest; the upstream must not see it. */
static void assert_refused(int status, const char *method, const char *target, const char *rest)
{
    uint64_t before = upstream_requests(world.upstream);
    assert_true(says(ask(method, target, rest), status));
    assert_int_equal(upstream_requests(world.upstream), before);
}

static void fields_that_the_next_reader_might_read_otherwise_are_refused(void **state)
{
    (void)state;
    static const char *const rests[] = {
        "Content-Length : 5\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n",
        "X-A: 1\rX-Evil: 2\r\n\r\n",
        "X-A: 1\r\n X-Evil: 2\r\n\r\n",
        "X;y: 1\r\n\r\n",
        "X y: 1\r\n\r\n",
        "No colon\r\n\r\n",
        "Host: other\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 3, 3\r\n\r\nabc",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: \r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
        assert_refused(400, "POST", "/", rests[i]);
    assert_refused(501, "POST", "/", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    assert_refused(501, "POST", "/", "Transfer-Encoding: identity\r\n\r\nabc");
}

static void targets_and_methods_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {"*", "/a b", "/a#b", "/a\001b", "/a\377b", "a",
        "other:80", "other/", "http:/other", "http://", "http:///", "http:///a", "http://:80/",
        "http://?a", "http://user@other/", "http://user:word@other/", "http://a b/",
        "http://a\001b/", "http://a#b/", "ftp://other/", "http:other", "/a http://other/", "**",
        "*/"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        assert_refused(400, "GET", targets[i], "\r\n");
    assert_refused(400, "OPTIONS", "**", "\r\n");
    assert_refused(400, "OPTIONS", "a", "\r\n");
    assert_refused(421, "GET", "https://other/", "\r\n");
    assert_refused(421, "GET", "HTTPS://other/", "\r\n");
    assert_refused(400, "G\tET", "/", "\r\n");
    assert_refused(400, "G{}", "/", "\r\n");
    assert_refused(501, "CONNECT", "other:443", "\r\n");
    assert_refused(501, "CONNECT", "/", "\r\n");
}

static void a_host_is_needed_since_http_1_1(void **state)
{
    (void)state;
    assert_true(says(say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), 400));
    assert_true(says(say("GET / HTTP/1.0\r\n\r\n"), 200));
    assert_true(says(say("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400));
}

static void targets_are_passed_on_as_written(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/%2f%2F%zz/..%2e/./../b?%0d%0a=1&c", "//other/a@b:c", "/\"<>|\\^`{}", "/?", "/a?b?c"};
    char line[128];
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", targets[i]);
        assert_true(says(get(targets[i]), 200));
        assert_true(upstream_was_told(world.upstream, line));
    }
}

static void of_absolute_targets_the_upstream_is_asked_for_the_path(void **state)
{
    (void)state;
    static const char *const targets[][3] = {
        {"GET", "http://other/a/../b?c", "GET /a/../b?c HTTP/1.1\r\n"},
        {"GET", "HTTP://other:80/http://x/", "GET /http://x/ HTTP/1.1\r\n"},
        {"GET", "http://other", "GET / HTTP/1.1\r\n"},
        {"GET", "http://o", "GET / HTTP/1.1\r\n"},
        {"GET", "http://o?a/b?c", "GET /?a/b?c HTTP/1.1\r\n"},
        {"GET", "http://[::1]:80//a@b", "GET //a@b HTTP/1.1\r\n"},
        {"OPTIONS", "http://other", "OPTIONS * HTTP/1.1\r\n"},
        {"OPTIONS", "http://other/", "OPTIONS / HTTP/1.1\r\n"},
        {"OPTIONS", "http://other?", "OPTIONS /? HTTP/1.1\r\n"},
        {"OPTIONS", "*", "OPTIONS * HTTP/1.1\r\n"},
        {"OPTIONS", "/", "OPTIONS / HTTP/1.1\r\n"},
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        assert_true(says(ask(targets[i][0], targets[i][1], "\r\n"), 200));
        assert_true(upstream_was_told(world.upstream, targets[i][2]));
        assert_false(upstream_was_told(world.upstream, "Host: other"));
    }
}

static void questions_go_as_far_as_they_are_told(void **state)
{
    (void)state;
    assert_true(says(ask("OPTIONS", "*", "Max-Forwards: 3\r\n\r\n"), 200));
    assert_true(upstream_was_told(world.upstream, "\r\nMax-Forwards: 2\r\n"));
    assert_true(says(ask("TRACE", "/", "Max-Forwards: 1\r\n\r\n"), 200));
    assert_true(upstream_was_told(world.upstream, "\r\nMax-Forwards: 0\r\n"));
    assert_refused(200, "OPTIONS", "*", "Max-Forwards: 0\r\n\r\n");
    assert_true(ends_with(world.reply.text, "\r\n\r\n"));
    assert_refused(200, "OPTIONS", "/", "Max-Forwards: 00\r\n\r\n");
    assert_refused(501, "TRACE", "/", "Max-Forwards: 0\r\n\r\n");
    assert_refused(400, "OPTIONS", "*", "Max-Forwards: 1x\r\n\r\n");
    assert_refused(400, "OPTIONS", "*", "Max-Forwards: -1\r\n\r\n");
    assert_refused(400, "OPTIONS", "*", "Max-Forwards:\r\n\r\n");
    assert_refused(400, "OPTIONS", "*", "Max-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n");
    assert_true(says(ask("OPTIONS", "*", "Max-Forwards: 99999999999999999999999\r\n\r\n"), 200));
    assert_true(upstream_was_told(world.upstream, "\r\nMax-Forwards: 4294967294\r\n"));
    /* To other methods it is a field like any other. */
    assert_true(says(ask("GET", "/", "Max-Forwards: 0\r\n\r\n"), 200));
    assert_true(upstream_was_told(world.upstream, "\r\nMax-Forwards: 0\r\n"));
}

static void an_upstreams_path_comes_before_each_target(void **state)
{
    (void)state;
    char upstream[128];
    snprintf(upstream, sizeof(upstream), "%s/base/%%2f", world.upstream->url);
    const struct gateway_options options = options_for(upstream);
    struct gateway *gateway;
    assert_int_equal(gateway_start(&gateway, &options, NULL), HF_OK);
    static const char *const lines[][2] = {
        {"GET /../a?b HTTP/1.1\r\n", "GET /base/%2f/../a?b HTTP/1.1\r\n"},
        {"GET http://other HTTP/1.1\r\n", "GET /base/%2f/ HTTP/1.1\r\n"},
        {"OPTIONS * HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%sHost: x\r\nConnection: close\r\n\r\n", lines[i][0]);
        assert_true(says(raw_say(&world.reply, gateway->address, text), 200));
        assert_true(upstream_was_told(world.upstream, lines[i][1]));
    }
    assert_int_equal(gateway_stop(gateway, HF_SECONDS(10)), HF_OK);
}

static void fields_of_one_hop_stay_there(void **state)
{
    (void)state;
    ask("GET", "/",
        "Connection: X-Hop\r\nX-Hop: 1\r\nTE: gzip\r\nUpgrade: h2c\r\nKeep-Alive: 1\r\n"
        "Proxy-Authorization: x\r\nX-End: 1\r\nX-Empty:\r\n\r\n");
    static const char *const hop[] = {"X-Hop", "TE:", "Upgrade", "Keep-Alive", "Proxy-", "Expect"};
    for (size_t i = 0; i < sizeof(hop) / sizeof(hop[0]); i++)
        assert_false(upstream_was_told(world.upstream, hop[i]));
    assert_true(upstream_was_told(world.upstream, "X-End: 1\r\n"));
    assert_true(upstream_was_told(world.upstream, "X-Empty:\r\n"));
    assert_true(upstream_was_told(world.upstream, "Via: 1.1 holdfast\r\n"));
}

static void no_forwarded_address_is_lost_however_many_come_before(void **state)
{
    (void)state;
    static char rest[40 * 1024];
    size_t used = (size_t)sprintf(rest, "X-Forwarded-For: 6.6.6.6");
    while (used < 18000)
        used += (size_t)sprintf(rest + used, ", 6.6.6.6");
    sprintf(rest + used, "\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
    assert_true(says(ask("GET", "/", rest), 200));
    assert_true(upstream_was_told(world.upstream, ", 6.6.6.6, 10.0.0.1, 127.0.0.1\r\n"));
}

static void requests_whose_fields_are_too_large_get_431(void **state)
{
    (void)state;
    static char rest[48 * 1024];
    make_fields(rest, 18000);
    assert_true(says(ask("GET", "/", rest), 200));
    make_fields(rest, 24000);
    assert_refused(431, "GET", "/", rest);
    memset(rest, 'a', 24000);
    rest[0] = '/';
    rest[24000] = '\0';
    assert_refused(414, "GET", rest, "\r\n");
}

static void answers_with_too_many_fields_get_502_and_large_ones_fit(void **state)
{
    (void)state;
    static char asked[48 * 1024];
    make_fields(asked, 18000);
    assert_true(says(ask("GET", "/large", asked), 200));
    assert_true(world.reply.size > 14000);
    assert_true(says(ask("GET", "/too-large", asked), 502));
}

static void bodies_too_large_get_413_before_they_are_sent_if_that_is_known(void **state)
{
    (void)state;
    assert_refused(413, "POST", "/", "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    assert_refused(413, "POST", "/", "Content-Length: 18446744073709551615\r\n\r\n");
    static char rest[70 * 1024];
    int used = sprintf(rest, "Content-Length: 65537\r\n\r\n");
    memset(rest + used, 'x', 65537);
    assert_refused(413, "POST", "/", rest);
    used = sprintf(rest, "Expect: 100-continue\r\nContent-Length: 65536\r\n\r\n");
    memset(rest + used, 'x', 65536);
    rest[used + 65536] = '\0';
    ask("POST", "/", rest);
    assert_true(has(world.reply.text, "100 Continue\r\n\r\nHTTP/1.1 200 OK"));
}

static void a_client_that_has_closed_its_half_is_still_answered(void **state)
{
    (void)state;
    int fd = raw_connect(world.gateway->address);
    raw_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    assert_true(says(raw_read(&world.reply, fd), 200));
}

static void requests_on_one_connection_are_answered_in_order(void **state)
{
    (void)state;
    say("GET /error HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        "HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const char *at = world.reply.text;
    static const char *const lines[] = {
        "HTTP/1.1 500 ", "HTTP/1.1 204 ", "HTTP/1.1 200 ", "HTTP/1.1 200 "};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        at = strstr(at, lines[i]);
        assert_non_null(at);
        at++;
    }
    assert_true(ends_with(world.reply.text, "\r\n\r\nok\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(trailers_of_an_answer_do_not_become_its_fields),
        IN_A_WORLD(interim_answers_are_not_passed_on),
        IN_A_WORLD(fields_of_an_answer_cannot_split_it),
        IN_A_WORLD(answers_that_are_none_get_502),
        IN_A_WORLD(they_open_the_breaker),
        IN_A_WORLD(bytes_after_an_answer_are_not_part_of_it),
        IN_A_WORLD(an_error_that_stays_is_passed_on),
        IN_A_WORLD(methods_that_are_not_idempotent_reach_the_upstream_once),
        IN_A_WORLD(a_kept_connection_that_dies_repeats_no_post),
        IN_A_WORLD(answers_without_content_have_none),
        IN_A_WORLD(head_tells_the_length_that_the_upstream_told_or_none),
        IN_A_WORLD(fields_that_the_next_reader_might_read_otherwise_are_refused),
        IN_A_WORLD(targets_and_methods_that_are_none_are_refused),
        IN_A_WORLD(a_host_is_needed_since_http_1_1),
        IN_A_WORLD(targets_are_passed_on_as_written),
        IN_A_WORLD(of_absolute_targets_the_upstream_is_asked_for_the_path),
        IN_A_WORLD(questions_go_as_far_as_they_are_told),
        IN_A_WORLD(an_upstreams_path_comes_before_each_target),
        IN_A_WORLD(fields_of_one_hop_stay_there),
        IN_A_WORLD(no_forwarded_address_is_lost_however_many_come_before),
        IN_A_WORLD(requests_whose_fields_are_too_large_get_431),
        IN_A_WORLD(answers_with_too_many_fields_get_502_and_large_ones_fit),
        IN_A_WORLD(bodies_too_large_get_413_before_they_are_sent_if_that_is_known),
        IN_A_WORLD(a_client_that_has_closed_its_half_is_still_answered),
        IN_A_WORLD(requests_on_one_connection_are_answered_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
