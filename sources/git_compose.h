/* The commits of a publishing, in a bare repository of ours: what is to be sent, and under which names. */
#pragma once

#include "sources/git_job.h"
#include "sources/git_lib.h"

struct git_compose {
	git_oid main; /* the branch's new commit, or the one it has where nothing of it changes */
	struct {
		char name[40]; /* refs/fleet/... */
		git_oid at;
		bool payload; /* else the patches of a plan */
	} *ref;
	size_t refs;
};
/* `before`: where the branch is, its commits being in `repo`; NULL: there is no branch. */
must_check bool git_compose(
	struct git_compose *out, git_repository *repo, const struct git_job *job, const git_oid *before, struct err *e);
void git_compose_free(struct git_compose *c);
