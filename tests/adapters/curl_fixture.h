/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_ADAPTERS_CURL_FIXTURE_H
#define HF_TESTS_ADAPTERS_CURL_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <holdfast/curl.h>
#include <holdfast/mhd.h>

/*
 * Transfers of the real libcurl to a server that answers by a script, over loopback. Waits between
 * tries are taken on a clock that only moves when told to.
 */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define START_NS HF_SECONDS(1000)

/* What to answer; status 0: reset the connection; status 1: close it. */
struct step {
    unsigned status;
    const char *name; /* A field. NULL: none. */
    const char *value;
    const char *body;
};

/* Steps are taken in order; requests past the last are answered with it. */
struct script {
    pthread_mutex_t lock;
    const struct step *steps;
    size_t count;
    size_t taken;
    char method[16]; /* Of the last request. */
};

struct fixture {
    struct script script;
    struct MHD_Daemon *daemon;
    char url[64];
    struct hf_manual_clock clock;
    struct hf_breaker *breaker;
    struct hf_guard *guard;
    CURL *easy;
    char body[256]; /* What transfers wrote since the last rewind. */
    size_t body_bytes;
    unsigned rewinds;
};

static inline struct step next_step(struct script *script, const char *method)
{
    pthread_mutex_lock(&script->lock);
    size_t index = script->taken < script->count ? script->taken : script->count - 1;
    struct step step = script->steps[index];
    script->taken++;
    snprintf(script->method, sizeof(script->method), "%s", method);
    pthread_mutex_unlock(&script->lock);
    return step;
}

/* Linux takes a socket's connection away with a reset when told to connect it to nothing. */
static inline void reset(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
    if (connect(info->connect_fd, &nothing, sizeof(nothing)) != 0)
        abort();
}

static inline enum MHD_Result answer(void *context, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *upload,
    size_t *upload_bytes, void **seen)
{
    static int body_follows;
    (void)url, (void)version, (void)upload;
    if (!*seen) { /* The first call of a request: its body, if any, is yet to come. */
        *seen = &body_follows;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    struct step step = next_step(context, method);
    if (step.status == 0)
        reset(connection);
    if (step.status <= 1)
        return MHD_NO;
    const char *body = step.body ? step.body : "";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), (void *)body, MHD_RESPMEM_PERSISTENT);
    if (step.name)
        MHD_add_response_header(response, step.name, step.value);
    enum MHD_Result result = MHD_queue_response(connection, step.status, response);
    MHD_destroy_response(response);
    return result;
}

static inline struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline size_t keep_body(char *data, size_t size, size_t count, void *context)
{
    struct fixture *fixture = context;
    size_t bytes = size * count;
    if (fixture->body_bytes + bytes >= sizeof(fixture->body))
        return 0;
    memcpy(fixture->body + fixture->body_bytes, data, bytes);
    fixture->body_bytes += bytes;
    fixture->body[fixture->body_bytes] = '\0';
    return bytes;
}

static inline void rewind_body(void *context)
{
    struct fixture *fixture = context;
    fixture->body_bytes = 0;
    fixture->body[0] = '\0';
    fixture->rewinds++;
}

static inline CURL *new_easy(struct fixture *fixture)
{
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    curl_easy_setopt(easy, CURLOPT_URL, fixture->url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fixture);
    return easy;
}

static inline void start_server(struct fixture *fixture)
{
    struct sockaddr_in address = loopback();
    fixture->daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
        NULL, answer, &fixture->script, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    assert_non_null(fixture->daemon);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(fixture->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u/", info->port);
}

/* Three tries, a tenth of a second apart and then two; a breaker that trips after eight failures.
 */
static inline void make_guard(struct fixture *fixture, const struct hf_retry_options *retry)
{
    const struct hf_breaker_options breaker = {.consecutive_failures = 8, .seed = 1};
    hf_manual_clock_init(&fixture->clock, START_NS);
    assert_int_equal(hf_breaker_new(&fixture->breaker, &breaker, NULL), HF_OK);
    const struct hf_guard_options options = {
        .breaker = fixture->breaker,
        .retry = retry,
        .clock = hf_manual_clock(&fixture->clock),
    };
    assert_int_equal(hf_guard_new(&fixture->guard, &options, NULL), HF_OK);
}

static const struct hf_retry_options three_tries = {
    .attempts_max = 3, .delay = {.jitter = HF_JITTER_NONE}};

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    *state = fixture;
    if (!fixture || pthread_mutex_init(&fixture->script.lock, NULL) != 0)
        return -1;
    start_server(fixture);
    make_guard(fixture, &three_tries);
    fixture->easy = new_easy(fixture);
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    curl_easy_cleanup(fixture->easy);
    MHD_stop_daemon(fixture->daemon);
    hf_guard_free(fixture->guard);
    hf_breaker_free(fixture->breaker);
    pthread_mutex_destroy(&fixture->script.lock);
    free(fixture);
    return 0;
}

static inline enum hf_status perform(
    struct fixture *fixture, const struct hf_guard_request *request, struct hf_guard_report *report)
{
    const struct hf_curl_options options = {.rewind = rewind_body, .context = fixture};
    return hf_curl_perform(fixture->guard, request, fixture->easy, &options, report);
}

static inline void play(struct fixture *fixture, const struct step *steps, size_t count)
{
    fixture->script.steps = steps;
    fixture->script.count = count;
}

static inline void assert_outcome(
    struct hf_outcome outcome, enum hf_outcome_kind kind, int32_t code, uint64_t retry_after_ns)
{
    assert_int_equal(outcome.kind, kind);
    assert_int_equal(outcome.code, code);
    assert_int_equal(outcome.retry_after_ns, retry_after_ns);
}

/* A socket on a port of its own; listening, it takes connections that nobody answers. */
static inline int silent_socket(struct fixture *fixture, bool listening)
{
    struct sockaddr_in address = loopback();
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listening ? listen(fd, 8) : 0, 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    curl_easy_setopt(fixture->easy, CURLOPT_URL, fixture->url);
    return fd;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
