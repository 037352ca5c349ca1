/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/answer.h"
#include "cli/exchange.h"
#include "cli/request.h"
#include "cli/transfer.h"
#include "cli/worker.h"

static const struct hf_allocator *allocator_of(const struct worker *worker)
{
    return memory_allocator(&worker->gateway->memory, MEMORY_EXCHANGES);
}

struct exchange *exchange_new(struct worker *worker, const char *target)
{
    const struct hf_allocator *allocator = allocator_of(worker);
    struct exchange *exchange = hf_allocate(allocator, sizeof *exchange, _Alignof(struct exchange));
    if (!exchange)
        return NULL;
    exchange->worker = worker;
    exchange->target_bytes = strlen(target) + 1;
    exchange->target = hf_allocate(allocator, exchange->target_bytes, 1);
    if (!exchange->target) {
        hf_release(allocator, exchange, sizeof *exchange, _Alignof(struct exchange));
        return NULL;
    }
    memcpy(exchange->target, target, exchange->target_bytes);
    exchange->body.allocator = allocator;
    exchange->body.budget = &worker->gateway->content;
    exchange->body.bytes_max = (size_t)worker->gateway->options.body_bytes_max;
    exchange->answer.allocator = allocator;
    exchange->answer.budget = &worker->gateway->content;
    exchange->answer.bytes_max = (size_t)worker->gateway->options.answer_bytes_max;
    exchange->answer_fields.text.allocator = allocator;
    exchange->answer_fields.text.bytes_max = FIELDS_BYTES_MAX;
    worker_add(worker, exchange);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    const struct hf_allocator *allocator = allocator_of(worker);
    exchange_abandon(exchange);
    worker_remove(worker, exchange);
    if (exchange->stage == EXCHANGE_RECEIVING || exchange->stage == EXCHANGE_DONE)
        hf_mhd_cancel(worker->gateway->endpoint, &exchange->inbound);
    curl_slist_free_all(exchange->request_fields);
    buffer_free(&exchange->body);
    buffer_free(&exchange->answer);
    buffer_free(&exchange->answer_fields.text);
    hf_release(allocator, exchange->target, exchange->target_bytes, 1);
    hf_release(allocator, exchange, sizeof *exchange, _Alignof(struct exchange));
}

static enum MHD_Result answered(struct exchange *exchange, enum MHD_Result result)
{
    exchange->stage = EXCHANGE_ANSWERED;
    return result;
}

static enum MHD_Result admit(struct exchange *exchange)
{
    enum MHD_Result result;
    struct hf_mhd *endpoint = exchange->worker->gateway->endpoint;
    if (hf_mhd_enter(endpoint, exchange->connection, &exchange->inbound, &result) != HF_OK)
        return answered(exchange, result);
    exchange->stage = EXCHANGE_RECEIVING;
    return MHD_YES;
}

static enum MHD_Result receive(struct exchange *exchange, const char *data, size_t *size_bytes)
{
    size_t size = *size_bytes;
    *size_bytes = 0;
    if (!exchange->oversized) {
        exchange->oversized = !buffer_append(&exchange->body, data, size);
        if (!exchange->oversized)
            return MHD_YES;
        buffer_free(&exchange->body);
        exchange->body.bytes_max = REQUEST_GRACE_BYTES;
    }
    if (size > exchange->body.bytes_max)
        return MHD_NO;
    exchange->body.bytes_max -= size;
    return MHD_YES;
}

/* Lets libmicrohttpd ask again for this connection, and then gives the answer. */
static void finish(struct exchange *exchange)
{
    exchange->stage = EXCHANGE_DONE;
    buffer_free(&exchange->body);
    if (!exchange->suspended)
        return;
    exchange->suspended = false;
    exchange->worker->resumed = true;
    MHD_resume_connection(exchange->connection);
}

void exchange_abandon(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    if (exchange->stage != EXCHANGE_TRYING && exchange->stage != EXCHANGE_WAITING)
        return;
    if (exchange->stage == EXCHANGE_WAITING)
        worker_unwait(worker, exchange);
    transfer_stop(exchange);
    exchange->answer_status = 0;
    hf_guard_cancel(&exchange->outbound, worker_now_ns(worker));
    finish(exchange);
}

