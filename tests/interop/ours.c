/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/network.h>

/* The peer on Holdfast that the others' are tested with; tests/interop/run says what a peer does.
 */

#define STREAMS_MAX 100
#define LATE_BYTES_MAX (1 << 20)
#define PATIENCE_NS HF_SECONDS(60)
#define WRONG_PEER "the peer is not the one expected"
#define NO_SECURITY "multistream: the peer speaks no protocol that was proposed"

/* One stream: of a test's, or of the peer's. */
struct trip {
    size_t seed;
    size_t size;
    size_t written;
    size_t read;
    bool wrong; /* Other bytes came back. */
    enum hf_status status;
    bool given_up; /* To be reset once something was written. */
    bool held;     /* Not to be finished. */
    uint8_t *late; /* What the late protocol has read so far. */
};

struct ours {
    struct hf_identity identity;
    struct hf_network *network;
    pthread_t thread;
    struct hf_peer_id peer;
    struct trip trips[STREAMS_MAX];
    /* What the handlers tell the test. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned over;
};

/* Of a stream: those that are open together have different bytes. */
static uint8_t byte_at(const struct trip *trip, size_t offset)
{
    return (uint8_t)(offset * 31 + offset / 255 + trip->seed);
}

static void tell_over(struct ours *ours, struct trip *trip, enum hf_status status)
{
    pthread_mutex_lock(&ours->lock);
    trip->status = status;
    ours->over++;
    pthread_cond_signal(&ours->changed);
    pthread_mutex_unlock(&ours->lock);
}

static void write_more(struct ours *ours, struct trip *trip, struct hf_stream *stream)
{
    uint8_t bytes[65536];
    while (trip->written < trip->size) {
        size_t left = trip->size - trip->written;
        size_t size = left < sizeof bytes ? left : sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = byte_at(trip, trip->written + i);
        size = hf_stream_write(stream, hf_bytes(bytes, size));
        if (size == 0)
            return;
        trip->written += size;
    }
    if (trip->given_up) {
        hf_stream_reset(stream);
        tell_over(ours, trip, HF_OK);
    } else if (!trip->held) {
        hf_stream_finish(stream);
    }
}

static void read_more(struct trip *trip, struct hf_stream *stream)
{
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        for (size_t i = 0; i < data.size; i++)
            trip->wrong |= ((const uint8_t *)data.data)[i] != byte_at(trip, trip->read + i);
        trip->read += data.size;
        hf_stream_consume(stream, data.size);
    }
}

static void echo(struct hf_stream *stream)
{
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        size_t size = hf_stream_write(stream, data);
        hf_stream_consume(stream, size);
        if (size < data.size)
            return;
    }
    if (hf_stream_at_end(stream))
        hf_stream_finish(stream);
}

/* A test's streams have their trip as context from the start, the peer's get none. */
static struct trip *trip_of(const struct ours *ours, const struct hf_stream *stream)
{
    struct trip *trip = hf_stream_context(stream);
    return trip >= ours->trips && trip < ours->trips + STREAMS_MAX ? trip : NULL;
}

static void on_opened(void *context, struct hf_stream *stream)
{
    struct ours *ours = context;
    struct trip *trip = trip_of(ours, stream);
    if (trip)
        write_more(ours, trip, stream);
}

static void on_readable(void *context, struct hf_stream *stream)
{
    struct trip *trip = trip_of(context, stream);
    if (trip)
        read_more(trip, stream);
    else
        echo(stream);
}

static void on_writable(void *context, struct hf_stream *stream)
{
    struct ours *ours = context;
    struct trip *trip = trip_of(ours, stream);
    if (trip)
        write_more(ours, trip, stream);
    else
        echo(stream);
}

static void on_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    struct ours *ours = context;
    struct trip *trip = trip_of(ours, stream);
    if (trip)
        tell_over(ours, trip, status);
}

static void on_failed(void *context, void *stream_context, enum hf_status status)
{
    tell_over(context, stream_context, status);
}

/* What has come is kept until the peer has ended its side. */
static void on_late_readable(void *context, struct hf_stream *stream)
{
    struct trip *trip = trip_of(context, stream);
    struct trip *kept = hf_stream_context(stream);
    if (trip) {
        read_more(trip, stream);
        return;
    }
    if (!kept) {
        kept = calloc(1, sizeof *kept);
        kept->late = calloc(1, LATE_BYTES_MAX);
        hf_stream_set_context(stream, kept);
    }
    struct hf_bytes data;
    while ((data = hf_stream_peek(stream)).size > 0) {
        if (kept->size + data.size > LATE_BYTES_MAX) {
            hf_stream_reset(stream);
            return;
        }
        memcpy(kept->late + kept->size, data.data, data.size);
        kept->size += data.size;
        hf_stream_consume(stream, data.size);
    }
    if (hf_stream_at_end(stream)) {
        kept->written += hf_stream_write(stream, hf_bytes(kept->late, kept->size));
        if (kept->written == kept->size)
            hf_stream_finish(stream);
    }
}

