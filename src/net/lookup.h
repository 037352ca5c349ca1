/* SPDX-License-Identifier: MIT */
#ifndef HF_NET_LOOKUP_H
#define HF_NET_LOOKUP_H

#include <netdb.h>
#include <uv.h>

#include <holdfast/multiaddr.h>
#include <holdfast/network.h>

/*
 * Names looked up by threads of their own. Nothing can end a lookup that the system's resolver has
 * begun: so a network that stops does not wait for it, but leaves. Whoever comes out last, the
 * network or a thread, frees what they share; that memory is libc's, since the network's may be
 * gone by then.
 *
 *     network                                    thread
 *     begin: puts a lookup among the waiting     takes it, looks the name up
 *     take:  what is done                        puts it among the done and wakes the network, or
 *     abandon, leave                             frees it if it was abandoned
 *
 * One lock guards all of it, and is held for a few instructions. At most HF_NETWORK_LOOKUPS_MAX
 * threads a network look up at a time; further names wait. All calls are the network's thread's.
 */
struct hf_lookups;

/* What belongs to it is for the reader of a lookup that is done; all else is private. */
struct hf_lookup {
    struct hf_lookups *lookups;
    struct hf_lookup *next;
    void *owner; /* Who asked; NULL: nobody waits for it any more. */
    int family;
    int error;              /* Of getaddrinfo. */
    struct addrinfo *found; /* NULL if there was one. */
    char name[HF_MULTIADDR_NAME_MAX + 1];
};

/* wake is sent whenever a lookup is done. Borrowed until leave. NULL: no memory. */
struct hf_lookups *hf_lookups_new(uv_async_t *wake);

/* Nobody is woken any more. All lookups must have been taken or abandoned. NULL: nothing. */
void hf_lookups_leave(struct hf_lookups *lookups);

/* Begins one. owner: not NULL. NULL: there is no memory or no thread for it. */
struct hf_lookup *hf_lookup_begin(
    struct hf_lookups *lookups, void *owner, const char *name, int family);

/* Its owner waits for it no more. */
void hf_lookup_abandon(struct hf_lookup *lookup);

/* One that is done, to be freed by the caller. NULL: none. */
struct hf_lookup *hf_lookups_take(struct hf_lookups *lookups);
void hf_lookup_free(struct hf_lookup *lookup);

#endif
