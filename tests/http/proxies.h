/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_HTTP_PROXIES_H
#define HF_TESTS_HTTP_PROXIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/message.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline struct hf_ip ip_of(const char *text)
{
    struct hf_ip ip;
    if (hf_ip_parse(hf_bytes(text, strlen(text)), &ip) != HF_OK)
        fail_msg("%s is an address", text);
    return ip;
}

/* The proxies of all tests here: 10.0.0.0/8, fd00::/8. */
static struct hf_cidr proxies[2];

static inline int set_up(void **state)
{
    (void)state;
    return hf_cidr_parse("10.0.0.0/8", &proxies[0], NULL) != HF_OK ||
           hf_cidr_parse("fd00::/8", &proxies[1], NULL) != HF_OK;
}

static inline struct hf_http_key_options forwarded(const char *header)
{
    return (struct hf_http_key_options){
        .kind = HF_HTTP_KEY_FORWARDED,
        .header = header,
        .trusted = proxies,
        .trusted_count = LENGTH(proxies),
        .prefix6_bits = 128,
    };
}

static inline void assert_key(const struct hf_http_key_options *options, const char *peer,
    const struct test_field *fields, size_t count, const char *expected)
{
    struct test_message message = {.fields = fields, .count = count};
    struct hf_http_message request = test_http_message(&message);
    struct hf_http_key key;
    if (peer)
        request.peer = ip_of(peer);
    assert_int_equal(hf_http_key(options, &request, &key), HF_OK);
    if (key.size != strlen(expected) || memcmp(key.bytes, expected, key.size) != 0)
        fail_msg("%.*s instead of %s", (int)key.size, key.bytes, expected);
}

/* The key of a request from 10.0.0.1 with one field. */
static inline void assert_client(const char *name, const char *value, const char *expected)
{
    struct hf_http_key_options options = forwarded(NULL);
    assert_key(&options, "10.0.0.1", &(struct test_field){name, value, 0}, 1, expected);
}

#endif