static void on_late_writable(void *context, struct hf_stream *stream)
{
    struct ours *ours = context;
    struct trip *trip = trip_of(ours, stream);
    struct trip *kept = hf_stream_context(stream);
    if (trip) {
        write_more(ours, trip, stream);
        return;
    }
    struct hf_bytes rest = hf_bytes(kept->late + kept->written, kept->size - kept->written);
    kept->written += hf_stream_write(stream, rest);
    if (kept->written == kept->size)
        hf_stream_finish(stream);
}

static void on_late_closed(void *context, struct hf_stream *stream, enum hf_status status)
{
    struct ours *ours = context;
    struct trip *trip = trip_of(ours, stream);
    struct trip *kept = hf_stream_context(stream);
    if (trip) {
        tell_over(ours, trip, status);
    } else if (kept) {
        free(kept->late);
        free(kept);
    }
}

static void on_reset_readable(void *context, struct hf_stream *stream)
{
    struct trip *trip = trip_of(context, stream);
    if (trip)
        read_more(trip, stream);
    else
        hf_stream_reset(stream);
}

static void *run(void *context)
{
    struct ours *ours = context;
    return hf_network_run(ours->network) == HF_OK ? NULL : ours;
}

static bool start(struct ours *ours, bool listens)
{
    const struct hf_protocol protocols[] = {
        {"/echo/1.0.0", ours, on_opened, on_readable, on_writable, on_closed, on_failed},
        {"/late/1.0.0", ours, on_opened, on_late_readable, on_late_writable, on_late_closed,
            on_failed},
        {"/reset/1.0.0", ours, on_opened, on_reset_readable, on_writable, on_closed, on_failed},
    };
    struct hf_error error = {0};
    struct hf_multiaddr any;
    static const char text[] = "/ip4/127.0.0.1/tcp/0";
    if (hf_identity_generate(&ours->identity, &error) != HF_OK)
        return false;
    struct hf_network_options options = {
        .identity = &ours->identity,
        .agent = "ours-interop/1",
        .protocols = protocols,
        .protocols_count = sizeof protocols / sizeof protocols[0],
    };
    bool ok = hf_network_new(&ours->network, &options, &error) == HF_OK &&
              hf_multiaddr_parse(hf_bytes(text, sizeof text - 1), &any, &error) == HF_OK &&
              (!listens || hf_network_listen(ours->network, &any, &error) == HF_OK) &&
              pthread_create(&ours->thread, NULL, run, ours) == 0;
    if (!ok)
        fprintf(stderr, "%s\n", hf_error_text(&error));
    return ok;
}

static void stop(struct ours *ours)
{
    hf_network_stop(ours->network);
    pthread_join(ours->thread, NULL);
    hf_network_free(ours->network);
    hf_identity_fini(&ours->identity);
}

/* The next event of the kind; what ends a connection or a dial ends waiting, too. */
static bool wait_for(
    struct ours *ours, enum hf_network_event_kind kind, struct hf_network_event *event)
{
    while (hf_network_wait(ours->network, PATIENCE_NS, event) == HF_OK) {
        bool ends = event->kind == HF_NETWORK_DIAL_FAILED || event->kind == HF_NETWORK_CLOSED ||
                    event->kind == HF_NETWORK_PING_FAILED;
        if (ends)
            fprintf(stderr, "event %d: %s; %s\n", (int)event->kind, hf_status_str(event->status),
                event->reason);
        if (ends || event->kind == kind)
            return event->kind == kind;
    }
    fprintf(stderr, "no event %d in time\n", (int)kind);
    return false;
}

static int listen_until_end(struct ours *ours)
{
    struct hf_network_event event;
    char address[HF_MULTIADDR_TEXT_BYTES];
    char byte;
    if (!start(ours, true) || !wait_for(ours, HF_NETWORK_LISTENING, &event))
        return 1;
    hf_multiaddr_write(&event.address, address, sizeof address);
    printf("listening %s\n", address);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    stop(ours);
    return 0;
}

static void await_over(struct ours *ours, unsigned count)
{
    pthread_mutex_lock(&ours->lock);
    while (ours->over < count)
        pthread_cond_wait(&ours->changed, &ours->lock);
    pthread_mutex_unlock(&ours->lock);
}

static bool begin_trip(struct ours *ours, unsigned index, const char *protocol, struct trip trip)
{
    ours->trips[index] = trip;
    return hf_network_open(ours->network, &ours->peer, protocol, &ours->trips[index]) == HF_OK;
}

static bool round_trips(struct ours *ours, const char *protocol, unsigned count, size_t size)
{
    ours->over = 0;
    for (unsigned i = 0; i < count; i++)
        if (!begin_trip(ours, i, protocol, (struct trip){.seed = i, .size = size}))
            return false;
    await_over(ours, count);
    bool ok = true;
    for (unsigned i = 0; i < count; i++) {
        const struct trip *trip = &ours->trips[i];
        if (trip->status != HF_OK || trip->wrong || trip->written != size || trip->read != size) {
            fprintf(stderr, "stream %u: wrote %zu, read %zu%s; %s\n", i, trip->written, trip->read,
                trip->wrong ? " others" : "", hf_status_str(trip->status));
            ok = false;
        }
    }
    return ok;
}

