/* SPDX-License-Identifier: MIT */
#include "breaker/window.h"

#include "base/processor.h"
#include "base/step.h"

/*
 * A sliding window of time in slices, each a power of two long, so that a time finds its slice
 * by a shift: the shortest such that at most 16 make up the window, which then has 9 to 16. The
 * oldest drops out as a new one begins. Counts are striped by processor and each is one word,
 *
 *     tag:37 | count:27
 *
 * changed by compare-and-swap only, so that a count is never separated from what it counts.
 *
 * Generations. A breaker that closes must start with an empty window in the very moment its
 * state changes, though nobody can clear so many words at once. So a slice's number is virtual:
 *
 *     v = now / slice + 32 * generation    (mod 2^41)
 *
 * and the tag is v without the 4 bits that choose its place. Each new generation pushes all
 * earlier counts at least 32 slices into the past, two whole windows: they are out of every sum
 * the moment the state word holds the new generation, because sums are asked for by generation.
 * Nor can a result of generation g that is added late reach a later one: its v lies at least 16
 * slices before the oldest slice of that window unless its clock ran as much ahead.
 *
 * Order. Generations of closed states increase (breaker.c), so of two tags in one place the
 * larger is the newer one. Who finds an older tag replaces the word, who finds a newer one is
 * late and drops out: its slice has left the window. "Newer" is up to 2^32 slices ahead, by
 * serial number arithmetic: somebody would have to be stopped for that long in the middle of an
 * addition to be mistaken. Conversely a count that nobody has touched for 2^41 slices, years
 * even of the shortest ones, would be taken for a new one.
 *
 * What an observer may see. Each addition is atomic, a sum is not: words are read one after
 * another, and what is added meanwhile may or may not be seen. All operations are sequentially
 * consistent, so of several failures that end at the same time, the one whose addition is last
 * in that order sees all of them in its sum: the threshold cannot be crossed unnoticed. A count
 * stops at 2^27 - 1 rather than wrap, more than a processor can come to in a slice of the
 * default window.
 */
#define PLACE_BITS 4
#define GENERATION_STRIDE_BITS 5
#define TAG_BITS 37
#define COUNT_BITS 27
#define TAG_MASK ((UINT64_C(1) << TAG_BITS) - 1)
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define TAG_NEWER_MAX (UINT64_C(1) << (32 - PLACE_BITS))

_Static_assert(TAG_BITS + COUNT_BITS == 64, "one word");
_Static_assert(1 << PLACE_BITS == HF_WINDOW_SLICES_MAX, "each slice of a window has its place");
_Static_assert(1 << GENERATION_STRIDE_BITS >= 2 * HF_WINDOW_SLICES_MAX, "a window of margin");

void hf_window_init(struct hf_window *window, uint64_t window_ns)
{
    uint32_t bits = 0;
    while ((window_ns - 1) >> bits >= HF_WINDOW_SLICES_MAX)
        bits++;
    window->slice_bits = bits;
    window->slices = (uint32_t)((window_ns - 1) >> bits) + 1;
}

static uint64_t slice_number(const struct hf_window *window, uint64_t generation, uint64_t now_ns)
{
#ifdef HF_MUTANT_BREAKER_ONE_WINDOW
    generation = 1;
#endif
    return (now_ns >> window->slice_bits) + (generation << GENERATION_STRIDE_BITS);
}

static size_t place_of(uint64_t slice)
{
    return slice & (HF_WINDOW_SLICES_MAX - 1);
}

static uint64_t tag_of(uint64_t slice)
{
    return slice >> PLACE_BITS & TAG_MASK;
}

/* Whether the word's count belongs to a later slice than the one tagged so. */
static bool is_newer(uint64_t word, uint64_t tag)
{
    return (((word >> COUNT_BITS) - tag) & TAG_MASK) - 1 < TAG_NEWER_MAX;
}

void hf_window_add(struct hf_window *window, uint64_t generation, uint64_t now_ns, bool failed)
{
    uint64_t slice = slice_number(window, generation, now_ns);
    uint64_t tag = tag_of(slice);
    struct hf_window_stripe *stripe = &window->stripes[hf_processor_index() % HF_WINDOW_STRIPES];
    uint64_t *word = &stripe->slices[place_of(slice)][failed];
    uint64_t seen = hf_load_relaxed(word);
    uint64_t next;
    do {
        hf_step(HF_STEP_BREAKER_COUNTING);
        if (is_newer(seen, tag))
            return;
        bool ours = seen >> COUNT_BITS == tag;
        if (ours && (seen & COUNT_MASK) == COUNT_MASK)
            return;
        next = ours ? seen + 1 : tag << COUNT_BITS | 1;
    } while (!hf_cas_seq(word, &seen, next));
}

static uint64_t count_of(uint64_t word, uint64_t tag)
{
    return word >> COUNT_BITS == tag ? word & COUNT_MASK : 0;
}

struct hf_window_counts hf_window_sum(
    const struct hf_window *window, uint64_t generation, uint64_t now_ns)
{
    uint64_t newest = slice_number(window, generation, now_ns);
    struct hf_window_counts sum = {0, 0};
    for (uint32_t age = 0; age < window->slices; age++) {
        uint64_t tag = tag_of(newest - age);
        size_t place = place_of(newest - age);
        for (size_t stripe = 0; stripe < HF_WINDOW_STRIPES; stripe++) {
            const uint64_t *words = window->stripes[stripe].slices[place];
            uint64_t failures = count_of(hf_load_seq(&words[true]), tag);
            sum.failures += failures;
            sum.calls += failures + count_of(hf_load_seq(&words[false]), tag);
        }
    }
    return sum;
}
