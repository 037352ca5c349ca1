/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "net/network_node.h"
#include "net/raw_peer.h"
#include "support/directory.h"

/* Who is refused by the limits that are handed in, and what the audit log says of it. */

static struct node host, guest;
static struct hf_audit *audit;

static struct hf_limiter *limiter_of(uint64_t burst)
{
    struct hf_limiter_options options = {
        .quota = {.count = 1, .period_ns = HF_SECONDS(1000), .burst = burst}};
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &options, NULL), HF_OK);
    return limiter;
}

static void begin(struct hf_network_options *options)
{
    struct hf_audit_options log = {.directory = directory_path};
    struct hf_error error = {0};
    if (hf_audit_open(&audit, &log, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    options->audit = audit;
    start_with(&host, 1, options);
    start(&guest, 2);
}

/* The log, once the nodes have stopped. */
static const char *end(void)
{
    static char text[1 << 16];
    char path[128];
    stop(&guest);
    stop(&host);
    assert_int_equal(hf_audit_close(audit, PATIENCE_NS, NULL), HF_OK);
    snprintf(path, sizeof path, "%s/audit.log", directory_path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    assert_int_equal(remove(path), 0);
    return text;
}

/* How many records of an event there are that say something. */
static unsigned count(const char *log, const char *event, const char *says)
{
    unsigned found = 0;
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", event);
    for (const char *line = log; *line; line = strchr(line, '\n') + 1) {
        char one[1024];
        snprintf(one, sizeof one, "%.*s", (int)(strchr(line, '\n') - line), line);
        found += strstr(one, quoted) && strstr(one, says);
    }
    return found;
}

static void assert_refused(const char *reason)
{
    struct hf_network_event event = wait_for(&host, HF_NETWORK_REFUSED);
    assert_int_equal(event.status, HF_DENIED);
    assert_string_equal(event.reason, reason);
}

/* The guest dials, and is let in. */
static void let_in(void)
{
    assert_int_equal(hf_network_dial(guest.network, &host.address, 1), HF_OK);
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    (void)wait_for(&guest, HF_NETWORK_CONNECTED);
}

static void turned_away(void)
{
    assert_int_equal(hf_network_dial(guest.network, &host.address, 2), HF_OK);
    struct hf_network_event event = wait_for(&guest, HF_NETWORK_DIAL_FAILED);
    assert_int_equal(event.dial, 2);
}

/* A connection by IPv4 from an address of one's choice, not let in before it says who it is. */
static int connect_from(const char *address)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct hf_multiaddr_target target;
    int made = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(hf_multiaddr_target(&host.address, &target, NULL), HF_OK);
    to.sin_port = htons(target.port);
    assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
    assert_int_equal(bind(made, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(made, (struct sockaddr *)&to, sizeof to), 0);
    return made;
}

/* Whether the host greets who has come there, as it does all that it takes in. */
static bool greets(int made)
{
    static const char lines[] = "\x13/multistream/1.0.0\n\x07/noise\n";
    char answer[sizeof lines - 1];
    return raw_send(made, lines, sizeof lines - 1) && raw_receive(made, answer, sizeof answer);
}

/* The same of who leaves again. */
static bool is_greeted(int made)
{
    bool greeted = greets(made);
    close(made);
    return greeted;
}

static void an_address_that_connects_too_often_is_refused_and_others_are_not(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_of(2);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.per_address = &limits};
    static const char reason[] = "the address connects too often";
    begin(&options);
    let_in();
    let_in();
    turned_away();
    assert_refused(reason);
    assert_true(is_greeted(connect_from("127.0.0.2")));
    assert_false(is_greeted(connect_from("127.0.0.1")));
    const char *log = end();
    assert_int_equal(count(log, "connection.refused", reason), 2);
    assert_int_equal(count(log, "connection.opened", "\"/ip4/127.0.0.1/tcp/"), 2);
    hf_limiter_free(limiter);
}

static void a_peer_that_connects_too_often_is_refused_once_it_is_known(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_of(1);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.per_peer = &limits};
    static const char reason[] = "the peer connects too often";
    static struct raw_peer other;
    char id[HF_PEER_ID_TEXT_BYTES];
    begin(&options);
    hf_peer_id_write(hf_network_id(guest.network), id, sizeof id);
    let_in();
    assert_int_equal(hf_network_dial(guest.network, &host.address, 2), HF_OK);
    assert_refused(reason);
    raw_begin(&other, &host.address, 77);
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    raw_end(&other);
    const char *log = end();
    assert_int_equal(count(log, "connection.refused", reason), 1);
    assert_int_equal(count(log, "connection.refused", id), 1);
    assert_int_equal(count(log, "connection.opened", ""), 2);
    hf_limiter_free(limiter);
}

static void all_together_are_refused_beyond_what_is_for_everybody(void **state)
{
    (void)state;
    struct hf_gate gate;
    const struct hf_quota quota = {.count = 1, .period_ns = HF_SECONDS(1000), .burst = 2};
    assert_int_equal(hf_gate_init(&gate, &quota, NULL), HF_OK);
    const struct hf_limits limits = {.parts = {{.gate = &gate}}};
    struct hf_network_options options = {.per_address = &limits};
    begin(&options);
    assert_true(is_greeted(connect_from("127.0.0.2")));
    assert_true(is_greeted(connect_from("127.0.0.3")));
    assert_false(is_greeted(connect_from("127.0.0.4")));
    turned_away();
    const char *log = end();
    assert_int_equal(count(log, "connection.refused", "the address connects too often"), 2);
    assert_int_equal(count(log, "connection.refused", "\"/ip4/127.0.0.4/tcp/"), 1);
}

static void ping_is_refused(void)
{
    assert_int_equal(hf_network_ping(guest.network, hf_network_id(host.network)), HF_OK);
    assert_int_equal(wait_for(&guest, HF_NETWORK_PING_FAILED).status, HF_CLOSED);
}

/* The first stream of the guest's asks who the host is; each ping is one more. */
static void streams_beyond_what_a_peer_may_open_are_reset(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_of(3);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.streams_per_peer = &limits};
    begin(&options);
    let_in();
    (void)wait_for(&guest, HF_NETWORK_IDENTIFIED);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hf_network_ping(guest.network, hf_network_id(host.network)), HF_OK);
        (void)wait_for(&guest, HF_NETWORK_PINGED);
    }
    ping_is_refused();
    const char *log = end();
    assert_int_equal(count(log, "stream.refused", "the peer opens streams too often"), 1);
    hf_limiter_free(limiter);
}

