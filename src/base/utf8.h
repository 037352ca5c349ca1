/* SPDX-License-Identifier: MIT */
#ifndef HF_BASE_UTF8_H
#define HF_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the UTF-8 sequence with which bytes begins, 1 to 4; 0 if there is none: ill-formed, cut
 * short or empty (Unicode, table 3-7; RFC 3629). Whoever replaces what is ill-formed skips one byte
 * then.
 */
static inline size_t hf_utf8_sequence(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t first = bytes[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > size)
        return 0;
    /* The second byte's range is what keeps out overlong forms, surrogates and all past U+10FFFF.
     */
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

#endif
