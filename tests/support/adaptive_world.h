/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_ADAPTIVE_WORLD_H
#define HF_TESTS_SUPPORT_ADAPTIVE_WORLD_H

#include <holdfast/adaptive.h>
#include <holdfast/sim.h>

/*
 * A server of a capacity that its clients do not know, in the simulator. It answers one request
 * after the other, each in about 1 / capacity; who has to wait longer than QUEUE_NS is refused.
 * Each client wants to send `demand` requests a second, asks its own adaptive rate before each, and
 * tells it what came of those that it sent.
 */
#define ADAPTIVE_CLIENTS_MAX 8
#define ADAPTIVE_PENDING_MAX 16384
#define ADAPTIVE_TRIP_NS HF_MS(20) /* There and back. */
#define ADAPTIVE_QUEUE_NS HF_MS(300)

struct adaptive_world;

struct adaptive_client {
    struct adaptive_world *world;
    struct hf_adaptive *adaptive;
    uint64_t demand;
    /* Counted since the last adaptive_world_count. */
    uint64_t wanted;
    uint64_t sent;
    uint64_t answered;
    uint64_t refused;
    uint64_t waited_ns; /* Of the answered, all together: in the server's queue. */
};

struct adaptive_request {
    struct adaptive_client *client;
    uint64_t sent_ns;
    uint64_t waited_ns;
    bool refused;
    bool used;
};

struct adaptive_world {
    struct hf_sim *sim;
    uint64_t capacity;
    uint64_t free_at_ns;     /* When the server has answered all that it has taken. */
    uint64_t retry_after_ns; /* Told to those refused. */
    uint32_t clients_count;
    uint32_t next_request;
    struct adaptive_client clients[ADAPTIVE_CLIENTS_MAX];
    struct adaptive_request requests[ADAPTIVE_PENDING_MAX];
};

struct adaptive_world *adaptive_world_new(uint64_t seed, uint64_t capacity);
void adaptive_world_free(struct adaptive_world *world);

/* A client that begins to send at once. */
struct adaptive_client *adaptive_world_add(
    struct adaptive_world *world, const struct hf_adaptive_options *options, uint64_t demand);

/* Starts to count afresh. */
void adaptive_world_count(struct adaptive_world *world);

/* Lets the world go on for so long. */
void adaptive_world_run(struct adaptive_world *world, uint64_t duration_ns);

/* All clients together. */
struct adaptive_client adaptive_world_sum(const struct adaptive_world *world);

/* The client's present rate. */
uint64_t adaptive_client_rate(const struct adaptive_client *client);

#endif
