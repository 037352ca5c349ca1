/* SPDX-License-Identifier: MIT */
#include "audit/audit.h"

#include <signal.h>
#include <string.h>

#include "audit/options.h"

#define FIRST_NUMBER 1 /* 0 has the record that says that the log was opened. */

static enum hf_status init(
    struct hf_audit *audit, const struct hf_audit_options *options, struct hf_error *error)
{
    audit->full_policy = (uint64_t)options->full_policy;
    audit->wall = options->wall;
    audit->clock = options->clock;
    audit->pause_ns = HF_PAUSE_NS_MIN;
    enum hf_status status =
        hf_lanes_init(&audit->lanes, &audit->allocator, options->lane_bytes, FIRST_NUMBER);
    if (status != HF_OK)
        return hf_error_add(error, status, 0, "audit.lane_bytes: no memory for %d times %u",
            HF_AUDIT_LANES, (unsigned)options->lane_bytes);
    status = hf_waiting_init(&audit->waiting);
    if (status != HF_OK) {
        hf_error_add(error, status, 0, "audit: the system has no semaphore to give");
        goto waiting_failed;
    }
    uint64_t now_ns = hf_clock_now_ns(&audit->clock);
    status = hf_writer_init(&audit->writer, &audit->lanes, options, now_ns, error);
    if (status != HF_OK)
        goto writer_failed;
    return HF_OK;

writer_failed:
    hf_waiting_fini(&audit->waiting);
waiting_failed:
    hf_lanes_fini(&audit->lanes, &audit->allocator);
    return status;
}

enum hf_status hf_audit_new(
    struct hf_audit **audit, const struct hf_audit_options *options, struct hf_error *error)
{
    if (!audit)
        return hf_error_add(error, HF_INVALID, 0, "audit: NULL");
    *audit = NULL;
    struct hf_audit_options filled;
    enum hf_status status = hf_audit_options_fill(options, &filled, error);
    if (status != HF_OK)
        return status;
    struct hf_audit *made = hf_allocate(filled.allocator, sizeof(*made), _Alignof(struct hf_audit));
    if (!made)
        return hf_error_add(
            error, HF_NO_MEMORY, 0, "audit: no memory for %zu bytes", sizeof(*made));
    made->allocator = *filled.allocator;
    status = init(made, &filled, error);
    if (status != HF_OK) {
        hf_release(filled.allocator, made, sizeof(*made), _Alignof(struct hf_audit));
        return status;
    }
    *audit = made;
    return HF_OK;
}

void hf_audit_free(struct hf_audit *audit)
{
    struct hf_allocator allocator = audit->allocator;
    hf_writer_fini(&audit->writer);
    hf_waiting_fini(&audit->waiting);
    hf_lanes_fini(&audit->lanes, &allocator);
    hf_release(&allocator, audit, sizeof(*audit), _Alignof(struct hf_audit));
}

struct hf_turn hf_audit_step(struct hf_audit *audit)
{
    bool urgent = hf_load_seq(&audit->urgent) > 0;
    struct hf_turn turn = hf_writer_step(&audit->writer, hf_clock_now_ns(&audit->clock), urgent);
    hf_waiting_signal(&audit->waiting);
    return turn;
}

/* How deep to sleep after a turn, and for how long; 0: not at all. */
static uint64_t choose_rest(struct hf_audit *audit, struct hf_turn turn, enum hf_sleep *depth)
{
    if (turn.failed) {
        uint64_t pause_ns = audit->pause_ns;
        audit->pause_ns = pause_ns * 2 < HF_PAUSE_NS_MAX ? pause_ns * 2 : HF_PAUSE_NS_MAX;
        *depth = HF_SLEEP_PAUSING;
        return pause_ns;
    }
    audit->pause_ns = HF_PAUSE_NS_MIN;
    audit->naps = turn.idle && turn.bytes == 0 ? audit->naps + 1 : 0;
    *depth = HF_SLEEP_NAPPING;
    if (audit->naps < HF_NAPS_MAX)
        return turn.bytes > HF_BUSY_BYTES ? 0 : HF_NAP_NS;
    audit->naps = HF_NAPS_MAX;
    *depth = HF_SLEEP_DEEP;
    uint64_t due_ns = hf_writer_sync_due_ns(&audit->writer, hf_clock_now_ns(&audit->clock));
    return due_ns < HF_SLEEP_NS_MAX ? due_ns : HF_SLEEP_NS_MAX;
}

