/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_RESOLVER_H
#define HF_TESTS_NET_RESOLVER_H

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * The resolver of this process, in place of the C library's. "hangs.test" answers nobody until it
 * is released; any other name has the addresses that a test has set, whoever asks.
 */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *const *addresses; /* Texts; the last is NULL. */
    unsigned asked;               /* Lookups so far of what hangs, */
    unsigned hanging;             /* those under way, */
    unsigned most;                /* and of these the most at a time. */
    bool released;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline int resolver_hang(void)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.asked++;
    resolver.hanging++;
    if (resolver.most < resolver.hanging)
        resolver.most = resolver.hanging;
    pthread_cond_broadcast(&resolver.changed);
    while (!resolver.released)
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    resolver.hanging--;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
    return EAI_AGAIN;
}

/* Address and socket's address are one piece of memory. */
static inline struct addrinfo *resolver_address(const char *text)
{
    struct {
        struct addrinfo info;
        struct sockaddr_storage address;
    } *made = calloc(1, sizeof *made);
    struct sockaddr_in *ip4 = (struct sockaddr_in *)&made->address;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&made->address;
    bool is_ip4 = inet_pton(AF_INET, text, &ip4->sin_addr) == 1;
    if (!is_ip4 && inet_pton(AF_INET6, text, &ip6->sin6_addr) != 1)
        abort();
    made->address.ss_family = is_ip4 ? AF_INET : AF_INET6;
    made->info.ai_family = made->address.ss_family;
    made->info.ai_addr = (struct sockaddr *)&made->address;
    made->info.ai_addrlen = is_ip4 ? sizeof *ip4 : sizeof *ip6;
    return &made->info;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    (void)service;
    if (strcmp(name, "hangs.test") == 0)
        return resolver_hang();
    *found = NULL;
    struct addrinfo **end = found;
    for (const char *const *each = resolver.addresses; *each; each++) {
        struct addrinfo *made = resolver_address(*each);
        *end = made;
        if (hints->ai_family != AF_UNSPEC && hints->ai_family != made->ai_family)
            free(made), *end = NULL;
        else
            end = &made->ai_next;
    }
    return *found ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found) {
        struct addrinfo *next = found->ai_next;
        free(found);
        found = next;
    }
}

/* Waits until so many lookups hang. */
static inline void resolver_wait(unsigned hanging)
{
    pthread_mutex_lock(&resolver.lock);
    while (resolver.hanging != hanging)
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    pthread_mutex_unlock(&resolver.lock);
}

static inline void resolver_release(void)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.released = true;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
}

static inline void resolver_reset(void)
{
    resolver_wait(0);
    pthread_mutex_lock(&resolver.lock);
    resolver.asked = resolver.most = 0;
    resolver.released = false;
    pthread_mutex_unlock(&resolver.lock);
}

#endif
