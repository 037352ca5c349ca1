/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_KEYS_H
#define HF_TESTS_NET_KEYS_H

/* Keys and ids of libp2p/specs, peer-ids/peer-ids.md: messages in hexadecimal, ids as text. */

#define ED25519_SEED "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
#define ED25519_POINT "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define ED25519_PRIVATE "08011240" ED25519_SEED ED25519_POINT
#define ED25519_PRIVATE_OLD "08011260" ED25519_SEED ED25519_POINT ED25519_POINT
#define ED25519_PUBLIC "08011220" ED25519_POINT
#define ED25519_MULTIHASH "0024" ED25519_PUBLIC
#define ED25519_ID "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define ED25519_CID "bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2pzyt6"

#define SECP256K1_PRIVATE "0802122053dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb"
#define SECP256K1_PUBLIC                                                                           \
    "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"
#define SECP256K1_MULTIHASH "0025" SECP256K1_PUBLIC
#define SECP256K1_ID "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY"

#define ECDSA_PUBLIC                                                                               \
    "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83ab" \
    "ab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f7"   \
    "7c409e62"
#define ECDSA_ID "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk"

#define HASHED_MULTIHASH "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9"
#define HASHED_ID "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
#define HASHED_CID "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe"

#define OTHER_MULTIHASH                                                                            \
    "0024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b"
#define OTHER_ID "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"

#endif
