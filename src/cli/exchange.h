/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_EXCHANGE_H
#define HF_CLI_EXCHANGE_H

#include <holdfast/curl.h>
#include <holdfast/mhd.h>

#include "cli/buffer.h"
#include "cli/fields.h"

struct worker;

/* Where a request is on its way. */
enum exchange_stage {
    EXCHANGE_NEW,       /* The request line is known. */
    EXCHANGE_COMPLETE,  /* All of it has arrived; it brings no body. */
    EXCHANGE_RECEIVING, /* Admitted; its body arrives. */
    EXCHANGE_TRYING,    /* Its connection is suspended; a transfer is under way. */
    EXCHANGE_WAITING,   /* Suspended, until due_ns, before another try. */
    EXCHANGE_DONE,      /* Its answer is known and waits to be queued. */
    EXCHANGE_ANSWERED,  /* Queued; nothing is left to do but to free it. */
};

struct exchange {
    struct worker *worker;
    struct MHD_Connection *connection;
    enum exchange_stage stage;
    bool oversized; /* The body exceeds its limit or memory; what follows is thrown away. */
    bool suspended;
    bool repeatable; /* It may reach the upstream more than once. */
    char *target;    /* As the client wrote it. */
    size_t target_bytes;
    const char *path;   /* What to ask the upstream for. */
    const char *method; /* Owned by libmicrohttpd while the request lasts. */
    struct buffer body;
    struct hf_mhd_run inbound;
    struct hf_guard_run outbound;
    uint64_t due_ns;
    struct exchange *later; /* Next in the worker's list of waiting exchanges. */
    struct exchange *next;  /* Neighbours in the worker's list of all exchanges. */
    struct exchange *previous;
    CURL *easy; /* While trying. */
    struct curl_slist *request_fields;
    long answer_status; /* 0: the last try brought no answer. */
    bool switching;     /* It was one that wants to speak something else from here on. */
    struct fields answer_fields;
    struct buffer answer;
};

/* Makes an exchange for a request line. NULL without memory. */
struct exchange *exchange_new(struct worker *worker, const char *target);

/* libmicrohttpd's access handler for it: the first call, when its fields are known, and the calls
 * after that. */
enum MHD_Result exchange_begin(struct exchange *exchange, struct MHD_Connection *connection,
    const char *method, const char *version);
enum MHD_Result exchange_continue(struct exchange *exchange, const char *data, size_t *size_bytes);

/* Its transfer ended with code. */
void exchange_tried(struct exchange *exchange, CURLcode code);

/* Its wait is over. */
void exchange_waited(struct exchange *exchange);

/* Ends whatever is under way for it and lets its connection go on. */
void exchange_abandon(struct exchange *exchange);

/* Frees it; ends what is under way. */
void exchange_free(struct exchange *exchange);

#endif
