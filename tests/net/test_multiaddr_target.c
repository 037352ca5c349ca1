/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/multiaddr.h>

#include "keys.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct hf_bytes text_of(const char *text)
{
    return hf_bytes(text, strlen(text));
}

static struct hf_multiaddr address_of(const char *text)
{
    struct hf_multiaddr address;
    if (hf_multiaddr_parse(text_of(text), &address, NULL) != HF_OK)
        fail_msg("%s is an address", text);
    return address;
}

static struct hf_ip ip_of(const char *text)
{
    struct hf_ip ip;
    if (hf_ip_parse(text_of(text), &ip) != HF_OK)
        fail_msg("%s is an IP address", text);
    return ip;
}

static struct hf_peer_id id_of(const char *text)
{
    struct hf_peer_id id;
    if (hf_peer_id_parse(text_of(text), &id, NULL) != HF_OK)
        fail_msg("%s is a peer id", text);
    return id;
}

static void assert_written(const struct hf_multiaddr *address, const char *text)
{
    char written[HF_MULTIADDR_TEXT_BYTES];
    hf_multiaddr_write(address, written, sizeof(written));
    assert_string_equal(written, text);
}

static void an_address_is_made_of_an_ip_a_port_and_a_peer(void **state)
{
    (void)state;
    struct hf_multiaddr address;
    struct hf_ip ip = ip_of("192.0.2.1");
    struct hf_peer_id id = id_of(ED25519_ID);
    assert_int_equal(hf_multiaddr_from_ip(&ip, 4001, &address), HF_OK);
    assert_written(&address, "/ip4/192.0.2.1/tcp/4001");
    assert_int_equal(hf_multiaddr_add_peer(&address, &id), HF_OK);
    assert_written(&address, "/ip4/192.0.2.1/tcp/4001/p2p/" ED25519_ID);
    struct hf_multiaddr parsed = address_of("/ip4/192.0.2.1/tcp/4001/p2p/" ED25519_ID);
    assert_true(hf_multiaddr_equals(&address, &parsed));
    ip = ip_of("2001:db8::1");
    assert_int_equal(hf_multiaddr_from_ip(&ip, 0, &address), HF_OK);
    assert_written(&address, "/ip6/2001:db8::1/tcp/0");
}

static void what_is_no_ip_or_peer_makes_no_address(void **state)
{
    (void)state;
    struct hf_multiaddr address = address_of("/tcp/1");
    struct hf_multiaddr none = {.size = 0};
    const struct hf_ip no_ip = {.version = 0};
    const struct hf_peer_id no_peer = {.size = 0};
    struct hf_ip ip = ip_of("::1");
    struct hf_peer_id id = id_of(ED25519_ID);
    assert_int_equal(hf_multiaddr_from_ip(&no_ip, 1, &address), HF_INVALID);
    assert_int_equal(hf_multiaddr_from_ip(NULL, 1, &address), HF_INVALID);
    assert_int_equal(hf_multiaddr_from_ip(&ip, 1, NULL), HF_INVALID);
    assert_int_equal(hf_multiaddr_add_peer(&address, &no_peer), HF_INVALID);
    assert_int_equal(hf_multiaddr_add_peer(&address, NULL), HF_INVALID);
    assert_int_equal(hf_multiaddr_add_peer(NULL, &id), HF_INVALID);
    assert_int_equal(hf_multiaddr_add_peer(&none, &id), HF_INVALID);
    assert_int_equal(none.size, 0);
    assert_written(&address, "/tcp/1");
}

static void a_full_address_takes_no_peer(void **state)
{
    (void)state;
    struct hf_peer_id id = id_of(ED25519_ID);
    char text[HF_MULTIADDR_TEXT_BYTES] = "";
    for (size_t i = 0; i < HF_MULTIADDR_PARTS_MAX; i++)
        strcat(text, "/tcp/1");
    struct hf_multiaddr address = address_of(text);
    assert_int_equal(hf_multiaddr_add_peer(&address, &id), HF_FULL);
    assert_written(&address, text);
    strcpy(text, "/dns/");
    memset(text + 5, 'a', 213);
    text[5 + 213] = '\0';
    address = address_of(text);
    assert_int_equal(hf_multiaddr_add_peer(&address, &id), HF_FULL);
    assert_written(&address, text);
    text[5 + 212] = '\0';
    address = address_of(text);
    assert_int_equal(hf_multiaddr_add_peer(&address, &id), HF_OK);
    assert_int_equal(hf_multiaddr_bytes(&address).size, HF_MULTIADDR_BYTES_MAX);
}

