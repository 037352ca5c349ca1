/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "net/multistream.h"

/*
 * Agreeing on the multiplexer with peers that do it in their own way: below, node 1 is a channel by
 * hand, which says behind a true handshake what a test spells out.
 */

#define MULTISTREAM "\x13/multistream/1.0.0\n"
#define NOISE MULTISTREAM "\x07/noise\n"
#define YAMUX "\x0d/yamux/1.0.0\n"

static struct pair *pair;
static struct hf_noise by_hand;
static bool ready;

static void on_event(struct pair *of, int me, const struct hf_connection_event *event)
{
    (void)of, (void)me;
    ready = ready || event->kind == HF_CONNECTION_READY;
}

static void hear(const void *bytes, size_t size)
{
    struct node *peer = &pair->nodes[1];
    memcpy(peer->sent, bytes, size);
    peer->sent_size = size;
    while (peer->sent_size > 0 && pair->nodes[0].status == HF_OK)
        arrive(pair, 0);
}

static void say(const char *text)
{
    uint8_t frame[1000];
    struct hf_bytes plain = hf_bytes(text, strlen(text));
    size_t size;
    assert_int_equal(hf_noise_seal(&by_hand, &plain, 1, frame, &size), HF_OK);
    hear(frame, size);
}

/* All that the node has said since, opened. */
static const char *said(void)
{
    static char text[4096];
    struct node *node = &pair->nodes[0];
    size_t size = 0;
    send_some(pair, 0);
    for (size_t at = 0; at < node->sent_size;) {
        struct hf_noise_frame frame;
        assert_int_equal(
            hf_noise_receive(&by_hand, node->sent + at, node->sent_size - at, &frame), HF_OK);
        at += frame.size;
        if (frame.data.size > 0)
            memcpy(text + size, frame.data.data, frame.data.size);
        size += frame.data.size;
    }
    text[size] = '\0';
    node->sent_size = 0;
    return text;
}

static void greet_by_hand(void)
{
    uint8_t greeting[HF_NOISE_GREETING_BYTES_MAX];
    size_t size;
    assert_int_equal(hf_noise_handshake(&by_hand, greeting, &size), HF_OK);
    hear(greeting, size);
}

/* What the node has sent of the handshake, behind its lines. */
static void hear_by_hand(size_t lines)
{
    struct hf_noise_frame frame;
    struct node *node = &pair->nodes[0];
    send_some(pair, 0);
    assert_int_equal(
        hf_noise_receive(&by_hand, node->sent + lines, node->sent_size - lines, &frame), HF_OK);
    size_t taken = lines + frame.size; /* Behind it may be lines about the multiplexer already. */
    memmove(node->sent, node->sent + taken, node->sent_size -= taken);
}

/* All of a handshake but its end. */
static void begin_meeting(bool dialer)
{
    uint8_t ephemeral[HF_KEY_BYTES] = {7};
    struct hf_connection_options options = {
        .dialer = dialer,
        .credentials = &pair->nodes[0].credentials,
        .protocols = {protocol_names, 2},
        .blocks = &pair->blocks,
        .ephemeral = {8},
    };
    const struct hf_noise_options own = {!dialer, &pair->nodes[1].credentials, NULL};
    assert_int_equal(
        hf_connection_new(&pair->nodes[0].connection, &options, pair->now_ns, NULL), HF_OK);
    assert_int_equal(hf_noise_init(&by_hand, &own, ephemeral), HF_OK);
    hear(NOISE, sizeof NOISE - 1);
    if (!dialer)
        greet_by_hand();
    hear_by_hand(sizeof NOISE - 1);
}

/* The last of the handshake, from whoever dialed. */
static void finish_meeting(bool dialer)
{
    greet_by_hand();
    if (dialer)
        hear_by_hand(0);
    assert_non_null(hf_noise_peer(&by_hand));
}

/* Afterwards the node knows its peer, and has no multiplexer yet. */
static void meet(bool dialer)
{
    begin_meeting(dialer);
    finish_meeting(dialer);
    assert_non_null(hf_connection_peer(pair->nodes[0].connection));
}

static int begin(void **state)
{
    (void)state;
    pair = new_pair(1, false);
    pair->handle = on_event;
    ready = false;
    return 0;
}

static int end(void **state)
{
    (void)state;
    hf_noise_fini(&by_hand);
    free_pair(pair);
    return 0;
}

static void assert_failed(enum hf_status status, const char *reason)
{
    assert_int_equal(pair->nodes[0].status, status);
    const char *why = hf_connection_reason(pair->nodes[0].connection);
    if (!strstr(why, reason))
        fail_msg("\"%s\", not \"%s\"", why, reason);
    assert_false(ready);
}

static void another_one_is_turned_down_before_yamux_is_agreed_on(void **state)
{
    (void)state;
    meet(false);
    say(MULTISTREAM "\x0d/mplex/6.7.0\n");
    assert_string_equal(said(), MULTISTREAM "\x03na\n");
    assert_false(ready);
    say(YAMUX);
    assert_true(ready);
    assert_memory_equal(said(), YAMUX, sizeof YAMUX - 1); /* What is behind it is yamux. */
}

static void its_lines_may_come_a_byte_a_frame(void **state)
{
    (void)state;
    static const char lines[] = MULTISTREAM YAMUX;
    meet(false);
    for (size_t i = 0; i + 1 < sizeof lines; i++) {
        const char byte[2] = {lines[i], '\0'};
        assert_false(ready);
        say(byte);
        assert_int_equal(pair->nodes[0].status, HF_OK);
    }
    assert_true(ready);
    assert_true(hf_connection_ready(pair->nodes[0].connection));
}

static void a_dialed_peer_without_yamux_is_left(void **state)
{
    (void)state;
    meet(true);
    assert_string_equal(said(), MULTISTREAM YAMUX);
    say(MULTISTREAM);
    assert_int_equal(pair->nodes[0].status, HF_OK);
    say("\x03na\n");
    assert_failed(HF_NOT_FOUND, "multistream");
}

static void what_is_no_line_ends_it(void **state)
{
    (void)state;
    meet(false);
    say("\x02xx");
    assert_failed(HF_MALFORMED, "multistream");
}

static void *refuse(void *context, size_t size, size_t alignment)
{
    (void)context, (void)size, (void)alignment;
    return NULL;
}

static void without_memory_to_answer_with_it_ends(void **state)
{
    (void)state;
    const struct hf_allocator none = {NULL, refuse, NULL};
    begin_meeting(false);
    hf_block_pool_fini(&pair->blocks);
    pair->blocks.allocator = none;
    finish_meeting(false);
    assert_failed(HF_NO_MEMORY, "");
    pair->blocks.allocator = *hf_allocator_libc();
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(another_one_is_turned_down_before_yamux_is_agreed_on),
        WITH_PAIR(its_lines_may_come_a_byte_a_frame),
        WITH_PAIR(a_dialed_peer_without_yamux_is_left),
        WITH_PAIR(what_is_no_line_ends_it),
        WITH_PAIR(without_memory_to_answer_with_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
