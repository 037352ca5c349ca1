/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "net/multistream.h"
#include "net/varint.h"

#define HEADER "/multistream/1.0.0"
#define REFUSAL "na"
#define LENGTH_BYTES_MAX 2

static const struct hf_bytes header = {HEADER, sizeof(HEADER) - 1};
static const struct hf_bytes refusal = {REFUSAL, sizeof(REFUSAL) - 1};

/* A whole write is the header, all refusals there can be, and a name; or the header and a name. */
#define OWED_BYTES_MAX                                                                             \
    (1 + sizeof(HEADER) + HF_MULTISTREAM_PROPOSALS_MAX * (1 + sizeof(REFUSAL)) +                   \
        LENGTH_BYTES_MAX + HF_MULTISTREAM_LINE_BYTES_MAX)
_Static_assert(OWED_BYTES_MAX <= HF_MULTISTREAM_WRITE_BYTES_MAX, "any write has room");

static bool is_line(struct hf_bytes name)
{
    return name.size > 0 && name.size < HF_MULTISTREAM_LINE_BYTES_MAX &&
           !memchr(name.data, '\n', name.size);
}

enum hf_status hf_multistream_init(
    struct hf_multistream *select, bool dialer, const struct hf_bytes *names, size_t count)
{
    if (count > HF_MULTISTREAM_NAMES_MAX || (dialer && count == 0))
        return HF_INVALID;
    for (size_t index = 0; index < count; index++)
        if (!is_line(names[index]))
            return HF_INVALID;
    *select = (struct hf_multistream){
        .names = names,
        .count = count,
        .reason = "",
        .dialer = dialer,
        .owes_header = dialer,
        .owes_name = dialer,
        .proposals = dialer,
    };
    return HF_OK;
}

static size_t line_size(struct hf_bytes line)
{
    return hf_varint_size(line.size + 1) + line.size + 1;
}

static size_t write_line(struct hf_bytes line, uint8_t *out)
{
    size_t size = hf_varint_write(line.size + 1, out);
    memcpy(out + size, line.data, line.size);
    out[size + line.size] = '\n';
    return size + line.size + 1;
}

size_t hf_multistream_write(struct hf_multistream *select, uint8_t *out, size_t size_bytes)
{
    size_t needed = select->owes_refusals * line_size(refusal);
    if (select->owes_header)
        needed += line_size(header);
    if (select->owes_name)
        needed += line_size(select->names[select->agreed]);
    if (needed > size_bytes)
        return 0;
    size_t size = select->owes_header ? write_line(header, out) : 0;
    for (; select->owes_refusals > 0; select->owes_refusals--)
        size += write_line(refusal, out + size);
    if (select->owes_name)
        size += write_line(select->names[select->agreed], out + size);
    select->owes_header = select->owes_name = false;
    return size;
}

bool hf_multistream_may_go_on(const struct hf_multistream *select)
{
    return select->dialer && select->count == 1 && select->state != HF_MULTISTREAM_FAILED;
}

/* A listener still owes its answers to the lines before: a dialer that goes on behind its proposal
 * as if it were agreed sends no lines, and is to learn that it is not. */
static enum hf_status fail(struct hf_multistream *select, enum hf_status status, const char *reason)
{
    select->state = HF_MULTISTREAM_FAILED;
    select->reason = reason;
    if (select->dialer)
        select->owes_header = select->owes_name = false;
    return status;
}

