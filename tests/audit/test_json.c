/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "audit/json.h"
#include "scale.h"
#include "support/json_parser.h"

#define SEED UINT64_C(20261120)
#define SOURCE_MAX 64

static struct hf_bytes write_string(const void *bytes, size_t size, size_t room, char text[1024])
{
    memset(text, '#', 1024);
    struct hf_json json = {text, text + 1024};
    json = hf_json_string(json, hf_bytes(bytes, size), &room);
    assert_non_null(json.at);
    return hf_bytes(text, (size_t)(json.at - text));
}

/*
 * A locale of our own, since a machine may have none but C: these stand before libc's, and where a
 * decimal point is set, print and read it.
 */
static const char *locale_point;

int snprintf(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    char *point = locale_point && length > 0 && (size_t)length < size ? strchr(text, '.') : NULL;
    if (point) {
        size_t point_bytes = strlen(locale_point);
        assert_true((size_t)length + point_bytes <= size);
        memmove(point + point_bytes, point + 1, strlen(point));
        memcpy(point, locale_point, point_bytes);
    }
    return length;
}

double strtod(const char *text, char **end)
{
    char plain[128];
    assert_true(!end && strlen(text) < sizeof(plain));
    const char *point = locale_point ? strstr(text, locale_point) : NULL;
    strcpy(plain, text);
    if (point) {
        plain[point - text] = '.';
        strcpy(plain + (point - text) + 1, point + strlen(locale_point));
    }
    double number;
    assert_int_equal(sscanf(plain, "%lf", &number), 1);
    return number;
}

/*
 * The least and greatest code point that a sequence beginning with these bytes could stand for, by
 * arithmetic alone. False: none begins so.
 */
static bool is_beginning(const uint8_t *bytes, size_t count, bool *whole)
{
    unsigned first = bytes[0];
    size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || first >= 0xf8 || count > length)
        return false;
    uint32_t low = length == 1 ? first : first & (0x7fu >> length);
    uint32_t high = low;
    for (size_t i = 1; i < length; i++) {
        if (i < count && (bytes[i] & 0xc0) != 0x80)
            return false;
        low = low << 6 | (i < count ? bytes[i] & 0x3fu : 0);
        high = high << 6 | (i < count ? bytes[i] & 0x3fu : 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    low = low < least[length] ? least[length] : low;
    high = high > 0x10ffff ? 0x10ffff : high;
    *whole = count == length;
    return low <= high && !(low >= 0xd800 && high <= 0xdfff);
}

/* What a reader must get back: ill-formed parts replaced as The Unicode Standard recommends. */
static size_t repair(const uint8_t *bytes, size_t size, uint8_t *repaired)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        size_t best = 0;
        bool best_whole = false;
        for (size_t count = 1; count <= 4 && at + count <= size; count++) {
            bool whole;
            if (is_beginning(bytes + at, count, &whole)) {
                best = count;
                best_whole = whole;
            }
        }
        if (best_whole)
            memcpy(repaired + out, bytes + at, best);
        else
            memcpy(repaired + out, "\xef\xbf\xbd", 3);
        out += best_whole ? best : 3;
        at += best > 0 ? best : 1;
    }
    return out;
}

static void check_string(const uint8_t *bytes, size_t size)
{
    char text[1024];
    uint8_t expected[3 * SOURCE_MAX];
    uint8_t got[1024];
    struct hf_bytes written = write_string(bytes, size, SIZE_MAX, text);
    assert_true(json_is_valid(written));
    size_t expected_size = repair(bytes, size, expected);
    assert_int_equal(json_unescape(written, got), expected_size);
    assert_memory_equal(got, expected, expected_size);
}

static void every_byte_and_pair_of_bytes_reads_back(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t bytes[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        check_string(bytes, 1 + pair % 2);
        check_string(bytes, 2);
    }
}

static void each_maximal_subpart_becomes_one_replacement(void **state)
{
    (void)state;
    /* Tables 3-8 to 3-11 of The Unicode Standard, section 3.9. */
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "????????A"},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "????????A"},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "?????A??B"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "????A"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[128] = "\"";
        for (const char *at = rows[i].text; *at; at++)
            strcat(expected, *at == '?' ? "\xef\xbf\xbd" : (const char[]){*at, '\0'});
        strcat(expected, "\"");
        char text[1024];
        struct hf_bytes written =
            write_string(rows[i].bytes, strlen(rows[i].bytes), SIZE_MAX, text);
        assert_int_equal(written.size, strlen(expected));
        assert_memory_equal(written.data, expected, written.size);
    }
}

