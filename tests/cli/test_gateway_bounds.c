/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>

#include <holdfast/curl.h>
#include <holdfast/jemalloc.h>
#include <holdfast/mhd.h>

#include "cli/gateway_world.h"

/* Asks for a path on a connection of its own, and waits until the upstream has been asked too. */
static int begin_at(const struct gateway *gateway, const char *path)
{
    char text[128];
    uint64_t before = upstream_requests(world.upstream);
    int fd = raw_connect(gateway->address);
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    raw_send(fd, text);
    while (upstream_requests(world.upstream) == before)
        sched_yield();
    return fd;
}

static int begin(const char *path)
{
    return begin_at(world.gateway, path);
}

static void what_the_end_cuts_off_is_told_so(void **state)
{
    (void)state;
    int trying = begin("/hang");
    int waiting = begin("/busy");
    int gone = begin("/hang");
    close(gone);
    assert_int_equal(gateway_stop(world.gateway, 0), HF_LOST);
    world.gateway = NULL;
    assert_true(says(raw_read(&world.reply, trying), 503));
    assert_true(has(world.reply.text, "Connection: close"));
    assert_true(says(raw_read(&world.reply, waiting), 503));
}

static void requests_under_way_may_finish(void **state)
{
    (void)state;
    const char *half = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                       "Content-Length: 6\r\n\r\n";
    char told[64];
    int fd = raw_connect(world.gateway->address);
    raw_send(fd, half);
    /* Asked to go on, it is under way. */
    assert_true(recv(fd, told, sizeof(told), 0) > 0);
    gateway_drain(world.gateway, HF_SECONDS(20));
    assert_false(gateway_drained(world.gateway));
    raw_send(fd, "abcdef");
    assert_true(says(raw_read(&world.reply, fd), 200));
    assert_int_equal(gateway_stop(world.gateway, HF_SECONDS(20)), HF_OK);
    world.gateway = NULL;
}

/* One more client after the other holds nearly the largest body there may be, until there is no
 * room for one. */
