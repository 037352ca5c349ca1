/* SPDX-License-Identifier: MIT */
#ifndef HF_HTTP_IP_H
#define HF_HTTP_IP_H

#include <holdfast/http.h>

/* Bits of an address of that version; 0 for one without. */
unsigned hf_ip_bits(const struct hf_ip *ip);

/* The address with all bits past the first prefix_bits cleared. */
struct hf_ip hf_ip_prefix(const struct hf_ip *ip, unsigned prefix_bits);

bool hf_ip_equals(const struct hf_ip *a, const struct hf_ip *b);

/* An IPv6 address given by its 16 bytes; IPv4 if it is a mapped one. */
struct hf_ip hf_ip_from_v6(const uint8_t *bytes);

#endif
