/* A pack on its way: how much of it may come, and what is kept of it when it breaks off. */
#pragma once

#include "sources/git_link.h"

struct git_transfer {
	struct git_link link; /* first: libgit2 hands one pointer to all callbacks */
	uint64_t most;
	const char *repo; /* NULL, or: what comes is kept beside the repository at this path */
	bool kept;
};
void git_transfer_init(struct git_transfer *t, git_remote_callbacks *out, const struct git_access *a, uint64_t most, const char *repo);
/* The file where the last transfer's bytes are, if it broke: below `repo`. The caller frees. */
char *git_transfer_rest(const char *repo);

/* Where the remote, connected to, has that ref. */
bool git_transfer_head(git_oid *out, git_remote *remote, const char *ref);
/* For git_remote_callbacks.push_update_reference: a server that refuses a ref says why. */
int git_transfer_refused(const char *ref, const char *status, void *transfer);
