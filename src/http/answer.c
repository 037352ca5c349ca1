/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <holdfast/http.h>

#include "limit/quota.h"

/* The largest integer that a structured field holds (RFC 9651, 3.3.1). */
#define INTEGER_MAX UINT64_C(999999999999999)

#define QUOTA_EXCEEDED "https://iana.org/assignments/http-problem-types#quota-exceeded"
#define REDUCED_CAPACITY                                                                           \
    "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
#define NO_TYPE "about:blank"

/* When a refusal says Retry-After. */
enum retry {
    RETRY_NONE,   /* No wait helps, or none is known to. */
    RETRY_KNOWN,  /* Where a time is known. */
    RETRY_ALWAYS, /* At least in a second. */
};

/* How a status is answered. */
struct refusal {
    unsigned http_status;
    enum retry retry;
    bool violates;    /* The policy did this: the body names it. */
    const char *type; /* NO_TYPE: the title is then the HTTP status's own (RFC 9457, 4.2.1). */
    const char *title;
    const char *detail;
};

static const struct refusal denied = {
    429, RETRY_ALWAYS, true, QUOTA_EXCEEDED, "Quota exceeded", "The quota is used up for now."};
static const struct refusal never = {429, RETRY_NONE, true, QUOTA_EXCEEDED, "Quota exceeded",
    "The request costs more than the quota ever holds: waiting does not help."};
static const struct refusal full = {503, RETRY_ALWAYS, false, REDUCED_CAPACITY,
    "Temporary reduced capacity", "There are more clients than can be told apart at once."};
static const struct refusal open = {503, RETRY_ALWAYS, false, REDUCED_CAPACITY,
    "Temporary reduced capacity",
    "What answers this request has failed too often and is left alone for a while."};
static const struct refusal closed = {
    503, RETRY_KNOWN, false, NO_TYPE, "Service Unavailable", "The server is shutting down."};
static const struct refusal timeout = {
    504, RETRY_NONE, false, NO_TYPE, "Gateway Timeout", "What answers this request took too long."};
static const struct refusal failed = {
    502, RETRY_NONE, false, NO_TYPE, "Bad Gateway", "What answers this request has failed."};
static const struct refusal malformed = {
    400, RETRY_NONE, false, NO_TYPE, "Bad Request", "A field of the request is too long."};
static const struct refusal broken = {
    500, RETRY_NONE, false, NO_TYPE, "Internal Server Error", "The server made a mistake."};

static const struct refusal *refusal_of(enum hf_status status)
{
    switch (status) {
    case HF_DENIED:
        return &denied;
    case HF_NEVER:
        return &never;
    case HF_FULL:
        return &full;
    case HF_OPEN:
        return &open;
    case HF_CLOSED:
        return &closed;
    case HF_TIMEOUT:
        return &timeout;
    case HF_FAILED:
    case HF_EXHAUSTED:
        return &failed;
    case HF_MALFORMED:
        return &malformed;
    default:
        return &broken;
    }
}

static bool is_policy_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '.' || byte == '-';
}

static bool is_policy(const char *name)
{
    size_t size = strlen(name);
    for (size_t index = 0; index < size; index++) {
        if (!is_policy_byte(name[index]))
            return false;
    }
    return size > 0 && size <= HF_HTTP_POLICY_BYTES_MAX;
}

static enum hf_status check_words(
    const struct hf_http_answer_options *options, struct hf_error *error)
{
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "answer: NULL");
    if ((unsigned)options->dialect > HF_HTTP_DIALECT_NONE)
        return hf_error_add(
            error, HF_INVALID, 0, "answer.dialect: %d is none", (int)options->dialect);
    if (options->policy && !is_policy(options->policy))
        return hf_error_add(error, HF_INVALID, 0,
            "answer.policy: \"%s\" is not 1 to %d of A-Z a-z 0-9 _ . -", options->policy,
            HF_HTTP_POLICY_BYTES_MAX);
    return HF_OK;
}

enum hf_status hf_http_answer_options_check(
    const struct hf_http_answer_options *options, struct hf_error *error)
{
    enum hf_status status = check_words(options, error);
    if (status != HF_OK || options->quota.count == 0)
        return status;
    return hf_quota_check(&options->quota, error);
}

/* An answer being worked out. */
struct work {
    const struct hf_http_answer_options *options;
    const struct hf_decision *decision; /* NULL: tell no limits. */
    const char *policy;                 /* Whose limit the decision is. */
    bool own;                           /* It is the one that options.quota describes. */
    struct hf_gcra gcra;                /* options.quota; burst 0: none. */
    uint64_t retry_s;                   /* Retry-After; 0: none. */
};

static uint64_t seconds_up(uint64_t duration_ns)
{
    uint64_t seconds = duration_ns / HF_SECONDS(1) + (duration_ns % HF_SECONDS(1) > 0);
    return seconds > 0 ? seconds : 1;
}

static uint64_t capped(uint64_t number)
{
    return number < INTEGER_MAX ? number : INTEGER_MAX;
}

/*
 * The effective window (the draft, 4.1.2): in so many seconds no more than what remains should be
 * used. Spread over the time in which it is earned that is the sustained rate; told the time until
 * all is back, which is short when much remains, a client would take the quotient for a far higher
 * one. With nothing left, the missing part of one cell.
 */
