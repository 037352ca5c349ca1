/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <holdfast/error.h>

#include "base/utf8.h"

void hf_error_clear(struct hf_error *error)
{
    if (error)
        memset(error, 0, sizeof(*error));
}

/* The first cause stays where it is; whatever makes room is the oldest of its consequences. */
static void drop_second_oldest(struct hf_error *error)
{
    memmove(
        &error->causes[1], &error->causes[2], (HF_ERROR_CAUSES_MAX - 2) * sizeof(error->causes[0]));
    error->count = HF_ERROR_CAUSES_MAX - 1;
    error->dropped++;
}

/* Bytes of the longest character. */
#define SEQUENCE_MAX 4

/* A terminal or a log reader obeys these: the C0 and C1 sets and DEL. */
static bool is_control(const uint8_t *sequence, size_t length)
{
    if (length == 1)
        return sequence[0] < 0x20 || sequence[0] == 0x7f;
    return sequence[0] == 0xc2 && sequence[1] < 0xa0;
}

/* Each bad byte shows as '?', but what the end of the room may have cut apart goes altogether. */
static void tidy(char *text, bool cut)
{
    uint8_t *bytes = (uint8_t *)text;
    size_t size = strlen(text);
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        size_t length = hf_utf8_sequence(bytes + at, size - at);
        if (length == 0 && cut && size - at < SEQUENCE_MAX)
            break;
        bool shown = length > 0 && !is_control(bytes + at, length);
        if (shown)
            memmove(bytes + kept, bytes + at, length);
        else
            bytes[kept] = '?';
        kept += shown ? length : 1;
        at += length > 0 ? length : 1;
    }
    bytes[kept] = '\0';
}

/* The text is made before anything moves, since the arguments may quote causes of this very chain.
 */
enum hf_status hf_error_add(
    struct hf_error *error, enum hf_status status, int32_t code, const char *format, ...)
{
    if (!error)
        return status;
    struct hf_cause cause = {.status = status, .code = code};
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(cause.text, sizeof(cause.text), format, arguments);
        va_end(arguments);
        tidy(cause.text, length >= (int)sizeof(cause.text));
    }
    if (error->count >= HF_ERROR_CAUSES_MAX)
        drop_second_oldest(error);
    error->causes[error->count++] = cause;
    return status;
}

const char *hf_error_text(const struct hf_error *error)
{
    if (!error || error->count == 0)
        return "";
    return error->causes[error->count - 1].text;
}

/* What a chain is written into: counts all that is asked for, keeps what fits. */
struct line {
    char *buffer;
    size_t size_bytes;
    size_t length;
};

static void line_append(struct line *line, const char *text)
{
    size_t length = strlen(text);
    if (line->length < line->size_bytes) {
        size_t room = line->size_bytes - line->length;
        memcpy(line->buffer + line->length, text, length < room ? length : room);
    }
    line->length += length;
}

static void line_append_dropped(struct line *line, uint32_t dropped)
{
    char note[64];
    snprintf(note, sizeof(note), "; %u left out", (unsigned)dropped);
    line_append(line, note);
}

size_t hf_error_write(const struct hf_error *error, char *buffer, size_t size_bytes)
{
    struct line line = {buffer, buffer ? size_bytes : 0, 0};
    uint32_t count = error ? error->count : 0;
    for (uint32_t index = count; index-- > 0;) {
        if (index + 1 < count)
            line_append(&line, "; caused by ");
        line_append(&line, error->causes[index].text);
        if (index == 1 && error->dropped > 0)
            line_append_dropped(&line, error->dropped);
    }
    if (line.size_bytes > 0)
        line.buffer[line.length < line.size_bytes ? line.length : line.size_bytes - 1] = '\0';
    return line.length;
}
