/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "net/network_node.h"
#include "net/raw_peer.h"
#include "scale.h"

/* What peers do to a node over real sockets; an honest one goes about its business meanwhile. */

/* Memory that a node holds, and held at most. */
static uint64_t live_bytes;
static uint64_t most_bytes;

static void *count_allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    uint64_t live = hf_add_relaxed(&live_bytes, size) + size;
    hf_max_seq(&most_bytes, live);
    size_t whole = (size + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, whole);
    return memory ? memset(memory, 0, whole) : NULL;
}

static void count_release(void *context, void *memory, size_t size, size_t alignment)
{
    (void)context, (void)alignment;
    hf_add_relaxed(&live_bytes, memory ? 0 - (uint64_t)size : 0);
    free(memory);
}

static const struct hf_allocator counting = {NULL, count_allocate, count_release};

/* Whatever is done to a node below, it holds no more; most of them are asked for less. */
#define MOST_BYTES (UINT64_C(16) << 20)

static struct node victim, honest;

static uint64_t peer_number(void)
{
    static uint64_t number;
    return 10 + number++ % 100;
}

static int start_both(void **state)
{
    (void)state;
    struct hf_network_options options = {.allocator = &counting, .per_peer_max = 1000};
    hf_store_relaxed(&most_bytes, 0);
    start_with(&victim, 1, &options);
    start(&honest, 2);
    return 0;
}

static int stop_both(void **state)
{
    (void)state;
    stop(&honest);
    stop(&victim);
    assert_int_equal(hf_load_relaxed(&live_bytes), 0);
    assert_true(hf_load_relaxed(&most_bytes) < MOST_BYTES);
    return 0;
}

/* Dials until that works: a place may be taken just now. */
static void honest_pings(void)
{
    struct hf_network_event event;
    do {
        assert_int_equal(hf_network_dial(honest.network, &victim.address, 1), HF_OK);
        do
            assert_int_equal(hf_network_wait(honest.network, PATIENCE_NS, &event), HF_OK);
        while (event.kind != HF_NETWORK_CONNECTED && event.kind != HF_NETWORK_DIAL_FAILED);
    } while (event.kind != HF_NETWORK_CONNECTED);
    assert_int_equal(hf_network_ping(honest.network, &event.peer), HF_OK);
    (void)wait_for(&honest, HF_NETWORK_PINGED);
    assert_int_equal(hf_network_close(honest.network, event.connection), HF_OK);
    (void)wait_for(&honest, HF_NETWORK_CLOSED);
}

/* The victim's connection to somebody else than the honest one ends, for that reason. */
static void assert_cut_off(const struct raw_peer *peer, const char *reason)
{
    struct hf_network_event event;
    do
        event = wait_for(&victim, HF_NETWORK_CLOSED);
    while (!hf_peer_id_equals(&event.peer, &peer->identity.id));
    if (!strstr(event.reason, reason))
        fail_msg("closed because \"%s\", not \"%s\"", event.reason, reason);
}

static void meet(struct raw_peer *peer)
{
    raw_begin(peer, &victim.address, (uint8_t)peer_number());
}

/* Answers the victim's question who we are, on the stream that it has opened for that. */
static void identify(struct raw_peer *peer, const void *message, size_t size)
{
    static uint8_t answer[65000];
    static const char lines[] = "\x13/multistream/1.0.0\n\x0f/ipfs/id/1.0.0\n";
    memcpy(answer, lines, sizeof lines - 1);
    memcpy(answer + sizeof lines - 1, message, size);
    raw_put(peer, HF_YAMUX_DATA, HF_YAMUX_ACK, 2, (uint32_t)(sizeof lines - 1 + size), answer);
    raw_put(peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_FIN, 2, 0, NULL);
    raw_flush(peer);
}

static void a_peer_that_claims_a_foreign_key_is_cut_off(void **state)
{
    (void)state;
    struct raw_peer peer;
    uint8_t message[39] = {38, 0x0a, 36, 8, 1, 0x12, 32};
    meet(&peer);
    memcpy(message + 7, honest.identity.public_key, 32);
    identify(&peer, message, sizeof message);
    assert_cut_off(&peer, "claims a key");
    raw_end(&peer);
    honest_pings();
}

