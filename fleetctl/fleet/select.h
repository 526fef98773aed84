/* Which hosts a person means: "ber-D" "ber-*" "plan=plan-D" "site=berlin,plan=plan-D" "rack=a" "all".
 * Terms joined by a comma must all hold; several selectors add up. A selector that matches no host is an error. */
#pragma once

#include "base/opts.h"
#include "fleetctl/fleet/fleet.h"

struct chosen {
	const struct host **host; /* in hosts.yaml's order, each once; borrowed from the fleet */
	size_t count;
};
must_check bool select_hosts(struct chosen *out, const struct fleet *f, const struct opt_words *selectors, struct err *e);
void chosen_free(struct chosen *c);
