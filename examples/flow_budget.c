/* SPDX-License-Identifier: MIT */
/* Two replicas send to a peer by one budget, each telling the other what it has spent before that
 * one sends; when it is spent, a new epoch replenishes it. */
#include <stdio.h>

#include <holdfast/holdfast.h>

static const struct hf_hash_seed seed = {{1, 2, 3, 4}}; /* A secret that replicas share. */

static struct hf_flow *replica(void)
{
    struct hf_flow *flow = NULL;
    struct hf_flow_options options = {.seed = &seed};
    return hf_flow_new(&flow, &options, NULL) == HF_OK ? flow : NULL;
}

static void send(const char *name, struct hf_flow *flow, uint64_t bytes)
{
    struct hf_decision decision;
    enum hf_status status =
        hf_flow_charge(flow, hf_bytes("backup", 6), hf_bytes("peer", 4), bytes, &decision);
    printf("%s sends %d bytes: %s, %d left\n", name, (int)bytes,
        status == HF_OK ? "yes" : hf_reason_str(decision.reason), (int)decision.remaining);
}

static enum hf_status replicate(struct hf_flow *from, struct hf_flow *to)
{
    struct hf_flow_cursor cursor = {0};
    struct hf_flow_entry entry;
    enum hf_status status = HF_OK;
    while (status == HF_OK && hf_flow_next(from, &cursor, &entry) == HF_OK)
        status = hf_flow_merge(to, &entry);
    return status;
}

int main(void)
{
    struct hf_flow *a = replica();
    struct hf_flow *b = replica();
    struct hf_bytes context = hf_bytes("backup", 6);
    struct hf_bytes peer = hf_bytes("peer", 4);
    if (!a || !b || hf_flow_grant(a, context, peer, 1, 1000) != HF_OK)
        return 1;
    send("a", a, 700);
    if (replicate(a, b) != HF_OK)
        return 1;
    send("b", b, 400);
    send("b", b, 300);
    if (hf_flow_grant(b, context, peer, 2, 1000) != HF_OK || replicate(b, a) != HF_OK)
        return 1;
    send("a", a, 400);
    hf_flow_free(a);
    hf_flow_free(b);
}
