/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/name.h"

static void a_name_says_time_and_number(void **state)
{
    (void)state;
    char text[HF_NAME_BYTES_MAX];
    struct hf_name name = {UINT64_C(1763640000), 17};
    hf_name_write("audit", name, text);
    assert_string_equal(text, "audit.2025-11-20T120000Z.000017.log");
    struct hf_name back;
    assert_true(hf_name_read("audit", text, &back));
    assert_int_equal(back.seconds, name.seconds);
    assert_int_equal(back.number, name.number);
}

static void numbers_of_any_length_read_back(void **state)
{
    (void)state;
    char prefix[HF_NAME_PREFIX_BYTES_MAX + 1];
    memset(prefix, 'p', HF_NAME_PREFIX_BYTES_MAX);
    prefix[HF_NAME_PREFIX_BYTES_MAX] = '\0';
    uint64_t number = 1;
    for (unsigned digits = 1; digits <= 19; digits++, number *= 10) {
        char text[HF_NAME_BYTES_MAX];
        struct hf_name back;
        hf_name_write(prefix, (struct hf_name){0, number}, text);
        assert_true(hf_name_read(prefix, text, &back));
        assert_int_equal(back.number, number);
        assert_true(strlen(text) < HF_NAME_BYTES_MAX - 1);
    }
}

/* None of these may be pruned: another program, a person, or another prefix owns them. */
static void names_that_only_look_alike_are_not_read(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "audit",
        "audit.log",
        "audit.2025-11-20T120000Z.000017.log.gz",
        "audit.2025-11-20T120000Z.000017.log~",
        "audit.2025-11-20T120000Z.000017.lo",
        "audit.2025-11-20T120000Z.000017",
        "audit.2025-11-20T120000Z.17.log",
        "audit.2025-11-20T120000Z.0000017.log",
        "audit.2025-11-20T120000Z.00017x.log",
        "audit.2025-11-20T120000Z.-00017.log",
        "audit.2025-11-20T120000Z.+00017.log",
        "audit.2025-11-20T120000Z. 00017.log",
        "audit.2025-11-20T120000Z.99999999999999999999.log",
        "audit.2025-11-20T120000Z..log",
        "audit.2025-11-20T120000Z.",
        "audit.2025-11-20T120000Z",
        "audit.2025-11-20T12:00:00Z.000017.log",
        "audit.2025-02-29T120000Z.000017.log",
        "audit.2025-11-20T250000Z.000017.log",
        "audit.2025-11-20.000017.log",
        "audit-2025-11-20T120000Z.000017.log",
        "audit.2025-11-20T120000Z-000017.log",
        "Audit.2025-11-20T120000Z.000017.log",
        "audits.2025-11-20T120000Z.000017.log",
        "audi.2025-11-20T120000Z.000017.log",
        "xaudit.2025-11-20T120000Z.000017.log",
        " audit.2025-11-20T120000Z.000017.log",
        "audit.2025-11-20T120000Z.000017.log ",
        "audit.audit.2025-11-20T120000Z.000017.log",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct hf_name name;
        if (hf_name_read("audit", others[i], &name))
            fail_msg("read: %s", others[i]);
    }
}

static void every_change_of_one_byte_makes_a_name_another(void **state)
{
    (void)state;
    char text[HF_NAME_BYTES_MAX];
    struct hf_name name = {UINT64_C(1763640000), 123456};
    hf_name_write("a-b_C", name, text);
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        for (unsigned byte = 1; byte < 256; byte++) {
            char other[HF_NAME_BYTES_MAX];
            memcpy(other, text, size + 1);
            other[at] = (char)byte;
            struct hf_name back;
            if (!hf_name_read("a-b_C", other, &back))
                continue;
            char again[HF_NAME_BYTES_MAX];
            hf_name_write("a-b_C", back, again);
            assert_string_equal(again, other);
        }
    }
}

static void prefixes_are_short_and_plain(void **state)
{
    (void)state;
    char longest[HF_NAME_PREFIX_BYTES_MAX + 2];
    memset(longest, 'z', sizeof(longest));
    longest[HF_NAME_PREFIX_BYTES_MAX + 1] = '\0';
    assert_false(hf_name_prefix_valid(longest));
    longest[HF_NAME_PREFIX_BYTES_MAX] = '\0';
    assert_true(hf_name_prefix_valid(longest));
    assert_true(hf_name_prefix_valid("aZ09_-"));
    assert_false(hf_name_prefix_valid(""));
    for (unsigned byte = 1; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'b', '\0'};
        bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
                         (int)byte) != NULL;
        assert_int_equal(hf_name_prefix_valid(text), plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_says_time_and_number),
        cmocka_unit_test(numbers_of_any_length_read_back),
        cmocka_unit_test(names_that_only_look_alike_are_not_read),
        cmocka_unit_test(every_change_of_one_byte_makes_a_name_another),
        cmocka_unit_test(prefixes_are_short_and_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
