/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_PEERS_NET_FLOW_H
#define HF_BENCH_PEERS_NET_FLOW_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/network.h>

/*
 * The two protocols, both of their sides: bytes in bulk, where the dialer says how many it wants,
 * sends as many as it likes, ends its side and gets them; and small messages that come back.
 */
#define FLOW_PROTOCOL "/bench/flow/1"
#define FLOW_ECHO "/bench/echo/1"
#define FLOW_MESSAGE_BYTES 32

/* What streams of one's own are for; they have it as context. Handlers run on the network's thread
 * and change it under the lock only to say that a stream is over. */
struct flow_job {
    uint64_t up; /* For each stream. */
    uint64_t down;
    uint64_t *trips_ns; /* Of round trips, where they are asked for. */
    size_t trips;
    size_t trips_made;
    uint64_t trip_begun_ns;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t left; /* Streams that are not over. */
    enum hf_status status;
};

#define FLOW_PROTOCOLS 2

/* Both, for a network's options. */
extern const struct hf_protocol flow_protocols[FLOW_PROTOCOLS];

/* Opens so many streams for the job and returns when all are over: HF_OK if they did it. */
enum hf_status flow_run(struct hf_network *network, const struct hf_peer_id *peer,
    const char *protocol, struct flow_job *job, size_t streams);

#endif
