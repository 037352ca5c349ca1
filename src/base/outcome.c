/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <holdfast/outcome.h>

const char *hf_outcome_kind_str(enum hf_outcome_kind kind)
{
    switch (kind) {
    case HF_SUCCESS:
        return "success";
    case HF_TRANSIENT:
        return "transient";
    case HF_PERMANENT:
        return "permanent";
    case HF_IGNORED:
        return "ignored";
    }
    return "unknown";
}

static enum hf_outcome_kind kind_of_errno(int error_number)
{
    switch (error_number) {
    case 0:
        return HF_SUCCESS;
    case ECANCELED:
        return HF_IGNORED;

    /* Somebody else holds it for now. */
    case EINTR:
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case EBUSY:
    case ETXTBSY:
    case EDEADLK:
    case ENOLCK:
    case EINPROGRESS:
    case EALREADY:

    /* The machine is short of something that others will give back. EADDRINUSE and EADDRNOTAVAIL
     * are how a shortage of local ports shows on bind and on connect. */
    case ENOMEM:
    case ENOBUFS:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT:
    case EADDRINUSE:
    case EADDRNOTAVAIL:

    /* The network or the peer is away. */
    case ETIMEDOUT:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
    case ENETDOWN:
    case ENETUNREACH:
    case ENETRESET:
    case EHOSTUNREACH:
#ifdef EHOSTDOWN
    case EHOSTDOWN:
#endif
#ifdef ESHUTDOWN
    case ESHUTDOWN:
#endif
        return HF_TRANSIENT;
    default:
        return HF_PERMANENT;
    }
}

struct hf_outcome hf_outcome_from_errno(int error_number)
{
    return hf_outcome(kind_of_errno(error_number), error_number, 0);
}

/* Numbers from grpc/grpc doc/statuscodes.md. */
enum grpc_status {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_ABORTED = 10,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};

static enum hf_outcome_kind kind_of_grpc(int grpc_status)
{
    switch (grpc_status) {
    case GRPC_OK:
        return HF_SUCCESS;
    case GRPC_DEADLINE_EXCEEDED:
    case GRPC_RESOURCE_EXHAUSTED:
    case GRPC_ABORTED:
    case GRPC_UNAVAILABLE:
        return HF_TRANSIENT;
    case GRPC_CANCELLED:
    case GRPC_INVALID_ARGUMENT:
    case GRPC_NOT_FOUND:
    case GRPC_ALREADY_EXISTS:
    case GRPC_PERMISSION_DENIED:
    case GRPC_FAILED_PRECONDITION:
    case GRPC_OUT_OF_RANGE:
    case GRPC_UNAUTHENTICATED:
        return HF_IGNORED;
    default:
        return HF_PERMANENT;
    }
}

struct hf_outcome hf_outcome_from_grpc(int grpc_status)
{
    return hf_outcome(kind_of_grpc(grpc_status), grpc_status, 0);
}
