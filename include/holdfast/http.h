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

/*
 * Parses "10.0.0.0/8", "::1/128" or a single address. HF_INVALID: it is none, or has bits set
 * beyond its prefix (10.0.0.1/8: a slip too dangerous to guess about in a list of trusted proxies);
 * error (NULL: not wanted) quotes the text.
 */
HF_MUST_USE HF_API enum hf_status hf_cidr_parse(
    const char *text, struct hf_cidr *cidr, struct hf_error *error);

/* Whether ip lies in cidr. An address without a version lies in none, and NULL neither. */
HF_API bool hf_cidr_contains(const struct hf_cidr *cidr, const struct hf_ip *ip);

/* Room for any address and its NUL. */
#define HF_IP_TEXT_BYTES 40

/*
 * Writes an address as text in the one canonical form (RFC 5952), "local" without a version. Ends
 * with NUL. Returns the length of the whole text; more than size_bytes - 1 means it was cut. buffer
 * may be NULL if size_bytes is 0; ip NULL: as without a version.
 */
HF_API size_t hf_ip_write(const struct hf_ip *ip, char *buffer, size_t size_bytes);

/* Whose quota a request uses. */
enum hf_http_key_kind {
    HF_HTTP_KEY_PEER = 0,  /* The address that is connected. */
    HF_HTTP_KEY_FORWARDED, /* The client's, by Forwarded (RFC 7239) or X-Forwarded-For, as far as
                              proxies are trusted. */
    HF_HTTP_KEY_HEADER,    /* The value of a field, e.g. an API key; without that field, or with
                              nothing in it, the peer's address. */
    HF_HTTP_KEY_GLOBAL,    /* One for all. */
};

#define HF_HTTP_TRUSTED_MAX 64
/* Entries of Forwarded or X-Forwarded-For looked at, from the right; further ones are not believed.
 */
#define HF_HTTP_FORWARDED_MAX 32
/* The longest name of a field that options may hold. */
#define HF_HTTP_NAME_BYTES_MAX 64

