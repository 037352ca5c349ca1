/* SPDX-License-Identifier: MIT */
#ifndef HF_HTTP_DATE_H
#define HF_HTTP_DATE_H

#include <stdbool.h>

#include <holdfast/api.h>

/*
 * Parses an HTTP date in any of its three forms (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT",
 * "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". now_s, seconds since 1970, decides
 * the century of the second. Whether the day of the week fits the date is not looked at. Moments
 * before 1970 give 0, since to whoever waits they are all past.
 */
bool hf_date_parse(struct hf_bytes text, uint64_t now_s, uint64_t *date_s);

/* Both at most HF_TIME_MAX_NS. */
uint64_t hf_date_seconds_ns(uint64_t seconds);
uint64_t hf_date_until_ns(uint64_t date_s, uint64_t wall_now_ns);

#endif
