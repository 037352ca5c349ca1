/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/http.h>

#include "http/proxies.h"

static void peers_are_keyed_by_their_prefix(void **state)
{
    (void)state;
    struct hf_http_key_options options = {.kind = HF_HTTP_KEY_PEER};
    assert_key(&options, "192.0.2.1", NULL, 0, "192.0.2.1");
    assert_key(&options, "::ffff:192.0.2.1", NULL, 0, "192.0.2.1");
    assert_key(&options, "2001:db8:1:2:3:4:5:6", NULL, 0, "2001:db8:1:2::/64");
    assert_key(&options, NULL, NULL, 0, "local");
    options.prefix4_bits = 24;
    options.prefix6_bits = 48;
    assert_key(&options, "192.0.2.1", NULL, 0, "192.0.2.0/24");
    assert_key(&options, "2001:db8:1:2:3:4:5:6", NULL, 0, "2001:db8:1::/48");
    options.prefix4_bits = 9;
    options.prefix6_bits = 128;
    assert_key(&options, "10.255.2.1", NULL, 0, "10.128.0.0/9");
    assert_key(&options, "2001:db8:1:2:3:4:5:6", NULL, 0, "2001:db8:1:2:3:4:5:6");
}

static void peers_are_not_asked_for_fields(void **state)
{
    (void)state;
    struct hf_http_key_options options = {.kind = HF_HTTP_KEY_PEER};
    const struct test_field fields[] = {
        {"X-Forwarded-For", "203.0.113.7", 0}, {"Forwarded", "for=203.0.113.7", 0}};
    assert_key(&options, "10.0.0.1", fields, 2, "10.0.0.1");
}

static void one_key_for_all_is_global(void **state)
{
    (void)state;
    struct hf_http_key_options options = {.kind = HF_HTTP_KEY_GLOBAL};
    assert_key(&options, "192.0.2.1", NULL, 0, "global");
    assert_key(&options, "2001:db8::1", NULL, 0, "global");
}

static void a_header_keys_by_name_and_value(void **state)
{
    (void)state;
    struct hf_http_key_options options = {.kind = HF_HTTP_KEY_HEADER, .header = "X-Api-Key"};
    const struct test_field one[] = {{"x-api-key", " alice\t", 0}, {"X-API-KEY", "bob", 0}};
    assert_key(&options, "192.0.2.1", one, 2, "X-Api-Key=alice");
    assert_key(&options, "192.0.2.1", NULL, 0, "192.0.2.1");
    assert_key(&options, "192.0.2.1", &(struct test_field){"X-Api-Key", " ", 0}, 1, "192.0.2.1");
    assert_key(&options, "192.0.2.1", &(struct test_field){"X-Api-Keys", "a", 0}, 1, "192.0.2.1");
}

static void no_header_value_can_pose_as_an_address(void **state)
{
    (void)state;
    struct hf_http_key_options options = {.kind = HF_HTTP_KEY_HEADER, .header = "X-Api-Key"};
    const struct test_field field = {"X-Api-Key", "192.0.2.1", 0};
    assert_key(&options, "203.0.113.7", &field, 1, "X-Api-Key=192.0.2.1");
}

static void a_header_may_fill_the_key_and_no_more(void **state)
{
    (void)state;
    char value[HF_HTTP_KEY_BYTES_MAX];
    memset(value, 'v', sizeof(value));
    struct hf_http_key_options options = {.kind = HF_HTTP_KEY_HEADER, .header = "Name"};
    struct test_field field = {"Name", value, HF_HTTP_KEY_BYTES_MAX - 5};
    struct test_message message = {.fields = &field, .count = 1};
    struct hf_http_message request = test_http_message(&message);
    struct hf_http_key key;
    assert_int_equal(hf_http_key(&options, &request, &key), HF_OK);
    assert_int_equal(key.size, HF_HTTP_KEY_BYTES_MAX);
    field.size++;
    memset(&key, 1, sizeof(key));
    struct hf_http_key before = key;
    assert_int_equal(hf_http_key(&options, &request, &key), HF_MALFORMED);
    assert_memory_equal(&key, &before, sizeof(key));
}

