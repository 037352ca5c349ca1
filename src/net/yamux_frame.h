/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_YAMUX_FRAME_H
#define HF_NET_YAMUX_FRAME_H

#include <stdint.h>

/*
 * The twelve bytes before each yamux frame, big-endian (libp2p/specs, yamux/README.md, "Framing"):
 *
 *     version:8 | type:8 | flags:16 | stream:32 | length:32
 *
 * length is a payload's size for data, a credit for a window update, an opaque value for a ping, a
 * code for a go-away.
 */
#define HF_YAMUX_HEADER_BYTES 12
#define HF_YAMUX_VERSION 0

enum hf_yamux_type {
    HF_YAMUX_DATA = 0,
    HF_YAMUX_WINDOW_UPDATE = 1,
    HF_YAMUX_PING = 2,
    HF_YAMUX_GO_AWAY = 3,
};

#define HF_YAMUX_SYN 1U
#define HF_YAMUX_ACK 2U
#define HF_YAMUX_FIN 4U
#define HF_YAMUX_RST 8U
#define HF_YAMUX_FLAGS_ALL 15U

struct hf_yamux_frame {
    uint8_t version;
    uint8_t type;
    uint16_t flags;
    uint32_t stream;
    uint32_t length;
};

static inline uint32_t hf_yamux_load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void hf_yamux_store32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

static inline struct hf_yamux_frame hf_yamux_frame_parse(const uint8_t bytes[HF_YAMUX_HEADER_BYTES])
{
    struct hf_yamux_frame frame = {
        .version = bytes[0],
        .type = bytes[1],
        .flags = (uint16_t)(bytes[2] << 8 | bytes[3]),
        .stream = hf_yamux_load32(bytes + 4),
        .length = hf_yamux_load32(bytes + 8),
    };
    return frame;
}

static inline void hf_yamux_frame_write(struct hf_yamux_frame frame, uint8_t *bytes)
{
    bytes[0] = frame.version;
    bytes[1] = frame.type;
    bytes[2] = (uint8_t)(frame.flags >> 8);
    bytes[3] = (uint8_t)frame.flags;
    hf_yamux_store32(bytes + 4, frame.stream);
    hf_yamux_store32(bytes + 8, frame.length);
}

#endif
