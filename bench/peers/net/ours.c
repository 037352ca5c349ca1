/* SPDX-License-Identifier: MIT */

/*
 * The peer on Holdfast, as a user's program: through the installed headers, with static libraries.
 * ../../net_peers.sh says what a peer is asked.
 */

#define _GNU_SOURCE

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/net.h>

#include "answer.h"
#include "flow.h"

#define NODES_MAX 2000
#define CONNECTIONS_MAX 4096
#define PATIENCE_NS HF_SECONDS(180)
#define ADDRESS_BYTES 256

/* A network that dials. */
struct node {
    struct hf_identity identity;
    struct hf_network *network;
    pthread_t thread;
};

struct peer {
    struct node nodes[NODES_MAX];
    size_t nodes_count;
    uint64_t ping_interval_ns;
    /* Dialler: */
    struct hf_peer_id remote;
    uint64_t connections[CONNECTIONS_MAX]; /* The n-th is the (n % nodes_count)-th node's. */
    size_t open;
    /* Listener: what its events say, which a thread fetches. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t connected;
    size_t identified;
};

static void *run(void *context)
{
    struct node *node = context;
    if (hf_network_run(node->network) != HF_OK)
        answer_fail("a network", "does not run");
    return NULL;
}

static bool make_node(const struct peer *peer, struct node *node)
{
    const struct hf_network_options options = {
        .identity = &node->identity,
        .protocols = flow_protocols,
        .protocols_count = FLOW_PROTOCOLS,
        .connections_max = CONNECTIONS_MAX,
        .half_open_max = CONNECTIONS_MAX,
        .per_peer_max = CONNECTIONS_MAX,
        .ping_interval_ns = peer->ping_interval_ns,
    };
    return hf_identity_generate(&node->identity, NULL) == HF_OK &&
           hf_network_new(&node->network, &options, NULL) == HF_OK;
}

static bool start_node(struct node *node)
{
    return pthread_create(&node->thread, NULL, run, node) == 0;
}

static bool make_nodes(struct peer *peer, size_t count)
{
    while (peer->nodes_count < count && peer->nodes_count < NODES_MAX) {
        struct node *node = &peer->nodes[peer->nodes_count];
        if (!make_node(peer, node) || !start_node(node))
            return false;
        peer->nodes_count++;
    }
    return count <= NODES_MAX;
}

/* The next event of the kind. */
static void wait_for(
    const struct node *node, enum hf_network_event_kind kind, struct hf_network_event *event)
{
    do {
        if (hf_network_wait(node->network, PATIENCE_NS, event) != HF_OK)
            answer_fail("an event", "does not come");
        if (event->kind == HF_NETWORK_DIAL_FAILED)
            answer_fail("a dial failed", event->reason);
    } while (event->kind != kind);
}

static bool begin_dial(const struct peer *peer, const struct hf_multiaddr *address, size_t index)
{
    const struct node *node = &peer->nodes[index % peer->nodes_count];
    return hf_network_dial(node->network, address, index + 1) == HF_OK;
}

/* So many connections, from the nodes in turns, width under way at a time. */
static bool connect_all(struct peer *peer, const char *text, size_t count, size_t width)
{
    static uint64_t each_ns[CONNECTIONS_MAX];
    struct hf_multiaddr address;
    struct hf_network_event event;
    if (count > CONNECTIONS_MAX || peer->nodes_count == 0 ||
        hf_multiaddr_parse(hf_bytes(text, strlen(text)), &address, NULL) != HF_OK)
        return false;
    uint64_t begun_ns = answer_now_ns();
    size_t begun = 0;
    for (size_t over = 0; over < count; over++) {
        for (; begun < count && begun < over + width; begun++) {
            each_ns[begun] = answer_now_ns();
            if (!begin_dial(peer, &address, begun))
                return false;
        }
        wait_for(&peer->nodes[over % peer->nodes_count], HF_NETWORK_CONNECTED, &event);
        each_ns[event.dial - 1] = answer_now_ns() - each_ns[event.dial - 1];
        peer->connections[event.dial - 1] = event.connection;
    }
    peer->remote = event.peer;
    peer->open = count;
    answer_times(answer_now_ns() - begun_ns, each_ns, count);
    return true;
}

static bool close_all(struct peer *peer)
{
    struct hf_network_event event;
    for (size_t i = 0; i < peer->open; i++) {
        const struct node *node = &peer->nodes[i % peer->nodes_count];
        if (hf_network_close(node->network, peer->connections[i]) != HF_OK)
            return false;
    }
    for (size_t i = 0; i < peer->open; i++)
        wait_for(&peer->nodes[i % peer->nodes_count], HF_NETWORK_CLOSED, &event);
    peer->open = 0;
    answer_times(0, NULL, 0);
    return true;
}

/* Until just so many are connected and have said who they are. */
static bool await(struct peer *peer, size_t count)
{
    pthread_mutex_lock(&peer->lock);
    while (peer->connected != count || peer->identified < count)
        pthread_cond_wait(&peer->changed, &peer->lock);
    if (count == 0)
        peer->identified = 0;
    pthread_mutex_unlock(&peer->lock);
    answer_times(0, NULL, 0);
    return true;
}

static void *count_events(void *context)
{
    struct peer *peer = context;
    struct hf_network_event event;
    enum hf_status status;
    while ((status = hf_network_wait(peer->nodes[0].network, PATIENCE_NS, &event)) != HF_CLOSED) {
        if (status != HF_OK)
            continue;
        pthread_mutex_lock(&peer->lock);
        peer->connected += event.kind == HF_NETWORK_CONNECTED;
        peer->connected -= event.kind == HF_NETWORK_CLOSED;
        peer->identified += event.kind == HF_NETWORK_IDENTIFIED;
        pthread_cond_signal(&peer->changed);
        pthread_mutex_unlock(&peer->lock);
    }
    return NULL;
}

static bool flow(struct peer *peer, uint64_t up, uint64_t down, size_t streams)
{
    if (streams == 0 || peer->open == 0)
        return false;
    struct flow_job job = {.up = up / streams, .down = down / streams};
    uint64_t begun_ns = answer_now_ns();
    if (flow_run(peer->nodes[0].network, &peer->remote, FLOW_PROTOCOL, &job, streams) != HF_OK)
        return false;
    uint64_t taken_ns = answer_now_ns() - begun_ns;
    answer_times(taken_ns, &taken_ns, 1);
    return true;
}

static bool trips(struct peer *peer, size_t count)
{
    if (count == 0 || peer->open == 0)
        return false;
    struct flow_job job = {.trips = count, .trips_ns = calloc(count, sizeof(uint64_t))};
    bool done = job.trips_ns &&
                flow_run(peer->nodes[0].network, &peer->remote, FLOW_ECHO, &job, 1) == HF_OK;
    if (done)
        answer_times(0, job.trips_ns, count);
    free(job.trips_ns);
    return done;
}

static bool trim(void)
{
    malloc_trim(0);
    answer_times(0, NULL, 0);
    return true;
}

static bool obey(void *context, const char *line)
{
    struct peer *peer = context;
    char address[ADDRESS_BYTES];
    unsigned long long size;
    size_t count;
    size_t width;
    if (sscanf(line, "await %zu", &count) == 1)
        return await(peer, count);
    if (strcmp(line, "trim") == 0)
        return trim();
    if (sscanf(line, "nodes %zu", &count) == 1) {
        bool made = make_nodes(peer, count);
        answer_times(0, NULL, 0);
        return made;
    }
    if (sscanf(line, "connect %255s %zu %zu", address, &count, &width) == 3)
        return connect_all(peer, address, count, width);
    if (strcmp(line, "close") == 0)
        return close_all(peer);
    if (sscanf(line, "up %llu %zu", &size, &count) == 2)
        return flow(peer, size, 0, count);
    if (sscanf(line, "down %llu %zu", &size, &count) == 2)
        return flow(peer, 0, size, count);
    return sscanf(line, "trips %zu", &count) == 1 && trips(peer, count);
}

static bool listen_at_any(struct peer *peer)
{
    static const char any[] = "/ip4/127.0.0.1/tcp/0";
    struct hf_multiaddr address;
    struct hf_network_event event;
    struct node *node = &peer->nodes[0];
    char text[HF_MULTIADDR_TEXT_BYTES];
    pthread_t counter;
    if (!make_node(peer, node) ||
        hf_multiaddr_parse(hf_bytes(any, sizeof any - 1), &address, NULL) != HF_OK ||
        hf_network_listen(node->network, &address, NULL) != HF_OK || !start_node(node))
        return false;
    peer->nodes_count = 1;
    wait_for(node, HF_NETWORK_LISTENING, &event);
    hf_multiaddr_write(&event.address, text, sizeof text);
    printf("{\"address\":\"%s\"}\n", text);
    fflush(stdout);
    return pthread_create(&counter, NULL, count_events, peer) == 0;
}

static bool be_ready_to_dial(struct peer *peer)
{
    puts("{\"ready\":true}");
    fflush(stdout);
    return make_nodes(peer, 1);
}

int main(int argc, char **argv)
{
    static struct peer peer = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    bool listens = argc > 1 && strcmp(argv[1], "listen") == 0;
    if (!listens && (argc < 2 || strcmp(argv[1], "dial") != 0)) {
        fputs("usage: ours listen [PING_INTERVAL_MS] | ours dial [PING_INTERVAL_MS]\n", stderr);
        return 2;
    }
    peer.ping_interval_ns = HF_MS(argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
    if (!(listens ? listen_at_any(&peer) : be_ready_to_dial(&peer)))
        answer_fail("a network", "cannot be had");
    answer_lines(obey, &peer);
    return 0;
}
