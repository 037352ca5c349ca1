/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "cli/request.h"
#include "cli/transfer.h"
#include "cli/worker.h"

/* A connection's memory holds the request's fields and then the answer's beside them. A request
 * line and fields that exceed all of it get a 431 from libmicrohttpd; an answer that does not fit
 * would be no answer at all, so both have limits of their own.
 * libmicrohttpd clears all of it after each request: more than is needed costs time. */
#define CONNECTION_MEMORY_BYTES ((size_t)40 * 1024)
_Static_assert(REQUEST_FIELDS_BYTES_MAX + FIELDS_BYTES_MAX + 4096 <= CONNECTION_MEMORY_BYTES,
    "both fit, with room for what the proxy adds");
/* The loop looks around at least this often. */
#define LOOP_WAIT_MAX_NS HF_MS(500)
/* From a connection's going on to its answer's last byte in the socket. */
#define FAREWELL_TURNS 4

uint64_t worker_now_ns(const struct worker *worker)
{
    return hf_clock_now_ns(&worker->gateway->clock);
}

void worker_add(struct worker *worker, struct exchange *exchange)
{
    exchange->next = worker->exchanges;
    if (exchange->next)
        exchange->next->previous = exchange;
    worker->exchanges = exchange;
}

void worker_remove(struct worker *worker, struct exchange *exchange)
{
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        worker->exchanges = exchange->next;
}

void worker_wait(struct worker *worker, struct exchange *exchange, uint64_t due_ns)
{
    struct exchange **at = &worker->waiting;
    while (*at && (*at)->due_ns <= due_ns)
        at = &(*at)->later;
    exchange->due_ns = due_ns;
    exchange->later = *at;
    *at = exchange;
}

void worker_unwait(struct worker *worker, struct exchange *exchange)
{
    for (struct exchange **at = &worker->waiting; *at; at = &(*at)->later) {
        if (*at != exchange)
            continue;
        *at = exchange->later;
        return;
    }
}

CURL *worker_take_handle(struct worker *worker)
{
    if (worker->idle_count > 0)
        return worker->idle[--worker->idle_count];
    CURL *easy = curl_easy_init();
    if (easy)
        transfer_prepare(easy);
    return easy;
}

void worker_give_handle(struct worker *worker, CURL *easy)
{
    if (worker->idle_count == WORKER_IDLE_HANDLES_MAX)
        curl_easy_cleanup(easy);
    else
        worker->idle[worker->idle_count++] = easy;
}

static void *on_request_line(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    return exchange_new(context, target);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **client,
    enum MHD_ConnectionNotificationCode code)
{
    struct worker *worker = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        worker->connections++;
        clients_add(&worker->clients, connection, client, worker_now_ns(worker));
        return;
    }
    /* At its limit libmicrohttpd does not watch the listener; it is the next MHD_run that does. */
    if (worker->connections-- == worker->connections_max)
        worker->resumed = true;
    clients_remove(&worker->clients, client);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *data, size_t *size_bytes,
    void **exchange)
{
    struct worker *worker = context;
    struct exchange *asked = *exchange;
    (void)path;
    if (!asked)
        return MHD_NO;
    enum MHD_Result result = asked->stage == EXCHANGE_NEW
                                 ? exchange_begin(asked, connection, method, version)
                                 : exchange_continue(asked, data, size_bytes);
    if (asked->stage == EXCHANGE_ANSWERED)
        clients_take(&worker->clients, connection, worker_now_ns(worker));
    else if (asked->stage >= EXCHANGE_TRYING)
        clients_pay(connection, asked);
    return result;
}

static void on_request_end(void *context, struct MHD_Connection *connection, void **exchange,
    enum MHD_RequestTerminationCode code)
{
    struct worker *worker = context;
    (void)code;
    clients_owe(&worker->clients, connection, worker_now_ns(worker));
    if (*exchange)
        exchange_free(*exchange);
    *exchange = NULL;
}

static void collect_finished(struct worker *worker)
{
    int left;
    struct CURLMsg *message;
    while ((message = curl_multi_info_read(worker->multi, &left))) {
        struct exchange *exchange = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
        exchange_tried(exchange, message->data.result);
    }
}

static void start_due(struct worker *worker)
{
    uint64_t now_ns = worker_now_ns(worker);
    while (worker->waiting && worker->waiting->due_ns <= now_ns) {
        struct exchange *exchange = worker->waiting;
        worker->waiting = exchange->later;
        exchange_waited(exchange);
    }
}

static int loop_wait_ms(struct worker *worker)
{
    uint64_t wait_ns = LOOP_WAIT_MAX_NS;
    uint64_t now_ns = worker_now_ns(worker);
    if (worker->resumed)
        return 0;
    uint64_t due_ns = clients_due_ns(&worker->clients);
    if (worker->waiting && worker->waiting->due_ns < due_ns)
        due_ns = worker->waiting->due_ns;
    uint64_t until_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    wait_ns = until_ns < wait_ns ? until_ns : wait_ns;
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    if (MHD_get_timeout(worker->daemon, &daemon_ms) == MHD_YES && HF_MS(daemon_ms) < wait_ns)
        wait_ns = HF_MS(daemon_ms);
    return (int)((wait_ns + HF_MS(1) - 1) / HF_MS(1));
}