/* Does what the outbound guard said. */
static void proceed(struct exchange *exchange, enum hf_status status, uint64_t delay_ns)
{
    struct worker *worker = exchange->worker;
    if (status == HF_OK) {
        exchange->stage = EXCHANGE_TRYING;
        if (transfer_start(exchange))
            return;
        hf_guard_cancel(&exchange->outbound, worker_now_ns(worker));
    } else if (status == HF_AGAIN) {
        exchange->stage = EXCHANGE_WAITING;
        worker_wait(worker, exchange, worker_now_ns(worker) + delay_ns);
        return;
    }
    finish(exchange);
}

static enum MHD_Result forward(struct exchange *exchange)
{
    struct gateway *gateway = exchange->worker->gateway;
    const struct hf_guard_request request = {
        .key = hf_bytes(exchange->inbound.key.bytes, exchange->inbound.key.size),
        .timeout_ns = gateway->options.timeout_ns,
        .retry_never = !exchange->repeatable,
    };
    uint64_t delay_ns = 0;
    enum hf_status status = hf_guard_begin(&exchange->outbound, gateway->outbound, &request,
        worker_now_ns(exchange->worker), &delay_ns);
    proceed(exchange, status, delay_ns);
    if (exchange->stage == EXCHANGE_DONE)
        return answered(exchange, answer_queue(exchange, exchange->outbound.report.status));
    exchange->suspended = true;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

/*
 * A request with content is judged before that arrives, and its connection is closed if it is
 * refused; libmicrohttpd keeps a connection only if the answer comes after the whole request, so
 * one without content is judged at the second call.
 */
static enum MHD_Result begin(struct exchange *exchange)
{
    const struct hf_http_message request = hf_mhd_message(exchange->connection);
    if (request_brings_content(&request))
        return admit(exchange);
    exchange->stage = EXCHANGE_COMPLETE;
    return MHD_YES;
}

static enum MHD_Result admit_and_forward(struct exchange *exchange)
{
    enum MHD_Result result = admit(exchange);
    return exchange->stage == EXCHANGE_RECEIVING ? forward(exchange) : result;
}

enum MHD_Result exchange_begin(struct exchange *exchange, struct MHD_Connection *connection,
    const char *method, const char *version)
{
    exchange->path = request_path(method, exchange->target);
    const struct request_line line = {method, exchange->target, exchange->path, version};
    const struct request_fault fault =
        request_fault(&line, connection, exchange->worker->gateway->options.body_bytes_max);
    exchange->connection = connection;
    exchange->method = method;
    exchange->repeatable = exchange->worker->gateway->options.retry_all ||
                           hf_http_method_idempotent(hf_bytes(method, strlen(method)));
    if (fault.status)
        return answered(exchange, answer_queue_fault(exchange, fault.status, fault.text));
    return begin(exchange);
}

enum MHD_Result exchange_continue(struct exchange *exchange, const char *data, size_t *size_bytes)
{
    switch (exchange->stage) {
    case EXCHANGE_COMPLETE:
        return admit_and_forward(exchange);
    case EXCHANGE_RECEIVING:
        if (*size_bytes > 0)
            return receive(exchange, data, size_bytes);
        if (exchange->oversized)
            return answered(exchange, answer_queue_oversized(exchange));
        return forward(exchange);
    case EXCHANGE_DONE:
        return answered(exchange, answer_queue(exchange, exchange->outbound.report.status));
    case EXCHANGE_NEW:
    case EXCHANGE_TRYING:
    case EXCHANGE_WAITING:
    case EXCHANGE_ANSWERED:
        break;
    }
    return MHD_YES;
}

void exchange_tried(struct exchange *exchange, CURLcode code)
{
    uint64_t delay_ns = 0;
    /* The transfer was ended from here, but it is the upstream that is to blame. */
    if (exchange->switching)
        code = CURLE_WEIRD_SERVER_REPLY;
    struct hf_outcome outcome = hf_curl_outcome(exchange->easy, code);
    if (code == CURLE_OK)
        curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->answer_status);
    transfer_stop(exchange);
    enum hf_status status =
        hf_guard_done(&exchange->outbound, outcome, worker_now_ns(exchange->worker), &delay_ns);
    if (status == HF_AGAIN)
        proceed(exchange, status, delay_ns);
    else
        finish(exchange);
}

void exchange_waited(struct exchange *exchange)
{
    uint64_t delay_ns = 0;
    enum hf_status status =
        hf_guard_again(&exchange->outbound, worker_now_ns(exchange->worker), &delay_ns);
    proceed(exchange, status, delay_ns);
}
