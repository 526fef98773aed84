/* A host and its disk. */
#include "tests/fault/world.h"

const char *const world_parts[WORLD_PARTS] = {"etc", "results", "state"};

/* --- the disk --- */

static void copy_file(int from, int to, const char *name, mode_t mode)
{
	cleanup(buf_free) struct buf bytes = BUF_MAX(64 * MIB);
	cleanup(fd_close) int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fs_read(&bytes, from, name, e));
	must(fs_put(out, buf_str(&bytes), e));
	assert_int_equal(fchmod(out, mode), 0);
}

static void copy_folder(int from, int to);

static void copy_one(int from, int to, const char *name)
{
	char target[512];
	struct stat st;

	assert_int_equal(fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	if (S_ISLNK(st.st_mode)) {
		must(fs_readlink(target, from, name, e));
		assert_int_equal(symlinkat(target, to, name), 0);
	} else if (S_ISDIR(st.st_mode)) {
		cleanup(fd_close) int a = -1;
		cleanup(fd_close) int b = -1;
		assert_int_equal(mkdirat(to, name, 0700), 0);
		must(fs_open_dir(&a, from, name, e) && fs_open_dir(&b, to, name, e));
		copy_folder(a, b);
		assert_int_equal(fchmod(b, st.st_mode & 07777), 0);
	} else {
		copy_file(from, to, name, st.st_mode & 07777);
	}
}

static void copy_folder(int from, int to)
{
	cleanup(fs_names_free) struct fs_names names = {0};

	must(fs_names(&names, from, "", e));
	for (size_t i = 0; i < names.count; i++)
		copy_one(from, to, names.name[i]);
}

static void copy_parts(const char *from, const char *to)
{
	cleanup(fd_close) int a = -1;
	cleanup(fd_close) int b = -1;

	must(fs_open_dir(&a, AT_FDCWD, from, e) && fs_open_dir(&b, AT_FDCWD, to, e));
	for (size_t i = 0; i < WORLD_PARTS; i++)
		if (fs_exists(a, world_parts[i]))
			copy_one(a, b, world_parts[i]);
}

void world_clear(struct world *w)
{
	store_close(&w->t.store);
	for (size_t i = 0; i < WORLD_PARTS; i++) {
		cleanup(free_ptr) char *path = path_form("%s/%s", w->t.dir, world_parts[i]);
		must(fs_remove_tree(AT_FDCWD, path, e));
	}
}

void world_save(struct world *w)
{
	store_close(&w->t.store);
	must(fs_remove_tree(AT_FDCWD, w->saved, e) && fs_mkdir(AT_FDCWD, w->saved, 0700, e));
	copy_parts(w->t.dir, w->saved);
}

void world_restore(struct world *w)
{
	world_clear(w);
	copy_parts(w->saved, w->t.dir);
}

static void list_one(struct buf *out, int dir, const char *path)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	cleanup(fd_close) int fd = -1;
	char target[512], hex[DIGEST_HEX + 1];
	struct digest digest;
	struct stat st;
	uint64_t length;

	assert_int_equal(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	if (S_ISLNK(st.st_mode)) {
		must(fs_readlink(target, dir, path, e));
		buf_form(out, "link %s %s\n", path, target);
		return;
	}
	if (S_ISREG(st.st_mode)) {
		must(fs_open_read(&fd, dir, path, e));
		must(digest_fd(&digest, &length, fd, e));
		digest_hex(hex, digest);
		buf_form(out, "file %s %o %s\n", path, st.st_mode & 07777, hex);
		return;
	}
	buf_form(out, "folder %s %o\n", path, st.st_mode & 07777);
	must(fs_names(&names, dir, path, e));
	for (size_t i = 0; i < names.count; i++) {
		cleanup(free_ptr) char *below = path_form("%s/%s", path, names.name[i]);
		list_one(out, dir, below);
	}
}

void world_list(struct buf *out, struct world *w)
{
	cleanup(fd_close) int dir = -1;

	must(fs_open_dir(&dir, AT_FDCWD, w->t.dir, e));
	for (size_t i = 0; i < WORLD_PARTS; i++)
		if (fs_exists(dir, world_parts[i]))
			list_one(out, dir, world_parts[i]);
}

/* --- the host --- */

static void set_source(struct world *w)
{
	struct config *c = &w->t.config;
	struct origin *o = mem_new(1, sizeof *o);

	*o = (struct origin){.kind = ORIGIN_FOLDER, .url = path_form("%s/repo", w->t.dir)};
	c->has_sources = true;
	c->sources.format = ORIGINS_FORMAT;
	c->sources.source = (struct list){o, 1};
	must(config_save(c, e));
}

void world_open(struct world *w, const char *build)
{
	*w = (struct world){0};
	tower_open(&w->t);
	set_source(w);
	w->build = str_dup(str_of(build));
	w->agent = path_form("%s/agent/fleet-agent", build);
	w->guard = path_form("%s/agent/fleet-guard", build);
	w->saved = path_form("%s/saved", w->t.dir);
	w->boot = path_form("%s/boot", w->t.dir);
	w->count = path_form("%s/count", w->t.dir);
	w->log = path_form("%s/log", w->t.dir);
	w->looks = path_form("%s/looks", w->t.dir);
	w->said = path_form("%s/said", w->t.dir);
}

void world_launch(struct world *w)
{
	w->packaged = w->agent;
	w->agent = path_form("%s/agent/launch/fleet-agent", w->build);
}

void world_close(struct world *w)
{
	tower_close(&w->t);
	free(w->build);
	free(w->agent);
	free(w->packaged);
	buf_free(&w->program);
	free(w->guard);
	free(w->saved);
	free(w->boot);
	free(w->count);
	free(w->log);
	free(w->looks);
	free(w->said);
	buf_free(&w->frames);
	buf_free(&w->access);
	buf_free(&w->sources);
	secret_free(&w->stamp);
}
