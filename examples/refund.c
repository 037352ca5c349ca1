/* SPDX-License-Identifier: MIT */
/* Only failed logins count: each attempt is charged before the password is looked at, so that no
 * number of attempts at the same time gets past the limit, and given back if it was right. */
#include <stdio.h>
#include <string.h>

#include <holdfast/holdfast.h>

static struct hf_limiter *attempts;

static const char *log_in(const char *user, const char *password)
{
    struct hf_bytes key = hf_bytes(user, strlen(user));
    if (hf_limiter_check(attempts, key, 1, NULL) != HF_OK)
        return "too many attempts";
    if (strcmp(password, "sesame") != 0)
        return "wrong";
    return hf_limiter_refund(attempts, key, 1, NULL) == HF_OK ? "welcome" : "not given back";
}

int main(void)
{
    struct hf_limiter_options options = {.quota = hf_quota_per_hour(3)};
    if (hf_limiter_new(&attempts, &options, NULL) != HF_OK)
        return 1;
    const char *tries[] = {
        "sesame", "sesame", "sesame", "sesame", "1234", "abcd", "0000", "sesame"};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
        printf("%s: %s\n", tries[i], log_in("ali", tries[i]));
    if (hf_limiter_reset(attempts, hf_bytes("ali", 3)) != HF_OK) /* He has called support. */
        return 1;
    printf("sesame: %s\n", log_in("ali", "sesame"));
    hf_limiter_free(attempts);
}
