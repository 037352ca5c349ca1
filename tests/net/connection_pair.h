/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_CONNECTION_PAIR_H
#define HF_TESTS_NET_CONNECTION_PAIR_H

#include <stdlib.h>
#include <string.h>

#include <holdfast/identity.h>
#include <holdfast/random.h>

#include "net/connection.h"

/*
 * Two connections and the bytes between them. A test handles events in `handle`, which may use the
 * streams; what comes arrives in pieces of any size up to `piece_max`.
 */

static const struct hf_bytes protocol_names[] = {{"/echo/1", 7}, {"/other/1", 8}};

struct node {
    struct hf_identity identity;
    struct hf_noise_credentials credentials;
    struct hf_connection *connection;
    uint8_t sent[1 << 21]; /* On its way to the other one. */
    size_t sent_size;
    enum hf_status status; /* Of the last step: other than HF_OK, it is over. */
};

struct pair {
    struct node nodes[2]; /* The dialer first. */
    struct hf_block_pool blocks;
    struct hf_splitmix random;
    uint64_t now_ns;
    size_t piece_max;
    bool inlined; /* Whether both name yamux in the handshake. */
    void (*handle)(struct pair *pair, int me, const struct hf_connection_event *event);
    void *context;
};

static inline void make_credentials(struct node *node, uint8_t number, bool inlined)
{
    static const struct hf_bytes muxer = {HF_CONNECTION_YAMUX, sizeof(HF_CONNECTION_YAMUX) - 1};
    uint8_t seed[32];
    memset(seed, number, sizeof seed);
    assert_int_equal(hf_identity_from_seed(&node->identity, hf_bytes(seed, 32), NULL), HF_OK);
    struct hf_noise_credentials_options options = {
        .identity = &node->identity,
        .static_private = seed,
        .muxers = &muxer,
        .muxers_count = inlined,
    };
    assert_int_equal(hf_noise_credentials_init(&node->credentials, &options), HF_OK);
}

static inline enum hf_status connect_one(
    struct pair *pair, int me, const struct hf_peer_id *expected, const struct hf_allocator *memory)
{
    struct node *node = &pair->nodes[me];
    struct hf_connection_options options = {
        .dialer = me == 0,
        .credentials = &node->credentials,
        .expected = expected,
        .protocols = {protocol_names, 2},
        .blocks = &pair->blocks,
        .allocator = memory,
    };
    memset(options.ephemeral, 10 + me, sizeof options.ephemeral);
    return hf_connection_new(&node->connection, &options, pair->now_ns, NULL);
}

static inline struct pair *new_pair(uint64_t seed, bool inlined)
{
    struct pair *pair = calloc(1, sizeof *pair);
    hf_block_pool_init(&pair->blocks, NULL);
    hf_splitmix_init(&pair->random, seed);
    pair->now_ns = 1;
    pair->piece_max = 200000;
    for (int me = 0; me < 2; me++)
        make_credentials(&pair->nodes[me], (uint8_t)(me + 1), inlined);
    return pair;
}

static inline void free_pair(struct pair *pair)
{
    for (int me = 0; me < 2; me++) {
        hf_connection_free(pair->nodes[me].connection);
        hf_noise_credentials_fini(&pair->nodes[me].credentials);
        hf_identity_fini(&pair->nodes[me].identity);
    }
    hf_block_pool_fini(&pair->blocks);
    free(pair);
}

static inline size_t pair_below(struct pair *pair, size_t limit)
{
    return (size_t)(hf_splitmix_next(&pair->random) % limit);
}

static inline void flush(struct pair *pair, int me)
{
    struct node *node = &pair->nodes[me];
    enum hf_status status = hf_connection_flush(node->connection, pair->now_ns);
    if (status != HF_OK && node->status == HF_OK)
        node->status = status;
}

/* Moves some of what one has ready to be sent onto the way. */
static inline void send_some(struct pair *pair, int me)
{
    struct node *node = &pair->nodes[me];
    struct hf_bytes pieces[HF_OUTBOX_PIECES_MAX];
    flush(pair, me);
    size_t count = hf_connection_pieces(node->connection, pieces, HF_OUTBOX_PIECES_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t room = sizeof node->sent - node->sent_size;
        size_t size = 1 + pair_below(pair, pair->piece_max);
        size = size < pieces[i].size ? size : pieces[i].size;
        size = size < room ? size : room;
        memcpy(node->sent + node->sent_size, pieces[i].data, size);
        node->sent_size += size;
        hf_connection_sent(node->connection, size, pair->now_ns);
        if (size < pieces[i].size)
            break;
    }
}

/* Takes all events that there are. */
static inline void take_events(struct pair *pair, int me)
{
    struct node *node = &pair->nodes[me];
    struct hf_connection_event event;
    for (;;) {
        node->status = hf_connection_next(node->connection, pair->now_ns, &event);
        if (node->status != HF_OK || event.kind == HF_CONNECTION_NOTHING)
            return;
        pair->handle(pair, me, &event);
    }
}

/* Lets some of what is on the way to one arrive. */
static inline void arrive(struct pair *pair, int me)
{
    static uint8_t bytes[HF_CONNECTION_LEAD_MAX + 200000];
    struct node *node = &pair->nodes[me];
    struct node *other = &pair->nodes[!me];
    size_t size = 1 + pair_below(pair, pair->piece_max);
    size = size < other->sent_size ? size : other->sent_size;
    size_t lead = hf_connection_lead(node->connection, bytes);
    memcpy(bytes + lead, other->sent, size);
    memmove(other->sent, other->sent + size, other->sent_size - size);
    other->sent_size -= size;
    hf_connection_receive(node->connection, bytes, lead + size);
    take_events(pair, me);
    if (node->status == HF_OK)
        node->status = hf_connection_settle(node->connection);
    flush(pair, me);
    memset(bytes, 0xee, lead + size); /* Whoever still borrows from there shows. */
}

/* Whether nothing is on the way or waits to be sent. */
static inline bool is_quiet(const struct pair *pair)
{
    struct hf_bytes piece;
    for (int me = 0; me < 2; me++) {
        const struct node *node = &pair->nodes[me];
        if (node->sent_size > 0 || hf_connection_pieces(node->connection, &piece, 1) > 0)
            return false;
    }
    return true;
}

static inline void run_pair(struct pair *pair)
{
    size_t steps = 0;
    do {
        assert_true(++steps < 1000000);
        for (int me = 0; me < 2; me++) {
            send_some(pair, me);
            if (pair->nodes[!me].status == HF_OK)
                arrive(pair, !me);
            else
                pair->nodes[me].sent_size = 0;
        }
        pair->now_ns += 1000;
    } while (!is_quiet(pair));
}

#endif
