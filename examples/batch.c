/* SPDX-License-Identifier: MIT */
/* A packet queue: all that has arrived is decided in one call, whose keys come from memory
 * together. */
#include <stdio.h>

#include <holdfast/holdfast.h>

struct packet {
    unsigned char source[4];
    unsigned char bytes;
};

int main(void)
{
    struct hf_limiter *limiter;
    struct hf_limiter_options options = {.quota = hf_quota_per_minute(100)}; /* Bytes a source. */
    if (hf_limiter_new(&limiter, &options, NULL) != HF_OK)
        return 1;
    struct packet packets[] = {
        {{192, 0, 2, 1}, 60}, {{192, 0, 2, 2}, 80}, {{192, 0, 2, 1}, 60}, {{192, 0, 2, 1}, 40}};
    enum { COUNT = sizeof(packets) / sizeof(packets[0]) };
    struct hf_limiter_request requests[COUNT] = {{.cost = 0}};
    for (int i = 0; i < COUNT; i++) {
        requests[i].key = hf_bytes(packets[i].source, sizeof(packets[i].source));
        requests[i].cost = packets[i].bytes;
    }
    if (hf_limiter_check_many(limiter, requests, COUNT) != HF_OK)
        printf("not all of them\n");
    for (int i = 0; i < COUNT; i++)
        printf("192.0.2.%d, %d bytes: %s\n", packets[i].source[3], packets[i].bytes,
            requests[i].status == HF_OK ? "forwarded" : "dropped");
    hf_limiter_free(limiter);
}
