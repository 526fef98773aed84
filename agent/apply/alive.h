/* The built-in check `alive`: every probe of the release ran since the swap, and wrote. */
#pragma once

#include "agent/config.h"
#include "agent/store/release.h"

/* By what the runner notes beside the results (agent/probes/record.h). `swapped_ms` on CLOCK_BOOTTIME, 0: before this boot.
 * Probes that come more seldom than `often_ms` are not asked. What is missing is added to `wrong`, a line each; red so far is red. */
bool alive_look(struct buf *wrong, const struct config *c, const struct release *r, int64_t swapped_ms, int64_t often_ms);
