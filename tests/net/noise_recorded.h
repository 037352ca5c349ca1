/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_NET_NOISE_RECORDED_H
#define HF_TESTS_NET_NOISE_RECORDED_H

#include <stdbool.h>

/*
 * All that other implementations of libp2p have sent, up to the end of the handshake, to a side
 * with the keys of noise_vectors.h: the negotiation of /noise, then their messages of it.
 */
static const struct {
    const char *who;
    bool to_dialer; /* To which side. */
    bool names_yamux;
    const char *peer_id;
    const char *bytes;
} recorded[] = {
    {"js-libp2p 3.3 as listener", true, true,
        "12D3KooWMTTxS2q8jvN4Tc1vXWLtiUPj7SpSva9bGA695joZVYSE",
        "132f6d756c746973747265616d2f312e302e300a072f6e6f6973650a00d837f10f944390bad5c82581e4c34a"
        "826696706d994013e28d96681cfb251c701aee888e947bd1f052da3b4509b9eb0f9cf9bf712c8111ed5f5a5d"
        "1ea1543761d3677a80d70b14cbf19c5b95054c6cff1cc02abade1ce952c515fd13a43a62a858abea4fedae84"
        "595609f0a2da8dbeb6cba766ad335a215d3586ffbc0407232d4150c953479bc0eff9b5913630bba611f7a5ce"
        "478dd770ccf939a8b23d902854637faae3d1a1ec1d037b52da196a7b683e396fa018e7b66b359688620b50ec"
        "758d57425bc40b23effb3ff8c090b84fa0ad4e70aa1d08bd03ad"},
    {"js-libp2p 3.3 as dialer", false, true, "12D3KooWT1gLF36F5nRRLWzwu6DHtXWXGFS492cfEiorhCgo82fR",
        "132f6d756c746973747265616d2f312e302e300a072f6e6f6973650a00206b96350091b6d259fcf6178e68fe"
        "5c15eeebccc75b3758a0268e491eb19ed21b00b80095cf34fb0bc5601c57f9b383b7ec8b7e55c3f20ebe3ac0"
        "c41bee5b7f4f3e85ffe3873d202b68c09479236971b5c35fa427e1a7c0b78d91403526a3484f1c24f15a8b71"
        "b71698a3ad1c718a7cdfebfea4f019a68ce56b50ddb9e7e17c7b84f9e05d57a2395b69910bdcecd5e07d11d5"
        "88637cb30008bc45418f6f6d45ed65abfb7cf3bde6714c8ea796a9deaed43b6111cc3cf4fb97ed5d9df05084"
        "8865ce4def02583157ec6ae03882a148daed93d008f21ef17e5d7d56"},
    {"go-libp2p 0.51 as listener", true, true,
        "12D3KooWKZfDVPeajxB1b3kBUu4psHV24aZGUx5mvRsdZASfny9f",
        "132f6d756c746973747265616d2f312e302e300a072f6e6f6973650a00d89c66ad3a1702cf19a1d0f69e4565"
        "bede2f9a0d4000b3eb91c654d6176a8ce9577fd1e1c9978c81231555a93d3f2ef7160daa05903b787ce8d79a"
        "7f5eaf82f6b641c1b9b12b40ffa7a273e88a628f2158e649f9b6077d610276285ee1795355990c4b0d4ea6d4"
        "e9602b5285d9cb37b333bfe593389ffb0e3463e86acfec0bbab3299904247e6e1aef1d22dd51478c7e1acebb"
        "ec7f3710ecff553d87c2dd8be9e436c3b45fa08d121149578c87f2043ac8ac98ac96a9915a9775d2ae281d89"
        "8e911551c24fc0b96e4bc1c18ae31ee29aac31973704d6afeaa9"},
    {"go-libp2p 0.51 as dialer", false, true,
        "12D3KooWEudNy4VQXq2zF96JAU5EJaPdGLsd9HcDaG2wQ3jDTaNz",
        "132f6d756c746973747265616d2f312e302e300a0b2f746c732f312e302e300a072f6e6f6973650a00209601"
        "b606270949b8a297983ef686b4f5dc5a47539a48c317673eba3bdb73284400b8647924dbd2e410dab9055ff8"
        "bf116a06232ff34292613d4adbbbd468a7382ebfd61023cd04ddb2a3b546ec838c81980f236e4cfc7cc7b798"
        "988ed048f5208510ca33ccd0b8b7e362a3e3c24744c4380dbd68af436d48f03b7abb9f7fcf0bd561f351c035"
        "9993c9c0828bb85e4638ccdc0fadde180ada713016983b398f657753cb7bcf40ba60ef5797fb27f8ff466558"
        "77921b4055a9672c7f825c5c0d60215ff7df45002689974dc38726a1f962e9fe1c91a025a7db282f"},
    {"rust-libp2p 0.56 as listener", true, false,
        "12D3KooWE8wDB5nxede2Cegm5SCQmgr7UQtKp2iywZfKobyXCe6G",
        "132f6d756c746973747265616d2f312e302e300a072f6e6f6973650a00c8c2d83ced4f93e3a330d9112eec5f"
        "d041cb08725bc636e8866c6b4f32176be84bb8bd68f2db78f8781759c99c4cd4747fca9c9c34327491784e37"
        "8f1d509e30fd11d14ff9c6daa950e55e5e2ca8b9c69f1947dfd2a0f2d80dd523910a1d8d7a84b4fb2f65f956"
        "a7ff27cbe002df9cbba48e8d3151128dd20b0e3ae6008a885249950b0155fe641dc7e3b2479bf87d05f4cd25"
        "6e19c46be8251a90b6676ae2191afaa49d5d864fedb853892558b68463c417b6cb07ea8e5a16ffee50e0d4d7"
        "4984f69216b78312ac19"},
    {"rust-libp2p 0.56 as dialer", false, false,
        "12D3KooWR31ee8YUJNwKdSAhaSmWmjBu1cZqYTwpjh5wQLTnbnNp",
        "132f6d756c746973747265616d2f312e302e300a072f6e6f6973650a00203210c66d264f264b4c10ebc73be5"
        "a74dd4397a66547b30fb49019040a93ad43500a81c8e45ad2d3a52e5d1b0e83a0d384e880fdeb3120fc63666"
        "9af64f6e7ba3edf89abf2bb365530c7960f53f2ecb17bae524a04f8c4103d0f33713619e2bf3fde7e7d6ff90"
        "966d2bfe46d313dd1418e7df05675b21cf0c6a15be8c3643e447b1abe524ccd66b7a36681649b1a9dcb5041a"
        "61eb954f7a3ac9ae164b65b524e28e4e413571cfa78d6fb799b778ebf8aacf24f0c1f437a316e62c19b7d742"
        "959bf08154efbf330b25345c"},
};

#endif
