/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_SOCKET_H
#define HF_CLI_SOCKET_H

#include <stdbool.h>

#include <holdfast/error.h>

/* "255.255.255.255:65535" and "[v6]:65535" with room. */
#define SOCKET_ADDRESS_BYTES 80

/*
 * Binds and listens on "127.0.0.1:8080" or "[::1]:8080" (port 0: any free one). Writes the
 * actual address to `bound` and the descriptor, non-blocking and close-on-exec, to *fd.
 * HF_INVALID: the text is no numeric address with a port. HF_IO: the system refuses (port taken).
 * what: the option's name, for the error.
 */
enum hf_status socket_listen(const char *what, const char *address, int *fd,
    char bound[static SOCKET_ADDRESS_BYTES], struct hf_error *error);

#endif
