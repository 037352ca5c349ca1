/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/multistream.h"
#include "scale.h"

/* Lines as they go over the wire. */
#define HEADER "\x13/multistream/1.0.0\n"
#define NA "\x03na\n"
#define NOISE "\x07/noise\n"
#define TLS "\x0b/tls/1.0.0\n"
#define PING "\x11/ipfs/ping/1.0.0\n"
#define LS "\x03ls\n"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct hf_bytes names[] = {
    NAME("/tls/1.0.0"), NAME("/noise"), NAME("/ipfs/ping/1.0.0")};

/* What came of a negotiation: how it ended, what was sent, what was left. */
struct outcome {
    enum hf_status status;
    size_t agreed;
    const char *reason;
    char sent[4096];
    size_t sent_bytes;
    char left[4096];
    size_t left_bytes;
};

static void write_all(struct hf_multistream *select, struct outcome *outcome)
{
    uint8_t *out = (uint8_t *)outcome->sent + outcome->sent_bytes;
    outcome->sent_bytes +=
        hf_multistream_write(select, out, sizeof(outcome->sent) - outcome->sent_bytes);
}

/* Hands over one more piece, as a driver does; memory of the exact size shows a read past it. */
static void hand_over(
    struct hf_multistream *select, struct outcome *outcome, const char *bytes, size_t size)
{
    memcpy(outcome->left + outcome->left_bytes, bytes, size);
    outcome->left_bytes += size;
    size_t taken = 1;
    while (outcome->status == HF_AGAIN && taken > 0) {
        uint8_t *exact = malloc(outcome->left_bytes + 1);
        assert_non_null(exact);
        memcpy(exact + 1, outcome->left, outcome->left_bytes);
        outcome->status = hf_multistream_receive(select, exact + 1, outcome->left_bytes, &taken);
        free(exact);
        assert_in_range(taken, 0, outcome->left_bytes);
        outcome->left_bytes -= taken;
        memmove(outcome->left, outcome->left + taken, outcome->left_bytes);
        write_all(select, outcome);
    }
}

/* Cut before `first` and before `second`. */
static struct outcome negotiate(bool dialer, const struct hf_bytes *own, size_t count,
    const char *bytes, size_t size, size_t first, size_t second)
{
    struct hf_multistream select;
    struct outcome outcome = {.status = HF_AGAIN};
    assert_int_equal(hf_multistream_init(&select, dialer, own, count), HF_OK);
    write_all(&select, &outcome);
    hand_over(&select, &outcome, bytes, first);
    hand_over(&select, &outcome, bytes + first, second - first);
    hand_over(&select, &outcome, bytes + second, size - second);
    outcome.agreed = select.agreed;
    outcome.reason = hf_multistream_reason(&select);
    return outcome;
}

static struct outcome negotiate_at_once(
    bool dialer, const struct hf_bytes *own, size_t count, const char *bytes, size_t size)
{
    return negotiate(dialer, own, count, bytes, size, size, size);
}

struct session {
    const char *what;
    bool dialer;
    size_t count; /* Of the names. */
    const char *received;
    enum hf_status status;
    size_t agreed;
    const char *sent; /* NULL: as much as was still to be said before it failed. */
    const char *left;
};

