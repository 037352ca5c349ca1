/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_HTTP_H
#define HOLDFAST_HTTP_H

#include <stdbool.h>

#include <holdfast/decision.h>
#include <holdfast/error.h>
#include <holdfast/outcome.h>
#include <holdfast/quota.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * HTTP decisions as pure functions: whose quota a request uses, what to answer when it is refused,
 * and, on the client's side, what an answer means for retry and breaker. No I/O, no allocation,
 * thread-safe.
 */

/* An IP address. version 0: none (a Unix socket). An IPv4-mapped IPv6 address counts as IPv4. */
struct hf_ip {
    uint8_t bytes[16]; /* Network order; IPv4 in the first four. */
    uint8_t version;   /* 0, 4 or 6. */
};

/* A network in CIDR notation. */
struct hf_cidr {
    struct hf_ip ip;
    uint8_t prefix_bits;
};

/*
 * Parses "192.0.2.1", "2001:db8::1" (no port, brackets or zone). HF_MALFORMED: it is none, *ip
 * untouched. HF_INVALID: NULL.
 */
HF_MUST_USE HF_API enum hf_status hf_ip_parse(struct hf_bytes text, struct hf_ip *ip);

/* Parses "10.0.0.0/8", "::1/128" or a single address. HF_INVALID: error (NULL: not wanted) quotes
 * the text. */
HF_MUST_USE HF_API enum hf_status hf_cidr_parse(
    const char *text, struct hf_cidr *cidr, struct hf_error *error);

/* Whether ip lies in cidr. An address without a version lies in none. */
HF_API bool hf_cidr_contains(const struct hf_cidr *cidr, const struct hf_ip *ip);

/* Whose quota a request uses. */
enum hf_http_key_kind {
    HF_HTTP_KEY_PEER = 0,  /* The address that is connected. */
    HF_HTTP_KEY_FORWARDED, /* The client's, by Forwarded (RFC 7239) or else X-Forwarded-For, as far
                              as proxies are trusted. */
    HF_HTTP_KEY_HEADER,    /* The value of a field, e.g. an API key; without that field, the peer's
                              address. */
    HF_HTTP_KEY_GLOBAL,    /* One for all. */
};

#define HF_HTTP_TRUSTED_MAX 64
/* Entries of Forwarded or X-Forwarded-For looked at, from the right; further ones are not believed.
 */
#define HF_HTTP_FORWARDED_MAX 32

struct hf_http_key_options {
    enum hf_http_key_kind kind;
    const char *header; /* For HF_HTTP_KEY_HEADER: its name. Borrowed. */
    const struct hf_cidr
        *trusted;         /* Proxies whose word is taken. NULL if trusted_count is 0. Borrowed. */
    size_t trusted_count; /* At most HF_HTTP_TRUSTED_MAX. */
    uint8_t prefix4_bits; /* IPv4 addresses with this prefix in common share a key. 0: 32. */
    uint8_t prefix6_bits; /* The same for IPv6. 0: 64, what one subscriber usually gets. */
};

/* Checks the options. HF_INVALID: error names the field and value. */
HF_MUST_USE HF_API enum hf_status hf_http_key_options_check(
    const struct hf_http_key_options *options, struct hf_error *error);

/*
 * How the functions below read a message: fills *value with the index-th field (from 0) of that
 * name (compared without case) and returns true, or returns false.
 */
typedef bool hf_http_field_fn(
    void *context, const char *name, size_t index, struct hf_bytes *value);

struct hf_http_message {
    struct hf_ip peer;       /* Who is connected (requests only). */
    hf_http_field_fn *field; /* NULL: no fields. */
    void *context;
};

#define HF_HTTP_KEY_BYTES_MAX 1024

struct hf_http_key {
    size_t size;
    char bytes[HF_HTTP_KEY_BYTES_MAX]; /* Not ended with NUL. */
};

