/* SPDX-License-Identifier: MIT */
#ifndef HF_TESTS_SUPPORT_GUARD_MODEL_H
#define HF_TESTS_SUPPORT_GUARD_MODEL_H

#include "support/guard_fixture.h"
#include "support/scripted_call.h"

/*
 * What a guard should do, written down the way one would say it: one thing after the other, time a
 * variable, quotas as arrival times, and a breaker of its own that is told the same as the guard's.
 * Delays double and have no jitter; one permit at a time while half-open.
 */

#define MODEL_KEYS 3
#define MODEL_SCRIPT 6

struct model_cell {
    uint64_t burst;
    uint64_t interval_ns;
    uint64_t tat_ns;
};

struct model_world {
    struct guard_fixture fixture; /* The guard under test, and what it is made of. */
    struct hf_retry_options retry;
    struct hf_breaker *breaker; /* The model's. */
    struct model_cell keys[MODEL_KEYS];
    struct model_cell gate;
    uint64_t now_ns; /* The model's. */
    struct scripted_try script[MODEL_SCRIPT];
    struct hf_splitmix splitmix;
};

/* What is asked for. key: MODEL_KEYS for none. */
struct model_asked {
    size_t key;
    struct hf_guard_request request;
};

/* What the model says comes of it. */
struct model_expected {
    enum hf_status status;
    enum hf_retry_stop stop;
    struct hf_decision decision;
    uint64_t retry_after_ns;
    uint64_t delayed_ns;
    size_t made;
    struct scripted_told told[SCRIPTED_TRIES_MAX];
};

/* Plays a call in the model's half of the world. */
void model_call(
    struct model_world *world, const struct model_asked *asked, struct model_expected *expected);

/* Cells that can be had at once. */
uint64_t model_cell_remaining(const struct model_cell *cell, uint64_t now_ns);

#endif
