/* Commits that everybody makes alike: from the same trees the same ids, wherever and whenever. git_layout.h says what
 * for. */
#pragma once

#include "sources/git_lib.h"

/* No words, no author of note, at the beginning of time; `parent` may be NULL. */
must_check bool git_chain_commit(
	git_oid *out, git_repository *repo, const git_oid *tree, const git_oid *parent, struct err *e);

/* A payload's chain as it grows. */
struct git_chain {
	git_repository *repo; /* borrowed */
	git_treebuilder *pieces;
	size_t count;
	git_oid tip; /* of count > 0 */
};
must_check bool git_chain_begin(struct git_chain *out, git_repository *repo, struct err *e);
/* Goes on from the commit that is its tip. */
must_check bool git_chain_resume(struct git_chain *out, git_repository *repo, const git_oid *tip, struct err *e);
must_check bool git_chain_add(struct git_chain *c, const git_oid *piece, struct err *e);
void git_chain_free(struct git_chain *c);

/* The tree of a commit. */
must_check bool git_chain_tree(git_tree **out, git_repository *repo, const git_oid *commit, struct err *e);
