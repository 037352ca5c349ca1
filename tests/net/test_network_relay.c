/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "net/network_node.h"

/*
 * A hub between two nodes, who open a stream each: what it reads from one it writes to the other,
 * from within the one's handlers. Nothing else goes on that could wake the other's connection.
 */

struct relay {
    struct hf_stream *ends[2];
    uint64_t opened; /* Shared. */
};

static struct relay relay;
static struct node hub;

static struct hf_stream *other_end(const struct hf_stream *stream)
{
    return relay.ends[relay.ends[0] == stream];
}

static void carry(struct hf_stream *from)
{
    struct hf_stream *to = other_end(from);
    if (!from || !to)
        return;
    struct hf_bytes data;
    while ((data = hf_stream_peek(from)).size > 0) {
        size_t size = hf_stream_write(to, data);
        hf_stream_consume(from, size);
        if (size < data.size)
            return;
    }
    if (hf_stream_at_end(from))
        hf_stream_finish(to);
}

static void relay_opened(void *context, struct hf_stream *stream)
{
    (void)context;
    relay.ends[relay.ends[0] != NULL] = stream;
    hf_add_seq(&relay.opened, 1);
    carry(other_end(stream));
}

static void relay_readable(void *context, struct hf_stream *stream)
{
    (void)context;
    carry(stream);
}

static void relay_writable(void *context, struct hf_stream *stream)
{
    (void)context;
    carry(other_end(stream));
}

static void relay_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    (void)context;
    struct hf_stream *other = other_end(stream);
    relay.ends[0] = other;
    relay.ends[1] = NULL;
    if (status == HF_OK || !other)
        return;
    relay.ends[0] = NULL; /* Nobody is told of what one resets. */
    hf_stream_reset(other);
}

static const struct hf_protocol relay_protocol = {
    "/echo/1", NULL, relay_opened, relay_readable, relay_writable, relay_closed, NULL};

static void serve(struct node *node, uint8_t number, const struct hf_protocol *protocol)
{
    struct hf_error error = {0};
    struct hf_network_options options = {0};
    if (start_speaking(node, number, &options, protocol, "/ip4/127.0.0.1/tcp/0", &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
}

/* Opens a stream to the hub. context: NULL for an echo that is not one's own. */
static void join(struct node *node, void *context)
{
    assert_int_equal(hf_network_dial(node->network, &hub.address, 1), HF_OK);
    (void)wait_for(node, HF_NETWORK_CONNECTED);
    uint64_t before = hf_load_seq(&relay.opened);
    const struct hf_peer_id *id = hf_network_id(hub.network);
    assert_int_equal(hf_network_open(node->network, id, "/echo/1", context), HF_OK);
    while (hf_load_seq(&relay.opened) == before)
        sched_yield();
}

static void what_one_connection_brings_goes_out_on_another_at_once(void **state)
{
    (void)state;
    enum { BYTES = 10 << 20 };
    static struct node echoer, writer;
    relay = (struct relay){0};
    serve(&hub, 1, &relay_protocol);
    serve(&echoer, 2, NULL);
    serve(&writer, 3, NULL);
    writer.to_write = BYTES;
    join(&echoer, NULL);
    join(&writer, &writer);
    (void)wait_for(&writer, HF_NETWORK_STOPPED); /* By itself, once its stream is closed. */
    stop(&writer);
    assert_int_equal(writer.closed, HF_OK);
    assert_int_equal(writer.read, BYTES);
    stop(&echoer);
    stop(&hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_connection_brings_goes_out_on_another_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
