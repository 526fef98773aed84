/* Trees that grow by a piece, commits without a time. */
#include "sources/git_chain.h"

#include "sources/git_layout.h"

bool git_chain_commit(git_oid *out, git_repository *repo, const git_oid *tree, const git_oid *parent, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *t = NULL;
	cleanup(git_lib_commit_free) git_commit *before = NULL;
	git_signature nobody = {.name = (char *)"fleet", .email = (char *)"fleet"};
	const git_commit *parents[1];

	int failed = git_tree_lookup(&t, repo, tree);
	if (!failed && parent)
		failed = git_commit_lookup(&before, repo, parent);
	parents[0] = before;
	if (!failed)
		failed = git_commit_create(
			out, repo, NULL, &nobody, &nobody, NULL, "fleet\n", t, parent ? 1 : 0, parents);
	return failed == 0 || git_lib_failed(e, failed, "git commit");
}

bool git_chain_tree(git_tree **out, git_repository *repo, const git_oid *commit, struct err *e)
{
	cleanup(git_lib_commit_free) git_commit *c = NULL;

	int failed = git_commit_lookup(&c, repo, commit);
	if (!failed)
		failed = git_commit_tree(out, c);
	return failed == 0 || git_lib_failed(e, failed, "git commit");
}

bool git_chain_begin(struct git_chain *out, git_repository *repo, struct err *e)
{
	*out = (struct git_chain){.repo = repo};
	int failed = git_treebuilder_new(&out->pieces, repo, NULL);
	return failed == 0 || git_lib_failed(e, failed, "git tree");
}

bool git_chain_resume(struct git_chain *out, git_repository *repo, const git_oid *tip, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;

	if (!git_chain_tree(&tree, repo, tip, e))
		return false;
	*out = (struct git_chain){.repo = repo, .count = git_tree_entrycount(tree), .tip = *tip};
	int failed = git_treebuilder_new(&out->pieces, repo, tree);
	return failed == 0 || git_lib_failed(e, failed, "git tree");
}

bool git_chain_add(struct git_chain *c, const git_oid *piece, struct err *e)
{
	git_oid tree, parent = c->tip;
	char name[8];

	if (c->count >= GIT_PIECES_MAX)
		return err_set(e, ERR_LIMIT, "a payload in more than %d pieces", GIT_PIECES_MAX);
	git_layout_piece_name(name, c->count);
	int failed = git_treebuilder_insert(NULL, c->pieces, name, piece, GIT_FILEMODE_BLOB);
	if (!failed)
		failed = git_treebuilder_write(&tree, c->pieces);
	if (failed)
		return git_lib_failed(e, failed, "git tree");
	if (!git_chain_commit(&c->tip, c->repo, &tree, c->count ? &parent : NULL, e))
		return false;
	c->count++;
	return true;
}

void git_chain_free(struct git_chain *c)
{
	git_treebuilder_free(c->pieces);
	*c = (struct git_chain){0};
}
