/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_OUTCOME_H
#define HOLDFAST_OUTCOME_H

#include <holdfast/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a wrapped call came to, as retry, breaker and guard see it. The zero value is success.
 * 16 bytes, passed and returned by value.
 */
enum hf_outcome_kind {
    HF_SUCCESS = 0, /* It worked. */
    HF_TRANSIENT,   /* It failed and may work if tried again. A breaker counts it. */
    HF_PERMANENT,   /* It failed and will fail again: never retried. A breaker counts it. */
    HF_IGNORED,     /* Says nothing about the other side (a 404, a caller's mistake): neither
                       retried nor counted, a breaker's permit goes back unused. */
};

struct hf_outcome {
    enum hf_outcome_kind kind;
    int32_t code;            /* The caller's own: errno, HTTP status, ... 0 if none. */
    uint64_t retry_after_ns; /* How long the other side asks to be left alone; 0: it did not say. */
};

/* "success", "transient", "permanent", "ignored"; "unknown" off the list. Static. */
HF_API const char *hf_outcome_kind_str(enum hf_outcome_kind kind);

/* Makes an outcome. Pure. */
HF_NAMESAKE_BEGIN
static inline struct hf_outcome hf_outcome(
    enum hf_outcome_kind kind, int32_t code, uint64_t retry_after_ns)
{
    struct hf_outcome outcome;
    outcome.kind = kind;
    outcome.code = code;
    outcome.retry_after_ns = retry_after_ns;
    return outcome;
}
HF_NAMESAKE_END

static inline struct hf_outcome hf_success(void)
{
    return hf_outcome(HF_SUCCESS, 0, 0);
}

static inline struct hf_outcome hf_transient(int32_t code)
{
    return hf_outcome(HF_TRANSIENT, code, 0);
}

/* Transient, and the other side asked to be left alone for retry_after_ns. */
static inline struct hf_outcome hf_transient_after(int32_t code, uint64_t retry_after_ns)
{
    return hf_outcome(HF_TRANSIENT, code, retry_after_ns);
}

static inline struct hf_outcome hf_permanent(int32_t code)
{
    return hf_outcome(HF_PERMANENT, code, 0);
}

static inline struct hf_outcome hf_ignored(int32_t code)
{
    return hf_outcome(HF_IGNORED, code, 0);
}

/*
 * Classifies an errno value: 0 is success; what time, load or the network can mend (EINTR, EAGAIN,
 * EBUSY, ENOMEM, ENOBUFS, EMFILE, ENFILE, ENOSPC, ETIMEDOUT, ECONNREFUSED, ECONNRESET,
 * ECONNABORTED, EPIPE, ENETDOWN, ENETUNREACH, ENETRESET, EHOSTDOWN, EHOSTUNREACH, ...) is
 * transient; ECANCELED is ignored; anything else is permanent. code is the errno value.
 */
HF_API struct hf_outcome hf_outcome_from_errno(int error_number);

/*
 * Classifies a gRPC status code (grpc/grpc doc/statuscodes.md): OK success; CANCELLED ignored;
 * UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED, DEADLINE_EXCEEDED transient; the caller's own
 * mistakes (INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION,
 * OUT_OF_RANGE, UNAUTHENTICATED) ignored; the rest, and numbers off the list, permanent.
 */
HF_API struct hf_outcome hf_outcome_from_grpc(int grpc_status);

#ifdef __cplusplus
}
#endif

#endif
