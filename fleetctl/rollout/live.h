/* A rollout as a person watches it: a table that is redrawn on a terminal, plain lines elsewhere, nothing with --json. */
#pragma once

#include "fleetctl/rollout/rollout.h"
#include "fleetctl/show/show.h"

struct live {
	const struct show *show;
	int lines;        /* drawn, to be drawn over */
	int64_t last_ms;  /* when a plain progress line was printed */
};
struct rollout_calls live_calls(struct live *l);
void live_end(struct live *l, const struct rollout *r);
