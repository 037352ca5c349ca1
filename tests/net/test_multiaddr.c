/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/multiaddr.h>

#include "hex.h"
#include "keys.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static struct hf_multiaddr address_of(const char *text)
{
    struct hf_multiaddr address;
    struct hf_error error = {0};
    if (hf_multiaddr_parse(text_of(text), &address, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    return address;
}

static enum hf_status decode_hex(const char *text, struct hf_multiaddr *address)
{
    uint8_t bytes[HF_MULTIADDR_BYTES_MAX + 64];
    size_t size = hex_read(text, bytes);
    return hf_multiaddr_decode(hf_bytes(bytes, size), address, NULL);
}

static void assert_written(const struct hf_multiaddr *address, const char *text)
{
    char written[HF_MULTIADDR_TEXT_BYTES];
    assert_int_equal(hf_multiaddr_write(address, written, sizeof(written)), strlen(text));
    assert_string_equal(written, text);
}

static void addresses_have_both_forms_of_the_specification(void **state)
{
    (void)state;
    static const char *const known[][2] = {
        {"/ip4/127.0.0.1/tcp/4001", "047f000001060fa1"},
        {"/ip6/::1/tcp/4001", "2900000000000000000000000000000001060fa1"},
        {"/dns4/example.com/tcp/443", "360b6578616d706c652e636f6d0601bb"},
        {"/dns/example.com/tcp/0", "350b6578616d706c652e636f6d060000"},
        {"/dns6/a/tcp/65535", "37016106ffff"},
        {"/dnsaddr/bootstrap.libp2p.io", "3813626f6f7473747261702e6c69627032702e696f"},
        {"/ip6zone/eth0/ip6/fe80::1", "2a046574683029fe800000000000000000000000000001"},
        {"/ip6/::ffff:192.0.2.1", "2900000000000000000000ffffc0000201"},
        {"/p2p/" ED25519_ID, "a50326" ED25519_MULTIHASH},
        {"/p2p/" HASHED_ID, "a50322" HASHED_MULTIHASH},
        {"/ip4/1.2.3.4/tcp/80/p2p/" SECP256K1_ID, "0401020304060050a50327" SECP256K1_MULTIHASH},
    };
    for (size_t i = 0; i < LENGTH(known); i++) {
        struct hf_multiaddr address = address_of(known[i][0]);
        struct hf_bytes bytes = hf_multiaddr_bytes(&address);
        hex_assert(bytes.data, bytes.size, known[i][1]);
        struct hf_multiaddr decoded;
        assert_int_equal(decode_hex(known[i][1], &decoded), HF_OK);
        assert_true(hf_multiaddr_equals(&address, &decoded));
        assert_written(&decoded, known[i][0]);
    }
}

static void what_is_written_otherwise_is_the_same_address(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"/ip4/127.0.0.1/tcp/4001/", "/ip4/127.0.0.1/tcp/4001"},
        {"/ip4/127.0.0.1/tcp/4001///", "/ip4/127.0.0.1/tcp/4001"},
        {"/ip6/0:0:0:0:0:0:0:1", "/ip6/::1"},
        {"/ip6/2001:DB8::00AB", "/ip6/2001:db8::ab"},
        {"/ip6/::ffff:c000:0201", "/ip6/::ffff:192.0.2.1"},
        {"/ipfs/" HASHED_ID, "/p2p/" HASHED_ID},
        {"/p2p/" HASHED_CID, "/p2p/" HASHED_ID},
        {"/p2p/" ED25519_CID, "/p2p/" ED25519_ID},
    };
    for (size_t i = 0; i < LENGTH(same); i++) {
        struct hf_multiaddr one = address_of(same[i][0]);
        struct hf_multiaddr other = address_of(same[i][1]);
        assert_true(hf_multiaddr_equals(&one, &other));
        assert_written(&one, same[i][1]);
    }
}

