/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "net/multistream.h"

/*
 * Whatever a peer says where protocols are negotiated. The first byte tells who is asked and how
 * the rest arrives: what comes of it may not depend on that.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct hf_bytes names[] = {NAME("/a"), NAME("/noise"), NAME("na/"), NAME("/yamux/1")};

struct outcome {
    struct hf_multistream select;
    enum hf_status status;
    size_t taken;
    uint8_t sent[16 * HF_MULTISTREAM_WRITE_BYTES_MAX];
    size_t sent_bytes;
};

static void write_all(struct outcome *outcome)
{
    promise(sizeof(outcome->sent) - outcome->sent_bytes >= HF_MULTISTREAM_WRITE_BYTES_MAX);
    outcome->sent_bytes += hf_multistream_write(
        &outcome->select, outcome->sent + outcome->sent_bytes, HF_MULTISTREAM_WRITE_BYTES_MAX);
}

/* Shows so much of the input, in memory that ends there. */
static void show(struct outcome *outcome, const uint8_t *data, size_t size)
{
    size_t taken = 1;
    while (outcome->status == HF_AGAIN && taken > 0) {
        size_t left = size - outcome->taken;
        uint8_t *exact = malloc(left + 1);
        promise(exact != NULL);
        memcpy(exact + 1, data + outcome->taken, left);
        outcome->status = hf_multistream_receive(&outcome->select, exact + 1, left, &taken);
        free(exact);
        promise(taken <= left);
        outcome->taken += taken;
        write_all(outcome);
    }
}

static void negotiate(
    struct outcome *outcome, uint8_t how, const uint8_t *data, size_t size, size_t step)
{
    bool dialer = how & 1;
    size_t count = (how >> 1 & 3) + (size_t)1;
    *outcome = (struct outcome){.status = HF_AGAIN};
    promise(hf_multistream_init(&outcome->select, dialer, names, count) == HF_OK);
    write_all(outcome);
    for (size_t shown = step; shown < size; shown += step)
        show(outcome, data, shown);
    show(outcome, data, size);
}

/* What was agreed on is the line that was taken last. */
static void check_agreed(const struct outcome *outcome, const uint8_t *data)
{
    struct hf_bytes name = names[outcome->select.agreed];
    promise(outcome->select.agreed < outcome->select.count);
    promise(outcome->taken > name.size + 1);
    const uint8_t *line = data + outcome->taken - name.size - 1;
    promise(memcmp(line, name.data, name.size) == 0 && line[name.size] == '\n');
    promise(line[-1] == name.size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole;
    static struct outcome pieces;
    if (size == 0)
        return 0;
    uint8_t how = data[0];
    data++, size--;
    negotiate(&whole, how, data, size, SIZE_MAX / 2);
    negotiate(&pieces, how, data, size, (how >> 3) + (size_t)1);
    promise(whole.status == pieces.status && whole.taken == pieces.taken);
    promise(whole.select.agreed == pieces.select.agreed);
    promise(whole.select.proposals <= HF_MULTISTREAM_PROPOSALS_MAX);
    bool failed = whole.status != HF_OK && whole.status != HF_AGAIN;
    promise(failed == (hf_multistream_reason(&whole.select)[0] != '\0'));
    if (whole.status == HF_OK)
        check_agreed(&whole, data);
    if (failed)
        return 0;
    promise(whole.sent_bytes == pieces.sent_bytes);
    promise(memcmp(whole.sent, pieces.sent, whole.sent_bytes) == 0);
    return 0;
}
