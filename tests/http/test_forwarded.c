/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <stdio.h>
#include <stdlib.h>

#include <holdfast/random.h>

#include "http/proxies.h"
#include "scale.h"

/* Forwarding fields of hostile clients: floods, and bytes that try to change what stands beside
 * them. */

#define SEED 20240612

static void only_so_many_entries_are_believed(void **state)
{
    (void)state;
    char list[10000 * 12 + 1] = "";
    size_t size = 0;
    for (unsigned entry = 0; entry < 10000; entry++)
        size += (size_t)sprintf(list + size, "10.%u.%u.1,", entry / 256, entry % 256);
    struct hf_http_key_options options = forwarded(NULL);
    const unsigned last = 10000 - HF_HTTP_FORWARDED_MAX;
    char expected[32];
    sprintf(expected, "10.%u.%u.1", last / 256, last % 256);
    struct test_field field = {"X-Forwarded-For", list, 0};
    assert_key(&options, "10.0.0.1", &field, 1, expected);
    memset(list, ',', sizeof(list) - 1);
    assert_key(&options, "10.0.0.1", &field, 1, "10.0.0.1");
    memset(list, '"', sizeof(list) - 1);
    field.name = "Forwarded";
    assert_key(&options, "10.0.0.1", &field, 1, "10.0.0.1");
    memset(list, '\\', sizeof(list) - 1);
    list[0] = list[sizeof(list) - 2] = '"';
    assert_key(&options, "10.0.0.1", &field, 1, "10.0.0.1");
}

/* Fills in all fields alike, so that ten thousand of them cost the test nothing. */
struct endless {
    const char *value;
    size_t count;
    size_t asked;
};

static bool endless_field(void *context, const char *name, size_t index, struct hf_bytes *value)
{
    struct endless *endless = context;
    endless->asked++;
    if (strcmp(name, "X-Forwarded-For") != 0 || index >= endless->count)
        return false;
    *value = hf_bytes(endless->value, strlen(endless->value));
    return true;
}

static void work_is_bounded_in_the_number_of_fields(void **state)
{
    (void)state;
    const struct {
        const char *value;
        size_t count;
        const char *expected;
    } cases[] = {
        {"203.0.113.7", 1, "203.0.113.7"},
        {"203.0.113.7", 4095, "203.0.113.7"},
        {"10.0.0.7", 3000, "10.0.0.7"},
        {"", 3000, "10.0.0.1"},
        {"203.0.113.7", 10000, "10.0.0.1"},
        {"203.0.113.7", SIZE_MAX, "10.0.0.1"},
    };
    struct hf_http_key_options options = forwarded(NULL);
    for (size_t index = 0; index < LENGTH(cases); index++) {
        struct endless endless = {cases[index].value, cases[index].count, 0};
        struct hf_http_message request = {ip_of("10.0.0.1"), endless_field, &endless};
        struct hf_http_key key;
        assert_int_equal(hf_http_key(&options, &request, &key), HF_OK);
        assert_int_equal(key.size, strlen(cases[index].expected));
        assert_memory_equal(key.bytes, cases[index].expected, key.size);
        assert_true(endless.asked <= 100);
    }
}

/* The other field must not be believed only because the first one is beyond belief. */
static bool endless_and_spoofed_field(
    void *context, const char *name, size_t index, struct hf_bytes *value)
{
    if (strcmp(name, "Forwarded") != 0)
        return endless_field(context, name, index, value);
    *value = hf_bytes("for=198.51.100.1", 16);
    return index == 0;
}

static void too_many_fields_of_one_kind_do_not_bring_the_other_in(void **state)
{
    (void)state;
    struct hf_http_key_options options = forwarded(NULL);
    struct endless endless = {"203.0.113.7", SIZE_MAX, 0};
    struct hf_http_message request = {ip_of("10.0.0.1"), endless_and_spoofed_field, &endless};
    struct hf_http_key key;
    assert_int_equal(hf_http_key(&options, &request, &key), HF_OK);
    assert_int_equal(key.size, strlen("10.0.0.1"));
    assert_memory_equal(key.bytes, "10.0.0.1", key.size);
}

/* Whatever a client puts before it, the entry that the trusted proxy appended decides. */
static void nothing_to_the_left_changes_what_the_proxy_appended(void **state)
{
    (void)state;
    const char alphabet[] = "for=,;\"\\ 10.2_[]:unkw\t\0";
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    struct hf_http_key_options options = forwarded(NULL);
    for (size_t round = 0; round < test_scaled(300000); round++) {
        bool standard = round % 2;
        char value[96];
        size_t size = hf_random_below(&random, 40);
        for (size_t index = 0; index < size; index++)
            value[index] = alphabet[hf_random_below(&random, sizeof(alphabet) - 1)];
        const char *appended =
            standard ? ", for=\"203.0.113.7:80\";host=\"a,\\\"b\"" : ",203.0.113.7";
        memcpy(value + size, appended, strlen(appended));
        struct test_field field = {
            standard ? "Forwarded" : "X-Forwarded-For", value, size + strlen(appended)};
        struct test_message message = {.fields = &field, .count = 1};
        struct hf_http_message request = test_http_message(&message);
        request.peer = ip_of("10.0.0.1");
        struct hf_http_key key;
        assert_int_equal(hf_http_key(&options, &request, &key), HF_OK);
        if (key.size != 11 || memcmp(key.bytes, "203.0.113.7", 11) != 0)
            fail_msg("seed %d round %zu: %.*s", SEED, round, (int)key.size, key.bytes);
    }
}

/* The bytes stand in memory of exactly their size, so that sanitizers see a step past either end.
 */
static void random_fields_give_some_address_and_never_crash(void **state)
{
    (void)state;
    const char alphabet[] = "for=,;\"\\ 10.2_[]:\xff\0";
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    struct hf_http_key_options options = forwarded(NULL);
    for (size_t round = 0; round < test_scaled(300000); round++) {
        size_t size = 1 + hf_random_below(&random, 48);
        char *value = malloc(size);
        assert_non_null(value);
        for (size_t index = 0; index < size; index++)
            value[index] = alphabet[hf_random_below(&random, sizeof(alphabet) - 1)];
        struct test_field field = {round % 2 ? "Forwarded" : "X-Forwarded-For", value, size};
        struct test_message message = {.fields = &field, .count = 1};
        struct hf_http_message request = test_http_message(&message);
        request.peer = ip_of("10.0.0.1");
        struct hf_http_key key;
        struct hf_ip ip;
        if (hf_http_key(&options, &request, &key) != HF_OK ||
            hf_ip_parse(hf_bytes(key.bytes, key.size), &ip) != HF_OK)
            fail_msg("seed %d round %zu", SEED, round);
        free(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_many_entries_are_believed),
        cmocka_unit_test(work_is_bounded_in_the_number_of_fields),
        cmocka_unit_test(too_many_fields_of_one_kind_do_not_bring_the_other_in),
        cmocka_unit_test(nothing_to_the_left_changes_what_the_proxy_appended),
        cmocka_unit_test(random_fields_give_some_address_and_never_crash),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
