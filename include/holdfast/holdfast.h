/* SPDX-License-Identifier: MIT */
#ifndef HOLDFAST_HOLDFAST_H
#define HOLDFAST_HOLDFAST_H

/* Everything in libholdfast. Adapters and the simulator have headers of their own. */

#include <holdfast/adaptive.h>
#include <holdfast/allocator.h>
#include <holdfast/api.h>
#include <holdfast/audit.h>
#include <holdfast/breaker.h>
#include <holdfast/clock.h>
#include <holdfast/decision.h>
#include <holdfast/delay.h>
#include <holdfast/error.h>
#include <holdfast/files.h>
#include <holdfast/flow_budget.h>
#include <holdfast/gate.h>
#include <holdfast/guard.h>
#include <holdfast/hash.h>
#include <holdfast/http.h>
#include <holdfast/limiter.h>
#include <holdfast/limiter_file.h>
#include <holdfast/limits.h>
#include <holdfast/metrics.h>
#include <holdfast/outcome.h>
#include <holdfast/quota.h>
#include <holdfast/random.h>
#include <holdfast/retry.h>
#include <holdfast/status.h>
#include <holdfast/version.h>

#endif
