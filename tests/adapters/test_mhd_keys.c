/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <sys/un.h>
#include <unistd.h>

#include <holdfast/curl.h>
#include <holdfast/mhd.h>

#include "adapters/mhd_fixture.h"

/* Whose quota a request to a real server uses. */

static void header_values_have_quotas_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    make_endpoint(fixture, HF_HTTP_KEY_HEADER);
    assert_quota(fixture, "X-Api-Key: alice");
    assert_quota(fixture, "x-api-key: bob");
    assert_int_equal(ask_as(fixture, "X-API-KEY:  alice ").status, 429);
    assert_quota(fixture, "X-Other: alice"); /* The address's. */
    assert_int_equal(ask_as(fixture, "X-Api-Key: 127.0.0.1").status, 200);
}

static void a_header_value_too_long_for_a_key_is_a_bad_request(void **state)
{
    struct fixture *fixture = *state;
    char field[HF_HTTP_KEY_BYTES_MAX + 32] = "X-Api-Key: ";
    memset(field + strlen(field), 'v', HF_HTTP_KEY_BYTES_MAX);
    make_endpoint(fixture, HF_HTTP_KEY_HEADER);
    struct reply reply = ask_as(fixture, field);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "\"status\":400"));
}

static void trusted_proxies_speak_for_their_clients(void **state)
{
    struct fixture *fixture = *state;
    make_endpoint(fixture, HF_HTTP_KEY_FORWARDED);
    assert_quota(fixture, "X-Forwarded-For: 203.0.113.7");
    assert_quota(fixture, "X-Forwarded-For: 203.0.113.8, 10.0.0.1");
    assert_int_equal(ask_as(fixture, "X-Forwarded-For: 1.1.1.1, 203.0.113.7").status, 429);
    assert_int_equal(ask_as(fixture, "Forwarded: for=203.0.113.7;proto=http").status, 429);
    assert_quota(fixture, "Forwarded: for=\"[2001:db8::1]:4711\"");
    assert_int_equal(ask_as(fixture, "X-Forwarded-For: 2001:db8::2").status, 429); /* Same /64. */
    assert_int_equal(ask_as(fixture, "X-Forwarded-For: 2001:db8:0:1::2").status, 200);
    assert_quota(fixture, "X-Other: the proxy itself");
}

static void fields_of_one_name_are_one_list_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    make_endpoint(fixture, HF_HTTP_KEY_FORWARDED);
    assert_quota(fixture, "X-Forwarded-For: 203.0.113.7");
    struct curl_slist *fields = curl_slist_append(NULL, "X-Forwarded-For: 198.51.100.1");
    fields = curl_slist_append(fields, "X-Between: 1");
    fields = curl_slist_append(fields, "X-Forwarded-For: 203.0.113.7");
    fields = curl_slist_append(fields, "X-Forwarded-For: 10.0.0.1");
    assert_int_equal(ask_with(fixture, NULL, fields, NULL).status, 429);
    fields = curl_slist_append(NULL, "X-Forwarded-For: 203.0.113.7");
    fields = curl_slist_append(fields, "X-Forwarded-For: 198.51.100.1");
    assert_int_equal(ask_with(fixture, NULL, fields, NULL).status, 200);
}

static void strangers_cannot_speak_for_others(void **state)
{
    struct fixture *fixture = *state;
    struct hf_cidr elsewhere;
    assert_int_equal(hf_cidr_parse("10.0.0.0/8", &elsewhere, NULL), HF_OK);
    const struct hf_mhd_options options = {
        .guard = fixture->guard,
        .key = {.kind = HF_HTTP_KEY_FORWARDED, .trusted = &elsewhere, .trusted_count = 1},
        .clock = hf_manual_clock(&fixture->clock),
    };
    hf_mhd_free(fixture->endpoint);
    assert_int_equal(hf_mhd_new(&fixture->endpoint, &options, NULL), HF_OK);
    for (unsigned request = 0; request < 6; request++) {
        char field[64];
        snprintf(field, sizeof(field), "X-Forwarded-For: 203.0.113.%u", request);
        struct reply reply = ask_as(fixture, field);
        assert_int_equal(reply.status, request < BURST ? 200 : 429);
        assert_string_equal(reply.policy, ""); /* No quota told. */
    }
}

static void ten_thousand_addresses_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    const char name[] = "X-Forwarded-For: ";
    char *field = malloc(sizeof(name) + 10000 * 16);
    assert_non_null(field);
    size_t size = (size_t)sprintf(field, "%s", name);
    for (unsigned entry = 0; entry < 10000; entry++)
        size += (size_t)sprintf(field + size, "10.0.%u.%u,", entry / 256, entry % 256);
    make_endpoint(fixture, HF_HTTP_KEY_FORWARDED);
    assert_quota(fixture, field);
    free(field);
    char oldest[64]; /* The last that is believed. */
    unsigned entry = 10000 - HF_HTTP_FORWARDED_MAX;
    snprintf(oldest, sizeof(oldest), "X-Forwarded-For: 10.0.%u.%u", entry / 256, entry % 256);
    assert_int_equal(ask_as(fixture, oldest).status, 429);
}

static void assert_peer(struct fixture *fixture, const char *expected)
{
    char text[HF_IP_TEXT_BYTES];
    assert_int_equal(ask(fixture).status, 200);
    hf_ip_write(&fixture->peer, text, sizeof(text));
    assert_string_equal(text, expected);
}

/* Where the machine has no such address there is nothing to be seen. */
static void restart(struct fixture *fixture, unsigned flags, struct sockaddr *address)
{
    MHD_stop_daemon(fixture->daemon);
    start_server(fixture, flags, address);
    if (!fixture->daemon)
        skip();
}

static void peers_over_ipv4_have_their_address(void **state)
{
    assert_peer(*state, "127.0.0.1");
}

static void peers_over_ipv6_have_their_address(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    restart(fixture, MHD_USE_IPv6, (struct sockaddr *)&address);
    assert_peer(fixture, "::1");
}

static void peers_over_ipv4_have_it_on_a_socket_for_both_too(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    restart(fixture, MHD_USE_DUAL_STACK, (struct sockaddr *)&address);
    assert_peer(fixture, "127.0.0.1");
}

static void peers_over_a_unix_socket_have_none_and_share_a_key(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char directory[] = "/tmp/holdfast-XXXXXX";
    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    MHD_stop_daemon(fixture->daemon);
    fixture->daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
        NULL, handle, fixture, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, forget,
        NULL, MHD_OPTION_END);
    assert_non_null(fixture->daemon);
    fixture->unix_path = address.sun_path;
    assert_peer(fixture, "local");
    assert_peer(fixture, "local");
    assert_peer(fixture, "local");
    assert_int_equal(ask(fixture).status, 429);
    unlink(address.sun_path);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(header_values_have_quotas_of_their_own),
        TEST(a_header_value_too_long_for_a_key_is_a_bad_request),
        TEST(trusted_proxies_speak_for_their_clients),
        TEST(fields_of_one_name_are_one_list_in_their_order),
        TEST(strangers_cannot_speak_for_others),
        TEST(ten_thousand_addresses_do_no_harm),
        TEST(peers_over_ipv4_have_their_address),
        TEST(peers_over_ipv6_have_their_address),
        TEST(peers_over_ipv4_have_it_on_a_socket_for_both_too),
        TEST(peers_over_a_unix_socket_have_none_and_share_a_key),
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
