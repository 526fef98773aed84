/* A scratch folder with a small repository in it, and what tests of sources ask of any source. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "sources/source.h"

#define TEXT "{\"signed\":{},\"signatures\":[]}"
enum { TEXT_LEN = sizeof TEXT - 1, PLENTY = 1000 };

struct room {
	char path[32];
	int dir;
	struct source *source;
	struct buf text;
	struct source_answer answer;
	struct err e;
};

static inline void room_put(const struct room *r, const char *path, struct str bytes)
{
	struct err e = {0};

	assert_true(fs_write(r->dir, path, bytes, 0644, &e));
}

static inline void room_make(struct room *r)
{
	*r = (struct room){.dir = -1};
	strcpy(r->path, "/tmp/source_test.XXXXXX");
	assert_non_null(mkdtemp(r->path));
	assert_true(fs_open_dir(&r->dir, AT_FDCWD, r->path, &r->e));
	assert_true(fs_mkdir(r->dir, "repository/metadata", 0755, &r->e) &&
		    fs_mkdir(r->dir, "repository/targets/plan-D", 0755, &r->e));
	room_put(r, "repository/metadata/1.root.json", STR(TEXT));
}

static inline void room_free(struct room *r)
{
	struct err e = {0};

	source_free(&r->source);
	buf_free(&r->text);
	fd_close(&r->dir);
	assert_true(fs_remove_tree(AT_FDCWD, r->path, &e));
}

/* Asks into r->text, r->answer and r->e, which is fresh. */
static inline bool ask(struct room *r, const struct source_ask *a)
{
	r->e = (struct err){0};
	r->answer = (struct source_answer){0};
	return source_get(&r->answer, r->source, a, &r->text, &r->e);
}

static inline bool ask_name(struct room *r, const char *name)
{
	return ask(r, &(struct source_ask){.part = SOURCE_METADATA, .name = name, .max = PLENTY});
}

/* Refused with that code, and what was held before is as it was. */
static inline void assert_refused(struct room *r, const struct source_ask *a, enum err_code code)
{
	buf_clear(&r->text);
	buf_text(&r->text, "before");
	if (ask(r, a))
		fail_msg("%s was given", a->name);
	if (r->e.code != code)
		fail_msg("%s: %s, but it should be %s: %s", a->name, err_word(r->e.code), err_word(code), r->e.text);
	assert_string_equal(buf_str(&r->text).data, "before");
}

static inline void assert_text(struct room *r)
{
	assert_int_equal(r->answer.say, SOURCE_BYTES);
	assert_string_equal(buf_str(&r->text).data, TEXT);
	assert_int_equal(r->answer.length, TEXT_LEN);
}

/* A file that holds `held`, asked for from there; the descriptor, -1 when it was refused. */
static inline int ask_rest(struct room *r, const char *name, struct str held, const struct source_mark *known)
{
	int fd = openat(r->dir, "file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct source_ask a = {.part = SOURCE_METADATA, .name = name, .max = PLENTY, .known = known, .from = held.len};

	assert_true(fd >= 0 && fs_put(fd, held, &r->e));
	r->e = (struct err){0};
	if (source_get_file(&r->answer, r->source, &a, fd, &r->e))
		return fd;
	fd_close(&fd);
	return -1;
}

static inline int ask_file(struct room *r, const char *name, struct str held)
{
	return ask_rest(r, name, held, NULL);
}

static inline void assert_file(struct room *r, int fd)
{
	cleanup(buf_free) struct buf text = {0};

	if (fd < 0)
		fail_msg("refused: %s", r->e.text);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_true(fs_read_fd(&text, fd, &r->e));
	assert_string_equal(buf_str(&text).data, TEXT);
	fd_close(&fd);
}

#define TEST(name) static void name(void **state)
