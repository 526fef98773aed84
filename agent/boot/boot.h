/* Before the plan's scripts start: what was left open is settled or taken up, and what runs is what was signed. Needs no network
 * and no clock, and waits for neither. */
#pragma once

#include "agent/receive/launch.h"

struct boot {
	const struct config *config;
	const struct store *store;
	launch_apply_fn *launch;
};
enum { BOOT_TOLD = 600 };
/* False only when nothing that can run is left. `told` is what was found, in one line, by semicolons. */
must_check bool boot_run(char told[BOOT_TOLD], const struct boot *b, struct err *e);