static void assert_not_parsed(const char *text, enum hf_status status, const char *says)
{
    struct hf_multiaddr address = {.size = 77};
    struct hf_error error = {0};
    enum hf_status got = hf_multiaddr_parse(text_of(text), &address, &error);
    if (got != status || !strstr(hf_error_text(&error), says))
        fail_msg("%s: %s", text, hf_error_text(&error));
    assert_int_equal(address.size, 77);
    assert_int_equal(error.count, 1);
    if (strlen(text) <= 72)
        assert_non_null(strstr(hf_error_text(&error), text));
}

static void text_that_is_no_address_is_quoted_with_its_wrong_part(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "part 1: missing"},
        {"/", "part 1: missing"},
        {"///", "part 1: missing"},
        {"ip4/127.0.0.1", "part 1: no slash"},
        {"/ip4", "part 1: ip4 wants an IPv4 address"},
        {"/ip4/", "part 1: ip4 wants"},
        {"/ip4//tcp/1", "part 1: ip4 wants"},
        {"/ip4/::1", "part 1: ip4 wants"},
        {"/ip4/127.0.0", "part 1: ip4 wants"},
        {"/ip4/127.0.0.01", "part 1: ip4 wants"},
        {"/ip4/256.0.0.1", "part 1: ip4 wants"},
        {"/ip4/127.0.0.1 ", "part 1: ip4 wants"},
        {"/ip6/127.0.0.1", "part 1: ip6 wants an IPv6 address"},
        {"/ip6/::1%eth0", "part 1: ip6 wants"},
        {"/ip6/:::", "part 1: ip6 wants"},
        {"/ip4/127.0.0.1/tcp", "part 2: tcp wants a port"},
        {"/ip4/127.0.0.1/tcp/65536", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/-1", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/+1", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/080", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/00", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/1a", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/100000", "part 2: tcp wants"},
        {"/ip4/127.0.0.1/tcp/4294967297", "part 2: tcp wants"},
        {"/p2p/tcp", "part 1: p2p wants a peer id"},
        {"/p2p", "part 1: p2p wants"},
        {"/dns4/exa mple", "part 1: dns4 wants a host's name"},
        {"/dns/\xc3\xa4.example", "part 1: dns wants"},
        {"/dns//tcp/1", "part 1: dns wants"},
        {"/ip6zone/eth 0", "part 1: ip6zone wants a zone"},
        {"/ip6zone//ip6/::1", "part 1: ip6zone wants"},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++)
        assert_not_parsed(wrong[i][0], HF_MALFORMED, wrong[i][1]);
    assert_not_parsed("//ip4/127.0.0.1", HF_UNSUPPORTED, "part 1: unknown protocol");
    assert_not_parsed("/ip4/127.0.0.1//tcp/1", HF_UNSUPPORTED, "part 2: unknown protocol");
    assert_not_parsed("/ip4/127.0.0.1/udp/1", HF_UNSUPPORTED, "part 2: unknown protocol");
    assert_not_parsed("/IP4/127.0.0.1", HF_UNSUPPORTED, "part 1: unknown protocol");
    assert_not_parsed("/ip/127.0.0.1", HF_UNSUPPORTED, "part 1: unknown protocol");
}

/* Zones, by contrast, are all that can be seen. */
static void names_are_letters_digits_dots_and_dashes(void **state)
{
    (void)state;
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    for (unsigned character = 1; character < 256; character++) {
        char name[] = {'/', 'd', 'n', 's', '/', 'a', (char)character, 'b'};
        char zone[] = {'/', 'i', 'p', '6', 'z', 'o', 'n', 'e', '/', 'a', (char)character};
        bool good = strchr(allowed, (int)character);
        bool seen = character > ' ' && character < 0x7f;
        struct hf_multiaddr address;
        struct hf_bytes text = hf_bytes(name, sizeof(name));
        assert_int_equal(hf_multiaddr_parse(text, &address, NULL) == HF_OK, good);
        text = hf_bytes(zone, sizeof(zone));
        assert_int_equal(hf_multiaddr_parse(text, &address, NULL) == HF_OK, seen);
    }
}