static void every_control_character_has_its_form(void **state)
{
    (void)state;
    static const char *const forms[] = {"\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004",
        "\\u0005", "\\u0006", "\\u0007", "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e",
        "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016",
        "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e",
        "\\u001f"};
    for (unsigned byte = 0; byte < 32; byte++) {
        char text[1024];
        char one = (char)byte;
        struct hf_bytes written = write_string(&one, 1, SIZE_MAX, text);
        assert_int_equal(written.size, strlen(forms[byte]) + 2);
        assert_memory_equal(text + 1, forms[byte], written.size - 2);
    }
}

static void line_separators_and_delete_stand_as_they_are(void **state)
{
    (void)state;
    char text[1024];
    struct hf_bytes written = write_string("\xe2\x80\xa8\xe2\x80\xa9\x7f/", 8, SIZE_MAX, text);
    assert_int_equal(written.size, 10);
    assert_memory_equal(text, "\"\xe2\x80\xa8\xe2\x80\xa9\x7f/\"", 10);
}

/* Bytes that are hard by turns: plain runs, escapes, and pieces of sequences. */
static size_t draw_bytes(struct hf_splitmix *random, uint8_t bytes[SOURCE_MAX])
{
    static const uint8_t hard[] = {0x00, 0x1f, '"', '\\', 0x7f, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed,
        0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xff, 'a'};
    uint64_t draw = hf_splitmix_next(random);
    size_t size = draw % (SOURCE_MAX + 1);
    unsigned hardness = (unsigned)(draw >> 8) % 4;
    for (size_t i = 0; i < size; i++) {
        uint64_t one = hf_splitmix_next(random);
        bool plain = hardness == 0 || (hardness < 3 && one % 16 > hardness);
        bytes[i] = plain ? (uint8_t)('a' + (one >> 8) % 26) : hard[(one >> 8) % sizeof(hard)];
    }
    return size;
}

static void any_bytes_read_back_repaired(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED);
    for (size_t i = 0; i < test_scaled(100000); i++) {
        uint8_t bytes[SOURCE_MAX];
        /* A copy of just that size shows reads past its end to the sanitizer. */
        size_t size = draw_bytes(&random, bytes);
        uint8_t *exact = malloc(size > 0 ? size : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, size);
        check_string(exact, size);
        free(exact);
    }
}

static void a_room_cuts_between_characters_and_is_used_up(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED + 1);
    for (size_t i = 0; i < test_scaled(3000); i++) {
        uint8_t bytes[SOURCE_MAX];
        size_t size = draw_bytes(&random, bytes);
        char whole_text[1024];
        struct hf_bytes whole = write_string(bytes, size, SIZE_MAX, whole_text);
        for (size_t room = 0; room + 2 <= whole.size; room++) {
            char text[1024];
            struct hf_bytes cut = write_string(bytes, size, room, text);
            assert_true(json_is_valid(cut));
            assert_true(cut.size <= room + 2);
            assert_memory_equal(text, whole_text, cut.size - 1);
            assert_true(room + 2 - cut.size < 6); /* No unit is longer than six bytes. */
        }
    }
}

static void what_does_not_fit_into_memory_makes_it_full_for_good(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED + 2);
    for (size_t i = 0; i < test_scaled(3000); i++) {
        uint8_t bytes[SOURCE_MAX];
        size_t size = draw_bytes(&random, bytes);
        char text[1024];
        size_t needed = write_string(bytes, size, SIZE_MAX, text).size;
        for (size_t memory = 0; memory <= needed; memory++) {
            size_t room = SIZE_MAX;
            char *exact = malloc(memory > 0 ? memory : 1);
            assert_non_null(exact);
            struct hf_json json = {exact, exact + memory};
            json = hf_json_string(json, hf_bytes(bytes, size), &room);
            assert_int_equal(json.at != NULL, memory == needed);
            assert_null(hf_json_raw(json, "x", 1).at);
            free(exact);
        }
    }
}

