/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_NET_H
#define HOLDFAST_NET_H

/* Everything in libholdfast-net: libp2p over TCP. */

#include <holdfast/identity.h>
#include <holdfast/multiaddr.h>
#include <holdfast/peer_id.h>

#endif