static bool equals(struct hf_bytes one, struct hf_bytes other)
{
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

/* Takes a line, without its end, from the front of bytes. */
static enum hf_status take_line(struct hf_bytes *bytes, struct hf_bytes *line)
{
    size_t visible = bytes->size < LENGTH_BYTES_MAX ? bytes->size : LENGTH_BYTES_MAX;
    struct hf_bytes head = hf_bytes(bytes->data, visible);
    uint64_t length;
    enum hf_status status = hf_varint_take(&head, &length);
    if (status == HF_AGAIN && visible == LENGTH_BYTES_MAX)
        return HF_MALFORMED;
    if (status != HF_OK)
        return status;
    if (length == 0 || length > HF_MULTISTREAM_LINE_BYTES_MAX)
        return HF_MALFORMED;
    size_t length_bytes = visible - head.size;
    if (bytes->size - length_bytes < length)
        return HF_AGAIN;
    const uint8_t *text = (const uint8_t *)bytes->data + length_bytes;
    if (text[length - 1] != '\n')
        return HF_MALFORMED;
    *line = hf_bytes(text, length - 1);
    *bytes = hf_bytes(text + length, bytes->size - length_bytes - length);
    return HF_OK;
}

static enum hf_status agree(struct hf_multistream *select, size_t index)
{
    select->agreed = index;
    select->state = HF_MULTISTREAM_AGREED;
    return HF_OK;
}

/* What it proposed is repeated or refused; anything else is no answer. */
static enum hf_status hear_answer(struct hf_multistream *select, struct hf_bytes line)
{
    if (equals(line, select->names[select->agreed]))
        return agree(select, select->agreed);
    if (!equals(line, refusal))
        return fail(select, HF_MALFORMED, "the peer's answer is neither the proposal nor na");
    if (select->agreed + 1 == select->count || select->proposals == HF_MULTISTREAM_PROPOSALS_MAX)
        return fail(select, HF_NOT_FOUND, "the peer speaks no protocol that was proposed");
    select->agreed++;
    select->proposals++;
    select->owes_name = true;
    return HF_AGAIN;
}

static enum hf_status hear_proposal(struct hf_multistream *select, struct hf_bytes line)
{
    if (select->proposals == HF_MULTISTREAM_PROPOSALS_MAX)
        return fail(select, HF_FULL, "the peer proposes too many protocols");
    select->proposals++;
    for (size_t index = 0; index < select->count; index++) {
        if (equals(line, select->names[index])) {
            select->owes_name = true;
            return agree(select, index);
        }
    }
    select->owes_refusals++;
    return HF_AGAIN;
}

/* A listener answers the header only now, so that it can be one write with what is found next. */
static enum hf_status hear_header(struct hf_multistream *select, struct hf_bytes line)
{
    if (!equals(line, header))
        return fail(select, HF_MALFORMED, "the peer does not begin with multistream's header");
    select->state = HF_MULTISTREAM_LINES;
    select->owes_header = !select->dialer;
    return HF_AGAIN;
}

static enum hf_status hear(struct hf_multistream *select, struct hf_bytes line)
{
    if (select->state == HF_MULTISTREAM_HEADER)
        return hear_header(select, line);
    return select->dialer ? hear_answer(select, line) : hear_proposal(select, line);
}

/* An answer that is there before the proposal was written is one to something else; were it heard,
 * what is said would depend on how the bytes arrive. */
static bool hears(const struct hf_multistream *select)
{
    return !(select->dialer && select->owes_name);
}

/* At most as many turns as there can be proposals, and one for the header. */
enum hf_status hf_multistream_receive(
    struct hf_multistream *select, const uint8_t *bytes, size_t size_bytes, size_t *taken)
{
    *taken = 0;
    if (select->state >= HF_MULTISTREAM_AGREED)
        return HF_CLOSED;
    struct hf_bytes rest = hf_bytes(bytes, size_bytes);
    enum hf_status status = HF_AGAIN;
    while (status == HF_AGAIN && hears(select)) {
        struct hf_bytes line;
        enum hf_status found = take_line(&rest, &line);
        if (found == HF_MALFORMED)
            status = fail(select, HF_MALFORMED, "the peer's line is malformed");
        if (found != HF_OK)
            break;
        status = hear(select, line);
    }
    *taken = size_bytes - rest.size;
    return status;
}

const char *hf_multistream_reason(const struct hf_multistream *select)
{
    return select->reason;
}
