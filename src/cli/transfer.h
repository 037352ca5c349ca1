/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_TRANSFER_H
#define HF_CLI_TRANSFER_H

#include "cli/exchange.h"

/* The way of one exchange to the upstream: a libcurl transfer for each try. */

/* Starts a try. False without memory. */
bool transfer_start(struct exchange *exchange);

/* Takes the transfer away, finished or not. */
void transfer_stop(struct exchange *exchange);

/* What never changes between transfers: set once on each new handle. */
void transfer_prepare(CURL *easy);

#endif
