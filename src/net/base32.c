/* SPDX-License-Identifier: MIT */
#include "net/base32.h"

#define BITS 5

static int value_of(uint8_t character)
{
    if (character >= 'a' && character <= 'z')
        return character - 'a';
    if (character >= '2' && character <= '7')
        return character - '2' + 26;
    return -1;
}

/*
 * What is left of the last character has fewer bits than one, or that character said nothing; and
 * they are zero, so that no two texts are the same bytes.
 */
enum hf_status hf_base32_read(
    struct hf_bytes text, uint8_t *out, size_t size_max, size_t *size_bytes)
{
    const uint8_t *characters = text.data;
    uint32_t waiting = 0;
    unsigned waiting_bits = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(characters[i]);
        if (value < 0)
            return HF_MALFORMED;
        waiting = waiting << BITS | (uint32_t)value;
        waiting_bits += BITS;
        if (waiting_bits < 8)
            continue;
        if (size == size_max)
            return HF_MALFORMED;
        waiting_bits -= 8;
        out[size++] = (uint8_t)(waiting >> waiting_bits);
        waiting &= (1u << waiting_bits) - 1;
    }
    if (waiting_bits >= BITS || waiting != 0)
        return HF_MALFORMED;
    *size_bytes = size;
    return HF_OK;
}

size_t hf_base32_write(struct hf_bytes bytes, char *out)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    size_t length = HF_BASE32_TEXT_OF(bytes.size);
    for (size_t i = 0; i < length; i++) {
        size_t byte = i * BITS / 8;
        const uint8_t *at = (const uint8_t *)bytes.data + byte;
        unsigned pair = (unsigned)at[0] << 8 | (byte + 1 < bytes.size ? at[1] : 0u);
        out[i] = alphabet[pair >> (16 - BITS - i * BITS % 8) & 31];
    }
    out[length] = '\0';
    return length;
}
