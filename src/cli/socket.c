/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/socket.h"

#define BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Splits "host:port" or "[host]:port"; host gets no brackets. */
static bool split(const char *text, char host[static INET6_ADDRSTRLEN], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text)
        return false;
    const char *begin = text;
    const char *end = colon;
    if (*begin == '[') {
        if (end[-1] != ']')
            return false;
        begin++;
        end--;
    }
    size_t size = (size_t)(end - begin);
    if (size == 0 || size >= INET6_ADDRSTRLEN)
        return false;
    memcpy(host, begin, size);
    host[size] = '\0';
    char *rest;
    long number = strtol(colon + 1, &rest, 10);
    if (colon[1] < '0' || colon[1] > '9' || *rest || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse(const char *text, union address *address, socklen_t *size)
{
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
    if (!split(text, host, &port))
        return false;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *size = sizeof address->v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) != 1)
        return false;
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    *size = sizeof address->v6;
    return true;
}

static void write_address(const union address *address, char bound[static SOCKET_ADDRESS_BYTES])
{
    char host[INET6_ADDRSTRLEN];
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(bound, SOCKET_ADDRESS_BYTES, "%s:%u", host, ntohs(address->v4.sin_port));
        return;
    }
    inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
    snprintf(bound, SOCKET_ADDRESS_BYTES, "[%s]:%u", host, ntohs(address->v6.sin6_port));
}

static bool open_listener(int *fd, union address *address, socklen_t size)
{
    const int on = 1;
    *fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return false;
    /* A restarted proxy takes its port back at once, whatever lingers in TIME_WAIT. */
    if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(*fd, &address->any, size) == 0 && listen(*fd, BACKLOG) == 0 &&
        getsockname(*fd, &address->any, &size) == 0)
        return true;
    int saved = errno;
    close(*fd);
    errno = saved;
    return false;
}

enum hf_status socket_listen(const char *what, const char *address, int *fd,
    char bound[static SOCKET_ADDRESS_BYTES], struct hf_error *error)
{
    union address parsed;
    socklen_t size;
    if (!parse(address, &parsed, &size))
        return hf_error_add(error, HF_INVALID, 0,
            "--%s: '%s' is not an address such as 127.0.0.1:8080 or [::1]:8080", what, address);
    if (!open_listener(fd, &parsed, size))
        return hf_error_add(
            error, HF_IO, errno, "--%s: cannot listen on %s: %s", what, address, strerror(errno));
    write_address(&parsed, bound);
    return HF_OK;
}
