/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/identify.h"

/* What a peer tells about itself; in pieces it must read as it does whole. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

static bool within(struct hf_bytes bytes, const struct hf_identify_reader *reader)
{
    const uint8_t *start = bytes.data;
    return bytes.size == 0 ||
           (start >= reader->bytes && start + bytes.size <= reader->bytes + reader->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hf_identify_reader whole, split;
    static struct hf_identify said;
    memset(&whole, 0, sizeof whole);
    memset(&split, 0, sizeof split);
    enum hf_status status = hf_identify_gather(&whole, hf_bytes(data, size));
    enum hf_status last = HF_OK;
    for (size_t i = 0; i < size && last == HF_OK; i++)
        last = hf_identify_gather(&split, hf_bytes(data + i, 1));
    promise(last == status);
    promise(whole.size == split.size && memcmp(whole.bytes, split.bytes, whole.size) == 0);
    if (status != HF_OK || hf_identify_read(&whole, &said) != HF_OK)
        return 0;
    promise(said.protocols_count <= HF_IDENTIFY_PROTOCOLS_MAX);
    promise(said.addresses_count <= HF_IDENTIFY_ADDRESSES_MAX);
    for (size_t i = 0; i < said.protocols_count; i++)
        promise(within(said.protocols[i], &whole));
    for (size_t i = 0; i < said.addresses_count; i++)
        promise(within(said.addresses[i], &whole));
    promise(within(said.public_key, &whole) && within(said.agent, &whole));
    return 0;
}