static const struct session sessions[] = {
    {"a dialer is understood", true, 1, HEADER TLS "secret", HF_OK, 0, HEADER TLS, "secret"},
    {"a dialer's second name is taken", true, 3, HEADER NA NOISE "x", HF_OK, 1, HEADER TLS NOISE,
        "x"},
    {"a dialer's last name is taken", true, 3, HEADER NA NA PING, HF_OK, 2, HEADER TLS NOISE PING,
        ""},
    {"a dialer is refused", true, 2, HEADER NA NA "y", HF_NOT_FOUND, 1, HEADER TLS NOISE, "y"},
    {"a dialer gets an answer to something else", true, 2, HEADER NOISE, HF_MALFORMED, 0,
        HEADER TLS, ""},
    {"a dialer gets no header", true, 1, TLS, HF_MALFORMED, 0, HEADER TLS, ""},
    {"a dialer gets two headers", true, 1, HEADER HEADER TLS, HF_MALFORMED, 0, HEADER TLS, TLS},
    {"a dialer waits", true, 1, HEADER, HF_AGAIN, 0, HEADER TLS, ""},
    {"a dialer gets nothing", true, 1, "", HF_AGAIN, 0, HEADER TLS, ""},
    {"a listener understands", false, 3, HEADER NOISE "early", HF_OK, 1, HEADER NOISE, "early"},
    {"a listener lets the dialer choose again", false, 1, HEADER NOISE LS TLS "\x13", HF_OK, 0,
        HEADER NA NA TLS, "\x13"},
    {"a listener without names refuses", false, 0, HEADER NOISE, HF_AGAIN, 0, HEADER NA, ""},
    {"a listener knows of no simultaneous open", false, 3,
        HEADER "\x1d/libp2p/simultaneous-connect\n" NOISE, HF_OK, 1, HEADER NA NOISE, ""},
    {"a listener waits for the header before it speaks", false, 3, "\x13/multistream/1.0.0",
        HF_AGAIN, 0, "", "\x13/multistream/1.0.0"},
    {"a listener has another protocol's client", false, 3, "\x16\x03\x01 GET / HTTP/1.1......",
        HF_MALFORMED, 0, "", "\x16\x03\x01 GET / HTTP/1.1......"},
    {"a listener has another version's client", false, 3, "\x13/multistream/2.0.0\n" TLS,
        HF_MALFORMED, 0, "", TLS},
    {"a listener's name is only the beginning", false, 3, HEADER "\x06/nois\n", HF_AGAIN, 0,
        HEADER NA, ""},
    {"a listener hears a name and more", false, 3, HEADER "\x08/noise \n", HF_AGAIN, 0, HEADER NA,
        ""},
    {"a line of no name", false, 3, HEADER "\x01\n" NOISE, HF_OK, 1, HEADER NA NOISE, ""},
    {"a line without an end", false, 3, HEADER "\x06/noise\n", HF_MALFORMED, 0, NULL,
        "\x06/noise\n"},
    {"eight proposals", false, 3, HEADER LS LS LS LS LS LS LS TLS, HF_OK, 0,
        HEADER NA NA NA NA NA NA NA TLS, ""},
    {"nine proposals", false, 3, HEADER LS LS LS LS LS LS LS LS TLS, HF_FULL, 0, NULL, ""},
};

static void assert_bytes(const char *what, const char *bytes, size_t size, const char *expected)
{
    if (size != strlen(expected) || memcmp(bytes, expected, size) != 0)
        fail_msg("%s: \"%.*s\" instead of \"%s\"", what, (int)size, bytes, expected);
}

static void assert_outcome(const struct session *session, const struct outcome *outcome)
{
    if (outcome->status != session->status || outcome->agreed != session->agreed)
        fail_msg("%s: %s, name %zu (%s)", session->what, hf_status_str(outcome->status),
            outcome->agreed, outcome->reason);
    if (session->sent)
        assert_bytes(session->what, outcome->sent, outcome->sent_bytes, session->sent);
    assert_bytes(session->what, outcome->left, outcome->left_bytes, session->left);
    bool failed = session->status != HF_OK && session->status != HF_AGAIN;
    assert_int_equal(failed, outcome->reason[0] != '\0');
}

static void each_session_ends_as_it_should_however_its_bytes_arrive(void **state)
{
    (void)state;
    for (size_t index = 0; index < LENGTH(sessions); index++) {
        const struct session *session = &sessions[index];
        size_t size = strlen(session->received);
        size_t step = test_is_slow() ? 7 : 1;
        for (size_t first = 0; first <= size; first += step)
            for (size_t second = first; second <= size; second += step) {
                struct outcome outcome = negotiate(
                    session->dialer, names, session->count, session->received, size, first, second);
                assert_outcome(session, &outcome);
            }
    }
}

