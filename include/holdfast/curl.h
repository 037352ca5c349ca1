/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_CURL_H
#define HOLDFAST_CURL_H

#include <curl/curl.h>

#include <holdfast/guard.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * libcurl transfers under a guard. Library libholdfast-curl; needs libcurl 7.84, whose handles keep
 * a response's fields.
 *
 *     CURL *easy = curl_easy_init();
 *     curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:9000/");
 *     status = hf_curl_perform(guard, &request, easy, NULL, &report);
 */

/*
 * What a finished transfer means. With CURLE_OK the HTTP status decides, by hf_http_outcome, with
 * Retry-After and RateLimit fields of the last response; so it does with CURLE_HTTP_RETURNED_ERROR
 * (CURLOPT_FAILONERROR). For other protocols CURLE_OK is success. A curl code that time or the
 * network can mend is transient, and so is an answer that is not HTTP, for which libcurl says
 * CURLE_UNSUPPORTED_PROTOCOL; one that says nothing about the other side is ignored: the
 * request is wrong (URL, protocol, option, own certificate), or a callback ended it
 * (CURLE_ABORTED_BY_CALLBACK, CURLE_WRITE_ERROR, CURLE_READ_ERROR), or access is denied; the rest,
 * such as a certificate that cannot be trusted, is permanent.
 * easy: the transfer's handle, not yet reused. The outcome's code is the HTTP status, or minus the
 * curl code. easy NULL: as CURLE_BAD_FUNCTION_ARGUMENT.
 */
HF_API struct hf_outcome hf_curl_outcome(CURL *easy, CURLcode code);

/*
 * Called before each try but the first, so that the caller can take back what the failed one left
 * behind (rewind the body it reads, empty the buffer it fills).
 */
typedef void hf_curl_rewind_fn(void *context);

struct hf_curl_options {
    hf_curl_rewind_fn *rewind; /* NULL: nothing to take back. */
    void *context;
};

/*
 * Performs the transfer that easy is set up for, under the guard. A try's time limit, where it has
 * one, is set as CURLOPT_TIMEOUT_MS, rounded up to whole milliseconds and put back to 0 afterwards;
 * where it has none, the handle's own stays. request, report as hf_guard_call; options NULL: none.
 * Set request->retry_never if the method is not idempotent (hf_http_method_idempotent); libcurl by
 * itself still sends a request again, within a try, where a kept connection turns out to be dead:
 * CURLOPT_FRESH_CONNECT rules that out. A failed try's response body goes to the write callback
 * like any other, so give a rewind. Returns as hf_guard_call; HF_INVALID also for easy NULL.
 * Blocks; one thread at a time per handle; a program with threads should set CURLOPT_NOSIGNAL.
 */
HF_MUST_USE HF_API enum hf_status hf_curl_perform(struct hf_guard *guard,
    const struct hf_guard_request *request, CURL *easy, const struct hf_curl_options *options,
    struct hf_guard_report *report);

#ifdef __cplusplus
}
#endif

#endif
