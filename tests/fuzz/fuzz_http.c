/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <holdfast/http.h>

/* Whatever bytes a field holds: whose request, when to come again, what a server tells. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool field(void *context, const char *name, size_t index, struct hf_bytes *value)
{
    (void)name;
    *value = *(const struct hf_bytes *)context;
    return index < 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_bytes bytes = hf_bytes(data, size);
    struct hf_cidr all = {.ip.version = 4};
    struct hf_http_key_options options = {HF_HTTP_KEY_FORWARDED, "X", &all, 1, 0, 0};
    struct hf_http_message message = {all.ip, field, &bytes};
    struct hf_http_key key;
    uint64_t wait_ns;
    bool ok = hf_http_key(&options, &message, &key) == HF_OK;
    options.header = "Forwarded";
    ok = ok && hf_http_key(&options, &message, &key) == HF_OK;
    ok = ok && hf_http_outcome(429, &message, size).retry_after_ns <= HF_TIME_MAX_NS;
    ok = ok && hf_http_retry_after_parse(bytes, size, &wait_ns) != HF_INVALID;
    if (!ok)
        abort(); /* A value returned would only tell the fuzzer to forget this input. */
    return 0;
}
