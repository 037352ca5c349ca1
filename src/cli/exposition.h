/* SPDX-License-Identifier: MIT */
#ifndef HF_CLI_EXPOSITION_H
#define HF_CLI_EXPOSITION_H

#include <microhttpd.h>

#include <holdfast/metrics.h>

#include "cli/socket.h"

/* A small server that shows metrics as Prometheus text at /metrics. NULL and an error if it cannot.
 */
struct MHD_Daemon *exposition_start(const char *address, struct hf_metrics *metrics,
    char bound[static SOCKET_ADDRESS_BYTES], struct hf_error *error);

#endif
