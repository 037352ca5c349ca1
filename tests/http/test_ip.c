/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/http.h>
#include <holdfast/random.h>

#include "scale.h"

#define SEED 20240611
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static struct hf_ip ip_of(const char *text)
{
    struct hf_ip ip;
    if (hf_ip_parse(text_of(text), &ip) != HF_OK)
        fail_msg("%s is an address", text);
    return ip;
}

static void assert_written(const char *text, const char *canonical)
{
    char written[HF_IP_TEXT_BYTES];
    struct hf_ip ip = ip_of(text);
    assert_int_equal(hf_ip_write(&ip, written, sizeof(written)), strlen(canonical));
    assert_string_equal(written, canonical);
}

static void addresses_are_written_in_one_canonical_form(void **state)
{
    (void)state;
    const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201", "192.0.2.1"},
        {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
        /* RFC 5952, 4 and 5. */
        {"2001:0db8::0001", "2001:db8::1"},
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:DB8::ABCD", "2001:db8::abcd"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"::1.2.3.4", "::102:304"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (size_t index = 0; index < LENGTH(pairs); index++)
        assert_written(pairs[index][0], pairs[index][1]);
}

static void what_is_no_address_is_malformed_and_changes_nothing(void **state)
{
    (void)state;
    const char *const texts[] = {"", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4",
        "01.2.3.4", "1.2.3.04", "1.2.3.0x4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4:80", "1.2.3.4/8",
        "1..3.4", "1.2.3.", ".1.2.3.4", "[::1]", "::1%eth0", "::1%1", ":::", "1::2::3",
        "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::ffff:1.2.3", "::ffff:01.2.3.4",
        "::ffff:1.2.03.4", "::ffff:1.2.3.256", "g::", "unknown", "localhost",
        "1:2:3:4:5:6:7:1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555"};
    struct hf_ip ip = {.bytes = {7}, .version = 9};
    for (size_t index = 0; index < LENGTH(texts); index++) {
        if (hf_ip_parse(text_of(texts[index]), &ip) != HF_MALFORMED)
            fail_msg("\"%s\" was taken for an address", texts[index]);
        assert_int_equal(ip.version, 9);
        assert_int_equal(ip.bytes[0], 7);
    }
    assert_int_equal(hf_ip_parse(hf_bytes("1.2.3.4\0", 8), &ip), HF_MALFORMED);
    assert_int_equal(hf_ip_parse(hf_bytes("1.2\0.3.4", 8), &ip), HF_MALFORMED);
    assert_int_equal(hf_ip_parse(hf_bytes(NULL, 0), &ip), HF_MALFORMED);
}

static void the_text_ends_where_its_size_says(void **state)
{
    (void)state;
    struct hf_ip ip;
    assert_int_equal(hf_ip_parse(hf_bytes("1.2.3.45", 7), &ip), HF_OK);
    assert_int_equal(ip.bytes[3], 4);
}

static void random_addresses_survive_writing_and_parsing(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, SEED);
    for (size_t round = 0; round < test_scaled(200000); round++) {
        struct hf_ip ip = {.version = round % 4 ? 6 : 4};
        uint64_t bits = hf_splitmix_next(&random);
        for (unsigned byte = 0; byte < (ip.version == 6 ? 16u : 4u); byte++) {
            /* Half of the groups of an IPv6 address are zero, so that runs of all lengths occur. */
            bool zero = ip.version == 6 && (bits >> (byte / 2) & 1);
            ip.bytes[byte] = zero ? 0 : (uint8_t)hf_splitmix_next(&random);
        }
        char text[HF_IP_TEXT_BYTES];
        char system[INET6_ADDRSTRLEN];
        size_t length = hf_ip_write(&ip, text, sizeof(text));
        assert_true(length < sizeof(text));
        inet_ntop(ip.version == 4 ? AF_INET : AF_INET6, ip.bytes, system, sizeof(system));
        struct hf_ip again;
        struct hf_ip theirs;
        bool same = hf_ip_parse(hf_bytes(text, length), &again) == HF_OK &&
                    hf_ip_parse(text_of(system), &theirs) == HF_OK &&
                    memcmp(&again, &theirs, sizeof(again)) == 0;
        if (same && again.version == ip.version)
            same = memcmp(&again, &ip, sizeof(ip)) == 0;
        if (!same)
            fail_msg("seed %d round %zu: %s is not %s", SEED, round, text, system);
    }
}

