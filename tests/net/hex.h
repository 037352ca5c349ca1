/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_HEX_H
#define HF_TESTS_NET_HEX_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes written as text, two lower-case digits each; included after cmocka.h. */

static inline size_t hex_read(const char *text, void *bytes)
{
    uint8_t *to = bytes;
    size_t size = strlen(text) / 2;
    for (size_t index = 0; index < size; index++) {
        char pair[3] = {text[2 * index], text[2 * index + 1], '\0'};
        char *end;
        to[index] = (uint8_t)strtoul(pair, &end, 16);
        assert_ptr_equal(end, pair + 2);
    }
    return size;
}

static inline void hex_assert(const void *bytes, size_t size, const char *expected)
{
    uint8_t wanted[4096];
    assert_in_range(strlen(expected), 0, 2 * sizeof(wanted));
    assert_int_equal(hex_read(expected, wanted), size);
    if (size > 0)
        assert_memory_equal(bytes, wanted, size);
}

#endif