static void each_session_ends_as_it_should_byte_by_byte(void **state)
{
    (void)state;
    for (size_t index = 0; index < LENGTH(sessions); index++) {
        const struct session *session = &sessions[index];
        struct hf_multistream select;
        struct outcome outcome = {.status = HF_AGAIN};
        assert_int_equal(
            hf_multistream_init(&select, session->dialer, names, session->count), HF_OK);
        write_all(&select, &outcome);
        for (size_t at = 0; session->received[at]; at++)
            hand_over(&select, &outcome, session->received + at, 1);
        outcome.agreed = select.agreed;
        outcome.reason = hf_multistream_reason(&select);
        assert_outcome(session, &outcome);
    }
}

/* A header, and a proposal of so many bytes, its end included. */
static size_t make_long(char *bytes, size_t length)
{
    memcpy(bytes, HEADER, sizeof(HEADER) - 1);
    char *line = bytes + sizeof(HEADER) - 1;
    line[0] = (char)((length & 0x7f) | 0x80);
    line[1] = (char)(length >> 7);
    memset(line + 2, 'a', length - 1);
    line[length + 1] = '\n';
    return sizeof(HEADER) - 1 + length + 2;
}

static void lines_are_bounded(void **state)
{
    (void)state;
    static char bytes[2048];
    size_t size = make_long(bytes, HF_MULTISTREAM_LINE_BYTES_MAX);
    struct outcome outcome = negotiate_at_once(false, names, 1, bytes, size);
    assert_int_equal(outcome.status, HF_AGAIN);
    assert_bytes("the longest line", outcome.sent, outcome.sent_bytes, HEADER NA);
    make_long(bytes, HF_MULTISTREAM_LINE_BYTES_MAX + 1);
    outcome = negotiate_at_once(false, names, 1, bytes, sizeof(HEADER) - 1 + 2);
    assert_int_equal(outcome.status, HF_MALFORMED);
    assert_string_equal(outcome.reason, "the peer's line is malformed");
}

static void a_name_as_long_as_a_line_can_be_is_agreed_on(void **state)
{
    (void)state;
    static char bytes[2048];
    size_t size = make_long(bytes, HF_MULTISTREAM_LINE_BYTES_MAX);
    const struct hf_bytes name = hf_bytes(bytes + sizeof(HEADER) + 1, 1023);
    for (size_t dialer = 0; dialer < 2; dialer++) {
        struct outcome outcome = negotiate_at_once(dialer, &name, 1, bytes, size);
        assert_int_equal(outcome.status, HF_OK);
        assert_int_equal(outcome.sent_bytes, size);
        assert_memory_equal(outcome.sent, bytes, size);
    }
}

static void lengths_have_one_form_of_at_most_two_bytes(void **state)
{
    (void)state;
    static const char *const lengths[] = {"\x80\x80", "\xff\xff", "\x81\x80\x80\x01"};
    for (size_t index = 0; index < LENGTH(lengths); index++) {
        struct outcome outcome =
            negotiate_at_once(false, names, 3, lengths[index], strlen(lengths[index]));
        assert_int_equal(outcome.status, HF_MALFORMED);
    }
    static const char zeroes[][2] = {{0, 'x'}, {(char)0x80, 0}, {(char)0x93, 0}};
    for (size_t index = 0; index < LENGTH(zeroes); index++)
        assert_int_equal(negotiate_at_once(false, names, 3, zeroes[index], 2).status, HF_MALFORMED);
    assert_int_equal(negotiate_at_once(false, names, 3, "\x93", 1).status, HF_AGAIN);
}

static void a_dialer_says_header_and_proposal_in_one_write(void **state)
{
    (void)state;
    struct hf_multistream select;
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    assert_int_equal(hf_multistream_init(&select, true, names, 2), HF_OK);
    size_t size = hf_multistream_write(&select, out, sizeof(out));
    assert_bytes("first write", (char *)out, size, HEADER TLS);
    assert_int_equal(hf_multistream_write(&select, out, sizeof(out)), 0);
}

static void what_has_no_room_is_kept(void **state)
{
    (void)state;
    struct hf_multistream select;
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    assert_int_equal(hf_multistream_init(&select, true, names, 2), HF_OK);
    size_t needed = sizeof(HEADER TLS) - 1;
    for (size_t room = 0; room < needed; room++)
        assert_int_equal(hf_multistream_write(&select, out, room), 0);
    assert_int_equal(hf_multistream_write(&select, out, needed), needed);
}

