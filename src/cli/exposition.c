/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exposition.h"

#define CONNECTIONS_MAX 16
#define TIMEOUT_SECONDS 10
/* Room for metrics that grow between asking for the length and writing. */
#define SLACK_BYTES 4096

static struct MHD_Response *metrics_response(struct hf_metrics *metrics)
{
    size_t room = hf_metrics_write(metrics, NULL, 0) + SLACK_BYTES;
    char *text = malloc(room);
    if (!text)
        return NULL;
    size_t size = hf_metrics_write(metrics, text, room);
    if (size >= room)
        size = room - 1;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type", HF_METRICS_CONTENT_TYPE);
    return response;
}

static struct MHD_Response *text_response(const char *text)
{
    return MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *data, size_t *size_bytes,
    void **state)
{
    (void)version, (void)data, (void)size_bytes, (void)state;
    unsigned status = MHD_HTTP_OK;
    struct MHD_Response *response;
    if (strcmp(method, "GET") != 0) {
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
        response = text_response("only GET\n");
    } else if (strcmp(path, "/metrics") != 0) {
        status = MHD_HTTP_NOT_FOUND;
        response = text_response("see /metrics\n");
    } else {
        response = metrics_response(context);
    }
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

struct MHD_Daemon *exposition_start(const char *address, struct hf_metrics *metrics,
    char bound[static SOCKET_ADDRESS_BYTES], struct hf_error *error)
{
    int listener;
    if (socket_listen("metrics", address, &listener, bound, error) != HF_OK)
        return NULL;
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0,
        NULL, NULL, on_request, metrics, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_SECONDS, MHD_OPTION_END);
    if (daemon)
        return daemon;
    (void)hf_error_add(
        error, HF_IO, errno, "--metrics: cannot serve on %s: %s", address, strerror(errno));
    close(listener);
    return NULL;
}
