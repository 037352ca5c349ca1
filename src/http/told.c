/* SPDX-License-Identifier: MIT */
#include <holdfast/http.h>

#include "http/date.h"
#include "http/structured.h"
#include "http/text.h"

/* A delay of 31 years is none that a server means; read as seconds since 1970 it is one from 2001
 * on. */
#define RESET_DELAY_MAX_S UINT64_C(1000000000)

/* No server's RateLimit field is longer; what is counts as malformed. */
#define FIELD_BYTES_MAX 4096

/* The limit nearest to its end among those seen. */
struct tally {
    bool any;
    struct hf_http_told told;
};

static void tally_add(struct tally *tally, uint64_t remaining, uint64_t reset_after_ns)
{
    const struct hf_http_told *told = &tally->told;
    bool nearer = !tally->any || remaining < told->remaining ||
                  (remaining == told->remaining && reset_after_ns > told->reset_after_ns);
    if (nearer)
        tally->told = (struct hf_http_told){remaining, reset_after_ns};
    tally->any = true;
}

/* A number that may be missing. */
struct optional {
    bool given;
    uint64_t number;
};

/* False: it is no whole number from 0 on. */
static bool optional_set(struct optional *optional, const struct hf_sf_item *item)
{
    if (item->kind != HF_SF_INTEGER || item->integer < 0)
        return false;
    *optional = (struct optional){true, (uint64_t)item->integer};
    return true;
}

/* What the RateLimit fields of one response say. A dictionary's members may be spread over fields,
 * so they are put together at the end. */
struct reading {
    struct tally tally;
    bool list;
    bool dictionary;
    struct optional remaining;
    struct optional reset;
};

/* An item of a list, "default";r=50;t=30 (the draft's -08 to -11). Some wrote its name as a token.
 */
static bool read_policy(struct reading *reading, struct hf_sf *sf, const struct hf_sf_item *member)
{
    struct optional remaining = {false, 0};
    struct optional reset = {false, 0};
    struct hf_sf_item parameter;
    bool good = member->kind == HF_SF_STRING || member->kind == HF_SF_TOKEN;
    while (hf_sf_parameter(sf, &parameter)) {
        if (hf_text_equals(parameter.key, "r"))
            good = optional_set(&remaining, &parameter) && good;
        if (hf_text_equals(parameter.key, "t"))
            good = optional_set(&reset, &parameter) && good;
    }
    if (!good || !remaining.given || sf->failed)
        return false;
    reading->list = true;
    tally_add(&reading->tally, remaining.number, hf_date_seconds_ns(reset.number));
    return true;
}

/* A member of a dictionary, limit=100, remaining=50, reset=5 (-07). */
static bool read_entry(struct reading *reading, struct hf_sf *sf, const struct hf_sf_item *member)
{
    struct hf_sf_item parameter;
    bool good = true;
    if (hf_text_equals(member->key, "remaining"))
        good = optional_set(&reading->remaining, member);
    if (hf_text_equals(member->key, "reset"))
        good = optional_set(&reading->reset, member);
    while (hf_sf_parameter(sf, &parameter))
        continue;
    reading->dictionary = true;
    return good && !sf->failed;
}

static bool read_field(struct reading *reading, struct hf_bytes value)
{
    struct hf_sf sf = hf_sf(value);
    struct hf_sf_item member;
    bool good = value.size <= FIELD_BYTES_MAX;
    while (good && hf_sf_member(&sf, &member)) {
        if (member.key.size > 0)
            good = read_entry(reading, &sf, &member);
        else
            good = read_policy(reading, &sf, &member);
    }
    return good && !sf.failed && !(reading->list && reading->dictionary);
}

/* One malformed field spoils all of that name: they are one value cut up (RFC 9651, 4.2). */
static void read_ratelimit(const struct hf_http_message *response, struct tally *tally)
{
    struct reading reading = {.list = false};
    struct hf_bytes value;
    for (size_t index = 0; response->field(response->context, "RateLimit", index, &value);
         index++) {
        if (index == HF_HTTP_TOLD_FIELDS_MAX || !read_field(&reading, value))
            return;
    }
    if (reading.remaining.given)
        tally_add(
            &reading.tally, reading.remaining.number, hf_date_seconds_ns(reading.reset.number));
    if (reading.tally.any)
        tally_add(tally, reading.tally.told.remaining, reading.tally.told.reset_after_ns);
}

static bool read_number(const struct hf_http_message *response, const char *name, uint64_t *number)
{
    struct hf_bytes value;
    return response->field(response->context, name, 0, &value) &&
           hf_text_number(hf_text_trim(value), number);
}

static void read_triple(const struct hf_http_message *response, const char *remaining_name,
    const char *reset_name, uint64_t wall_now_ns, struct tally *tally)
{
    uint64_t remaining;
    uint64_t reset = 0;
    if (!read_number(response, remaining_name, &remaining))
        return;
    uint64_t reset_after_ns = 0;
    if (read_number(response, reset_name, &reset))
        reset_after_ns = reset > RESET_DELAY_MAX_S ? hf_date_until_ns(reset, wall_now_ns)
                                                   : hf_date_seconds_ns(reset);
    tally_add(tally, remaining, reset_after_ns);
}

enum hf_status hf_http_told(
    const struct hf_http_message *response, uint64_t wall_now_ns, struct hf_http_told *told)
{
    static const char *const triples[][2] = {
        {"RateLimit-Remaining", "RateLimit-Reset"},
        {"X-RateLimit-Remaining", "X-RateLimit-Reset"},
        {"X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"},
    };
    struct tally tally = {.any = false};
    if (!response || !told)
        return HF_INVALID;
    if (!response->field)
        return HF_NOT_FOUND;
    read_ratelimit(response, &tally);
    for (size_t index = 0; index < sizeof(triples) / sizeof(triples[0]); index++)
        read_triple(response, triples[index][0], triples[index][1], wall_now_ns, &tally);
    if (!tally.any)
        return HF_NOT_FOUND;
    *told = tally.told;
    return HF_OK;
}
