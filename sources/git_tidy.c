/* Packs become one. */
#include "sources/git_tidy.h"

#include <fcntl.h>

#include "base/fs.h"

enum { PACKS_MAX = 16 }; /* one comes with each change */

static void walk_free(git_revwalk **w)
{
	git_revwalk_free(*w);
}

static void packer_free(git_packbuilder **p)
{
	git_packbuilder_free(*p);
}

/* All that our refs lead to, in one pack beside the others. */
static bool pack_all(git_repository *repo, const char *folder, struct err *e)
{
	cleanup(walk_free) git_revwalk *walk = NULL;
	cleanup(packer_free) git_packbuilder *packer = NULL;

	int failed = git_revwalk_new(&walk, repo);
	if (!failed)
		failed = git_revwalk_push_glob(walk, "refs/*");
	if (!failed)
		failed = git_packbuilder_new(&packer, repo);
	if (!failed)
		failed = git_packbuilder_insert_walk(packer, walk);
	if (!failed)
		failed = git_packbuilder_write(packer, folder, 0, NULL, NULL);
	return failed == 0 || git_lib_failed(e, failed, "git pack");
}

/* Whatever stops it leaves at least one of both. */
bool git_tidy(git_repository *repo, struct err *e)
{
	cleanup(free_ptr) char *folder = path_form("%sobjects/pack", git_repository_path(repo));
	cleanup(fs_names_free) struct fs_names before = {0}, after = {0};
	cleanup(fd_close) int dir = -1;

	if (!fs_open_dir(&dir, AT_FDCWD, folder, e) || !fs_names(&before, dir, "", e))
		return false;
	if (before.count <= 2 * PACKS_MAX)
		return true;
	if (!pack_all(repo, folder, e) || !fs_names(&after, dir, "", e))
		return false;
	for (size_t i = 0; after.count > before.count && i < before.count; i++)
		if (!fs_remove(dir, before.name[i], e))
			return false;
	return true;
}