static bool pings(struct ours *ours, unsigned count)
{
    struct hf_network_event event;
    for (unsigned i = 0; i < count; i++)
        if (hf_network_ping(ours->network, &ours->peer) != HF_OK ||
            !wait_for(ours, HF_NETWORK_PINGED, &event))
            return false;
    return true;
}

/* `known`: its agent, and a protocol. */
static bool is_known(const struct hf_network_event *identified, char **known)
{
    fprintf(stderr, "agent %s, protocols %s\n", identified->agent, identified->protocols);
    return strncmp(identified->agent, known[0], strlen(known[0])) == 0 &&
           strstr(identified->protocols, known[1]) &&
           strstr(identified->protocols, "/ipfs/ping/1.0.0");
}

/* rust-libp2p answers the drop of a stream that we have finished with a finish, so ours is held. */
static bool resets(struct ours *ours)
{
    ours->over = 0;
    if (!begin_trip(ours, 0, "/reset/1.0.0", (struct trip){.size = 1, .held = true}))
        return false;
    await_over(ours, 1);
    if (ours->trips[0].status != HF_CLOSED) {
        fprintf(stderr, "not reset: %s\n", hf_status_str(ours->trips[0].status));
        return false;
    }
    if (!begin_trip(ours, 1, "/echo/1.0.0", (struct trip){.size = 1, .given_up = true}))
        return false;
    await_over(ours, 2);
    return round_trips(ours, "/echo/1.0.0", 1, 1000);
}

static bool stays_idle(struct ours *ours)
{
    struct hf_clock clock = hf_clock_monotonic();
    if (!pings(ours, 1))
        return false;
    hf_clock_sleep_ns(&clock, HF_SECONDS(30));
    return pings(ours, 1);
}

/* Told so, the listener is made to end. */
static bool is_closed(struct ours *ours)
{
    struct hf_network_event event;
    if (!pings(ours, 1))
        return false;
    puts("connected");
    fflush(stdout);
    (void)wait_for(ours, HF_NETWORK_CLOSED, &event);
    return event.kind == HF_NETWORK_CLOSED && event.status == HF_CLOSED;
}

static bool holds(struct ours *ours, const char *test)
{
    if (strcmp(test, "connect") == 0)
        return true;
    if (strcmp(test, "ping") == 0)
        return pings(ours, 100);
    if (strcmp(test, "echo") == 0)
        return round_trips(ours, "/echo/1.0.0", 1, 64 << 20);
    if (strcmp(test, "echo100") == 0)
        return round_trips(ours, "/echo/1.0.0", 100, (64 << 20) / 100);
    if (strcmp(test, "half") == 0)
        return round_trips(ours, "/late/1.0.0", 1, LATE_BYTES_MAX);
    if (strcmp(test, "reset") == 0)
        return resets(ours);
    if (strcmp(test, "idle") == 0)
        return stays_idle(ours);
    if (strcmp(test, "close") == 0)
        return is_closed(ours);
    fprintf(stderr, "no test %s\n", test);
    return false;
}

/* Streams wait until the peer is known: js drops connections that open many before it is ready. */
static bool try_peer(struct ours *ours, const char *test, char **known)
{
    struct hf_network_event event;
    if (!wait_for(ours, HF_NETWORK_CONNECTED, &event))
        return false;
    ours->peer = event.peer;
    if (!wait_for(ours, HF_NETWORK_IDENTIFIED, &event))
        return false;
    return strcmp(test, "identify") == 0 ? is_known(&event, known) : holds(ours, test);
}

static bool is_refused(struct ours *ours, const char *reason)
{
    struct hf_network_event event;
    return !wait_for(ours, HF_NETWORK_CONNECTED, &event) && event.kind == HF_NETWORK_DIAL_FAILED &&
           strstr(event.reason, reason);
}

static int dial(struct ours *ours, const char *address, const char *test, char **known)
{
    struct hf_multiaddr parsed;
    if (hf_multiaddr_parse(hf_bytes(address, strlen(address)), &parsed, NULL) != HF_OK ||
        !start(ours, false) || hf_network_dial(ours->network, &parsed, 1) != HF_OK)
        return 1;
    bool ok = strcmp(test, "wrong-id") == 0 ? is_refused(ours, WRONG_PEER)
              : strcmp(test, "tls") == 0    ? is_refused(ours, NO_SECURITY)
                                            : try_peer(ours, test, known);
    stop(ours);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct ours ours = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    if (argc == 2 && strcmp(argv[1], "listen") == 0)
        return listen_until_end(&ours);
    if (argc >= 4 && strcmp(argv[1], "dial") == 0)
        return dial(&ours, argv[2], argv[3], argv + 4);
    fprintf(stderr, "usage: ours listen | ours dial ADDRESS TEST [ARGUMENT]...\n");
    return 2;
}
