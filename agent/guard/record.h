/* The one fixed record that guard and the launcher read: what is on trial on this Pi, and the way back. The agent writes it
 * under the store's lock, before it swaps a link; those who read it know nothing of releases.
 *
 *   fleet-guard 1
 *   boot 1b2c...                        the boot in which the next line counts, on CLOCK_BOOTTIME
 *   at 123456
 *   release 60000 0 releases/3f9a...    left_ms, starts, where `current` must lead again; '-': nothing is on trial
 *   agent 3600000 3 -
 *   crc 0a1b2c3d                        CRC-32 of the lines above */
#pragma once

#include "base/fs.h"

#define GUARD_FILE "guard"
enum { GUARD_PATH_MAX = 160, GUARD_STARTS = 3, GUARD_BOOT_MS = 5 * 60 * 1000 };

enum guard_what { GUARD_RELEASE, GUARD_AGENT, GUARD_TRIALS };
struct guard_trial {
	char back[GUARD_PATH_MAX]; /* empty: nothing is on trial. "packaged": the link goes */
	int64_t left_ms;           /* until it is overdue, counted from `at_ms` */
	int64_t starts;            /* that the new agent may still be given in this boot; of a release: 0, not counted */
};
struct guard_record {
	char boot[40];
	int64_t at_ms;
	struct guard_trial trial[GUARD_TRIALS];
};
#define GUARD_PACKAGED "packaged"
extern const char *const guard_links[GUARD_TRIALS]; /* "current", "agent/current": what goes back, in the state folder */

/* ERR_MISSING: there is none; ERR_SYNTAX: it is not whole. Either way nothing is known to be on trial. */
must_check bool guard_read(struct guard_record *out, int state, struct err *e);
must_check bool guard_write(const struct guard_record *r, int state, struct err *e);
/* To change it: nobody else does until *turn is closed. A record that is not there, or not whole, is an empty one; one that the
 * kernel does not give now is none. */
must_check bool guard_turn(struct guard_record *out, int *turn, int state, struct err *e);
/* From now on, in this boot: what is left is what was left. Of what was written down last, a reboot
 * costs a release nothing; a new agent gets all its starts again for GUARD_BOOT_MS of its time, so that reboots do not keep it for
 * ever. */
void guard_wake(struct guard_record *r, const char *boot, int64_t boot_ms);
/* Is there a trial, and did it have its time or its starts? After guard_wake. */
bool guard_overdue(const struct guard_record *r, enum guard_what what);
/* The link leads back, and the record says that nothing is on trial. Durable; twice is legal. ERR_MISSING: what it would lead to is
 * gone; nothing has changed. */
must_check bool guard_go_back(struct guard_record *r, enum guard_what what, int state, struct err *e);

/* For who tries something: it is on trial from now on, and leads `back` when it is overdue. Durable before it returns. */
must_check bool guard_begin(int state, enum guard_what what, const struct guard_trial *trial, struct err *e);
/* It is settled. Nothing is written where nothing was on trial. */
must_check bool guard_end(int state, enum guard_what what, struct err *e);
/* A start of the new agent that came to its end was none of those that it may fail. */
must_check bool guard_came_through(int state, struct err *e);
