/* SPDX-License-Identifier: MIT */
/* A libp2p peer that sends back what it gets on streams of /echo/1.0.0. Prints where it listens,
 * and serves until a key is pressed or its standard input ends. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <holdfast/net.h>

/* Data, room to write, or the peer's end: each may let more go back. */
static void echo(void *context, struct hf_stream *stream)
{
    struct hf_bytes data;
    (void)context;
    while ((data = hf_stream_peek(stream)).size > 0) {
        size_t size = hf_stream_write(stream, data);
        hf_stream_consume(stream, size);
        if (size < data.size)
            return; /* Until it is writable again. */
    }
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

static void *run(void *network)
{
    return hf_network_run(network) == HF_OK ? NULL : network;
}

int main(void)
{
    const struct hf_protocol protocol = {.name = "/echo/1.0.0", .readable = echo, .writable = echo};
    static const char any[] = "/ip4/127.0.0.1/tcp/0";
    struct hf_error error = {0};
    struct hf_identity identity;
    struct hf_multiaddr address;
    struct hf_network *network = NULL;
    struct hf_network_event event;
    pthread_t thread;
    char text[HF_MULTIADDR_TEXT_BYTES];
    if (hf_identity_generate(&identity, &error) != HF_OK)
        return 1;
    struct hf_network_options options = {
        .identity = &identity, .protocols = &protocol, .protocols_count = 1};
    if (hf_network_new(&network, &options, &error) != HF_OK ||
        hf_multiaddr_parse(hf_bytes(any, strlen(any)), &address, &error) != HF_OK ||
        hf_network_listen(network, &address, &error) != HF_OK ||
        hf_network_next(network, &event) != HF_OK ||
        pthread_create(&thread, NULL, run, network) != 0) {
        fprintf(stderr, "%s\n", hf_error_text(&error));
        return 1;
    }
    hf_multiaddr_write(&event.address, text, sizeof text);
    printf("listening %s\n", text);
    fflush(stdout);
    (void)getchar();
    hf_network_stop(network);
    pthread_join(thread, NULL);
    hf_network_free(network);
    hf_identity_fini(&identity);
    return 0;
}
