/* SPDX-License-Identifier: MIT */
#include "audit/writer.h"

#include <assert.h>
#include <string.h>

_Static_assert(HF_WRITER_BATCH_BYTES >= 2 * HF_AUDIT_RECORD_BYTES_MAX, "a batch holds any line");

/* Counts the lines that the file now has whole. */
static void settle(struct hf_writer *writer)
{
    uint64_t settled = writer->settled;
    uint64_t written = 0;
    uint64_t gaps = 0;
    uint64_t dropped = 0;
    uint32_t begin = writer->lines_done > 0 ? writer->lines[writer->lines_done - 1].end : 0;
    uint32_t end = begin;
    while (writer->lines_done < writer->lines_count &&
           writer->lines[writer->lines_done].end <= writer->done) {
        const struct hf_line *line = &writer->lines[writer->lines_done++];
        written += line->kind == HF_LINE_RECORD;
        gaps += line->kind == HF_LINE_GAP;
        dropped += line->kind == HF_LINE_GAP ? line->upto - settled : 0;
        settled = line->upto;
        end = line->end;
    }
    hf_tally_add(&writer->tally.written, written);
    hf_tally_add(&writer->tally.gaps, gaps);
    hf_tally_add(&writer->tally.dropped, dropped);
    hf_tally_add(&writer->tally.bytes_written, end - begin);
    hf_store_release(&writer->settled, settled);
}

/*
 * The file ends within a line. Readers should not meet that while the disk is full, so the line's
 * beginning is cut off again; if the disk refuses that too, the rest of the line follows later.
 */
static void take_back_torn_line(struct hf_writer *writer)
{
    uint32_t whole = writer->lines_done > 0 ? writer->lines[writer->lines_done - 1].end : 0;
    uint32_t torn = writer->done - whole;
    if (torn > 0 && hf_roll_cut(&writer->roll, torn) == 0)
        writer->done = whole;
}

/* Appends the batch. Its records need their lanes no more. */
static bool flush(struct hf_writer *writer)
{
    hf_lanes_release(writer->lanes);
    while (writer->done < writer->size) {
        size_t written;
        int code = hf_roll_append(
            &writer->roll, writer->batch + writer->done, writer->size - writer->done, &written);
        writer->done += (uint32_t)written;
        settle(writer);
        if (code != 0) {
            take_back_torn_line(writer);
            return false;
        }
    }
    writer->size = 0;
    writer->done = 0;
    writer->lines_count = 0;
    writer->lines_done = 0;
    return true;
}

static void publish_durable(struct hf_writer *writer)
{
    hf_store_release(&writer->durable, writer->settled);
}

/* Gives false if the disk refuses; tried again after another interval. */
static bool sync(struct hf_writer *writer, uint64_t now_ns)
{
    if (writer->durable == writer->settled)
        return true;
    if (writer->sync_interval_ns != HF_AUDIT_SYNC_NEVER) {
        writer->synced_at_ns = now_ns;
        if (hf_roll_sync(&writer->roll) != 0)
            return false;
    }
    publish_durable(writer);
    return true;
}

/* A file is synced before it is rolled: afterwards it is out of reach. */
static void roll(struct hf_writer *writer, uint64_t now_ns)
{
    if (sync(writer, now_ns))
        hf_roll_next(&writer->roll, now_ns);
    else
        hf_roll_postpone(&writer->roll, now_ns);
}

/* Makes sure that a line of that time and at most that size may follow in the batch. */
static bool make_room(
    struct hf_writer *writer, uint64_t time_ns, uint64_t line_bytes, uint64_t now_ns)
{
    bool full = writer->size + line_bytes > HF_WRITER_BATCH_BYTES ||
                writer->lines_count == HF_WRITER_LINES_MAX;
    if (full && !flush(writer))
        return false;
    if (hf_roll_due(&writer->roll, time_ns, writer->size, line_bytes, now_ns)) {
        if (!flush(writer))
            return false;
        roll(writer, now_ns);
    }
    hf_roll_date(&writer->roll, time_ns);
    return true;
}

static void end_line(struct hf_writer *writer, size_t size, uint64_t upto, enum hf_line_kind kind)
{
    writer->size += (uint32_t)size;
    writer->lines[writer->lines_count++] =
        (struct hf_line){.upto = upto, .end = writer->size, .kind = kind};
    writer->next = upto;
}

