/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_RAW_PEER_H
#define HF_TESTS_NET_RAW_PEER_H

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <holdfast/identity.h>
#include <holdfast/multiaddr.h>

#include "net/noise.h"
#include "net/yamux_frame.h"

/*
 * A peer by hand over a blocking socket: it gets through the handshake as it ought to, and then
 * sends whatever frames of yamux a test spells out. Writing ends quietly once the node has closed.
 */
struct raw_peer {
    int socket;
    struct hf_identity identity;
    struct hf_noise_credentials credentials;
    struct hf_noise noise;
    uint8_t frame[65536]; /* Of what is to be sealed, */
    size_t frame_size;
    uint8_t in[65537]; /* and of what has been received. */
};

static inline int raw_connect(const struct hf_multiaddr *address)
{
    struct hf_multiaddr_target target;
    struct sockaddr_in to = {.sin_family = AF_INET};
    assert_int_equal(hf_multiaddr_target(address, &target, NULL), HF_OK);
    memcpy(&to.sin_addr, target.ip.bytes, sizeof to.sin_addr);
    to.sin_port = htons(target.port);
    int made = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(made >= 0);
    assert_int_equal(connect(made, (struct sockaddr *)&to, sizeof to), 0);
    return made;
}

/* False: the other side has closed. */
static inline bool raw_send(int socket, const void *bytes, size_t size)
{
    const uint8_t *each = bytes;
    while (size > 0) {
        ssize_t sent = send(socket, each, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        each += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline bool raw_receive(int socket, void *bytes, size_t size)
{
    uint8_t *each = bytes;
    while (size > 0) {
        ssize_t got = recv(socket, each, size, 0);
        if (got <= 0)
            return false;
        each += got;
        size -= (size_t)got;
    }
    return true;
}

/* The next sealed frame's text, in place. Size 0: the other side has closed. */
static inline struct hf_bytes raw_next(struct raw_peer *peer)
{
    struct hf_noise_frame frame;
    if (!raw_receive(peer->socket, peer->in, 2))
        return hf_bytes(NULL, 0);
    size_t size = (size_t)peer->in[0] << 8 | peer->in[1];
    if (!raw_receive(peer->socket, peer->in + 2, size))
        return hf_bytes(NULL, 0);
    assert_int_equal(hf_noise_receive(&peer->noise, peer->in, 2 + size, &frame), HF_OK);
    return frame.data;
}

static inline void raw_handshake(struct raw_peer *peer)
{
    static const char lines[] = "\x13/multistream/1.0.0\n\x07/noise\n";
    uint8_t greeting[HF_NOISE_GREETING_BYTES_MAX];
    uint8_t answer[sizeof lines - 1];
    size_t size;
    assert_true(raw_send(peer->socket, lines, sizeof lines - 1));
    assert_int_equal(hf_noise_handshake(&peer->noise, greeting, &size), HF_OK);
    assert_true(raw_send(peer->socket, greeting, size));
    assert_true(raw_receive(peer->socket, answer, sizeof answer));
    assert_memory_equal(answer, lines, sizeof answer);
    (void)raw_next(peer);
    assert_int_equal(hf_noise_handshake(&peer->noise, greeting, &size), HF_OK);
    assert_true(raw_send(peer->socket, greeting, size));
    assert_non_null(hf_noise_peer(&peer->noise));
}

static inline void raw_begin(
    struct raw_peer *peer, const struct hf_multiaddr *address, uint8_t number)
{
    static const struct hf_bytes muxer = {"/yamux/1.0.0", 12};
    uint8_t seed[32];
    uint8_t ephemeral[32];
    memset(peer, 0, sizeof *peer);
    memset(seed, number, sizeof seed);
    memset(ephemeral, number + 100, sizeof ephemeral);
    assert_int_equal(hf_identity_from_seed(&peer->identity, hf_bytes(seed, 32), NULL), HF_OK);
    struct hf_noise_credentials_options own = {&peer->identity, seed, &muxer, 1};
    assert_int_equal(hf_noise_credentials_init(&peer->credentials, &own), HF_OK);
    struct hf_noise_options options = {true, &peer->credentials, NULL};
    assert_int_equal(hf_noise_init(&peer->noise, &options, ephemeral), HF_OK);
    peer->socket = raw_connect(address);
    raw_handshake(peer);
}

static inline void raw_end(struct raw_peer *peer)
{
    close(peer->socket);
    hf_noise_fini(&peer->noise);
    hf_noise_credentials_fini(&peer->credentials);
    hf_identity_fini(&peer->identity);
}

/* Seals and sends what has been put together. False: the other side has closed. */
static inline bool raw_flush(struct raw_peer *peer)
{
    static uint8_t out[65537];
    struct hf_bytes text = hf_bytes(peer->frame, peer->frame_size);
    size_t size;
    if (text.size == 0)
        return true;
    peer->frame_size = 0;
    assert_int_equal(hf_noise_seal(&peer->noise, &text, 1, out, &size), HF_OK);
    return raw_send(peer->socket, out, size);
}

/* Puts a frame of yamux behind the others. `payload` may be NULL: zeros. */
static inline bool raw_put(struct raw_peer *peer, uint8_t type, uint16_t flags, uint32_t stream,
    uint32_t length, const void *payload)
{
    size_t size = HF_YAMUX_HEADER_BYTES + (type == HF_YAMUX_DATA ? length : 0);
    assert_true(size <= 65000);
    if (peer->frame_size + size > 65000 && !raw_flush(peer))
        return false;
    struct hf_yamux_frame frame = {HF_YAMUX_VERSION, type, flags, stream, length};
    uint8_t *out = peer->frame + peer->frame_size;
    hf_yamux_frame_write(frame, out);
    if (payload)
        memcpy(out + HF_YAMUX_HEADER_BYTES, payload, size - HF_YAMUX_HEADER_BYTES);
    else
        memset(out + HF_YAMUX_HEADER_BYTES, 0, size - HF_YAMUX_HEADER_BYTES);
    peer->frame_size += size;
    return true;
}

#endif
