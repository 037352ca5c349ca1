/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_NETWORK_NODE_H
#define HF_TESTS_NET_NETWORK_NODE_H

#include <pthread.h>
#include <string.h>

#include <holdfast/network.h>

#define PATIENCE_NS HF_SECONDS(60)

/* A node with an echo protocol, run by a thread of its own. */
struct node {
    struct hf_network *network;
    struct hf_identity identity;
    struct hf_multiaddr address; /* Where it listens, with its id. */
    pthread_t thread;
    /* Of its own echo streams; the network's thread's, read once that has ended. */
    size_t to_write;
    size_t written;
    size_t read;
    enum hf_status closed;
};

static inline void echo_back(struct hf_stream *stream)
{
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        size_t size = hf_stream_write(stream, data);
        hf_stream_consume(stream, size);
        if (size < data.size)
            return;
    }
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

static inline void write_more(struct node *node, struct hf_stream *stream)
{
    static const uint8_t bytes[65536] = {7};
    while (node->written < node->to_write) {
        size_t size = node->to_write - node->written;
        size = hf_stream_write(stream, hf_bytes(bytes, size < sizeof bytes ? size : sizeof bytes));
        if (size == 0)
            return;
        node->written += size;
    }
    hf_stream_finish(stream);
}

static inline void echo_opened(void *context, struct hf_stream *stream)
{
    if (hf_stream_context(stream))
        write_more(context, stream);
}

static inline void echo_readable(void *context, struct hf_stream *stream)
{
    struct node *node = context;
    if (!hf_stream_context(stream)) {
        echo_back(stream);
        return;
    }
    size_t size = hf_stream_peek(stream).size;
    node->read += size;
    hf_stream_consume(stream, size);
}

static inline void echo_writable(void *context, struct hf_stream *stream)
{
    if (hf_stream_context(stream))
        write_more(context, stream);
    else
        echo_back(stream);
}

static inline void echo_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    struct node *node = context;
    if (!hf_stream_context(stream))
        return;
    node->closed = status;
    hf_network_stop(node->network);
}

static inline struct hf_network_event wait_for(struct node *node, enum hf_network_event_kind kind)
{
    struct hf_network_event event;
    do {
        enum hf_status status = hf_network_wait(node->network, PATIENCE_NS, &event);
        if (status != HF_OK)
            fail_msg("waiting for event %d: %s", (int)kind, hf_status_str(status));
    } while (event.kind != kind);
    return event;
}

static inline void *run_node(void *context)
{
    struct node *node = context;
    enum hf_status status = hf_network_run(node->network);
    return (void *)(uintptr_t)status;
}

/*
 * Starts a node that listens there and speaks a protocol, NULL being the echo protocol. Other than
 * HF_OK: it cannot, and there is none.
 */
static inline enum hf_status start_speaking(struct node *node, uint8_t number,
    struct hf_network_options *options, const struct hf_protocol *protocol, const char *text,
    struct hf_error *error)
{
    uint8_t seed[32];
    struct hf_multiaddr at;
    *node = (struct node){.closed = HF_AGAIN};
    memset(seed, number, sizeof seed);
    assert_int_equal(hf_identity_from_seed(&node->identity, hf_bytes(seed, 32), NULL), HF_OK);
    struct hf_protocol echo = {
        "/echo/1", node, echo_opened, echo_readable, echo_writable, echo_closed, NULL};
    options->identity = &node->identity;
    options->protocols = protocol ? protocol : &echo;
    options->protocols_count = 1;
    if (hf_network_new(&node->network, options, error) != HF_OK)
        fail_msg("%s", hf_error_text(error));
    assert_int_equal(hf_multiaddr_parse(hf_bytes(text, strlen(text)), &at, NULL), HF_OK);
    enum hf_status status = hf_network_listen(node->network, &at, error);
    if (status != HF_OK) {
        hf_network_free(node->network);
        hf_identity_fini(&node->identity);
        return status;
    }
    node->address = wait_for(node, HF_NETWORK_LISTENING).address;
    assert_int_equal(pthread_create(&node->thread, NULL, run_node, node), 0);
    return HF_OK;
}

static inline enum hf_status start_at(struct node *node, uint8_t number,
    struct hf_network_options *options, const char *text, struct hf_error *error)
{
    return start_speaking(node, number, options, NULL, text, error);
}

static inline void start_with(struct node *node, uint8_t number, struct hf_network_options *options)
{
    struct hf_error error = {0};
    if (start_at(node, number, options, "/ip4/127.0.0.1/tcp/0", &error) != HF_OK)
        fail_msg("%s", hf_error_text(&error));
}

static inline void start(struct node *node, uint8_t number)
{
    struct hf_network_options options = {0};
    start_with(node, number, &options);
}

static inline void stop(struct node *node)
{
    hf_network_stop(node->network);
    assert_int_equal(pthread_join(node->thread, NULL), 0);
    hf_network_free(node->network);
    hf_identity_fini(&node->identity);
}

#endif
