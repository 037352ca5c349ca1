/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <holdfast/identity.h>
#include <holdfast/net.h>

/*
 * A file with whatever in it in place of an identity: what loads is what the message alone says,
 * can be written again, and signs. The file is one of memory's.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

static enum hf_status load(struct hf_identity *identity, const uint8_t *data, size_t size)
{
    char path[64];
    int file = memfd_create("identity", 0);
    promise(file >= 0 && fchmod(file, 0600) == 0);
    promise(write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    enum hf_status status = hf_identity_load(identity, path, NULL);
    close(file);
    return status;
}

static void check(const struct hf_identity *identity)
{
    uint8_t message[HF_IDENTITY_PRIVATE_BYTES];
    uint8_t signature[HF_IDENTITY_SIGNATURE_BYTES];
    struct hf_identity again;
    promise(hf_identity_write_private(identity, message) == HF_OK);
    promise(hf_identity_decode(&again, hf_bytes(message, sizeof message), NULL) == HF_OK);
    promise(hf_peer_id_equals(&again.id, &identity->id));
    promise(hf_identity_sign(&again, hf_bytes(message, 1), signature) == HF_OK);
    hf_identity_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_identity decoded = {.id.size = 0};
    struct hf_identity loaded = {.id.size = 0};
    enum hf_status status = hf_identity_decode(&decoded, hf_bytes(data, size), NULL);
    enum hf_status found = load(&loaded, data, size);
    /* Of a long one no more is read than shows that it is too long. */
    promise(found == status || (size > 100 && status != HF_OK && found != HF_OK));
    if (status != HF_OK)
        return 0;
    promise(hf_peer_id_equals(&decoded.id, &loaded.id));
    check(&decoded);
    hf_identity_fini(&decoded);
    hf_identity_fini(&loaded);
    return 0;
}
