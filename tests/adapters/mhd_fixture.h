/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_ADAPTERS_MHD_FIXTURE_H
#define HF_TESTS_ADAPTERS_MHD_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <holdfast/curl.h>
#include <holdfast/mhd.h>

/*
 * A real libmicrohttpd server with a guarded endpoint, asked by the real libcurl over loopback. The
 * guard's clock moves only when told to.
 */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define START_NS HF_SECONDS(1000)
#define BURST 3
/* So that ten thousand addresses get past the server's own limit. */
#define REQUEST_BYTES_MAX (512 * 1024)

struct fixture {
    struct hf_manual_clock clock;
    struct hf_limiter *limiter;
    struct hf_breaker *breaker;
    struct hf_guard *guard;
    struct hf_mhd *endpoint;
    struct MHD_Daemon *daemon;
    char url[64];
    const char *unix_path; /* NULL: TCP. */
    unsigned status;       /* What the endpoint answers; 0: it cancels and closes. */
    bool at_first_call;    /* Enter before a request's body has been read. */
    struct hf_ip peer;     /* Of the last request. */
};

/* One request in the server, from its first call to its end. */
struct request {
    struct hf_mhd_run run;
    bool entered;
};

static inline enum MHD_Result reply(
    struct fixture *fixture, struct MHD_Connection *connection, struct hf_mhd_run *run)
{
    if (fixture->status == 0) {
        hf_mhd_cancel(fixture->endpoint, run);
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(5, (void *)"hello", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result =
        hf_mhd_leave(fixture->endpoint, connection, run, fixture->status, response);
    MHD_destroy_response(response);
    return result;
}

static inline enum MHD_Result handle(void *context, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *upload,
    size_t *upload_bytes, void **seen)
{
    struct fixture *fixture = context;
    struct request *request = *seen;
    enum MHD_Result result = MHD_YES;
    bool first = !request;
    (void)url, (void)method, (void)version, (void)upload;
    if (first) {
        request = calloc(1, sizeof(*request));
        if (!request)
            return MHD_NO;
        *seen = request;
        fixture->peer = hf_mhd_peer(connection);
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (!request->entered && first == fixture->at_first_call) {
        if (hf_mhd_enter(fixture->endpoint, connection, &request->run, &result) != HF_OK)
            return result;
        request->entered = true;
    }
    return first ? MHD_YES : reply(fixture, connection, &request->run);
}

static inline void forget(void *context, struct MHD_Connection *connection, void **seen,
    enum MHD_RequestTerminationCode why)
{
    (void)context, (void)connection, (void)why;
    free(*seen);
    *seen = NULL;
}

static inline void start_server(struct fixture *fixture, unsigned flags, struct sockaddr *address)
{
    fixture->daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | flags, 0,
        NULL, NULL, handle, fixture, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX, MHD_OPTION_THREAD_POOL_SIZE,
        2u, MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_END);
    if (!fixture->daemon)
        return;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(fixture->daemon, MHD_DAEMON_INFO_BIND_PORT);
    const char *host = flags == MHD_USE_IPv6 ? "[::1]" : "127.0.0.1";
    snprintf(fixture->url, sizeof(fixture->url), "http://%s:%u/", host, info->port);
}

static inline struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Bursts of BURST for each key, one every ten seconds. */
static inline struct hf_quota quota(void)
{
    return hf_quota_with_burst(hf_quota_per(1, HF_SECONDS(10)), BURST);
}

static inline void make_guard(struct fixture *fixture, struct hf_quota each)
{
    hf_manual_clock_init(&fixture->clock, START_NS);
    const struct hf_limiter_options limiter = {
        .quota = each, .keys_max = 1024, .clock = hf_manual_clock(&fixture->clock)};
    const struct hf_breaker_options breaker = {.consecutive_failures = 2,
        .open = {.base_ns = HF_SECONDS(5), .jitter = HF_JITTER_NONE},
        .seed = 1};
    assert_int_equal(hf_limiter_new(&fixture->limiter, &limiter, NULL), HF_OK);
    assert_int_equal(hf_breaker_new(&fixture->breaker, &breaker, NULL), HF_OK);
    const struct hf_guard_options options = {.limiter = fixture->limiter,
        .breaker = fixture->breaker,
        .clock = hf_manual_clock(&fixture->clock)};
    assert_int_equal(hf_guard_new(&fixture->guard, &options, NULL), HF_OK);
}

static inline void free_guard(struct fixture *fixture)
{
    hf_guard_free(fixture->guard);
    hf_breaker_free(fixture->breaker);
    hf_limiter_free(fixture->limiter);
}

/* The options point into this function's frame, which shows that they are copied. */
static inline void make_endpoint(struct fixture *fixture, enum hf_http_key_kind kind)
{
    char header[] = "X-Api-Key";
    char policy[] = "each";
    struct hf_cidr trusted[2];
    assert_int_equal(hf_cidr_parse("127.0.0.0/8", &trusted[0], NULL), HF_OK);
    assert_int_equal(hf_cidr_parse("10.0.0.0/8", &trusted[1], NULL), HF_OK);
    struct hf_mhd_options options = {
        .guard = fixture->guard,
        .key = {.kind = kind, .trusted = trusted, .trusted_count = LENGTH(trusted)},
        .answer = {.policy = policy, .quota = quota()},
        .clock = hf_manual_clock(&fixture->clock),
    };
    if (kind == HF_HTTP_KEY_HEADER)
        options.key.header = header;
    hf_mhd_free(fixture->endpoint);
    assert_int_equal(hf_mhd_new(&fixture->endpoint, &options, NULL), HF_OK);
    memset(trusted, 0, sizeof(trusted));
    memset(header, '?', sizeof(header) - 1);
    memset(policy, '?', sizeof(policy) - 1);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct sockaddr_in address = loopback();
    *state = fixture;
    if (!fixture)
        return -1;
    fixture->status = 200;
    fixture->at_first_call = true;
    make_guard(fixture, quota());
    make_endpoint(fixture, HF_HTTP_KEY_PEER);
    start_server(fixture, 0, (struct sockaddr *)&address);
    return fixture->daemon ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->daemon)
        MHD_stop_daemon(fixture->daemon);
    hf_mhd_free(fixture->endpoint);
    free_guard(fixture);
    free(fixture);
    return 0;
}

/* What came back. */
struct reply {
    CURLcode code;
    long status;
    char retry_after[64];
    char limit[128];
    char policy[128];
    char type[64];
    char body[600];
    size_t body_bytes;
};

static inline size_t keep_body(char *data, size_t size, size_t count, void *context)
{
    struct reply *reply = context;
    if (reply->body_bytes + size * count >= sizeof(reply->body))
        return 0;
    memcpy(reply->body + reply->body_bytes, data, size * count);
    reply->body_bytes += size * count;
    return size * count;
}

static inline void keep_field(CURL *easy, const char *name, char *text, size_t size)
{
    struct curl_header *header;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        snprintf(text, size, "%s", header->value);
}

static inline CURL *new_easy(const struct fixture *fixture, struct reply *reply)
{
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    curl_easy_setopt(easy, CURLOPT_URL, fixture->url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
    if (fixture->unix_path)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, fixture->unix_path);
    return easy;
}

/* Asks once on a connection of its own. method, fields, body: NULL for none. */
static inline struct reply ask_with(
    const struct fixture *fixture, const char *method, struct curl_slist *fields, const char *body)
{
    struct reply reply = {.code = CURLE_OK};
    CURL *easy = new_easy(fixture, &reply);
    if (body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    if (method && strcmp(method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
    reply.code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
    keep_field(easy, "Retry-After", reply.retry_after, sizeof(reply.retry_after));
    keep_field(easy, "RateLimit", reply.limit, sizeof(reply.limit));
    keep_field(easy, "RateLimit-Policy", reply.policy, sizeof(reply.policy));
    keep_field(easy, "Content-Type", reply.type, sizeof(reply.type));
    curl_easy_cleanup(easy);
    curl_slist_free_all(fields);
    return reply;
}

static inline struct reply ask(const struct fixture *fixture)
{
    return ask_with(fixture, NULL, NULL, NULL);
}

static inline struct reply ask_as(const struct fixture *fixture, const char *field)
{
    return ask_with(fixture, NULL, curl_slist_append(NULL, field), NULL);
}

/* Uses up a field's quota and one more. */
static inline void assert_quota(const struct fixture *fixture, const char *field)
{
    for (unsigned request = 0; request < BURST; request++)
        assert_int_equal(ask_as(fixture, field).status, 200);
    assert_int_equal(ask_as(fixture, field).status, 429);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
