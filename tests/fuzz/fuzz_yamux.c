/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "net/yamux_session.h"

/*
 * Whatever a peer says to a yamux session: raw bytes, or frames spelled out from a few bytes each,
 * so that the fuzzer soon gets past headers. The limits hold after every step.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool held)
{
    if (!held)
        abort();
}

static void check(const struct hf_yamux *session)
{
    uint32_t streams = 0;
    uint64_t grown = 0;
    for (size_t i = 0; i < HF_YAMUX_BUCKETS; i++) {
        for (const struct hf_yamux_stream *each = session->buckets[i]; each; each = each->next) {
            streams++;
            grown += each->window - HF_YAMUX_WINDOW_INITIAL;
            promise((uint64_t)each->receive_window + each->unread <= each->window);
            promise(each->window <= session->options.window_max);
        }
    }
    promise(streams == session->inbound + session->outbound);
    promise(session->inbound <= session->options.inbound_max);
    promise(grown == session->windows_grown && grown <= session->options.windows_total_max);
    promise(session->pongs_count <= HF_YAMUX_PONGS_MAX);
    promise(session->refusals_count <= HF_YAMUX_REFUSALS_MAX);
}

static void answer(const struct hf_yamux_event *event, uint64_t now_ns)
{
    uint8_t out[64];
    struct hf_bytes some = hf_bytes("some", 4);
    if (event->kind == HF_YAMUX_RECEIVED)
        hf_yamux_consumed(event->stream, (uint32_t)event->data.size, now_ns);
    if (event->kind == HF_YAMUX_OPENED && event->stream->id % 5 == 0)
        hf_yamux_release(event->stream);
    else if (event->kind == HF_YAMUX_OPENED || event->kind == HF_YAMUX_WRITABLE)
        (void)hf_yamux_write(event->stream, &some, out, sizeof out);
    if (event->kind == HF_YAMUX_FINISHED)
        hf_yamux_finish(event->stream);
    if (event->kind == HF_YAMUX_RESET)
        hf_yamux_release(event->stream);
}

/* False: the session is over. */
static bool feed(struct hf_yamux *session, const uint8_t *data, size_t size, uint64_t now_ns)
{
    struct hf_bytes bytes = hf_bytes(data, size);
    struct hf_yamux_event event;
    do {
        size_t before = bytes.size;
        if (hf_yamux_feed(session, &bytes, now_ns, &event, NULL) != HF_OK)
            return false;
        promise(bytes.size <= before && event.data.size <= before);
        answer(&event, now_ns);
        check(session);
    } while (event.kind != HF_YAMUX_NOTHING);
    promise(bytes.size == 0);
    return true;
}

/* Eight bytes of input for a frame: its fields small, as those of real ones are. */
static bool feed_frame(struct hf_yamux *session, const uint8_t *spelled, uint64_t now_ns)
{
    static uint8_t frame[HF_YAMUX_HEADER_BYTES + 65536];
    uint32_t length = (uint32_t)spelled[4] << (spelled[5] % 25);
    struct hf_yamux_frame header = {spelled[6] == 255, spelled[0] % 5, spelled[1] % 17,
        spelled[2] | (uint32_t)(spelled[3] & 1) << 8, length};
    hf_yamux_frame_write(header, frame);
    size_t payload = header.type == HF_YAMUX_DATA && length <= 65536 ? length : 0;
    return feed(session, frame, HF_YAMUX_HEADER_BYTES + payload, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t step = 8;
    if (size < 2)
        return 0;
    struct hf_yamux_options options = {.dialer = data[0] & 1, .inbound_max = 20};
    struct hf_yamux *session;
    struct hf_yamux_stream *own;
    uint64_t now_ns = 1;
    uint8_t out[600];
    promise(hf_yamux_new(&session, &options, now_ns, NULL) == HF_OK);
    promise(hf_yamux_open(session, &own) == HF_OK);
    bool spelled = data[0] & 2;
    size_t piece = data[1] + (size_t)1;
    bool going = true;
    data += 2, size -= 2;
    while (going && size >= (spelled ? step : 1)) {
        size_t taken = spelled ? step : (piece < size ? piece : size);
        going = spelled ? feed_frame(session, data, now_ns) : feed(session, data, taken, now_ns);
        if (data[0] & 4)
            promise(hf_yamux_drain(session, now_ns, out, sizeof out) <= sizeof out);
        now_ns += data[0] * UINT64_C(1000003);
        data += taken, size -= taken;
    }
    hf_yamux_free(session);
    return 0;
}
