/* What a TUF client holds, on disk. */
#include "tests/tuf/held.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/hex.h"
#include "manifests/role.h"

#define ANCHOR "roots/anchor"

bool held_init(const char *dir, const char *root_file, struct err *e)
{
	static const struct trust_time ever = {0};
	cleanup(buf_free) struct buf root = BUF_MAX(TRUST_ROOT_MAX);
	cleanup(fd_close) int at = -1;
	struct trust *t = NULL;

	if (!fs_read(&root, AT_FDCWD, root_file, e) || !trust_new(&t, buf_str(&root), ever, e))
		return false;
	trust_free(&t);
	return fs_mkdir(AT_FDCWD, dir, 0755, e) && fs_open_dir(&at, AT_FDCWD, dir, e) &&
	       fs_remove_tree(at, "roots", e) && fs_mkdir(at, "roots", 0755, e) &&
	       fs_write(at, ANCHOR, buf_str(&root), 0444, e) && fs_write(at, "root.json", buf_str(&root), 0644, e);
}

/* --- reading --- */

/* A root that cannot be read ends the chain: what is missing is asked for again. */
static void hold_roots(struct trust *t, int at)
{
	for (;;) {
		cleanup(free_ptr) char *path =
			path_form("roots/%llu", (unsigned long long)trust_version(t, "root") + 1);
		cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_ROOT_MAX);
		uint64_t before = trust_version(t, "root");
		struct err ignored;
		if (!fs_read(&bytes, at, path, &ignored))
			return;
		trust_hold(t, "root", buf_str(&bytes));
		if (trust_version(t, "root") == before)
			return;
	}
}

static void hold_file(struct trust *t, int at, const char *file, const char *role)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(TRUST_TARGETS_MAX);
	struct err ignored;

	if (fs_read(&bytes, at, file, &ignored))
		trust_hold(t, role, buf_str(&bytes));
}

static char low_digit(char c)
{
	return (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
}

/* The role of "a%2Fb.json", exactly as trust_role_file writes it; false: no such name. */
static bool role_of(char out[ROLE_NAME_SIZE], const char *file)
{
	size_t n = 0;

	if (!str_ends(str_of(file), ".json"))
		return false;
	for (size_t i = 0, end = strlen(file) - strlen(".json"); i < end && n + 1 < ROLE_NAME_SIZE; n++) {
		if (file[i] != '%') {
			out[n] = file[i++];
			continue;
		}
		char low[2] = {low_digit(file[i + 1]), low_digit(file[i + 2])}; /* ".json" follows: they are there */
		if (!hex_read(out + n, 1, str_bytes(low, 2)))
			return false;
		i += 3;
	}
	out[n] = 0;
	char again[512];
	trust_role_file(again, out, 0);
	return n > 0 && strcmp(again, file) == 0;
}

static bool is_top(const char *role)
{
	for (size_t i = 0; i < ROLE_KINDS; i++)
		if (strcmp(role, role_words[i]) == 0)
			return true;
	return false;
}

static bool hold_roles(struct trust *t, int at, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	char role[ROLE_NAME_SIZE];

	hold_file(t, at, "timestamp.json", "timestamp");
	hold_file(t, at, "snapshot.json", "snapshot");
	hold_file(t, at, "targets.json", "targets");
	if (!fs_names(&names, at, "", e))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (role_of(role, names.name[i]) && !is_top(role))
			hold_file(t, at, names.name[i], role);
	return true;
}

static bool same_root(int at, struct str bytes)
{
	cleanup(buf_free) struct buf kept = BUF_MAX(TRUST_ROOT_MAX);
	struct err ignored;

	return fs_read(&kept, at, "root.json", &ignored) && str_eq(buf_str(&kept), bytes);
}

static bool mend_root(const struct trust *t, int at, struct err *e)
{
	struct str bytes = buf_str(&trust_role(t, "root")->bytes);

	return same_root(at, bytes) || fs_write(at, "root.json", bytes, 0644, e);
}

static void trust_close(struct trust **t)
{
	trust_free(t);
}

bool held_open(struct trust **out, int *at, const char *dir, struct trust_time now, struct err *e)
{
	cleanup(buf_free) struct buf anchor = BUF_MAX(TRUST_ROOT_MAX);
	cleanup(trust_close) struct trust *t = NULL;
	cleanup(fd_close) int folder = -1;

	if (!fs_open_dir(&folder, AT_FDCWD, dir, e))
		return false;
	/* without the history, as another client leaves it, root.json is all the anchor there is */
	if (!fs_read(&anchor, folder, fs_exists(folder, ANCHOR) ? ANCHOR : "root.json", e) ||
		!trust_new(&t, buf_str(&anchor), now, e))
		return err_in(e, "%s: init first", dir);
	hold_roots(t, folder);
	hold_file(t, folder, "root.json", "root");
	if (!mend_root(t, folder, e) || !hold_roles(t, folder, e))
		return false;
	*out = t;
	*at = folder;
	t = NULL;
	folder = -1;
	return true;
}

/* --- writing --- */

static bool keep_root(int at, uint64_t version, struct str bytes, struct err *e)
{
	cleanup(free_ptr) char *path = path_form("roots/%llu", (unsigned long long)version);

	return fs_mkdir(at, "roots", 0755, e) && fs_write(at, path, bytes, 0444, e) &&
	       fs_write(at, "root.json", bytes, 0644, e);
}

bool held_keep(int at, const struct trust_keep *keep, struct str bytes, struct err *e)
{
	char file[512];

	if (keep->drop_online && (!fs_remove(at, "timestamp.json", e) || !fs_remove(at, "snapshot.json", e)))
		return false;
	if (!keep->role[0])
		return true;
	if (strcmp(keep->role, "root") == 0)
		return keep_root(at, keep->version, bytes, e);
	trust_role_file(file, keep->role, 0);
	if (strlen(file) + strlen("..new") > NAME_MAX)
		return true; /* no file can have that name: it is asked for again the next time */
	return fs_write(at, file, bytes, 0644, e);
}
