/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

/* Reads text as an option of that kind; true and the value if it is taken. */
static bool reads(enum option_kind kind, const char *text, uint64_t *value)
{
    const struct option_entry entry = {.name = "x", .kind = kind, .target = value};
    return option_read(&entry, text, NULL) == HF_OK;
}

static void durations_are_numbers_with_a_unit(void **state)
{
    (void)state;
    uint64_t ns;
    assert_true(reads(OPTION_DURATION, "250us", &ns));
    assert_int_equal(ns, HF_US(250));
    assert_true(reads(OPTION_DURATION, "1d", &ns));
    assert_int_equal(ns, HF_SECONDS(86400));
    assert_true(reads(OPTION_DURATION, "0s", &ns));
    assert_int_equal(ns, 0);
    assert_false(reads(OPTION_DURATION, "5", &ns));
    assert_false(reads(OPTION_DURATION, "s", &ns));
    assert_false(reads(OPTION_DURATION, "-1s", &ns));
    assert_false(reads(OPTION_DURATION, "5 s", &ns));
    assert_false(reads(OPTION_DURATION, "18446744073709551615s", &ns));
    assert_false(reads(OPTION_DURATION, "18446744073709551616ns", &ns));
}

static void sizes_are_numbers_with_a_binary_unit(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_true(reads(OPTION_SIZE, "8MiB", &bytes));
    assert_int_equal(bytes, 8u << 20);
    assert_true(reads(OPTION_SIZE, "4096", &bytes));
    assert_int_equal(bytes, 4096);
    assert_false(reads(OPTION_SIZE, "8MB", &bytes));
    assert_false(reads(OPTION_SIZE, "", &bytes));
}

static void numbers_outside_their_bounds_are_named(void **state)
{
    (void)state;
    uint64_t value = 7;
    struct hf_error error = {0};
    const struct option_entry entry = {"n", OPTION_NUMBER, &value, 1, 10, "N", ""};
    assert_int_equal(option_read(&entry, "0", &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "--n: '0' is too small");
    assert_int_equal(option_read(&entry, "11", &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "--n: '11' is too large");
    assert_int_equal(option_read(&entry, "1e1", &error), HF_INVALID);
    assert_int_equal(value, 7);
    assert_int_equal(option_read(&entry, "10", &error), HF_OK);
    assert_int_equal(value, 10);
}

static void rates_are_a_count_and_a_period(void **state)
{
    (void)state;
    struct hf_quota quota = {0};
    const struct option_entry entry = {.name = "rate", .kind = OPTION_RATE, .target = &quota};
    assert_int_equal(option_read(&entry, "50/s", NULL), HF_OK);
    assert_int_equal(quota.count, 50);
    assert_int_equal(quota.period_ns, HF_SECONDS(1));
    assert_int_equal(option_read(&entry, "5/100ms", NULL), HF_OK);
    assert_int_equal(quota.count, 5);
    assert_int_equal(quota.period_ns, HF_MS(100));
    assert_int_equal(option_read(&entry, "50", NULL), HF_INVALID);
    assert_int_equal(option_read(&entry, "/s", NULL), HF_INVALID);
    assert_int_equal(option_read(&entry, "50/", NULL), HF_INVALID);
    assert_int_equal(option_read(&entry, "50/fortnight", NULL), HF_INVALID);
}

static void networks_gather_up_to_their_maximum(void **state)
{
    (void)state;
    struct network_list list = {0};
    const struct option_entry entry = {.name = "trust", .kind = OPTION_NETWORK, .target = &list};
    for (size_t i = 0; i < HF_HTTP_TRUSTED_MAX; i++)
        assert_int_equal(option_read(&entry, "10.0.0.0/8", NULL), HF_OK);
    assert_int_equal(option_read(&entry, "10.0.0.0/8", NULL), HF_INVALID);
    assert_int_equal(list.count, HF_HTTP_TRUSTED_MAX);
}

/* A table with one flag and one text. */
static enum options_result parse(
    int argc, char **argv, bool *flag, const char **text, struct hf_error *error)
{
    const struct option_entry entries[] = {
        {"flag", OPTION_FLAG, flag, 0, 0, NULL, "a flag"},
        {"text", OPTION_TEXT, text, 0, 0, "TEXT", "a text"},
    };
    const struct option_table table = {"test", "Tests.", "[OPTION]...", entries, 2};
    return options_parse(&table, argc, argv, error);
}

static void values_follow_after_a_space_or_an_equals_sign(void **state)
{
    (void)state;
    bool flag = false;
    const char *text = NULL;
    char *spaced[] = {"test", "--text", "a", "--flag"};
    char *joined[] = {"test", "--text=b=c"};
    assert_int_equal(parse(4, spaced, &flag, &text, NULL), OPTIONS_OK);
    assert_true(flag);
    assert_string_equal(text, "a");
    assert_int_equal(parse(2, joined, &flag, &text, NULL), OPTIONS_OK);
    assert_string_equal(text, "b=c");
}

static void what_is_wrong_with_a_command_line_is_said(void **state)
{
    (void)state;
    static const struct {
        char *word;
        const char *error;
    } cases[] = {
        {"--nonsense", "unknown option '--nonsense'"},
        {"nonsense", "'nonsense' is not an option"},
        {"--", "'--' is not an option"},
        {"--flag=1", "--flag takes no value"},
        {"--text", "--text: its value is missing (TEXT)"},
        {"--text=", "--text: '' is not a text of at least one character"},
        {"--tex=a", "unknown option '--tex=a'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool flag;
        const char *text;
        struct hf_error error = {0};
        char *argv[] = {"test", cases[i].word};
        assert_int_equal(parse(2, argv, &flag, &text, &error), OPTIONS_WRONG);
        assert_string_equal(hf_error_text(&error), cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_numbers_with_a_unit),
        cmocka_unit_test(sizes_are_numbers_with_a_binary_unit),
        cmocka_unit_test(numbers_outside_their_bounds_are_named),
        cmocka_unit_test(rates_are_a_count_and_a_period),
        cmocka_unit_test(networks_gather_up_to_their_maximum),
        cmocka_unit_test(values_follow_after_a_space_or_an_equals_sign),
        cmocka_unit_test(what_is_wrong_with_a_command_line_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
