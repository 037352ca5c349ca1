/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/connection.h"
#include "net/network_node.h"
#include "net/ping.h"
#include "net/raw_frames.h"
#include "net/time_machine.h"

/* What peers are given up for who take their time, over real sockets and at once. */

static struct node host;

/* Memory that the host holds, and held at most. */
static uint64_t live_bytes;
static uint64_t most_bytes;

static void *count_allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    hf_max_seq(&most_bytes, hf_add_relaxed(&live_bytes, size) + size);
    return hf_allocate(hf_allocator_libc(), size, alignment);
}

static void count_release(void *context, void *memory, size_t size, size_t alignment)
{
    (void)context;
    hf_add_relaxed(&live_bytes, memory ? 0 - (uint64_t)size : 0);
    hf_release(hf_allocator_libc(), memory, size, alignment);
}

static const struct hf_allocator counting = {NULL, count_allocate, count_release};

static void begin(uint64_t ping_interval_ns)
{
    struct hf_network_options options = {
        .allocator = &counting, .ping_interval_ns = ping_interval_ns};
    start_with(&host, 1, &options);
}

static void end(void)
{
    stop(&host);
    assert_int_equal(hf_load_relaxed(&live_bytes), 0);
}

/* An honest one connects, pings and leaves. */
static void honest_pings(void)
{
    static struct node honest;
    start(&honest, 9);
    assert_int_equal(hf_network_dial(honest.network, &host.address, 1), HF_OK);
    struct hf_network_event event = wait_for(&honest, HF_NETWORK_CONNECTED);
    assert_int_equal(hf_network_ping(honest.network, &event.peer), HF_OK);
    (void)wait_for(&honest, HF_NETWORK_PINGED);
    stop(&honest);
}

/*
 * Names HF_CONNECTION_SETUP_NS: Slowloris. Each says a byte of a proper beginning a second, and all
 * are gone when their time is over, however busy they are.
 */
static void who_trickles_a_handshake_is_given_up_in_time(void **state)
{
    (void)state;
    enum { SLOW = 20 };
    static const char lines[] = "\x13/multistream/1.0.0\n\x07/noise\n";
    int made[SLOW];
    begin(0);
    uint64_t before = hf_load_relaxed(&live_bytes);
    hf_store_relaxed(&most_bytes, before);
    for (int i = 0; i < SLOW; i++)
        made[i] = raw_connect(&host.address);
    for (int second = 0; second < 9; second++) {
        for (int i = 0; i < SLOW; i++)
            assert_true(raw_send(made[i], lines + second, 1));
        let_finish(&host);
        let_pass(&host, HF_SECONDS(1));
        if (second == 5)
            honest_pings();
    }
    assert_int_equal(HF_CONNECTION_SETUP_NS, HF_SECONDS(10));
    for (int i = 0; i < SLOW; i++) {
        struct hf_network_event event = let_pass_until(&host, HF_SECONDS(1), HF_NETWORK_REFUSED);
        assert_int_equal(event.status, HF_TIMEOUT);
        assert_string_equal(event.reason, "not set up in time");
        hf_add_relaxed(&time_ahead_ns, 0 - HF_SECONDS(1)); /* The others' time is over as well. */
    }
    for (int i = 0; i < SLOW; i++) {
        char byte;
        while (recv(made[i], &byte, 1, 0) > 0) /* Its greeting, and the end. */
            ;
        close(made[i]);
    }
    honest_pings();
    assert_true(hf_load_relaxed(&most_bytes) - before < (UINT64_C(4) << 20));
    end();
}

/* Names HF_CONNECTION_STALL_NS. */
static void who_never_reads_is_given_up_in_time(void **state)
{
    (void)state;
    static struct raw_peer peer;
    static const char lines[] = "\x13/multistream/1.0.0\n\x08/echo/1\n";
    begin(0);
    raw_begin(&peer, &host.address, 2);
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    for (uint32_t id = 1; id < 2 * 60; id += 2) {
        raw_put(&peer, HF_YAMUX_DATA, HF_YAMUX_SYN, id, sizeof lines - 1, lines);
        for (int i = 0; i < 4; i++)
            raw_put(&peer, HF_YAMUX_DATA, 0, id, 60000, NULL);
    }
    assert_true(raw_flush(&peer));
    honest_pings();
    struct hf_network_event event;
    do
        event = let_pass_until(&host, HF_CONNECTION_STALL_NS, HF_NETWORK_CLOSED);
    while (!hf_peer_id_equals(&event.peer, &peer.identity.id));
    assert_int_equal(event.status, HF_TIMEOUT);
    assert_string_equal(event.reason, "the peer reads nothing");
    raw_end(&peer);
    end();
}

