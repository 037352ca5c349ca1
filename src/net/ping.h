/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_PING_H
#define HF_NET_PING_H

#include <stdint.h>

/*
 * 32 bytes that a peer sends back (libp2p/specs, ping/ping.md, "Protocol").
 *
 * Limits: each of our pings has a stream of its own, which some peers close after one answer
 * anyway, and is answered within HF_PING_WITHIN_NS; the next waits for that. Of a peer's pings we
 * answer on at most HF_PING_STREAMS_MAX streams a connection at a time, as long as they are used
 * every HF_PING_IDLE_NS.
 */
#define HF_PING_PROTOCOL "/ipfs/ping/1.0.0"
#define HF_PING_BYTES 32
#define HF_PING_STREAMS_MAX 2
#define HF_PING_WITHIN_NS HF_SECONDS(10)
#define HF_PING_IDLE_NS HF_SECONDS(120)

#endif
