/* An agent as it was built for one platform: its programs, found in a Debian package or in a folder, packed into the bundle that
 * hosts of that platform unpack. The same programs give the same bundle. */
#pragma once

#include "fleetctl/fleet/fleet.h"
#include "manifests/program.h"

struct agent_wish {
	const char *from;              /* FILE.deb, or a folder as /usr/lib/fleet-agent */
	const char *platform, *version; /* NULL: as the package says */
};
struct agent_build {
	struct program program;
	char *tar; /* plain, below the fleet's state folder */
};
/* ERR_USAGE: the wish says too little, or a program is of another machine, platform or version than it is said to be. */
must_check bool agent_build_make(struct agent_build *out, const struct fleet *f, const struct agent_wish *wish, struct err *e);
void agent_build_free(struct agent_build *b);
