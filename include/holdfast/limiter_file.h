/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_LIMITER_FILE_H
#define HOLDFAST_LIMITER_FILE_H

#include <holdfast/limiter.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A keyed limiter in a file that processes map: one limit for all of them, which outlives each and,
 * on a disk, the machine's next start.
 *
 *     const struct hf_limiter_file file = {.path = "/dev/shm/logins"};
 *     status = hf_limiter_open(&limiter, &options, &file, &error);
 *     ... every call of limiter.h, as if no other process existed ...
 *     hf_limiter_free(limiter);
 *
 * In /dev/shm (or a memfd, by its /proc/self/fd name) the limit lasts until the machine stops. On a
 * local disk it goes on after that, and a call may have to wait where the kernel is just writing
 * what it wants to change. Otherwise calls cost what they cost without a file, and stay lock-free.
 *
 * PROCESSES. Up to HF_LIMITER_PROCESSES_MAX openings at a time, in one process or several, of one
 * machine. They share the table, the hash seed and the time; each has its own quota and
 * full_policy. They should agree about the quota, as callers of _with do who hand in their own. Of
 * the statistics `inserted` is everybody's, the others are one's own.
 *
 * A process may be killed at any moment: others go on. What it was inserting at that moment takes
 * up a place until somebody opens the file, or finds no room for a key there, or calls
 * hf_limiter_recover. It is known to be dead by a lock that the kernel drops with it, not by its
 * number or by how long it has been silent.
 *
 * A child made by fork may go on using the limiter, as one more thread of its parent would: what
 * either leaves behind is taken up once both are gone. A child that should stand for itself frees
 * what it inherited, which touches nothing of its parent's, and opens the file again. exec lets go
 * of everything.
 *
 * TIME. The limiter lives by a time of the file's own, which never goes backwards:
 * - Within one start of the machine it follows options.clock, which must be one that all processes
 *   read the same: monotonic, or boottime, which goes on while the machine is suspended. Times for
 *   _at calls are readings of that clock.
 * - At the first opening after a start it has moved on by what the wall clock says, counted from
 *   the file's creation. A wall clock that went backwards stands for no time at all: no key is
 *   given a cell for it, and all go on waiting from where they were. One that has jumped ahead does
 *   what the wait would have done: keys are as good as new. That a wrong wall clock is put right
 *   after the opening changes nothing until the next start.
 * - What is not known of the past is at most about a second: the file notes the time each second
 *   that its clock is read in, at hf_limiter_sync and when a limiter is freed.
 *
 * POWER FAILURE. What the kernel had not written by then is forgotten, from the last
 * hf_limiter_sync on at most: keys may be given again what they had since. A machine that is shut
 * down in order forgets nothing.
 *
 * THE FILE. Created with mode 0600 and its full size reserved, so that a full disk shows at once
 * (where a file system copies what is overwritten, it can show later, as a SIGBUS); a file that
 * exists and is empty is filled in, with the owner and mode it has. It is never removed, and a file
 * that is not this library's is never changed. A path that does not exist is not created through a
 * symbolic link. Opening waits for others who are opening the same file. The first to open a file
 * checks it whole and mends what a crash has left.
 *
 * The hash seed is in it: who can read it can choose keys that collide. Whoever can write it can do
 * anything to the limits, and whoever shortens it while it is mapped kills its users with SIGBUS,
 * as with any mapped file: keep it in a folder that only they can write. To start afresh remove it:
 * who has it open goes on with the old one.
 */
struct hf_limiter_file {
    const char *path;
    struct hf_wall_clock wall_clock; /* Zero: the system's. Read once, at opening. */
    /*
     * Names this start of the machine: the same for all processes until the clock starts again, and
     * never again after. NULL: the kernel's own name for it, from /proc.
     */
    const char *boot;
};

#define HF_LIMITER_PROCESSES_MAX 255

/*
 * Opens a file of limits, or makes one. Of options, keys_max (0: as the file has it, 65,536 in a
 * new one), hash and seed (NULL: the file's) must agree with a file that exists; fill_max_ns counts
 * in a new one only.
 *
 * HF_INVALID: an option is out of range or contradicts the file, or table time has reached
 * HF_TIME_MAX_NS. HF_MALFORMED: the file is no limiter's, damaged, or not of the length that it
 * says. HF_UNSUPPORTED: it was made by another version, or on a machine of another byte order; or
 * the system has no locks that serve. HF_FULL: HF_LIMITER_PROCESSES_MAX have it open. HF_TIMEOUT:
 * somebody else has been opening it for HF_LIMITER_OPENING_NS. HF_NO_MEMORY. HF_IO: the system
 * refused something; the code is its errno (no room, no permission, a folder, read-only).
 * On failure *limiter is NULL, and error (NULL: not wanted) names what was found and what was
 * expected. The first to open a file reads it whole; the others, and all later calls, do not.
 */
#define HF_LIMITER_OPENING_NS HF_SECONDS(10)
HF_MUST_USE HF_API enum hf_status hf_limiter_open(struct hf_limiter **limiter,
    const struct hf_limiter_options *options, const struct hf_limiter_file *file,
    struct hf_error *error);

/*
 * Takes up what killed processes have left unfinished: up to one place for each thread of theirs.
 * Walks the whole table while others use it; worth a call when a supervisor has seen a process die.
 * *recovered (NULL: not wanted): how many places. HF_INVALID: limiter is NULL. A limiter without a
 * file has nothing to recover, which is HF_OK. Thread-safe.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_recover(
    struct hf_limiter *limiter, uint64_t *recovered);

/*
 * Brings the file to the disk, so that a power failure forgets nothing of before the call. Others
 * use it meanwhile; takes as long as the disk does. HF_INVALID: limiter is NULL. HF_IO with the
 * system's errno. A limiter without a file has nothing to write, which is HF_OK. Thread-safe.
 */
HF_MUST_USE HF_API enum hf_status hf_limiter_sync(
    struct hf_limiter *limiter, struct hf_error *error);

#ifdef __cplusplus
}
#endif

#endif
