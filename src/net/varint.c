/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "net/take.h"
#include "net/varint.h"

#define MORE 0x80u
#define BITS 7

/* A last byte of zero adds nothing to the value: the same without it is the shortest form. */
enum hf_status hf_varint_take(struct hf_bytes *bytes, uint64_t *value)
{
    const uint8_t *data = bytes->data;
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes->size; i++) {
        sum |= (uint64_t)(data[i] & ~MORE) << (BITS * i);
        if (!(data[i] & MORE)) {
            if (data[i] == 0 && i > 0)
                return HF_MALFORMED;
            *value = sum;
            *bytes = hf_bytes(data + i + 1, bytes->size - i - 1);
            return HF_OK;
        }
        if (i + 1 == HF_VARINT_BYTES_MAX)
            return HF_MALFORMED;
    }
    return HF_AGAIN;
}

enum hf_status hf_varint_take_prefixed(
    struct hf_bytes *bytes, size_t size_max, struct hf_bytes *content)
{
    struct hf_bytes rest = *bytes;
    uint64_t size;
    enum hf_status status = hf_varint_take(&rest, &size);
    if (status != HF_OK)
        return status;
    if (size > size_max)
        return HF_MALFORMED;
    if (!hf_take(&rest, (size_t)size, content))
        return HF_AGAIN;
    *bytes = rest;
    return HF_OK;
}

size_t hf_varint_size(uint64_t value)
{
    assert(value <= HF_VARINT_MAX);
    size_t size = 1;
    for (; value >= MORE; value >>= BITS)
        size++;
    return size;
}

size_t hf_varint_write(uint64_t value, uint8_t *out)
{
    assert(value <= HF_VARINT_MAX);
    size_t size = 0;
    for (; value >= MORE; value >>= BITS)
        out[size++] = (uint8_t)(value | MORE);
    out[size++] = (uint8_t)value;
    return size;
}