static void bodies_share_a_bound_and_get_503_past_it(void **state)
{
    (void)state;
    enum { HOLDERS_MAX = 200, HELD = 60000 };
    static char held[HELD + 512];
    static char asked[HELD + 512];
    int holders[HOLDERS_MAX];
    size_t count = 0;
    int size = sprintf(held, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
    memset(held + size, 'x', HELD);
    size = sprintf(asked, "Content-Length: %d\r\n\r\n", HELD);
    memset(asked + size, 'x', HELD);
    while (!has(ask("POST", "/", asked), "HTTP/1.1 503")) {
        assert_true(count < HOLDERS_MAX);
        holders[count] = raw_connect(world.gateway->address);
        raw_send(holders[count++], held);
    }
    assert_true(has(world.reply.text, "Retry-After: 1\r\n"));
    for (size_t i = 0; i < count; i++)
        close(holders[i]);
    while (!has(ask("POST", "/", asked), "HTTP/1.1 200"))
        sched_yield();
}

static void answers_too_large_get_502_and_those_without_room_503(void **state)
{
    (void)state;
    assert_true(says(get("/huge"), 502));
    struct gateway *first = world.gateway;
    struct gateway_options options = options_for(world.upstream->url);
    options.answer_bytes_max = 2 * HUGE_BYTES;
    assert_int_equal(gateway_start(&world.gateway, &options, NULL), HF_OK);
    assert_int_equal(gateway_stop(first, HF_SECONDS(10)), HF_OK);
    assert_true(says(get("/huge"), 503));
    assert_true(has(world.reply.text, "Retry-After: 1\r\n"));
    assert_true(has(world.reply.text, "out of memory for content"));
    assert_true(says(get("/"), 200));
}

/* Past the grace in which a client may still hear its 413. */
static void bodies_that_do_not_end_are_cut_off(void **state)
{
    (void)state;
    static char text[BODY_BYTES_MAX + REQUEST_GRACE_BYTES + 1024];
    int size = sprintf(text, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "7fffffff\r\n");
    memset(text + size, 'x', sizeof(text) - 1 - (size_t)size);
    assert_string_equal(say(text), "");
    assert_int_equal(upstream_requests(world.upstream), 0);
}

static void options_that_cannot_be_had_are_named(void **state)
{
    (void)state;
    struct gateway *gateway;
    struct gateway_options options = options_for(world.upstream->url);
    struct hf_error error = {0};
    options.connections_max = UINT32_MAX;
    assert_int_equal(gateway_start(&gateway, &options, &error), HF_IO);
    assert_null(gateway);
    assert_true(has(hf_error_text(&error), "--connections: 4294967295"));
    char url[GATEWAY_UPSTREAM_BYTES_MAX + 32] = "http://";
    memset(url + 7, 'a', GATEWAY_UPSTREAM_BYTES_MAX);
    options = options_for(url);
    assert_int_equal(gateway_start(&gateway, &options, &error), HF_INVALID);
    assert_true(has(hf_error_text(&error), "--upstream: 2055 bytes"));
}

/* A gateway like the world's, with other limits for a request to arrive and an answer to be taken,
 * and room for a huge one. */
static struct gateway *start_impatient(uint64_t receive_ns, uint64_t send_ns)
{
    struct gateway *gateway;
    struct gateway_options options = options_for(world.upstream->url);
    options.receive_timeout_ns = receive_ns;
    options.send_timeout_ns = send_ns;
    options.answer_bytes_max = options.memory_bytes_max = 2 * HUGE_BYTES;
    assert_int_equal(gateway_start(&gateway, &options, NULL), HF_OK);
    return gateway;
}

static void clients_that_do_not_finish_their_request_are_cut_off(void **state)
{
    (void)state;
    static const char *const parts[] = {"", "G",
        "GET / HTTP/1.1\r\nHost:", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"};
    struct gateway *gateway = start_impatient(HF_MS(100), HF_SECONDS(20));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_string_equal(raw_say(&world.reply, gateway->address, parts[i]), "");
    raw_say(&world.reply, gateway->address, "GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET / HT");
    assert_true(says(world.reply.text, 204));
    assert_true(ends_with(world.reply.text, "\r\n\r\n"));
    assert_int_equal(upstream_requests(world.upstream), 1);
    assert_int_equal(gateway_stop(gateway, 0), HF_OK);
}

static void clients_that_do_not_take_their_answer_are_cut_off(void **state)
{
    (void)state;
    struct gateway *gateway = start_impatient(HF_SECONDS(20), HF_MS(100));
    struct pollfd polled = {.fd = begin_at(gateway, "/huge")};
    assert_int_equal(poll(&polled, 1, 10000), 1);
    assert_true(polled.revents & POLLERR);
    raw_read(&world.reply, polled.fd);
    assert_int_equal(gateway_stop(gateway, 0), HF_OK);
}

/* One client at a time, whose idle connection does not end by itself. memory_bytes: for content. */
static struct gateway *start_with_one_place(uint64_t memory_bytes)
{
    struct gateway *gateway;
    struct gateway_options options = options_for(world.upstream->url);
    options.workers = 1;
    options.connections_max = 1;
    options.memory_bytes_max = memory_bytes;
    options.idle_timeout_ns = options.receive_timeout_ns = HF_SECONDS(1000);
    assert_int_equal(gateway_start(&gateway, &options, NULL), HF_OK);
    return gateway;
}

/* Takes the gateway's only place. */
static int take_place(const struct gateway *gateway)
{
    char text[1024];
    int fd = raw_connect(gateway->address);
    raw_send(fd, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(recv(fd, text, sizeof(text), 0) > 0);
    return fd;
}

/* All that a client sends, and that it sends no more, is there before the gateway looks at it: it
 * has to wait for the place. Gives the gateway's whole answer, or NULL where it never ends. */
static const char *say_at_once(const struct gateway *gateway, const char *text)
{
    const struct timeval patience = {.tv_sec = 10};
    int first = take_place(gateway);
    int fd = raw_connect(gateway->address);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    raw_send(fd, text);
    shutdown(fd, SHUT_WR);
    close(first);
    errno = 0;
    raw_read(&world.reply, fd);
    return errno == EAGAIN ? NULL : world.reply.text;
}

/* A request's beginning, and of its content as much as exceeds the limit by some bytes. */
static const char *more_than_allowed(void)
{
    static char text[BODY_BYTES_MAX + 1024];
    int size = sprintf(text, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    memset(text + size, 'x', BODY_BYTES_MAX + 10);
    return text;
}

static void clients_that_close_in_the_middle_of_their_request_are_let_go_at_once(void **state)
{
    (void)state;
    const char *const parts[] = {"", "G",
        "GET / HTTP/1.1\r\nHost:", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        more_than_allowed()};
    static const uint64_t memory_bytes[] = {1024 * 1024, 1};
    for (size_t m = 0; m < sizeof(memory_bytes) / sizeof(memory_bytes[0]); m++) {
        struct gateway *gateway = start_with_one_place(memory_bytes[m]);
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            assert_non_null(say_at_once(gateway, parts[i]));
        assert_int_equal(gateway_stop(gateway, HF_SECONDS(1000)), HF_OK);
    }
}

static void clients_that_close_their_side_get_all_their_answers(void **state)
{
    (void)state;
    struct gateway *gateway = start_with_one_place(1024 * 1024);
    assert_non_null(
        say_at_once(gateway, "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
                             "GET /error HTTP/1.1\r\nHost: x\r\n\r\n"
                             "GET /trailer HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"));
    assert_true(says(world.reply.text, 204));
    assert_true(has(world.reply.text, "HTTP/1.1 500"));
    assert_true(ends_with(world.reply.text, "\r\n\r\nabc"));
    assert_true(says(say_at_once(gateway, "GET /same HTTP/1.1\r\n\r\n"), 400));
    assert_true(says(say_at_once(gateway, "GET / HTTP/1.1\r\nbroken\r\n\r\n"), 400));
    assert_int_equal(gateway_stop(gateway, HF_SECONDS(1000)), HF_OK);
}

static void clients_that_reset_their_connection_end_their_exchange(void **state)
{
    (void)state;
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    struct gateway *gateway;
    struct gateway_options options = options_for(world.upstream->url);
    options.timeout_ns = options.retry.attempt_timeout_ns = HF_SECONDS(1000);
    options.retry.retry_after_max_ns = HF_SECONDS(1000);
    assert_int_equal(gateway_start(&gateway, &options, NULL), HF_OK);
    int clients[] = {begin_at(gateway, "/hang"), begin_at(gateway, "/busy-long")};
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        setsockopt(clients[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
        close(clients[i]);
    }
    assert_int_equal(gateway_stop(gateway, HF_SECONDS(10)), HF_OK);
}

static void a_request_that_has_arrived_may_take_its_time(void **state)
{
    (void)state;
    struct gateway *gateway = start_impatient(HF_MS(100), HF_SECONDS(20));
    raw_say(&world.reply, gateway->address, "GET /busy-shortly HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(says(world.reply.text, 503));
    assert_int_equal(upstream_requests(world.upstream), 2);
    assert_int_equal(gateway_stop(gateway, 0), HF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(what_the_end_cuts_off_is_told_so),
        IN_A_WORLD(requests_under_way_may_finish),
        IN_A_WORLD(bodies_share_a_bound_and_get_503_past_it),
        IN_A_WORLD(answers_too_large_get_502_and_those_without_room_503),
        IN_A_WORLD(bodies_that_do_not_end_are_cut_off),
        IN_A_WORLD(options_that_cannot_be_had_are_named),
        IN_A_WORLD(clients_that_do_not_finish_their_request_are_cut_off),
        IN_A_WORLD(clients_that_do_not_take_their_answer_are_cut_off),
        IN_A_WORLD(clients_that_close_in_the_middle_of_their_request_are_let_go_at_once),
        IN_A_WORLD(clients_that_close_their_side_get_all_their_answers),
        IN_A_WORLD(clients_that_reset_their_connection_end_their_exchange),
        IN_A_WORLD(a_request_that_has_arrived_may_take_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
