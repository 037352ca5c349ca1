/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_TIME_MACHINE_H
#define HF_TESTS_NET_TIME_MACHINE_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "net/network_node.h"

/*
 * The system's clock, which a test sets forward: what would take a node seconds is due at once, and
 * nobody sleeps. It stands in for the C library's in this whole process, libuv included.
 */
static uint64_t time_ahead_ns;

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *now)
{
    if (syscall(SYS_clock_gettime, id, now) != 0)
        return -1;
    if (id == CLOCK_REALTIME)
        return 0;
    uint64_t ns = (uint64_t)now->tv_nsec + hf_load_relaxed(&time_ahead_ns);
    now->tv_sec += (time_t)(ns / HF_SECONDS(1));
    now->tv_nsec = (long)(ns % HF_SECONDS(1));
    return 0;
}

/* Waits until a node has done what it was asked to before. Events before that are lost. */
static inline void let_finish(struct node *node)
{
    assert_int_equal(hf_network_ping(node->network, hf_network_id(node->network)), HF_OK);
    (void)wait_for(node, HF_NETWORK_PING_FAILED);
}

/* Lets that time pass for a node, which must be running: it looks at the clock when it is asked for
 * something, if only for a ping of itself. */
static inline void let_pass(const struct node *node, uint64_t time_ns)
{
    hf_add_relaxed(&time_ahead_ns, time_ns);
    while (hf_network_ping(node->network, hf_network_id(node->network)) != HF_OK)
        ;
}

/* Lets time pass in steps until something of that kind happens. */
static inline struct hf_network_event let_pass_until(
    struct node *node, uint64_t step_ns, enum hf_network_event_kind kind)
{
    struct hf_network_event event;
    do {
        let_pass(node, step_ns);
        do {
            assert_int_equal(hf_network_wait(node->network, PATIENCE_NS, &event), HF_OK);
            if (event.kind == kind)
                return event;
        } while (event.kind != HF_NETWORK_PING_FAILED);
    } while (true);
}

#endif
