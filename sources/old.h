/* What was published and nothing names any more, and since when. The list lies in the place itself, so that whoever publishes
 * next, from whatever machine, goes on counting: lines of "UNIX-SECONDS NAME". */
#pragma once

#include "base/buf.h"

struct old_list {
	struct str before; /* borrowed: as it lay there */
	struct buf after;  /* as it will */
	int64_t now, grace_s;
};
/* For each NAME that nothing names: may readers still want it? Then it is in `after`. */
bool old_stays(struct old_list *l, const char *name);
