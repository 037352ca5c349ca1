/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_BLACK_HOLE_H
#define HF_TESTS_NET_BLACK_HOLE_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listener on 127.0.0.9 whose only place is taken: whoever connects besides gets no answer. */
struct black_hole {
    int listener;
    int guest;
};

static inline void black_hole_open(struct black_hole *hole, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, "127.0.0.9", &at.sin_addr), 1);
    hole->listener = socket(AF_INET, SOCK_STREAM, 0);
    hole->guest = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(hole->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(hole->listener, 0), 0);
    assert_int_equal(connect(hole->guest, (struct sockaddr *)&at, sizeof at), 0);
    struct pollfd taken = {.fd = hole->listener, .events = POLLIN};
    assert_int_equal(poll(&taken, 1, -1), 1); /* Only then the place is taken for certain. */
}

static inline void black_hole_close(const struct black_hole *hole)
{
    close(hole->listener);
    close(hole->guest);
}

/* How many sockets of this system are waiting for an answer from there. */
static inline unsigned black_hole_waiters(uint16_t port)
{
    enum { SYN_SENT = 2 };
    FILE *table = fopen("/proc/net/tcp", "r");
    char line[512];
    unsigned count = 0;
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        unsigned ip, remote, state;
        if (sscanf(line, " %*u: %*x:%*x %x:%x %x", &ip, &remote, &state) == 3)
            count += ip == htonl(0x7f000009) && remote == port && state == SYN_SENT;
    }
    fclose(table);
    return count;
}

#endif