/* Names HF_NETWORK_DRAIN_NS: a peer that reads nothing holds no stop up. */
static void what_is_not_read_is_not_waited_for_at_the_end(void **state)
{
    (void)state;
    static struct raw_peer peer;
    begin(0);
    raw_begin(&peer, &host.address, 2);
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    hf_network_stop(host.network);
    while (raw_next(&peer).size > 0) /* It ends its side, and waits for the end of ours. */
        ;
    hf_add_relaxed(&time_ahead_ns, HF_NETWORK_DRAIN_NS);
    (void)raw_put(&peer, HF_YAMUX_PING, HF_YAMUX_SYN, 0, 1, NULL); /* So that it looks. */
    (void)raw_flush(&peer);
    end();
    raw_end(&peer);
}

static void peers_are_pinged_at_intervals(void **state)
{
    (void)state;
    static struct node other;
    begin(HF_SECONDS(5));
    start(&other, 2);
    assert_int_equal(hf_network_dial(host.network, &other.address, 1), HF_OK);
    (void)wait_for(&host, HF_NETWORK_IDENTIFIED);
    for (int i = 0; i < 3; i++) {
        let_pass(&host, HF_SECONDS(5));
        assert_true(wait_for(&host, HF_NETWORK_PINGED).round_trip_ns > 0);
    }
    stop(&other);
    end();
}

/* Names HF_PING_WITHIN_NS. */
static void a_ping_without_an_answer_fails_in_time(void **state)
{
    (void)state;
    static struct raw_peer peer;
    static struct raw_frames frames;
    struct hf_bytes payload;
    static const char lines[] = "\x13/multistream/1.0.0\n\x11/ipfs/ping/1.0.0\n";
    begin(0);
    raw_begin(&peer, &host.address, 2);
    frames = (struct raw_frames){.peer = &peer};
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    assert_int_equal(hf_network_ping(host.network, &peer.identity.id), HF_OK);
    (void)raw_frame_of(&frames, 4, &payload);
    raw_put(&peer, HF_YAMUX_DATA, HF_YAMUX_ACK, 4, sizeof lines - 1, lines);
    assert_true(raw_flush(&peer));
    while (raw_frame_of(&frames, 4, &payload).length != HF_PING_BYTES)
        ;
    raw_settle(&frames);
    let_finish(&host);
    struct hf_network_event event;
    do {
        let_pass(&host, HF_PING_WITHIN_NS);
        event = wait_for(&host, HF_NETWORK_PING_FAILED);
    } while (event.status == HF_NOT_FOUND); /* Of itself. */
    assert_int_equal(event.status, HF_TIMEOUT);
    raw_end(&peer);
    end();
}

/* Names HF_CONNECTION_NEGOTIATE_NS. */
static void a_stream_that_agrees_on_nothing_is_reset_in_time(void **state)
{
    (void)state;
    static struct raw_peer peer;
    static struct raw_frames frames;
    struct hf_bytes payload;
    begin(0);
    raw_begin(&peer, &host.address, 2);
    frames = (struct raw_frames){.peer = &peer};
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    raw_put(&peer, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, 1, 0, NULL);
    assert_true(raw_flush(&peer));
    assert_true(raw_frame_of(&frames, 1, &payload).flags & HF_YAMUX_ACK);
    raw_settle(&frames);
    let_finish(&host);
    let_pass(&host, HF_CONNECTION_NEGOTIATE_NS);
    while (!(raw_frame_of(&frames, 1, &payload).flags & HF_YAMUX_RST))
        ;
    raw_end(&peer);
    end();
}

/* Five seconds, for who is asked who it is and for who asks. */
static void identify_is_waited_for_five_seconds(void **state)
{
    (void)state;
    static struct raw_peer peer;
    static struct raw_frames frames;
    struct hf_bytes payload;
    static const char lines[] = "\x13/multistream/1.0.0\n\x0f/ipfs/id/1.0.0\n";
    begin(0);
    raw_begin(&peer, &host.address, 2);
    frames = (struct raw_frames){.peer = &peer};
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    raw_put(&peer, HF_YAMUX_DATA, HF_YAMUX_ACK, 2, sizeof lines - 1, lines);
    raw_put(&peer, HF_YAMUX_DATA, HF_YAMUX_SYN, 1, sizeof lines - 1, lines);
    assert_true(raw_flush(&peer));
    while (!(raw_frame_of(&frames, 1, &payload).flags & HF_YAMUX_FIN))
        ;
    raw_settle(&frames);
    let_finish(&host);
    let_pass(&host, HF_SECONDS(5));
    unsigned reset = 0;
    while (reset < 2) {
        struct hf_yamux_frame frame = raw_frame(&frames, &payload);
        reset += frame.type == HF_YAMUX_WINDOW_UPDATE && frame.flags & HF_YAMUX_RST ? 1 : 0;
    }
    raw_end(&peer);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_trickles_a_handshake_is_given_up_in_time),
        cmocka_unit_test(who_never_reads_is_given_up_in_time),
        cmocka_unit_test(what_is_not_read_is_not_waited_for_at_the_end),
        cmocka_unit_test(peers_are_pinged_at_intervals),
        cmocka_unit_test(a_ping_without_an_answer_fails_in_time),
        cmocka_unit_test(identify_is_waited_for_five_seconds),
        cmocka_unit_test(a_stream_that_agrees_on_nothing_is_reset_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
