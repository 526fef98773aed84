/* Walking a layer: what is ignored, what is refused, what is taken. */
#include "bundles/layer.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include "base/fs.h"

#define IGNORE_FILE ".fleetignore"
enum { IGNORE_BYTES_MAX = 64 * KIB };

/* Left behind by tools: nobody means to roll them out. */
static const char *const leftovers[] = {".git", "*~", ".*.sw[op]"};

static bool add_pattern(struct layer *l, struct str line, struct err *e)
{
	line = str_trim(line);
	if (line.len == 0 || line.data[0] == '#')
		return true;
	if (line.data[0] == '!')
		return err_set(e, ERR_SYNTAX, STR_FMT ": there is no '!' here; name what is left out", STR_ARG(line));
	if (str_ends(line, "/"))
		line.len--;
	l->ignore = mem_grow(l->ignore, l->ignores + 1, sizeof *l->ignore);
	l->ignore[l->ignores++] = str_dup(line);
	return true;
}

static bool read_ignore(struct layer *l, struct err *e)
{
	cleanup(buf_free) struct buf text = BUF_MAX(IGNORE_BYTES_MAX);

	if (!fs_exists(l->dir, IGNORE_FILE))
		return true;
	if (!fs_read(&text, l->dir, IGNORE_FILE, e))
		return false;
	struct str rest = buf_str(&text);
	for (int number = 1; rest.len > 0; number++)
		if (!add_pattern(l, str_cut(rest, '\n', &rest), e))
			return err_in(e, "%s/" IGNORE_FILE ":%d", l->folder, number);
	return true;
}

bool layer_open(struct layer *out, const char *folder, uint32_t number, struct err *e)
{
	cleanup(layer_close) struct layer l = {.folder = folder, .number = number, .dir = -1};

	if (!fs_open_dir(&l.dir, AT_FDCWD, folder, e) || !read_ignore(&l, e))
		return err_in(e, "layer %s", folder);
	*out = l;
	l = (struct layer){.dir = -1};
	return true;
}

void layer_close(struct layer *l)
{
	for (size_t i = 0; i < l->ignores; i++)
		free_ptr(&l->ignore[i]);
	free_ptr(&l->ignore);
	l->ignores = 0;
	fd_close(&l->dir);
}

/* By path, or by name at any depth; a '/' in front: by path alone. */
static bool matches(const char *pattern, const char *path, const char *name)
{
	if (pattern[0] == '/')
		return fnmatch(pattern + 1, path, FNM_PATHNAME) == 0;
	return fnmatch(pattern, path, FNM_PATHNAME) == 0 || fnmatch(pattern, name, 0) == 0;
}

static bool ignored(const struct layer *l, const char *path, const char *name)
{
	if (strcmp(path, IGNORE_FILE) == 0)
		return true;
	for (size_t i = 0; i < l->ignores; i++)
		if (matches(l->ignore[i], path, name))
			return true;
	return false;
}

static bool check_leftover(const char *name, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(leftovers); i++)
		if (fnmatch(leftovers[i], name, 0) == 0)
			return err_set(e, ERR_UNSAFE, "left behind by a tool; remove it, or name it in " IGNORE_FILE);
	return true;
}

static bool check_type(mode_t mode, struct err *e)
{
	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		return err_set(e, ERR_UNSAFE, "neither file nor folder nor link");
	if (S_ISREG(mode) && mode & 07000)
		return err_set(e, ERR_UNSAFE, "setuid, setgid or sticky");
	return true;
}

static enum tree_kind kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? TREE_FOLDER : S_ISLNK(mode) ? TREE_LINK : TREE_FILE;
}

static bool add(struct tree *t, const struct layer *l, char *path, const struct stat *st, struct err *e)
{
	char target[512] = "";
	struct tree_node n = {
		.path = path,
		.kind = kind_of(st->st_mode),
		.layer = l->number,
		.executable = S_ISREG(st->st_mode) && st->st_mode & 0100,
		.size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
	};
	const struct tree_node *won = tree_find(t, str_of(path));

	if (won && (won->kind == TREE_FOLDER) != (n.kind == TREE_FOLDER))
		return err_set(e, ERR_UNSAFE, "%s here, but %s in a layer above", tree_kind_word(n.kind),
			tree_kind_word(won->kind));
	if (won)
		return true;
	if (n.kind == TREE_LINK) {
		if (!fs_readlink(target, l->dir, path, e))
			return false;
		n.link = target;
	}
	return tree_add(t, &n, e);
}

static bool walk(struct tree *t, const struct layer *l, const char *folder, struct err *e);

static bool visit(struct tree *t, const struct layer *l, char *path, const char *name, struct err *e)
{
	struct stat st;

	if (ignored(l, path, name))
		return true;
	if (fstatat(l->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(e, "%s/%s", l->folder, path);
	if (!check_leftover(name, e) || !check_type(st.st_mode, e) || !add(t, l, path, &st, e))
		return err_in(e, "%s/%s", l->folder, path);
	return !S_ISDIR(st.st_mode) || walk(t, l, path, e);
}

/* Goes no deeper than the longest path that was let in: tree_add came before. */
static bool walk(struct tree *t, const struct layer *l, const char *folder, struct err *e)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	if (!fs_names(&names, l->dir, folder[0] ? folder : ".", e))
		return err_in(e, "layer %s", l->folder);
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *path = path_form("%s%s%s", folder, folder[0] ? "/" : "", names.name[i]);
		if (!visit(t, l, path, names.name[i], e))
			return false;
	}
	return true;
}

bool layer_walk(struct tree *t, const struct layer *l, struct err *e)
{
	return walk(t, l, "", e);
}
