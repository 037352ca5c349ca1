/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_HOP_BY_HOP_H
#define HF_CLI_HOP_BY_HOP_H

#include <stdbool.h>

#include <holdfast/http.h>

/*
 * Whether a field belongs to one connection and must not be passed on (RFC 9110, 7.6.1): the
 * fixed list, and whatever the message's own Connection fields name.
 */
bool hop_by_hop(const struct hf_http_message *message, const char *name);

#endif