/* A peer must not be able to fill the log. */
static void streams_refused_are_one_record_a_connection(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_of(1);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.streams_per_peer = &limits};
    begin(&options);
    let_in();
    (void)wait_for(&guest, HF_NETWORK_IDENTIFIED); /* The stream that is allowed. */
    for (int i = 0; i < 5; i++)
        ping_is_refused();
    let_in();
    for (int i = 0; i < 5; i++)
        ping_is_refused(); /* Over the new one. */
    assert_int_equal(count(end(), "stream.refused", "the peer opens streams too often"), 2);
    hf_limiter_free(limiter);
}

static void no_more_connections_are_kept_than_may_be(void **state)
{
    (void)state;
    struct hf_network_options options = {.connections_max = 2};
    begin(&options);
    let_in();
    let_in();
    turned_away();
    assert_refused("there are too many connections");
    assert_int_equal(hf_network_dial(host.network, &guest.address, 3), HF_OK);
    struct hf_network_event event = wait_for(&host, HF_NETWORK_DIAL_FAILED);
    assert_int_equal(event.status, HF_FULL);
    const char *log = end();
    assert_int_equal(count(log, "connection.refused", "there are too many connections"), 1);
}

/* Names per_peer_max, which is eight. */
static void a_peer_has_eight_connections_at_the_most(void **state)
{
    (void)state;
    static struct raw_peer peers[9];
    struct hf_network_options options = {0};
    begin(&options);
    for (int i = 0; i < 8; i++) {
        raw_begin(&peers[i], &host.address, 77);
        (void)wait_for(&host, HF_NETWORK_CONNECTED);
    }
    raw_begin(&peers[8], &host.address, 77);
    assert_refused("the peer has too many connections");
    let_in(); /* Another has its own. */
    for (int i = 0; i < 9; i++)
        raw_end(&peers[i]);
    assert_int_equal(count(end(), "connection.refused", "the peer has too many connections"), 1);
}

/* Names half_open_max, which is 32: for each more, one is refused, itself or the oldest. */
static void no_more_connections_are_being_set_up_than_may_be(void **state)
{
    (void)state;
    enum { MORE = 8 };
    struct hf_network_options options = {0};
    int made[32 + MORE];
    begin(&options);
    for (int i = 0; i < 32 + MORE; i++)
        made[i] = raw_connect(&host.address);
    for (int i = 0; i < MORE; i++)
        (void)wait_for(&host, HF_NETWORK_REFUSED);
    struct hf_network_event event;
    assert_int_equal(hf_network_next(host.network, &event), HF_AGAIN);
    for (int i = 0; i < 32 + MORE; i++)
        close(made[i]);
    assert_int_equal(count(end(), "connection.refused", ""), 32 + MORE);
}

/* Names per_address_max. */
static void no_more_connections_of_an_address_are_kept_than_may_be(void **state)
{
    (void)state;
    struct hf_network_options options = {.per_address_max = 2};
    static const char reason[] = "the address has too many connections";
    begin(&options);
    let_in();
    let_in();
    turned_away();
    assert_refused(reason);
    assert_true(is_greeted(connect_from("127.0.0.2")));
    assert_int_equal(count(end(), "connection.refused", reason), 1);
}

/* An address of this machine's that others can reach, too. False: it has none. */
static bool find_address(char *text)
{
    struct ifaddrs *all, *each;
    bool found = false;
    assert_int_equal(getifaddrs(&all), 0);
    for (each = all; each && !found; each = each->ifa_next) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)each->ifa_addr;
        found = ip4 && ip4->sin_family == AF_INET && *(const uint8_t *)&ip4->sin_addr != 127 &&
                inet_ntop(AF_INET, &ip4->sin_addr, text, INET_ADDRSTRLEN) != NULL;
    }
    freeifaddrs(all);
    return found;
}

