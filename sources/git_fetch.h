/* What a host holds of a remote: the newest commit, the plan's patches, and payloads as they come, each in a bare
 * repository of its own so that it can go when it is no longer needed. */
#pragma once

#include "sources/git_ask.h"
#include "sources/git_lib.h"

struct git_fetch {
	git_repository *repo;
	git_oid main, plan; /* commits; plan is zero when the remote has no patches for it */
	struct {
		char *name;
		git_oid at;
	} *ref; /* what the remote said it has */
	size_t refs;
};
/* One connection: what the remote has, and what of main and plan is new. */
must_check bool git_fetch_news(struct git_fetch *f, const struct git_ask *a, struct err *e);
/* The payload of that path, whole: its repository, and the commit whose tree has its pieces. `*out` NULL: the remote has
 * none. Goes on where it broke. */
must_check bool git_fetch_payload(
	git_repository **out, git_oid *tip, const struct git_fetch *f, const struct git_ask *a, const char *path, struct err *e);
/* Before it goes on: what a transfer that broke left of pieces makes the payload's chain longer, so that less comes this time. */
must_check bool git_payload_salvage(git_repository *repo, struct err *e);
void git_fetch_free(struct git_fetch *f);
