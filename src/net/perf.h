/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_PERF_H
#define HF_NET_PERF_H

/*
 * A peer says how many bytes it wants, in eight bytes, sends as many as it likes, ends its side and
 * gets what it asked for (libp2p/specs, perf/perf.md, "Protocol").
 *
 * Limits: HF_PERF_STREAMS_MAX streams a connection are served at a time.
 */
#define HF_PERF_PROTOCOL "/perf/1.0.0"
#define HF_PERF_STREAMS_MAX 1

#endif
