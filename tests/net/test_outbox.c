/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/outbox.h"
#include "noise_pair.h"

/* What is put into an outbox comes out sealed, in order, and its blocks go back to the pool. */

static struct pair pair;
static struct hf_block_pool pool;
static struct hf_outbox outbox;
static uint8_t wire[1 << 21];
static size_t wire_bytes;

static int begin(void **state)
{
    (void)state;
    pair_make(&pair);
    pair_establish(&pair);
    hf_block_pool_init(&pool, NULL);
    outbox = (struct hf_outbox){.pool = &pool};
    wire_bytes = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    hf_outbox_clear(&outbox);
    hf_block_pool_fini(&pool);
    pair_unmake(&pair);
    return 0;
}

static void put(uint8_t byte, size_t size)
{
    struct hf_noise *noise = &pair.initiator.noise;
    while (size > 0) {
        size_t room;
        uint8_t *out = hf_outbox_space(&outbox, noise, 1, &room);
        assert_non_null(out);
        size_t part = size < room ? size : room;
        memset(out, byte, part);
        hf_outbox_wrote(&outbox, part);
        size -= part;
    }
}

static void seal(void)
{
    assert_int_equal(hf_outbox_seal(&outbox, &pair.initiator.noise), HF_OK);
}

/* Takes up to `most` bytes of what is ready, as a socket would. */
static size_t send_up_to(size_t most)
{
    struct hf_bytes pieces[HF_OUTBOX_PIECES_MAX];
    size_t count = hf_outbox_pieces(&outbox, pieces, HF_OUTBOX_PIECES_MAX);
    size_t sent = 0;
    for (size_t i = 0; i < count && sent < most; i++) {
        size_t part = pieces[i].size < most - sent ? pieces[i].size : most - sent;
        assert_true(wire_bytes + part <= sizeof wire);
        memcpy(wire + wire_bytes, pieces[i].data, part);
        wire_bytes += part;
        sent += part;
    }
    hf_outbox_sent(&outbox, sent);
    return sent;
}

/* How many bytes of each value came out, in order of the values. */
static void assert_opens_to(const size_t *sizes, size_t count)
{
    size_t value = 0, seen = 0;
    for (size_t at = 0; at < wire_bytes;) {
        struct hf_noise_frame frame;
        assert_int_equal(
            hf_noise_receive(&pair.responder.noise, wire + at, wire_bytes - at, &frame), HF_OK);
        at += frame.size;
        for (size_t i = 0; i < frame.data.size; i++, seen++) {
            while (value < count && seen == sizes[value])
                value++, seen = 0;
            assert_true(value < count);
            assert_int_equal(((const uint8_t *)frame.data.data)[i], value);
        }
    }
    assert_int_equal(value, count - 1);
    assert_int_equal(seen, sizes[value]);
}

static void whatever_the_socket_takes_at_a_time_arrives_in_order(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 70000, 3, 65519, 65520, 200000, 17};
    size_t count = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < count; i++) {
        put((uint8_t)i, sizes[i]);
        if (i % 2 == 0)
            seal();
        (void)send_up_to(30000 * i); /* A frame is under way behind what is sent, half the times. */
    }
    seal();
    while (send_up_to(100001) > 0)
        ;
    assert_opens_to(sizes, count);
    assert_null(outbox.first);
}

/* With nothing before it in the frame, a little, a block of the cipher's and more than that. */
static void what_lies_elsewhere_is_sealed_behind_what_is_under_way(void **state)
{
    (void)state;
    static const size_t before[] = {0, 24, 64, 4097};
    static uint8_t elsewhere[50000];
    size_t sizes[8];
    for (uint8_t i = 0; i < 4; i++) {
        sizes[2 * i] = before[i];
        sizes[2 * i + 1] = sizeof elsewhere;
        put((uint8_t)(2 * i), before[i]);
        size_t room;
        assert_non_null(hf_outbox_space(&outbox, &pair.initiator.noise, sizeof elsewhere, &room));
        memset(elsewhere, 2 * i + 1, sizeof elsewhere);
        struct hf_bytes payload = hf_bytes(elsewhere, sizeof elsewhere);
        assert_int_equal(hf_outbox_seal_with(&outbox, &pair.initiator.noise, payload), HF_OK);
        memset(elsewhere, 0xff, sizeof elsewhere);
    }
    while (send_up_to(SIZE_MAX) > 0)
        ;
    assert_opens_to(sizes, 8);
}

