/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/limiter.h>

#include "net/network_node.h"
#include "net/network_state.h"
#include "net/raw_frames.h"
#include "net/time_machine.h"

/* How a node shares itself out among peers that are slow, or that have much to say. */

static const char echo_lines[] = "\x13/multistream/1.0.0\n\x08/echo/1\n";

static struct node host;
static struct raw_peer peer;
static struct raw_frames frames;

static void meet(void)
{
    raw_begin(&peer, &host.address, 2);
    frames.peer = &peer;
    frames.begin = frames.end = 0;
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
}

static void open_echo(uint32_t stream)
{
    assert_true(raw_put(
        &peer, HF_YAMUX_DATA, HF_YAMUX_SYN, stream, sizeof echo_lines - 1, echo_lines));
}

/* Names HF_NETWORK_TURN_FRAMES: a byte a frame, and several turns of them in one piece. */
static void very_many_small_frames_are_all_taken(void **state)
{
    (void)state;
    enum { BYTES = 5 * HF_NETWORK_TURN_FRAMES };
    static uint8_t sealed[BYTES * 19];
    static uint8_t back[1 << 16];
    uint16_t flags;
    start(&host, 1);
    meet();
    open_echo(1);
    assert_true(raw_flush(&peer));
    struct hf_yamux_frame header = {HF_YAMUX_VERSION, HF_YAMUX_DATA, HF_YAMUX_FIN, 1, BYTES};
    hf_yamux_frame_write(header, peer.frame);
    peer.frame_size = HF_YAMUX_HEADER_BYTES;
    assert_true(raw_flush(&peer));
    for (size_t i = 0; i < BYTES; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        struct hf_bytes text = hf_bytes(&byte, 1);
        size_t size;
        assert_int_equal(hf_noise_seal(&peer.noise, &text, 1, sealed + i * 19, &size), HF_OK);
        assert_int_equal(size, 19);
    }
    assert_true(raw_send(peer.socket, sealed, sizeof sealed));
    size_t before = sizeof echo_lines - 1;
    size_t got = raw_read(&frames, 1, back, sizeof back, before + BYTES + 1, &flags);
    assert_int_equal(got, before + BYTES);
    for (size_t i = 0; i < BYTES; i++)
        assert_int_equal(back[before + i], (uint8_t)(i * 7));
    raw_end(&peer);
    stop(&host);
}

/* What no socket takes at once waits its turn, and all of it arrives. */
static void who_reads_late_gets_everything(void **state)
{
    (void)state;
    enum { STREAMS = 60, PARTS = 4, PART = 60000 };
    static const char ping_lines[] = "\x13/multistream/1.0.0\n\x11/ipfs/ping/1.0.0\n";
    const uint32_t ping = 2 * STREAMS + 1;
    size_t left = STREAMS * (sizeof echo_lines - 1 + PARTS * (size_t)PART);
    left += sizeof ping_lines - 1 + PART;
    start(&host, 1);
    meet();
    for (uint32_t id = 1; id < 2 * STREAMS; id += 2) {
        open_echo(id);
        for (int i = 0; i < PARTS; i++)
            raw_put(&peer, HF_YAMUX_DATA, 0, id, PART, NULL);
    }
    raw_put(&peer, HF_YAMUX_DATA, HF_YAMUX_SYN, ping, sizeof ping_lines - 1, ping_lines);
    raw_put(&peer, HF_YAMUX_DATA, 0, ping, PART, NULL);
    assert_true(raw_flush(&peer));
    while (left > 0) {
        struct hf_bytes payload;
        struct hf_yamux_frame frame = raw_frame(&frames, &payload);
        if (frame.type == HF_YAMUX_DATA && frame.stream % 2 == 1)
            left -= payload.size;
    }
    raw_end(&peer);
    stop(&host);
}

static void assert_denied(const char *reason)
{
    struct hf_network_event event = wait_for(&host, HF_NETWORK_REFUSED);
    assert_int_equal(event.status, HF_DENIED);
    assert_string_equal(event.reason, reason);
}

