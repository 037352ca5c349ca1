/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/multiaddr.h>
#include <holdfast/random.h>

#include "hex.h"
#include "keys.h"
#include "scale.h"

#define SEED 20260106
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Random addresses, and valid ones with something taken away or changed: what is still an address
 * is the same one in both forms. */

static const char *const valid[] = {
    "047f000001060fa1",
    "2900000000000000000000ffffc0000201060fa1",
    "360b6578616d706c652e636f6d0601bb",
    "2a046574683029fe800000000000000000000000000001060050",
    "0401020304060050a50326" ED25519_MULTIHASH,
    "3801610600500600510600520600530600540600550600"
    "56",
    "a50322" HASHED_MULTIHASH,
};

/* False: it is none. */
static bool check_forms(struct hf_bytes bytes)
{
    struct hf_multiaddr address;
    struct hf_multiaddr again;
    char text[HF_MULTIADDR_TEXT_BYTES];
    if (hf_multiaddr_decode(bytes, &address, NULL) != HF_OK)
        return false;
    assert_int_equal(hf_multiaddr_bytes(&address).size, bytes.size);
    assert_memory_equal(hf_multiaddr_bytes(&address).data, bytes.data, bytes.size);
    size_t length = hf_multiaddr_write(&address, text, sizeof(text));
    assert_in_range(length, 1, sizeof(text) - 1);
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, length), &again, NULL), HF_OK);
    assert_true(hf_multiaddr_equals(&address, &again));
    return true;
}

static size_t count_parts(struct hf_bytes bytes)
{
    struct hf_multiaddr address;
    struct hf_multiaddr_part part;
    size_t at = 0;
    size_t count = 0;
    assert_int_equal(hf_multiaddr_decode(bytes, &address, NULL), HF_OK);
    while (hf_multiaddr_next(&address, &at, &part))
        count++;
    assert_int_equal(at, bytes.size);
    return count;
}

/* Where a part ends, so does an address; nowhere else. */
static void a_part_of_an_address_is_one_only_up_to_the_end_of_a_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(valid); i++) {
        uint8_t bytes[HF_MULTIADDR_BYTES_MAX];
        size_t size = hex_read(valid[i], bytes);
        size_t addresses = 0;
        for (size_t part = 0; part <= size; part++)
            addresses += check_forms(hf_bytes(bytes, part));
        assert_int_equal(addresses, count_parts(hf_bytes(bytes, size)));
    }
}

static void a_changed_byte_makes_another_address_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(valid); i++) {
        uint8_t bytes[HF_MULTIADDR_BYTES_MAX];
        size_t size = hex_read(valid[i], bytes);
        for (size_t change = 0; change < size * 255; change++) {
            uint8_t mask = (uint8_t)(1 + change / size);
            bytes[change % size] ^= mask;
            check_forms(hf_bytes(bytes, size));
            bytes[change % size] ^= mask;
        }
    }
}

static void a_changed_or_missing_character_makes_another_address_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(valid); i++) {
        uint8_t bytes[HF_MULTIADDR_BYTES_MAX];
        char text[HF_MULTIADDR_TEXT_BYTES];
        struct hf_multiaddr address;
        struct hf_multiaddr other;
        size_t size = hex_read(valid[i], bytes);
        assert_int_equal(hf_multiaddr_decode(hf_bytes(bytes, size), &address, NULL), HF_OK);
        size_t length = hf_multiaddr_write(&address, text, sizeof(text));
        for (size_t change = 0; change < length * 256; change++) {
            char mask = (char)(change / length);
            struct hf_bytes changed = hf_bytes(text, mask ? length : change);
            text[change % length] ^= mask;
            if (hf_multiaddr_parse(changed, &other, NULL) == HF_OK)
                assert_true(check_forms(hf_multiaddr_bytes(&other)));
            text[change % length] ^= mask;
        }
    }
}

/* The bytes of a part of any kind, valid. */
static size_t write_part(struct hf_splitmix *splitmix, uint8_t *out)
{
    struct hf_random random = hf_splitmix_random(splitmix);
    static const char *const heads[] = {"04", "29", "06", "2a06", "350a", "360a", "370a", "380a",
        "a50322"
        "1220",
        "a50326"
        "002408011220"};
    static const size_t sizes[] = {4, 16, 2, 6, 10, 10, 10, 10, 32, 32};
    size_t kind = (size_t)hf_random_below(&random, LENGTH(heads));
    size_t at = hex_read(heads[kind], out);
    bool is_name = kind >= 3 && kind <= 7;
    for (size_t i = 0; i < sizes[kind]; i++) {
        uint64_t byte =
            is_name ? 'a' + hf_random_below(&random, 26) : hf_random_below(&random, 256);
        out[at++] = (uint8_t)byte;
    }
    return at;
}

static void any_address_survives_in_both_forms(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    for (size_t round = 0; round < test_scaled(20000); round++) {
        uint8_t bytes[HF_MULTIADDR_BYTES_MAX + 64];
        size_t size = 0;
        size_t parts = 1 + round % HF_MULTIADDR_PARTS_MAX;
        for (size_t i = 0; i < parts; i++) {
            size_t added = write_part(&splitmix, bytes + size);
            if (size + added > HF_MULTIADDR_BYTES_MAX)
                break;
            size += added;
        }
        assert_true(check_forms(hf_bytes(bytes, size)));
    }
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED + 1);
    for (size_t round = 0; round < test_scaled(50000); round++) {
        uint8_t bytes[64];
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)hf_splitmix_next(&splitmix);
        bytes[0] = round % 2 ? 0x06 : 0x38;
        bytes[1] %= 8;
        check_forms(hf_bytes(bytes, round % sizeof(bytes)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_an_address_is_one_only_up_to_the_end_of_a_part),
        cmocka_unit_test(a_changed_byte_makes_another_address_or_none),
        cmocka_unit_test(a_changed_or_missing_character_makes_another_address_or_none),
        cmocka_unit_test(any_address_survives_in_both_forms),
        cmocka_unit_test(random_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
