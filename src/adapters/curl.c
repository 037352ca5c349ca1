/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include <holdfast/curl.h>
#include <holdfast/http.h>

#if LIBCURL_VERSION_NUM < 0x075400
#error "libholdfast-curl needs libcurl 7.84 or later"
#endif

/* More milliseconds than any try should take, and fewer than a long holds anywhere. */
#define TIMEOUT_MAX_MS INT32_MAX

static enum hf_outcome_kind kind_of_code(CURLcode code)
{
    switch (code) {
    /* The network, or the other side for now. */
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_FTP_ACCEPT_TIMEOUT:
    case CURLE_HTTP2:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_AGAIN:
    case CURLE_NO_CONNECTION_AVAILABLE:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3:
    case CURLE_QUIC_CONNECT_ERROR:
    case CURLE_PROXY:

    /* This machine for now. */
    case CURLE_OUT_OF_MEMORY:
        return HF_TRANSIENT;

    /* What was asked for, and with what. */
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_SETOPT_OPTION_SYNTAX:
    case CURLE_FILE_COULDNT_READ_FILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_RECURSIVE_API_CALL:
    case CURLE_AUTH_ERROR:

    /* A no that is an answer. */
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_LOGIN_DENIED:
    case CURLE_REMOTE_FILE_NOT_FOUND:

    /* The caller's own callbacks. */
    case CURLE_WRITE_ERROR:
    case CURLE_READ_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        return HF_IGNORED;
    default:
        return HF_PERMANENT;
    }
}

/* Fields of the last response: those of redirects before it say nothing about it. */
static bool response_field(void *context, const char *name, size_t index, struct hf_bytes *value)
{
    struct curl_header *header;
    if (curl_easy_header(context, name, index, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return false;
    *value = hf_bytes(header->value, strlen(header->value));
    return true;
}

/* The HTTP status of a transfer; 0 for other protocols, whose numbers mean other things. */
static unsigned http_status(CURL *easy)
{
    const char *scheme = NULL;
    long status = 0;
    if (curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme) != CURLE_OK || !scheme ||
        (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0))
        return 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return (unsigned)status;
}

/* To an answer whose beginning is not HTTP's libcurl says the same as to a scheme it does not know.
 * A request has gone out for the former, and no status has come back; a redirect to the latter has
 * its own. */
static bool is_garbage(CURL *easy, CURLcode code)
{
    long status = 0;
    long request_bytes = 0;
    if (code != CURLE_UNSUPPORTED_PROTOCOL)
        return false;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes > 0 && status == 0;
}

struct hf_outcome hf_curl_outcome(CURL *easy, CURLcode code)
{
    if (!easy)
        code = CURLE_BAD_FUNCTION_ARGUMENT;
    if (is_garbage(easy, code))
        return hf_transient(-(int32_t)code);
    if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR)
        return hf_outcome(kind_of_code(code), -(int32_t)code, 0);
    unsigned status = http_status(easy);
    if (status == 0)
        return code == CURLE_OK ? hf_success() : hf_permanent(-(int32_t)code);
    struct hf_http_message response = {.field = response_field, .context = easy};
    return hf_http_outcome(status, &response, hf_wall_clock_now_ns(NULL));
}

/* One call's tries. */
struct transfer {
    CURL *easy;
    struct hf_curl_options options;
    bool timed; /* CURLOPT_TIMEOUT_MS is ours. */
};

/* Rounded up: to libcurl 0 means no limit. */
static void set_timeout(struct transfer *transfer, uint64_t timeout_ns)
{
    if (timeout_ns == UINT64_MAX)
        return;
    uint64_t timeout_ms = timeout_ns / HF_MS(1) + (timeout_ns % HF_MS(1) > 0);
    if (timeout_ms > TIMEOUT_MAX_MS)
        timeout_ms = TIMEOUT_MAX_MS;
    curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    transfer->timed = true;
}

static struct hf_outcome try_transfer(void *context, const struct hf_attempt *attempt)
{
    struct transfer *transfer = context;
    if (attempt->number > 1 && transfer->options.rewind)
        transfer->options.rewind(transfer->options.context);
    set_timeout(transfer, attempt->timeout_ns);
    return hf_curl_outcome(transfer->easy, curl_easy_perform(transfer->easy));
}

enum hf_status hf_curl_perform(struct hf_guard *guard, const struct hf_guard_request *request,
    CURL *easy, const struct hf_curl_options *options, struct hf_guard_report *report)
{
    if (!easy) {
        if (report)
            *report = (struct hf_guard_report){.status = HF_INVALID, .argument = "easy"};
        return HF_INVALID;
    }
    struct transfer transfer = {.easy = easy};
    if (options)
        transfer.options = *options;
    enum hf_status status = hf_guard_call(guard, request, try_transfer, &transfer, report);
    if (transfer.timed)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 0L);
    return status;
}
