/* Which names we handle. The same check when signing and when verifying; design, section 3. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum {
	NAME_LEN_MAX = 64,         /* plan, host, site, role, probe, label */
	PATH_LEN_MAX = 240,        /* a path inside a bundle */
	PATH_DEPTH_MAX = 16,
	BUNDLE_ENTRIES_MAX = 65536,
};
#define BUNDLE_BYTES_MAX (1 * GIB)

/* A plan, host, site, role, probe, check or label: [A-Za-z0-9._-], 1 to 64, not '.' or '..', no '-' or '.' in front. */
must_check bool name_check(struct str name, struct err *e);
/* A plan also is none of TUF's role names, `agent`, `fleet`, nor begins with `rollout-` (in any case). */
must_check bool name_check_plan(struct str name, struct err *e);
/* A relative path whose components are [A-Za-z0-9._+@-], none empty, '.' or '..'. */
must_check bool name_check_path(struct str path, struct err *e);
/* Do two names differ only in case? */
bool name_same_but_case(struct str a, struct str b);
