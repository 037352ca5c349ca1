/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/network_node.h"
#include "scale.h"

static void two_nodes_connect_know_each_other_and_ping(void **state)
{
    (void)state;
    static struct node one, two;
    start(&one, 1);
    start(&two, 2);
    assert_int_equal(hf_network_dial(one.network, &two.address, 77), HF_OK);
    struct hf_network_event event = wait_for(&one, HF_NETWORK_CONNECTED);
    assert_int_equal(event.dial, 77);
    assert_false(event.inbound);
    assert_true(hf_peer_id_equals(&event.peer, hf_network_id(two.network)));
    event = wait_for(&one, HF_NETWORK_IDENTIFIED);
    assert_non_null(strstr(event.agent, "holdfast/"));
    assert_string_equal(
        event.protocols, "/echo/1 /ipfs/ping/1.0.0 /ipfs/id/1.0.0 /ipfs/id/push/1.0.0");
    event = wait_for(&two, HF_NETWORK_CONNECTED);
    assert_true(event.inbound);
    assert_true(hf_peer_id_equals(&event.peer, hf_network_id(one.network)));
    assert_int_equal(hf_network_ping(two.network, &event.peer), HF_OK);
    assert_true(wait_for(&two, HF_NETWORK_PINGED).round_trip_ns > 0);
    assert_int_equal(hf_network_close(two.network, event.connection), HF_OK);
    event = wait_for(&one, HF_NETWORK_CLOSED);
    assert_int_equal(event.status, HF_CLOSED);
    stop(&one);
    stop(&two);
}

static void a_stream_carries_megabytes_there_and_back(void **state)
{
    (void)state;
    static struct node one, two;
    start(&one, 1);
    start(&two, 2);
    one.to_write = test_scaled(64 << 20);
    assert_int_equal(hf_network_dial(one.network, &two.address, 1), HF_OK);
    struct hf_peer_id peer = wait_for(&one, HF_NETWORK_CONNECTED).peer;
    assert_int_equal(hf_network_open(one.network, &peer, "/echo/1", &one), HF_OK);
    (void)wait_for(&one, HF_NETWORK_STOPPED); /* The closed stream stops it. */
    stop(&one);
    assert_int_equal(one.closed, HF_OK);
    assert_int_equal(one.written, one.to_write);
    assert_int_equal(one.read, one.to_write);
    stop(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_nodes_connect_know_each_other_and_ping),
        cmocka_unit_test(a_stream_carries_megabytes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
