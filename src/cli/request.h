/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_REQUEST_H
#define HF_CLI_REQUEST_H

#include <stdint.h>

#include <holdfast/mhd.h>

/*
 * Whether a request may be passed on. What two readers could read in two ways (RFC 9112, 6.3 and
 * 11.2) is refused here, whatever libmicrohttpd made of it: the next reader is not libmicrohttpd.
 */

/* What target and fields of a request may take of its connection's memory; the rest is the
 * answer's. */
#define REQUEST_FIELDS_BYTES_MAX ((size_t)20 * 1024)

/* Bytes past the limit that are read and thrown away so that the client sees its 413; more cut it
 * off. */
#define REQUEST_GRACE_BYTES (UINT64_C(1) << 20)

struct request_line {
    const char *method;
    const char *target;
    const char *path; /* request_path of them. */
    const char *version;
};

/*
 * What to ask an origin server for (RFC 9112, 3.2): path and query, or "*" of OPTIONS. Of a target
 * in absolute form, which every server has to take, that is what follows the authority: that one,
 * like Host, names this server, not the upstream. NULL: the target is malformed. May write into it.
 */
const char *request_path(const char *method, char *target);

/* status 0: nothing is wrong. Where a request is not to go further, it is no fault that this one
 * tells, but the answer. */
struct request_fault {
    unsigned status;
    const char *text;
};

struct request_fault request_fault(
    const struct request_line *line, struct MHD_Connection *connection, uint64_t body_bytes_max);

/* Whether a method asks about those on the way, as far as Max-Forwards says (RFC 9110, 7.6.2). */
bool request_counts_hops(const char *method);

/* How many hops that field's value allows, at most UINT32_MAX. False: it is malformed. */
bool request_hops(const char *value, uint64_t *hops);

/* Whether one says that content follows its fields. */
bool request_brings_content(const struct hf_http_message *request);

#endif
