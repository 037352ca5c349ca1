/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "http/forwarded.h"
#include "http/ip.h"
#include "http/text.h"

/*
 * Every proxy adds an entry at the right. What stands left of the entry of the last trusted proxy
 * was written by whoever wanted to, so everything here reads from the right and stops at the
 * first entry that is not a trusted proxy's address. Nothing further left, an unclosed quote say,
 * can then change what the entries to its right mean.
 */

/* More fields of one name than this come from nobody honest: none of them is believed. */
#define FIELDS_MAX 4096

/* "[", an address, "]:" and a port; with a margin for a port that is a name. */
#define NODE_BYTES_MAX 96

/* Odd runs of backslashes make the byte after them part of the text. Runs before different bytes
 * do not overlap, so all of these together read a text once. */
static bool is_escaped(const char *text, size_t index)
{
    size_t start = index;
    while (start > 0 && text[start - 1] == '\\')
        start--;
    return (index - start) % 2 == 1;
}

/*
 * Cuts the last part off a list: what follows its last separator outside of quoted strings. From
 * the right the first quote met closes a string, and the next one that is not escaped opened it.
 * False: nothing left.
 */
static bool cut_last(struct hf_bytes *list, char separator, bool quoting, struct hf_bytes *part)
{
    const char *text = list->data;
    size_t start = list->size;
    bool quoted = false;
    if (start == 0)
        return false;
    while (start > 0 && (quoted || text[start - 1] != separator)) {
        start--;
        if (quoting && text[start] == '"' && !(quoted && is_escaped(text, start)))
            quoted = !quoted;
    }
    *part = hf_text_trim(hf_bytes(text + start, list->size - start));
    list->size = start > 0 ? start - 1 : 0;
    return true;
}

/* Takes a quoted string's quotes and escapes away, into copy. Other text stays as it is. */
static bool unquote(struct hf_bytes *text, char *copy)
{
    const char *bytes = text->data;
    if (text->size == 0 || bytes[0] != '"')
        return true;
    if (text->size < 2 || text->size > NODE_BYTES_MAX || bytes[text->size - 1] != '"')
        return false;
    size_t size = 0;
    for (size_t index = 1; index < text->size - 1; index++) {
        if (bytes[index] == '\\' && ++index == text->size - 1)
            return false;
        copy[size++] = bytes[index];
    }
    *text = hf_bytes(copy, size);
    return true;
}

/* A number up to 65535 or a name made up by the proxy, "_" and what follows (RFC 7239, 6.2). */
static bool is_port(struct hf_bytes text)
{
    const unsigned char *bytes = text.data;
    uint64_t number;
    if (text.size > 0 && text.size <= 5 && hf_text_number(text, &number))
        return number <= 65535;
    if (text.size < 2 || bytes[0] != '_')
        return false;
    for (size_t index = 1; index < text.size; index++) {
        if (!hf_text_is_token_byte(bytes[index]))
            return false;
    }
    return true;
}

static struct hf_bytes from(struct hf_bytes text, size_t index)
{
    return hf_bytes((const char *)text.data + index, text.size - index);
}

/* "[2001:db8::1]" or "[2001:db8::1]:4711". */
static bool parse_bracketed(struct hf_bytes text, struct hf_ip *ip)
{
    struct hf_bytes inside = from(text, 1);
    const char *close = memchr(inside.data, ']', inside.size);
    if (!close)
        return false;
    inside.size = (size_t)(close - (const char *)inside.data);
    struct hf_bytes rest = from(text, inside.size + 2);
    if (rest.size > 0 && (*(const char *)rest.data != ':' || !is_port(from(rest, 1))))
        return false;
    return memchr(inside.data, ':', inside.size) && hf_ip_parse(inside, ip) == HF_OK;
}

/*
 * A node as proxies write them in either field: an address, with or without a port, IPv6 in
 * brackets or, without a port, bare. False for "unknown", hidden names and nonsense.
 */
static bool parse_node(struct hf_bytes text, struct hf_ip *ip)
{
    if (text.size == 0 || text.size > NODE_BYTES_MAX)
        return false;
    if (*(const char *)text.data == '[')
        return parse_bracketed(text, ip);
    if (hf_ip_parse(text, ip) == HF_OK)
        return true;
    const char *colon = memchr(text.data, ':', text.size);
    if (!colon)
        return false;
    struct hf_bytes address = hf_bytes(text.data, (size_t)(colon - (const char *)text.data));
    return is_port(from(text, address.size + 1)) && hf_ip_parse(address, ip) == HF_OK;
}

