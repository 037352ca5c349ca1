/* SPDX-License-Identifier: MIT */
#include <holdfast/http.h>

#include "http/text.h"

static enum hf_outcome_kind kind_of_status(unsigned status)
{
    switch (status) {
    case 408: /* Request Timeout */
    case 425: /* Too Early */
    case 429: /* Too Many Requests */
    case 500: /* Internal Server Error */
    case 502: /* Bad Gateway */
    case 503: /* Service Unavailable */
    case 504: /* Gateway Timeout */
        return HF_TRANSIENT;
    default:
        break;
    }
    if (status >= 100 && status < 400)
        return HF_SUCCESS;
    return status >= 400 && status < 500 ? HF_IGNORED : HF_PERMANENT;
}

/* Retry-After, where it can be read, has the last word even if it says 0 (the draft, 7). */
static uint64_t wait_asked_ns(const struct hf_http_message *response, uint64_t wall_now_ns)
{
    struct hf_bytes value;
    uint64_t retry_after_ns;
    struct hf_http_told told;
    if (response->field(response->context, "Retry-After", 0, &value) &&
        hf_http_retry_after_parse(value, wall_now_ns, &retry_after_ns) == HF_OK)
        return retry_after_ns;
    if (hf_http_told(response, wall_now_ns, &told) == HF_OK && told.remaining == 0)
        return told.reset_after_ns;
    return 0;
}

struct hf_outcome hf_http_outcome(
    unsigned status, const struct hf_http_message *response, uint64_t wall_now_ns)
{
    int32_t code = status <= INT32_MAX ? (int32_t)status : INT32_MAX;
    struct hf_outcome outcome = hf_outcome(kind_of_status(status), code, 0);
    if (outcome.kind == HF_TRANSIENT && response && response->field)
        outcome.retry_after_ns = wait_asked_ns(response, wall_now_ns);
    return outcome;
}

bool hf_http_method_idempotent(struct hf_bytes method)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    for (size_t index = 0; index < sizeof(methods) / sizeof(methods[0]); index++) {
        if (hf_text_equals(method, methods[index]))
            return true;
    }
    return false;
}
