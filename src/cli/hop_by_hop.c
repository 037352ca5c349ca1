/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include "cli/hop_by_hop.h"

/* Connection fields looked at in one message. */
#define CONNECTION_FIELDS_MAX 16

static const char *const fixed[] = {"Connection", "Keep-Alive", "Proxy-Connection",
    "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade"};

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

/* Whether a comma-separated list has the name among its tokens. */
static bool list_names(struct hf_bytes list, const char *name)
{
    const char *at = list.data;
    const char *end = at + list.size;
    size_t name_size = strlen(name);
    while (at < end) {
        while (at < end && is_separator(*at))
            at++;
        const char *token = at;
        while (at < end && !is_separator(*at))
            at++;
        if ((size_t)(at - token) == name_size && strncasecmp(token, name, name_size) == 0)
            return true;
    }
    return false;
}

bool hop_by_hop(const struct hf_http_message *message, const char *name)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcasecmp(fixed[i], name) == 0)
            return true;
    struct hf_bytes list;
    for (size_t i = 0; i < CONNECTION_FIELDS_MAX; i++) {
        if (!message->field(message->context, "Connection", i, &list))
            return false;
        if (list_names(list, name))
            return true;
    }
    return false;
}