/* The one "for" of an element such as for=192.0.2.1;proto=http (RFC 7239, 4). */
static bool parse_element(struct hf_bytes element, struct hf_ip *ip)
{
    struct hf_bytes pair;
    struct hf_bytes node = {NULL, 0};
    while (cut_last(&element, ';', true, &pair)) {
        const char *equals = pair.size > 0 ? memchr(pair.data, '=', pair.size) : NULL;
        struct hf_bytes name = pair;
        if (equals)
            name.size = (size_t)(equals - (const char *)pair.data);
        if (!equals || !hf_text_equals_nocase(name, "for"))
            continue;
        if (node.data)
            return false;
        node = from(pair, name.size + 1);
    }
    char copy[NODE_BYTES_MAX];
    return unquote(&node, copy) && parse_node(node, ip);
}

/* How many fields of that name there are, or some number above FIELDS_MAX: twice as far until there
 * is none, then by halves, since a message may have to count up to each one asked for. */
static size_t count_fields(const struct hf_http_message *message, const char *name)
{
    struct hf_bytes value;
    size_t known = 0;  /* So many there are. */
    size_t beyond = 1; /* So many there are not. */
    while (message->field(message->context, name, beyond - 1, &value)) {
        known = beyond;
        beyond *= 2;
        if (known > FIELDS_MAX)
            return known;
    }
    while (beyond - known > 1) {
        size_t middle = known + (beyond - known) / 2;
        if (message->field(message->context, name, middle - 1, &value))
            known = middle;
        else
            beyond = middle;
    }
    return known;
}

static bool is_trusted(const struct hf_http_key_options *options, const struct hf_ip *ip)
{
    for (size_t index = 0; index < options->trusted_count; index++) {
        if (hf_cidr_contains(&options->trusted[index], ip))
            return true;
    }
    return false;
}

/* A search from the right; entries_left is what bounds it. */
struct search {
    const struct hf_http_key_options *options;
    bool standard; /* Forwarded; otherwise a plain list of addresses. */
    unsigned entries_left;
    struct hf_ip client;
};

/* Goes through one field. True: the search goes on in the field before it. Empty entries are
 * nobody's (RFC 9110, 5.6.1.2), but a field counts as an entry even if it holds none. */
static bool search_field(struct search *search, struct hf_bytes list)
{
    struct hf_bytes entry = {NULL, 0};
    bool any = false;
    while (cut_last(&list, ',', search->standard, &entry)) {
        if (entry.size == 0)
            continue;
        any = true;
        struct hf_ip ip;
        if (search->entries_left-- == 0)
            return false;
        if (!(search->standard ? parse_element(entry, &ip) : parse_node(entry, &ip)))
            return false;
        search->client = ip;
        if (!is_trusted(search->options, &ip))
            return false;
    }
    return any || search->entries_left-- > 0;
}

/* False: the request has no such field. */
static bool find_client(const struct hf_http_key_options *options,
    const struct hf_http_message *request, const char *name, struct hf_ip *client)
{
    struct hf_bytes value;
    size_t count = count_fields(request, name);
    struct search search = {
        .options = options,
        .standard = hf_text_equals_nocase(hf_bytes(name, strlen(name)), "Forwarded"),
        .entries_left = HF_HTTP_FORWARDED_MAX,
        .client = request->peer,
    };
    for (size_t index = count > FIELDS_MAX ? 0 : count; index-- > 0;) {
        if (!request->field(request->context, name, index, &value) || !search_field(&search, value))
            break;
    }
    *client = search.client;
    return count > 0;
}

struct hf_ip hf_forwarded_client(
    const struct hf_http_key_options *options, const struct hf_http_message *request)
{
    struct hf_ip client = request->peer;
    if (!request->field || !is_trusted(options, &request->peer))
        return client;
    if (options->header) {
        find_client(options, request, options->header, &client);
        return client;
    }
    struct hf_ip other;
    if (!find_client(options, request, "X-Forwarded-For", &client))
        find_client(options, request, "Forwarded", &client);
    else if (find_client(options, request, "Forwarded", &other) && !hf_ip_equals(&client, &other))
        client = request->peer;
    return client;
}
