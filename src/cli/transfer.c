/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/hop_by_hop.h"
#include "cli/request.h"
#include "cli/transfer.h"
#include "cli/worker.h"

/* All of a request's X-Forwarded-For fields fit into one line, with the client's address. */
#define FIELD_LINE_BYTES_MAX (REQUEST_FIELDS_BYTES_MAX + 256)
#define URL_BYTES_MAX (GATEWAY_UPSTREAM_BYTES_MAX + REQUEST_FIELDS_BYTES_MAX + 1)
#define CONNECT_TIMEOUT_MS 3000L

/* 101 to a request that did not ask for it: libcurl would read what follows until it times out. */
static bool is_switching(const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    return space && line + size - space > 4 && memcmp(space, " 101", 4) == 0;
}

static size_t on_answer_line(char *line, size_t unit, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t size = unit * count;
    /* A new status line begins: what came before was an interim answer. */
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        fields_clear(&exchange->answer_fields);
        exchange->switching = is_switching(line, size);
        return exchange->switching ? 0 : size;
    }
    return fields_add_line(&exchange->answer_fields, line, size) ? size : 0;
}

static size_t on_answer_body(char *data, size_t unit, size_t count, void *context)
{
    struct exchange *exchange = context;
    return buffer_append(&exchange->answer, data, unit * count) ? unit * count : 0;
}

void transfer_prepare(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_answer_line);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer_body);
}

/* Field lines on their way to libcurl. */
struct line_list {
    struct curl_slist *lines;
    struct hf_http_message request;
    bool counts_hops;
    bool failed;
};

static void add_line(struct line_list *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list->lines, line);
    if (longer)
        list->lines = longer;
    else
        list->failed = true;
}

static void add_field(struct line_list *list, const char *name, const char *value)
{
    char line[FIELD_LINE_BYTES_MAX];
    /* libcurl sends a field without a value only when a semicolon stands for the colon. */
    int size = *value ? snprintf(line, sizeof line, "%s: %s", name, value)
                      : snprintf(line, sizeof line, "%s;", name);
    if (size < 0 || (size_t)size >= sizeof line)
        list->failed = true;
    else
        add_line(list, line);
}

/* Fields that the proxy writes itself. */
static bool is_own_field(const char *name)
{
    static const char *const own[] = {"Host", "Content-Length", "Expect", "X-Forwarded-For", "Via"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcasecmp(own[i], name) == 0)
            return true;
    return false;
}

/* One hop less; there is at least one left. */
static void add_hops(struct line_list *list, const char *name, const char *value)
{
    char text[24];
    uint64_t hops = 1;
    if (!request_hops(value, &hops))
        list->failed = true;
    snprintf(text, sizeof text, "%" PRIu64, hops - 1);
    add_field(list, name, text);
}

static enum MHD_Result copy_field(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct line_list *list = context;
    if (list->counts_hops && strcasecmp(name, "Max-Forwards") == 0)
        add_hops(list, name, value);
    else if (!is_own_field(name) && !hop_by_hop(&list->request, name))
        add_field(list, name, value ? value : "");
    return list->failed ? MHD_NO : MHD_YES;
}

static void write_peer(const struct hf_ip *ip, char text[static INET6_ADDRSTRLEN])
{
    if (ip->version == 4)
        inet_ntop(AF_INET, ip->bytes, text, INET6_ADDRSTRLEN);
    else if (ip->version == 6)
        inet_ntop(AF_INET6, ip->bytes, text, INET6_ADDRSTRLEN);
    else
        snprintf(text, INET6_ADDRSTRLEN, "unknown");
}

/* Appends the client to what X-Forwarded-For said already, as the next proxy expects. */
static void add_forwarded(struct line_list *list)
{
    char line[FIELD_LINE_BYTES_MAX];
    char peer[INET6_ADDRSTRLEN];
    size_t used = 0;
    struct hf_bytes value;
    write_peer(&list->request.peer, peer);
    line[0] = '\0';
    for (size_t i = 0; list->request.field(list->request.context, "X-Forwarded-For", i, &value);
         i++) {
        /* To leave one out would let an earlier one, which anybody may have made up, stand for it.
         */
        if (value.size + used + sizeof peer + 2 >= sizeof line) {
            list->failed = true;
            return;
        }
        used += (size_t)snprintf(
            line + used, sizeof line - used, "%.*s, ", (int)value.size, (const char *)value.data);
    }
    snprintf(line + used, sizeof line - used, "%s", peer);
    add_field(list, "X-Forwarded-For", line);
}

