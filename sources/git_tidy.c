/* Packs and loose objects become one pack. */
#include "sources/git_tidy.h"

#include <fcntl.h>

#include "base/fs.h"

enum {
	PACKS_MAX = 16,   /* one comes with each fetch of news */
	LOOSE_MAX = 4096, /* what is composed here lies loose: a release of 30 plans is some thousand objects */
};

static void walk_free(git_revwalk **w)
{
	git_revwalk_free(*w);
}

static void packer_free(git_packbuilder **p)
{
	git_packbuilder_free(*p);
}

/* objects/1a and its like */
static bool is_loose(const char *folder)
{
	return strlen(folder) == 2;
}

static size_t count_loose(int objects, const struct fs_names *folders)
{
	size_t count = 0;

	for (size_t i = 0; i < folders->count; i++) {
		cleanup(fs_names_free) struct fs_names in = {0};
		if (is_loose(folders->name[i]) && fs_names(&in, objects, folders->name[i], &(struct err){0}))
			count += in.count;
	}
	return count;
}

/* All that our refs lead to, in one pack beside the others. *name: how its files begin; NULL: they lead to nothing. */
static bool pack_all(char **name, git_repository *repo, const char *folder, struct err *e)
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
	if (!failed && git_packbuilder_object_count(packer) == 0)
		return true;
	if (!failed)
		failed = git_packbuilder_write(packer, folder, 0, NULL, NULL);
	if (failed)
		return git_lib_failed(e, failed, "git pack");
	*name = path_form("pack-%s.", git_packbuilder_name(packer));
	return true;
}

static bool remove_packs(int objects, const struct fs_names *packs, const char *but, struct err *e)
{
	for (size_t i = 0; i < packs->count; i++) {
		cleanup(free_ptr) char *path = path_form("pack/%s", packs->name[i]);
		if (!str_starts(str_of(packs->name[i]), but) && !fs_remove(objects, path, e))
			return false;
	}
	return true;
}

static bool remove_loose(int objects, const struct fs_names *folders, struct err *e)
{
	for (size_t i = 0; i < folders->count; i++)
		if (is_loose(folders->name[i]) && !fs_remove_tree(objects, folders->name[i], e))
			return false;
	return true;
}

/* Whatever stops it leaves at least one of both. */
bool git_tidy(git_repository *repo, struct err *e)
{
	cleanup(free_ptr) char *folder = path_form("%sobjects", git_repository_path(repo)), *pack = path_form("%s/pack", folder);
	cleanup(free_ptr) char *kept = NULL;
	cleanup(fs_names_free) struct fs_names folders = {0};
	cleanup(fs_names_free) struct fs_names packs = {0};
	cleanup(fd_close) int dir = -1;

	if (!fs_open_dir(&dir, AT_FDCWD, folder, e) || !fs_names(&folders, dir, "", e) || !fs_names(&packs, dir, "pack", e))
		return false;
	if (packs.count <= 2 * PACKS_MAX && count_loose(dir, &folders) <= LOOSE_MAX)
		return true;
	if (!pack_all(&kept, repo, pack, e))
		return false;
	return !kept || (remove_packs(dir, &packs, kept, e) && remove_loose(dir, &folders, e));
}