static uint64_t window_s(const struct work *work)
{
    const struct hf_decision *decision = work->decision;
    if (work->retry_s > 0)
        return work->retry_s;
    if (!work->own)
        return seconds_up(decision->reset_after_ns);
    if (decision->remaining > 0)
        return seconds_up(decision->remaining * work->gcra.interval_ns);
    uint64_t others_ns = work->gcra.tolerance_ns - work->gcra.interval_ns;
    return seconds_up(
        decision->reset_after_ns > others_ns ? decision->reset_after_ns - others_ns : 0);
}

static void HF_PRINTF(3, 4)
    add_field(struct hf_http_answer *answer, const char *name, const char *format, ...)
{
    struct hf_http_field *field = &answer->fields[answer->fields_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(field->value, sizeof(field->value), format, arguments);
    va_end(arguments);
    field->name = name;
}

static void add_draft(struct hf_http_answer *answer, const struct work *work)
{
    const char *named = work->options->policy ? work->options->policy : "default";
    if (work->gcra.burst > 0)
        add_field(answer, "RateLimit-Policy", "\"%s\";q=%" PRIu64 ";w=%" PRIu64, named,
            capped(work->gcra.burst), seconds_up(work->gcra.tolerance_ns));
    if (work->decision)
        add_field(answer, "RateLimit", "\"%s\";r=%" PRIu64 ";t=%" PRIu64, work->policy,
            capped(work->decision->remaining), window_s(work));
}

/* Three fields have no name for whose limit it is, so they only tell the key's. */
static void add_triple(
    struct hf_http_answer *answer, const struct work *work, const char *const names[3])
{
    if (!work->decision || work->decision->reason == HF_REASON_GLOBAL)
        return;
    add_field(answer, names[0], "%" PRIu64, capped(work->decision->limit));
    add_field(answer, names[1], "%" PRIu64, capped(work->decision->remaining));
    add_field(answer, names[2], "%" PRIu64, window_s(work));
}

static void add_limits(struct hf_http_answer *answer, const struct work *work)
{
    static const char *const triple[] = {
        "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"};
    static const char *const x_triple[] = {
        "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"};
    switch (work->options->dialect) {
    case HF_HTTP_DIALECT_DRAFT:
        add_draft(answer, work);
        break;
    case HF_HTTP_DIALECT_TRIPLE:
        add_triple(answer, work, triple);
        break;
    case HF_HTTP_DIALECT_X_TRIPLE:
        add_triple(answer, work, x_triple);
        break;
    case HF_HTTP_DIALECT_NONE:
        break;
    }
}

/* Nothing in it needs escaping: the texts are ours and a policy's name is of harmless bytes. */
static void write_body(
    struct hf_http_answer *answer, const struct refusal *refusal, const char *policy)
{
    int size = snprintf(answer->body, sizeof(answer->body),
        "{\"type\":\"%s\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"%s%s%s}\n", refusal->type,
        refusal->title, refusal->http_status, refusal->detail,
        refusal->violates ? ",\"violated-policies\":[\"" : "", refusal->violates ? policy : "",
        refusal->violates ? "\"]" : "");
    answer->body_bytes = (size_t)size;
    add_field(answer, "Content-Type", "application/problem+json");
}

/* A decision of UINT64_MAX means never, and is told as no time at all. */
static uint64_t retry_seconds(
    const struct refusal *refusal, const struct hf_decision *decision, uint64_t retry_after_ns)
{
    if (refusal->retry == RETRY_NONE)
        return 0;
    uint64_t wait_ns = retry_after_ns;
    if (decision && decision->retry_after_ns != UINT64_MAX && decision->retry_after_ns > wait_ns)
        wait_ns = decision->retry_after_ns;
    return wait_ns > 0 || refusal->retry == RETRY_ALWAYS ? seconds_up(wait_ns) : 0;
}

static void refuse(struct hf_http_answer *answer, struct work *work, const struct refusal *refusal,
    uint64_t retry_after_ns)
{
    answer->status = refusal->http_status;
    work->retry_s = retry_seconds(refusal, work->decision, retry_after_ns);
    write_body(answer, refusal, work->policy);
    if (work->retry_s > 0)
        add_field(answer, "Retry-After", "%" PRIu64, work->retry_s);
    if (work->retry_s > 0 && !refusal->violates)
        work->decision = NULL;
}

enum hf_status hf_http_answer(const struct hf_http_answer_options *options, enum hf_status status,
    const struct hf_decision *decision, uint64_t retry_after_ns, struct hf_http_answer *answer)
{
    if (!answer || check_words(options, NULL) != HF_OK)
        return HF_INVALID;
    bool asked = decision && decision->limit > 0;
    struct work work = {.options = options, .decision = asked ? decision : NULL};
    work.policy = options->policy ? options->policy : "default";
    if (asked && decision->reason == HF_REASON_GLOBAL)
        work.policy = hf_reason_str(decision->reason);
    if (options->quota.count > 0 && hf_gcra_init(&work.gcra, &options->quota, NULL) != HF_OK)
        return HF_INVALID;
    work.own = asked && decision->reason != HF_REASON_GLOBAL &&
               decision->limit == work.gcra.burst && decision->remaining <= decision->limit;
    *answer = (struct hf_http_answer){.status = 0};
    if (status != HF_OK)
        refuse(answer, &work, refusal_of(status), retry_after_ns);
    add_limits(answer, &work);
    return HF_OK;
}