static void the_first_address_from_the_right_that_is_not_trusted_is_the_client(void **state)
{
    (void)state;
    assert_client("X-Forwarded-For", "203.0.113.7", "203.0.113.7");
    assert_client("x-forwarded-for", " 203.0.113.7 ", "203.0.113.7");
    assert_client("X-Forwarded-For", "198.51.100.1, 203.0.113.7", "203.0.113.7");
    assert_client("X-Forwarded-For", "198.51.100.1,203.0.113.7,10.0.0.2,10.9.9.9", "203.0.113.7");
    assert_client("X-Forwarded-For", "203.0.113.7,, ,\t,10.0.0.2,", "203.0.113.7");
    assert_client("X-Forwarded-For", "2001:db8::7, fd00::1", "2001:db8::7");
    assert_client("X-Forwarded-For", "[2001:db8::7]:4711", "2001:db8::7");
    assert_client("X-Forwarded-For", "[2001:db8::7]", "2001:db8::7");
    assert_client("X-Forwarded-For", "203.0.113.7:65535", "203.0.113.7");
    assert_client("X-Forwarded-For", "::ffff:203.0.113.7", "203.0.113.7");
    assert_client("Forwarded", "for=203.0.113.7", "203.0.113.7");
    assert_client("Forwarded", "For=\"203.0.113.7:4711\";proto=http;by=10.0.0.2", "203.0.113.7");
    assert_client("Forwarded", "proto=http ; FOR=\"[2001:db8::1]:4711\"", "2001:db8::1");
    assert_client("Forwarded", "for=\"[2001:db8::1]:_port\"", "2001:db8::1");
    assert_client("Forwarded", "for=198.51.100.1, for=203.0.113.7, for=10.1.1.1", "203.0.113.7");
    assert_client("Forwarded", "for=203.0.113.7;host=\"a,b;for=1.2.3.4\"", "203.0.113.7");
    assert_client("Forwarded", "host=\"a\\\",for=1.2.3.4\";for=203.0.113.7", "203.0.113.7");
    assert_client("Forwarded", "host=\"a\\\\\";for=203.0.113.7,for=10.0.0.3", "203.0.113.7");
    assert_client("Forwarded", "for=\"203.0.11\\3.7\"", "203.0.113.7");
    assert_client("Forwarded", "secret;for=203.0.113.7;", "203.0.113.7");
}

static void what_is_no_address_ends_the_search_at_the_one_before_it(void **state)
{
    (void)state;
    const char *const ends[] = {"unknown", "_hidden", "localhost", "203.0.113",
        "203.0.113.7:", "203.0.113.7:65536", "203.0.113.7:x", "203.0.113.7:_", "203.0.113.7:_a b",
        "[203.0.113.7]", "[2001:db8::1", "[2001:db8::1]4711", "[2001:db8::1]:123456",
        "2001:db8::1%eth0", "\"", "[", "[]", ":80", "203.0.113.7 10.0.0.5", "for=203.0.113.7",
        "\"203.0.113.7\""};
    for (size_t index = 0; index < LENGTH(ends); index++) {
        char list[128];
        assert_client("X-Forwarded-For", ends[index], "10.0.0.1");
        snprintf(list, sizeof(list), "198.51.100.1, %s, 10.0.0.2", ends[index]);
        assert_client("X-Forwarded-For", list, "10.0.0.2");
    }
    char too_long[100] = "";
    memset(too_long, 'a', sizeof(too_long) - 1);
    memcpy(too_long, "for=\"", 5);
    too_long[sizeof(too_long) - 2] = '"';
    const char *const elements[] = {"for=unknown", "for=\"_hidden\"", "for=_hidden", "for=", "for",
        "proto=http", "=203.0.113.7", "for =203.0.113.7", "for=203.0.113.7;for=203.0.113.8",
        "for=\"203.0.113.7", "for=203.0.113.7\"", "for=\"203.0.113.7\\\"", "for=\"\\\"", "for=\"",
        "for=\"\"", "for=\"203.0.113.7\"x", "for='203.0.113.7'", "203.0.113.7",
        "for=\" 203.0.113.7\"", "for=[203.0.113.7]:80", ";", "\"\"", too_long};
    for (size_t index = 0; index < LENGTH(elements); index++) {
        char list[256];
        assert_client("Forwarded", elements[index], "10.0.0.1");
        snprintf(list, sizeof(list), "for=198.51.100.1, %s, for=10.0.0.2", elements[index]);
        assert_client("Forwarded", list, "10.0.0.2");
    }
}

