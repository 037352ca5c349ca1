/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_NOISE_VECTORS_H
#define HF_TESTS_NET_NOISE_VECTORS_H

/* All bytes in base 16. */

/* The keys that both sets share. */
#define VECTOR_INITIATOR_STATIC "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"
#define VECTOR_INITIATOR_EPHEMERAL                                                                 \
    "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"
#define VECTOR_RESPONDER_STATIC "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"
#define VECTOR_RESPONDER_EPHEMERAL                                                                 \
    "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"

/*
 * Noise_XX_25519_ChaChaPoly_SHA256 as the Haskell implementation cacophony published it: three
 * handshake messages, then three of the channel, in turns, the responder first.
 */
#define CACOPHONY_MESSAGES 6
#define CACOPHONY_PROLOGUE "4a6f686e2047616c74"
#define CACOPHONY_HASH "c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e"
static const struct {
    const char *payload;
    const char *message;
} cacophony[CACOPHONY_MESSAGES] = {
    {"4c756477696720766f6e204d69736573",
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d"
        "69736573"},
    {"4d757272617920526f746862617264",
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f14480884381cbad1f276e038c48378ffc"
        "e2b65285e08d6b68aaa3629a5a8639392490e5b9bd5269c2f1e4f488ed8831161f19b7815528f8982ffe09be"
        "9b5c412f8a0db50f8814c7194e83f23dbd8d162c9326ad"},
    {"462e20412e20486179656b",
        "c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a80ae475b9df0f169ae80a89be"
        "0865b57f58c9fea0d4ec82a286427402f113e4b6ae769a1d95941d49b25030"},
    {"4361726c204d656e676572", "96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df"},
    {"4a65616e2d426170746973746520536179",
        "3e40f15f6f3a46ae446b253bf8b1d9ffb6ed9b174d272328ff91a7e2e5c79c07f5"},
    {"457567656e2042f6686d20766f6e2042617765726b",
        "eb3f3515110702e047a6c9da4478b6ead94873c11c0f2d710ddb3f09fce024b3a58502ae3f"},
};

/*
 * The handshake as libp2p has it, made by a model in another language that reproduces the set
 * above: no prologue, both payloads with a key, a signature and one multiplexer. Messages without
 * their lengths.
 */
#define LIBP2P_INITIATOR_SEED "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
#define LIBP2P_RESPONDER_SEED "0101010101010101010101010101010101010101010101010101010101010101"
#define LIBP2P_HASH "2551f18ca675ad3038d5e3966248165505b5ef154bf9ae5382df69bdfcfc4f89"
#define LIBP2P_INITIATOR_SENDS "3062fff068d0abd171b4b4603c5b7633bf5ee4e79da311370c2eba7f1ed6c69a"
#define LIBP2P_RESPONDER_SENDS "cbabb3f5e4529fc0e93efda9b4b70169270c04b05c5be25f71e9c55f7955c86a"
static const char *const libp2p_payloads[] = {
    "",
    "0a24080112208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c1240c6bd281a"
    "02fab5c9f58ab05e30f3910d4151ac158a0b53057695937f0fdf6e59768f6c469f8cb73c62b07dc4c088cef6"
    "c0a75dfe9866a779e51bcfe639cdf005220e120c2f79616d75782f312e302e30",
    "0a24080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e1240e292a4b3"
    "6dcd264cb7933551567462bf4b6bdc79bcc37af23ea723110cf8cfde08000f9e95441ba4fd4b828443055540"
    "04fc4be681ce33c277510b6332588c09220e120c2f79616d75782f312e302e30",
};
static const char *const libp2p_messages[] = {
    "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944",
    "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f14480884381cbad1f276e038c48378ffc"
    "e2b65285e08d6b68aaa3629a5a8639392490e5b90b20f024c6abdc05d618c61c13a3fe07127982eb5ca7a364"
    "17f55d441aea2cf136ada049ebc88f37ab9ec7a1d98056cda9cd417ca933c92b03277d73bb98460d58718873"
    "85ad5021b79b8b7e6f427b2d0766f20e75e1bb6a753fb05f1063be4bb6d0a99b3fe855e94d95af3bc7ae6db7"
    "7cf90215ac02acb9503974a5cae505fe7ff65e88cf556e273bd0652b46e0c4cf440822dbed1a518f",
    "c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a89a77bbab7e53b0bbe8bea4b1"
    "15fe509914c3d6e0e8ecd41217ddfdf0afb41507a1be308a2142c5bd7aa4533305677b3e694b63076f9d2df0"
    "fe4d73b419771080a6cf96b373850176596856cd9886b5ccf7b92fd0b13c9d40153da17beeda35f1631e57da"
    "5fabbc42aaeea8ff1a68839842fe9190823c6eb044e1b00c760b0081d2628ff15e062ef3d6ae275738cc3f3c"
    "dbd7e4c5f8a6c758",
};

#endif