static int daemon_descriptor(struct worker *worker)
{
    return MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* Requests first, so that the transfers they start are under way before the next wait. */
static void turn(struct worker *worker)
{
    enum { REQUESTS, ENDS, WATCHED };
    struct curl_waitfd watched[WATCHED] = {
        [REQUESTS] = {.fd = daemon_descriptor(worker), .events = CURL_WAIT_POLLIN},
        [ENDS] = {.fd = worker->clients.ends, .events = CURL_WAIT_POLLIN},
    };
    int running;
    curl_multi_poll(worker->multi, watched, WATCHED, loop_wait_ms(worker), NULL);
    worker->resumed = false;
    if (watched[ENDS].revents)
        clients_take_ends(&worker->clients);
    MHD_run(worker->daemon);
    curl_multi_perform(worker->multi, &running);
    collect_finished(worker);
    start_due(worker);
    clients_tend(&worker->clients, worker_now_ns(worker));
}

static bool drained(struct worker *worker)
{
    uint64_t stop_by_ns = hf_load_acquire(&worker->gateway->stop_by_ns);
    return stop_by_ns && (!worker->exchanges || worker_now_ns(worker) >= stop_by_ns);
}

/* Suspended connections must go on before the daemon may be stopped; their clients are told that
 * it ends, if that can be said at once. */
static void cut_off_rest(struct worker *worker)
{
    for (struct exchange *at = worker->exchanges; at; at = at->next) {
        exchange_abandon(at);
        worker->cut_off++;
    }
    for (int i = 0; worker->exchanges && i < FAREWELL_TURNS; i++)
        MHD_run(worker->daemon);
}

static void *run(void *context)
{
    struct worker *worker = context;
    bool quiet = false;
    while (!drained(worker)) {
        if (!quiet && hf_load_acquire(&worker->gateway->stop_by_ns)) {
            close(MHD_quiesce_daemon(worker->daemon));
            quiet = true;
        }
        turn(worker);
    }
    cut_off_rest(worker);
    hf_store_release(&worker->ended, 1);
    return NULL;
}

static struct MHD_Daemon *start_daemon(struct worker *worker)
{
    const struct gateway_options *options = &worker->gateway->options;
    int listener = dup(worker->gateway->listener);
    if (listener < 0)
        return NULL;
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
        NULL, on_request, worker, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_URI_LOG_CALLBACK,
        on_request_line, worker, MHD_OPTION_NOTIFY_COMPLETED, on_request_end, worker,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, worker, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)worker->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(options->idle_timeout_ns / HF_SECONDS(1)), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    if (!daemon)
        close(listener);
    return daemon;
}

static CURLM *start_multi(const struct gateway_options *options)
{
    CURLM *multi = curl_multi_init();
    if (!multi)
        return NULL;
    curl_multi_setopt(
        multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->upstream_connections_max);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)options->upstream_connections_max);
    return multi;
}

static bool start_clients(struct worker *worker)
{
    const struct clients_limits limits = {
        .receive_ns = worker->gateway->options.receive_timeout_ns,
        .send_ns = worker->gateway->options.send_timeout_ns,
    };
    return clients_open(
        &worker->clients, memory_allocator(&worker->gateway->memory, MEMORY_EXCHANGES), &limits);
}

/* Stopping the daemon ends the exchanges that are left. */
static void release(struct worker *worker)
{
    if (worker->daemon)
        MHD_stop_daemon(worker->daemon);
    while (worker->idle_count > 0)
        curl_easy_cleanup(worker->idle[--worker->idle_count]);
    if (worker->multi)
        curl_multi_cleanup(worker->multi);
    clients_close(&worker->clients);
    hf_release(memory_allocator(&worker->gateway->memory, MEMORY_EXCHANGES), worker, sizeof *worker,
        _Alignof(struct worker));
}

static enum hf_status start_thread(struct worker *worker)
{
    /* Signals are the main thread's. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? HF_NO_MEMORY : HF_OK;
}

enum hf_status worker_start(struct worker **worker, struct gateway *gateway, struct hf_error *error)
{
    struct worker *made = hf_allocate(memory_allocator(&gateway->memory, MEMORY_EXCHANGES),
        sizeof *made, _Alignof(struct worker));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "worker: no memory");
    made->gateway = gateway;
    made->connections_max = gateway->options.connections_max / gateway->options.workers;
    bool watching = start_clients(made);
    made->multi = start_multi(&gateway->options);
    made->daemon = start_daemon(made);
    if (watching && made->multi && made->daemon && start_thread(made) == HF_OK) {
        *worker = made;
        return HF_OK;
    }
    int code = errno;
    release(made);
    return hf_error_add(error, HF_IO, code, "worker: cannot start: %s", strerror(code));
}

void worker_wake(struct worker *worker)
{
    curl_multi_wakeup(worker->multi);
}

bool worker_ended(const struct worker *worker)
{
    return hf_load_acquire(&worker->ended);
}

uint64_t worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    uint64_t cut_off = worker->cut_off;
    release(worker);
    return cut_off;
}