/* Names half_open_max and HF_NETWORK_GRACE_NS. */
static void who_is_slow_gives_way_to_who_comes_after_a_grace(void **state)
{
    (void)state;
    static struct node honest;
    enum { PLACES = 3 };
    struct hf_network_options options = {.half_open_max = PLACES};
    int made[PLACES + 1];
    start_with(&host, 1, &options);
    for (int i = 0; i < PLACES; i++)
        made[i] = raw_connect(&host.address);
    made[PLACES] = raw_connect(&host.address);
    assert_denied("too many connections are being set up");
    let_pass(&host, HF_NETWORK_GRACE_NS);
    start(&honest, 2);
    assert_int_equal(hf_network_dial(honest.network, &host.address, 1), HF_OK);
    struct hf_network_event event = wait_for(&host, HF_NETWORK_REFUSED);
    assert_int_equal(event.status, HF_TIMEOUT);
    assert_string_equal(event.reason, "too slow while others wait");
    (void)wait_for(&host, HF_NETWORK_CONNECTED);
    (void)wait_for(&honest, HF_NETWORK_CONNECTED);
    stop(&honest);
    for (int i = 0; i <= PLACES; i++)
        close(made[i]);
    stop(&host);
}

/* Nobody has to give way to who is not let in anyway. */
static void who_connects_too_often_pushes_nobody_out(void **state)
{
    (void)state;
    static const char lines[] = "\x13/multistream/1.0.0\n\x07/noise\n";
    const struct hf_limiter_options quota = {
        .quota = {.count = 1, .period_ns = HF_SECONDS(1000), .burst = 1}};
    struct hf_limiter *limiter;
    assert_int_equal(hf_limiter_new(&limiter, &quota, NULL), HF_OK);
    const struct hf_limits limits = {.parts = {{.limiter = limiter}}};
    struct hf_network_options options = {.half_open_max = 1, .per_address = &limits};
    char answer[sizeof lines - 1];
    start_with(&host, 1, &options);
    int slow = raw_connect(&host.address);
    assert_true(raw_send(slow, lines, sizeof lines - 1));
    assert_true(raw_receive(slow, answer, sizeof answer)); /* So its time has begun. */
    let_pass(&host, HF_NETWORK_GRACE_NS);
    int hasty = raw_connect(&host.address);
    assert_denied("the address connects too often");
    let_finish(&host);
    assert_int_equal(recv(slow, answer, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    close(hasty);
    close(slow);
    stop(&host);
    hf_limiter_free(limiter);
}

/*
 * A host with a connection that is over, and waits for the peer's end. The clock is set back, so
 * that however long this process is kept waiting, HF_NETWORK_DRAIN_NS are not over.
 */
static void begin_with_one_that_drains(struct hf_network_options *options)
{
    hf_add_relaxed(&time_ahead_ns, HF_SECONDS(1000));
    start_with(&host, 1, options);
    meet();
    raw_put(&peer, HF_YAMUX_PING, HF_YAMUX_ACK, 0, 99, NULL); /* So that it ends. */
    assert_true(raw_flush(&peer));
    assert_int_equal(wait_for(&host, HF_NETWORK_CLOSED).status, HF_MALFORMED);
    hf_add_relaxed(&time_ahead_ns, 0 - HF_SECONDS(1000));
}

static void what_drains_counts_for_its_address(void **state)
{
    (void)state;
    struct hf_network_options options = {.per_address_max = 1};
    begin_with_one_that_drains(&options);
    int made = raw_connect(&host.address);
    assert_denied("the address has too many connections");
    close(made);
    raw_end(&peer);
    stop(&host);
}

static void what_drains_counts_for_its_peer(void **state)
{
    (void)state;
    static struct raw_peer again;
    struct hf_network_options options = {.per_peer_max = 1};
    begin_with_one_that_drains(&options);
    raw_begin(&again, &host.address, 2);
    assert_denied("the peer has too many connections");
    raw_end(&again);
    raw_end(&peer);
    stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(very_many_small_frames_are_all_taken),
        cmocka_unit_test(who_reads_late_gets_everything),
        cmocka_unit_test(who_is_slow_gives_way_to_who_comes_after_a_grace),
        cmocka_unit_test(who_connects_too_often_pushes_nobody_out),
        cmocka_unit_test(what_drains_counts_for_its_address),
        cmocka_unit_test(what_drains_counts_for_its_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
