/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

/* The oracle decodes first and judges the code point afterwards, as the standard's prose does. */
static size_t decode(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t i = 0; i < 4; i++) {
        if ((bytes[0] & forms[i].mask) != forms[i].lead)
            continue;
        if (i + 1 > size)
            return 0;
        uint32_t point = bytes[0] & (uint8_t)~forms[i].mask;
        for (size_t j = 1; j <= i; j++) {
            if (bytes[j] >> 6 != 2)
                return 0;
            point = point << 6 | (bytes[j] & 0x3f);
        }
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        return point >= forms[i].least && point <= 0x10ffff && !surrogate ? i + 1 : 0;
    }
    return 0;
}

static void every_sequence_of_up_to_three_bytes_is_judged_as_by_the_oracle(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (uint32_t word = 0; word < 1u << 24; word++) {
        uint8_t bytes[3] = {(uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word};
        if (hf_utf8_sequence(bytes, 3) != decode(bytes, 3))
            wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void sequences_of_four_bytes_are_judged_as_by_the_oracle(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    size_t wrong = 0;
    for (uint32_t word = 0; word < 1u << 16; word++) {
        for (size_t i = 0; i < sizeof edges * sizeof edges; i++) {
            uint8_t bytes[4] = {(uint8_t)(word >> 8), (uint8_t)word, edges[i / sizeof edges],
                edges[i % sizeof edges]};
            if (hf_utf8_sequence(bytes, 4) != decode(bytes, 4))
                wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_sequence_cut_short_is_none(void **state)
{
    (void)state;
    static const char *const whole[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a"};
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *bytes = (const uint8_t *)whole[i];
        assert_int_equal(hf_utf8_sequence(bytes, i + 1), i + 1);
        for (size_t size = 0; size <= i; size++)
            assert_int_equal(hf_utf8_sequence(bytes, size), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence_of_up_to_three_bytes_is_judged_as_by_the_oracle),
        cmocka_unit_test(sequences_of_four_bytes_are_judged_as_by_the_oracle),
        cmocka_unit_test(a_sequence_cut_short_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
