/* SPDX-License-Identifier: MIT */
/* An HTTP endpoint that answers each client twice a minute and asks the rest to come again.
 * cc http_endpoint.c $(pkg-config --cflags --libs libholdfast-mhd) */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/mhd.h>

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size,
    void **request)
{
    (void)url, (void)method, (void)version, (void)upload, (void)upload_size, (void)request;
    struct hf_mhd *endpoint = context;
    struct hf_mhd_run run;
    enum MHD_Result result;
    if (hf_mhd_enter(endpoint, connection, &run, &result) != HF_OK)
        return result; /* 429 or 503 has been queued */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(6, "hello\n", MHD_RESPMEM_PERSISTENT);
    result = hf_mhd_leave(endpoint, connection, &run, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* Asks for the page and shows the answer's first line and what it says about limits. */
static void visit(uint16_t port)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    FILE *stream = fdopen(peer, "r+");
    char line[256];
    if (!stream || connect(peer, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        send(peer, request, strlen(request), MSG_NOSIGNAL) < 0)
        return;
    while (fgets(line, sizeof(line), stream) && strcmp(line, "\r\n") != 0)
        if (!strncmp(line, "HTTP", 4) || !strncmp(line, "Rate", 4) || !strncmp(line, "Retry", 5))
            printf("%s", line);
    printf("\n");
    fclose(stream);
}

int main(void)
{
    struct hf_quota quota = hf_quota_per_minute(2);
    struct hf_limiter_options limiter = {.quota = quota};
    struct hf_guard_options guard = {.name = "endpoint"};
    struct hf_mhd_options options = {.answer.quota = quota}; /* told to clients */
    struct hf_mhd *endpoint;
    if (hf_limiter_new(&guard.limiter, &limiter, NULL) != HF_OK ||
        hf_guard_new(&options.guard, &guard, NULL) != HF_OK ||
        hf_mhd_new(&endpoint, &options, NULL) != HF_OK)
        return 1;
    struct MHD_Daemon *server = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, endpoint, MHD_OPTION_END);
    if (!server)
        return 1;
    for (int number = 1; number <= 3; number++)
        visit(MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
    MHD_stop_daemon(server);
    hf_mhd_free(endpoint);
    hf_guard_free(options.guard);
    hf_limiter_free(guard.limiter);
}