/* Strings near to addresses, to find disagreements with the system where they matter. */
static void random_texts_are_addresses_when_the_system_says_so(void **state)
{
    (void)state;
    const char alphabet[] = "0123456789abcdefF::::....%[]/ \0";
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    size_t addresses = 0;
    for (size_t round = 0; round < test_scaled(1000000); round++) {
        char text[64] = "";
        size_t size = hf_random_below(&random, 18);
        for (size_t index = 0; index < size; index++)
            text[index] = alphabet[hf_random_below(&random, sizeof(alphabet) - 1)];
        uint8_t bytes[16];
        bool known = strlen(text) == size && (inet_pton(AF_INET, text, bytes) == 1 ||
                                                 inet_pton(AF_INET6, text, bytes) == 1);
        struct hf_ip ip;
        bool ours = hf_ip_parse(hf_bytes(text, size), &ip) == HF_OK;
        addresses += ours;
        if (ours != known)
            fail_msg("seed %d round %zu: %s", SEED, round, text);
    }
    assert_true(addresses > 0);
}

static void writing_cuts_to_the_buffer_and_tells_the_length(void **state)
{
    (void)state;
    struct hf_ip ip = ip_of("192.0.2.1");
    char text[HF_IP_TEXT_BYTES] = "untouched";
    assert_int_equal(hf_ip_write(&ip, NULL, 0), 9);
    assert_int_equal(hf_ip_write(&ip, text, 0), 9);
    assert_string_equal(text, "untouched");
    assert_int_equal(hf_ip_write(&ip, text, 4), 9);
    assert_string_equal(text, "192");
    assert_int_equal(hf_ip_write(NULL, text, sizeof(text)), 5);
    assert_string_equal(text, "local");
    assert_int_equal(hf_ip_write(&(struct hf_ip){.version = 0}, text, sizeof(text)), 5);
    assert_string_equal(text, "local");
}

static void networks_are_parsed_with_and_without_a_prefix(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *ip;
        unsigned bits;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0", 8},
        {"0.0.0.0/0", "0.0.0.0", 0},
        {"192.0.2.1", "192.0.2.1", 32},
        {"192.0.2.1/32", "192.0.2.1", 32},
        {"::1", "::1", 128},
        {"::1/128", "::1", 128},
        {"::/0", "::", 0},
        {"2001:db8::/32", "2001:db8::", 32},
        {"2001:db8:8000::/33", "2001:db8:8000::", 33},
        {"::ffff:10.0.0.0/104", "10.0.0.0", 8},
        {"::ffff:0:0/96", "0.0.0.0", 0},
        {"::ffff:10.1.2.3", "10.1.2.3", 32},
    };
    for (size_t index = 0; index < LENGTH(cases); index++) {
        struct hf_cidr cidr;
        struct hf_ip ip = ip_of(cases[index].ip);
        assert_int_equal(hf_cidr_parse(cases[index].text, &cidr, NULL), HF_OK);
        assert_memory_equal(&cidr.ip, &ip, sizeof(ip));
        assert_int_equal(cidr.prefix_bits, cases[index].bits);
    }
}

static void what_is_no_network_is_quoted_in_the_error(void **state)
{
    (void)state;
    const char *const texts[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
        "10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8", "10.0.0.0/256",
        "10.0.0.0/4294967304", "::1/129", "2001:db8::1/32", "::ffff:10.0.0.0/8", "::ffff:0:0/95",
        "::ffff:10.0.0.0/129", "proxy.example", "10.0.0/8", "fe80::1%eth0/64"};
    for (size_t index = 0; index < LENGTH(texts); index++) {
        struct hf_cidr cidr = {.prefix_bits = 77};
        struct hf_error error = {0};
        if (hf_cidr_parse(texts[index], &cidr, &error) != HF_INVALID)
            fail_msg("\"%s\" was taken for a network", texts[index]);
        assert_int_equal(cidr.prefix_bits, 77);
        assert_int_equal(error.count, 1);
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "\"%s\"", texts[index]);
        assert_non_null(strstr(hf_error_text(&error), quoted));
    }
    struct hf_cidr cidr;
    struct hf_error error = {0};
    assert_int_equal(hf_cidr_parse("10.1.2.3/8", &cidr, &error), HF_INVALID);
    assert_non_null(strstr(hf_error_text(&error), "10.0.0.0/8"));
}

