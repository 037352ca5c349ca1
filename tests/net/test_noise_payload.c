/* SPDX-License-Identifier: MIT */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "net/noise_payload.h"
#include "net/protobuf.h"
#include "noise_vectors.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct hf_bytes known[] = {NAME("/yamux/1.0.0"), NAME("/mplex/6.7.0"), NAME("/x")};

static struct hf_identity identity;
static struct hf_noise_credentials theirs; /* Its payload has no extensions. */

static enum hf_status make_credentials(
    struct hf_noise_credentials *made, const struct hf_bytes *muxers, size_t count)
{
    uint8_t static_private[HF_KEY_BYTES];
    hex_read(VECTOR_INITIATOR_STATIC, static_private);
    const struct hf_noise_credentials_options options = {&identity, static_private, muxers, count};
    return hf_noise_credentials_init(made, &options);
}

/* A payload in the making: what all of them have, or what a test puts there. */
struct message {
    uint8_t bytes[4096];
    struct hf_protobuf_writer writer;
};

static void begin(struct message *message)
{
    message->writer =
        (struct hf_protobuf_writer){.out = message->bytes, .size_max = sizeof(message->bytes)};
}

static void add(struct message *message, uint32_t number, const void *bytes, size_t size)
{
    hf_protobuf_write_bytes(&message->writer, number, hf_bytes(bytes, size));
}

/* The key is the first field of ours, 2 and 36 bytes long, the signature the other. */
#define KEY (theirs.payload + 2)
#define KEY_BYTES 36
#define SIGNATURE (theirs.payload + 40)

static void add_proof(struct message *message)
{
    add(message, 1, KEY, KEY_BYTES);
    add(message, 2, SIGNATURE, HF_SIGNATURE_BYTES);
}

static enum hf_status read_bytes(struct hf_bytes payload, const struct hf_noise_credentials *own,
    bool initiator, struct hf_noise_peer *peer)
{
    const char *reason = "";
    enum hf_status status = hf_noise_payload_read(
        payload, theirs.static_pair.public_key, own, initiator, peer, &reason);
    assert_int_equal(status == HF_OK, reason[0] == '\0');
    return status;
}

static enum hf_status read_message(const struct message *message)
{
    struct hf_noise_peer peer;
    struct hf_bytes payload;
    assert_int_equal(hf_protobuf_finish(&message->writer, &payload), HF_OK);
    enum hf_status status = read_bytes(payload, &theirs, true, &peer);
    if (status == HF_OK)
        assert_true(hf_peer_id_equals(&peer.id, &identity.id));
    return status;
}

static void what_one_says_the_other_believes(void **state)
{
    (void)state;
    struct hf_noise_peer peer;
    struct hf_bytes payload = hf_bytes(theirs.payload, theirs.payload_bytes);
    assert_int_equal(read_bytes(payload, &theirs, true, &peer), HF_OK);
    assert_true(hf_peer_id_equals(&peer.id, &identity.id));
    assert_memory_equal(peer.public_key, KEY + 4, HF_KEY_BYTES);
    assert_false(peer.muxer_agreed);
}

/* Of the first n names of a list that begins at the f-th known one, and goes around. */
struct list {
    struct hf_bytes names[3];
    size_t count;
};

static struct list make_list(unsigned choice)
{
    struct list list = {.count = choice / 3};
    for (size_t index = 0; index < list.count; index++)
        list.names[index] = known[(choice + index) % 3];
    return list;
}

