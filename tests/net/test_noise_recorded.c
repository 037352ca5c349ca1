/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/multistream.h"
#include "net/noise.h"
#include "noise_pair.h"
#include "noise_recorded.h"

static const struct hf_bytes noise_name[] = {{"/noise", 6}};

/* One's own side, as a connection has it: the negotiation, and Noise behind it. */
struct listener {
    struct hf_multistream select;
    enum hf_status selected;
    uint8_t bytes[1024];
    size_t size;
    struct side *side;
};

static void hear(struct listener *own, const uint8_t *bytes, size_t size)
{
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    memcpy(own->bytes + own->size, bytes, size);
    own->size += size;
    for (size_t taken = 1; own->selected == HF_AGAIN && taken > 0;) {
        own->selected = hf_multistream_receive(&own->select, own->bytes, own->size, &taken);
        own->size -= taken;
        memmove(own->bytes, own->bytes + taken, own->size);
        (void)hf_multistream_write(&own->select, out, sizeof(out));
    }
    if (own->selected != HF_OK)
        return;
    (void)side_receive(own->side, own->bytes, own->size, SIZE_MAX);
    own->side->out_bytes = 0; /* Sent. */
    own->size = 0;
}

static void replay(struct pair *pair, size_t index, size_t step)
{
    uint8_t bytes[1024];
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    bool dialer = recorded[index].to_dialer;
    struct listener own = {.selected = HF_AGAIN};
    own.side = dialer ? &pair->initiator : &pair->responder;
    side_start(own.side, dialer, NULL);
    own.side->out_bytes = 0;
    assert_int_equal(hf_multistream_init(&own.select, dialer, noise_name, 1), HF_OK);
    (void)hf_multistream_write(&own.select, out, sizeof(out));
    size_t size = hex_read(recorded[index].bytes, bytes);
    for (size_t at = 0; at < size; at += step)
        hear(&own, bytes + at, size - at < step ? size - at : step);

    const struct hf_noise_peer *peer = hf_noise_peer(&own.side->noise);
    char id[HF_PEER_ID_TEXT_BYTES];
    if (!peer)
        fail_msg("%s: %s", recorded[index].who, hf_noise_reason(&own.side->noise));
    hf_peer_id_write(&peer->id, id, sizeof(id));
    assert_string_equal(id, recorded[index].peer_id);
    assert_int_equal(peer->muxer_agreed, recorded[index].names_yamux);
    assert_int_equal(own.side->inbox_bytes, 0);
}

static void other_implementations_are_understood_however_their_bytes_arrive(void **state)
{
    (void)state;
    static struct pair pair;
    pair_make(&pair);
    for (size_t index = 0; index < sizeof(recorded) / sizeof(recorded[0]); index++)
        for (size_t step = 1; step <= 1024; step = step * 3 / 2 + 1)
            replay(&pair, index, step);
    pair_unmake(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_implementations_are_understood_however_their_bytes_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
