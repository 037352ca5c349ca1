/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "net/base32.h"
#include "scale.h"

#define SEED 20260103
#define BYTES_MAX 64

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static void vectors_of_the_rfc_are_met_both_ways(void **state)
{
    (void)state;
    static const char *const known[][2] = {
        {"", ""},
        {"f", "my"},
        {"fo", "mzxq"},
        {"foo", "mzxw6"},
        {"foob", "mzxw6yq"},
        {"fooba", "mzxw6ytb"},
        {"foobar", "mzxw6ytboi"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[HF_BASE32_TEXT_OF(BYTES_MAX) + 1];
        assert_int_equal(hf_base32_write(text_of(known[i][0]), text), strlen(known[i][1]));
        assert_string_equal(text, known[i][1]);
        uint8_t bytes[BYTES_MAX];
        size_t size = 77;
        assert_int_equal(hf_base32_read(text_of(known[i][1]), bytes, BYTES_MAX, &size), HF_OK);
        assert_int_equal(size, strlen(known[i][0]));
        if (size > 0)
            assert_memory_equal(bytes, known[i][0], size);
    }
}

static void any_bytes_survive(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    for (size_t round = 0; round < test_scaled(20000); round++) {
        uint8_t bytes[BYTES_MAX];
        size_t size = round % (BYTES_MAX + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)hf_splitmix_next(&splitmix);
        char text[HF_BASE32_TEXT_OF(BYTES_MAX) + 1];
        size_t length = hf_base32_write(hf_bytes(bytes, size), text);
        assert_int_equal(length, HF_BASE32_TEXT_OF(size));
        assert_int_equal(strlen(text), length);
        uint8_t again[BYTES_MAX];
        size_t again_size;
        assert_int_equal(hf_base32_read(hf_bytes(text, length), again, size, &again_size), HF_OK);
        assert_int_equal(again_size, size);
        if (size > 0)
            assert_memory_equal(again, bytes, size);
    }
}

static void assert_refused(struct hf_bytes text, size_t size_max)
{
    uint8_t bytes[BYTES_MAX];
    size_t size = 77;
    assert_int_equal(hf_base32_read(text, bytes, size_max, &size), HF_MALFORMED);
    assert_int_equal(size, 77);
}

/* Read and written again it is the same text, for all of two and three characters. */
static void there_is_one_text_for_the_same_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    size_t accepted = 0;
    for (size_t i = 0; i < 32 * 32; i++) {
        char text[] = {alphabet[i / 32], alphabet[i % 32]};
        uint8_t bytes[BYTES_MAX];
        char again[HF_BASE32_TEXT_OF(BYTES_MAX) + 1];
        size_t size;
        assert_refused(hf_bytes(text, 1), BYTES_MAX);
        if (hf_base32_read(hf_bytes(text, 2), bytes, BYTES_MAX, &size) != HF_OK)
            continue;
        accepted++;
        assert_int_equal(hf_base32_write(hf_bytes(bytes, size), again), 2);
        assert_memory_equal(again, text, 2);
    }
    assert_int_equal(accepted, 256);
    assert_refused(text_of("aaa"), BYTES_MAX);
    assert_refused(text_of("mzxw6yt"), BYTES_MAX);
    assert_refused(text_of("mzxw6ytboia"), BYTES_MAX);
}

static void only_the_32_characters_are_read(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    for (unsigned character = 0; character < 256; character++) {
        char text[] = {(char)character, 'a'};
        uint8_t bytes[BYTES_MAX];
        size_t size;
        if (character == 0 || !memchr(alphabet, (int)character, 32))
            assert_refused(hf_bytes(text, 2), BYTES_MAX);
        else
            assert_int_equal(hf_base32_read(hf_bytes(text, 2), bytes, BYTES_MAX, &size), HF_OK);
    }
}

static void bytes_without_room_are_refused(void **state)
{
    (void)state;
    assert_refused(text_of("my"), 0);
    assert_refused(text_of("mzxw6ytboi"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc_are_met_both_ways),
        cmocka_unit_test(any_bytes_survive),
        cmocka_unit_test(there_is_one_text_for_the_same_bytes),
        cmocka_unit_test(only_the_32_characters_are_read),
        cmocka_unit_test(bytes_without_room_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
