/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <holdfast/random.h>

#include "net/varint.h"
#include "scale.h"

#define SEED 20260101

static void values_have_the_forms_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        size_t size;
        uint8_t bytes[HF_VARINT_BYTES_MAX];
    } known[] = {
        {0, 1, {0x00}},
        {1, 1, {0x01}},
        {127, 1, {0x7f}},
        {128, 2, {0x80, 0x01}},
        {255, 2, {0xff, 0x01}},
        {300, 2, {0xac, 0x02}},
        {16384, 3, {0x80, 0x80, 0x01}},
        {HF_VARINT_MAX, 9, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t bytes[HF_VARINT_BYTES_MAX];
        assert_int_equal(hf_varint_write(known[i].value, bytes), known[i].size);
        assert_int_equal(hf_varint_size(known[i].value), known[i].size);
        assert_memory_equal(bytes, known[i].bytes, known[i].size);
    }
}

static void assert_taken_as(struct hf_bytes bytes, enum hf_status expected)
{
    struct hf_bytes rest = bytes;
    uint64_t value = 77;
    assert_int_equal(hf_varint_take(&rest, &value), expected);
    assert_ptr_equal(rest.data, bytes.data);
    assert_int_equal(rest.size, bytes.size);
    assert_int_equal(value, 77);
}

static void any_value_is_taken_as_written_and_no_part_of_it_is_enough(void **state)
{
    (void)state;
    struct hf_splitmix splitmix;
    hf_splitmix_init(&splitmix, SEED);
    for (size_t round = 0; round < test_scaled(100000); round++) {
        uint64_t written = hf_splitmix_next(&splitmix) >> (1 + round % 63);
        uint8_t bytes[HF_VARINT_BYTES_MAX + 1];
        size_t size = hf_varint_write(written, bytes);
        bytes[size] = 0xff; /* Belongs to what follows. */
        for (size_t part = 0; part < size; part++)
            assert_taken_as(hf_bytes(bytes, part), HF_AGAIN);
        struct hf_bytes rest = hf_bytes(bytes, size + 1);
        uint64_t value;
        assert_int_equal(hf_varint_take(&rest, &value), HF_OK);
        assert_int_equal(value, written);
        assert_ptr_equal(rest.data, bytes + size);
        assert_int_equal(rest.size, 1);
    }
}

static void a_form_longer_than_needed_is_malformed(void **state)
{
    (void)state;
    assert_taken_as(hf_bytes("\x80\x00", 2), HF_MALFORMED);
    assert_taken_as(hf_bytes("\x81\x00", 2), HF_MALFORMED);
    assert_taken_as(hf_bytes("\xff\x80\x00", 3), HF_MALFORMED);
}

static void the_ninth_byte_is_the_last(void **state)
{
    (void)state;
    static const char endless[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_taken_as(hf_bytes(endless, 8), HF_AGAIN);
    assert_taken_as(hf_bytes(endless, 9), HF_MALFORMED);
    assert_taken_as(hf_bytes(endless, 11), HF_MALFORMED);
}

static void no_bytes_are_the_beginning_of_one(void **state)
{
    (void)state;
    assert_taken_as(hf_bytes(NULL, 0), HF_AGAIN);
}

static void prefixed_content_is_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    struct hf_bytes rest = hf_bytes("\x03yes no", 7);
    struct hf_bytes content = {0};
    for (size_t part = 0; part < 4; part++) {
        struct hf_bytes cut = hf_bytes(rest.data, part);
        assert_int_equal(hf_varint_take_prefixed(&cut, 3, &content), HF_AGAIN);
        assert_int_equal(cut.size, part);
        assert_null(content.data);
    }
    assert_int_equal(hf_varint_take_prefixed(&rest, 3, &content), HF_OK);
    assert_int_equal(content.size, 3);
    assert_memory_equal(content.data, "yes", 3);
    assert_int_equal(rest.size, 3);
    assert_memory_equal(rest.data, " no", 3);
}

static void a_prefix_past_the_bound_is_malformed_before_its_content_comes(void **state)
{
    (void)state;
    struct hf_bytes content = {0};
    struct hf_bytes over = hf_bytes("\x04", 1);
    assert_int_equal(hf_varint_take_prefixed(&over, 3, &content), HF_MALFORMED);
    struct hf_bytes padded = hf_bytes("\x83\x00yes", 5);
    assert_int_equal(hf_varint_take_prefixed(&padded, 3, &content), HF_MALFORMED);
    struct hf_bytes huge = hf_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\x7fx", 10);
    assert_int_equal(hf_varint_take_prefixed(&huge, SIZE_MAX, &content), HF_AGAIN);
    assert_int_equal(huge.size, 10);
    assert_null(content.data);
}

static void nothing_may_be_prefixed_too(void **state)
{
    (void)state;
    struct hf_bytes rest = hf_bytes("\x00", 1);
    struct hf_bytes content = {.size = 7};
    assert_int_equal(hf_varint_take_prefixed(&rest, 0, &content), HF_OK);
    assert_int_equal(content.size, 0);
    assert_int_equal(rest.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_the_forms_of_the_specification),
        cmocka_unit_test(any_value_is_taken_as_written_and_no_part_of_it_is_enough),
        cmocka_unit_test(a_form_longer_than_needed_is_malformed),
        cmocka_unit_test(the_ninth_byte_is_the_last),
        cmocka_unit_test(no_bytes_are_the_beginning_of_one),
        cmocka_unit_test(prefixed_content_is_taken_whole_or_not_at_all),
        cmocka_unit_test(a_prefix_past_the_bound_is_malformed_before_its_content_comes),
        cmocka_unit_test(nothing_may_be_prefixed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