static void a_frame_under_way_stays_when_all_before_it_is_sent(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 50};
    put(0, 100);
    seal();
    put(1, 50);
    assert_int_equal(send_up_to(SIZE_MAX), 100 + HF_NOISE_OVERHEAD_BYTES);
    assert_non_null(outbox.first);
    seal();
    assert_int_equal(send_up_to(SIZE_MAX), 50 + HF_NOISE_OVERHEAD_BYTES);
    assert_null(outbox.first);
    assert_opens_to(sizes, 2);
}

/* Names HF_OUTBOX_BYTES_MAX. */
static void it_is_full_from_its_limit_on(void **state)
{
    (void)state;
    put(0, HF_OUTBOX_BYTES_MAX - 5000);
    assert_false(hf_outbox_full(&outbox));
    put(0, 5000);
    assert_true(hf_outbox_full(&outbox));
    seal();
    (void)send_up_to(SIZE_MAX);
    assert_false(hf_outbox_full(&outbox));
}

/* Names HF_OUTBOX_SPARE_BLOCKS_MAX. */
static void a_pool_keeps_no_more_blocks_than_it_may(void **state)
{
    (void)state;
    put(0, (HF_OUTBOX_SPARE_BLOCKS_MAX + 5) * (size_t)HF_OUTBOX_BLOCK_BYTES);
    assert_int_equal(pool.spare_count, 0);
    hf_outbox_clear(&outbox);
    assert_int_equal(pool.spare_count, HF_OUTBOX_SPARE_BLOCKS_MAX);
}

static void unsealed_bytes_begin_a_block_where_the_last_has_no_room(void **state)
{
    (void)state;
    static const uint8_t zeros[HF_OUTBOX_BLOCK_BYTES - 10];
    assert_int_equal(hf_outbox_add(&outbox, hf_bytes(NULL, 0)), HF_OK);
    assert_null(outbox.first);
    assert_int_equal(hf_outbox_add(&outbox, hf_bytes(zeros, sizeof zeros)), HF_OK);
    assert_int_equal(hf_outbox_add(&outbox, hf_bytes(zeros, 10)), HF_OK);
    assert_ptr_equal(outbox.first, outbox.last);
    assert_int_equal(hf_outbox_add(&outbox, hf_bytes(zeros, 1)), HF_OK);
    assert_ptr_equal(outbox.first->next, outbox.last);
    assert_int_equal(send_up_to(SIZE_MAX), sizeof zeros + 11);
}

static void a_channel_that_seals_no_more_gives_no_space(void **state)
{
    (void)state;
    size_t room;
    put(0, HF_NOISE_PLAINTEXT_BYTES_MAX);
    pair.initiator.noise.sealed = HF_NOISE_NUMBER_MAX + 1;
    assert_null(hf_outbox_space(&outbox, &pair.initiator.noise, 1, &room));
}

static void *refuse(void *context, size_t size, size_t alignment)
{
    (void)context, (void)size, (void)alignment;
    return NULL;
}

static void no_memory_is_no_space(void **state)
{
    (void)state;
    const struct hf_allocator none = {NULL, refuse, NULL};
    size_t room;
    pool.allocator = none;
    assert_null(hf_outbox_space(&outbox, &pair.initiator.noise, 1, &room));
    assert_int_equal(hf_outbox_add(&outbox, hf_bytes("x", 1)), HF_NO_MEMORY);
    pool.allocator = *hf_allocator_libc();
}

#define WITH_OUTBOX(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_OUTBOX(whatever_the_socket_takes_at_a_time_arrives_in_order),
        WITH_OUTBOX(what_lies_elsewhere_is_sealed_behind_what_is_under_way),
        WITH_OUTBOX(a_frame_under_way_stays_when_all_before_it_is_sent),
        WITH_OUTBOX(it_is_full_from_its_limit_on),
        WITH_OUTBOX(a_pool_keeps_no_more_blocks_than_it_may),
        WITH_OUTBOX(unsealed_bytes_begin_a_block_where_the_last_has_no_room),
        WITH_OUTBOX(a_channel_that_seals_no_more_gives_no_space),
        WITH_OUTBOX(no_memory_is_no_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
