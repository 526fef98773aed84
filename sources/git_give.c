/* What is asked for, out of a repository's objects. */
#include "sources/git_give.h"

#include <fcntl.h>

#include "base/fs.h"
#include "sources/desk.h"
#include "sources/git_chain.h"

/* --- one object --- */

static bool damaged(struct err *e)
{
	return err_set(e, ERR_IO, "what was fetched cannot be read any more: it is fetched again the next time");
}

static bool read_size(git_odb *odb, const git_oid *id, uint64_t most, uint64_t *size, struct err *e)
{
	git_object_t type;
	size_t len;

	if (git_odb_read_header(&len, &type, odb, id) != 0)
		return damaged(e);
	if (type != GIT_OBJECT_BLOB)
		return err_set(e, ERR_PROTOCOL, "not a file");
	*size = len;
	return len <= most || err_set(e, ERR_LIMIT, "longer than %llu bytes", (unsigned long long)most);
}

/* Its bytes from `*skip` on, which is made less by those that were skipped. */
static bool give_blob(git_odb *odb, const git_oid *id, uint64_t *skip, struct err *e)
{
	cleanup(git_lib_object_free) git_odb_object *object = NULL;

	if (git_odb_read(&object, odb, id) != 0)
		return damaged(e);
	struct str bytes = str_bytes(git_odb_object_data(object), git_odb_object_size(object));
	size_t n = (size_t)MIN(*skip, bytes.len);
	*skip -= n;
	return desk_bytes(str_bytes(bytes.data + n, bytes.len - n), e);
}

static bool start(const struct git_ask *a, const git_oid *id, uint64_t size, bool *over, uint64_t *from, struct err *e)
{
	char mark[GIT_OID_HEXSZ + 1];

	git_oid_tostr(mark, sizeof mark, id);
	*over = a->etag && strcmp(a->etag, mark) == 0;
	*from = (uint64_t)a->from <= size ? (uint64_t)a->from : 0;
	return desk_start(&(struct parcel_start){.say = *over ? SOURCE_UNCHANGED : SOURCE_BYTES,
				  .from = *over ? 0 : (int64_t)*from,
				  .etag = *over ? NULL : mark},
		e);
}

/* A store that is damaged goes; always false. */
static bool discard(git_repository *repo, const struct err *e)
{
	const char *path = git_repository_path(repo); /* with a '/' behind */
	cleanup(free_ptr) char *folder = path_form("%.*s", (int)strlen(path) - 1, path);
	struct err ignored;

	if (e->code == ERR_IO)
		(void)!fs_remove_tree(AT_FDCWD, folder, &ignored);
	return false;
}

/* --- a file of a tree, or a payload --- */

bool git_give_file(git_repository *repo, const git_tree_entry *entry, const struct git_ask *a, struct err *e)
{
	cleanup(git_lib_odb_free) git_odb *odb = NULL;
	const git_oid *id = git_tree_entry_id(entry);
	uint64_t size, from;
	bool over;

	int failed = git_repository_odb(&odb, repo);
	if (failed)
		return git_lib_failed(e, failed, "git objects");
	return (read_size(odb, id, (uint64_t)a->max, &size, e) && start(a, id, size, &over, &from, e) &&
		       (over || give_blob(odb, id, &from, e)) && desk_end(e)) ||
	       discard(repo, e);
}

static bool give_pieces(git_odb *odb, const git_tree *tree, const git_oid *tip, const struct git_ask *a, struct err *e)
{
	uint64_t total = 0, from, size;
	bool over;

	for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
		const git_oid *piece = git_tree_entry_id(git_tree_entry_byindex(tree, i));
		if (!read_size(odb, piece, (uint64_t)a->max - total, &size, e))
			return false;
		total += size;
	}
	if (!start(a, tip, total, &over, &from, e))
		return false;
	for (size_t i = 0; !over && i < git_tree_entrycount(tree); i++)
		if (!give_blob(odb, git_tree_entry_id(git_tree_entry_byindex(tree, i)), &from, e))
			return false;
	return desk_end(e);
}

bool git_give_payload(git_repository *repo, const git_oid *tip, const struct git_ask *a, struct err *e)
{
	cleanup(git_lib_tree_free) git_tree *tree = NULL;
	cleanup(git_lib_odb_free) git_odb *odb = NULL;

	if (!git_chain_tree(&tree, repo, tip, e))
		return false;
	int failed = git_repository_odb(&odb, repo);
	if (failed)
		return git_lib_failed(e, failed, "git objects");
	return give_pieces(odb, tree, tip, a, e) || discard(repo, e);
}
