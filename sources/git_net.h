/* What libgit2 1.5 has not: an end to waiting for a server that says nothing, and to what it may send before the pack
 * begins. This program's own connect, recv and poll stand in front of the C library's; libgit2 and libssh2 find them
 * first. */
#pragma once

#include "base/err.h"

/* From now on, for all connections together. */
void git_net_limit(int64_t connect_ms, int64_t idle_ms, int64_t total_ms, uint64_t most);
/* Was it a limit of ours that ended it? Then `e` says which. */
bool git_net_why(struct err *e);
