/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <holdfast/outcome.h>

static void the_zero_value_is_success_in_sixteen_bytes(void **state)
{
    (void)state;
    struct hf_outcome zero = {0};
    assert_int_equal(zero.kind, HF_SUCCESS);
    assert_int_equal(sizeof(zero), 16);
}

static void makers_fill_what_they_name(void **state)
{
    (void)state;
    assert_int_equal(hf_success().kind, HF_SUCCESS);
    assert_int_equal(hf_transient(3).kind, HF_TRANSIENT);
    assert_int_equal(hf_transient(3).code, 3);
    assert_int_equal(hf_transient_after(429, 7).kind, HF_TRANSIENT);
    assert_int_equal(hf_transient_after(429, 7).code, 429);
    assert_int_equal(hf_transient_after(429, 7).retry_after_ns, 7);
    assert_int_equal(hf_permanent(-2).kind, HF_PERMANENT);
    assert_int_equal(hf_permanent(-2).code, -2);
    assert_int_equal(hf_ignored(404).kind, HF_IGNORED);
}

static void kinds_have_names_and_strangers_do_too(void **state)
{
    (void)state;
    assert_string_equal(hf_outcome_kind_str(HF_SUCCESS), "success");
    assert_string_equal(hf_outcome_kind_str(HF_TRANSIENT), "transient");
    assert_string_equal(hf_outcome_kind_str(HF_PERMANENT), "permanent");
    assert_string_equal(hf_outcome_kind_str(HF_IGNORED), "ignored");
    assert_string_equal(hf_outcome_kind_str((enum hf_outcome_kind)4), "unknown");
    assert_string_equal(hf_outcome_kind_str((enum hf_outcome_kind) - 1), "unknown");
}

static void errno_that_time_can_mend_is_transient(void **state)
{
    (void)state;
    const int mendable[] = {EINTR, EAGAIN, EWOULDBLOCK, EBUSY, ENOMEM, ENOBUFS, EMFILE, ENFILE,
        ENOSPC, EDQUOT, ETIMEDOUT, ECONNREFUSED, ECONNRESET, ECONNABORTED, EPIPE, ENETDOWN,
        ENETUNREACH, ENETRESET, EHOSTDOWN, EHOSTUNREACH, EADDRINUSE, EADDRNOTAVAIL};
    for (size_t index = 0; index < sizeof(mendable) / sizeof(mendable[0]); index++) {
        struct hf_outcome outcome = hf_outcome_from_errno(mendable[index]);
        assert_int_equal(outcome.kind, HF_TRANSIENT);
        assert_int_equal(outcome.code, mendable[index]);
        assert_int_equal(outcome.retry_after_ns, 0);
    }
}

static void other_errno_are_permanent_but_cancelling_counts_for_nothing(void **state)
{
    (void)state;
    const int hopeless[] = {EPERM, ENOENT, EIO, EBADF, EACCES, EFAULT, EEXIST, EINVAL, EROFS,
        ENOSYS, EMSGSIZE, EAFNOSUPPORT, -1, INT32_MAX, INT32_MIN};
    for (size_t index = 0; index < sizeof(hopeless) / sizeof(hopeless[0]); index++) {
        assert_int_equal(hf_outcome_from_errno(hopeless[index]).kind, HF_PERMANENT);
        assert_int_equal(hf_outcome_from_errno(hopeless[index]).code, hopeless[index]);
    }
    assert_int_equal(hf_outcome_from_errno(0).kind, HF_SUCCESS);
    assert_int_equal(hf_outcome_from_errno(ECANCELED).kind, HF_IGNORED);
}

static void every_grpc_code_has_its_kind(void **state)
{
    (void)state;
    const enum hf_outcome_kind expected[] = {
        [0] = HF_SUCCESS,    /* OK */
        [1] = HF_IGNORED,    /* CANCELLED */
        [2] = HF_PERMANENT,  /* UNKNOWN */
        [3] = HF_IGNORED,    /* INVALID_ARGUMENT */
        [4] = HF_TRANSIENT,  /* DEADLINE_EXCEEDED */
        [5] = HF_IGNORED,    /* NOT_FOUND */
        [6] = HF_IGNORED,    /* ALREADY_EXISTS */
        [7] = HF_IGNORED,    /* PERMISSION_DENIED */
        [8] = HF_TRANSIENT,  /* RESOURCE_EXHAUSTED */
        [9] = HF_IGNORED,    /* FAILED_PRECONDITION */
        [10] = HF_TRANSIENT, /* ABORTED */
        [11] = HF_IGNORED,   /* OUT_OF_RANGE */
        [12] = HF_PERMANENT, /* UNIMPLEMENTED */
        [13] = HF_PERMANENT, /* INTERNAL */
        [14] = HF_TRANSIENT, /* UNAVAILABLE */
        [15] = HF_PERMANENT, /* DATA_LOSS */
        [16] = HF_IGNORED,   /* UNAUTHENTICATED */
        [17] = HF_PERMANENT,
    };
    for (int code = 0; code < 18; code++) {
        assert_int_equal(hf_outcome_from_grpc(code).kind, expected[code]);
        assert_int_equal(hf_outcome_from_grpc(code).code, code);
    }
    assert_int_equal(hf_outcome_from_grpc(-1).kind, HF_PERMANENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_zero_value_is_success_in_sixteen_bytes),
        cmocka_unit_test(makers_fill_what_they_name),
        cmocka_unit_test(kinds_have_names_and_strangers_do_too),
        cmocka_unit_test(errno_that_time_can_mend_is_transient),
        cmocka_unit_test(other_errno_are_permanent_but_cancelling_counts_for_nothing),
        cmocka_unit_test(every_grpc_code_has_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
