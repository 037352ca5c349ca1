/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "http/structured.h"
#include "scale.h"

#define SEED 20240614
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Members and parameters of a value; -1: malformed. */
static int count_items(struct hf_bytes value)
{
    struct hf_sf sf = hf_sf(value);
    struct hf_sf_item item;
    int count = 0;
    while (hf_sf_member(&sf, &item)) {
        count++;
        while (hf_sf_parameter(&sf, &item))
            count++;
    }
    return sf.failed ? -1 : count;
}

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static void well_formed_values_are_read_to_their_end(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int items;
    } cases[] = {
        {"", 0},
        {"  ", 0},
        {"1", 1},
        {" 1 ", 1},
        {"1, 2,3\t,\t4", 4},
        {"\"default\";r=50;t=30", 3},
        {"\"a\";r=1,\"b\";r=2", 4},
        {"\"a\"; r=1;  t=2", 3},
        {"limit=100, remaining=50, reset=5", 3},
        {"limit=100;x;y=?0, *key.1_-*=tok/en:1", 4},
        {"-999999999999999", 1},
        {"123456789012.123", 1},
        {"-0.5", 1},
        {"\"with \\\" and \\\\ and ; , =\"", 1},
        {"\"\"", 1},
        {"token:/!#$%&'*+-.^_`|~", 1},
        {"*", 1},
        {":aGVsbG8=:, ::", 2},
        {"?1, ?0", 2},
        {"@1659578233, @-1", 2},
        {"%\"f%c3%bc \\ \", %\"\"", 2},
        {"a;b;c=1;b=2", 4},
    };
    for (size_t index = 0; index < LENGTH(cases); index++) {
        if (count_items(text_of(cases[index].text)) != cases[index].items)
            fail_msg("%s: %d", cases[index].text, count_items(text_of(cases[index].text)));
    }
}

static void malformed_values_fail_as_a_whole(void **state)
{
    (void)state;
    const char *const texts[] = {",", "1,", "1,,2", ",1", "1 2", "\"a", "\"a\\", "\"a\\b\"",
        "\"\x7f\"", "\"\xc3\xbc\"", "\"a\tb\"", "--1", "-", "1.", ".5", "1.2345", "1.2.3",
        "1234567890123.1", "1000000000000000", "-1000000000000000", ":abc", ":a b:", ":a-b:", "?",
        "?2", "?true", "@", "@1.5", "@x", "%", "%x", "%\"", "%\"%\"", "%\"%C3\"", "%\"%c\"",
        "%\"\n\"", "(1 2)", "()", "a=", "a=,b=1", "a;", "a;B=1", "a;b=", "a;=1", "a ;b", "a\n",
        "\x01", "\xff", "a=(1)", "{}", "a==1"};
    for (size_t index = 0; index < LENGTH(texts); index++) {
        if (count_items(text_of(texts[index])) != -1)
            fail_msg("\"%s\" was taken", texts[index]);
    }
    assert_int_equal(count_items(hf_bytes("1\0", 2)), -1);
    assert_int_equal(count_items(hf_bytes("\0", 1)), -1);
    assert_int_equal(count_items(hf_bytes("\"a\0\"", 4)), -1);
    assert_int_equal(count_items(hf_bytes("a\0=1", 4)), -1);
    assert_int_equal(count_items(hf_bytes(NULL, 0)), 0);
}

static void items_tell_kind_key_and_integer(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum hf_sf_kind kind;
        int64_t integer;
        const char *key;
    } cases[] = {
        {"7", HF_SF_INTEGER, 7, ""},
        {"-999999999999999", HF_SF_INTEGER, -999999999999999, ""},
        {"\"7\"", HF_SF_STRING, 0, ""},
        {"seven", HF_SF_TOKEN, 0, ""},
        {"Seven", HF_SF_TOKEN, 0, ""},
        {"7.5", HF_SF_OTHER, 7, ""},
        {"?1", HF_SF_OTHER, 0, ""},
        {"@7", HF_SF_OTHER, 7, ""},
        {"key=7", HF_SF_INTEGER, 7, "key"},
        {"k*=tok", HF_SF_TOKEN, 0, "k*"},
    };
    for (size_t index = 0; index < LENGTH(cases); index++) {
        struct hf_sf sf = hf_sf(text_of(cases[index].text));
        struct hf_sf_item item;
        assert_true(hf_sf_member(&sf, &item));
        assert_int_equal(item.kind, cases[index].kind);
        if (item.kind == HF_SF_INTEGER)
            assert_int_equal(item.integer, cases[index].integer);
        assert_int_equal(item.key.size, strlen(cases[index].key));
        if (item.key.size > 0)
            assert_memory_equal(item.key.data, cases[index].key, item.key.size);
        assert_false(hf_sf_parameter(&sf, &item));
        assert_false(hf_sf_member(&sf, &item));
        assert_false(sf.failed);
    }
}

static void a_parameter_without_a_value_is_no_integer(void **state)
{
    (void)state;
    struct hf_sf sf = hf_sf(text_of("1;r"));
    struct hf_sf_item item;
    assert_true(hf_sf_member(&sf, &item));
    assert_true(hf_sf_parameter(&sf, &item));
    assert_int_equal(item.kind, HF_SF_OTHER);
}

static void after_a_failure_nothing_is_read(void **state)
{
    (void)state;
    struct hf_sf sf = hf_sf(text_of("1;!;a=1, 2"));
    struct hf_sf_item item;
    assert_true(hf_sf_member(&sf, &item));
    assert_false(hf_sf_parameter(&sf, &item));
    assert_true(sf.failed);
    assert_false(hf_sf_parameter(&sf, &item));
    assert_false(hf_sf_member(&sf, &item));
}

static void random_bytes_never_crash(void **state)
{
    (void)state;
    const char alphabet[] = "ar=t;,\"\\ 019.-:?@%*A\t\0\xff(";
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    size_t well_formed = 0;
    for (size_t round = 0; round < test_scaled(300000); round++) {
        size_t size = 1 + hf_random_below(&random, 16);
        char *text = malloc(size);
        assert_non_null(text);
        for (size_t index = 0; index < size; index++)
            text[index] = alphabet[hf_random_below(&random, sizeof(alphabet) - 1)];
        int count = count_items(hf_bytes(text, size));
        if (count > (int)size)
            fail_msg("seed %d round %zu", SEED, round);
        well_formed += count >= 0;
        free(text);
    }
    assert_true(well_formed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_values_are_read_to_their_end),
        cmocka_unit_test(malformed_values_fail_as_a_whole),
        cmocka_unit_test(items_tell_kind_key_and_integer),
        cmocka_unit_test(a_parameter_without_a_value_is_no_integer),
        cmocka_unit_test(after_a_failure_nothing_is_read),
        cmocka_unit_test(random_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
