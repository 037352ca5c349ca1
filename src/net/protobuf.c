/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "net/protobuf.h"
#include "net/take.h"
#include "net/varint.h"

#define TYPE_BITS 3
#define TYPE_MASK 7u

/* A negative number of 32 or 64 bits takes ten bytes; the tenth has but one bit left to give. */
#define VALUE_BYTES_MAX 10

struct hf_protobuf_reader hf_protobuf_reader(struct hf_bytes message, size_t fields_max)
{
    return (struct hf_protobuf_reader){message, fields_max, HF_OK};
}

static bool take_tag(struct hf_bytes *rest, struct hf_protobuf_field *field)
{
    uint64_t tag;
    if (hf_varint_take(rest, &tag) != HF_OK)
        return false;
    uint64_t number = tag >> TYPE_BITS;
    if (number == 0 || number > HF_PROTOBUF_NUMBER_MAX)
        return false;
    field->number = (uint32_t)number;
    field->type = (enum hf_protobuf_type)(tag & TYPE_MASK);
    return true;
}

/* Unlike hf_varint_take this one takes every form: a number's encoding is of no consequence. */
static bool take_value(struct hf_bytes *rest, uint64_t *value)
{
    const uint8_t *data = rest->data;
    uint64_t sum = 0;
    for (size_t i = 0; i < rest->size && i < VALUE_BYTES_MAX; i++) {
        if (i == VALUE_BYTES_MAX - 1 && data[i] > 1)
            return false;
        sum |= (uint64_t)(data[i] & 0x7f) << (7 * i);
        if (data[i] < 0x80) {
            *value = sum;
            *rest = hf_bytes(data + i + 1, rest->size - i - 1);
            return true;
        }
    }
    return false;
}

static bool take_field(struct hf_bytes *rest, struct hf_protobuf_field *field)
{
    *field = (struct hf_protobuf_field){0};
    if (!take_tag(rest, field))
        return false;
    switch (field->type) {
    case HF_PROTOBUF_VARINT:
        return take_value(rest, &field->value);
    case HF_PROTOBUF_FIXED64:
        return hf_take(rest, 8, &field->bytes);
    case HF_PROTOBUF_BYTES:
        return hf_varint_take_prefixed(rest, rest->size, &field->bytes) == HF_OK;
    case HF_PROTOBUF_FIXED32:
        return hf_take(rest, 4, &field->bytes);
    }
    return false;
}

bool hf_protobuf_next(struct hf_protobuf_reader *reader, struct hf_protobuf_field *field)
{
    if (reader->status != HF_OK || reader->rest.size == 0)
        return false;
    if (reader->fields_left == 0)
        reader->status = HF_FULL;
    else if (!take_field(&reader->rest, field))
        reader->status = HF_MALFORMED;
    else
        reader->fields_left--;
    return reader->status == HF_OK;
}

/* The size saturates, so that no sum of huge fields comes round to something that fits. */
static void put(struct hf_protobuf_writer *writer, const void *data, size_t size)
{
    if (writer->size > writer->size_max || size > writer->size_max - writer->size) {
        writer->size = size > SIZE_MAX - writer->size ? SIZE_MAX : writer->size + size;
        return;
    }
    if (size > 0)
        memcpy(writer->out + writer->size, data, size);
    writer->size += size;
}

static void put_varint(struct hf_protobuf_writer *writer, uint64_t value)
{
    uint8_t bytes[HF_VARINT_BYTES_MAX];
    put(writer, bytes, hf_varint_write(value, bytes));
}

static void put_tag(struct hf_protobuf_writer *writer, uint32_t number, enum hf_protobuf_type type)
{
    assert(number >= 1 && number <= HF_PROTOBUF_NUMBER_MAX);
    put_varint(writer, (uint64_t)number << TYPE_BITS | type);
}

void hf_protobuf_write_varint(struct hf_protobuf_writer *writer, uint32_t number, uint64_t value)
{
    put_tag(writer, number, HF_PROTOBUF_VARINT);
    put_varint(writer, value);
}

void hf_protobuf_write_bytes(
    struct hf_protobuf_writer *writer, uint32_t number, struct hf_bytes bytes)
{
    put_tag(writer, number, HF_PROTOBUF_BYTES);
    put_varint(writer, bytes.size);
    put(writer, bytes.data, bytes.size);
}

enum hf_status hf_protobuf_finish(const struct hf_protobuf_writer *writer, struct hf_bytes *message)
{
    if (writer->size > writer->size_max)
        return HF_FULL;
    *message = hf_bytes(writer->out, writer->size);
    return HF_OK;
}
