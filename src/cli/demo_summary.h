/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_DEMO_SUMMARY_H
#define HF_CLI_DEMO_SUMMARY_H

#include "cli/demo_client.h"
#include "cli/demo_timeline.h"
#include "cli/faulty_server.h"
#include "cli/gateway.h"

#define DEMO_CLIENTS 3
#define DEMO_RATE 20
#define DEMO_BURST 10

/* Everything on the demo's stage. */
struct demo {
    bool keep;
    bool drained;
    char directory[4096];
    char log[4200];
    char upstream_url[SOCKET_ADDRESS_BYTES + 8];
    char url[SOCKET_ADDRESS_BYTES + 16];
    struct hf_cidr trusted;
    struct faulty_server upstream;
    struct gateway *gateway;
    struct timeline timeline;
    struct demo_client clients[DEMO_CLIENTS];
    struct hf_audit_statistics audit;
};

/* Takes the numbers that go away with the gateway. */
void demo_summary_count(struct demo *demo);

/* Prints the table and what was promised beside what was seen. True if all of it held. */
bool demo_summary_print(struct demo *demo);

#endif