static void of_an_address_that_is_not_loopback_eight_are_kept(void **state)
{
    (void)state;
    struct hf_network_options options = {.per_peer_max = 100};
    char ip[INET_ADDRSTRLEN], text[64];
    struct hf_error error = {0};
    if (!find_address(ip))
        skip();
    snprintf(text, sizeof text, "/ip4/%s/tcp/0", ip);
    if (start_at(&host, 1, &options, text, &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
    start(&guest, 2);
    for (uint64_t i = 0; i < 8; i++)
        let_in();
    turned_away();
    assert_refused("the address has too many connections");
    stop(&guest);
    stop(&host);
}

/* At a listener for both, where the system has IPv6: its address there is ::ffff:127.0.0.2. */
static void who_comes_by_ip4_to_ip6_counts_by_the_former(void **state)
{
    (void)state;
    struct hf_limiter *limiter = limiter_of(1);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.per_address_max = 1, .per_address = &limits};
    struct hf_error error = {0};
    if (start_at(&host, 1, &options, "/ip6/::/tcp/0", &error) != HF_OK) {
        hf_limiter_free(limiter);
        skip();
    }
    const int made[] = {connect_from("127.0.0.2"), connect_from("127.0.0.3")};
    assert_true(greets(made[0]) && greets(made[1]));
    assert_false(is_greeted(connect_from("127.0.0.2")));
    assert_refused("the address has too many connections");
    close(made[0]);
    close(made[1]);
    struct hf_bytes key = hf_bytes("\x7f\0\0\x02", 4);
    assert_int_equal(hf_limits_peek(&limits, key, 1, NULL), HF_DENIED);
    stop(&host);
    hf_limiter_free(limiter);
}

/* Of ::1's only zeros are left. */
static void an_ip6_address_connects_as_its_network_of_56_bits(void **state)
{
    (void)state;
    static const uint8_t address[16] = {[15] = 1};
    struct hf_limiter *limiter = limiter_of(1);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.per_address = &limits};
    struct hf_error error = {0};
    if (start_at(&host, 1, &options, "/ip6/::1/tcp/0", &error) != HF_OK) {
        hf_limiter_free(limiter);
        skip();
    }
    start(&guest, 2);
    let_in();
    assert_int_equal(hf_limits_peek(&limits, hf_bytes(address, 7), 1, NULL), HF_DENIED);
    assert_int_equal(hf_limits_peek(&limits, hf_bytes(address, 16), 1, NULL), HF_OK);
    stop(&guest);
    stop(&host);
    hf_limiter_free(limiter);
}

static void what_opens_and_closes_is_on_record_with_reasons(void **state)
{
    (void)state;
    struct hf_network_options options = {0};
    char id[HF_PEER_ID_TEXT_BYTES];
    begin(&options);
    hf_peer_id_write(hf_network_id(guest.network), id, sizeof id);
    let_in();
    assert_int_equal(hf_network_dial(host.network, &guest.address, 5), HF_OK);
    struct hf_network_event event = wait_for(&host, HF_NETWORK_CONNECTED);
    assert_int_equal(hf_network_close(host.network, event.connection), HF_OK);
    assert_int_equal(wait_for(&host, HF_NETWORK_CLOSED).connection, event.connection);
    const char *log = end();
    assert_int_equal(count(log, "connection.opened", id), 2);
    assert_int_equal(count(log, "connection.opened", "\"inbound\":true"), 1);
    assert_int_equal(count(log, "connection.opened", "\"inbound\":false"), 1);
    assert_int_equal(count(log, "connection.closed", "closed by this side"), 1);
    assert_int_equal(count(log, "connection.closed", id), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_DIRECTORY(an_address_that_connects_too_often_is_refused_and_others_are_not),
        IN_A_DIRECTORY(a_peer_that_connects_too_often_is_refused_once_it_is_known),
        IN_A_DIRECTORY(all_together_are_refused_beyond_what_is_for_everybody),
        IN_A_DIRECTORY(streams_beyond_what_a_peer_may_open_are_reset),
        IN_A_DIRECTORY(streams_refused_are_one_record_a_connection),
        IN_A_DIRECTORY(no_more_connections_are_kept_than_may_be),
        IN_A_DIRECTORY(a_peer_has_eight_connections_at_the_most),
        IN_A_DIRECTORY(no_more_connections_are_being_set_up_than_may_be),
        IN_A_DIRECTORY(no_more_connections_of_an_address_are_kept_than_may_be),
        cmocka_unit_test(of_an_address_that_is_not_loopback_eight_are_kept),
        cmocka_unit_test(who_comes_by_ip4_to_ip6_counts_by_the_former),
        cmocka_unit_test(an_ip6_address_connects_as_its_network_of_56_bits),
        IN_A_DIRECTORY(what_opens_and_closes_is_on_record_with_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
