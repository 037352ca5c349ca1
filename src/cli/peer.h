/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_PEER_H
#define HF_CLI_PEER_H

#include <pthread.h>

#include <holdfast/network.h>

/* What the subcommands that speak with peers share: a network on a thread, and telling events. */

struct peer {
    struct hf_identity identity;
    struct hf_network *network;
    pthread_t thread;
    bool runs;
};

/* The identity in the file, or a new one if path is NULL, and a network of it. */
HF_MUST_USE enum hf_status peer_open(struct peer *peer, const char *identity_path,
    struct hf_network_options *options, struct hf_error *error);

/* Starts the network's thread. SIGTERM and SIGINT stop the network from here on. */
HF_MUST_USE enum hf_status peer_start(struct peer *peer, struct hf_error *error);

/* Stops and frees what there is. */
void peer_close(struct peer *peer);

/* Reads an address; field names what it was given for. */
HF_MUST_USE enum hf_status peer_address(
    const char *text, const char *field, struct hf_multiaddr *address, struct hf_error *error);

/*
 * Dials, and gives the id of whoever answers there. *stopped: a signal came first, or the network
 * ended. HF_IO and the like: error says why nobody answered.
 */
HF_MUST_USE enum hf_status peer_connect(struct peer *peer, const struct hf_multiaddr *address,
    struct hf_peer_id *id, struct hf_error *error);

/* Prints an event as a line of text or a JSON object; events of no interest give none. */
void peer_print(const struct hf_network_event *event, bool as_json);

#endif
