/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "audit/record.h"
#include "scale.h"
#include "support/json_parser.h"

#define SEED UINT64_C(42)

/* A whole line as the writer would make it, without its newline. */
static struct json_object make_line(const char *event, const struct hf_field *fields, size_t count,
    char line[HF_AUDIT_RECORD_BYTES_MAX])
{
    struct hf_stamp_cache cache = {0};
    size_t head = hf_record_head(&cache, UINT64_MAX, UINT64_MAX, line);
    assert_int_equal(head, HF_RECORD_HEAD_BYTES_MAX);
    size_t body;
    assert_int_equal(hf_record_body(event, fields, count, line + head, &body), HF_OK);
    assert_int_equal(line[head + body - 1], '\n');
    struct json_object object;
    assert_true(json_read_object(hf_bytes(line, head + body - 1), &object));
    return object;
}

static void expect_member(const struct json_object *line, const char *name, const char *expected)
{
    struct hf_bytes value;
    assert_true(json_member(line, name, &value));
    assert_int_equal(value.size, strlen(expected));
    assert_memory_equal(value.data, expected, value.size);
}

static void every_kind_of_field_is_written(void **state)
{
    (void)state;
    const struct hf_field fields[] = {
        hf_field_text("text", "a \"quoted\"\nline"),
        hf_field_bytes("bytes", hf_bytes("\xff\0", 2)),
        hf_field_bytes("empty", hf_bytes(NULL, 0)),
        hf_field_integer("integer", INT64_MIN),
        hf_field_unsigned("unsigned", UINT64_MAX),
        hf_field_number("number", 0.25),
        hf_field_boolean("yes", true),
        hf_field_boolean("no", false),
        hf_field_text("nothing", NULL),
        hf_field_text("na\"me", "x"),
    };
    char text[HF_AUDIT_RECORD_BYTES_MAX];
    struct json_object line = make_line("every \"kind\"", fields, 10, text);
    expect_member(&line, "event", "\"every \\\"kind\\\"\"");
    expect_member(&line, "text", "\"a \\\"quoted\\\"\\nline\"");
    expect_member(&line, "bytes", "\"\xef\xbf\xbd\\u0000\"");
    expect_member(&line, "empty", "\"\"");
    expect_member(&line, "integer", "-9223372036854775808");
    expect_member(&line, "unsigned", "18446744073709551615");
    expect_member(&line, "number", "0.25");
    expect_member(&line, "yes", "true");
    expect_member(&line, "no", "false");
    expect_member(&line, "nothing", "null");
    expect_member(&line, "na\"me", "\"x\"");
    assert_int_equal(json_member_count(&line, "truncated"), 0);
}

static enum hf_status status_of(const char *event, struct hf_field field)
{
    char body[HF_RECORD_BODY_BYTES_MAX];
    size_t size;
    return hf_record_body(event, &field, 1, body, &size);
}

static void fields_that_cannot_be_written_are_refused(void **state)
{
    (void)state;
    assert_int_equal(status_of("e", hf_field_boolean(NULL, true)), HF_INVALID);
    assert_int_equal(status_of("e", hf_field_bytes("x", hf_bytes(NULL, 1))), HF_INVALID);
    struct hf_field unknown = {.name = "x", .kind = (enum hf_field_kind)(HF_FIELD_NULL + 1)};
    assert_int_equal(status_of("e", unknown), HF_INVALID);
    unknown.kind = (enum hf_field_kind) - 1;
    assert_int_equal(status_of("e", unknown), HF_INVALID);
}

