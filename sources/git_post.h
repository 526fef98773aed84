/* Receipts on their way to a branch of their host's own. */
#pragma once

#include "sources/git_lib.h"
#include "sources/post_job.h"

/* One commit, one connection, and nothing is kept here: who lost all goes on like everybody else. *count: so many are brought. */
must_check bool git_post(int64_t *count, const struct post_job *job, struct err *e);
