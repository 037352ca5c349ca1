/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <holdfast/random.h>

#include "base/atomic.h"
#include "base/multiply.h"

/* The odd number nearest to 2^64 divided by the golden ratio, and the mixing function (variant 13
 * of Stafford's), both from the paper that the header names. */
#define SPLITMIX_GAMMA UINT64_C(0x9e3779b97f4a7c15)

static uint64_t splitmix_mix(uint64_t word)
{
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

void hf_splitmix_init(struct hf_splitmix *splitmix, uint64_t seed)
{
    if (splitmix)
        hf_store_relaxed(&splitmix->state, seed);
}

enum hf_status hf_splitmix_init_system(struct hf_splitmix *splitmix, struct hf_error *error)
{
    if (!splitmix)
        return hf_error_add(error, HF_INVALID, 0, "splitmix: NULL");
    uint64_t seed = 0;
    enum hf_status status = hf_random_system_bytes(&seed, sizeof(seed), error);
    if (status != HF_OK)
        return status;
    hf_splitmix_init(splitmix, seed);
    return HF_OK;
}

/* The addition hands each caller a state of its own, so relaxed order is enough: nothing else is
 * published through the word. */
uint64_t hf_splitmix_next(struct hf_splitmix *splitmix)
{
    if (!splitmix)
        return 0;
    return splitmix_mix(hf_add_relaxed(&splitmix->state, SPLITMIX_GAMMA) + SPLITMIX_GAMMA);
}

static uint64_t splitmix_next(void *context)
{
    return hf_splitmix_next(context);
}

struct hf_random hf_splitmix_random(struct hf_splitmix *splitmix)
{
    return (struct hf_random){splitmix_next, splitmix};
}

uint64_t hf_random_below(const struct hf_random *random, uint64_t bound)
{
    if (!random || !random->next)
        return 0;
    return hf_multiply(random->next(random->context), bound).high;
}

enum hf_status hf_random_system_bytes(void *bytes, size_t size_bytes, struct hf_error *error)
{
    if (!bytes && size_bytes > 0)
        return hf_error_add(error, HF_INVALID, 0, "bytes: NULL with size_bytes %zu", size_bytes);

    unsigned char *next = bytes;
    while (size_bytes > 0) {
        ssize_t got = getrandom(next, size_bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int code = got < 0 ? errno : EIO;
            return hf_error_add(error, HF_IO, code, "getrandom: %s", strerror(code));
        }
        next += got;
        size_bytes -= (size_t)got;
    }
    return HF_OK;
}
