/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/fields.h"
#include "cli/hop_by_hop.h"
#include "support/counting_allocator.h"

static void add(struct fields *fields, const char *line)
{
    assert_true(fields_add_line(fields, line, strlen(line)));
}

static bool value_is(struct fields *fields, const char *name, size_t index, const char *value)
{
    struct hf_http_message message = fields_message(fields);
    struct hf_bytes found;
    return message.field(message.context, name, index, &found) && found.size == strlen(value) &&
           memcmp(found.data, value, found.size) == 0;
}

static void fields_are_found_by_name_without_case_and_by_index(void **state)
{
    (void)state;
    struct fields fields = {.text = {.bytes_max = FIELDS_BYTES_MAX}};
    struct hf_bytes found;
    add(&fields, "HTTP/1.1 200 OK\r\n");
    add(&fields, "Set-Cookie: a\r\n");
    add(&fields, "set-cookie:  b \t\r\n");
    add(&fields, "Empty:\r\n");
    add(&fields, "\r\n");
    assert_true(value_is(&fields, "SET-COOKIE", 0, "a"));
    assert_true(value_is(&fields, "set-cookie", 1, "b"));
    assert_true(value_is(&fields, "empty", 0, ""));
    struct hf_http_message message = fields_message(&fields);
    assert_false(message.field(message.context, "set-cookie", 2, &found));
    assert_false(message.field(message.context, "HTTP/1.1 200 OK", 0, &found));
    buffer_free(&fields.text);
}

static void count_field(void *context, const char *name, const char *value)
{
    (void)name, (void)value;
    ++*(size_t *)context;
}

static void more_fields_than_fit_are_refused_whole(void **state)
{
    (void)state;
    struct fields fields = {.text = {.bytes_max = 16}};
    size_t count = 0;
    add(&fields, "name: value\r\n");
    assert_false(fields_add_line(&fields, "name: v\r\n", 9));
    fields_each(&fields, count_field, &count);
    assert_int_equal(count, 1);
    buffer_free(&fields.text);
}

static void a_line_with_a_nul_byte_adds_nothing(void **state)
{
    (void)state;
    struct fields fields = {.text = {.bytes_max = FIELDS_BYTES_MAX}};
    size_t count = 0;
    assert_true(fields_add_line(&fields, "a: b\0c\r\n", 8));
    assert_true(fields_add_line(&fields, ": b\r\n", 5));
    fields_each(&fields, count_field, &count);
    assert_int_equal(count, 0);
    buffer_free(&fields.text);
}

static void connection_fields_and_what_they_name_are_hop_by_hop(void **state)
{
    (void)state;
    struct fields fields = {.text = {.bytes_max = FIELDS_BYTES_MAX}};
    add(&fields, "Connection: close, X-One\r\n");
    add(&fields, "Connection: x-two ,X-Three\r\n");
    struct hf_http_message message = fields_message(&fields);
    static const char *const hop[] = {"Connection", "keep-alive", "TE", "Transfer-Encoding",
        "Upgrade", "Proxy-Authorization", "x-one", "X-Two", "X-THREE"};
    static const char *const end[] = {"X-On", "X-Three-", "Content-Type", "Accept", "X-Four"};
    for (size_t i = 0; i < sizeof hop / sizeof hop[0]; i++)
        assert_true(hop_by_hop(&message, hop[i]));
    for (size_t i = 0; i < sizeof end / sizeof end[0]; i++)
        assert_false(hop_by_hop(&message, end[i]));
    buffer_free(&fields.text);
}

static void a_buffer_grows_to_its_limit_and_no_further(void **state)
{
    (void)state;
    struct buffer buffer = {.bytes_max = 10000};
    for (size_t i = 0; i < 10000; i++) {
        char c = (char)('a' + i % 26);
        assert_true(buffer_append(&buffer, &c, 1));
    }
    assert_false(buffer_append(&buffer, "x", 1));
    assert_int_equal(buffer.size_bytes, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(buffer.data[i], 'a' + i % 26);
    buffer_clear(&buffer);
    assert_true(buffer_append(&buffer, "x", 1));
    buffer_free(&buffer);
    assert_null(buffer.data);
}

static void buffers_share_a_budget_and_give_it_back(void **state)
{
    (void)state;
    static const char bytes[8192];
    struct budget budget = {.bytes_max = 16384};
    struct buffer one = {.bytes_max = 10000, .budget = &budget};
    struct buffer two = {.bytes_max = 10000, .budget = &budget};
    assert_true(buffer_append(&one, bytes, 8192));
    assert_true(buffer_append(&two, bytes, 4096));
    assert_int_equal(budget.used_bytes, 12288);
    assert_false(buffer_append(&two, bytes, 4096));
    assert_true(two.starved);
    assert_int_equal(two.size_bytes, 4096);
    assert_false(buffer_append(&one, bytes, 8192));
    assert_false(one.starved);
    buffer_free(&one);
    assert_true(buffer_append(&two, bytes, 4096));
    assert_int_equal(budget.used_bytes, 8192);
    buffer_free(&two);
    assert_int_equal(budget.used_bytes, 0);
}

static void a_buffer_without_memory_gives_its_budget_back(void **state)
{
    (void)state;
    struct counting_allocator counting = {.fail_at = 1};
    struct hf_allocator allocator = counting_allocator(&counting);
    struct budget budget = {.bytes_max = 16384};
    struct buffer buffer = {.bytes_max = 10000, .budget = &budget, .allocator = &allocator};
    assert_false(buffer_append(&buffer, "x", 1));
    assert_true(buffer.starved);
    assert_int_equal(budget.used_bytes, 0);
}

static void trailers_and_names_that_are_none_add_nothing(void **state)
{
    (void)state;
    struct fields fields = {.text = {.bytes_max = FIELDS_BYTES_MAX}};
    size_t count = 0;
    add(&fields, "X y: 1\r\n");
    add(&fields, "X-A : 1\r\n");
    add(&fields, " folded: 1\r\n");
    add(&fields, "\r\n");
    add(&fields, "Set-Cookie: trailer\r\n");
    fields_each(&fields, count_field, &count);
    assert_int_equal(count, 0);
    fields_clear(&fields);
    add(&fields, "X-A: 1\r\n");
    fields_each(&fields, count_field, &count);
    assert_int_equal(count, 1);
    buffer_free(&fields.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_name_without_case_and_by_index),
        cmocka_unit_test(more_fields_than_fit_are_refused_whole),
        cmocka_unit_test(a_line_with_a_nul_byte_adds_nothing),
        cmocka_unit_test(connection_fields_and_what_they_name_are_hop_by_hop),
        cmocka_unit_test(a_buffer_grows_to_its_limit_and_no_further),
        cmocka_unit_test(buffers_share_a_budget_and_give_it_back),
        cmocka_unit_test(a_buffer_without_memory_gives_its_budget_back),
        cmocka_unit_test(trailers_and_names_that_are_none_add_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
