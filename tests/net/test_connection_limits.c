/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "net/connection_state.h"
#include "net/identify.h"
#include "net/perf.h"
#include "net/ping.h"
#include "net/yamux_session.h"

/*
 * How far a connection goes along with a peer. Each limit below is what libp2p's implementations
 * keep to, so that honest peers do not meet it, and has a test that names it:
 *
 *   HF_CONNECTION_SETUP_NS, half_open_max         test_network_time, test_network_turns
 *   per_peer_max, per_address_max, per_address    test_network_limits
 *   HF_MULTISTREAM_..._MAX                        test_multistream
 *   HF_CONNECTION_NEGOTIATE_NS, ..._STALL_NS      test_network_time
 *   HF_CONNECTION_NEGOTIATING_MAX, ..._EMPTY_MAX  here
 *   HF_CONNECTION_IDLE_NS                         test_connection_streams
 *   HF_NOISE_HANDSHAKE_BYTES_MAX                  test_noise_hostile
 *   HF_YAMUX_STREAMS_MAX, ..._PONGS_MAX, ..._REFUSALS_MAX, ..._CHURN_PER_SECOND, windows
 *                                                 test_yamux_hostile
 *   HF_YAMUX_WINDOWS_TOTAL_MAX                    here, test_yamux
 *   HF_IDENTIFY_..., HF_PING_..., HF_PERF_...     test_identify, test_network_built_in
 */
_Static_assert(HF_CONNECTION_SETUP_NS == HF_SECONDS(10), "go 15 s, js and rust 10 s");
_Static_assert(HF_CONNECTION_NEGOTIATE_NS == HF_SECONDS(10), "go and js");
_Static_assert(HF_CONNECTION_STALL_NS == HF_SECONDS(10), "go");
_Static_assert(HF_CONNECTION_IDLE_NS == HF_SECONDS(120), "js");
_Static_assert(HF_CONNECTION_NEGOTIATING_MAX == 128, "rust");
_Static_assert(HF_MULTISTREAM_LINE_BYTES_MAX == 1024, "go and js");
_Static_assert(HF_MULTISTREAM_PROPOSALS_MAX == 8, "our own");
_Static_assert(HF_NOISE_HANDSHAKE_BYTES_MAX == 4096, "our own");
_Static_assert(HF_YAMUX_STREAMS_MAX == 256, "go");
_Static_assert(HF_YAMUX_WINDOWS_TOTAL_MAX == 64 << 20, "go");
_Static_assert(HF_YAMUX_PONGS_MAX == 32, "go");
_Static_assert(HF_YAMUX_REFUSALS_MAX == 64, "our own");
_Static_assert(HF_YAMUX_CHURN_PER_SECOND == 1000, "our own");
_Static_assert(HF_IDENTIFY_PART_BYTES_MAX == 8192, "go and js");
_Static_assert(HF_IDENTIFY_PARTS_MAX == 10, "go");
_Static_assert(HF_PING_STREAMS_MAX == 2, "the specification");
_Static_assert(HF_PERF_STREAMS_MAX == 1, "js");

static struct pair *pair;

static void on_event(struct pair *of, int me, const struct hf_connection_event *event)
{
    (void)of, (void)me;
    if (event->kind == HF_CONNECTION_ENDED || event->kind == HF_CONNECTION_REFUSED)
        hf_stream_free(event->stream);
}

static int begin(void **state)
{
    (void)state;
    pair = new_pair(1, true);
    pair->handle = on_event;
    for (int me = 0; me < 2; me++)
        assert_int_equal(connect_one(pair, me, NULL, NULL), HF_OK);
    run_pair(pair);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free_pair(pair);
    return 0;
}

