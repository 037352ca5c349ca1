/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/identify.h"

#define BYTES(text) hf_bytes(text, sizeof(text) - 1)

static struct hf_identify_reader reader;
static struct hf_identify said;

static const struct hf_identify *example(void)
{
    static struct hf_identify made;
    made = (struct hf_identify){
        .public_key = BYTES("key"),
        .observed = BYTES("\x04\x7f\x00\x00\x01"),
        .version = BYTES("ipfs/0.1.0"),
        .agent = BYTES("holdfast/0"),
        .protocols = {BYTES("/a"), BYTES("/b")},
        .protocols_count = 2,
        .addresses = {BYTES("\x04\x0a\x00\x00\x01")},
        .addresses_count = 1,
    };
    return &made;
}

static void assert_bytes(struct hf_bytes bytes, struct hf_bytes expected)
{
    assert_int_equal(bytes.size, expected.size);
    if (expected.size > 0)
        assert_memory_equal(bytes.data, expected.data, expected.size);
}

static void assert_example(void)
{
    assert_bytes(said.public_key, example()->public_key);
    assert_bytes(said.observed, example()->observed);
    assert_bytes(said.version, example()->version);
    assert_bytes(said.agent, example()->agent);
    assert_int_equal(said.protocols_count, 2);
    assert_bytes(said.protocols[0], BYTES("/a"));
    assert_bytes(said.protocols[1], BYTES("/b"));
    assert_int_equal(said.addresses_count, 1);
    assert_bytes(said.addresses[0], example()->addresses[0]);
}

static void a_message_is_laid_out_as_the_specification_says(void **state)
{
    (void)state;
    static const char expected[] =
        "\x33\x0a\x03key\x12\x05\x04\x0a\x00\x00\x01\x1a\x02/a\x1a\x02/b"
        "\x22\x05\x04\x7f\x00\x00\x01\x2a\x0aipfs/0.1.0\x32\x0aholdfast/0";
    uint8_t out[100];
    struct hf_bytes written;
    assert_int_equal(hf_identify_write(example(), out, sizeof out, &written), HF_OK);
    assert_bytes(written, BYTES(expected));
}

static void what_was_written_is_read_whatever_the_pieces(void **state)
{
    (void)state;
    uint8_t out[HF_IDENTIFY_OWN_BYTES_MAX];
    struct hf_bytes written;
    assert_int_equal(hf_identify_write(example(), out, sizeof out, &written), HF_OK);
    for (size_t piece = 1; piece <= written.size; piece++) {
        memset(&reader, 0, sizeof reader);
        for (size_t at = 0; at < written.size; at += piece) {
            assert_int_equal(hf_identify_read(&reader, &said), HF_MALFORMED);
            size_t left = written.size - at;
            struct hf_bytes data = hf_bytes(out + at, piece < left ? piece : left);
            assert_int_equal(hf_identify_gather(&reader, data), HF_OK);
        }
        assert_int_equal(hf_identify_read(&reader, &said), HF_OK);
        assert_example();
    }
}

static void parts_are_one_message_in_which_later_fields_count(void **state)
{
    (void)state;
    memset(&reader, 0, sizeof reader);
    struct hf_bytes parts = BYTES(
        "\x0b\x32\x03old\x1a\x04/one\x0b\x32\x03new\x1a\x04/two\x00\x04\x42\x02??\x02\x38\x01");
    assert_int_equal(hf_identify_gather(&reader, parts), HF_OK);
    assert_int_equal(hf_identify_read(&reader, &said), HF_OK);
    assert_bytes(said.agent, BYTES("new"));
    assert_int_equal(said.protocols_count, 2);
    assert_bytes(said.protocols[0], BYTES("/one"));
    assert_bytes(said.protocols[1], BYTES("/two"));
    assert_int_equal(said.public_key.size, 0);
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    uint8_t out[2 * HF_IDENTIFY_OWN_BYTES_MAX];
    struct hf_bytes written;
    assert_int_equal(hf_identify_write(example(), out, 51, &written), HF_FULL);
    assert_int_equal(hf_identify_write(example(), out, 52, &written), HF_OK);
    struct hf_identify large = *example();
    large.agent = hf_bytes(out + HF_IDENTIFY_OWN_BYTES_MAX, HF_IDENTIFY_OWN_BYTES_MAX);
    assert_int_equal(hf_identify_write(&large, out, sizeof out, &written), HF_FULL);
}

static enum hf_status gather(struct hf_bytes data)
{
    memset(&reader, 0, sizeof reader);
    return hf_identify_gather(&reader, data);
}

static void a_peer_that_says_too_much_or_nonsense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(gather(BYTES("\x81\x40")), HF_FULL);      /* 8193 bytes. */
    assert_int_equal(gather(BYTES("\x80\x40")), HF_OK);        /* 8192. */
    assert_int_equal(gather(BYTES("\xff\xff\xff")), HF_FULL);  /* A length of three bytes. */
    assert_int_equal(gather(BYTES("\x80\x00")), HF_MALFORMED); /* Not the shortest form. */
    assert_int_equal(gather(BYTES("\0\0\0\0\0\0\0\0\0\0")), HF_OK);
    assert_int_equal(gather(BYTES("\0\0\0\0\0\0\0\0\0\0\0")), HF_FULL); /* Eleven parts. */
    assert_int_equal(gather(BYTES("\x02\x0a\x05")), HF_OK);
    assert_int_equal(hf_identify_read(&reader, &said), HF_MALFORMED);
}

static void all_parts_together_have_a_limit(void **state)
{
    (void)state;
    static uint8_t part[2 + HF_IDENTIFY_PART_BYTES_MAX] = {0x80, 0x40};
    memset(&reader, 0, sizeof reader);
    assert_int_equal(hf_identify_gather(&reader, hf_bytes(part, sizeof part)), HF_OK);
    assert_int_equal(hf_identify_gather(&reader, hf_bytes(part, sizeof part)), HF_OK);
    assert_int_equal(hf_identify_gather(&reader, BYTES("\x01")), HF_FULL);
}

static void protocols_and_addresses_beyond_the_limit_are_left_out(void **state)
{
    (void)state;
    static uint8_t part[2 + 2048];
    for (uint8_t number = 2; number <= 3; number++) {
        size_t fields = 1000;
        size_t size = 2;
        for (size_t i = 0; i < fields; i++) {
            part[size++] = (uint8_t)(number << 3 | 2);
            part[size++] = 0;
        }
        part[0] = (uint8_t)(0x80 | ((size - 2) & 0x7f));
        part[1] = (uint8_t)((size - 2) >> 7);
        assert_int_equal(gather(hf_bytes(part, size)), HF_OK);
        assert_int_equal(hf_identify_read(&reader, &said), HF_OK);
    }
    assert_int_equal(said.addresses_count, 0);
    assert_int_equal(said.protocols_count, HF_IDENTIFY_PROTOCOLS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_laid_out_as_the_specification_says),
        cmocka_unit_test(what_was_written_is_read_whatever_the_pieces),
        cmocka_unit_test(parts_are_one_message_in_which_later_fields_count),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(a_peer_that_says_too_much_or_nonsense_is_refused),
        cmocka_unit_test(all_parts_together_have_a_limit),
        cmocka_unit_test(protocols_and_addresses_beyond_the_limit_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
