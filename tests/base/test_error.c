/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/error.h>

static void adding_returns_the_status_given(void **state)
{
    (void)state;
    struct hf_error error = {0};
    assert_int_equal(hf_error_add(&error, HF_IO, 5, "write: %d", 7), HF_IO);
    assert_int_equal(error.count, 1);
    assert_int_equal(error.causes[0].status, HF_IO);
    assert_int_equal(error.causes[0].code, 5);
    assert_string_equal(hf_error_text(&error), "write: 7");
}

static void a_missing_chain_is_not_an_error(void **state)
{
    (void)state;
    assert_int_equal(hf_error_add(NULL, HF_FULL, 0, "nobody reads %s", "this"), HF_FULL);
    assert_string_equal(hf_error_text(NULL), "");
    hf_error_clear(NULL);
    char text[8] = "before";
    assert_int_equal(hf_error_write(NULL, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

static void clearing_empties_the_chain(void **state)
{
    (void)state;
    struct hf_error error = {0};
    (void)hf_error_add(&error, HF_IO, 0, "one");
    hf_error_clear(&error);
    assert_int_equal(error.count, 0);
    assert_string_equal(hf_error_text(&error), "");
}

static void the_first_cause_is_never_lost(void **state)
{
    (void)state;
    struct hf_error error = {0};
    const uint32_t added = 3 * HF_ERROR_CAUSES_MAX;
    for (uint32_t number = 0; number < added; number++)
        (void)hf_error_add(&error, HF_FAILED, (int32_t)number, "cause %u", (unsigned)number);
    assert_int_equal(error.count, HF_ERROR_CAUSES_MAX);
    assert_int_equal(error.dropped, added - HF_ERROR_CAUSES_MAX);
    assert_int_equal(error.causes[0].code, 0);
    for (uint32_t index = 1; index < HF_ERROR_CAUSES_MAX; index++)
        assert_int_equal(error.causes[index].code, added - HF_ERROR_CAUSES_MAX + index);
    char text[HF_ERROR_CAUSES_MAX * HF_ERROR_TEXT_BYTES];
    hf_error_write(&error, text, sizeof(text));
    assert_non_null(strstr(text, "cause 17; 16 left out; caused by cause 0"));
}

static void a_cause_may_quote_the_chain_it_joins(void **state)
{
    (void)state;
    struct hf_error error = {0};
    (void)hf_error_add(&error, HF_IO, 0, "root");
    for (int level = 0; level < 2 * HF_ERROR_CAUSES_MAX; level++)
        (void)hf_error_add(&error, HF_IO, 0, "(%s)", hf_error_text(&error));
    assert_string_equal(hf_error_text(&error), "((((((((((((((((root))))))))))))))))");
}

static void control_characters_become_question_marks(void **state)
{
    (void)state;
    struct hf_error error = {0};
    (void)hf_error_add(&error, HF_INVALID, 0, "key: \"a\r\n\033[31mb\x7f\" gr\xc3\xbc\xc3\x9f");
    assert_string_equal(hf_error_text(&error), "key: \"a???[31mb?\" gr\xc3\xbc\xc3\x9f");
}

static void ill_formed_text_becomes_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *quoted;
        const char *kept;
    } cases[] = {
        {"\xff\xfe", "??"},
        {"\xc3", "?"},
        {"\xe2\x82", "??"},
        {"\xc0\xaf", "??"},                         /* An overlong '/'. */
        {"\xed\xa0\x80", "???"},                    /* A surrogate. */
        {"\xc2\x9bK", "?K"},                        /* CSI, the C1 form of ESC [. */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0"}, /* The first and last C1, and a space. */
        {"\x9b", "?"},
        {"\xf0\x9f\x8c\x8a", "\xf0\x9f\x8c\x8a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hf_error error = {0};
        (void)hf_error_add(&error, HF_INVALID, 0, "%s", cases[i].quoted);
        assert_string_equal(hf_error_text(&error), cases[i].kept);
    }
}

static void a_character_is_kept_whole_or_not_at_all_where_the_text_is_cut(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a"};
    for (size_t i = 0; i < 4; i++) {
        for (int before = HF_ERROR_TEXT_BYTES - 8; before < HF_ERROR_TEXT_BYTES; before++) {
            struct hf_error error = {0};
            (void)hf_error_add(&error, HF_INVALID, 0, "%0*d%s", before, 0, characters[i]);
            bool fits = (size_t)before + i + 1 < HF_ERROR_TEXT_BYTES;
            assert_int_equal(
                strlen(hf_error_text(&error)), fits ? (size_t)before + i + 1 : (size_t)before);
        }
    }
}

static void a_long_text_is_cut_and_ends(void **state)
{
    (void)state;
    struct hf_error error = {0};
    (void)hf_error_add(&error, HF_INVALID, 0, "%0*d", 4000, 1);
    assert_int_equal(strlen(hf_error_text(&error)), HF_ERROR_TEXT_BYTES - 1);
    (void)hf_error_add(&error, HF_INVALID, 0, NULL);
    assert_string_equal(hf_error_text(&error), "");
}

static void the_line_reads_newest_first(void **state)
{
    (void)state;
    struct hf_error error = {0};
    (void)hf_error_add(&error, HF_IO, 0, "C");
    (void)hf_error_add(&error, HF_IO, 0, "B");
    (void)hf_error_add(&error, HF_IO, 0, "A");
    char text[64];
    const char *whole = "A; caused by B; caused by C";
    assert_int_equal(hf_error_write(&error, text, sizeof(text)), strlen(whole));
    assert_string_equal(text, whole);
}

/* Buffers come from malloc at their exact size, so that the address sanitizer sees one byte too
 * many. */
static void any_buffer_size_gets_a_prefix_that_ends(void **state)
{
    (void)state;
    struct hf_error error = {0};
    (void)hf_error_add(&error, HF_IO, 0, "second");
    (void)hf_error_add(&error, HF_IO, 0, "first");
    const char *whole = "first; caused by second";
    assert_int_equal(hf_error_write(&error, NULL, 0), strlen(whole));
    for (size_t size = 1; size < strlen(whole) + 3; size++) {
        char *text = malloc(size);
        assert_non_null(text);
        assert_int_equal(hf_error_write(&error, text, size), strlen(whole));
        size_t kept = size - 1 < strlen(whole) ? size - 1 : strlen(whole);
        assert_int_equal(strlen(text), kept);
        assert_memory_equal(text, whole, kept);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_returns_the_status_given),
        cmocka_unit_test(a_missing_chain_is_not_an_error),
        cmocka_unit_test(clearing_empties_the_chain),
        cmocka_unit_test(the_first_cause_is_never_lost),
        cmocka_unit_test(a_cause_may_quote_the_chain_it_joins),
        cmocka_unit_test(control_characters_become_question_marks),
        cmocka_unit_test(ill_formed_text_becomes_question_marks),
        cmocka_unit_test(a_character_is_kept_whole_or_not_at_all_where_the_text_is_cut),
        cmocka_unit_test(a_long_text_is_cut_and_ends),
        cmocka_unit_test(the_line_reads_newest_first),
        cmocka_unit_test(any_buffer_size_gets_a_prefix_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
