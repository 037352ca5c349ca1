/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_ANSWER_H
#define HF_CLI_ANSWER_H

#include "cli/exchange.h"

/*
 * Queues what a finished exchange has to say: the upstream's answer where the last try brought one,
 * otherwise what hf_http_answer makes of `status`.
 */
enum MHD_Result answer_queue(struct exchange *exchange, enum hf_status status);

/* Queues what a request is told whose content there was no room for: 413 or 503. */
enum MHD_Result answer_queue_oversized(struct exchange *exchange);

/* Queues one for a request that was not admitted since nothing good can be made of it, and closes
 * the connection: where the next request would begin is anybody's guess. */
enum MHD_Result answer_queue_fault(struct exchange *exchange, unsigned status, const char *text);

#endif
