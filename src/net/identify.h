/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_IDENTIFY_H
#define HF_NET_IDENTIFY_H

#include <holdfast/error.h>

/*
 * What peers tell each other about themselves (libp2p/specs, identify/README.md, "Overview" and
 * "The Identify Message"): messages of protobuf behind their length, the writer ends its side after
 * them. Pure; nothing is allocated.
 *
 * Fields beyond those below are skipped, a signed peer record among them. Addresses are as they
 * came: whoever uses one parses it, and drops it alone if it is of an unknown kind.
 *
 * Limits: our message is at most HF_IDENTIFY_OWN_BYTES_MAX, since some read no more; a peer's are
 * at most HF_IDENTIFY_PARTS_MAX of HF_IDENTIFY_PART_BYTES_MAX each and HF_IDENTIFY_BYTES_MAX
 * together. Of a peer's protocols and addresses, the first HF_IDENTIFY_..._MAX are taken.
 */
#define HF_IDENTIFY_PROTOCOL "/ipfs/id/1.0.0"
#define HF_IDENTIFY_PUSH_PROTOCOL "/ipfs/id/push/1.0.0"
#define HF_IDENTIFY_OWN_BYTES_MAX 2048
#define HF_IDENTIFY_PARTS_MAX 10
#define HF_IDENTIFY_PART_BYTES_MAX 8192
#define HF_IDENTIFY_BYTES_MAX 16384
#define HF_IDENTIFY_PROTOCOLS_MAX 256
#define HF_IDENTIFY_ADDRESSES_MAX 64
#define HF_IDENTIFY_FIELDS_MAX 2048

/* What a message says. Whatever it does not say has no bytes. */
struct hf_identify {
    struct hf_bytes public_key; /* A key message. */
    struct hf_bytes observed;   /* The address at which the writer sees the reader. */
    struct hf_bytes version;    /* Of the protocol family, such as "ipfs/0.1.0". */
    struct hf_bytes agent;      /* Such as "holdfast/0.1.0". */
    struct hf_bytes protocols[HF_IDENTIFY_PROTOCOLS_MAX];
    size_t protocols_count;
    struct hf_bytes addresses[HF_IDENTIFY_ADDRESSES_MAX];
    size_t addresses_count;
};

/*
 * Writes a message with its length in front of it. HF_FULL: it does not fit size_max, or is above
 * HF_IDENTIFY_OWN_BYTES_MAX.
 */
HF_MUST_USE enum hf_status hf_identify_write(
    const struct hf_identify *said, uint8_t *out, size_t size_max, struct hf_bytes *written);

/*
 * Gathers a peer's messages while they come, and leaves out their lengths: what is left reads as
 * one message in which later fields override or add to earlier ones.
 */
struct hf_identify_reader {
    uint8_t bytes[HF_IDENTIFY_BYTES_MAX];
    size_t size;
    size_t part_left; /* Bytes of the present part that are still to come. */
    uint32_t parts;
    uint8_t prefix[2]; /* Of a length, until it is whole: 8192 takes two bytes. */
    uint8_t prefix_size;
};

/* Takes all of data. HF_MALFORMED: a length that is none; HF_FULL: beyond a limit. */
HF_MUST_USE enum hf_status hf_identify_gather(
    struct hf_identify_reader *reader, struct hf_bytes data);

/*
 * Reads what was gathered once the peer has ended its side. *said borrows from the reader.
 * HF_MALFORMED: the last part is cut off, nothing was said at all, or it is no protobuf.
 */
HF_MUST_USE enum hf_status hf_identify_read(
    const struct hf_identify_reader *reader, struct hf_identify *said);

#endif
