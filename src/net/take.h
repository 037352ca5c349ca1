/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_TAKE_H
#define HF_NET_TAKE_H

#include <stdbool.h>

#include <holdfast/api.h>

/* Takes size bytes from the front of bytes; false, and nothing happens, if there are fewer. */
static inline bool hf_take(struct hf_bytes *bytes, size_t size, struct hf_bytes *front)
{
    if (bytes->size < size)
        return false;
    *front = hf_bytes(bytes->data, size);
    if (size > 0)
        *bytes = hf_bytes((const uint8_t *)bytes->data + size, bytes->size - size);
    return true;
}

#endif
