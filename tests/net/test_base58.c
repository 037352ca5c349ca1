/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "net/base58.h"
#include "scale.h"

#define SEED 20260102

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static void vectors_of_the_draft_are_met_both_ways(void **state)
{
    (void)state;
    static const char fox[] = "The quick brown fox jumps over the lazy dog.";
    const struct {
        struct hf_bytes bytes;
        const char *text;
    } known[] = {
        {text_of("Hello World!"), "2NEpo7TZRRrLZSi2U"},
        {text_of(fox), "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
        {hf_bytes("\x00\x00\x28\x7f\xb4\xcd", 6), "11233QC4"},
        {hf_bytes(NULL, 0), ""},
        {hf_bytes("\x00", 1), "1"},
        {hf_bytes("\x39", 1), "z"},
        {hf_bytes("\x3a", 1), "21"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[HF_BASE58_TEXT_OF(HF_BASE58_BYTES_MAX) + 1];
        assert_int_equal(hf_base58_write(known[i].bytes, text), strlen(known[i].text));
        assert_string_equal(text, known[i].text);
        uint8_t bytes[HF_BASE58_BYTES_MAX];
        size_t size = 77;
        assert_int_equal(hf_base58_read(text_of(known[i].text), bytes, &size), HF_OK);
        assert_int_equal(size, known[i].bytes.size);
        if (size > 0)
            assert_memory_equal(bytes, known[i].bytes.data, size);
    }
}

static void any_bytes_survive_and_keep_within_the_length_foretold(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t round = 0; round < test_scaled(20000); round++) {
        uint8_t bytes[HF_BASE58_BYTES_MAX];
        size_t size = (size_t)hf_random_below(&random, sizeof(bytes) + 1);
        size_t zeroes = round % 3 == 0 ? (size_t)hf_random_below(&random, size + 1) : 0;
        for (size_t i = 0; i < size; i++)
            bytes[i] = i < zeroes ? 0 : (uint8_t)hf_splitmix_next(&splitmix);
        char text[HF_BASE58_TEXT_OF(HF_BASE58_BYTES_MAX) + 1];
        size_t length = hf_base58_write(hf_bytes(bytes, size), text);
        assert_in_range(length, 0, HF_BASE58_TEXT_OF(size));
        assert_int_equal(strlen(text), length);
        uint8_t again[HF_BASE58_BYTES_MAX];
        size_t again_size;
        assert_int_equal(hf_base58_read(hf_bytes(text, length), again, &again_size), HF_OK);
        assert_int_equal(again_size, size);
        if (size > 0)
            assert_memory_equal(again, bytes, size);
    }
}

static void the_largest_bytes_have_the_longest_text(void **state)
{
    (void)state;
    uint8_t bytes[HF_BASE58_BYTES_MAX];
    char text[HF_BASE58_TEXT_OF(HF_BASE58_BYTES_MAX) + 1];
    memset(bytes, 0xff, sizeof(bytes));
    assert_in_range(hf_base58_write(hf_bytes(bytes, sizeof(bytes)), text), 80, sizeof(text) - 1);
}

static void assert_refused(struct hf_bytes text)
{
    uint8_t bytes[HF_BASE58_BYTES_MAX];
    size_t size = 77;
    assert_int_equal(hf_base58_read(text, bytes, &size), HF_MALFORMED);
    assert_int_equal(size, 77);
}

static void only_the_58_characters_are_read(void **state)
{
    (void)state;
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    for (unsigned character = 0; character < 256; character++) {
        char text[2] = {'2', (char)character};
        uint8_t bytes[HF_BASE58_BYTES_MAX];
        size_t size;
        if (character == 0 || !memchr(alphabet, (int)character, 58))
            assert_refused(hf_bytes(text, 2));
        else
            assert_int_equal(hf_base58_read(hf_bytes(text, 2), bytes, &size), HF_OK);
    }
}

static void what_passes_the_bounds_is_refused(void **state)
{
    (void)state;
    char text[HF_BASE58_TEXT_MAX + 1];
    uint8_t bytes[HF_BASE58_BYTES_MAX];
    size_t size;
    memset(text, '1', sizeof(text));
    assert_int_equal(hf_base58_read(hf_bytes(text, HF_BASE58_BYTES_MAX), bytes, &size), HF_OK);
    assert_int_equal(size, HF_BASE58_BYTES_MAX);
    assert_refused(hf_bytes(text, HF_BASE58_BYTES_MAX + 1));
    text[HF_BASE58_BYTES_MAX] = '2';
    assert_refused(hf_bytes(text, HF_BASE58_BYTES_MAX + 1));
    memset(text, 'z', sizeof(text));
    assert_int_equal(hf_base58_read(hf_bytes(text, 87), bytes, &size), HF_OK);
    assert_refused(hf_bytes(text, 88));
    assert_refused(hf_bytes(text, HF_BASE58_TEXT_MAX));
    assert_refused(hf_bytes(text, HF_BASE58_TEXT_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_draft_are_met_both_ways),
        cmocka_unit_test(any_bytes_survive_and_keep_within_the_length_foretold),
        cmocka_unit_test(the_largest_bytes_have_the_longest_text),
        cmocka_unit_test(only_the_58_characters_are_read),
        cmocka_unit_test(what_passes_the_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