/* libcurl adds these on its own accord unless told not to. */
static void suppress_defaults(struct line_list *list)
{
    struct hf_bytes value;
    add_line(list, "Expect:");
    if (!list->request.field(list->request.context, "Accept", 0, &value))
        add_line(list, "Accept:");
    if (!list->request.field(list->request.context, "Content-Type", 0, &value))
        add_line(list, "Content-Type:");
}

static bool make_request_fields(struct exchange *exchange)
{
    if (exchange->request_fields)
        return true;
    struct line_list list = {
        .request = hf_mhd_message(exchange->connection),
        .counts_hops = request_counts_hops(exchange->method),
    };
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, copy_field, &list);
    add_forwarded(&list);
    add_line(&list, "Via: 1.1 holdfast");
    suppress_defaults(&list);
    exchange->request_fields = list.lines;
    return !list.failed;
}

static bool has_content(const struct exchange *exchange)
{
    return exchange->body.size_bytes > 0 || strcmp(exchange->method, "POST") == 0 ||
           strcmp(exchange->method, "PUT") == 0 || strcmp(exchange->method, "PATCH") == 0;
}

static void set_method(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(exchange->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_content(exchange)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size_bytes);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body.data ? exchange->body.data : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
}

/* libcurl sends a request again by itself when a kept connection turns out to be dead: fit for an
 * idempotent one only, so any other gets a connection that nobody has used. */
static void set_reuse(struct exchange *exchange)
{
    curl_easy_setopt(exchange->easy, CURLOPT_FRESH_CONNECT, exchange->repeatable ? 0L : 1L);
}

/* "*" is no path that follows the upstream's: it asks about the whole server. */
static bool set_target(struct exchange *exchange)
{
    char url[URL_BYTES_MAX];
    bool whole = strcmp(exchange->path, "*") == 0;
    int size = snprintf(url, sizeof url, "%s%s", exchange->worker->gateway->options.upstream,
        whole ? "" : exchange->path);
    return size > 0 && (size_t)size < sizeof url &&
           curl_easy_setopt(exchange->easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(exchange->easy, CURLOPT_REQUEST_TARGET, whole ? "*" : NULL) == CURLE_OK;
}

/* Rounds up, so that a try of less than a millisecond is not one without limit (0). */
static void set_timeout(struct exchange *exchange)
{
    uint64_t timeout_ns = exchange->outbound.attempt.timeout_ns;
    long timeout_ms = 0;
    if (timeout_ns != UINT64_MAX)
        timeout_ms = (long)((timeout_ns + HF_MS(1) - 1) / HF_MS(1));
    curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
}

static bool set_up(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    if (!make_request_fields(exchange) || !set_target(exchange))
        return false;
    set_method(exchange);
    set_reuse(exchange);
    set_timeout(exchange);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->request_fields);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    return curl_multi_add_handle(exchange->worker->multi, easy) == CURLM_OK;
}

bool transfer_start(struct exchange *exchange)
{
    buffer_clear(&exchange->answer);
    exchange->answer.starved = false;
    fields_clear(&exchange->answer_fields);
    exchange->answer_status = 0;
    exchange->switching = false;
    exchange->easy = worker_take_handle(exchange->worker);
    if (!exchange->easy)
        return false;
    if (set_up(exchange))
        return true;
    worker_give_handle(exchange->worker, exchange->easy);
    exchange->easy = NULL;
    return false;
}

void transfer_stop(struct exchange *exchange)
{
    if (!exchange->easy)
        return;
    curl_multi_remove_handle(exchange->worker->multi, exchange->easy);
    worker_give_handle(exchange->worker, exchange->easy);
    exchange->easy = NULL;
}
