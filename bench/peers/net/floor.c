/* SPDX-License-Identifier: MIT */

/*
 * The least that a peer has to do: bytes over plain TCP, and what the cryptography of a handshake
 * and of frames needs. ../../net_peers.sh says what a peer is asked.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "answer.h"

#define CHUNK_BYTES (512 * 1024) /* Smaller and larger ones are slower. */
#define FRAME_BYTES_MAX 65519
#define MESSAGE_BYTES 32
#define TRIPS_MAX 100000
#define KEY_BYTES 32
#define TAG_BYTES 16
#define SIGNATURE_BYTES 64

/* A connection begins with how many bytes its dialler wants; this many: each message back; and this
 * many: one as long as those of a handshake. */
#define ECHO UINT64_MAX
#define GREETING (UINT64_MAX - 1)
#define GREETING_BYTES 256

static bool write_all(int socket, const void *bytes, size_t size)
{
    for (size_t written = 0; written < size;) {
        ssize_t part = write(socket, (const char *)bytes + written, size - written);
        if (part <= 0)
            return false;
        written += (size_t)part;
    }
    return true;
}

static bool read_all(int socket, void *bytes, size_t size)
{
    return recv(socket, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static bool write_any(int socket, uint64_t size)
{
    static const uint8_t any[CHUNK_BYTES] = {1};
    for (uint64_t left = size; left > 0;) {
        size_t part = left < sizeof any ? (size_t)left : sizeof any;
        if (!write_all(socket, any, part))
            return false;
        left -= part;
    }
    return shutdown(socket, SHUT_WR) == 0;
}

static uint64_t read_to_end(int socket)
{
    static uint8_t bytes[CHUNK_BYTES];
    uint64_t size = 0;
    ssize_t part;
    while ((part = read(socket, bytes, sizeof bytes)) > 0)
        size += (uint64_t)part;
    return size;
}

static void greet_back(int socket)
{
    uint8_t message[GREETING_BYTES] = {0};
    (void)(write_all(socket, message, sizeof message) &&
           read_all(socket, message, sizeof message) && write_all(socket, message, sizeof message));
}

static void serve(int socket)
{
    uint64_t wanted;
    uint8_t message[MESSAGE_BYTES];
    if (!read_all(socket, &wanted, sizeof wanted))
        return;
    if (wanted == GREETING) {
        greet_back(socket);
        return;
    }
    if (wanted == ECHO) {
        while (
            read_all(socket, message, sizeof message) && write_all(socket, message, sizeof message))
            ;
        return;
    }
    read_to_end(socket);
    (void)write_any(socket, wanted);
}

static void set_nodelay(int socket)
{
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* One connection after the other. */
static void *accept_all(void *context)
{
    int listener = *(int *)context;
    for (;;) {
        int socket = accept(listener, NULL, NULL);
        if (socket < 0)
            answer_fail("floor", "nothing can be accepted");
        set_nodelay(socket);
        serve(socket);
        close(socket);
    }
    return NULL;
}

static bool listen_at_any(void)
{
    static int listener;
    struct sockaddr_in any = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = 0};
    socklen_t size = sizeof any;
    pthread_t thread;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&any, size) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&any, &size) != 0)
        return false;
    printf("{\"address\":\"%u\"}\n", ntohs(any.sin_port));
    fflush(stdout);
    return pthread_create(&thread, NULL, accept_all, &listener) == 0;
}

static int dial(uint16_t port, uint64_t wanted)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int dialled = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (dialled < 0 || connect(dialled, (struct sockaddr *)&address, sizeof address) != 0)
        answer_fail("floor", "cannot connect");
    set_nodelay(dialled);
    if (!write_all(dialled, &wanted, sizeof wanted))
        answer_fail("floor", "cannot write");
    return dialled;
}

/* Connections one after the other, with as many messages as those of a handshake and no more. */
static bool greet(uint16_t port, size_t count)
{
    uint8_t message[GREETING_BYTES] = {0};
    uint64_t begun_ns = answer_now_ns();
    bool done = true;
    for (size_t i = 0; done && i < count; i++) {
        int dialled = dial(port, GREETING);
        done = read_all(dialled, message, sizeof message) &&
               write_all(dialled, message, sizeof message) &&
               read_all(dialled, message, sizeof message);
        close(dialled);
    }
    answer_times(answer_now_ns() - begun_ns, NULL, 0);
    return done;
}

static bool flow(uint16_t port, uint64_t up, uint64_t down)
{
    uint64_t begun_ns = answer_now_ns();
    int dialled = dial(port, down);
    bool done = write_any(dialled, up) && read_to_end(dialled) == down;
    uint64_t taken_ns = answer_now_ns() - begun_ns;
    close(dialled);
    answer_times(taken_ns, &taken_ns, 1);
    return done;
}

static bool trips(uint16_t port, size_t count)
{
    static uint64_t each_ns[TRIPS_MAX];
    uint8_t message[MESSAGE_BYTES] = {0};
    int dialled = dial(port, ECHO);
    bool done = count <= TRIPS_MAX;
    for (size_t i = 0; done && i < count; i++) {
        uint64_t begun_ns = answer_now_ns();
        done = write_all(dialled, message, sizeof message) &&
               read_all(dialled, message, sizeof message);
        each_ns[i] = answer_now_ns() - begun_ns;
    }
    close(dialled);
    answer_times(0, each_ns, done ? count : 0);
    return done;
}