/*
 * Works out a request's key. The forwarding fields are read only if the peer is trusted, right to
 * left: the first address that is not trusted is the client; an entry that is no address ends the
 * search at the address before it. Addresses are cut to their prefix and written in a canonical
 * form ("192.0.2.1", "2001:db8::/64"), so a key reads well in a log. Returns HF_OK. HF_MALFORMED:
 * the header's value is longer than HF_HTTP_KEY_BYTES_MAX; *key untouched: answer 400. HF_INVALID:
 * NULL or unchecked options. Work is bounded whatever the fields hold.
 */
HF_MUST_USE HF_API enum hf_status hf_http_key(const struct hf_http_key_options *options,
    const struct hf_http_message *request, struct hf_http_key *key);

/* How limits are told to clients. */
enum hf_http_dialect {
    HF_HTTP_DIALECT_DRAFT =
        0, /* RateLimit, RateLimit-Policy: draft-ietf-httpapi-ratelimit-headers-10. */
    HF_HTTP_DIALECT_TRIPLE,   /* RateLimit-Limit, -Remaining, -Reset: draft -03 to -06. */
    HF_HTTP_DIALECT_X_TRIPLE, /* X-RateLimit-Limit, -Remaining, -Reset. */
    HF_HTTP_DIALECT_NONE,
};

#define HF_HTTP_FIELDS_MAX 6

struct hf_http_field {
    const char *name; /* Static. */
    char value[128];  /* Ends with NUL. */
};

/* An answer: status, fields and, for refusals, a body. */
struct hf_http_answer {
    unsigned status; /* 0: the request is allowed; add the fields to its own answer. */
    size_t fields_count;
    struct hf_http_field fields[HF_HTTP_FIELDS_MAX];
    size_t body_bytes;
    char body[512]; /* application/problem+json (RFC 9457), or empty. */
};

struct hf_http_answer_options {
    enum hf_http_dialect dialect;
    const char *policy;    /* The policy's name: 1 to 64 of [A-Za-z0-9_.-]. NULL: "default". */
    struct hf_quota quota; /* The key's, for RateLimit-Policy; count 0: that field is left out. */
};

/*
 * Works out the answer to what a limiter or guard returned:
 * HF_OK: status 0 and the RateLimit fields. HF_DENIED: 429. HF_FULL, HF_OPEN: 503. HF_NEVER: 413's
 * cousin, 429 without Retry-After and with a detail that says so. HF_TIMEOUT: 504. HF_FAILED,
 * HF_EXHAUSTED: 502. HF_MALFORMED: 400. HF_CLOSED: 503. Anything else: 500. Retry-After and the
 * reset times are whole seconds rounded up, never 0 in a refusal; Retry-After is never before the
 * moment at which the limit would allow the request. decision: NULL if no limit was asked.
 * Returns HF_OK, or HF_INVALID for NULL or bad options.
 */
HF_MUST_USE HF_API enum hf_status hf_http_answer(const struct hf_http_answer_options *options,
    enum hf_status status, const struct hf_decision *decision, uint64_t retry_after_ns,
    struct hf_http_answer *answer);

/*
 * Parses Retry-After (RFC 9110, 10.2.3): whole seconds or an HTTP date in any of its three forms.
 * wall_now_ns: now, in ns since 1970. A date in the past gives 0. HF_MALFORMED: neither;
 * *retry_after_ns untouched.
 */
HF_MUST_USE HF_API enum hf_status hf_http_retry_after_parse(
    struct hf_bytes value, uint64_t wall_now_ns, uint64_t *retry_after_ns);

/*
 * What an answer means for whoever asked: 1xx to 3xx success; 408, 425, 429, 500, 502, 503, 504
 * transient, with Retry-After or else the longest reset time of the RateLimit fields (any dialect)
 * that have nothing remaining; other 4xx ignored (the other side is well, the request is not);
 * other 5xx permanent. code is the HTTP status. response: NULL: no fields. A status outside 100 to
 * 599 is permanent.
 */
HF_API struct hf_outcome hf_http_outcome(
    unsigned status, const struct hf_http_message *response, uint64_t wall_now_ns);

/* Whether a method is idempotent (RFC 9110, 9.2.2) and so may be retried: GET HEAD OPTIONS TRACE
 * PUT DELETE. Case matters. */
HF_API bool hf_http_method_idempotent(struct hf_bytes method);

#ifdef __cplusplus
}
#endif

#endif
