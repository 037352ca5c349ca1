/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/http.h>
#include <holdfast/random.h>

#include "http/message.h"
#include "scale.h"

#define SEED 20240615
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_S UINT64_C(1700000000)

static enum hf_status read_told(
    const struct test_field *fields, size_t count, struct hf_http_told *told)
{
    struct test_message message = {.fields = fields, .count = count};
    struct hf_http_message response = test_http_message(&message);
    return hf_http_told(&response, HF_SECONDS(NOW_S), told);
}

static void assert_told(
    const struct test_field *fields, size_t count, uint64_t remaining, uint64_t reset_after_ns)
{
    struct hf_http_told told;
    if (read_told(fields, count, &told) != HF_OK)
        fail_msg("%s: %s tells nothing", fields->name, fields->value);
    if (told.remaining != remaining || told.reset_after_ns != reset_after_ns)
        fail_msg("%s: %s: %" PRIu64 " for %" PRIu64, fields->name, fields->value, told.remaining,
            told.reset_after_ns);
}

static void assert_ignored(const struct test_field *fields, size_t count)
{
    struct hf_http_told told = {11, 12};
    if (read_told(fields, count, &told) != HF_NOT_FOUND)
        fail_msg("%s: %s tells something", fields->name, fields->value);
    assert_int_equal(told.remaining, 11);
    assert_int_equal(told.reset_after_ns, 12);
}

static void a_list_of_policies_tells_the_one_nearest_to_its_end(void **state)
{
    (void)state;
    const struct {
        const char *value;
        uint64_t remaining;
        uint64_t reset_s;
    } cases[] = {
        {"\"default\";r=50;t=30", 50, 30},
        {"default;r=50;t=30", 50, 30},
        {"\"default\";r=0", 0, 0},
        {"\"default\";t=9;r=3", 3, 9},
        {"\"default\";r=999;pk=:dHJpYWwxMjEzMjM=:", 999, 0},
        {"\"hour\";r=10;t=100, \"day\";r=5;t=1", 5, 1},
        {"\"hour\";r=0;t=100, \"day\";r=0;t=3600, \"week\";r=0;t=60", 0, 3600},
        {"\"a\";r=1;r=2;t=1;t=4;acme-x=?0;acme-y=tok", 2, 4},
        {"\"a\";r=999999999999999;t=1", 999999999999999, 1},
    };
    for (size_t index = 0; index < LENGTH(cases); index++) {
        struct test_field field = {"ratelimit", cases[index].value, 0};
        assert_told(&field, 1, cases[index].remaining, HF_SECONDS(cases[index].reset_s));
    }
    const struct test_field spread[] = {
        {"RateLimit", "\"a\";r=4;t=1", 0}, {"RateLimit", "\"b\";r=3;t=2", 0}};
    assert_told(spread, 2, 3, HF_SECONDS(2));
    assert_told(
        &(struct test_field){"RateLimit", "\"a\";r=0;t=999999999999999", 0}, 1, 0, HF_TIME_MAX_NS);
}

static void a_dictionary_tells_its_members(void **state)
{
    (void)state;
    const struct test_field one = {"RateLimit", "limit=100, remaining=50, reset=5", 0};
    const struct test_field parameters = {
        "RateLimit", "limit=1;w=1,remaining=0;x=\"y\",reset=7;z", 0};
    const struct test_field spread[] = {
        {"RateLimit", "limit=100, remaining=0", 0}, {"RateLimit", "reset=5", 0}};
    const struct test_field no_reset = {"RateLimit", "remaining=2", 0};
    assert_told(&one, 1, 50, HF_SECONDS(5));
    assert_told(&parameters, 1, 0, HF_SECONDS(7));
    assert_told(spread, 2, 0, HF_SECONDS(5));
    assert_told(&no_reset, 1, 2, 0);
}

