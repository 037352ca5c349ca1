/* SPDX-License-Identifier: MIT */

#include "net/lookup.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

struct hf_lookups {
    pthread_mutex_t lock; /* Guards all below, and each lookup's owner and next. */
    uv_async_t *wake;     /* NULL: the network has left. */
    struct hf_lookup *waiting;
    struct hf_lookup *done;
    size_t threads;
};

struct hf_lookups *hf_lookups_new(uv_async_t *wake)
{
    struct hf_lookups *made =
        hf_allocate(hf_allocator_libc(), sizeof *made, _Alignof(struct hf_lookups));
    if (!made)
        return NULL;
    made->wake = wake;
    (void)pthread_mutex_init(&made->lock, NULL); /* Without attributes, it cannot fail. */
    return made;
}

/* Lets go of the lock, and of everything if nobody is left to. */
static void unlock(struct hf_lookups *lookups)
{
    bool last = !lookups->wake && lookups->threads == 0;
    (void)pthread_mutex_unlock(&lookups->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&lookups->lock);
    hf_release(hf_allocator_libc(), lookups, sizeof *lookups, _Alignof(struct hf_lookups));
}

void hf_lookups_leave(struct hf_lookups *lookups)
{
    if (!lookups)
        return;
    (void)pthread_mutex_lock(&lookups->lock);
    assert(!lookups->waiting && !lookups->done);
    lookups->wake = NULL;
    unlock(lookups);
}

void hf_lookup_free(struct hf_lookup *lookup)
{
    if (lookup->found)
        freeaddrinfo(lookup->found);
    hf_release(hf_allocator_libc(), lookup, sizeof *lookup, _Alignof(struct hf_lookup));
}

static void append(struct hf_lookup **list, struct hf_lookup *lookup)
{
    while (*list)
        list = &(*list)->next;
    lookup->next = NULL;
    *list = lookup;
}

/* The first of a list. NULL: it has none. */
static struct hf_lookup *take_first(struct hf_lookup **list)
{
    struct hf_lookup *first = *list;
    if (first)
        *list = first->next;
    return first;
}

/* False: it is not in that list. */
static bool take_out(struct hf_lookup **list, const struct hf_lookup *lookup)
{
    while (*list && *list != lookup)
        list = &(*list)->next;
    return take_first(list) != NULL;
}

static void look_up(struct hf_lookup *lookup)
{
    const struct addrinfo hints = {.ai_family = lookup->family, .ai_socktype = SOCK_STREAM};
    lookup->error = getaddrinfo(lookup->name, NULL, &hints, &lookup->found);
    if (lookup->error != 0)
        lookup->found = NULL;
}

/* An owner leaves before the network does: so where there is one, there is somebody to wake. */
static void finish(struct hf_lookups *lookups, struct hf_lookup *lookup)
{
    if (!lookup->owner) {
        hf_lookup_free(lookup);
        return;
    }
    append(&lookups->done, lookup);
    (void)uv_async_send(lookups->wake);
}

static void *work(void *context)
{
    struct hf_lookups *lookups = context;
    struct hf_lookup *lookup;
    (void)pthread_mutex_lock(&lookups->lock);
    while ((lookup = take_first(&lookups->waiting)) != NULL) {
        (void)pthread_mutex_unlock(&lookups->lock);
        look_up(lookup);
        (void)pthread_mutex_lock(&lookups->lock);
        finish(lookups, lookup);
    }
    lookups->threads--;
    unlock(lookups);
    return NULL;
}

/* A thread that nobody joins and no signal disturbs: those are for the application's. */
static bool start_thread(struct hf_lookups *lookups)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, work, lookups);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return false;
    (void)pthread_detach(thread);
    return true;
}

struct hf_lookup *hf_lookup_begin(
    struct hf_lookups *lookups, void *owner, const char *name, int family)
{
    struct hf_lookup *made =
        hf_allocate(hf_allocator_libc(), sizeof *made, _Alignof(struct hf_lookup));
    if (!made)
        return NULL;
    made->lookups = lookups;
    made->owner = owner;
    made->family = family;
    snprintf(made->name, sizeof made->name, "%s", name);
    (void)pthread_mutex_lock(&lookups->lock);
    append(&lookups->waiting, made);
    if (lookups->threads < HF_NETWORK_LOOKUPS_MAX)
        lookups->threads += start_thread(lookups);
    bool begun = lookups->threads > 0;
    if (!begun)
        (void)take_first(&lookups->waiting); /* Without threads, it is the only one. */
    (void)pthread_mutex_unlock(&lookups->lock);
    if (begun)
        return made;
    hf_lookup_free(made);
    return NULL;
}

void hf_lookup_abandon(struct hf_lookup *lookup)
{
    struct hf_lookups *lookups = lookup->lookups;
    (void)pthread_mutex_lock(&lookups->lock);
    lookup->owner = NULL;
    if (take_out(&lookups->waiting, lookup) || take_out(&lookups->done, lookup))
        hf_lookup_free(lookup);
    (void)pthread_mutex_unlock(&lookups->lock);
}

struct hf_lookup *hf_lookups_take(struct hf_lookups *lookups)
{
    (void)pthread_mutex_lock(&lookups->lock);
    struct hf_lookup *done = take_first(&lookups->done);
    (void)pthread_mutex_unlock(&lookups->lock);
    return done;
}
