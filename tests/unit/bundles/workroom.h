/* A folder of a test's own, and short ways to fill it. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

struct workroom {
	char path[64];
	int dir;
	int tree; /* an empty folder "tree" in it */
};

static inline int workroom_open(void **state)
{
	struct workroom *r = mem_new(1, sizeof *r);
	struct err e = {0};

	strcpy(r->path, "/tmp/bundles_test.XXXXXX");
	umask(022);
	*state = r;
	return mkdtemp(r->path) && fs_open_dir(&r->dir, AT_FDCWD, r->path, &e) && fs_mkdir(r->dir, "tree", 0755, &e) &&
			       fs_open_dir(&r->tree, r->dir, "tree", &e)
		       ? 0
		       : -1;
}

static inline int workroom_close(void **state)
{
	struct workroom *r = *state;
	struct err e = {0};
	bool removed = fs_remove_tree(AT_FDCWD, r->path, &e);

	fd_close(&r->dir);
	fd_close(&r->tree);
	free(r);
	return removed ? 0 : -1;
}

#define assert_done(call)                                                                                              \
	do {                                                                                                           \
		if (!(call))                                                                                           \
			fail_msg("%s", e.text);                                                                        \
	} while (0)

static inline void put_file(const struct workroom *r, const char *path, const char *text, mode_t mode)
{
	struct err e = {0};
	const char *slash = strrchr(path, '/');

	if (slash) {
		char *above = str_dup(str_bytes(path, (size_t)(slash - path)));
		assert_done(fs_mkdir(r->dir, above, 0755, &e));
		free(above);
	}
	assert_done(fs_write(r->dir, path, str_of(text), mode, &e));
}

static inline void put_link(const struct workroom *r, const char *path, const char *target)
{
	assert_int_equal(symlinkat(target, r->dir, path), 0);
}

static inline void assert_text(int dir, const char *path, const char *text) /* links are followed */
{
	cleanup(buf_free) struct buf b = {0};
	cleanup(fd_close) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	struct err e = {0};

	assert_true(fd >= 0);
	assert_done(fs_read_fd(&b, fd, &e));
	assert_string_equal(buf_str(&b).data, text);
}

static inline void assert_mode(int dir, const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static inline void assert_empty(int dir)
{
	cleanup(fs_names_free) struct fs_names names = {0};
	struct err e = {0};

	assert_done(fs_names(&names, dir, ".", &e));
	assert_int_equal(names.count, 0);
}
