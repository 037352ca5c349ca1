/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "base/multiply.h"
#include "scale.h"

#define TEST_SEED 7

/* As on paper: for each bit of b, a shifted that far is added, with a carry by hand. */
static struct hf_product product_on_paper(uint64_t a, uint64_t b)
{
    struct hf_product sum = {0, 0};
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!(b >> bit & 1))
            continue;
        uint64_t low = sum.low + (a << bit);
        sum.high += (low < sum.low) + (bit > 0 ? a >> (64 - bit) : 0);
        sum.low = low;
    }
    return sum;
}

static void assert_product(uint64_t a, uint64_t b)
{
    struct hf_product expected = product_on_paper(a, b);
    const struct hf_product products[] = {hf_multiply(a, b), hf_multiply_by_halves(a, b)};
    for (size_t i = 0; i < 2; i++) {
        if (products[i].low != expected.low || products[i].high != expected.high)
            fail_msg("%llu * %llu, way %zu", (unsigned long long)a, (unsigned long long)b, i);
    }
}

/* Whatever the two halves are made of, carries come from all ones and from their neighbours. */
static void every_carry_is_carried(void **state)
{
    (void)state;
    static const uint64_t halves[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    const size_t count = sizeof(halves) / sizeof(halves[0]);
    for (size_t i = 0; i < count * count; i++) {
        for (size_t j = 0; j < count * count; j++)
            assert_product(halves[i / count] << 32 | halves[i % count],
                halves[j / count] << 32 | halves[j % count]);
    }
}

static void random_products_are_those_on_paper(void **state)
{
    (void)state;
    struct hf_splitmix random;
    hf_splitmix_init(&random, TEST_SEED);
    for (size_t i = 0; i < test_scaled(100000); i++)
        assert_product(hf_splitmix_next(&random), hf_splitmix_next(&random));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_carry_is_carried),
        cmocka_unit_test(random_products_are_those_on_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