static void a_target_says_host_port_and_peer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum hf_multiaddr_code kind;
        const char *ip; /* NULL: none. */
        const char *name;
        uint16_t port;
        const char *peer;
    } known[] = {
        {"/ip4/192.0.2.1/tcp/4001", HF_MULTIADDR_IP4, "192.0.2.1", "", 4001, ""},
        {"/ip6/2001:db8::1/tcp/0", HF_MULTIADDR_IP6, "2001:db8::1", "", 0, ""},
        {"/ip6/::ffff:192.0.2.1/tcp/1", HF_MULTIADDR_IP4, "192.0.2.1", "", 1, ""},
        {"/dns/a.b/tcp/65535", HF_MULTIADDR_DNS, NULL, "a.b", 65535, ""},
        {"/dns4/c/tcp/256", HF_MULTIADDR_DNS4, NULL, "c", 256, ""},
        {"/dns6/d/tcp/255/p2p/" HASHED_ID, HF_MULTIADDR_DNS6, NULL, "d", 255, HASHED_ID},
        {"/ip4/0.0.0.0/tcp/1/p2p/" ED25519_ID, HF_MULTIADDR_IP4, "0.0.0.0", "", 1, ED25519_ID},
    };
    for (size_t i = 0; i < LENGTH(known); i++) {
        struct hf_multiaddr address = address_of(known[i].text);
        struct hf_multiaddr_target target;
        char peer[HF_PEER_ID_TEXT_BYTES];
        assert_int_equal(hf_multiaddr_target(&address, &target, NULL), HF_OK);
        struct hf_ip ip = known[i].ip ? ip_of(known[i].ip) : (struct hf_ip){.version = 0};
        assert_int_equal(target.kind, known[i].kind);
        assert_memory_equal(&target.ip, &ip, sizeof(ip));
        assert_string_equal(target.name, known[i].name);
        assert_int_equal(target.port, known[i].port);
        hf_peer_id_write(&target.peer, peer, sizeof(peer));
        assert_string_equal(peer, known[i].peer);
    }
}

static void the_longest_name_fits_a_target(void **state)
{
    (void)state;
    char text[300] = "/dns/";
    struct hf_multiaddr_target target;
    memset(text + 5, 'n', 249);
    strcat(text, "/tcp/1");
    struct hf_multiaddr address = address_of(text);
    assert_int_equal(hf_multiaddr_bytes(&address).size, HF_MULTIADDR_BYTES_MAX - 1);
    assert_int_equal(hf_multiaddr_target(&address, &target, NULL), HF_OK);
    assert_int_equal(strlen(target.name), 249);
}

static void another_shape_has_no_transport(void **state)
{
    (void)state;
    static const char *const others[] = {
        "/ip4/192.0.2.1",
        "/tcp/4001",
        "/p2p/" ED25519_ID,
        "/dnsaddr/a/tcp/1",
        "/ip6zone/eth0/ip6/fe80::1/tcp/1",
        "/ip4/192.0.2.1/ip4/192.0.2.1",
        "/ip4/192.0.2.1/p2p/" ED25519_ID,
        "/ip4/192.0.2.1/tcp/1/tcp/1",
        "/ip4/192.0.2.1/tcp/1/p2p/" ED25519_ID "/tcp/1",
        "/tcp/1/ip4/192.0.2.1",
    };
    for (size_t i = 0; i < LENGTH(others); i++) {
        struct hf_multiaddr address = address_of(others[i]);
        struct hf_multiaddr_target target = {.port = 77};
        struct hf_error error = {0};
        assert_int_equal(hf_multiaddr_target(&address, &target, &error), HF_UNSUPPORTED);
        assert_int_equal(target.port, 77);
        assert_non_null(strstr(hf_error_text(&error), "no transport"));
        assert_non_null(strstr(hf_error_text(&error), "multiaddr \"/"));
    }
}

static void null_and_no_address_are_invalid(void **state)
{
    (void)state;
    struct hf_multiaddr address = {.size = 0};
    struct hf_multiaddr_target target;
    struct hf_error error = {0};
    assert_int_equal(hf_multiaddr_target(&address, &target, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "address: none");
    assert_int_equal(hf_multiaddr_target(NULL, &target, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "address: NULL");
    assert_int_equal(hf_multiaddr_target(&address, NULL, &error), HF_INVALID);
    assert_string_equal(hf_error_text(&error), "target: NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_made_of_an_ip_a_port_and_a_peer),
        cmocka_unit_test(what_is_no_ip_or_peer_makes_no_address),
        cmocka_unit_test(a_full_address_takes_no_peer),
        cmocka_unit_test(a_target_says_host_port_and_peer),
        cmocka_unit_test(the_longest_name_fits_a_target),
        cmocka_unit_test(another_shape_has_no_transport),
        cmocka_unit_test(null_and_no_address_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
