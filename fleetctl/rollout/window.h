/* Is a plan's window open? Its zone's wall clock decides, daylight saving included. */
#pragma once

#include "manifests/plan.h"

bool window_is_open(const struct plan *p, int64_t unix_s); /* false when the plan has none, or its zone is not known here */