static void if_all_are_trusted_the_leftmost_is_the_client(void **state)
{
    (void)state;
    assert_client("X-Forwarded-For", "10.0.0.3, 10.0.0.2", "10.0.0.3");
    assert_client("Forwarded", "for=10.0.0.3, for=\"[fd00::2]\"", "10.0.0.3");
    assert_client("X-Forwarded-For", "", "10.0.0.1");
    assert_client("X-Forwarded-For", " , ,", "10.0.0.1");
    assert_client("Forwarded", "", "10.0.0.1");
}

static void fields_of_one_name_are_one_list_in_their_order(void **state)
{
    (void)state;
    struct hf_http_key_options options = forwarded(NULL);
    const struct test_field fields[] = {
        {"X-Forwarded-For", "198.51.100.1", 0},
        {"Accept", "*/*", 0},
        {"X-Forwarded-For", "198.51.100.2, 203.0.113.7", 0},
        {"X-Forwarded-For", "", 0},
        {"x-forwarded-for", "10.0.0.3, 10.0.0.2", 0},
    };
    assert_key(&options, "10.0.0.1", fields, LENGTH(fields), "203.0.113.7");
    assert_key(&options, "10.0.0.1", fields, 1, "198.51.100.1");
}

static void fields_from_an_untrusted_peer_are_not_even_read(void **state)
{
    (void)state;
    const struct test_field fields[] = {
        {"X-Forwarded-For", "10.0.0.2", 0}, {"Forwarded", "for=10.0.0.2", 0}};
    struct hf_http_key_options options = forwarded(NULL);
    struct test_message message = {.fields = fields, .count = LENGTH(fields)};
    struct hf_http_message request = test_http_message(&message);
    struct hf_http_key key;
    request.peer = ip_of("203.0.113.66");
    assert_int_equal(hf_http_key(&options, &request, &key), HF_OK);
    assert_int_equal(key.size, strlen("203.0.113.66"));
    assert_memory_equal(key.bytes, "203.0.113.66", key.size);
    assert_int_equal(message.asked, 0);
    assert_key(&options, NULL, fields, LENGTH(fields), "local");
    options.trusted_count = 0;
    assert_key(&options, "10.0.0.1", fields, LENGTH(fields), "10.0.0.1");
}

static void two_kinds_of_fields_must_agree(void **state)
{
    (void)state;
    struct hf_http_key_options options = forwarded(NULL);
    struct test_field fields[] = {
        {"X-Forwarded-For", "198.51.100.1, 203.0.113.7", 0}, {"Forwarded", "for=203.0.113.7", 0}};
    assert_key(&options, "10.0.0.1", fields, 2, "203.0.113.7");
    fields[1].value = "for=198.51.100.1"; /* What a client would write to be somebody else. */
    assert_key(&options, "10.0.0.1", fields, 2, "10.0.0.1");
    fields[1].value = "for=unknown";
    assert_key(&options, "10.0.0.1", fields, 2, "10.0.0.1");
}

static void the_proxies_own_field_can_be_named(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"X-Forwarded-For", "203.0.113.7", 0},
        {"Forwarded", "for=203.0.113.8", 0}, {"X-Real-IP", "203.0.113.9", 0}};
    struct hf_http_key_options options = forwarded("X-Forwarded-For");
    assert_key(&options, "10.0.0.1", fields, LENGTH(fields), "203.0.113.7");
    options.header = "forwarded";
    assert_key(&options, "10.0.0.1", fields, LENGTH(fields), "203.0.113.8");
    options.header = "X-Real-IP";
    assert_key(&options, "10.0.0.1", fields, LENGTH(fields), "203.0.113.9");
    options.header = "CF-Connecting-IP";
    assert_key(&options, "10.0.0.1", fields, LENGTH(fields), "10.0.0.1");
}

