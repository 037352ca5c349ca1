/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_STARVED_H
#define HF_TESTS_NET_STARVED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>

/*
 * OpenSSL's memory, which from the fail_at-th request on (1 is the next) there is none of; 0:
 * never. starved_begin must be called before OpenSSL has asked for anything.
 */
static struct {
    uint64_t fail_at;
    uint64_t requests;
    int64_t live;
} starved;

static inline bool starved_refuses(void)
{
    return ++starved.requests >= starved.fail_at && starved.fail_at > 0;
}

static void *starved_allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *memory = size == 0 || starved_refuses() ? NULL : malloc(size);
    starved.live += memory != NULL;
    return memory;
}

static void *starved_reallocate(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (starved_refuses())
        return NULL;
    void *moved = realloc(memory, size);
    starved.live += !memory && moved;
    return moved;
}

static void starved_release(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    starved.live -= memory != NULL;
    free(memory);
}

static inline bool starved_begin(void)
{
    return CRYPTO_set_mem_functions(starved_allocate, starved_reallocate, starved_release) == 1;
}

static inline void starved_from(uint64_t fail_at)
{
    starved.requests = 0;
    starved.fail_at = fail_at;
}

#endif
