/* The list of refs that nothing names any more (old.h) in a git repository: the one file of the commit at GIT_OLD_REF. Who
 * reads a branch that has just moved still finds its payloads. */
#pragma once

#include "sources/git_lib.h"

#define GIT_OLD_REF "refs/fleet/old"
enum { GIT_OLD_MAX = 16 * MIB };

/* Empty where there is none, or none that can be read: then all that is old is so since now. */
void git_old_read(struct buf *out, git_repository *repo);
/* The commit of this list, and the ref here at it; an empty list takes the ref away. */
must_check bool git_old_write(git_repository *repo, struct str list, struct err *e);
