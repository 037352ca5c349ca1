/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "net/protobuf.h"

/* Whatever bytes a message is of: what was read lies in them, and written again reads the same. */

#define FIELDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
    if (!good)
        abort();
}

static bool same(const struct hf_protobuf_field *a, const struct hf_protobuf_field *b)
{
    return a->number == b->number && a->type == b->type && a->value == b->value &&
           a->bytes.size == b->bytes.size &&
           (a->bytes.size == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[4096];
    struct hf_protobuf_writer writer = {.out = again, .size_max = sizeof(again)};
    struct hf_protobuf_reader reader = hf_protobuf_reader(hf_bytes(data, size), FIELDS_MAX);
    struct hf_protobuf_field fields[FIELDS_MAX];
    struct hf_protobuf_field field;
    size_t count = 0;
    while (hf_protobuf_next(&reader, &field)) {
        const uint8_t *bytes = field.bytes.data;
        demand(field.bytes.size <= size);
        demand(field.bytes.size == 0 || (bytes > data && bytes + field.bytes.size <= data + size));
        if (field.type == HF_PROTOBUF_BYTES)
            hf_protobuf_write_bytes(&writer, field.number, field.bytes);
        else if (field.type == HF_PROTOBUF_VARINT && field.value <= INT64_MAX)
            hf_protobuf_write_varint(&writer, field.number, field.value);
        else
            continue;
        fields[count++] = field;
    }
    struct hf_bytes message;
    if (hf_protobuf_finish(&writer, &message) != HF_OK)
        return 0;
    reader = hf_protobuf_reader(message, count);
    for (size_t i = 0; i < count; i++)
        demand(hf_protobuf_next(&reader, &field) && same(&field, &fields[i]));
    demand(!hf_protobuf_next(&reader, &field) && reader.status == HF_OK);
    return 0;
}
