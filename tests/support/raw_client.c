/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/raw_client.h"

int raw_connect(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

void raw_send(int fd, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        size -= (size_t)sent;
    }
}

const char *raw_read(struct raw_reply *reply, int fd)
{
    ssize_t got;
    reply->size = 0;
    while (
        (got = recv(fd, reply->text + reply->size, sizeof(reply->text) - 1 - reply->size, 0)) > 0)
        reply->size += (size_t)got;
    reply->text[reply->size] = '\0';
    close(fd);
    return reply->text;
}

const char *raw_say(struct raw_reply *reply, const char *address, const char *text)
{
    int fd = raw_connect(address);
    raw_send(fd, text);
    return raw_read(reply, fd);
}

bool says(const char *reply, int status)
{
    char line[32];
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    bool same = strncmp(reply, line, strlen(line)) == 0;
    if (!same)
        print_message("expected %d, got %.200s\n", status, reply);
    return same;
}

bool has(const char *reply, const char *text)
{
    return strcasestr(reply, text) != NULL;
}

bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}