static void text_ends_where_its_size_says_and_not_at_a_nul(void **state)
{
    (void)state;
    struct hf_multiaddr address;
    static const char text[] = "/ip4/127.0.0.1/tcp/40019";
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, sizeof(text) - 2), &address, NULL), HF_OK);
    assert_written(&address, "/ip4/127.0.0.1/tcp/4001");
    static const char nul[] = "/ip4/127.0.0.1\0/tcp/1";
    assert_int_equal(
        hf_multiaddr_parse(hf_bytes(nul, sizeof(nul) - 1), &address, NULL), HF_MALFORMED);
    static const char in_name[] = "/dns/a\0b";
    assert_int_equal(
        hf_multiaddr_parse(hf_bytes(in_name, sizeof(in_name) - 1), &address, NULL), HF_MALFORMED);
}

static void bytes_that_are_no_address_are_malformed(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        "04",
        "047f0000",
        "060f",
        "29000000000000000000000000000000",
        "84007f000001",                 /* A code longer than needed. */
        "368b006578616d706c652e636f6d", /* A length likewise. */
        "3600",                         /* Nothing in it. */
        "360261",
        "3601"
        "2f",     /* A slash in a name, */
        "360100", /* a NUL. */
        "2a00",
        "2a012f",
        "2a0120",
        "a50322" HASHED_MULTIHASH "06",
        "a50321" HASHED_MULTIHASH,
        "a503",
        "a50300",
        "a5032411209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9",
        "36ffffffffffffffff7f61",
        "80",
        "047f000001ff",
    };
    for (size_t i = 0; i < LENGTH(malformed); i++) {
        struct hf_multiaddr address = {.size = 77};
        assert_int_equal(decode_hex(malformed[i], &address), HF_MALFORMED);
        assert_int_equal(address.size, 77);
    }
}

static void an_unknown_protocol_is_told_from_a_mistake(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "047f000001910204d2cc03",         /* udp, quic-v1. */
        "047f000001060fa1dd03",           /* ws. */
        "a50322" HASHED_MULTIHASH "a202", /* p2p-circuit. */
        "00",
        "ffffffffffffffff7f",
    };
    for (size_t i = 0; i < LENGTH(unknown); i++) {
        struct hf_multiaddr address = {.size = 77};
        assert_int_equal(decode_hex(unknown[i], &address), HF_UNSUPPORTED);
        assert_int_equal(address.size, 77);
    }
    struct hf_multiaddr address;
    struct hf_error error = {0};
    assert_int_equal(
        hf_multiaddr_decode(hf_bytes("\x04\1\2\3\4\0", 6), &address, &error), HF_UNSUPPORTED);
    assert_string_equal(hf_error_text(&error), "multiaddr of 6 bytes, part 2: unknown protocol");
}

static void parts_are_bounded(void **state)
{
    (void)state;
    char text[HF_MULTIADDR_TEXT_MAX + 2] = "";
    for (size_t i = 0; i < HF_MULTIADDR_PARTS_MAX; i++)
        strcat(text, "/tcp/1");
    struct hf_multiaddr address = address_of(text);
    strcat(text, "/tcp/1");
    assert_not_parsed(text, HF_MALFORMED, "part 9: one too many");
    uint8_t bytes[HF_MULTIADDR_BYTES_MAX];
    memcpy(bytes, address.bytes, address.size);
    memcpy(bytes + address.size, "\x06\x00\x01", 3);
    assert_int_equal(
        hf_multiaddr_decode(hf_bytes(bytes, address.size + 3u), &address, NULL), HF_MALFORMED);
}

