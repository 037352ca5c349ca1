/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_RAW_CLIENT_H
#define HF_TESTS_SUPPORT_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/* An HTTP client that says what it is told, word for word, on loopback. */

struct raw_reply {
    size_t size;
    char text[256 * 1024]; /* Ended with NUL. */
};

/* Connects to "127.0.0.1:port"; asserts that it works. */
int raw_connect(const char *address);

/* Sends as much of it as the other side takes. */
void raw_send(int fd, const char *text);

/* Reads all that comes until the other side closes, and closes too. Gives reply->text. */
const char *raw_read(struct raw_reply *reply, int fd);

/* All three. */
const char *raw_say(struct raw_reply *reply, const char *address, const char *text);

/* Whether a reply begins with that status; whether it has that text in it, in any case; whether it
 * ends so. */
bool says(const char *reply, int status);
bool has(const char *reply, const char *text);
bool ends_with(const char *text, const char *end);

#endif
