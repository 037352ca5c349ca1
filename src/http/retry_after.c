/* SPDX-License-Identifier: MIT */
#include <holdfast/http.h>

#include "http/date.h"
#include "http/text.h"

enum hf_status hf_http_retry_after_parse(
    struct hf_bytes value, uint64_t wall_now_ns, uint64_t *retry_after_ns)
{
    if (!retry_after_ns || (!value.data && value.size > 0))
        return HF_INVALID;
    struct hf_bytes text = hf_text_trim(value);
    uint64_t seconds;
    uint64_t date_s;
    if (hf_text_number(text, &seconds))
        *retry_after_ns = hf_date_seconds_ns(seconds);
    else if (hf_date_parse(text, wall_now_ns / HF_SECONDS(1), &date_s))
        *retry_after_ns = hf_date_until_ns(date_s, wall_now_ns);
    else
        return HF_MALFORMED;
    return HF_OK;
}
