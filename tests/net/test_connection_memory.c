/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/connection_pair.h"
#include "scale.h"
#include "starved.h"

/* Connections whose cipher library runs out of memory at any point of their lives. */

static void on_event(struct pair *pair, int me, const struct hf_connection_event *event)
{
    (void)pair, (void)me;
    if (event->kind == HF_CONNECTION_ENDED || event->kind == HF_CONNECTION_REFUSED)
        hf_stream_free(event->stream);
}

static void carry(struct pair *pair, int turns)
{
    for (int i = 0; i < turns; i++) {
        for (int me = 0; me < 2; me++) {
            send_some(pair, me);
            if (pair->nodes[!me].status == HF_OK)
                arrive(pair, !me);
            else
                pair->nodes[me].sent_size = 0;
        }
    }
}

/*
 * A session from the first byte to an echo's name, from whose fail_at-th request on there is no
 * memory. True: both sides were well all along. Making credentials is another test's.
 */
static bool talk(bool inlined, uint64_t fail_at)
{
    struct hf_stream *stream;
    struct pair *pair = new_pair(1, inlined);
    pair->handle = on_event;
    starved_from(fail_at);
    bool well =
        connect_one(pair, 0, NULL, NULL) == HF_OK && connect_one(pair, 1, NULL, NULL) == HF_OK;
    if (well) {
        carry(pair, 6);
        well = hf_connection_open(
                   pair->nodes[0].connection, "/echo/1", pair->now_ns, &stream) == HF_OK;
        carry(pair, 3);
        well = well && pair->nodes[0].status == HF_OK && pair->nodes[1].status == HF_OK;
    }
    starved_from(0);
    for (int me = 0; me < 2; me++) {
        struct hf_connection *connection = pair->nodes[me].connection;
        if (connection && pair->nodes[me].status != HF_OK)
            assert_string_not_equal(hf_connection_reason(connection), "");
    }
    free_pair(pair);
    return well;
}

/* OpenSSL 3.0 itself loses pieces then, which those who look for such would report. */
static void wherever_memory_ends_a_side_fails_and_says_why(void **state)
{
    (void)state;
    if (test_is_instrumented())
        skip();
    for (int inlined = 0; inlined < 2; inlined++) {
        assert_true(talk(inlined, 0)); /* OpenSSL keeps some of what it asks for the first time. */
        uint64_t n = 1;
        while (!talk(inlined, n))
            assert_in_range(n++, 1, 100000);
        print_message("%llu requests\n", (unsigned long long)n);
        assert_true(n > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wherever_memory_ends_a_side_fails_and_says_why),
    };
    if (!starved_begin())
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
