/* Staying with an apply that this host began by itself, and being the one who reaches it over a new connection. */
#pragma once

#include "agent/pull/memory.h"
#include "agent/receive/launch.h"
#include "agent/store/ledger.h"

#define PULL_WHO "fleet-agent pull"

struct pull_follow {
	const struct config *config;
	const struct store *store;
	launch_apply_fn *launch;
	int64_t told_ms;
	bool elsewhere; /* another agent is on trial: it must be the one who is reached */
};
/* Was this attempt begun by a pull? */
bool pull_is_ours(const struct ledger *l);
/* Until nothing is tried. An attempt that nobody works on is given a new apply, a few times; ERR_FAILED after that. A trial that
 * waits to be reached is confirmed when a source answers over a connection made for this alone. A trial of another agent than
 * this one ends it early: `elsewhere`. */
must_check bool pull_follow(struct pull_follow *f, struct err *e);