static bool is_same(struct hf_bytes one, struct hf_bytes other)
{
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

/* The initiator's first that the responder has; or none, which ends it. */
static const struct hf_bytes *choose(const struct list *initiator, const struct list *responder)
{
    for (size_t i = 0; i < initiator->count; i++)
        for (size_t r = 0; r < responder->count; r++)
            if (is_same(initiator->names[i], responder->names[r]))
                return &initiator->names[i];
    return NULL;
}

#define LISTS 12

static void check_choice(
    const struct hf_noise_credentials credentials[LISTS], unsigned own, unsigned other)
{
    for (unsigned initiator = 0; initiator < 2; initiator++) {
        struct list own_list = make_list(own);
        struct list their_list = make_list(other);
        struct hf_noise_peer peer;
        enum hf_status status =
            read_bytes(hf_bytes(credentials[other].payload, credentials[other].payload_bytes),
                &credentials[own], initiator, &peer);
        const struct hf_bytes *expected =
            initiator ? choose(&own_list, &their_list) : choose(&their_list, &own_list);
        bool inlined = own_list.count > 0 && their_list.count > 0;
        assert_int_equal(status, inlined && !expected ? HF_UNSUPPORTED : HF_OK);
        if (status == HF_OK)
            assert_int_equal(peer.muxer_agreed, inlined);
        if (status == HF_OK && inlined)
            assert_true(is_same(credentials[own].muxers[peer.muxer], *expected));
    }
}

/* For all lists of up to three names, and both sides. */
static void the_multiplexer_is_the_initiators_first_that_both_have(void **state)
{
    (void)state;
    static struct hf_noise_credentials credentials[LISTS];
    static struct list lists[LISTS];
    for (unsigned choice = 0; choice < LISTS; choice++) {
        lists[choice] = make_list(choice);
        assert_int_equal(
            make_credentials(&credentials[choice], lists[choice].names, lists[choice].count),
            HF_OK);
    }
    for (unsigned own = 0; own < LISTS; own++)
        for (unsigned other = 0; other < LISTS; other++)
            check_choice(credentials, own, other);
    for (unsigned choice = 0; choice < LISTS; choice++)
        hf_noise_credentials_fini(&credentials[choice]);
}

static void fields_that_nobody_knows_are_skipped(void **state)
{
    (void)state;
    struct message message;
    begin(&message);
    add(&message, 9, "future", 6);
    hf_protobuf_write_varint(&message.writer, 1, 7);
    add(&message, 1, KEY, KEY_BYTES);
    hf_protobuf_write_varint(&message.writer, 4, 7);
    add(&message, 3, "old data", 8);
    add(&message, 2, SIGNATURE, HF_SIGNATURE_BYTES);
    assert_int_equal(read_message(&message), HF_OK);
}

static void of_a_field_said_twice_the_last_holds(void **state)
{
    (void)state;
    struct message message;
    begin(&message);
    add(&message, 1, "no key", 6);
    add(&message, 2, "no signature", 12);
    add_proof(&message);
    assert_int_equal(read_message(&message), HF_OK);
    add(&message, 2, "no signature", 12);
    assert_int_equal(read_message(&message), HF_MALFORMED);
}

static void a_list_in_two_parts_is_one_list(void **state)
{
    (void)state;
    static const uint8_t other[] = "\x12\x02/z";
    static const uint8_t x[] = "\x0a\x01?\x12\x02/x";
    struct message message;
    struct hf_noise_credentials own;
    struct hf_noise_peer peer;
    struct hf_bytes payload;
    assert_int_equal(make_credentials(&own, known, 3), HF_OK);
    begin(&message);
    add_proof(&message);
    add(&message, 4, other, sizeof(other) - 1);
    add(&message, 4, x, sizeof(x) - 1);
    assert_int_equal(hf_protobuf_finish(&message.writer, &payload), HF_OK);
    assert_int_equal(read_bytes(payload, &own, false, &peer), HF_OK);
    assert_true(peer.muxer_agreed);
    assert_int_equal(peer.muxer, 2);
    hf_noise_credentials_fini(&own);
}

static void what_lacks_a_part_is_refused(void **state)
{
    (void)state;
    struct message message;
    begin(&message);
    assert_int_equal(read_message(&message), HF_MALFORMED);
    add(&message, 2, SIGNATURE, HF_SIGNATURE_BYTES);
    assert_int_equal(read_message(&message), HF_MALFORMED);
    begin(&message);
    add(&message, 1, KEY, KEY_BYTES);
    assert_int_equal(read_message(&message), HF_MALFORMED);
    for (size_t size = 0; size < HF_SIGNATURE_BYTES; size++) {
        begin(&message);
        add(&message, 1, KEY, KEY_BYTES);
        add(&message, 2, SIGNATURE, size);
        assert_int_equal(read_message(&message), HF_MALFORMED);
    }
}

static void no_beginning_of_a_payload_is_one(void **state)
{
    (void)state;
    struct hf_noise_peer peer;
    for (size_t size = 0; size < theirs.payload_bytes; size++) {
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact + 1, theirs.payload, size);
        assert_int_equal(read_bytes(hf_bytes(exact + 1, size), &theirs, true, &peer), HF_MALFORMED);
        free(exact);
    }
}

/* The public secp256k1 key of libp2p's peer id specification. */
static void other_kinds_of_keys_are_not_supported(void **state)
{
    (void)state;
    uint8_t key[64];
    size_t size =
        hex_read("08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99", key);
    struct message message;
    begin(&message);
    add(&message, 1, key, size);
    add(&message, 2, SIGNATURE, HF_SIGNATURE_BYTES);
    assert_int_equal(read_message(&message), HF_UNSUPPORTED);
}