/* A name fills what an address may have of bytes. */
static void bytes_and_text_are_bounded(void **state)
{
    (void)state;
    char text[HF_MULTIADDR_TEXT_MAX + 2] = "/dns/";
    memset(text + 5, 'a', 253);
    struct hf_multiaddr address = address_of(text);
    assert_int_equal(hf_multiaddr_bytes(&address).size, 256);
    assert_written(&address, text);
    strcat(text, "/tcp/1");
    assert_not_parsed(text, HF_MALFORMED, "part 2: the address is too long");
    memset(text + 5, 'a', 254);
    text[5 + 254] = '\0';
    assert_not_parsed(text, HF_MALFORMED, "part 1: dns wants");

    memset(text, '/', HF_MULTIADDR_TEXT_MAX + 1);
    text[HF_MULTIADDR_TEXT_MAX + 1] = '\0';
    memcpy(text, "/tcp/1", 6);
    assert_not_parsed(text, HF_MALFORMED, "multiaddr: 513 characters (at most 512)");
    text[HF_MULTIADDR_TEXT_MAX] = '\0';
    address = address_of(text);

    uint8_t bytes[HF_MULTIADDR_BYTES_MAX + 3];
    address = address_of("/dns/a");
    memset(bytes, 'a', sizeof(bytes));
    hex_read("35fe01", bytes);
    assert_int_equal(hf_multiaddr_decode(hf_bytes(bytes, 257), &address, NULL), HF_MALFORMED);
}

static void a_long_text_is_quoted_in_part(void **state)
{
    (void)state;
    char text[200] = "/dns/";
    struct hf_error error = {0};
    struct hf_multiaddr address;
    memset(text + 5, '!', sizeof(text) - 6);
    assert_int_equal(hf_multiaddr_parse(text_of(text), &address, &error), HF_MALFORMED);
    assert_non_null(strstr(hf_error_text(&error), "!!!...\", part 1: dns wants a host's name"));
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, 72), &address, &error), HF_MALFORMED);
    assert_non_null(strstr(hf_error_text(&error), "!!!\", part 1: dns wants a host's name"));
}

static void the_longest_text_has_room(void **state)
{
    (void)state;
    char text[HF_MULTIADDR_TEXT_MAX] = "";
    for (size_t i = 0; i < 7; i++)
        strcat(text, "/ip6/2001:db80:1111:2222:3333:4444:5555:6666");
    strcat(text, "/ip6zone/");
    memset(text + strlen(text), 'z', HF_MULTIADDR_ZONE_MAX);
    struct hf_multiaddr address = address_of(text);
    assert_written(&address, text);
}

static void parts_are_gone_through_in_order(void **state)
{
    (void)state;
    struct hf_multiaddr address = address_of("/dns4/a.b/tcp/258/p2p/" HASHED_ID);
    struct hf_multiaddr_part part;
    size_t at = 0;
    assert_true(hf_multiaddr_next(&address, &at, &part));
    assert_int_equal(part.code, HF_MULTIADDR_DNS4);
    assert_int_equal(part.value.size, 3);
    assert_memory_equal(part.value.data, "a.b", 3);
    assert_true(hf_multiaddr_next(&address, &at, &part));
    assert_int_equal(part.code, HF_MULTIADDR_TCP);
    hex_assert(part.value.data, part.value.size, "0102");
    assert_true(hf_multiaddr_next(&address, &at, &part));
    assert_int_equal(part.code, HF_MULTIADDR_P2P);
    hex_assert(part.value.data, part.value.size, HASHED_MULTIHASH);
    size_t end = at;
    assert_false(hf_multiaddr_next(&address, &at, &part));
    assert_int_equal(at, end);
    assert_int_equal(part.code, HF_MULTIADDR_P2P);
}