static void names_that_every_record_has_are_refused(void **state)
{
    (void)state;
    static const char *const taken[] = {"time", "seq", "event", "truncated"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(status_of("e", hf_field_boolean(taken[i], true)), HF_INVALID);
    static const char *const free_names[] = {"", "tim", "times", "seqs", "Event", "truncate"};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(status_of("e", hf_field_boolean(free_names[i], true)), HF_OK);
}

static void the_log_knows_its_own_events(void **state)
{
    (void)state;
    assert_true(hf_record_is_own("hf.gap"));
    assert_true(hf_record_is_own("hf.open"));
    assert_false(hf_record_is_own("hf.gaps"));
    assert_false(hf_record_is_own("hf."));
    assert_false(hf_record_is_own(""));
    assert_false(hf_record_is_own("denied"));
}

/* Names of that length: they fit or they do not, but are never shortened. */
static void names_are_whole_or_the_record_is_refused(void **state)
{
    (void)state;
    char name[HF_AUDIT_RECORD_BYTES_MAX + 2];
    size_t longest[2] = {0, 0};
    for (size_t size = 0; size <= HF_AUDIT_RECORD_BYTES_MAX; size++) {
        memset(name, 'n', size);
        name[size] = '\0';
        char line[HF_AUDIT_RECORD_BYTES_MAX];
        size_t body;
        struct hf_field field = hf_field_text(name, "some text");
        if (hf_record_body(name, NULL, 0, line, &body) == HF_OK) {
            assert_int_equal(longest[0], size == 0 ? 0 : size - 1);
            longest[0] = size;
            struct json_object bare = make_line(name, NULL, 0, line);
            assert_true(json_member_is(&bare, "event", name));
        }
        if (hf_record_body("e", &field, 1, line, &body) == HF_OK) {
            assert_int_equal(longest[1], size == 0 ? 0 : size - 1);
            longest[1] = size;
            struct json_object cut = make_line("e", &field, 1, line);
            assert_int_equal(json_member_count(&cut, name), 1);
        }
    }
    assert_int_equal(longest[0], HF_RECORD_BODY_BYTES_MAX - strlen(",'event':''}."));
    assert_int_equal(
        longest[1], HF_RECORD_BODY_BYTES_MAX - strlen(",'event':'e','':'some text'}."));
}

/* The value of a cut text must be a beginning of the whole. Plain letters only, so sizes add up. */
static void check_cut(const struct hf_field *fields, size_t count, const struct json_object *line)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        struct hf_bytes value;
        assert_true(json_member(line, fields[i].name, &value));
        struct hf_bytes text = fields[i].value.text;
        assert_true(value.size - 2 <= text.size);
        assert_memory_equal((const char *)value.data + 1, text.data, value.size - 2);
        /* The first ones take what there is: behind a cut one there is nothing. */
        assert_true(!any || value.size == 2);
        any = any || value.size - 2 < text.size;
    }
    assert_int_equal(json_member_count(line, "truncated"), any);
    if (any) { /* And all the memory is used. */
        expect_member(line, "truncated", "true");
        assert_int_equal(line->text.size + 1, HF_AUDIT_RECORD_BYTES_MAX);
    }
}

static void long_texts_are_cut_and_nothing_else(void **state)
{
    (void)state;
    static char letters[3 * HF_AUDIT_RECORD_BYTES_MAX];
    memset(letters, 'x', sizeof(letters));
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED);
    for (size_t i = 0; i < test_scaled(5000); i++) {
        struct hf_field fields[4];
        char names[4][8];
        size_t count = 1 + hf_splitmix_next(&random) % 4;
        size_t scale = hf_splitmix_next(&random) % sizeof(letters);
        for (size_t f = 0; f < count; f++) {
            snprintf(names[f], sizeof(names[f]), "n%zu", f);
            size_t size = hf_splitmix_next(&random) % (scale / count + 1);
            fields[f] = hf_field_bytes(names[f], hf_bytes(letters, size));
        }
        char text[HF_AUDIT_RECORD_BYTES_MAX];
        struct json_object line = make_line("cut", fields, count, text);
        check_cut(fields, count, &line);
    }
}

static void a_cut_never_splits_an_escape(void **state)
{
    (void)state;
    static const char *const units[] = {"\x01", "\"", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a", "\xff"};
    static char texts[5][4 * HF_AUDIT_RECORD_BYTES_MAX];
    for (size_t u = 0; u < 5; u++) {
        for (size_t at = 0; at < sizeof(texts[u]); at++)
            texts[u][at] = units[u][at % strlen(units[u])];
        for (size_t name = 1; name < 16; name++) { /* Shifts where the cut falls. */
            struct hf_field fields[] = {
                hf_field_bytes(&"nnnnnnnnnnnnnnn"[15 - name], hf_bytes(texts[u], sizeof(texts[u]))),
                hf_field_unsigned("after", 1),
            };
            char text[HF_AUDIT_RECORD_BYTES_MAX];
            struct json_object line = make_line("cut", fields, 2, text);
            expect_member(&line, "after", "1");
            expect_member(&line, "truncated", "true");
            assert_true(HF_AUDIT_RECORD_BYTES_MAX - 1 - line.text.size < 6);
        }
    }
}

static void the_time_of_a_line_is_read_back(void **state)
{
    (void)state;
    char line[HF_AUDIT_RECORD_BYTES_MAX];
    struct hf_stamp_cache cache = {0};
    size_t size = hf_record_head(&cache, UINT64_C(1700000000123456789), 17, line);
    uint64_t time_ns = 0;
    assert_true(hf_record_head_time(line, size, &time_ns));
    assert_int_equal(time_ns, UINT64_C(1700000000123456789));
    assert_false(hf_record_head_time(line, 38, &time_ns)); /* Cut within the time. */
    assert_true(hf_record_head_time(line, 39, &time_ns));
    assert_false(hf_record_head_time("", 0, &time_ns));
    line[2] = 'T';
    assert_false(hf_record_head_time(line, size, &time_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_field_is_written),
        cmocka_unit_test(fields_that_cannot_be_written_are_refused),
        cmocka_unit_test(names_that_every_record_has_are_refused),
        cmocka_unit_test(the_log_knows_its_own_events),
        cmocka_unit_test(names_are_whole_or_the_record_is_refused),
        cmocka_unit_test(long_texts_are_cut_and_nothing_else),
        cmocka_unit_test(a_cut_never_splits_an_escape),
        cmocka_unit_test(the_time_of_a_line_is_read_back),
    };
    print_message("# seed %llu\n", (unsigned long long)SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