static bool add_record(struct hf_writer *writer, const struct hf_record *record, uint64_t now_ns)
{
    assert(record->number == writer->next);
    uint64_t bytes_max = HF_RECORD_HEAD_BYTES_MAX + record->body_bytes;
    if (!make_room(writer, record->time_ns, bytes_max, now_ns))
        return false;
    char *line = writer->batch + writer->size;
    size_t head = hf_record_head(&writer->stamp, record->time_ns, record->number, line);
    memcpy(line + head, record->body, (size_t)record->body_bytes);
    end_line(writer, head + (size_t)record->body_bytes, record->number + 1, HF_LINE_RECORD);
    return true;
}

/* A record of the log's own, which stands for the numbers from next to upto. */
static bool add_own(struct hf_writer *writer, const char *event, const struct hf_field *fields,
    size_t count, uint64_t upto, enum hf_line_kind kind, uint64_t now_ns)
{
    uint64_t time_ns = hf_wall_clock_now_ns(&writer->wall);
    if (!make_room(writer, time_ns, HF_AUDIT_RECORD_BYTES_MAX, now_ns))
        return false;
    char *line = writer->batch + writer->size;
    size_t head = hf_record_head(&writer->stamp, time_ns, writer->next, line);
    size_t body;
    enum hf_status status = hf_record_body(event, fields, count, line + head, &body);
    assert(status == HF_OK);
    (void)status;
    end_line(writer, head + body, upto, kind);
    return true;
}

static bool add_gap(struct hf_writer *writer, uint64_t upto, uint64_t now_ns)
{
    const struct hf_field fields[] = {
        hf_field_unsigned("first", writer->next),
        hf_field_unsigned("last", upto - 1),
        hf_field_unsigned("count", upto - writer->next),
    };
    return add_own(writer, HF_RECORD_GAP, fields, 3, upto, HF_LINE_GAP, now_ns);
}

/* Everything below the bound, in order, whether it is there or missing. */
static bool drain(struct hf_writer *writer, uint64_t now_ns)
{
    uint64_t bound = hf_lanes_observe(writer->lanes, now_ns);
    while (writer->next < bound) {
        const struct hf_record *record = hf_lanes_first(writer->lanes, bound);
        uint64_t upto = record ? record->number : bound;
        if (writer->next < upto && !add_gap(writer, upto, now_ns))
            return false;
        if (!record)
            continue;
        if (!add_record(writer, record, now_ns))
            return false;
        hf_lanes_take(writer->lanes);
    }
    return true;
}

enum hf_status hf_writer_init(struct hf_writer *writer, struct hf_lanes *lanes,
    const struct hf_audit_options *options, uint64_t now_ns, struct hf_error *error)
{
    writer->lanes = lanes;
    writer->wall = options->wall;
    writer->sync_interval_ns = options->sync_interval_ns;
    writer->synced_at_ns = now_ns;
    enum hf_status status = hf_roll_open(&writer->roll, options, &writer->tally, error);
    if (status != HF_OK)
        return status;
    bool added = add_own(writer, HF_RECORD_OPEN, NULL, 0, 1, HF_LINE_OPEN, now_ns);
    assert(added); /* The batch is empty, so nothing had to be appended first. */
    (void)added;
    return HF_OK;
}

void hf_writer_fini(struct hf_writer *writer)
{
    hf_roll_close(&writer->roll);
}

uint64_t hf_writer_sync_due_ns(const struct hf_writer *writer, uint64_t now_ns)
{
    if (writer->durable == writer->settled)
        return UINT64_MAX;
    uint64_t passed_ns = now_ns - writer->synced_at_ns;
    return passed_ns < writer->sync_interval_ns ? writer->sync_interval_ns - passed_ns : 0;
}

struct hf_turn hf_writer_step(struct hf_writer *writer, uint64_t now_ns, bool urgent)
{
    uint64_t bytes_before = writer->tally.bytes_written;
    bool appended = flush(writer) && drain(writer, now_ns) && flush(writer);
    bool never = writer->sync_interval_ns == HF_AUDIT_SYNC_NEVER;
    if (urgent || never || hf_writer_sync_due_ns(writer, now_ns) == 0)
        sync(writer, now_ns);
    return (struct hf_turn){
        .bytes = writer->tally.bytes_written - bytes_before,
        .failed = !appended,
        .idle = appended && writer->next == hf_load_seq(&writer->lanes->sequence),
    };
}
