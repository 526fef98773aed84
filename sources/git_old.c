#include "sources/git_old.h"

#include "sources/git_chain.h"

static const char file[] = "old";

static bool find(git_odb_object **out, git_repository *repo)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	cleanup(git_lib_odb_free) git_odb *odb = NULL;
	struct err none;
	git_oid at;

	if (git_reference_name_to_id(&at, repo, GIT_OLD_REF) != 0 || !git_chain_tree(&tree, repo, &at, &none))
		return false;
	const git_tree_entry *entry = git_tree_entry_byname(tree, file);
	return entry && git_repository_odb(&odb, repo) == 0 && git_odb_read(out, odb, git_tree_entry_id(entry)) == 0;
}

void git_old_read(struct buf *out, git_repository *repo)
{
	cleanup(git_lib_object_free) git_odb_object *object = NULL;

	if (find(&object, repo) && git_odb_object_size(object) <= GIT_OLD_MAX)
		buf_add(out, str_bytes(git_odb_object_data(object), git_odb_object_size(object)));
}

static bool remove_ref(git_repository *repo, struct err *e)
{
	int failed = git_reference_remove(repo, GIT_OLD_REF);

	return failed == 0 || failed == GIT_ENOTFOUND || git_lib_failed(e, failed, GIT_OLD_REF);
}

bool git_old_write(git_repository *repo, struct str list, struct err *e)
{
	cleanup(git_lib_builder_free) git_treebuilder *builder = NULL;
	cleanup(git_lib_reference_free) git_reference *ref = NULL;
	git_oid blob, tree, at;

	if (!list.len)
		return remove_ref(repo, e);
	int failed = git_blob_create_from_buffer(&blob, repo, list.data, list.len);
	if (!failed)
		failed = git_treebuilder_new(&builder, repo, NULL);
	if (!failed)
		failed = git_treebuilder_insert(NULL, builder, file, &blob, GIT_FILEMODE_BLOB);
	if (!failed)
		failed = git_treebuilder_write(&tree, builder);
	if (failed)
		return git_lib_failed(e, failed, GIT_OLD_REF);
	if (!git_chain_commit(&at, repo, &tree, NULL, e))
		return false;
	failed = git_reference_create(&ref, repo, GIT_OLD_REF, &at, 1, NULL);
	return failed == 0 || git_lib_failed(e, failed, GIT_OLD_REF);
}
