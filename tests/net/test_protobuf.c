/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "hex.h"
#include "net/protobuf.h"
#include "scale.h"

#define SEED 20260104
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Reads all of a message. Returns its status; the last field and the count are left behind. */
static enum hf_status read_all(
    struct hf_bytes message, size_t fields_max, struct hf_protobuf_field *last, size_t *count)
{
    struct hf_protobuf_reader reader = hf_protobuf_reader(message, fields_max);
    for (*count = 0; hf_protobuf_next(&reader, last);)
        ++*count;
    assert_false(hf_protobuf_next(&reader, last)); /* Once at the end it stays there. */
    return reader.status;
}

static enum hf_status read_hex(const char *text, struct hf_protobuf_field *last, size_t *count)
{
    static uint8_t bytes[256];
    size_t size = hex_read(text, bytes);
    return read_all(hf_bytes(bytes, size), 16, last, count);
}

/* The first three are the examples of the encoding's own description. */
static void fields_of_each_type_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct hf_protobuf_field field; /* Bytes are compared with the end of the message. */
    } known[] = {
        {"089601", {1, HF_PROTOBUF_VARINT, 150, {0}}},
        {"120774657374696e67", {2, HF_PROTOBUF_BYTES, 0, {.size = 7}}},
        {"1a03089601", {3, HF_PROTOBUF_BYTES, 0, {.size = 3}}},
        {"1200", {2, HF_PROTOBUF_BYTES, 0, {.size = 0}}},
        {"250a0b0c0d", {4, HF_PROTOBUF_FIXED32, 0, {.size = 4}}},
        {"290102030405060708", {5, HF_PROTOBUF_FIXED64, 0, {.size = 8}}},
        {"08ffffffffffffffffff01", {1, HF_PROTOBUF_VARINT, UINT64_MAX, {0}}},
        {"08808000", {1, HF_PROTOBUF_VARINT, 0, {0}}}, /* Longer than needed, and so what. */
        {"f8ffffff0f01", {HF_PROTOBUF_NUMBER_MAX, HF_PROTOBUF_VARINT, 1, {0}}},
    };
    for (size_t i = 0; i < LENGTH(known); i++) {
        struct hf_protobuf_field field;
        size_t count;
        assert_int_equal(read_hex(known[i].text, &field, &count), HF_OK);
        assert_int_equal(count, 1);
        assert_int_equal(field.number, known[i].field.number);
        assert_int_equal(field.type, known[i].field.type);
        assert_int_equal(field.value, known[i].field.value);
        assert_int_equal(field.bytes.size, known[i].field.bytes.size);
        if (field.bytes.size > 0)
            hex_assert(field.bytes.data, field.bytes.size,
                known[i].text + strlen(known[i].text) - 2 * field.bytes.size);
    }
}

static void what_is_no_field_ends_the_message_as_malformed(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "0001", "0200",                     /* Number 0, */
        "808080801001", "828080801000",     /* 2^29. */
        "0b", "0c", "0e", "0f",             /* Groups, and types that there are not. */
        "0b0c",                             /* A group. */
        "8800", "880001",                   /* A tag longer than needed. */
        "1283006162",                       /* A length longer than needed. */
        "08", "0880", "120361", "25aabbcc", /* Cut off. */
        "29aabbccddeeff00",                 /* Likewise. */
        "08ffffffffffffffffff02",           /* More than 64 bits, */
        "08ffffffffffffffffffff01",         /* than ten bytes. */
        "12ffffffffffffffff7f61",           /* Longer than any memory. */
    };
    static const char *const well_begun[] = {"089601120774657374696e", "08960108", "08960100"};
    struct hf_protobuf_field field;
    size_t count;
    for (size_t i = 0; i < LENGTH(malformed); i++) {
        assert_int_equal(read_hex(malformed[i], &field, &count), HF_MALFORMED);
        assert_int_equal(count, 0);
    }
    for (size_t i = 0; i < LENGTH(well_begun); i++) {
        assert_int_equal(read_hex(well_begun[i], &field, &count), HF_MALFORMED);
        assert_int_equal(count, 1);
    }
}

static void a_message_may_be_empty(void **state)
{
    (void)state;
    struct hf_protobuf_field field;
    size_t count;
    assert_int_equal(read_all(hf_bytes(NULL, 0), 0, &field, &count), HF_OK);
    assert_int_equal(count, 0);
}

static void fields_are_bounded(void **state)
{
    (void)state;
    uint8_t bytes[8];
    size_t size = hex_read("0801080208030804", bytes);
    struct hf_protobuf_field field;
    size_t count;
    assert_int_equal(read_all(hf_bytes(bytes, size), 4, &field, &count), HF_OK);
    assert_int_equal(count, 4);
    assert_int_equal(read_all(hf_bytes(bytes, size), 3, &field, &count), HF_FULL);
    assert_int_equal(count, 3);
    assert_int_equal(read_all(hf_bytes(bytes, size), 0, &field, &count), HF_FULL);
}

static void bytes_of_a_number_are_told_from_all_else(void **state)
{
    (void)state;
    const struct hf_protobuf_field bytes = {.number = 3, .type = HF_PROTOBUF_BYTES};
    const struct hf_protobuf_field number = {.number = 3, .type = HF_PROTOBUF_VARINT};
    assert_true(hf_protobuf_is_bytes(&bytes, 3));
    assert_false(hf_protobuf_is_bytes(&bytes, 2));
    assert_false(hf_protobuf_is_bytes(&number, 3));
}

