/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_MHD_H
#define HOLDFAST_MHD_H

#include <microhttpd.h>

#include <holdfast/guard.h>
#include <holdfast/http.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A guard for the endpoints of a libmicrohttpd server. Library libholdfast-mhd. In the access
 * handler, once a request:
 *
 *     if (hf_mhd_enter(endpoint, connection, &run, &result) != HF_OK)
 *         return result;                  // refused, the answer is queued
 *     response = ...
 *     result = hf_mhd_leave(endpoint, connection, &run, 200, response);
 *
 * libmicrohttpd calls the handler first when a request's fields are known, then for its body, then
 * once more. An answer queued at the first call saves reading the body, but closes the connection
 * afterwards; one queued at the last leaves it open. So enter at the first call if there is a body
 * to be spared, else at the last.
 */
struct hf_mhd;

struct hf_mhd_options {
    struct hf_guard *guard;               /* Borrowed. Required. */
    struct hf_http_key_options key;       /* Whose quota. What it points to is copied. */
    struct hf_http_answer_options answer; /* How refusals are told. Copied. */
    struct hf_clock clock;                /* Zero: monotonic; the guard's own kind. */
    const struct hf_allocator *allocator; /* NULL: libc. */
};

/* Makes an endpoint's guard. HF_INVALID (error names the field), HF_NO_MEMORY. */
HF_MUST_USE HF_API enum hf_status hf_mhd_new(
    struct hf_mhd **endpoint, const struct hf_mhd_options *options, struct hf_error *error);

/* Frees it; no request may be under way. NULL: nothing. All else here is thread-safe, for different
 * connections. */
HF_API void hf_mhd_free(struct hf_mhd *endpoint);

/* One request's passage. Caller-allocated (per request), not to be moved, fields private. */
struct hf_mhd_run {
    struct hf_guard_run guard_run;
    struct hf_http_key key;
};

/*
 * Asks the guard, with cost 1 and for one try. HF_OK: answer the request, then hf_mhd_leave or
 * hf_mhd_cancel. Otherwise it is over: the refusal has been queued (429, 503 ...) and *result is
 * what the access handler must return. HF_INVALID for NULL, with *result MHD_NO.
 */
HF_MUST_USE HF_API enum hf_status hf_mhd_enter(struct hf_mhd *endpoint,
    struct MHD_Connection *connection, struct hf_mhd_run *run, enum MHD_Result *result);

/*
 * Adds the RateLimit fields to response, queues it with the status, and tells the guard the outcome
 * as the server sees it: 5xx count against the breaker, everything else is success. response must
 * be this request's own, since fields are added to it; it is not destroyed. Returns what the access
 * handler must return: MHD_NO, the connection is closed, for NULL too.
 */
HF_API enum MHD_Result hf_mhd_leave(struct hf_mhd *endpoint, struct MHD_Connection *connection,
    struct hf_mhd_run *run, unsigned status, struct MHD_Response *response);

/* The request ended without an answer (the client went away): counts for nothing. */
HF_API void hf_mhd_cancel(struct hf_mhd *endpoint, struct hf_mhd_run *run);

/* The address of a connection's other end; version 0 if it has none (a Unix socket; NULL). */
HF_API struct hf_ip hf_mhd_peer(struct MHD_Connection *connection);

/* A message that reads connection's request fields, borrowed until the request is over. To find one
 * costs a look at all of them. connection NULL: no fields. */
HF_API struct hf_http_message hf_mhd_message(struct MHD_Connection *connection);

/* Queues a worked-out answer as a response. Returns what the access handler must return; MHD_NO for
 * NULL and for an answer whose status is 0. */
HF_API enum MHD_Result hf_mhd_answer(
    struct MHD_Connection *connection, const struct hf_http_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
