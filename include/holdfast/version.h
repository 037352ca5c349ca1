/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_VERSION_H
#define HOLDFAST_VERSION_H

#include <holdfast/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. */
#define HF_VERSION_MAJOR 0
#define HF_VERSION_MINOR 1
#define HF_VERSION_PATCH 0
#define HF_VERSION_TEXT "0.1.0"

/* The version of the library that runs, e.g. "0.1.0". Static. */
HF_API const char *hf_version(void);

#ifdef __cplusplus
}
#endif

#endif