static void assert_refused(struct hf_http_key_options options, const char *text)
{
    struct hf_error error = {0};
    struct hf_http_message request = {.field = NULL};
    struct hf_http_key key;
    assert_int_equal(hf_http_key_options_check(&options, &error), HF_INVALID);
    assert_int_equal(error.count, 1);
    if (!strstr(hf_error_text(&error), text))
        fail_msg("\"%s\" lacks \"%s\"", hf_error_text(&error), text);
    assert_int_equal(hf_http_key_options_check(&options, NULL), HF_INVALID);
    assert_int_equal(hf_http_key(&options, &request, &key), HF_INVALID);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    char long_name[HF_HTTP_NAME_BYTES_MAX + 2] = "";
    memset(long_name, 'n', HF_HTTP_NAME_BYTES_MAX + 1);
    struct hf_cidr odd[2] = {proxies[0], {.ip.version = 4, .prefix_bits = 33}};
    assert_refused((struct hf_http_key_options){.kind = (enum hf_http_key_kind)4}, "key.kind: 4");
    assert_refused(
        (struct hf_http_key_options){.kind = (enum hf_http_key_kind) - 1}, "key.kind: -1");
    assert_refused((struct hf_http_key_options){.prefix4_bits = 33}, "key.prefix4_bits: 33");
    assert_refused((struct hf_http_key_options){.prefix6_bits = 129}, "key.prefix6_bits: 129");
    assert_refused((struct hf_http_key_options){.kind = HF_HTTP_KEY_HEADER}, "key.header: NULL");
    assert_refused(
        (struct hf_http_key_options){.kind = HF_HTTP_KEY_HEADER, .header = ""}, "key.header: \"\"");
    assert_refused((struct hf_http_key_options){.kind = HF_HTTP_KEY_HEADER, .header = "a b"},
        "key.header: \"a b\"");
    assert_refused((struct hf_http_key_options){.kind = HF_HTTP_KEY_HEADER, .header = long_name},
        "key.header: \"nnn");
    assert_refused((struct hf_http_key_options){.header = "Name"}, "key.header: \"Name\"");
    assert_refused((struct hf_http_key_options){.kind = HF_HTTP_KEY_GLOBAL, .header = "Name"},
        "key.header: \"Name\"");
    assert_refused((struct hf_http_key_options){.trusted_count = 2}, "key.trusted: NULL");
    assert_refused(
        (struct hf_http_key_options){.trusted = proxies, .trusted_count = HF_HTTP_TRUSTED_MAX + 1},
        "key.trusted_count: 65");
    assert_refused(
        (struct hf_http_key_options){.trusted = odd, .trusted_count = 2}, "key.trusted[1]");
    odd[1] = (struct hf_cidr){.prefix_bits = 0};
    assert_refused(
        (struct hf_http_key_options){.trusted = odd, .trusted_count = 2}, "key.trusted[1]");
}

static void null_is_invalid(void **state)
{
    (void)state;
    struct hf_http_key_options options = forwarded(NULL);
    struct hf_http_message request = {.field = NULL, .peer = ip_of("10.0.0.1")};
    struct hf_http_key key;
    struct hf_error error = {0};
    assert_int_equal(hf_http_key(NULL, &request, &key), HF_INVALID);
    assert_int_equal(hf_http_key(&options, NULL, &key), HF_INVALID);
    assert_int_equal(hf_http_key(&options, &request, NULL), HF_INVALID);
    assert_int_equal(hf_http_key_options_check(NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "key: NULL");
    assert_int_equal(hf_http_key_options_check(&options, &error), HF_OK);
    assert_int_equal(hf_http_key(&options, &request, &key), HF_OK); /* No fields: the peer's. */
    assert_memory_equal(key.bytes, "10.0.0.1", key.size);
    options = (struct hf_http_key_options){.kind = HF_HTTP_KEY_HEADER, .header = "Name"};
    assert_int_equal(hf_http_key(&options, &request, &key), HF_OK);
    assert_memory_equal(key.bytes, "10.0.0.1", key.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_keyed_by_their_prefix),
        cmocka_unit_test(peers_are_not_asked_for_fields),
        cmocka_unit_test(one_key_for_all_is_global),
        cmocka_unit_test(a_header_keys_by_name_and_value),
        cmocka_unit_test(no_header_value_can_pose_as_an_address),
        cmocka_unit_test(a_header_may_fill_the_key_and_no_more),
        cmocka_unit_test(the_first_address_from_the_right_that_is_not_trusted_is_the_client),
        cmocka_unit_test(what_is_no_address_ends_the_search_at_the_one_before_it),
        cmocka_unit_test(if_all_are_trusted_the_leftmost_is_the_client),
        cmocka_unit_test(fields_of_one_name_are_one_list_in_their_order),
        cmocka_unit_test(fields_from_an_untrusted_peer_are_not_even_read),
        cmocka_unit_test(two_kinds_of_fields_must_agree),
        cmocka_unit_test(the_proxies_own_field_can_be_named),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(null_is_invalid),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
