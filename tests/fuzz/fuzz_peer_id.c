/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/peer_id.h>

#include "net/key.h"

/* Whatever text or bytes are said to be a peer: its three forms are one id. And keys: each has one.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
    if (!good)
        abort();
}

static void check_forms(const struct hf_peer_id *id)
{
    struct hf_peer_id again;
    char text[HF_PEER_ID_CID_BYTES];
    demand(hf_peer_id_decode(hf_peer_id_bytes(id), &again, NULL) == HF_OK);
    demand(hf_peer_id_equals(id, &again));
    size_t size = hf_peer_id_write(id, text, sizeof(text));
    demand(size < HF_PEER_ID_TEXT_BYTES);
    demand(hf_peer_id_parse(hf_bytes(text, size), &again, NULL) == HF_OK);
    demand(hf_peer_id_equals(id, &again));
    size = hf_peer_id_write_cid(id, text, sizeof(text));
    demand(size < HF_PEER_ID_CID_BYTES);
    demand(hf_peer_id_parse(hf_bytes(text, size), &again, NULL) == HF_OK);
    demand(hf_peer_id_equals(id, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_peer_id id;
    struct hf_error error = {0};
    if (hf_peer_id_parse(hf_bytes(data, size), &id, &error) == HF_OK)
        check_forms(&id);
    if (hf_peer_id_decode(hf_bytes(data, size), &id, &error) == HF_OK)
        check_forms(&id);
    if (hf_peer_id_of_key(hf_bytes(data, size), &id, &error) == HF_OK)
        check_forms(&id);
    struct hf_private_key key;
    uint8_t again[HF_ED25519_PRIVATE_BYTES];
    if (hf_key_read_private(hf_bytes(data, size), &key) == HF_OK) {
        hf_key_write_private(&key, again);
        demand(hf_key_read_private(hf_bytes(again, sizeof(again)), &key) == HF_OK);
        demand(size != sizeof(again) || memcmp(again, data, size) == 0);
    }
    return 0;
}
