/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "net/network_node.h"

/* Nodes for which the n-th request for memory, whichever it is, is refused. */

static uint64_t requests;
static uint64_t fail_at;
static uint64_t live;

static void *fail_allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    if (hf_add_relaxed(&requests, 1) + 1 == hf_load_relaxed(&fail_at))
        return NULL;
    void *memory = hf_allocate(hf_allocator_libc(), size, alignment);
    hf_add_relaxed(&live, memory != NULL);
    return memory;
}

static void fail_release(void *context, void *memory, size_t size, size_t alignment)
{
    (void)context;
    hf_add_relaxed(&live, memory ? UINT64_MAX : 0);
    hf_release(hf_allocator_libc(), memory, size, alignment);
}

static const struct hf_allocator failing = {NULL, fail_allocate, fail_release};

static struct node dialer, listener;

/* The next event of either kind. */
static struct hf_network_event either(
    struct node *node, enum hf_network_event_kind one, enum hf_network_event_kind other)
{
    struct hf_network_event event;
    do
        assert_int_equal(hf_network_wait(node->network, PATIENCE_NS, &event), HF_OK);
    while (event.kind != one && event.kind != other);
    return event;
}

/* Connects, pings and has something echoed, as far as that goes: whatever was asked for is
 * answered. */
static bool use(void)
{
    if (hf_network_dial(dialer.network, &listener.address, 1) != HF_OK)
        return false;
    struct hf_network_event event = either(&dialer, HF_NETWORK_CONNECTED, HF_NETWORK_DIAL_FAILED);
    if (event.kind == HF_NETWORK_DIAL_FAILED ||
        hf_network_ping(dialer.network, &event.peer) != HF_OK)
        return false;
    struct hf_peer_id peer = event.peer;
    event = either(&dialer, HF_NETWORK_PINGED, HF_NETWORK_PING_FAILED);
    if (event.kind == HF_NETWORK_PING_FAILED)
        return false;
    dialer.to_write = 200000;
    if (hf_network_open(dialer.network, &peer, "/echo/1", &dialer) != HF_OK)
        return false;
    (void)wait_for(&dialer, HF_NETWORK_STOPPED); /* The stream's end stops it, however it ends. */
    return dialer.closed == HF_OK;
}

/* The peer may be the one that fails: an echo that cannot be opened stops its opener, too. */
static void echo_failed(void *context, void *stream_context, enum hf_status status)
{
    (void)stream_context, (void)status;
    hf_network_stop(((struct node *)context)->network);
}

/* As start_with does, but that there may be no memory for it. */
static bool try_start(struct node *node, uint8_t number, const struct hf_allocator *memory)
{
    uint8_t seed[32];
    struct hf_multiaddr any;
    *node = (struct node){.closed = HF_AGAIN};
    memset(seed, number, sizeof seed);
    assert_int_equal(hf_identity_from_seed(&node->identity, hf_bytes(seed, 32), NULL), HF_OK);
    const struct hf_protocol echo = {"/echo/1", node, echo_opened, echo_readable, echo_writable,
        echo_closed, echo_failed};
    const struct hf_network_options options = {.identity = &node->identity,
        .protocols = &echo,
        .protocols_count = 1,
        .allocator = memory};
    if (hf_network_new(&node->network, &options, NULL) != HF_OK)
        return false;
    assert_int_equal(hf_multiaddr_parse(hf_bytes("/ip4/127.0.0.1/tcp/0", 20), &any, NULL), HF_OK);
    assert_int_equal(hf_network_listen(node->network, &any, NULL), HF_OK);
    node->address = wait_for(node, HF_NETWORK_LISTENING).address;
    assert_int_equal(pthread_create(&node->thread, NULL, run_node, node), 0);
    return true;
}

/* One of the two lacks memory once. True: all went well. */
static bool run_with(bool dialer_fails, uint64_t nth)
{
    hf_store_relaxed(&requests, 0);
    hf_store_relaxed(&fail_at, nth);
    bool well = false;
    if (try_start(&listener, 1, dialer_fails ? NULL : &failing)) {
        if (try_start(&dialer, 2, dialer_fails ? &failing : NULL)) {
            well = use();
            stop(&dialer);
        }
        stop(&listener);
    }
    assert_int_equal(hf_load_relaxed(&live), 0);
    return well;
}

static void whichever_request_is_refused_everything_is_answered_and_nothing_lost(void **state)
{
    (void)state;
    for (int dialer_fails = 0; dialer_fails < 2; dialer_fails++) {
        uint64_t nth = 1;
        bool well;
        do
            well = run_with(dialer_fails, nth++);
        while (hf_load_relaxed(&requests) >= hf_load_relaxed(&fail_at));
        assert_true(well);
        assert_true(nth > 15);
        print_message("%llu requests\n", (unsigned long long)nth);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_request_is_refused_everything_is_answered_and_nothing_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