/* Where to dial, and what the operations of libsodium and libcrypto are timed with. */
struct floor {
    unsigned port;
    uint8_t ed25519[crypto_sign_PUBLICKEYBYTES];
    uint8_t ed25519_secret[crypto_sign_SECRETKEYBYTES];
    uint8_t x25519[KEY_BYTES];
    EVP_CIPHER_CTX *cipher;
    uint8_t signature[SIGNATURE_BYTES];
    size_t frame_bytes;
};

/* What is signed in Noise: a prefix and a public key. */
static const uint8_t statement[24 + KEY_BYTES] = "noise-libp2p-static-key:";

/* A secret of X25519. */
static const uint8_t scalar[KEY_BYTES] = {5};

static bool sign(struct floor *floor)
{
    return crypto_sign_detached(
               floor->signature, NULL, statement, sizeof statement, floor->ed25519_secret) == 0;
}

static bool verify(struct floor *floor)
{
    return crypto_sign_verify_detached(
               floor->signature, statement, sizeof statement, floor->ed25519) == 0;
}

static bool make_pair(struct floor *floor)
{
    return crypto_scalarmult_base(floor->x25519, scalar) == 0;
}

static bool share(struct floor *floor)
{
    uint8_t secret[KEY_BYTES];
    return crypto_scalarmult(secret, scalar, floor->x25519) == 0;
}

static bool seal(struct floor *floor)
{
    static uint8_t frame[FRAME_BYTES_MAX];
    static const uint8_t nonce[12];
    uint8_t tag[TAG_BYTES];
    int size = (int)floor->frame_bytes;
    int got;
    return EVP_EncryptInit_ex2(floor->cipher, NULL, NULL, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(floor->cipher, frame, &got, frame, size) == 1 &&
           EVP_EncryptFinal_ex(floor->cipher, frame, &got) == 1 &&
           EVP_CIPHER_CTX_ctrl(floor->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1;
}

static uint64_t processor_ns(void)
{
    struct timespec taken;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &taken);
    return (uint64_t)taken.tv_sec * 1000000000 + (uint64_t)taken.tv_nsec;
}

/* Nanoseconds of one operation, of as many as fill a stretch: on the processor, whatever else runs
 * there. */
static uint64_t time_one(bool (*operate)(struct floor *floor), struct floor *floor)
{
    const uint64_t stretch_ns = 20000000;
    const uint64_t calls_a_look = 16;
    uint64_t begun_ns = processor_ns();
    uint64_t taken_ns;
    uint64_t count = 0;
    do {
        for (uint64_t i = 0; i < calls_a_look; i++)
            if (!operate(floor))
                answer_fail("cryptography", "does not work");
        count += calls_a_look;
        taken_ns = processor_ns() - begun_ns;
    } while (taken_ns < stretch_ns);
    return taken_ns / count;
}

static uint64_t time_seal(struct floor *floor, size_t frame_bytes)
{
    floor->frame_bytes = frame_bytes;
    return time_one(seal, floor);
}

static bool crypto_rates(struct floor *floor)
{
    static const struct {
        const char *name;
        bool (*operate)(struct floor *floor);
    } operations[] = {
        {"sign", sign}, {"verify", verify}, {"make_pair", make_pair}, {"share", share}};
    putchar('{');
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        printf("\"%s\":%llu,", operations[i].name,
            (unsigned long long)time_one(operations[i].operate, floor));
    printf("\"seal_64\":%llu,", (unsigned long long)time_seal(floor, 64));
    printf("\"seal_16k\":%llu,", (unsigned long long)time_seal(floor, 16384));
    printf("\"seal_64k\":%llu}\n", (unsigned long long)time_seal(floor, FRAME_BYTES_MAX));
    fflush(stdout);
    return true;
}

static void make_crypto(struct floor *floor)
{
    static const uint8_t key[KEY_BYTES] = {7};
    floor->cipher = EVP_CIPHER_CTX_new();
    if (sodium_init() < 0 || !make_pair(floor) ||
        crypto_sign_seed_keypair(floor->ed25519, floor->ed25519_secret, key) != 0 ||
        !floor->cipher ||
        EVP_EncryptInit_ex2(floor->cipher, EVP_chacha20_poly1305(), key, NULL, NULL) != 1)
        answer_fail("cryptography", "cannot be begun");
}

static bool obey(void *context, const char *line)
{
    struct floor *floor = context;
    unsigned long long size;
    size_t count;
    if (sscanf(line, "up %llu %zu", &size, &count) == 2)
        return flow((uint16_t)floor->port, size, 0);
    if (sscanf(line, "down %llu %zu", &size, &count) == 2)
        return flow((uint16_t)floor->port, 0, size);
    if (sscanf(line, "trips %zu", &count) == 1)
        return trips((uint16_t)floor->port, count);
    if (strcmp(line, "crypto") == 0)
        return crypto_rates(floor);
    if (sscanf(line, "connect %u %zu", &floor->port, &count) == 2)
        return greet((uint16_t)floor->port, count);
    answer_times(0, NULL, 0); /* Each run has a connection of its own, so there is nothing to do. */
    return true;
}

int main(int argc, char **argv)
{
    static struct floor floor;
    bool listens = argc == 2 && strcmp(argv[1], "listen") == 0;
    if (!listens && (argc != 2 || strcmp(argv[1], "dial") != 0)) {
        fputs("usage: floor listen | floor dial\n", stderr);
        return 2;
    }
    make_crypto(&floor);
    if (listens && !listen_at_any())
        answer_fail("floor", "cannot listen");
    if (!listens)
        puts("{\"ready\":true}");
    fflush(stdout);
    answer_lines(obey, &floor);
    return 0;
}
