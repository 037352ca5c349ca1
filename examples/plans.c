/* SPDX-License-Identifier: MIT */
/* Users on different plans share one limiter; one of them changes plan while it is in use. */
#include <stdio.h>
#include <string.h>

#include <holdfast/holdfast.h>

static struct hf_limiter *limiter;

static void use(const char *user, const struct hf_gcra *plan, int calls)
{
    int admitted = 0;
    struct hf_decision decision = {.limit = 0};
    for (int call = 0; call < calls; call++)
        admitted += hf_limiter_check_with(
                        limiter, hf_bytes(user, strlen(user)), 1, plan, &decision) == HF_OK;
    printf("%s: %d of %d, %d left\n", user, admitted, calls, (int)decision.remaining);
}

int main(void)
{
    struct hf_quota quotas[] = {hf_quota_per_hour(3), hf_quota_per_hour(100)};
    struct hf_gcra free_plan;
    struct hf_gcra pro_plan;
    struct hf_limiter_options options = {.quota = quotas[0]};
    if (hf_gcra_init(&free_plan, &quotas[0], NULL) != HF_OK ||
        hf_gcra_init(&pro_plan, &quotas[1], NULL) != HF_OK ||
        hf_limiter_new(&limiter, &options, NULL) != HF_OK)
        return 1;
    use("ann", &free_plan, 5);
    use("bob", &pro_plan, 5);

    /* Ann pays. She owes the three cells that she has used, but earns them back faster now. */
    if (hf_limiter_requota(limiter, hf_bytes("ann", 3), &free_plan, &pro_plan) != HF_OK)
        return 1;
    use("ann", &pro_plan, 5);
    hf_limiter_free(limiter);
}
