/* SPDX-License-Identifier: MIT */
/* A remote call over TCP that may hang, break off or meet nobody: with time limit, retries,
 * breaker. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <holdfast/holdfast.h>

static struct sockaddr_in address = {.sin_family = AF_INET};

/* The other side: is silent to its first caller, hangs up on the second, answers the third. */
static void *serve(void *context)
{
    int listener = *(int *)context;
    char request[32];
    int silent = accept(listener, NULL, NULL);
    close(accept(listener, NULL, NULL));
    int peer = accept(listener, NULL, NULL);
    close(listener);
    if (recv(peer, request, sizeof(request), 0) > 0)
        send(peer, "42", 2, MSG_NOSIGNAL);
    close(peer);
    close(silent);
    return NULL;
}

static struct hf_outcome add(void *context, const struct hf_attempt *attempt)
{
    char answer[32] = "";
    struct timeval limit = {.tv_usec = (suseconds_t)(attempt->timeout_ns / HF_US(1))};
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ssize_t size = connect(peer, (struct sockaddr *)&address, sizeof(address));
    if (size == 0)
        size = send(peer, context, strlen(context), MSG_NOSIGNAL);
    if (size > 0)
        size = recv(peer, answer, sizeof(answer) - 1, 0);
    if (size == 0)
        errno = ECONNRESET; /* hung up */
    int error = size > 0 ? 0 : errno == EAGAIN ? ETIMEDOUT : errno;
    close(peer);
    printf("  try %u: %s\n", (unsigned)attempt->number, error ? strerror(error) : answer);
    return hf_outcome_from_errno(error);
}

int main(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return 1;
    pthread_t server;
    struct hf_breaker_options breaker = {.consecutive_failures = 3};
    struct hf_retry_options retry = {
        .attempts_max = 3, .attempt_timeout_ns = HF_MS(200), .delay.base_ns = HF_MS(20)};
    struct hf_guard_options options = {.name = "adder", .retry = &retry};
    struct hf_guard *guard;
    if (pthread_create(&server, NULL, serve, &listener) != 0 ||
        hf_breaker_new(&options.breaker, &breaker, NULL) != HF_OK ||
        hf_guard_new(&guard, &options, NULL) != HF_OK)
        return 1;
    for (int number = 1; number <= 3; number++) {
        printf("call %d\n", number);
        enum hf_status status = hf_guard_call(guard, NULL, add, "add 40 2", NULL);
        printf("  = %s\n", hf_status_str(status));
    }
    hf_guard_free(guard);
    hf_breaker_free(options.breaker);
    return pthread_join(server, NULL);
}
