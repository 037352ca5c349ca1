/* SPDX-License-Identifier: MIT */
#include "limit/file_state.h"

#include <inttypes.h>

#include "base/minmax.h"

/*
 * The high-water mark is one word, so that it is written whole or not at all, and it carries its
 * own check bits below the time: of two sealed words the one of the later time is the greater.
 */
#define SEAL_BITS 23
#define SEAL_STEP_BITS 20 /* Time is kept in steps of 2^20 ns, so that both fit. */

_Static_assert(HF_TIME_MAX_NS >> SEAL_STEP_BITS <= UINT64_MAX >> SEAL_BITS, "a time fits its seal");

/*
 * A table that was used at a time more than this after the last one noted has not been written by
 * this library: it notes each second, and the kernel writes neither out much later than the other.
 */
#define UNNOTED_MAX_NS HF_SECONDS(3600)

static uint64_t seal(uint64_t table_ns)
{
    uint64_t steps = table_ns >> SEAL_STEP_BITS;
    uint64_t check = hf_hash_siphash(NULL, hf_bytes(&steps, sizeof(steps))).low;
    return steps << SEAL_BITS | (check & ((UINT64_C(1) << SEAL_BITS) - 1));
}

static uint64_t unseal(uint64_t word)
{
    return word >> SEAL_BITS << SEAL_STEP_BITS;
}

static uint64_t checksum_of(const struct hf_file_boot *boot)
{
    return hf_hash_siphash(NULL, hf_bytes(boot, offsetof(struct hf_file_boot, checksum))).low;
}

static struct hf_file_boot make_boot(
    uint64_t sequence, struct hf_hash128 name, struct hf_time_line line)
{
    struct hf_file_boot boot = {.sequence = sequence, .boot = name, .line = line};
    boot.checksum = checksum_of(&boot);
    return boot;
}

/* The one that counts, NULL if both are damaged. */
static const struct hf_file_boot *latest(const struct hf_file_state *state)
{
    const struct hf_file_boot *found = NULL;
    for (int index = 0; index < 2; index++) {
        const struct hf_file_boot *boot = &state->boots[index];
        if (boot->checksum == checksum_of(boot) && (!found || boot->sequence > found->sequence))
            found = boot;
    }
    return found;
}

uint64_t hf_time_line_at(const struct hf_time_line *line, uint64_t clock_ns)
{
    uint64_t passed_ns = clock_ns - hf_min(clock_ns, line->clock_ns);
    return passed_ns <= UINT64_MAX - line->table_ns ? line->table_ns + passed_ns : UINT64_MAX;
}

/* Table time could begin with anything; thus it reads like the clock until the machine stops. */
struct hf_file_state hf_file_state(const struct hf_file_moment *now)
{
    struct hf_time_line line = {now->clock_ns, now->clock_ns};
    struct hf_file_state state = {
        .boots = {make_boot(1, now->boot, line)},
        .high_water = seal(now->clock_ns),
    };
    return state;
}

static bool is_same(struct hf_hash128 a, struct hf_hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* How table time goes on by the clocks alone. */
static struct hf_time_line follow(const struct hf_file_boot *boot,
    const struct hf_file_header *header, const struct hf_file_moment *now)
{
    if (is_same(boot->boot, now->boot))
        return boot->line;
    /* Not from the last time noted: by a wall clock that was wrong only then, this would be wrong
     * for good. */
    struct hf_time_line by_wall = {header->wall_ns, header->table_ns};
    return (struct hf_time_line){now->clock_ns, hf_time_line_at(&by_wall, now->wall_ns)};
}

/* Overwrites the record that does not count. */
static void write_boot(struct hf_file_state *state, const struct hf_file_boot *counts,
    struct hf_hash128 name, struct hf_time_line line)
{
    struct hf_file_boot *other = &state->boots[counts == &state->boots[0]];
    *other = make_boot(counts->sequence + 1, name, line);
}

enum hf_status hf_file_state_reached(const struct hf_file_state *state, uint64_t horizon_ns,
    uint64_t *reached_ns, struct hf_error *error)
{
    uint64_t word = hf_load_seq(&state->high_water);
    if (seal(unseal(word)) != word)
        return hf_error_add(
            error, HF_MALFORMED, 0, "high_water: %#" PRIx64 " in the file, which is damaged", word);
    uint64_t horizon_max_ns = unseal(word) + UNNOTED_MAX_NS;
    if (horizon_ns > horizon_max_ns)
        return hf_error_add(error, HF_MALFORMED, 0,
            "horizon: %" PRIu64 " in the file, at most %" PRIu64 " expected", horizon_ns,
            horizon_max_ns);
    *reached_ns = hf_max(horizon_ns, unseal(word));
    return HF_OK;
}

enum hf_status hf_file_state_resume(struct hf_file_state *state,
    const struct hf_file_header *header, const struct hf_file_moment *now, uint64_t reached_ns,
    bool alone, struct hf_time_line *line, struct hf_error *error)
{
    const struct hf_file_boot *boot = latest(state);
    if (!boot)
        return hf_error_add(
            error, HF_MALFORMED, 0, "boots: both records in the file are damaged, 1 expected");
    struct hf_time_line next = follow(boot, header, now);
    uint64_t table_ns = hf_time_line_at(&next, now->clock_ns);
    if (table_ns > HF_TIME_MAX_NS)
        return hf_error_add(error, HF_INVALID, 0,
            "table time: %" PRIu64 " is too late (at most %" PRIu64 "; clock %" PRIu64
            ", wall clock %" PRIu64 ")",
            table_ns, HF_TIME_MAX_NS, now->clock_ns, now->wall_ns);
#ifdef HF_MUTANT_FILE_NO_FLOOR
    reached_ns = 0;
#endif
    if (table_ns < reached_ns)
        next = (struct hf_time_line){now->clock_ns, reached_ns};
    bool is_new = !is_same(boot->boot, now->boot) || next.table_ns != boot->line.table_ns ||
                  next.clock_ns != boot->line.clock_ns;
    if (alone && is_new)
        write_boot(state, boot, now->boot, next);
    *line = next;
    return HF_OK;
}

void hf_file_state_note(struct hf_file_state *state, uint64_t table_ns)
{
    hf_max_seq(&state->high_water, seal(table_ns));
}