static void an_identify_beyond_its_limits_is_not_listened_to(void **state)
{
    (void)state;
    struct raw_peer peer;
    uint8_t message[60000];
    memset(message, 0x7f, sizeof message); /* Parts of 127 bytes, and many of them. */
    meet(&peer);
    identify(&peer, message, sizeof message);
    raw_put(&peer, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 99, NULL); /* So that it ends. */
    raw_flush(&peer);
    struct hf_network_event event;
    do {
        assert_int_equal(hf_network_wait(victim.network, PATIENCE_NS, &event), HF_OK);
        assert_int_not_equal(event.kind, HF_NETWORK_IDENTIFIED);
    } while (event.kind != HF_NETWORK_CLOSED);
    assert_non_null(strstr(event.reason, "no ping asked for"));
    raw_end(&peer);
    honest_pings();
}

static void floods_of_pings_resets_and_nothings_are_cut_off(void **state)
{
    (void)state;
    static struct raw_peer peer;
    meet(&peer);
    for (uint32_t i = 0; i < 100000; i++)
        if (!raw_put(&peer, HF_YAMUX_PING, HF_YAMUX_SYN, 0, i, NULL))
            break;
    raw_flush(&peer);
    assert_cut_off(&peer, "more than 1000");
    raw_end(&peer);
    meet(&peer);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t id = i * 2 + 1;
        if (!raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, id, 0, NULL) ||
            !raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_RST, id, 0, NULL))
            break;
    }
    raw_flush(&peer);
    assert_cut_off(&peer, "more than 1000");
    raw_end(&peer);
    honest_pings();
}

/* Sealed by hand, since hf_noise_seal would not. */
static bool send_empty_frame(struct raw_peer *peer)
{
    uint8_t frame[18] = {0, 16};
    struct hf_bytes nothing = hf_bytes(NULL, 0);
    enum hf_status status =
        hf_aead_seal(&peer->noise.seals, peer->noise.sealed++, nothing, &nothing, 1, frame + 2);
    assert_int_equal(status, HF_OK);
    return raw_send(peer->socket, frame, sizeof frame);
}

static void assert_told_closed(const char *reason)
{
    struct hf_network_event event = wait_for(&victim, HF_NETWORK_CLOSED);
    assert_int_equal(event.status, HF_CLOSED);
    assert_string_equal(event.reason, reason);
}

/* Without a word of yamux's; a reset is no error of this side's either. */
static void who_hangs_up_is_said_to_have_closed(void **state)
{
    (void)state;
    static const struct linger at_once = {1, 0};
    struct raw_peer peer;
    meet(&peer);
    (void)wait_for(&victim, HF_NETWORK_CONNECTED);
    assert_int_equal(shutdown(peer.socket, SHUT_WR), 0);
    assert_told_closed("the peer closed the connection");
    raw_end(&peer);
    meet(&peer);
    (void)wait_for(&victim, HF_NETWORK_CONNECTED);
    assert_int_equal(setsockopt(peer.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    raw_end(&peer);
    assert_told_closed("the peer reset the connection");
}

static void frames_that_say_nothing_are_put_up_with_a_while(void **state)
{
    (void)state;
    struct raw_peer peer;
    meet(&peer);
    for (int i = 0; i < 20000 && send_empty_frame(&peer); i++)
        ;
    assert_cut_off(&peer, "say nothing");
    raw_end(&peer);
    honest_pings();
}

/* Some are left at once, and some end before a protocol is agreed on. */
static void streams_that_agree_on_nothing_are_few(void **state)
{
    (void)state;
    static struct raw_peer peer;
    meet(&peer);
    for (uint32_t id = 1; id < 2 * 200; id += 2)
        raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, id, 0, NULL);
    for (uint32_t id = 1; id < 2 * 20; id += 2)
        raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_FIN, id, 0, NULL);
    raw_put(&peer, HF_YAMUX_DATA, 0, 51, 3, "\xff\xff\xff");
    raw_put(&peer, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 99, NULL); /* So that it ends. */
    raw_flush(&peer);
    assert_cut_off(&peer, "no ping asked for");
    raw_end(&peer);
    honest_pings();
}

static void who_sends_more_than_granted_is_cut_off(void **state)
{
    (void)state;
    struct raw_peer peer;
    meet(&peer);
    raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 1, 0, NULL);
    raw_flush(&peer);
    struct hf_yamux_frame frame = {HF_YAMUX_VERSION, HF_YAMUX_DATA, 0, 1, 262145};
    hf_yamux_frame_write(frame, peer.frame);
    peer.frame_size = HF_YAMUX_HEADER_BYTES;
    raw_flush(&peer);
    assert_cut_off(&peer, "where 262144 were granted");
    raw_end(&peer);
    honest_pings();
}