/* Lets the dialer say that it opens a stream, and nothing of it. */
static void open_by_hand(uint32_t id)
{
    struct hf_connection *dialer = pair->nodes[0].connection;
    size_t room;
    uint8_t *out =
        hf_outbox_space(&dialer->outbox, &dialer->noise, HF_YAMUX_HEADER_BYTES, &room);
    struct hf_yamux_frame frame = {HF_YAMUX_VERSION, HF_YAMUX_WINDOW_UPDATE, HF_YAMUX_SYN, id, 0};
    assert_non_null(out);
    hf_yamux_frame_write(frame, out);
    hf_outbox_wrote(&dialer->outbox, HF_YAMUX_HEADER_BYTES);
}

static size_t count_streams(const struct hf_connection *connection)
{
    size_t count = 0;
    for (struct hf_stream *each = hf_connection_streams(connection); each;
         each = hf_stream_next(each))
        count++;
    return count;
}

/* Names HF_CONNECTION_NEGOTIATING_MAX. Those that are not taken cost the others nothing. */
static void no_more_streams_wait_for_a_protocol_than_may(void **state)
{
    (void)state;
    const struct hf_connection *listener = pair->nodes[1].connection;
    for (uint32_t i = 0; i < HF_CONNECTION_NEGOTIATING_MAX + 10; i++)
        open_by_hand(1 + 2 * i);
    run_pair(pair);
    assert_int_equal(listener->negotiating, HF_CONNECTION_NEGOTIATING_MAX);
    assert_int_equal(count_streams(listener), HF_CONNECTION_NEGOTIATING_MAX);
    assert_true(hf_connection_ready(listener));
    pair->now_ns += HF_CONNECTION_NEGOTIATE_NS; /* And their time is over. */
    take_events(pair, 1);
    assert_int_equal(listener->negotiating, 0);
    assert_int_equal(count_streams(listener), 0);
    open_by_hand(1001);
    run_pair(pair);
    assert_int_equal(count_streams(listener), 1);
}

/* A frame without a byte in it, which hf_noise_seal would not make. */
static void say_nothing(void)
{
    struct hf_connection *dialer = pair->nodes[0].connection;
    uint8_t frame[HF_NOISE_OVERHEAD_BYTES] = {0, HF_TAG_BYTES};
    struct hf_bytes nothing = hf_bytes(NULL, 0);
    enum hf_status status = hf_aead_seal(&dialer->noise.seals, dialer->noise.sealed++, nothing,
        &nothing, 1, frame + HF_NOISE_LENGTH_BYTES);
    assert_int_equal(status, HF_OK);
    assert_int_equal(hf_outbox_add(&dialer->outbox, hf_bytes(frame, sizeof frame)), HF_OK);
}

/* Names HF_CONNECTION_EMPTY_MAX. */
static void frames_that_say_nothing_are_put_up_with_so_many_times(void **state)
{
    (void)state;
    for (int i = 0; i < HF_CONNECTION_EMPTY_MAX; i++)
        say_nothing();
    run_pair(pair);
    assert_int_equal(pair->nodes[1].status, HF_OK);
    say_nothing();
    run_pair(pair);
    assert_int_equal(pair->nodes[1].status, HF_MALFORMED);
    assert_non_null(strstr(hf_connection_reason(pair->nodes[1].connection), "1000 frames"));
}

/* Names HF_YAMUX_WINDOWS_TOTAL_MAX: it holds for every connection. How it holds, test_yamux has. */
static void windows_of_a_connection_have_a_limit_together(void **state)
{
    (void)state;
    for (int me = 0; me < 2; me++) {
        const struct hf_yamux *session = pair->nodes[me].connection->mux;
        assert_int_equal(session->options.windows_total_max, HF_YAMUX_WINDOWS_TOTAL_MAX);
        assert_int_equal(session->options.window_max, HF_YAMUX_WINDOW_MAX);
        assert_int_equal(session->options.inbound_max, HF_YAMUX_STREAMS_MAX);
    }
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(no_more_streams_wait_for_a_protocol_than_may),
        WITH_PAIR(frames_that_say_nothing_are_put_up_with_so_many_times),
        WITH_PAIR(windows_of_a_connection_have_a_limit_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
