/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "http/forwarded.h"
#include "http/ip.h"
#include "http/text.h"

#define PREFIX4_BITS_DEFAULT 32
#define PREFIX6_BITS_DEFAULT 64

static enum hf_status check_header(
    const struct hf_http_key_options *options, struct hf_error *error)
{
    const char *header = options->header;
    bool may = options->kind == HF_HTTP_KEY_HEADER || options->kind == HF_HTTP_KEY_FORWARDED;
    if (header && !may)
        return hf_error_add(
            error, HF_INVALID, 0, "key.header: \"%s\" is given to a kind that reads none", header);
    if (!header && options->kind == HF_HTTP_KEY_HEADER)
        return hf_error_add(error, HF_INVALID, 0, "key.header: NULL, for the kind header");
    if (!header)
        return HF_OK;
    size_t size = strlen(header);
    bool good = size > 0 && size <= HF_HTTP_NAME_BYTES_MAX;
    for (size_t index = 0; good && index < size; index++)
        good = hf_text_is_token_byte((unsigned char)header[index]);
    if (!good)
        return hf_error_add(error, HF_INVALID, 0,
            "key.header: \"%s\" is no field name of 1 to %d characters", header,
            HF_HTTP_NAME_BYTES_MAX);
    return HF_OK;
}

static enum hf_status check_trusted(
    const struct hf_http_key_options *options, struct hf_error *error)
{
    if (options->trusted_count > HF_HTTP_TRUSTED_MAX)
        return hf_error_add(error, HF_INVALID, 0, "key.trusted_count: %zu is too large (0 to %d)",
            options->trusted_count, HF_HTTP_TRUSTED_MAX);
    if (!options->trusted && options->trusted_count > 0)
        return hf_error_add(error, HF_INVALID, 0, "key.trusted: NULL, with a trusted_count of %zu",
            options->trusted_count);
    for (size_t index = 0; index < options->trusted_count; index++) {
        const struct hf_cidr *cidr = &options->trusted[index];
        unsigned bits = hf_ip_bits(&cidr->ip);
        if (bits == 0 || cidr->prefix_bits > bits)
            return hf_error_add(error, HF_INVALID, 0,
                "key.trusted[%zu]: version %u with a prefix of %u bits is no network", index,
                cidr->ip.version, cidr->prefix_bits);
    }
    return HF_OK;
}

enum hf_status hf_http_key_options_check(
    const struct hf_http_key_options *options, struct hf_error *error)
{
    if (!options)
        return hf_error_add(error, HF_INVALID, 0, "key: NULL");
    if ((unsigned)options->kind > HF_HTTP_KEY_GLOBAL)
        return hf_error_add(error, HF_INVALID, 0, "key.kind: %d is none", (int)options->kind);
    if (options->prefix4_bits > 32)
        return hf_error_add(error, HF_INVALID, 0, "key.prefix4_bits: %u is too large (0 to 32)",
            options->prefix4_bits);
    if (options->prefix6_bits > 128)
        return hf_error_add(error, HF_INVALID, 0, "key.prefix6_bits: %u is too large (0 to 128)",
            options->prefix6_bits);
    enum hf_status status = check_header(options, error);
    return status == HF_OK ? check_trusted(options, error) : status;
}

static void write_address(
    const struct hf_http_key_options *options, const struct hf_ip *ip, struct hf_http_key *key)
{
    unsigned bits4 = options->prefix4_bits ? options->prefix4_bits : PREFIX4_BITS_DEFAULT;
    unsigned bits6 = options->prefix6_bits ? options->prefix6_bits : PREFIX6_BITS_DEFAULT;
    unsigned bits = ip->version == 4 ? bits4 : ip->version == 6 ? bits6 : 0;
    struct hf_ip network = hf_ip_prefix(ip, bits);
    key->size = hf_ip_write(&network, key->bytes, sizeof(key->bytes));
    if (bits < hf_ip_bits(ip))
        key->size += (size_t)sprintf(key->bytes + key->size, "/%u", bits);
}

/* "NAME=VALUE". A field's value may be any text, an address has no name before it: the two cannot
 * meet, and nobody can use up the quota of an address by naming it. */
static enum hf_status write_header(const char *name, struct hf_bytes value, struct hf_http_key *key)
{
    size_t name_size = strlen(name);
    if (name_size + 1 + value.size > sizeof(key->bytes))
        return HF_MALFORMED;
    memcpy(key->bytes, name, name_size);
    key->bytes[name_size] = '=';
    memcpy(key->bytes + name_size + 1, value.data, value.size);
    key->size = name_size + 1 + value.size;
    return HF_OK;
}

static struct hf_bytes read_header(
    const struct hf_http_key_options *options, const struct hf_http_message *request)
{
    struct hf_bytes value = {NULL, 0};
    if (options->kind != HF_HTTP_KEY_HEADER || !request->field ||
        !request->field(request->context, options->header, 0, &value))
        return hf_bytes(NULL, 0);
    return hf_text_trim(value);
}

enum hf_status hf_http_key(const struct hf_http_key_options *options,
    const struct hf_http_message *request, struct hf_http_key *key)
{
    if (!request || !key || hf_http_key_options_check(options, NULL) != HF_OK)
        return HF_INVALID;
    if (options->kind == HF_HTTP_KEY_GLOBAL) {
        key->size = (size_t)sprintf(key->bytes, "global");
        return HF_OK;
    }
    struct hf_bytes value = read_header(options, request);
    if (value.size > 0)
        return write_header(options->header, value, key);
    struct hf_ip ip = request->peer;
    if (options->kind == HF_HTTP_KEY_FORWARDED)
        ip = hf_forwarded_client(options, request);
    write_address(options, &ip, key);
    return HF_OK;
}
