/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_NET_H
#define HOLDFAST_NET_H

/* Everything in libholdfast-net: libp2p over TCP. A header is one of that library, and not of the
 * core's, because it stands here. */

#include <holdfast/identity.h>
#include <holdfast/multiaddr.h>
#include <holdfast/network.h>
#include <holdfast/peer_id.h>
#include <holdfast/stream.h>

#endif
