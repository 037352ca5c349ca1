/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_PEERS_NET_ANSWER_H
#define HF_BENCH_PEERS_NET_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What peers in C share: the clock, lines in, and answers out. */

/* Monotonic, in nanoseconds. */
uint64_t answer_now_ns(void);

/* Says how long something took as a whole and each of its parts, which are sorted. */
void answer_times(uint64_t taken_ns, uint64_t *each_ns, size_t count);

/* Calls obey with each line of standard input, without its end; ends the program if that says no.
 */
void answer_lines(bool (*obey)(void *context, const char *line), void *context);

/* Ends the program. */
_Noreturn void answer_fail(const char *what, const char *why);

#endif