static void check_number(struct hf_json json, const char *text, const char *expected)
{
    assert_non_null(json.at);
    assert_int_equal(json.at - text, strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
}

static void integers_of_every_length_are_written(void **state)
{
    (void)state;
    char text[64];
    char expected[64];
    struct hf_json json = {text, text + sizeof(text)};
    uint64_t power = 1;
    for (unsigned digits = 1; digits <= 20; digits++, power *= 10) {
        for (unsigned i = 0; i < 3; i++) {
            uint64_t number = power - 1 + i;
            snprintf(expected, sizeof(expected), "%llu", (unsigned long long)number);
            check_number(hf_json_unsigned(json, number), text, expected);
            int64_t negative = (int64_t)(0 - number % INT64_MAX);
            snprintf(expected, sizeof(expected), "%lld", (long long)negative);
            check_number(hf_json_integer(json, negative), text, expected);
        }
    }
    check_number(hf_json_unsigned(json, UINT64_MAX), text, "18446744073709551615");
    check_number(hf_json_integer(json, INT64_MIN), text, "-9223372036854775808");
    check_number(hf_json_integer(json, INT64_MAX), text, "9223372036854775807");
}

static void check_double(double number)
{
    char text[64] = "";
    struct hf_json json = {text, text + sizeof(text) - 1};
    json = hf_json_number(json, number);
    assert_non_null(json.at);
    *json.at = '\0';
    assert_true(json_is_valid(hf_bytes(text, strlen(text))));
    double back = strtod(text, NULL);
    assert_memory_equal(&back, &number, sizeof(number));
    /* With fewer digits it would have read back as another. */
    for (int digits = 15; digits < 17; digits++) {
        char fewer[64];
        snprintf(fewer, sizeof(fewer), "%.*g", digits, number);
        if (strtod(fewer, NULL) == number) {
            assert_string_equal(text, fewer);
            return;
        }
    }
}

static void numbers_read_back_the_same(void **state)
{
    (void)state;
    static const double hard[] = {0.0, -0.0, 0.1, -0.1, 1.0 / 3, 1e15, 1e16, 1e17, 1e22, 1e23,
        123456789012345678.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
        9007199254740993.0, 0.30000000000000004};
    for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
        check_double(hard[i]);
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED + 3);
    for (size_t i = 0; i < test_scaled(100000); i++) {
        uint64_t bits = hf_splitmix_next(&random);
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (isfinite(number))
            check_double(number);
    }
}

static void what_json_has_no_number_for_is_null(void **state)
{
    (void)state;
    static const double none[] = {INFINITY, -INFINITY, NAN};
    char text[64];
    for (size_t i = 0; i < 3; i++) {
        struct hf_json json = {text, text + sizeof(text)};
        check_number(hf_json_number(json, none[i]), text, "null");
    }
}

static void a_locale_does_not_change_the_decimal_point(void **state)
{
    (void)state;
    static const char *const points[] = {",", "\xd9\xab"};
    static const double numbers[] = {-1234.5, 1.5e-7};
    static const char *const expected[] = {"-1234.5", "1.5e-07"};
    for (size_t i = 0; i < 4; i++) {
        char text[64];
        struct hf_json json = {text, text + sizeof(text)};
        locale_point = points[i / 2];
        json = hf_json_number(json, numbers[i % 2]);
        locale_point = NULL;
        check_number(json, text, expected[i % 2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_and_pair_of_bytes_reads_back),
        cmocka_unit_test(each_maximal_subpart_becomes_one_replacement),
        cmocka_unit_test(every_control_character_has_its_form),
        cmocka_unit_test(line_separators_and_delete_stand_as_they_are),
        cmocka_unit_test(any_bytes_read_back_repaired),
        cmocka_unit_test(a_room_cuts_between_characters_and_is_used_up),
        cmocka_unit_test(what_does_not_fit_into_memory_makes_it_full_for_good),
        cmocka_unit_test(integers_of_every_length_are_written),
        cmocka_unit_test(numbers_read_back_the_same),
        cmocka_unit_test(what_json_has_no_number_for_is_null),
        cmocka_unit_test(a_locale_does_not_change_the_decimal_point),
    };
    print_message("# seed %llu\n", (unsigned long long)SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