static void a_dialer_of_one_name_may_go_on_before_it_is_answered(void **state)
{
    (void)state;
    struct hf_multistream select;
    size_t taken;
    assert_int_equal(hf_multistream_init(&select, true, names, 1), HF_OK);
    assert_true(hf_multistream_may_go_on(&select));
    assert_int_equal(hf_multistream_receive(&select, (const uint8_t *)"\0", 1, &taken), HF_AGAIN);
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    assert_true(hf_multistream_write(&select, out, sizeof(out)) > 0);
    assert_int_equal(
        hf_multistream_receive(&select, (const uint8_t *)"\0", 1, &taken), HF_MALFORMED);
    assert_false(hf_multistream_may_go_on(&select));
    assert_int_equal(hf_multistream_init(&select, true, names, 2), HF_OK);
    assert_false(hf_multistream_may_go_on(&select));
    assert_int_equal(hf_multistream_init(&select, false, names, 1), HF_OK);
    assert_false(hf_multistream_may_go_on(&select));
}

static void a_dialer_gives_up_after_eight_proposals(void **state)
{
    (void)state;
    struct hf_bytes many[HF_MULTISTREAM_PROPOSALS_MAX + 2];
    for (size_t index = 0; index < LENGTH(many); index++)
        many[index] = names[0];
    static const char refusals[] = HEADER NA NA NA NA NA NA NA NA NA NA;
    struct outcome outcome =
        negotiate_at_once(true, many, LENGTH(many), refusals, sizeof(refusals) - 1);
    assert_int_equal(outcome.status, HF_NOT_FOUND);
    assert_bytes(
        "proposals", outcome.sent, outcome.sent_bytes, HEADER TLS TLS TLS TLS TLS TLS TLS TLS);
    assert_bytes("rest", outcome.left, outcome.left_bytes, NA NA);
}

/* Answers that were there beforehand go to the proposals in turn, none of which is left out. */
static void no_proposal_is_answered_before_it_was_made(void **state)
{
    (void)state;
    struct hf_multistream select;
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    size_t taken;
    static const char answers[] = HEADER NA NA PING;
    const uint8_t *bytes = (const uint8_t *)answers;
    size_t size = sizeof(answers) - 1;
    assert_int_equal(hf_multistream_init(&select, true, names, 3), HF_OK);
    assert_int_equal(hf_multistream_receive(&select, bytes, size, &taken), HF_AGAIN);
    assert_int_equal(taken, 0);
    assert_true(hf_multistream_write(&select, out, sizeof(out)) > 0);
    assert_int_equal(hf_multistream_receive(&select, bytes, size, &taken), HF_AGAIN);
    assert_int_equal(taken, sizeof(HEADER NA) - 1);
    assert_int_equal(
        hf_multistream_receive(&select, bytes + taken, size - taken, &taken), HF_AGAIN);
    assert_int_equal(taken, 0);
    assert_bytes("next", (char *)out, hf_multistream_write(&select, out, sizeof(out)), NOISE);
}

static void what_is_decided_stays_so(void **state)
{
    (void)state;
    struct hf_multistream select;
    uint8_t out[HF_MULTISTREAM_WRITE_BYTES_MAX];
    size_t taken = 1;
    static const char bytes[] = HEADER TLS;
    const uint8_t *received = (const uint8_t *)bytes;
    assert_int_equal(hf_multistream_init(&select, false, names, 1), HF_OK);
    assert_int_equal(hf_multistream_receive(&select, received, sizeof(bytes) - 1, &taken), HF_OK);
    assert_int_equal(
        hf_multistream_receive(&select, received, sizeof(bytes) - 1, &taken), HF_CLOSED);
    assert_int_equal(taken, 0);
    assert_true(hf_multistream_write(&select, out, sizeof(out)) > 0);

    static const char broken[] = HEADER LS "\x03\0\0\0";
    assert_int_equal(hf_multistream_init(&select, false, names, 1), HF_OK);
    assert_int_equal(
        hf_multistream_receive(&select, (const uint8_t *)broken, sizeof(broken) - 1, &taken),
        HF_MALFORMED);
    assert_int_equal(
        hf_multistream_receive(&select, received, sizeof(bytes) - 1, &taken), HF_CLOSED);
    /* What was heard before is answered all the same. */
    assert_bytes("owed", (char *)out, hf_multistream_write(&select, out, sizeof(out)), HEADER NA);
    assert_int_equal(hf_multistream_write(&select, out, sizeof(out)), 0);
}

