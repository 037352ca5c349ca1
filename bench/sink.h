/* SPDX-License-Identifier: MIT */
#ifndef HF_BENCH_SINK_H
#define HF_BENCH_SINK_H

#include <holdfast/files.h>

/* Files that take everything at once and keep nothing: no disk in the figures. */
extern const struct hf_files bench_sink;

#endif