/* Anything else is no message of a key: its bytes would be another peer's id. */
static void a_key_in_another_form_is_refused(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES + 1];
    for (size_t at = 0; at < 4; at++) {
        struct message message;
        begin(&message);
        memcpy(key, KEY, KEY_BYTES);
        key[at] ^= 0x40;
        add(&message, 1, key, KEY_BYTES);
        add(&message, 2, SIGNATURE, HF_SIGNATURE_BYTES);
        assert_int_equal(read_message(&message), HF_MALFORMED);
    }
    struct message message;
    begin(&message);
    add(&message, 1, key, KEY_BYTES + 1);
    add(&message, 2, SIGNATURE, HF_SIGNATURE_BYTES);
    assert_int_equal(read_message(&message), HF_MALFORMED);
}

static void fields_are_counted(void **state)
{
    (void)state;
    for (size_t excess = 0; excess < 2; excess++) {
        struct message message;
        begin(&message);
        add_proof(&message);
        for (size_t field = 2; field < 32 + excess; field++)
            add(&message, 9, NULL, 0);
        assert_int_equal(read_message(&message), excess ? HF_MALFORMED : HF_OK);

        uint8_t extensions[2 * 129];
        for (size_t field = 0; field < 128 + excess; field++)
            memcpy(extensions + 2 * field, "\x12\x00", 2);
        begin(&message);
        add_proof(&message);
        add(&message, 4, extensions, 2 * (128 + excess));
        assert_int_equal(read_message(&message), excess ? HF_MALFORMED : HF_OK);
    }
}

static void extensions_that_are_no_message_are_refused(void **state)
{
    (void)state;
    struct message message;
    begin(&message);
    add_proof(&message);
    add(&message, 4, "\x12\x05/x", 4);
    assert_int_equal(read_message(&message), HF_MALFORMED);
}

static void names_have_to_fit(void **state)
{
    (void)state;
    static char long_name[HF_NOISE_PAYLOAD_BYTES_MAX];
    memset(long_name, 'a', sizeof(long_name));
    struct hf_noise_credentials made;
    const struct hf_bytes many[HF_NOISE_MUXERS_MAX + 1] = {known[0], known[1], known[2]};
    assert_int_equal(make_credentials(&made, many, HF_NOISE_MUXERS_MAX + 1), HF_INVALID);
    size_t proof_bytes = theirs.payload_bytes;
    size_t fits = 0;
    for (size_t size = sizeof(long_name) - 128; size < sizeof(long_name); size++) {
        const struct hf_bytes name = hf_bytes(long_name, size);
        enum hf_status status = make_credentials(&made, &name, 1);
        if (status == HF_OK) {
            assert_in_range(made.payload_bytes, proof_bytes + 4 + size, HF_NOISE_PAYLOAD_BYTES_MAX);
            hf_noise_credentials_fini(&made);
            fits = size;
        } else {
            assert_int_equal(status, HF_INVALID);
        }
    }
    assert_int_equal(fits, HF_NOISE_PAYLOAD_BYTES_MAX - proof_bytes - 6);
}

static void nobody_speaks_for_no_identity(void **state)
{
    (void)state;
    static const struct hf_identity nobody;
    const uint8_t static_private[HF_KEY_BYTES] = {1};
    const struct hf_noise_credentials_options options = {&nobody, static_private, NULL, 0};
    struct hf_noise_credentials made;
    assert_int_equal(hf_noise_credentials_init(&made, &options), HF_INVALID);
}

static int make(void **state)
{
    (void)state;
    uint8_t seed[HF_KEY_BYTES];
    hex_read(LIBP2P_INITIATOR_SEED, seed);
    assert_int_equal(hf_identity_from_seed(&identity, hf_bytes(seed, sizeof(seed)), NULL), HF_OK);
    assert_int_equal(make_credentials(&theirs, NULL, 0), HF_OK);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    hf_noise_credentials_fini(&theirs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_says_the_other_believes),
        cmocka_unit_test(the_multiplexer_is_the_initiators_first_that_both_have),
        cmocka_unit_test(fields_that_nobody_knows_are_skipped),
        cmocka_unit_test(of_a_field_said_twice_the_last_holds),
        cmocka_unit_test(a_list_in_two_parts_is_one_list),
        cmocka_unit_test(what_lacks_a_part_is_refused),
        cmocka_unit_test(no_beginning_of_a_payload_is_one),
        cmocka_unit_test(other_kinds_of_keys_are_not_supported),
        cmocka_unit_test(a_key_in_another_form_is_refused),
        cmocka_unit_test(fields_are_counted),
        cmocka_unit_test(extensions_that_are_no_message_are_refused),
        cmocka_unit_test(names_have_to_fit),
        cmocka_unit_test(nobody_speaks_for_no_identity),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