static void triples_are_read_under_each_of_their_names(void **state)
{
    (void)state;
    const char *const prefixes[][3] = {
        {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"},
        {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"},
        {"x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"},
    };
    for (size_t index = 0; index < LENGTH(prefixes); index++) {
        struct test_field fields[] = {{prefixes[index][0], "10, 10;w=1", 0},
            {prefixes[index][1], " 3 ", 0}, {prefixes[index][2], "44", 0}};
        assert_told(fields, 3, 3, HF_SECONDS(44));
        assert_told(fields, 2, 3, 0);
        assert_ignored(fields, 1);
        fields[2].value = "1700000060"; /* A moment, as some have it. */
        assert_told(fields, 3, 3, HF_SECONDS(60));
        fields[2].value = "1600000000";
        assert_told(fields, 3, 3, 0);
        fields[2].value = "1000000000";
        assert_told(fields, 3, 3, HF_SECONDS(1000000000));
        fields[2].value = "99999999999999999999999999";
        assert_told(fields, 3, 3, HF_TIME_MAX_NS);
        fields[2].value = "soon";
        assert_told(fields, 3, 3, 0);
        fields[1].value = "-1";
        assert_ignored(fields, 3);
    }
}

static void several_dialects_together_tell_the_nearest_end(void **state)
{
    (void)state;
    const struct test_field fields[] = {
        {"X-RateLimit-Remaining", "0", 0},
        {"X-RateLimit-Reset", "5", 0},
        {"RateLimit-Remaining", "0", 0},
        {"RateLimit-Reset", "9", 0},
        {"RateLimit", "\"a\";r=0;t=7", 0},
    };
    assert_told(fields, LENGTH(fields), 0, HF_SECONDS(9));
}

static void malformed_fields_are_ignored(void **state)
{
    (void)state;
    const char *const values[] = {"", "\"a\"", "\"a\";t=1", "\"a\";r=-1", "\"a\";r=1.5",
        "\"a\";r=\"1\"", "\"a\";r", "\"a\";r=1;t=-1", "\"a\";r=1;t=0.5", "\"a\";r=1;t=x",
        "\"a\";r=1,", "\"a\";r=1 \"b\";r=2", "\"a\";r=0;t=1, \"b", "100;w=60;r=1", "?1;r=1",
        "(\"a\");r=1", "\"a\";r=1000000000000000", "limit=1, remaining=x", "remaining=1, reset=-1",
        "limit=100", "remaining=0, reset=5, \"a\";r=1;t=1", "\"a\";r=0;t=9, remaining=0",
        "remaining", "remaining=0;!", "\"a\";r=0;t=5;!"};
    for (size_t index = 0; index < LENGTH(values); index++)
        assert_ignored(&(struct test_field){"RateLimit", values[index], 0}, 1);
    const struct test_field spoiled[] = {
        {"RateLimit", "\"a\";r=0;t=9", 0}, {"RateLimit", "!", 0}, {"RateLimit-Remaining", "4", 0}};
    assert_ignored(spoiled, 2);
    assert_told(spoiled, 3, 4, 0);
}

static void too_many_and_too_long_fields_are_ignored(void **state)
{
    (void)state;
    struct test_field many[HF_HTTP_TOLD_FIELDS_MAX + 1];
    for (size_t index = 0; index < LENGTH(many); index++)
        many[index] = (struct test_field){"RateLimit", "\"a\";r=0;t=9", 0};
    assert_told(many, HF_HTTP_TOLD_FIELDS_MAX, 0, HF_SECONDS(9));
    assert_ignored(many, HF_HTTP_TOLD_FIELDS_MAX + 1);
    char value[8192];
    memset(value, ' ', sizeof(value));
    memcpy(value, "\"a\";r=0;t=9", 11);
    assert_told(&(struct test_field){"RateLimit", value, 4096}, 1, 0, HF_SECONDS(9));
    assert_ignored(&(struct test_field){"RateLimit", value, 4097}, 1);
}

static void nothing_told_and_null(void **state)
{
    (void)state;
    struct hf_http_told told;
    struct hf_http_message response = {.field = NULL};
    assert_int_equal(hf_http_told(&response, 0, &told), HF_NOT_FOUND);
    assert_int_equal(hf_http_told(NULL, 0, &told), HF_INVALID);
    assert_int_equal(hf_http_told(&response, 0, NULL), HF_INVALID);
    assert_ignored(&(struct test_field){"RateLimit-Policy", "\"a\";q=1;w=1", 0}, 1);
}

static void random_bytes_never_crash(void **state)
{
    (void)state;
    const char *const names[] = {"RateLimit", "RateLimit-Remaining", "X-RateLimit-Remaining"};
    const char alphabet[] = "\"a\";r=0;t=9,remaining=01 \xff\0";
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t round = 0; round < test_scaled(200000); round++) {
        size_t size = 1 + hf_random_below(&random, 24);
        char *value = malloc(size);
        assert_non_null(value);
        for (size_t index = 0; index < size; index++) {
            bool noise = hf_random_below(&random, 4) == 0;
            value[index] = noise ? alphabet[hf_random_below(&random, sizeof(alphabet) - 1)]
                                 : "\"a\";r=0;t=9,\"b\";r=1;t=22"[index];
        }
        const struct test_field field = {names[round % LENGTH(names)], value, size};
        struct hf_http_told told = {0, 0};
        enum hf_status status = read_told(&field, 1, &told);
        if ((status != HF_OK && status != HF_NOT_FOUND) || told.reset_after_ns > HF_TIME_MAX_NS)
            fail_msg("seed %d round %zu", SEED, round);
        free(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_policies_tells_the_one_nearest_to_its_end),
        cmocka_unit_test(a_dictionary_tells_its_members),
        cmocka_unit_test(triples_are_read_under_each_of_their_names),
        cmocka_unit_test(several_dialects_together_tell_the_nearest_end),
        cmocka_unit_test(malformed_fields_are_ignored),
        cmocka_unit_test(too_many_and_too_long_fields_are_ignored),
        cmocka_unit_test(nothing_told_and_null),
        cmocka_unit_test(random_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
