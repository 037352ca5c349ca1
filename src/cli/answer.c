/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/atomic.h"
#include "cli/answer.h"
#include "cli/hop_by_hop.h"
#include "cli/worker.h"

static enum MHD_Result leave(
    struct exchange *exchange, unsigned status, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    if (hf_load_relaxed(&exchange->worker->gateway->stop_by_ns))
        MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result = hf_mhd_leave(exchange->worker->gateway->endpoint, exchange->connection,
        &exchange->inbound, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *copy_response(const char *data, size_t size_bytes)
{
    return MHD_create_response_from_buffer(
        size_bytes, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *plain_response(const char *text)
{
    struct MHD_Response *response = copy_response(text, strlen(text));
    if (response)
        MHD_add_response_header(response, "Content-Type", "text/plain");
    return response;
}

static enum MHD_Result queue_plain(struct exchange *exchange, unsigned status, const char *text)
{
    return leave(exchange, status, plain_response(text));
}

/* Others hold the memory that this one needs: it may have it as soon as they are done. */
static enum MHD_Result queue_starved(struct exchange *exchange)
{
    struct MHD_Response *response = plain_response("out of memory for content\n");
    if (response)
        MHD_add_response_header(response, "Retry-After", "1");
    return leave(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

enum MHD_Result answer_queue_oversized(struct exchange *exchange)
{
    if (exchange->body.starved)
        return queue_starved(exchange);
    return queue_plain(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "request body too large\n");
}

enum MHD_Result answer_queue_fault(struct exchange *exchange, unsigned status, const char *text)
{
    struct MHD_Response *response = plain_response(text);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Fields of the upstream's answer on their way to the client's. */
struct passing {
    struct MHD_Response *response;
    struct hf_http_message message;
};

static void pass_field(void *context, const char *name, const char *value)
{
    struct passing *passing = context;
    if (strcasecmp(name, "Content-Length") == 0 || hop_by_hop(&passing->message, name))
        return;
    /* A field that libmicrohttpd will not have (control characters) is left out. */
    (void)MHD_add_response_header(passing->response, name, value);
}

/* Never called: libmicrohttpd sends no content in answer to HEAD, nor with a 304. */
static ssize_t no_content(void *context, uint64_t position, char *data, size_t size_bytes)
{
    (void)context, (void)position, (void)data, (void)size_bytes;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Digits only, as many as 64 bits may have; anything else is not known. */
static uint64_t told_length(const struct hf_http_message *message)
{
    struct hf_bytes text;
    uint64_t length = 0;
    if (!message->field(message->context, "Content-Length", 0, &text) || text.size == 0 ||
        text.size > 19)
        return MHD_SIZE_UNKNOWN;
    for (size_t i = 0; i < text.size; i++) {
        char c = ((const char *)text.data)[i];
        if (c < '0' || c > '9')
            return MHD_SIZE_UNKNOWN;
        length = length * 10 + (uint64_t)(c - '0');
    }
    return length;
}

/*
 * An answer to HEAD, and a 304, tell the length that the content would have. Where it is not known
 * a 304 says 0, which caches do not take over (RFC 9111, 3.2); for HEAD they would, so that answer
 * says nothing. libmicrohttpd would end that with the last chunk of a body that must not be there:
 * only an answer after which the connection closes does without.
 */
static struct MHD_Response *bare_response(const struct hf_http_message *message, bool is_head)
{
    uint64_t length = told_length(message);
    if (length == MHD_SIZE_UNKNOWN && !is_head)
        return copy_response("", 0);
    struct MHD_Response *response =
        MHD_create_response_from_callback(length, 1024, no_content, NULL, NULL);
    if (response && length == MHD_SIZE_UNKNOWN)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

static enum MHD_Result queue_upstream_answer(struct exchange *exchange)
{
    struct passing passing = {.message = fields_message(&exchange->answer_fields)};
    bool is_head = strcmp(exchange->method, "HEAD") == 0;
    if (is_head || exchange->answer_status == MHD_HTTP_NOT_MODIFIED)
        passing.response = bare_response(&passing.message, is_head);
    else
        passing.response = MHD_create_response_from_buffer(
            exchange->answer.size_bytes, exchange->answer.data, MHD_RESPMEM_PERSISTENT);
    if (!passing.response)
        return MHD_NO;
    fields_each(&exchange->answer_fields, pass_field, &passing);
    return leave(exchange, (unsigned)exchange->answer_status, passing.response);
}

/* A try that ran out of time says 504, as a deadline does, not 502; what was cut off says 503. */
static enum hf_status answered_status(const struct exchange *exchange, enum hf_status status)
{
    const struct hf_retry_report *retry = &exchange->outbound.report.retry;
    bool failed = status == HF_FAILED || status == HF_EXHAUSTED;
    if (failed && retry->outcome.code == -(int32_t)CURLE_OPERATION_TIMEDOUT)
        return HF_TIMEOUT;
    return status == HF_CANCELLED ? HF_CLOSED : status;
}

static enum MHD_Result queue_own_answer(struct exchange *exchange, enum hf_status status)
{
    const struct hf_http_answer_options options = {.dialect = HF_HTTP_DIALECT_NONE};
    struct hf_http_answer answer;
    if (hf_http_answer(&options, answered_status(exchange, status), NULL,
            exchange->outbound.report.retry_after_ns, &answer) != HF_OK ||
        answer.status == 0)
        return queue_plain(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error\n");
    struct MHD_Response *response = copy_response(answer.body, answer.body_bytes);
    for (size_t i = 0; response && i < answer.fields_count; i++)
        (void)MHD_add_response_header(response, answer.fields[i].name, answer.fields[i].value);
    return leave(exchange, answer.status, response);
}

enum MHD_Result answer_queue(struct exchange *exchange, enum hf_status status)
{
    bool passed_on = status == HF_OK || status == HF_FAILED || status == HF_EXHAUSTED;
    if (passed_on && exchange->answer_status >= MHD_HTTP_OK && exchange->answer_status <= 999)
        return queue_upstream_answer(exchange);
    if (exchange->answer.starved)
        return queue_starved(exchange);
    return queue_own_answer(exchange, status);
}