static void null_is_invalid_and_contains_nothing(void **state)
{
    (void)state;
    struct hf_cidr cidr = {0};
    struct hf_ip ip = {0};
    struct hf_error error = {0};
    assert_int_equal(hf_ip_parse(text_of("::1"), NULL), HF_INVALID);
    assert_int_equal(hf_ip_parse(hf_bytes(NULL, 1), &ip), HF_INVALID);
    assert_int_equal(hf_cidr_parse(NULL, &cidr, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "text: NULL");
    assert_int_equal(hf_cidr_parse("::1", NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "cidr: NULL");
    assert_false(hf_cidr_contains(NULL, &ip));
    assert_false(hf_cidr_contains(&cidr, NULL));
    assert_false(hf_cidr_contains(&cidr, &ip)); /* Neither has a version. */
}

/* Bit by bit, as the definition says. */
static bool contains_slowly(const struct hf_cidr *cidr, const struct hf_ip *ip)
{
    if (cidr->ip.version != ip->version)
        return false;
    for (unsigned bit = 0; bit < cidr->prefix_bits; bit++) {
        unsigned mask = 0x80u >> bit % 8;
        if ((cidr->ip.bytes[bit / 8] & mask) != (ip->bytes[bit / 8] & mask))
            return false;
    }
    return true;
}

static void a_network_contains_what_shares_its_prefix(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    for (size_t round = 0; round < test_scaled(100000); round++) {
        struct hf_cidr cidr = {.ip.version = round % 2 ? 4 : 6};
        unsigned width = cidr.ip.version == 4 ? 32 : 128;
        cidr.prefix_bits = (uint8_t)hf_random_below(&random, width + 1);
        for (unsigned bit = 0; bit < cidr.prefix_bits; bit++)
            cidr.ip.bytes[bit / 8] |= (uint8_t)(hf_random_below(&random, 2) << (7 - bit % 8));
        struct hf_ip ip = cidr.ip;
        unsigned flipped = (unsigned)hf_random_below(&random, width);
        ip.bytes[flipped / 8] ^= (uint8_t)(0x80u >> flipped % 8);
        assert_true(hf_cidr_contains(&cidr, &cidr.ip));
        assert_int_equal(hf_cidr_contains(&cidr, &ip), flipped >= cidr.prefix_bits);
        assert_int_equal(hf_cidr_contains(&cidr, &ip), contains_slowly(&cidr, &ip));
    }
}

static void versions_do_not_mix(void **state)
{
    (void)state;
    struct hf_cidr all4;
    struct hf_cidr all6;
    struct hf_ip v4 = ip_of("192.0.2.1");
    struct hf_ip mapped = ip_of("::ffff:192.0.2.1");
    struct hf_ip v6 = ip_of("2001:db8::1");
    assert_int_equal(hf_cidr_parse("0.0.0.0/0", &all4, NULL), HF_OK);
    assert_int_equal(hf_cidr_parse("::/0", &all6, NULL), HF_OK);
    assert_true(hf_cidr_contains(&all4, &v4));
    assert_true(hf_cidr_contains(&all4, &mapped));
    assert_false(hf_cidr_contains(&all4, &v6));
    assert_false(hf_cidr_contains(&all6, &v4));
    assert_true(hf_cidr_contains(&all6, &v6));
    assert_false(hf_cidr_contains(&all6, &(struct hf_ip){.version = 0}));
    all4.prefix_bits = 33; /* Not a network. */
    assert_false(hf_cidr_contains(&all4, &v4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_written_in_one_canonical_form),
        cmocka_unit_test(what_is_no_address_is_malformed_and_changes_nothing),
        cmocka_unit_test(the_text_ends_where_its_size_says),
        cmocka_unit_test(random_addresses_survive_writing_and_parsing),
        cmocka_unit_test(random_texts_are_addresses_when_the_system_says_so),
        cmocka_unit_test(writing_cuts_to_the_buffer_and_tells_the_length),
        cmocka_unit_test(networks_are_parsed_with_and_without_a_prefix),
        cmocka_unit_test(what_is_no_network_is_quoted_in_the_error),
        cmocka_unit_test(null_is_invalid_and_contains_nothing),
        cmocka_unit_test(a_network_contains_what_shares_its_prefix),
        cmocka_unit_test(versions_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
