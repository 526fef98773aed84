/* What hosts have brought, as files. */
#pragma once

#include "sources/git_lib.h"
#include "sources/post_job.h"

/* One connection, and nothing is written where nothing is new. *count: hosts that have brought some. */
must_check bool git_gather(int64_t *count, const struct post_job *job, struct err *e);
/* Of one host, whose branch is at `tip`: its newest receipts as files in `to`/HOST/, and what is older goes. The objects are
 * foreign. */
must_check bool git_gather_lay(git_repository *repo, const git_oid *tip, int to, const char *host, struct err *e);