static void lines_and_frames_that_claim_to_be_long_are_not_waited_for(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        "\x13/multistream/1.0.0\n\xff\x7f", "\x13/multistream/1.0.0\n\x07/noise\n\xff\xff"};
    char byte;
    for (size_t i = 0; i < 3; i++) {
        int made = raw_connect(&victim.address);
        assert_true(raw_send(made, beginnings[i], strlen(beginnings[i])));
        struct hf_network_event event = wait_for(&victim, HF_NETWORK_REFUSED);
        assert_int_not_equal(event.status, HF_TIMEOUT);
        while (recv(made, &byte, 1, 0) > 0)
            ;
        close(made);
    }
    honest_pings();
}

/* Each asks for echoes as fast as it can, and reads none. */
static void who_reads_nothing_costs_little_memory(void **state)
{
    (void)state;
    static struct raw_peer peers[4];
    static const char lines[] = "\x13/multistream/1.0.0\n\x08/echo/1\n";
    uint64_t before = hf_load_relaxed(&live_bytes);
    const struct timeval at_once = {.tv_usec = 300000};
    hf_store_relaxed(&most_bytes, before);
    for (size_t i = 0; i < 4; i++) {
        meet(&peers[i]);
        (void)setsockopt(peers[i].socket, SOL_SOCKET, SO_SNDTIMEO, &at_once, sizeof at_once);
        raw_put(&peers[i], HF_YAMUX_DATA, HF_YAMUX_SYN, 1, sizeof lines - 1, lines);
        for (uint32_t sent = sizeof lines - 1; sent + 60000 <= 262144; sent += 60000)
            raw_put(&peers[i], HF_YAMUX_DATA, 0, 1, 60000, NULL);
        for (uint32_t id = 3; id < 3 + 2 * 200; id += 2) {
            raw_put(&peers[i], HF_YAMUX_DATA, HF_YAMUX_SYN, id, sizeof lines - 1, lines);
            raw_put(&peers[i], HF_YAMUX_DATA, 0, id, 2000, NULL);
        }
        raw_flush(&peers[i]);
    }
    honest_pings();
    /* An outbox and a block more, what has not been echoed (twice, as it grows), and the rest. */
    uint64_t each = 262144 + 2 * 65536 + UINT64_C(2) * (262144 + 200 * 4096) + 65536;
    assert_true(hf_load_relaxed(&most_bytes) - before < 4 * each + (UINT64_C(1) << 20));
    for (size_t i = 0; i < 4; i++)
        raw_end(&peers[i]);
}

static void half_open_connections_keep_within_their_limit_and_nobody_out(void **state)
{
    (void)state;
    enum {
        AT_A_TIME = 100
    }; /* Fewer than a listener's backlog: who is not heard waits a second. */
    int made[AT_A_TIME];
    uint64_t before = hf_load_relaxed(&live_bytes);
    size_t rounds = test_scaled(10000) / AT_A_TIME;
    hf_store_relaxed(&most_bytes, before);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < AT_A_TIME; i++)
            made[i] = raw_connect(&victim.address);
        for (size_t i = 0; i < AT_A_TIME; i++)
            (void)raw_send(made[i], "\x13/multi", i % 8);
        if (round == rounds - 1)
            honest_pings(); /* The slow ones still hold on. */
        for (size_t i = 0; i < AT_A_TIME; i++)
            close(made[i]);
    }
    honest_pings();
    assert_true(hf_load_relaxed(&most_bytes) - before < (UINT64_C(4) << 20));
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, start_both, stop_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(a_peer_that_claims_a_foreign_key_is_cut_off),
        WITH_BOTH(an_identify_beyond_its_limits_is_not_listened_to),
        WITH_BOTH(floods_of_pings_resets_and_nothings_are_cut_off),
        WITH_BOTH(who_hangs_up_is_said_to_have_closed),
        WITH_BOTH(frames_that_say_nothing_are_put_up_with_a_while),
        WITH_BOTH(streams_that_agree_on_nothing_are_few),
        WITH_BOTH(who_sends_more_than_granted_is_cut_off),
        WITH_BOTH(lines_and_frames_that_claim_to_be_long_are_not_waited_for),
        WITH_BOTH(who_reads_nothing_costs_little_memory),
        WITH_BOTH(half_open_connections_keep_within_their_limit_and_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