struct hf_http_key_options {
    enum hf_http_key_kind kind;
    /*
     * For HF_HTTP_KEY_HEADER: the field's name. For HF_HTTP_KEY_FORWARDED: the one field that the
     * trusted proxies maintain: "Forwarded", or any other name for a list of addresses. NULL then:
     * Forwarded and X-Forwarded-For; where a request has both, they must come to the same
     * client, else neither is believed, since a proxy that maintains one of them passes on the
     * other just as the client wrote it. Not for other kinds. Borrowed.
     */
    const char *header;
    /* Proxies whose word is taken. NULL if trusted_count is 0. Borrowed. */
    const struct hf_cidr *trusted;
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

/* Addresses are written as such, the kind header as NAME=VALUE, the kind global as "global". */
struct hf_http_key {
    size_t size;
    char bytes[HF_HTTP_KEY_BYTES_MAX]; /* Not ended with NUL. */
};

/*
 * Works out a request's key. The forwarding fields are read only if the peer is trusted, right to
 * left: the first address that is not trusted is the client; an entry that is no address (unknown,
 * a hidden name, nonsense) ends the search at the address before it. Addresses are cut to their
 * prefix and written in a canonical form ("192.0.2.1", "2001:db8::/64"), so a key reads well in a
 * log; a header's value begins with its name, so that no value can pose as somebody's address.
 * Returns HF_OK. HF_MALFORMED: name and value are longer than HF_HTTP_KEY_BYTES_MAX; *key
 * untouched: answer 400. HF_INVALID: NULL or bad options. Work is at most in proportion to the
 * fields' length, whatever they hold.
 */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_http_key(const struct hf_http_key_options *options,
    const struct hf_http_message *request, struct hf_http_key *key);
HF_NAMESAKE_END

/* How limits are told to clients. */
enum hf_http_dialect {
    HF_HTTP_DIALECT_DRAFT = 0, /* RateLimit, RateLimit-Policy: as the Internet-Draft
                                  draft-ietf-httpapi-ratelimit-headers-11 has them. */
    HF_HTTP_DIALECT_TRIPLE,    /* RateLimit-Limit, -Remaining, -Reset: the draft's -03 to -06. */
    HF_HTTP_DIALECT_X_TRIPLE,  /* X-RateLimit-Limit, -Remaining, -Reset. */
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
    char body[512]; /* application/problem+json (RFC 9457), or empty. Ends with NUL. */
};

/* The longest name of a policy. */
#define HF_HTTP_POLICY_BYTES_MAX 64

struct hf_http_answer_options {
    enum hf_http_dialect dialect;
    const char *policy;    /* The policy's name: 1 to 64 of [A-Za-z0-9_.-]. NULL: "default". */
    struct hf_quota quota; /* The key's, for RateLimit-Policy; count 0: that field is left out. */
};

/* Checks the options. HF_INVALID: error names the field and value. */
HF_MUST_USE HF_API enum hf_status hf_http_answer_options_check(
    const struct hf_http_answer_options *options, struct hf_error *error);

/*
 * Works out the answer to what a limiter or guard returned:
 * HF_OK: status 0 and the RateLimit fields. HF_DENIED: 429. HF_NEVER: 429 without Retry-After and
 * with a detail that says why. HF_FULL, HF_OPEN, HF_CLOSED: 503. HF_TIMEOUT: 504. HF_FAILED,
 * HF_EXHAUSTED: 502. HF_MALFORMED: 400. Anything else: 500. decision: NULL, or with limit 0: no
 * limit was asked. retry_after_ns: 0 if nothing is known but what the decision says.
 *
 * What the fields promise of a limit that refills all the time:
 * - Policy: q is the burst, w the time in which it is earned, so that whoever sends at most q in
 *   any stretch of w is never refused, and q / w is the sustained rate.
 * - Answer: r is what may be had at once; t, Reset: the seconds in which that much is earned, so
 *   that r / t is never above the sustained rate; with nothing left, until the next cell. Without
 *   options.quota, or where it is not the limit that spoke: until everything is available again.
 * - In a refusal by a limit t, Reset and Retry-After are the same moment, the first at which the
 *   limit would allow the request. A limit of all keys together is named "global" there, and
 *   told in the draft's dialect only: its size is nobody's business. A refusal for another reason
 *   with a Retry-After (HF_FULL, HF_OPEN, HF_CLOSED) tells no limits, which would contradict it.
 * Times are whole seconds rounded up, at least 1; w is too, so that at bursts earned in less than a
 * second a policy promises less than it keeps. No number has more than 15 digits.
 *
 * Refusals have a Content-Type and a body. HF_DENIED, HF_FULL and HF_OPEN always have a
 * Retry-After, HF_CLOSED if retry_after_ns is given. Returns HF_OK, or HF_INVALID for NULL or bad
 * options; *answer is then untouched.
 */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_http_answer(const struct hf_http_answer_options *options,
    enum hf_status status, const struct hf_decision *decision, uint64_t retry_after_ns,
    struct hf_http_answer *answer);
HF_NAMESAKE_END

/*
 * Parses Retry-After (RFC 9110, 10.2.3): whole seconds or an HTTP date in any of its three forms.
 * wall_now_ns: now, in ns since 1970. A date in the past gives 0; what is longer than
 * HF_TIME_MAX_NS gives that. HF_MALFORMED: neither; *retry_after_ns untouched. HF_INVALID: NULL.
 */
HF_MUST_USE HF_API enum hf_status hf_http_retry_after_parse(
    struct hf_bytes value, uint64_t wall_now_ns, uint64_t *retry_after_ns);

/* What a server tells of its limits: the one nearest to its end. */
struct hf_http_told {
    uint64_t remaining;      /* Units left. */
    uint64_t reset_after_ns; /* Until there are more; 0 if it does not say. At most
                                HF_TIME_MAX_NS. */
};

/* Fields of one name that are read; a server that sends more has its RateLimit fields ignored. */
#define HF_HTTP_TOLD_FIELDS_MAX 16

/*
 * Reads the RateLimit fields of a response in whatever dialect it has: RateLimit as a list of
 * policies (the draft's -08 to -11) or as a dictionary (-07), RateLimit-Remaining and -Reset, the
 * same with X- and with X-Rate-Limit-. Of several limits, the one with the least remaining; of
 * several with as much, the one with the latest reset. A reset above 10^9 is no delay but a moment
 * in seconds since 1970, as some servers have it. Malformed fields are ignored, as the draft wants.
 * Returns HF_OK; HF_NOT_FOUND: it tells nothing, *told untouched; HF_INVALID: NULL.
 */
HF_NAMESAKE_BEGIN
HF_MUST_USE HF_API enum hf_status hf_http_told(
    const struct hf_http_message *response, uint64_t wall_now_ns, struct hf_http_told *told);
HF_NAMESAKE_END

/*
 * What an answer means for whoever asked: 1xx to 3xx success; 408, 425, 429, 500, 502, 503, 504
 * transient, with Retry-After or else, where hf_http_told has nothing remaining, its reset; other
 * 4xx ignored (the other side is well, the request is not); other 5xx permanent. code is the HTTP
 * status. response: NULL: no fields. A status outside 100 to 599 is permanent.
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
