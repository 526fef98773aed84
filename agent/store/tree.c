/* Unpacked bundles. */
#include "agent/store/tree.h"

#include <fcntl.h>

#include "agent/store/bundle.h"
#include "base/door.h"

enum { RESERVE = 1 * MIB };

static char *tree_path(struct digest bundle, const char *ending)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(hex, bundle);
	return path_form("trees/%s%s", hex, ending);
}

static bool check_space(const struct store *s, int tar, struct err *e)
{
	struct unpack_facts facts;

	return unpack_check(&facts, tar, e) && store_needs(s, facts.disk + RESERVE, "unpacking", e);
}

/* Folders alone: modes of files are the bundle's, and a file is replaced through its folder. */
static bool seal(int dir, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_names(&names, dir, "", e))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		cleanup(fd_close) int sub = -1;
		struct stat st;
		if (fstatat(dir, names.name[i], &st, AT_SYMLINK_NOFOLLOW) != 0)
			return err_sys(e, "%s", names.name[i]);
		if (S_ISDIR(st.st_mode) && (!fs_open_dir(&sub, dir, names.name[i], e) || !seal(sub, e)))
			return false;
	}
	return door_chmod(dir, 0555) == 0 || err_sys(e, "seal");
}

static bool unpack_into(const struct store *s, int tar, const char *path, struct err *e)
{
	cleanup(fd_close) int dir = -1;

	if (!fs_remove_tree(s->dir, path, e) || !fs_mkdir(s->dir, path, 0755, e) || !fs_open_dir(&dir, s->dir, path, e))
		return false;
	return unpack_tree(tar, dir, e) && seal(dir, e) && fs_syncfs(dir, e);
}

bool tree_make(const struct store *s, struct digest bundle, struct err *e)
{
	cleanup(free_ptr) char *path = tree_path(bundle, "");
	cleanup(free_ptr) char *beside = tree_path(bundle, ".new");
	cleanup(fd_close) int tar = -1;
	struct err drop;

	if (fs_exists(s->dir, path))
		return true;
	if (!bundle_open(&tar, s, bundle, e) || !check_space(s, tar, e))
		return err_in(e, "unpack");
	if (unpack_into(s, tar, beside, e) && fs_rename(s->dir, beside, path, e))
		return true;
	(void)!fs_remove_tree(s->dir, beside, &drop);
	if (e->code == ERR_SPACE)
		(void)!check_space(s, tar, e); /* says how much is missing, where that can be said */
	return err_in(e, "unpack");
}

bool tree_heal(const struct store *s, struct digest bundle, struct err *e)
{
	cleanup(free_ptr) char *path = tree_path(bundle, "");
	cleanup(free_ptr) char *beside = tree_path(bundle, ".new");
	cleanup(fd_close) int tar = -1;
	struct err drop;

	if (!bundle_open(&tar, s, bundle, e) || !check_space(s, tar, e))
		return err_in(e, "heal");
	if (unpack_into(s, tar, beside, e) && fs_remove_tree(s->dir, path, e) && fs_rename(s->dir, beside, path, e))
		return true;
	(void)!fs_remove_tree(s->dir, beside, &drop);
	return err_in(e, "heal");
}

bool tree_compare(
	size_t *differences, const struct store *s, struct digest bundle, unpack_tell *tell, void *ctx, struct err *e)
{
	cleanup(free_ptr) char *path = tree_path(bundle, "");
	cleanup(fd_close) int tar = -1;
	cleanup(fd_close) int dir = -1;

	return bundle_open(&tar, s, bundle, e) && fs_open_dir(&dir, s->dir, path, e) &&
	       unpack_compare(differences, tar, dir, tell, ctx, e);
}

bool tree_remove(const struct store *s, struct digest bundle, struct err *e)
{
	cleanup(free_ptr) char *path = tree_path(bundle, "");

	return fs_remove_tree(s->dir, path, e);
}
