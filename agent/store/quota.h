/* How many trials may still be begun from outside. Who steals an SSH key can start trials of all that a plan permits: this is
 * how often. A bucket, kept in the ledger: `a_day` at once at most, and one comes back every such part of a day on
 * CLOCK_BOOTTIME; a reboot costs one such part at most. */
#pragma once

#include "agent/store/ledger.h"

/* One taken, in memory: it lasts with the next ledger_save. ERR_REFUSED when there is none; the sentence says when there is. */
must_check bool quota_take(struct ledger *l, int64_t a_day, int64_t boot_ms, const char *boot, struct err *e);
