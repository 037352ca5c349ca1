/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/fields.h"
#include "cli/request.h"

/* What libmicrohttpd keeps beside the text of each field, rounded up. */
#define FIELD_COST_BYTES 64

/* What one look at all fields finds. */
struct inspection {
    bool malformed;
    bool expects_continue;
    bool coding_is_chunked;
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    unsigned hop_limits;
    const char *hop_limit;
    uint64_t length;
    size_t bytes;
};

static bool is_visible(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '#')
            return false;
    return true;
}

/* Whether an http URI has a host, and no user: that one is for misleading (RFC 9110, 4.2.4). */
static bool authority_is_valid(const char *authority, size_t size)
{
    return size > 0 && *authority != ':' && !memchr(authority, '@', size);
}

static bool is_absolute(const char *target, const char *scheme)
{
    return strncasecmp(target, scheme, strlen(scheme)) == 0;
}

const char *request_path(const char *method, char *target)
{
    bool is_options = strcmp(method, "OPTIONS") == 0;
    if (!is_visible(target))
        return NULL;
    if (*target == '/' || (is_options && strcmp(target, "*") == 0))
        return target;
    if (!is_absolute(target, "http://"))
        return NULL;
    char *authority = target + strlen("http://");
    size_t size = strcspn(authority, "/?");
    char *path = authority + size;
    if (!authority_is_valid(authority, size))
        return NULL;
    if (!*path)
        return is_options ? "*" : "/";
    if (*path == '?')
        *--path = '/';
    return path;
}

/* A carriage return alone ends a line for some readers; NUL ends a text for others. */
static bool value_is_valid(const char *value, size_t size_bytes)
{
    return !memchr(value, '\r', size_bytes) && !memchr(value, '\n', size_bytes) &&
           !memchr(value, '\0', size_bytes);
}

static enum MHD_Result inspect_field(void *context, enum MHD_ValueKind kind, const char *name,
    size_t name_size, const char *value, size_t value_size)
{
    struct inspection *seen = context;
    (void)kind;
    if (!value)
        value = "";
    seen->bytes += name_size + value_size + FIELD_COST_BYTES;
    if (!fields_is_token(name, name_size) || !value_is_valid(value, value_size)) {
        seen->malformed = true;
        return MHD_NO;
    }
    if (strcasecmp(name, "Host") == 0) {
        seen->hosts++;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        seen->lengths++;
        seen->length = strtoull(value, NULL, 10);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        seen->codings++;
        seen->coding_is_chunked = strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(name, "Max-Forwards") == 0) {
        seen->hop_limits++;
        seen->hop_limit = value;
    } else if (strcasecmp(name, "Expect") == 0) {
        seen->expects_continue = strcasecmp(value, "100-continue") == 0;
    }
    return MHD_YES;
}

static bool framing_is_ambiguous(const struct inspection *seen, bool is_1_1)
{
    return seen->lengths > 1 || seen->codings > 1 || (seen->lengths && seen->codings) ||
           (seen->codings && !is_1_1);
}

/* A client that asks first, or that will be cut off anyway, is told before it sends. */
static bool is_hopeless(const struct inspection *seen, uint64_t body_bytes_max)
{
    if (!seen->lengths || seen->length <= body_bytes_max)
        return false;
    return seen->expects_continue || seen->length - body_bytes_max > REQUEST_GRACE_BYTES;
}

bool request_counts_hops(const char *method)
{
    return strcmp(method, "OPTIONS") == 0 || strcmp(method, "TRACE") == 0;
}

bool request_hops(const char *value, uint64_t *hops)
{
    size_t size = strlen(value);
    if (size == 0 || strspn(value, "0123456789") != size)
        return false;
    unsigned long long told = strtoull(value, NULL, 10);
    *hops = told < UINT32_MAX ? told : UINT32_MAX;
    return true;
}

/* What ends here is answered from here: OPTIONS by a yes, TRACE, which repeats what the client may
 * not read itself (a cookie, say), by a no. */
static struct request_fault hop_fault(const struct inspection *seen, const char *method)
{
    uint64_t hops = 0;
    if (seen->hop_limits == 0 || !request_counts_hops(method))
        return (struct request_fault){0, NULL};
    if (seen->hop_limits > 1 || !request_hops(seen->hop_limit, &hops))
        return (struct request_fault){MHD_HTTP_BAD_REQUEST, "malformed Max-Forwards\n"};
    if (hops > 0)
        return (struct request_fault){0, NULL};
    if (strcmp(method, "OPTIONS") == 0)
        return (struct request_fault){MHD_HTTP_OK, ""};
    return (struct request_fault){MHD_HTTP_NOT_IMPLEMENTED, "no TRACE here\n"};
}

struct request_fault request_fault(
    const struct request_line *line, struct MHD_Connection *connection, uint64_t body_bytes_max)
{
    struct inspection seen = {.bytes = strlen(line->target)};
    bool is_1_1 = strcmp(line->version, "HTTP/1.1") == 0;
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, inspect_field, &seen);
    if (!fields_is_token(line->method, strlen(line->method)))
        return (struct request_fault){MHD_HTTP_BAD_REQUEST, "malformed method\n"};
    if (strcmp(line->method, "CONNECT") == 0)
        return (struct request_fault){MHD_HTTP_NOT_IMPLEMENTED, "no tunnels here\n"};
    if (strlen(line->target) > REQUEST_FIELDS_BYTES_MAX)
        return (struct request_fault){MHD_HTTP_URI_TOO_LONG, "target too long\n"};
    /* Nothing here is secured, so nothing that has to be can be had here (RFC 9110, 7.4). */
    if (is_absolute(line->target, "https://"))
        return (struct request_fault){MHD_HTTP_MISDIRECTED_REQUEST, "no https here\n"};
    if (!line->path)
        return (struct request_fault){MHD_HTTP_BAD_REQUEST, "malformed target\n"};
    if (seen.malformed)
        return (struct request_fault){MHD_HTTP_BAD_REQUEST, "malformed field\n"};
    if (seen.hosts > 1 || (is_1_1 && seen.hosts == 0))
        return (struct request_fault){MHD_HTTP_BAD_REQUEST, "not exactly one Host\n"};
    if (framing_is_ambiguous(&seen, is_1_1))
        return (struct request_fault){MHD_HTTP_BAD_REQUEST, "ambiguous length\n"};
    if (seen.codings && !seen.coding_is_chunked)
        return (struct request_fault){MHD_HTTP_NOT_IMPLEMENTED, "unknown transfer coding\n"};
    if (seen.bytes > REQUEST_FIELDS_BYTES_MAX)
        return (struct request_fault){
            MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "request fields too large\n"};
    if (is_hopeless(&seen, body_bytes_max))
        return (struct request_fault){MHD_HTTP_CONTENT_TOO_LARGE, "request body too large\n"};
    return hop_fault(&seen, line->method);
}

bool request_brings_content(const struct hf_http_message *request)
{
    struct hf_bytes value;
    return request->field(request->context, "Content-Length", 0, &value) ||
           request->field(request->context, "Transfer-Encoding", 0, &value);
}
