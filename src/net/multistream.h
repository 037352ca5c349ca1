/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_MULTISTREAM_H
#define HF_NET_MULTISTREAM_H

#include <stdbool.h>

#include <holdfast/status.h>

/*
 * multistream-select: how two sides agree on what to speak over a connection or a stream
 * (libp2p/specs, connections/README.md, "multistream-select"; multiformats/multistream-select,
 * README.md). Lines with their length before them: a header each way, then proposals of the dialer,
 * each of which the listener repeats, or answers by "na". Bytes in, bytes out; nothing allocated.
 *
 *     hf_multistream_init(&select, true, names, count)
 *     loop:
 *         size = hf_multistream_write(&select, out, sizeof(out))      // to be sent, if any
 *         status = hf_multistream_receive(&select, bytes, size, &taken)
 *         drop `taken` bytes from the front; then
 *         HF_OK:     after a last write, speak names[select.agreed]: all that is left is its own
 *         HF_AGAIN:  write; then, or with more bytes, come back, the rest in front
 *         else:      close; hf_multistream_reason says why
 *
 * It stops right behind the line that decides, since a peer that expects to be understood sends on
 * without waiting. So may a dialer of one name (hf_multistream_may_go_on): it then has the answer
 * read when it comes, and resets the stream should it be a refusal. It should do that on streams
 * only, where the peer is known to speak the protocol.
 *
 * Limits: lines of HF_MULTISTREAM_LINE_BYTES_MAX with their ends, lengths in the shortest form of
 * at most two bytes, HF_MULTISTREAM_PROPOSALS_MAX proposals (what follows a refused proposal may be
 * bytes of a protocol that only look like the next one). "ls" counts as one and is answered "na",
 * as is any name that is not spoken here. How long it may take is the caller's to watch.
 * Not thread-safe. Cost: names are compared one by one.
 */
#define HF_MULTISTREAM_LINE_BYTES_MAX 1024
#define HF_MULTISTREAM_PROPOSALS_MAX 8
#define HF_MULTISTREAM_NAMES_MAX 256
#define HF_MULTISTREAM_WRITE_BYTES_MAX 1152 /* Room enough for any write. */

enum hf_multistream_state {
    HF_MULTISTREAM_HEADER, /* The peer's header comes next, */
    HF_MULTISTREAM_LINES,  /* or proposals or answers do. */
    HF_MULTISTREAM_AGREED,
    HF_MULTISTREAM_FAILED,
};

/* Caller-allocated. Fields are private but agreed. */
struct hf_multistream {
    const struct hf_bytes *names;
    size_t count;
    size_t agreed; /* Index of the name, after HF_OK. For a dialer, until then, of its proposal. */
    const char *reason;
    enum hf_multistream_state state;
    bool dialer;
    bool owes_header;
    bool owes_name; /* The one at agreed. */
    unsigned owes_refusals;
    unsigned proposals; /* Of the dialer, here or there. */
};

/*
 * Starts. names: what is spoken here, without line ends; a dialer proposes them in this order, at
 * most the first HF_MULTISTREAM_PROPOSALS_MAX. They are borrowed, array and all, until it is
 * decided. HF_INVALID: more than HF_MULTISTREAM_NAMES_MAX of them, none for a dialer, or one that
 * is no line.
 */
HF_MUST_USE enum hf_status hf_multistream_init(
    struct hf_multistream *select, bool dialer, const struct hf_bytes *names, size_t count);

/*
 * Writes all that is to be sent now, and returns its size; 0 if that is nothing. A dialer's header
 * and first proposal come as one. Where size_bytes is less than HF_MULTISTREAM_WRITE_BYTES_MAX, and
 * too little, nothing is written and it is kept: 0.
 */
size_t hf_multistream_write(struct hf_multistream *select, uint8_t *out, size_t size_bytes);

/* Whether bytes of the protocol may be sent behind what was written, before an answer came. */
bool hf_multistream_may_go_on(const struct hf_multistream *select);

/*
 * Takes whole lines from the front of the bytes received so far, up to the one that decides, and
 * sets *taken to the bytes that are done with, whatever is returned. HF_OK: agreed, and what is
 * left is not ours. HF_AGAIN: no line is whole any more, or a dialer has something to write before
 * it could be answered. HF_NOT_FOUND: the listener refused all names. HF_FULL: the dialer made too
 * many proposals. HF_MALFORMED: no lines of this protocol. HF_CLOSED: it had ended before.
 */
HF_MUST_USE enum hf_status hf_multistream_receive(
    struct hf_multistream *select, const uint8_t *bytes, size_t size_bytes, size_t *taken);

/* Why it failed: a static text, "" if it did not. */
const char *hf_multistream_reason(const struct hf_multistream *select);

#endif