/* served: the requests of which the turn is known to have heard. */
static void rest(struct hf_audit *audit, struct hf_turn turn, uint64_t served)
{
    struct hf_waiting *waiting = &audit->waiting;
    enum hf_sleep depth;
    uint64_t duration_ns = choose_rest(audit, turn, &depth);
    if (duration_ns == 0)
        return;
    hf_waiting_fall(waiting, depth);
    bool asked = hf_load_seq(&waiting->requests) != served;
    bool fed = hf_load_seq(&audit->lanes.sequence) != audit->writer.next;
    if (!asked && !(depth == HF_SLEEP_DEEP && fed))
        hf_waiting_rest(waiting, duration_ns);
    hf_waiting_rise(waiting);
}

static void *run(void *context)
{
    struct hf_audit *audit = context;
    while (!hf_load_acquire(&audit->stop)) {
        uint64_t served = hf_load_seq(&audit->waiting.requests);
        rest(audit, hf_audit_step(audit), served);
    }
    return NULL;
}

/* The program's signals are not for a library's thread. */
static int start_thread(struct hf_audit *audit)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&audit->thread, NULL, run, audit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

enum hf_status hf_audit_open(
    struct hf_audit **audit, const struct hf_audit_options *options, struct hf_error *error)
{
    enum hf_status status = hf_audit_new(audit, options, error);
    if (status != HF_OK)
        return status;
    int code = start_thread(*audit);
    if (code == 0)
        return HF_OK;
    hf_audit_free(*audit);
    *audit = NULL;
    return hf_error_add(
        error, HF_NO_MEMORY, code, "audit: cannot start its thread: %s", strerror(code));
}

enum put {
    PUT_KEPT,
    PUT_FULL,    /* No room, no number. */
    PUT_REVOKED, /* The writer went on without it; its number is one of a gap. */
};

struct text {
    uint64_t time_ns;
    size_t size;
    char body[HF_RECORD_BODY_BYTES_MAX];
};

static enum put put(struct hf_audit *audit, const struct text *text)
{
    struct hf_reservation reservation;
    if (!hf_lanes_reserve(&audit->lanes, text->size, &reservation))
        return PUT_FULL;
    memcpy(reservation.record->body, text->body, text->size);
    if (!hf_lanes_commit(&reservation, text->time_ns))
        return PUT_REVOKED;
    hf_waiting_wake(&audit->waiting, HF_SLEEP_DEEP);
    return PUT_KEPT;
}

static enum hf_status drop(struct hf_audit *audit, enum put result)
{
    if (result == PUT_FULL)
        hf_lanes_skip(&audit->lanes);
    hf_waiting_wake(&audit->waiting, HF_SLEEP_NAPPING);
    return HF_FULL;
}

static bool blocks(const struct hf_audit *audit)
{
    return hf_load_seq(&audit->full_policy) == HF_AUDIT_BLOCK;
}

/* A record that the writer went on without is put again, under another number. The policy is looked
 * at after `progress`: one that changes later signals later, and so ends the wait. */
static enum hf_status wait_for_room(struct hf_audit *audit, const struct text *text)
{
    struct hf_waiting *waiting = &audit->waiting;
    enum hf_status status = HF_CLOSED;
    hf_waiting_join(waiting);
    while (!hf_load_seq(&audit->closing)) {
        uint64_t progress = hf_load_seq(&waiting->progress);
        enum put result = put(audit, text);
        if (result == PUT_KEPT || !blocks(audit)) {
            status = result == PUT_KEPT ? HF_OK : drop(audit, result);
            break;
        }
        if (result == PUT_FULL) {
            hf_waiting_wake(waiting, HF_SLEEP_NAPPING);
            hf_waiting_await(waiting, progress);
        }
    }
    hf_waiting_leave(waiting);
    return status;
}

enum hf_status hf_audit_emit(
    struct hf_audit *audit, const char *event, const struct hf_field *fields, size_t fields_count)
{
    if (!audit || !event || (!fields && fields_count > 0) || fields_count > HF_AUDIT_FIELDS_MAX)
        return HF_INVALID;
    if (hf_record_is_own(event))
        return HF_INVALID;
    if (hf_load_relaxed(&audit->closing))
        return HF_CLOSED;
    struct text text;
    enum hf_status status = hf_record_body(event, fields, fields_count, text.body, &text.size);
    if (status != HF_OK)
        return status;
    text.time_ns = hf_wall_clock_now_ns(&audit->wall);
    enum put result = put(audit, &text);
    if (result == PUT_KEPT)
        return HF_OK;
    /* Off the fast path: there was no room, or the writer went on without the record. */
    return blocks(audit) ? wait_for_room(audit, &text) : drop(audit, result);
}

