/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_PROTOBUF_H
#define HF_NET_PROTOBUF_H

#include <stdbool.h>

#include <holdfast/status.h>

/*
 * The wire format of Protocol Buffers (protobuf.dev, "Encoding"), as much of it as libp2p's
 * messages use: no schema, no groups, no packed lists. Nothing is copied, nothing allocated. Pure;
 * a reader or writer belongs to one thread.
 *
 * Stricter than the format: the varints of tags and lengths must be in the shortest form.
 */

/* Fields are numbered from 1 on. */
#define HF_PROTOBUF_NUMBER_MAX ((1u << 29) - 1)

enum hf_protobuf_type {
    HF_PROTOBUF_VARINT = 0,
    HF_PROTOBUF_FIXED64 = 1,
    HF_PROTOBUF_BYTES = 2, /* Bytes, text or a message. */
    HF_PROTOBUF_FIXED32 = 5,
};

struct hf_protobuf_field {
    uint32_t number;
    enum hf_protobuf_type type;
    uint64_t value;        /* Of a varint. */
    struct hf_bytes bytes; /* Of bytes, and the 8 or 4 of a fixed one; borrowed from the message. */
};

/*
 * Goes through a whole message:
 *
 *     struct hf_protobuf_reader reader = hf_protobuf_reader(message, FIELDS_MAX);
 *     struct hf_protobuf_field field;
 *     while (hf_protobuf_next(&reader, &field))
 *         ...what is of a known number and type; others are skipped by doing nothing
 *     return reader.status;
 *
 * What has been read is only worth something once the status at the end is HF_OK.
 */
struct hf_protobuf_reader {
    struct hf_bytes rest;
    size_t fields_left;
    enum hf_status status; /* HF_MALFORMED: no message; HF_FULL: more fields than were allowed. */
};

/* A reader of message that takes at most fields_max fields, repeated and unknown ones included. */
struct hf_protobuf_reader hf_protobuf_reader(struct hf_bytes message, size_t fields_max);

/* The next field. False at the end of the message or of what can be read of it: see status. */
bool hf_protobuf_next(struct hf_protobuf_reader *reader, struct hf_protobuf_field *field);

/* Whether field is bytes of that number: all that libp2p's messages are mostly made of. */
static inline bool hf_protobuf_is_bytes(const struct hf_protobuf_field *field, uint32_t number)
{
    return field->number == number && field->type == HF_PROTOBUF_BYTES;
}

/*
 * Writes a message into the caller's buffer; what has no room left is only counted:
 *
 *     struct hf_protobuf_writer writer = {.out = buffer, .size_max = sizeof(buffer)};
 *     hf_protobuf_write_bytes(&writer, 1, key);
 *     status = hf_protobuf_finish(&writer, &message);
 */
struct hf_protobuf_writer {
    uint8_t *out;
    size_t size_max;
    size_t size; /* Of all that was written, had it room or not. */
};

/* number from 1 to HF_PROTOBUF_NUMBER_MAX, value at most HF_VARINT_MAX (both asserted). */
void hf_protobuf_write_varint(struct hf_protobuf_writer *writer, uint32_t number, uint64_t value);

/* The bytes are copied; they may be none. */
void hf_protobuf_write_bytes(
    struct hf_protobuf_writer *writer, uint32_t number, struct hf_bytes bytes);

/* The message, borrowed from the buffer. HF_FULL: it has no room there, and *message stays. */
HF_MUST_USE enum hf_status hf_protobuf_finish(
    const struct hf_protobuf_writer *writer, struct hf_bytes *message);

#endif
