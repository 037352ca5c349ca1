/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_STATUS_H
#define HOLDFAST_STATUS_H

#include <holdfast/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a caller should do about a status. */
enum hf_status_kind {
    HF_KIND_OK,          /* Go on. */
    HF_KIND_MISUSE,      /* Mend the program: an argument or an option is wrong. */
    HF_KIND_REFUSED,     /* Normal: the pattern did its job. Wait, shed or give up. */
    HF_KIND_ENVIRONMENT, /* The machine, the peer or the wrapped call failed. */
};

/* The one list of statuses: name, kind, text. Codes follow the order and never change after 1.0. */
#define HF_STATUS_LIST(X)                                                                          \
    X(HF_OK, HF_KIND_OK, "ok")                                                                     \
    X(HF_INVALID, HF_KIND_MISUSE, "invalid argument")                                              \
    X(HF_DENIED, HF_KIND_REFUSED, "rate limited: not now")                                         \
    X(HF_NEVER, HF_KIND_REFUSED, "cost exceeds the burst: never")                                  \
    X(HF_OPEN, HF_KIND_REFUSED, "circuit open")                                                    \
    X(HF_FULL, HF_KIND_REFUSED, "no room")                                                         \
    X(HF_AGAIN, HF_KIND_REFUSED, "not yet: ask again")                                             \
    X(HF_EXHAUSTED, HF_KIND_REFUSED, "retries exhausted")                                          \
    X(HF_TIMEOUT, HF_KIND_REFUSED, "deadline passed")                                              \
    X(HF_CANCELLED, HF_KIND_REFUSED, "cancelled")                                                  \
    X(HF_CLOSED, HF_KIND_REFUSED, "closed")                                                        \
    X(HF_NOT_FOUND, HF_KIND_REFUSED, "not found")                                                  \
    X(HF_FAILED, HF_KIND_ENVIRONMENT, "call failed permanently")                                   \
    X(HF_NO_MEMORY, HF_KIND_ENVIRONMENT, "out of memory")                                          \
    X(HF_IO, HF_KIND_ENVIRONMENT, "input or output error")                                         \
    X(HF_MALFORMED, HF_KIND_ENVIRONMENT, "malformed input")                                        \
    X(HF_UNSUPPORTED, HF_KIND_ENVIRONMENT, "not supported on this machine")                        \
    X(HF_LOST, HF_KIND_ENVIRONMENT, "some data could not be kept")

#define HF_STATUS_ENUM(name, kind, text) name,
enum hf_status { HF_STATUS_LIST(HF_STATUS_ENUM) HF_STATUS_COUNT };
#undef HF_STATUS_ENUM

/* The text of a status, static and never NULL; "unknown status" for a number off the list. */
HF_API const char *hf_status_str(enum hf_status status);

/* The kind of a status; HF_KIND_MISUSE for a number off the list. */
HF_API enum hf_status_kind hf_status_kind(enum hf_status status);

#ifdef __cplusplus
}
#endif

#endif
