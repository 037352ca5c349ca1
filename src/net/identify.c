/* SPDX-License-Identifier: MIT */

#include "net/identify.h"

#include <string.h>

#include "base/minmax.h"
#include "net/protobuf.h"
#include "net/varint.h"

/* Numbers of the fields. */
enum {
    PUBLIC_KEY = 1,
    LISTEN_ADDRESS = 2,
    PROTOCOL = 3,
    OBSERVED_ADDRESS = 4,
    PROTOCOL_VERSION = 5,
    AGENT_VERSION = 6,
};

/* A length up to HF_IDENTIFY_OWN_BYTES_MAX. */
#define PREFIX_BYTES 2

static void write_given(struct hf_protobuf_writer *writer, uint32_t number, struct hf_bytes bytes)
{
    if (bytes.size > 0)
        hf_protobuf_write_bytes(writer, number, bytes);
}

enum hf_status hf_identify_write(
    const struct hf_identify *said, uint8_t *out, size_t size_max, struct hf_bytes *written)
{
    uint8_t body[HF_IDENTIFY_OWN_BYTES_MAX - PREFIX_BYTES];
    struct hf_protobuf_writer writer = {.out = body, .size_max = sizeof body};
    struct hf_bytes message;
    write_given(&writer, PUBLIC_KEY, said->public_key);
    for (size_t i = 0; i < said->addresses_count; i++)
        write_given(&writer, LISTEN_ADDRESS, said->addresses[i]);
    for (size_t i = 0; i < said->protocols_count; i++)
        write_given(&writer, PROTOCOL, said->protocols[i]);
    write_given(&writer, OBSERVED_ADDRESS, said->observed);
    write_given(&writer, PROTOCOL_VERSION, said->version);
    write_given(&writer, AGENT_VERSION, said->agent);
    enum hf_status status = hf_protobuf_finish(&writer, &message);
    if (status != HF_OK)
        return status;
    size_t prefix = hf_varint_size(message.size);
    if (prefix + message.size > size_max)
        return HF_FULL;
    hf_varint_write(message.size, out);
    memcpy(out + prefix, message.data, message.size);
    *written = hf_bytes(out, prefix + message.size);
    return HF_OK;
}

static uint8_t take_byte(struct hf_bytes *data)
{
    uint8_t byte = *(const uint8_t *)data->data;
    *data = hf_bytes((const uint8_t *)data->data + 1, data->size - 1);
    return byte;
}

/* One more byte of a part's length. */
static enum hf_status gather_prefix(struct hf_identify_reader *reader, uint8_t byte)
{
    reader->prefix[reader->prefix_size++] = byte;
    struct hf_bytes prefix = hf_bytes(reader->prefix, reader->prefix_size);
    uint64_t size;
    enum hf_status status = hf_varint_take(&prefix, &size);
    if (status == HF_AGAIN)
        return reader->prefix_size < sizeof reader->prefix ? HF_OK : HF_FULL;
    if (status != HF_OK)
        return status;
    size_t room = sizeof reader->bytes - reader->size;
    if (size > HF_IDENTIFY_PART_BYTES_MAX || size > room || reader->parts == HF_IDENTIFY_PARTS_MAX)
        return HF_FULL;
    reader->prefix_size = 0;
    reader->part_left = (size_t)size;
    reader->parts++;
    return HF_OK;
}

enum hf_status hf_identify_gather(struct hf_identify_reader *reader, struct hf_bytes data)
{
    while (data.size > 0) {
        if (reader->part_left == 0) {
            enum hf_status status = gather_prefix(reader, take_byte(&data));
            if (status != HF_OK)
                return status;
            continue;
        }
        size_t size = hf_min(reader->part_left, data.size);
        memcpy(reader->bytes + reader->size, data.data, size);
        reader->size += size;
        reader->part_left -= size;
        data = hf_bytes((const uint8_t *)data.data + size, data.size - size);
    }
    return HF_OK;
}

static void add(struct hf_bytes *list, size_t *count, size_t most, struct hf_bytes bytes)
{
    if (*count < most)
        list[(*count)++] = bytes;
}

static void take_field(struct hf_identify *said, const struct hf_protobuf_field *field)
{
    if (field->type != HF_PROTOBUF_BYTES)
        return;
    switch (field->number) {
    case PUBLIC_KEY:
        said->public_key = field->bytes;
        break;
    case LISTEN_ADDRESS:
        add(said->addresses, &said->addresses_count, HF_IDENTIFY_ADDRESSES_MAX, field->bytes);
        break;
    case PROTOCOL:
        add(said->protocols, &said->protocols_count, HF_IDENTIFY_PROTOCOLS_MAX, field->bytes);
        break;
    case OBSERVED_ADDRESS:
        said->observed = field->bytes;
        break;
    case PROTOCOL_VERSION:
        said->version = field->bytes;
        break;
    case AGENT_VERSION:
        said->agent = field->bytes;
        break;
    default:
        break;
    }
}

enum hf_status hf_identify_read(const struct hf_identify_reader *reader, struct hf_identify *said)
{
    if (reader->part_left > 0 || reader->prefix_size > 0 || reader->parts == 0)
        return HF_MALFORMED;
    struct hf_protobuf_reader fields =
        hf_protobuf_reader(hf_bytes(reader->bytes, reader->size), HF_IDENTIFY_FIELDS_MAX);
    struct hf_protobuf_field field;
    memset(said, 0, sizeof *said);
    while (hf_protobuf_next(&fields, &field))
        take_field(said, &field);
    return fields.status == HF_OK ? HF_OK : HF_MALFORMED;
}