static void a_message_is_written_field_by_field(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct hf_protobuf_writer writer = {.out = bytes, .size_max = sizeof(bytes)};
    struct hf_bytes message;
    hf_protobuf_write_varint(&writer, 1, 150);
    hf_protobuf_write_bytes(&writer, 2, hf_bytes("testing", 7));
    hf_protobuf_write_bytes(&writer, 16, hf_bytes(NULL, 0));
    assert_int_equal(hf_protobuf_finish(&writer, &message), HF_OK);
    assert_ptr_equal(message.data, bytes);
    hex_assert(message.data, message.size, "089601120774657374696e67820100");
}

static void what_has_no_room_is_counted_and_not_written(void **state)
{
    (void)state;
    for (size_t room = 0; room < 12; room++) {
        uint8_t bytes[16];
        memset(bytes, 0xaa, sizeof(bytes));
        struct hf_protobuf_writer writer = {.out = bytes, .size_max = room};
        struct hf_bytes message = {.size = 77};
        hf_protobuf_write_varint(&writer, 1, 150);
        hf_protobuf_write_bytes(&writer, 2, hf_bytes("testing", 7));
        assert_int_equal(writer.size, 12);
        assert_int_equal(hf_protobuf_finish(&writer, &message), HF_FULL);
        assert_int_equal(message.size, 77);
        assert_int_equal(bytes[room], 0xaa);
    }
}

static void a_message_may_fill_its_room(void **state)
{
    (void)state;
    uint8_t bytes[12];
    struct hf_protobuf_writer writer = {.out = bytes, .size_max = sizeof(bytes)};
    struct hf_bytes message;
    hf_protobuf_write_varint(&writer, 1, 150);
    hf_protobuf_write_bytes(&writer, 2, hf_bytes("testing", 7));
    assert_int_equal(hf_protobuf_finish(&writer, &message), HF_OK);
    hex_assert(message.data, message.size, "089601120774657374696e67");
}

/* Past its room nothing is read, so that the sizes need not be true ones. */
static void sizes_do_not_come_round(void **state)
{
    (void)state;
    uint8_t bytes[4];
    struct hf_protobuf_writer writer = {.out = bytes, .size_max = sizeof(bytes)};
    struct hf_bytes message;
    for (int i = 0; i < 4; i++)
        hf_protobuf_write_bytes(&writer, 1, hf_bytes(bytes, SIZE_MAX / 2 - 1));
    assert_int_equal(hf_protobuf_finish(&writer, &message), HF_FULL);
    assert_int_equal(writer.size, SIZE_MAX);
}

static size_t write_some(struct hf_random *random, struct hf_protobuf_writer *writer,
    struct hf_protobuf_field *fields, const uint8_t *pool)
{
    size_t count = (size_t)hf_random_below(random, 9);
    for (size_t i = 0; i < count; i++) {
        uint64_t width = hf_random_below(random, 29);
        uint32_t number = 1 + (uint32_t)hf_random_below(random, (uint64_t)1 << width);
        fields[i] = (struct hf_protobuf_field){.number = number, .type = HF_PROTOBUF_VARINT};
        fields[i].value = random->next(random->context) >> (1 + width);
        if (hf_random_below(random, 2)) {
            fields[i].type = HF_PROTOBUF_BYTES;
            fields[i].value = 0;
            fields[i].bytes = hf_bytes(pool, (size_t)hf_random_below(random, 200));
            hf_protobuf_write_bytes(writer, number, fields[i].bytes);
        } else {
            hf_protobuf_write_varint(writer, number, fields[i].value);
        }
    }
    return count;
}

static void what_was_written_is_read_and_no_part_of_it_is_more(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    struct hf_random random = hf_splitmix_random(&splitmix);
    uint8_t pool[200];
    for (size_t i = 0; i < sizeof(pool); i++)
        pool[i] = (uint8_t)hf_splitmix_next(&splitmix);
    for (size_t round = 0; round < test_scaled(5000); round++) {
        static uint8_t bytes[4096];
        struct hf_protobuf_field fields[8];
        struct hf_protobuf_writer writer = {.out = bytes, .size_max = sizeof(bytes)};
        size_t count = write_some(&random, &writer, fields, pool);
        struct hf_bytes message;
        assert_int_equal(hf_protobuf_finish(&writer, &message), HF_OK);
        struct hf_protobuf_reader reader = hf_protobuf_reader(message, count);
        struct hf_protobuf_field field;
        for (size_t i = 0; i < count; i++) {
            assert_true(hf_protobuf_next(&reader, &field));
            assert_int_equal(field.number, fields[i].number);
            assert_int_equal(field.type, fields[i].type);
            assert_int_equal(field.value, fields[i].value);
            assert_int_equal(field.bytes.size, fields[i].bytes.size);
            if (field.bytes.size > 0)
                assert_memory_equal(field.bytes.data, pool, field.bytes.size);
        }
        assert_false(hf_protobuf_next(&reader, &field));
        assert_int_equal(reader.status, HF_OK);
        for (size_t part = 0; part < message.size; part++) {
            size_t fewer;
            enum hf_status status = read_all(hf_bytes(bytes, part), count, &field, &fewer);
            assert_true(status == HF_MALFORMED || fewer < count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_each_type_are_read),
        cmocka_unit_test(what_is_no_field_ends_the_message_as_malformed),
        cmocka_unit_test(a_message_may_be_empty),
        cmocka_unit_test(fields_are_bounded),
        cmocka_unit_test(bytes_of_a_number_are_told_from_all_else),
        cmocka_unit_test(a_message_is_written_field_by_field),
        cmocka_unit_test(what_has_no_room_is_counted_and_not_written),
        cmocka_unit_test(a_message_may_fill_its_room),
        cmocka_unit_test(sizes_do_not_come_round),
        cmocka_unit_test(what_was_written_is_read_and_no_part_of_it_is_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