enum hf_status hf_audit_set_full_policy(struct hf_audit *audit, enum hf_audit_full_policy policy)
{
    if (!audit || (unsigned)policy > HF_AUDIT_BLOCK)
        return HF_INVALID;
    hf_store_seq(&audit->full_policy, (uint64_t)policy);
    hf_waiting_signal(&audit->waiting);
    return HF_OK;
}

/*
 * Waits until all numbers below `upto` are on disk. Whoever closes goes on through refusals of the
 * disk until time is up; whoever flushes wants to know of them.
 */
static enum hf_status await_durable(
    struct hf_audit *audit, uint64_t upto, uint64_t timeout_ns, bool closing)
{
    const uint64_t *durable = &audit->writer.durable;
    const uint64_t *refusals = &audit->writer.tally.refusals;
    uint64_t began_ns = hf_clock_now_ns(&audit->clock);
    uint64_t refused = hf_load_relaxed(refusals);
    hf_waiting_request(&audit->waiting);
    for (;;) {
        uint64_t progress = hf_load_seq(&audit->waiting.progress);
        if (hf_load_acquire(durable) >= upto)
            return HF_OK;
        if (!closing && hf_load_seq(&audit->closing))
            return HF_CLOSED;
        if (!closing && hf_load_relaxed(refusals) != refused)
            return HF_IO;
        if (hf_clock_now_ns(&audit->clock) - began_ns >= timeout_ns)
            return HF_TIMEOUT;
        hf_waiting_await(&audit->waiting, progress);
    }
}

enum hf_status hf_audit_flush(struct hf_audit *audit, uint64_t timeout_ns)
{
    if (!audit)
        return HF_INVALID;
    uint64_t upto = hf_load_seq(&audit->lanes.sequence);
    hf_waiting_join(&audit->waiting);
    hf_add_seq(&audit->urgent, 1);
    enum hf_status status = await_durable(audit, upto, timeout_ns, false);
    hf_add_seq(&audit->urgent, UINT64_MAX);
    hf_waiting_leave(&audit->waiting);
    return status;
}

enum hf_status hf_audit_statistics(
    const struct hf_audit *audit, struct hf_audit_statistics *statistics)
{
    if (!audit || !statistics)
        return HF_INVALID;
    const struct hf_tally *tally = &audit->writer.tally;
    *statistics = (struct hf_audit_statistics){
        .written = hf_load_relaxed(&tally->written),
        .dropped = hf_load_relaxed(&tally->dropped),
        .gaps = hf_load_relaxed(&tally->gaps),
        .files_rolled = hf_load_relaxed(&tally->files_rolled),
        .files_pruned = hf_load_relaxed(&tally->files_pruned),
        .bytes_written = hf_load_relaxed(&tally->bytes_written),
        .io_errors = hf_load_relaxed(&tally->io_errors),
        .io_errno = (int32_t)hf_load_relaxed(&tally->io_errno),
    };
    /* Last, so that it is never below what is written and dropped. */
    statistics->emitted = hf_load_seq(&audit->lanes.sequence) - FIRST_NUMBER;
    return HF_OK;
}

uint64_t hf_audit_owed(const struct hf_audit *audit)
{
    uint64_t durable = hf_load_acquire(&audit->writer.durable);
    return hf_load_seq(&audit->lanes.sequence) - (durable < FIRST_NUMBER ? FIRST_NUMBER : durable);
}

/* Those who wait for room come back first, so that no number is given any more. */
static void turn_waiters_away(struct hf_audit *audit)
{
    hf_store_seq(&audit->closing, 1);
    for (;;) {
        hf_waiting_signal(&audit->waiting);
        uint64_t progress = hf_load_seq(&audit->waiting.progress);
        if (hf_load_seq(&audit->waiting.waiters) == 0)
            return;
        hf_waiting_await(&audit->waiting, progress);
    }
}

/* What is still owed then tells how it went. */
static void write_backlog(struct hf_audit *audit, uint64_t timeout_ns)
{
    uint64_t upto = hf_load_seq(&audit->lanes.sequence);
    hf_waiting_join(&audit->waiting);
    hf_add_seq(&audit->urgent, 1);
    (void)await_durable(audit, upto, timeout_ns, true);
}

enum hf_status hf_audit_close(struct hf_audit *audit, uint64_t timeout_ns, uint64_t *lost)
{
    uint64_t owed = 0;
    if (audit) {
        turn_waiters_away(audit);
        write_backlog(audit, timeout_ns);
        hf_store_release(&audit->stop, 1);
        hf_waiting_request(&audit->waiting);
        pthread_join(audit->thread, NULL);
        owed = hf_audit_owed(audit);
        hf_audit_free(audit);
    }
    if (lost)
        *lost = owed;
    return owed == 0 ? HF_OK : HF_LOST;
}