static void nothing_is_gone_through_where_there_is_nothing(void **state)
{
    (void)state;
    struct hf_multiaddr address = address_of("/tcp/1");
    struct hf_multiaddr_part part;
    size_t at = SIZE_MAX;
    assert_false(hf_multiaddr_next(&address, &at, &part));
    at = 1; /* In the middle of a part. */
    assert_false(hf_multiaddr_next(&address, &at, &part));
    at = 0;
    assert_false(hf_multiaddr_next(NULL, &at, &part));
    assert_false(hf_multiaddr_next(&address, NULL, &part));
    assert_false(hf_multiaddr_next(&address, &at, NULL));
    address.size = HF_MULTIADDR_BYTES_MAX + 1;
    assert_false(hf_multiaddr_next(&address, &at, &part));
    assert_int_equal(at, 0);
}

static void no_address_is_written_as_nothing_and_equals_none(void **state)
{
    (void)state;
    const struct hf_multiaddr none = {.size = 0};
    struct hf_multiaddr some = address_of("/tcp/1");
    struct hf_multiaddr other = address_of("/tcp/2");
    assert_written(&none, "");
    assert_written(NULL, "");
    assert_int_equal(hf_multiaddr_bytes(NULL).size, 0);
    assert_false(hf_multiaddr_equals(&none, &none));
    assert_false(hf_multiaddr_equals(&some, &none));
    assert_false(hf_multiaddr_equals(NULL, &some));
    assert_false(hf_multiaddr_equals(&some, NULL));
    assert_false(hf_multiaddr_equals(&some, &other));
    assert_true(hf_multiaddr_equals(&some, &some));
}

static void writing_cuts_to_the_buffer_and_tells_the_length(void **state)
{
    (void)state;
    struct hf_multiaddr address = address_of("/ip4/127.0.0.1/tcp/4001");
    char text[8];
    assert_int_equal(hf_multiaddr_write(&address, text, sizeof(text)), 23);
    assert_string_equal(text, "/ip4/12");
    assert_int_equal(hf_multiaddr_write(&address, NULL, 0), 23);
}

static void null_is_invalid(void **state)
{
    (void)state;
    struct hf_multiaddr address;
    struct hf_error error = {0};
    assert_int_equal(hf_multiaddr_parse(text_of("/tcp/1"), NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "address: NULL");
    assert_int_equal(hf_multiaddr_parse(hf_bytes(NULL, 1), &address, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "text: NULL");
    assert_int_equal(hf_multiaddr_decode(hf_bytes("", 0), NULL, &error), HF_INVALID);
    assert_int_equal(hf_multiaddr_decode(hf_bytes(NULL, 1), &address, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "bytes: NULL");
    assert_int_equal(hf_multiaddr_parse(hf_bytes(NULL, 0), &address, NULL), HF_MALFORMED);
    assert_int_equal(hf_multiaddr_decode(hf_bytes(NULL, 0), &address, NULL), HF_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_both_forms_of_the_specification),
        cmocka_unit_test(what_is_written_otherwise_is_the_same_address),
        cmocka_unit_test(text_that_is_no_address_is_quoted_with_its_wrong_part),
        cmocka_unit_test(names_are_letters_digits_dots_and_dashes),
        cmocka_unit_test(text_ends_where_its_size_says_and_not_at_a_nul),
        cmocka_unit_test(bytes_that_are_no_address_are_malformed),
        cmocka_unit_test(an_unknown_protocol_is_told_from_a_mistake),
        cmocka_unit_test(parts_are_bounded),
        cmocka_unit_test(bytes_and_text_are_bounded),
        cmocka_unit_test(a_long_text_is_quoted_in_part),
        cmocka_unit_test(the_longest_text_has_room),
        cmocka_unit_test(parts_are_gone_through_in_order),
        cmocka_unit_test(nothing_is_gone_through_where_there_is_nothing),
        cmocka_unit_test(no_address_is_written_as_nothing_and_equals_none),
        cmocka_unit_test(writing_cuts_to_the_buffer_and_tells_the_length),
        cmocka_unit_test(null_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
