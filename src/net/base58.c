/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "net/base58.h"

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/*
 * A number of any length in some base, least significant digit first: both directions put the
 * digits of one base into a number of the other. Zeroes at its head have no digits; the format
 * writes each of them as one of its own.
 */
struct number {
    uint8_t digits[HF_BASE58_TEXT_OF(HF_BASE58_BYTES_MAX)];
    size_t count;
};

/* number = number * factor + digit, in base. False: it has no room for that. */
static bool push(
    struct number *number, unsigned base, size_t count_max, unsigned factor, unsigned digit)
{
    unsigned carry = digit;
    for (size_t i = 0; i < number->count; i++) {
        carry += number->digits[i] * factor;
        number->digits[i] = (uint8_t)(carry % base);
        carry /= base;
    }
    for (; carry > 0; carry /= base) {
        if (number->count == count_max)
            return false;
        number->digits[number->count++] = (uint8_t)(carry % base);
    }
    return true;
}

static size_t count_leading(struct hf_bytes bytes, uint8_t wanted)
{
    size_t count = 0;
    while (count < bytes.size && ((const uint8_t *)bytes.data)[count] == wanted)
        count++;
    return count;
}

enum hf_status hf_base58_read(struct hf_bytes text, uint8_t *out, size_t *size_bytes)
{
    size_t zeroes = count_leading(text, (uint8_t)alphabet[0]);
    if (text.size > HF_BASE58_TEXT_MAX || zeroes > HF_BASE58_BYTES_MAX)
        return HF_MALFORMED;
    struct number number = {.count = 0};
    for (size_t i = zeroes; i < text.size; i++) {
        char character = ((const char *)text.data)[i];
        const char *found = character ? strchr(alphabet, character) : NULL;
        if (!found ||
            !push(&number, 256, HF_BASE58_BYTES_MAX - zeroes, 58, (unsigned)(found - alphabet)))
            return HF_MALFORMED;
    }
    memset(out, 0, zeroes);
    for (size_t i = 0; i < number.count; i++)
        out[zeroes + i] = number.digits[number.count - 1 - i];
    *size_bytes = zeroes + number.count;
    return HF_OK;
}

size_t hf_base58_write(struct hf_bytes bytes, char *out)
{
    assert(bytes.size <= HF_BASE58_BYTES_MAX);
    size_t zeroes = count_leading(bytes, 0);
    struct number number = {.count = 0};
    for (size_t i = zeroes; i < bytes.size; i++) {
        bool fits = push(&number, 58, sizeof(number.digits), 256, ((const uint8_t *)bytes.data)[i]);
        assert(fits);
        (void)fits;
    }
    memset(out, alphabet[0], zeroes);
    for (size_t i = 0; i < number.count; i++)
        out[zeroes + i] = alphabet[number.digits[number.count - 1 - i]];
    out[zeroes + number.count] = '\0';
    return zeroes + number.count;
}
