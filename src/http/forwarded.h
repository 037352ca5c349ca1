/* SPDX-License-Identifier: MIT */
#ifndef HF_HTTP_FORWARDED_H
#define HF_HTTP_FORWARDED_H

#include <holdfast/http.h>

/*
 * The address of the client for whom a request is made, by what trusted proxies say of it; the
 * peer's where they say nothing to be believed. options: checked, of the kind forwarded.
 */
struct hf_ip hf_forwarded_client(
    const struct hf_http_key_options *options, const struct hf_http_message *request);

#endif