static void names_that_are_no_lines_are_invalid(void **state)
{
    (void)state;
    static char longest[HF_MULTISTREAM_LINE_BYTES_MAX];
    memset(longest, 'a', sizeof(longest));
    struct hf_multistream select;
    const struct hf_bytes bad[] = {{"", 0}, {"/a\n", 3}, {longest, HF_MULTISTREAM_LINE_BYTES_MAX}};
    for (size_t index = 0; index < LENGTH(bad); index++) {
        const struct hf_bytes two[] = {names[0], bad[index]};
        assert_int_equal(hf_multistream_init(&select, false, two, 2), HF_INVALID);
    }
    struct hf_bytes many[HF_MULTISTREAM_NAMES_MAX + 1];
    for (size_t index = 0; index < LENGTH(many); index++)
        many[index] = names[0];
    assert_int_equal(hf_multistream_init(&select, false, many, LENGTH(many)), HF_INVALID);
    assert_int_equal(hf_multistream_init(&select, false, many, LENGTH(many) - 1), HF_OK);
    assert_int_equal(hf_multistream_init(&select, true, names, 0), HF_INVALID);
}

/* For every list of the dialer's and of the listener's, both end up with the dialer's first name
 * that the listener has, or both know that there is none. */
static void both_sides_agree_on_the_dialers_first_common_name(void **state)
{
    (void)state;
    for (unsigned lists = 0; lists < 64; lists++) {
        struct hf_bytes own[2][3];
        size_t counts[2] = {0};
        for (size_t bit = 0; bit < 6; bit++)
            if (lists & 1u << bit)
                own[bit / 3][counts[bit / 3]++] = names[bit % 3];
        struct hf_multistream sides[2];
        if (counts[0] == 0)
            continue;
        assert_int_equal(hf_multistream_init(&sides[0], true, own[0], counts[0]), HF_OK);
        assert_int_equal(hf_multistream_init(&sides[1], false, own[1], counts[1]), HF_OK);
        enum hf_status status[2] = {HF_AGAIN, HF_AGAIN};
        for (size_t turn = 0; turn < 16 && status[0] == HF_AGAIN; turn++) {
            uint8_t wire[HF_MULTISTREAM_WRITE_BYTES_MAX];
            size_t taken;
            size_t from = turn % 2;
            size_t size = hf_multistream_write(&sides[from], wire, sizeof(wire));
            status[1 - from] = hf_multistream_receive(&sides[1 - from], wire, size, &taken);
            assert_int_equal(taken, size);
        }
        bool common = (lists & (lists >> 3)) != 0;
        assert_int_equal(status[0], common ? HF_OK : HF_NOT_FOUND);
        assert_int_equal(status[1], common ? HF_OK : HF_AGAIN);
        if (common)
            assert_ptr_equal(own[0][sides[0].agreed].data, own[1][sides[1].agreed].data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_session_ends_as_it_should_however_its_bytes_arrive),
        cmocka_unit_test(each_session_ends_as_it_should_byte_by_byte),
        cmocka_unit_test(lines_are_bounded),
        cmocka_unit_test(a_name_as_long_as_a_line_can_be_is_agreed_on),
        cmocka_unit_test(lengths_have_one_form_of_at_most_two_bytes),
        cmocka_unit_test(a_dialer_says_header_and_proposal_in_one_write),
        cmocka_unit_test(what_has_no_room_is_kept),
        cmocka_unit_test(a_dialer_of_one_name_may_go_on_before_it_is_answered),
        cmocka_unit_test(a_dialer_gives_up_after_eight_proposals),
        cmocka_unit_test(no_proposal_is_answered_before_it_was_made),
        cmocka_unit_test(what_is_decided_stays_so),
        cmocka_unit_test(names_that_are_no_lines_are_invalid),
        cmocka_unit_test(both_sides_agree_on_the_dialers_first_common_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
