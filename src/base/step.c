/* SPDX-License-Identifier: MIT */
#include "base/step.h"

#ifdef HF_TEST_STEPS
void (*hf_step_hook)(enum hf_step step);
#endif

/* Also what makes this a translation unit where the hook is compiled out. */
_Static_assert(HF_STEP_COUNT > 0, "a parking test has at least one step to visit");
